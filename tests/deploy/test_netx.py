"""netx files: what lava-dl's reader makes of them is what the chip holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurochip.chip import Chip
from neurochip.deploy import lava, netx, states
from neurochip.deploy.recording import record
from neurochip.errors import ExportError
from neurochip.mapping import Integers
from neurochip.network import AvgPool

from .lava.networks import Case, ImageCase, Stage, cases, image_cases, naive_run
from .netx_chips import EASY, IMAGES, KEEPS, with_even_biases, written


def has_pools(case: ImageCase) -> bool:
    return any(case.last_pool or stage.pool for stage in case.stages)


def test_the_layout_is_lava_dls(tmp_path):
    chip = with_even_biases(EASY)
    with h5py.File(written(chip, tmp_path), "r") as file:
        assert sorted(file["layer"]) == ["0", "1", "2", "3"]
        assert file["layer/0/type"][()].tolist() == [b"input"]
        assert file["layer/0/shape"][()].tolist() == [7]
        layer = file["layer/1"]
        assert layer["type"].dtype == "S10"
        assert layer["type"][()].tolist() == [b"dense"]
        assert layer["shape"][()].tolist() == [6]
        assert np.array_equal(layer["weight"][()], chip.integers.weights[0].T)
        scale = 1 << chip.formats.layers[0].bias_exponent
        assert np.array_equal(layer["bias"][()] * 64, chip.integers.biases[0] * scale)
        assert layer["neuron/type"][()].tolist() == [b"CUBA"]
        names = ("iDecay", "vDecay", "vThMant")
        assert [int(layer["neuron"][name][()]) for name in names] == [4096, 819, 120]
        assert "messageBits" not in layer["neuron"]
        # The read-out has no state, and a threshold that it never reaches.
        assert [int(file["layer/3/neuron"][name][()]) for name in names] == [4096, 4096, 131071]
        assert int(file["simulation/tSample"][()]) == 12


def test_the_layout_of_convolutions_is_lava_dls(tmp_path):
    chip = with_even_biases(IMAGES)
    with h5py.File(written(chip, tmp_path), "r") as file:
        kinds = [file[f"layer/{n}/type"][0].decode() for n in range(len(file["layer"]))]
        assert kinds == ["input", "conv", "conv", "flatten", "dense", "dense"]
        shapes = [file[f"layer/{n}/shape"][()].tolist() for n in range(len(file["layer"]))]
        assert shapes == [[2, 7, 6], [4, 7, 6], [3, 4, 4], [48], [6], [3]]
        layer = file["layer/2"]
        held = chip.integers.weights[1].T.reshape(3, 4, 2, 2, 1)
        assert np.array_equal(layer["weight"][()], held)
        scale = 1 << chip.formats.layers[1].bias_exponent
        assert np.array_equal(layer["bias"][()] * 64, chip.integers.biases[1] * scale)
        pairs = ("stride", "padding", "dilation", "kernelSize")
        assert [layer[name][()].tolist() for name in pairs] == [[2, 2], [1, 1], [1, 1], [2, 2]]
        numbers = ("groups", "inChannels", "outChannels")
        assert [int(layer[name][()]) for name in numbers] == [1, 4, 3]


@given(case=st.one_of(cases(), image_cases().filter(lambda case: not has_pools(case))))
@settings(max_examples=100)
def test_what_is_read_behaves_as_the_chip(tmp_path_factory, case):
    chip = with_even_biases(replace(case, reset="hard"))
    folder = tmp_path_factory.mktemp("netx")
    try:
        network = netx.read(written(chip, folder))
    except ExportError as refusal:
        assume("would read it as" not in str(refusal))
        assume("no weight but 0" not in str(refusal))
        assume("can reach" not in str(refusal))
        raise
    expected = record(chip, case.samples())
    found = naive_run(network, expected.inputs)
    assert [v for v in states.compare(expected.layers, found.layers) if v.mismatches] == []


@pytest.mark.skipif(not lava.is_installed(), reason="needs lava-nc, which runs on Python 3.10")
@pytest.mark.parametrize("case", [EASY, KEEPS, IMAGES], ids=["dense", "keeps currents", "conv"])
def test_compare_runs_the_file_through_lava(tmp_path, case):
    chip = with_even_biases(case)
    verdicts = netx.compare(chip, case.samples(3), written(chip, tmp_path))
    layers = len(chip.network.weight_layers)
    assert [(v.steps, v.mismatches) for v in verdicts] == [(36, 0)] * (3 * layers)


# Weights that the reader changes


@given(weights=st.lists(st.tuples(*[st.integers(-128, 127)] * 2), min_size=1).map(np.array))
def test_signed_bytes_with_both_signs_come_back(weights):
    assume(weights.min() < 0 < weights.max())
    assert np.array_equal(netx.as_read(weights), weights)


def test_traps_of_the_reader():
    assert netx.as_read(np.array([[-128, 0]])).tolist() == [[-64, 0]]
    assert netx.as_read(np.array([[-128, -128]])).tolist() == [[0, 0]]
    assert netx.as_read(np.array([[300, -1]])).tolist() == [[254, -1]]


# Refusals


def refusal(chip: Chip, folder: Path) -> str:
    with pytest.raises(ExportError) as caught:
        netx.write(chip, folder / "refused.net")
    assert not list(folder.iterdir())
    return str(caught.value)


def with_weights(case: Case, number: int, value: np.ndarray) -> Chip:
    chip = with_even_biases(case)
    weights = list(chip.integers.weights)
    weights[number] = np.broadcast_to(value, weights[number].shape).astype(np.int8)
    loaded = Integers(tuple(weights), (), chip.integers.biases, ())
    chip.load(loaded, epoch=0, n_learned=0, rate_shifts=None)
    return chip


def test_a_soft_reset_is_refused(tmp_path):
    assert refusal(with_even_biases(replace(EASY, reset="soft")), tmp_path) == (
        "layer 0 has a soft reset, but lava-dl reads neurons with a hard one only; set reset to "
        "'hard'"
    )


def test_pools_are_refused(tmp_path):
    pooled = replace(IMAGES, stages=(Stage(4, 3), Stage(3, 2, pool=AvgPool(2))))
    assert refusal(with_even_biases(pooled), tmp_path) == (
        "layer 1 reads a pool of 2 x 2 neurons, but lava-dl reads no pools; use a convolution with "
        "a stride of 2 in its place"
    )


def test_kernels_of_zeros_come_back(tmp_path):
    """Of convolutions lava-dl reads any weights."""
    chip = with_weights(IMAGES, 0, np.array(0))
    assert not netx.read(written(chip, tmp_path)).layers[0].weights.any()


def test_a_matrix_of_zeros_is_refused(tmp_path):
    assert refusal(with_weights(EASY, 1, np.array(0)), tmp_path) == (
        "layer 1 has no weight but 0, which lava-dl can't read; let it learn, or leave it out"
    )


def test_misjudged_signs_are_refused(tmp_path):
    assert refusal(with_weights(EASY, 0, np.array(-128)), tmp_path) == (
        "layer 0 has the weight -128, but lava-dl would read it as 0; give the layer a positive "
        "weight, without which the signs are misjudged"
    )


def test_weights_beyond_the_readers_range_are_refused(tmp_path):
    column = np.arange(-3, 3) * 40
    assert refusal(with_weights(replace(EASY, exponent=2), 0, column), tmp_path) == (
        "layer 0 has the weight -480, but lava-dl would read it as -256; beside negative weights "
        "it takes even ones up to 254 and odd ones up to 127: use weights of 8 bits and a membrane "
        "fraction of 6"
    )


def test_biases_between_multiples_of_64_are_refused(tmp_path):
    chip = EASY.chip()
    chip.load(
        Integers(
            EASY.integers().weights, (), tuple(np.full(n, 3, np.int32) for n in EASY.sizes[1:]), ()
        ),
        epoch=0,
        n_learned=0,
        rate_shifts=None,
    )
    bias = 3 << chip.formats.layers[0].bias_exponent
    assert refusal(chip, tmp_path) == (
        f"layer 0 has a bias of {bias}, but lava-dl reads multiples of 64; use bias_bits of 9 or "
        f"less, or no bias"
    )


def test_large_biases_are_refused(tmp_path):
    chip = replace(EASY, exponent=4, threshold=100000).chip()
    assert chip.formats.layers[0].bias_exponent == 7
    biases = tuple(np.full(n, 4000, np.int32) for n in EASY.sizes[1:])
    weights = tuple(w // 16 for w in EASY.integers().weights)
    chip.load(Integers(weights, (), biases, ()), epoch=0, n_learned=0, rate_shifts=None)
    assert refusal(chip, tmp_path) == (
        "layer 0 has a bias of 8000 * 2^6, but Loihi's mantissas are -4096 to 4095; use smaller "
        "biases"
    )
