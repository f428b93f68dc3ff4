"""NIR files whose numbers aren't what they should be: refused in a sentence, whatever they hold."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from neurochip.deploy import nir as export
from neurochip.errors import ExportError, NeurochipError
from neurochip.network import Network

from .nir_graphs import B1, W1, W2, lif, nir, refusal, saved


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A file of a chip. Tests must not write to it."""
    path = tmp_path_factory.mktemp("nir") / "chip.nir"
    export.write(nc.Chip(Network.mlp([4, 3, 2]), seed=3), path)
    return path


@given(data=st.data())
@settings(max_examples=80)
def test_a_damaged_file_is_read_or_refused(whole, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("nir") / "damaged.nir"
    shutil.copy(whole, path)
    names: list[str] = []
    with h5py.File(path, "r+") as file:
        file.visit(names.append)
        name = data.draw(st.sampled_from(names))
        del file[name]
        odd = data.draw(st.sampled_from([None, b"text", -5, np.nan, [1, 2, 3]]))
        if odd is not None:
            file[name] = odd
    for read in (nc.from_nir, export.read_chip):
        with contextlib.suppress(NeurochipError):
            read(path)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("metadata/neurochip/n_learned", None, "KeyError: 'n_learned'"),
        ("metadata/neurochip/formats", b"{}", "KeyError: 'layers'"),
        (
            "metadata/neurochip/seed",
            b"one",
            "ValueError: invalid literal for int() with base 10: 'one'",
        ),
    ],
)
def test_a_damaged_state_is_told(whole, tmp_path, name, value, reason):
    path = tmp_path / "damaged.nir"
    shutil.copy(whole, path)
    with h5py.File(path, "r+") as file:
        del file[f"node/{name}"]
        if value is not None:
            file[f"node/{name}"] = value
    with pytest.raises(ExportError) as caught:
        export.read_chip(path)
    assert str(caught.value) == (
        f"{str(path)!r} is damaged: a node or its metadata holds what it can't ({reason}); write "
        f"it again"
    )


def test_metadata_of_a_newer_program_are_refused(tmp_path):
    graph = nir.NIRGraph.from_list(nir.Affine(W1, B1), lif(4), nir.Linear(W2))
    graph.metadata = {"neurochip": {"version": 2}}
    nir.write(tmp_path / "newer.nir", graph)
    assert refusal(tmp_path / "newer.nir") == (
        "the NIR graph has version 2 of neurochip's metadata, but this program reads 1; use a "
        "newer neurochip"
    )


def test_infinite_numbers_are_refused(tmp_path):
    path = saved(tmp_path, nir.Affine(W1, B1), lif(4, r=np.inf), nir.Linear(W2))
    with pytest.raises(NeurochipError, match="not finite"):
        nc.from_nir(path)
