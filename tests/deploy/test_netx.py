"""netx files: what lava-dl's reader makes of them is what the chip holds."""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from neurochip.chip import Chip
from neurochip.deploy import lava, netx, states
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.recording import record
from neurochip.errors import ExportError
from neurochip.mapping import Integers
from neurochip.network import AvgPool

from .lava.networks import Case, ImageCase, Stage, cases, image_cases, naive_run

#: A chip whose biases are multiples of 64.
EASY = Case(sizes=(7, 6, 5, 3), timesteps=12, threshold=120, lam=0.8)


KEEPS = replace(EASY, current_lam=0.6)
#: The same with convolutions, and with nothing that lava-dl can't read.
IMAGES = ImageCase(
    sizes=(6, 3),
    shape=(2, 7, 6),
    stages=(Stage(4, 3, 1, 1), Stage(3, 2, 2, 1)),
    timesteps=12,
    threshold=120,
    lam=0.8,
)


def with_even_biases(case: Case) -> Chip:
    """The chip of a case, its biases halved and rounded to what the reader can hold."""
    chip, own = case.chip(), case.integers()
    biases = []
    for bias, layer in zip(own.biases, chip.formats.layers, strict=True):
        drop = max(0, 6 - layer.bias_exponent)
        biases.append(bias // 2 >> drop << drop)
    loaded = Integers(own.weights, (), tuple(biases), ())
    chip.load(loaded, epoch=0, n_learned=0, rate_shifts=None)
    return chip


def has_pools(case: ImageCase) -> bool:
    return any(case.last_pool or stage.pool for stage in case.stages)


def written(chip: Chip, folder: Path) -> Path:
    path = folder / "network.net"
    netx.write(chip, path)
    return path


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

matrices = st.lists(
    st.lists(st.integers(-300, 300), min_size=2, max_size=2), min_size=1, max_size=3
).map(np.array)


@given(weights=matrices)
@example(weights=np.array([[-128, 0]]))
@example(weights=np.array([[-128, -128]]))
@example(weights=np.array([[-64, -32]]))
@example(weights=np.array([[129, -1]]))
@example(weights=np.array([[254, -256]]))
@example(weights=np.array([[255, 1]]))
def test_weights_are_read_as_lava_dl_does(lava_dl_weights, weights):
    assume(weights.any())
    assume(weights.max() <= 255 and weights.min() >= -256)
    assert np.array_equal(netx.as_read(weights), lava_dl_weights(weights))


@given(weights=matrices)
def test_signed_bytes_with_both_signs_come_back(weights):
    weights = np.clip(weights, -128, 127)
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


def test_layers_without_biases_are_read(tmp_path):
    path = written(with_even_biases(IMAGES), tmp_path)
    with h5py.File(path, "r+") as file:
        del file["layer/1/bias"], file["layer/4/bias"]
    layers = netx.read(path).layers
    assert [layer.bias.any() for layer in layers] == [False, True, False, True]
    assert [layer.bias.shape for layer in layers] == [(4,), (3,), (6,), (3,)]


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "some.net"
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(ExportError, match=r"can't be read as a netx file \(.*\); write it with"):
        netx.read(path)
    with h5py.File(path, "w") as file:
        file["simulation/tSample"] = 3
    with pytest.raises(ExportError, match=r"can't be read as a netx file \(.*layer.*\); write it"):
        netx.read(path)


# lava-dl itself, where it is installed (without its dependencies: pip install --no-deps lava-dl)


@pytest.fixture(scope="module")
def lava_dl():
    """lava-dl's reader, with stand-ins for its two modules that need torch."""
    if not lava.is_installed() or not _has_lava_dl():
        pytest.skip("needs lava-dl, installed with --no-deps beside lava-nc")
    stand_ins = {
        "lava.lib.dl.slayer": types.ModuleType("slayer"),
        "lava.lib.dl.slayer.neuron": types.ModuleType("neuron"),
        "lava.lib.dl.slayer.neuron.rf": types.ModuleType("rf"),
        "lava.lib.dl.netx.sequential_modules": types.ModuleType("sequential_modules"),
    }
    stand_ins["lava.lib.dl.slayer.neuron.rf"].neuron_params = None  # type: ignore[attr-defined]
    for module in stand_ins.values():
        module.__file__ = __file__
    sys.modules.update(stand_ins)
    from lava.lib.dl.netx import hdf5, utils

    yield types.SimpleNamespace(Network=hdf5.Network, optimize=utils.optimize_weight_bits)
    for name in stand_ins:
        sys.modules.pop(name)


def _has_lava_dl() -> bool:
    try:
        return importlib.util.find_spec("lava.lib.dl.netx") is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture(scope="module")
def lava_dl_weights(lava_dl):
    """What lava-dl and then Lava's Dense make of a matrix."""
    from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights

    def read(weights: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            lifted, width, exponent, _ = lava_dl.optimize(weights)
        mode = determine_sign_mode(lifted)
        held = truncate_weights(clip_weights(lifted, mode, num_bits=8), mode, width)
        return held << exponent if exponent > 0 else held >> -exponent

    return read


@pytest.mark.parametrize("readout", ["linear", "leaky", "spiking"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("base", [EASY, KEEPS, IMAGES], ids=["dense", "keeps currents", "conv"])
def test_lava_dls_own_reader_holds_what_the_chip_holds(lava_dl, tmp_path, base, readout, seed):
    from lava.proc.io.source import RingBuffer

    from neurochip.deploy.lava.drive import step_models

    case = replace(base, readout=readout, seed=seed, threshold=60)
    chip = with_even_biases(case)
    network, expected = plan(chip), record(chip, case.samples(4))
    net = lava_dl.Network(
        str(written(chip, tmp_path)), reset_interval=network.period, reset_offset=1
    )
    source = RingBuffer(data=network.spikes(expected.inputs))
    source.s_out.connect(net.inp)
    processes = [part for layer in net.layers for part in (layer.synapse, layer.neuron)]
    neurons = tuple(layer.neuron for layer in net.layers)
    history = step_models((source, *processes), neurons, 4 * network.period)
    assert expected.layers[1].states["s"].any()
    for number, (held, ours) in enumerate(zip(history, expected.layers, strict=True)):
        for state, values in ours.states.items():
            assert np.array_equal(network.by_sample(number, held[state]), values), (number, state)
