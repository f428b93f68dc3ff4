"""lava-dl's reader: what it once made of our files (tests/vectors/netx.npz), and makes today."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neurochip.deploy import netx
from neurochip.deploy.recording import record

from ..vectors.make_netx_vectors import CASES, FILE, TRAPS, contents, vectors_of
from . import lava_dl
from .lava.networks import naive_run
from .netx_chips import with_even_biases, written

Golden = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def golden() -> Golden:
    with np.load(FILE) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def reader():
    if not lava_dl.is_installed():
        pytest.skip("needs lava-dl, installed with --no-deps beside lava-nc")
    with lava_dl.reader() as found:
        yield found


def arrays_of(golden: Golden, name: str) -> Golden:
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): array for key, array in golden.items() if key.startswith(prefix)
    }


def test_weights_are_read_as_lava_dl_read_them(golden):
    for weights, read in zip(golden["weights"], golden["read"], strict=True):
        assert np.array_equal(netx.as_read(weights), read), weights.tolist()


def test_the_vectors_have_weights_that_come_back_changed(golden):
    """All negative ones near powers of two."""
    changed = (golden["weights"] != golden["read"]).any(axis=(1, 2))
    assert changed[: len(TRAPS)].sum() == 3
    assert not changed[len(TRAPS) :].all()


@pytest.mark.parametrize("name", CASES)
def test_our_files_are_those_that_lava_dl_read(golden, tmp_path, name):
    found = contents(written(with_even_biases(CASES[name]), tmp_path))
    expected = {k: v for k, v in arrays_of(golden, name).items() if k.startswith("file/")}
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert np.array_equal(found[key], values), key


@pytest.mark.parametrize("name", CASES)
def test_chip_and_twin_hold_what_lava_dls_network_held(golden, tmp_path, name):
    chip, arrays = with_even_biases(CASES[name]), arrays_of(golden, name)
    network, inputs = netx.read(written(chip, tmp_path)), arrays["inputs"]
    assert arrays["s1"].any()
    for found in (record(chip, inputs), naive_run(network, inputs)):
        for number, layer in enumerate(found.layers):
            for state, values in layer.states.items():
                assert np.array_equal(values, arrays[f"{state}{number}"]), (number, state)


# With lava-dl itself


@pytest.mark.parametrize("name", CASES)
def test_lava_dl_still_makes_that_of_it(golden, reader, name):
    made, arrays = vectors_of(reader, CASES[name]), arrays_of(golden, name)
    assert made.keys() == arrays.keys()
    assert all(np.array_equal(made[key], arrays[key]) for key in made)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_lava_dls_network_holds_what_the_chip_holds(reader, tmp_path: Path, name, seed):
    case = replace(CASES[name], seed=seed)
    chip, samples = with_even_biases(case), case.samples(4)
    held = lava_dl.states_held(reader, chip, written(chip, tmp_path), samples)
    for states, ours in zip(held, record(chip, samples).layers, strict=True):
        for state, values in ours.states.items():
            assert np.array_equal(states[state], values), (ours.name, state)


@given(
    weights=st.lists(st.tuples(*[st.integers(-256, 255)] * 2), min_size=1, max_size=3).map(np.array)
)
def test_weights_are_read_as_lava_dl_reads_them(reader, weights):
    assume(weights.any())
    assert np.array_equal(netx.as_read(weights), lava_dl.weights_read(reader, weights))
