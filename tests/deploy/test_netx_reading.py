"""netx files that aren't ours, or no longer: each is read as it's meant, or refused."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.deploy import netx
from neurochip.errors import ExportError

from .netx_chips import EASY, IMAGES, with_even_biases, written


@pytest.mark.parametrize("kind", ["pool", "average", "dense_rec"])
def test_other_layers_are_refused(tmp_path, kind):
    path = written(with_even_biases(EASY), tmp_path)
    with h5py.File(path, "r+") as file:
        file["layer/2/type"][0] = kind.encode()
    with pytest.raises(ExportError) as caught:
        netx.read(path)
    assert str(caught.value) == (
        f"layer 2 of {str(path)!r} is of type {kind!r} where 'dense' or 'conv' or 'flatten' is "
        f"needed; choose a file of convolutions and dense layers"
    )


@pytest.mark.parametrize(
    ("name", "value"), [("stride", [2, 1]), ("dilation", [2, 2]), ("groups", 2)]
)
def test_other_convolutions_are_refused(tmp_path, name, value):
    path = written(with_even_biases(IMAGES), tmp_path)
    with h5py.File(path, "r+") as file:
        del file[f"layer/2/{name}"]
        file[f"layer/2/{name}"] = np.array(value)
    found = {"stride": [2, 2], "padding": [1, 1], "dilation": [1, 1], "groups": [1]}
    found[name] = np.ravel(value).tolist()
    shown = ", ".join(f"{name} {numbers}" for name, numbers in found.items())
    with pytest.raises(ExportError) as caught:
        netx.read(path)
    assert str(caught.value) == (
        f"layer 2 of {str(path)!r} has kernels of [2, 2], {shown}, but here kernels are square, "
        f"strides and paddings the same in both directions, dilation and groups 1; choose a file "
        f"of such convolutions"
    )


@pytest.mark.parametrize(("current", "membrane"), [(0, 819), (1000, 4096)])
def test_a_memory_of_currents_that_lava_lacks_is_refused(tmp_path, current, membrane):
    path = written(with_even_biases(EASY), tmp_path)
    with h5py.File(path, "r+") as file:
        file["layer/2/neuron/iDecay"][()] = current
        file["layer/2/neuron/vDecay"][()] = membrane
    with pytest.raises(ExportError) as caught:
        netx.read(path)
    assert str(caught.value) == (
        f"layer 2 of {str(path)!r} has iDecay {current} and vDecay {membrane}, but here currents "
        f"lose 1/4096 or more in a step, and all where membranes do; choose a file with iDecay 4096"
    )


#: What is put into layer 2 of the easy file, and what is said of the layer.
OTHERS: dict[str, tuple[str, object, str]] = {
    "other neurons": (
        "neuron/type",
        np.array([b"SDNN"], "S10"),
        "has neurons of type 'SDNN', but those here are 'CUBA' or 'LOIHI'; choose a file of such "
        "neurons",
    ),
    "graded messages": (
        "neuron/messageBits",
        8,
        "has messages of several bits, but neurons here send spikes; choose a file without "
        "messageBits",
    ),
    "delays": (
        "delay",
        np.ones((5, 6)),
        "has delays, which aren't read; choose a file without them",
    ),
    "a threshold beyond Loihi's": (
        "neuron/vThMant",
        1 << 17,
        "has the vThMant 131072, but it must be 0 to 131071; choose another file",
    ),
    "a decay below 0": (
        "neuron/vDecay",
        -1,
        "has the vDecay -1, but it must be 0 to 4096; choose another file",
    ),
    "a bias beyond Loihi's": (
        "bias",
        np.full(5, -4097),
        "has the bias -4097, but it must be -4096 to 4095; choose another file",
    ),
    "zeros alone": (
        "weight",
        np.zeros((5, 6), np.int32),
        "has no weight but 0, which lava-dl can't read; choose a file without it",
    ),
    "fractions": (
        "weight",
        np.ones((5, 6)),
        "has weights of type float64, but chips hold whole numbers; choose a file of those",
    ),
    "too many columns": (
        "weight",
        np.ones((5, 7), np.int32),
        "has weights of shape (5, 7), which don't lead from a population of (6,) to one of (5,); "
        "choose an undamaged file",
    ),
}


def changed(path: Path, name: str, value: object) -> str:
    """What is said of a file in which one thing is another."""
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = value
    with pytest.raises(ExportError) as caught:
        netx.read(path)
    return str(caught.value)


@pytest.mark.parametrize("case", OTHERS)
def test_other_numbers_are_refused(tmp_path, case):
    name, value, sentence = OTHERS[case]
    path = written(with_even_biases(EASY), tmp_path)
    assert changed(path, f"layer/2/{name}", value) == f"layer 2 of {str(path)!r} {sentence}"


def test_inputs_that_are_not_spikes_are_refused(tmp_path):
    path = written(with_even_biases(EASY), tmp_path)
    assert changed(path, "layer/0/neuron/type", np.array([b"CUBA"], "S10")) == (
        f"layer 0 of {str(path)!r} has neurons of its own, which make spikes of numbers, but "
        f"inputs here are spikes; choose a file whose input has none"
    )


def test_samples_without_a_step_are_refused(tmp_path):
    path = written(with_even_biases(EASY), tmp_path)
    assert changed(path, "simulation/tSample", 0) == (
        f"{str(path)!r} has the tSample 0, but it must be 1 to 2147483647; choose another file"
    )


def test_convolutions_between_other_shapes_are_refused(tmp_path):
    path = written(with_even_biases(IMAGES), tmp_path)
    assert changed(path, "layer/2/shape", np.array([3, 5, 4])) == (
        f"layer 2 of {str(path)!r} has weights of shape (3, 4, 2, 2), which don't lead from a "
        f"population of (4, 7, 6) to one of (3, 5, 4); choose an undamaged file"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[Path]:
    """Files that tests must not write to."""
    return [
        written(with_even_biases(case), tmp_path_factory.mktemp("netx")) for case in (EASY, IMAGES)
    ]


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_file_is_read_or_refused(whole, tmp_path_factory, data):
    """Whatever stands where something else is expected."""
    path = tmp_path_factory.mktemp("netx") / "damaged.net"
    shutil.copy(data.draw(st.sampled_from(whole)), path)
    names: list[str] = []
    with h5py.File(path, "r+") as file:
        file.visit(names.append)
        name = data.draw(st.sampled_from(names))
        del file[name]
        odd = data.draw(st.sampled_from([None, b"text", -5, 2**40, np.nan, [], [1, 2, 3], [[0.5]]]))
        if odd is not None:
            file[name] = odd
    with contextlib.suppress(ExportError):
        netx.read(path)


def test_layers_without_biases_are_read(tmp_path):
    path = written(with_even_biases(IMAGES), tmp_path)
    with h5py.File(path, "r+") as file:
        del file["layer/1/bias"], file["layer/4/bias"]
    layers = netx.read(path).layers
    assert [layer.bias.any() for layer in layers] == [False, True, False, True]
    assert [layer.bias.shape for layer in layers] == [(4,), (3,), (6,), (3,)]


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "some.net"
    for found, what in ((path, "does not exist"), (tmp_path, "is a directory")):
        with pytest.raises(ExportError) as caught:
            netx.read(found)
        assert str(caught.value) == f"{found} {what}; give the path of a netx file"
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(ExportError, match=r"is not an HDF5 file; give the path of a netx file$"):
        netx.read(path)
    with h5py.File(path, "w") as file:
        file["simulation/tSample"] = 3
    with pytest.raises(ExportError, match=r"can't be read as a netx file \(.*layer.*\); write it"):
        netx.read(path)
