"""NIR files: ours come back exactly, other tools' as they mean them, the rest is refused."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from neurochip.deploy import nir as export
from neurochip.errors import ExportError, NetworkError
from neurochip.network import (
    LI,
    LIF,
    AvgPool,
    Conv2d,
    Dense,
    Dropout,
    Feedback,
    Flatten,
    Network,
    Parameters,
    Sparse,
    SumPool,
    initialise,
)
from neurochip.network.order import flows_through
from neurochip.rules import OTTT

from .nir_graphs import nir, refusal

# Our own float networks


@st.composite
def networks(draw: Any) -> Network:
    """Convolutions or none, then fully connected layers, and loops between rows of neurons."""
    shape: tuple[int, ...] = (draw(st.integers(1, 5)),)
    layers: list[Any] = []
    if draw(st.booleans()):
        shape = draw(st.tuples(st.integers(1, 2), st.integers(4, 6), st.integers(4, 6)))
        layers = draw(convolutions(shape))
    in_shape, n_in = shape, math.prod(flows_through(layers, shape)[-1] if layers else shape)
    rows = []
    for n_out in draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)):
        rows.append((len(layers), n_out))
        layers += [Dense(n_in, n_out, draw(st.booleans())), draw(neurons())]
        n_in = n_out
    layers.pop()
    end = draw(st.sampled_from(["linear", "leaky", "spiking"]))
    layers += {"linear": [], "leaky": [LI(draw(decays))], "spiking": [draw(neurons())]}[end]
    feedback = [
        Feedback(above + 1, below, (Dense(n_above, n_below, bias=False),))
        for below, n_below in rows
        for above, n_above in (rows if end == "spiking" else rows[:-1])
        if above >= below and draw(st.booleans())
    ]
    return Network(tuple(layers), draw(st.integers(1, 20)), in_shape, tuple(feedback))


@st.composite
def convolutions(draw: Any, in_shape: tuple[int, ...]) -> list[Any]:
    """One or two of them with pools of spikes in between."""
    layers: list[Any] = []
    channels = in_shape[0]
    for _ in range(draw(st.integers(1, 2))):
        kernel, above = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        padding = draw(st.integers(kernel // 2, 2))
        stride, bias = draw(st.integers(1, 2)), draw(st.booleans())
        layers += [Conv2d(channels, above, kernel, stride, padding, bias), draw(neurons())]
        pools = [None, AvgPool(1), AvgPool(2), SumPool(2), SumPool(2, 1.1)]
        room = min(flows_through(layers, in_shape)[-1][1:])
        pool = draw(st.sampled_from([p for p in pools if p is None or p.kernel <= room]))
        layers += [pool] if pool else []
        channels = above
    return [*layers, Flatten()]


decays = st.floats(0.0, 0.9999)


@st.composite
def neurons(draw: Any) -> LIF:
    v_th = draw(st.floats(1e-3, 1e3))
    reset = draw(st.sampled_from(["soft", "hard"]))
    v_reset = draw(st.floats(-10.0, v_th, exclude_max=True)) if reset == "hard" else 0.0
    fires = draw(st.sampled_from([">=", ">"]))
    if draw(st.integers(0, 4)) == 0:
        return LIF(1.0, v_th, reset, v_reset, fires)
    return LIF(draw(decays), v_th, reset, v_reset, fires, draw(st.just(0.0) | decays))


def random_parameters(network: Network, seed: int) -> Parameters:
    parameters = initialise(network, seed)
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=k.weight_shape) for k in network.weight_layers]
    biases = [rng.normal(size=k.n_out) * k.bias for k in network.weight_layers]
    return replace(parameters, weights=tuple(weights), biases=tuple(biases))


@given(network=networks(), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_a_float_network_comes_back_exactly(tmp_path_factory, network, seed):
    path = tmp_path_factory.mktemp("nir") / "network.nir"
    parameters = random_parameters(network, seed)
    export.write_network(network, parameters, path)
    found = nc.from_nir(path)
    assert found == network
    assert found.initial is not None
    for name in ("weights", "biases"):
        for ours, theirs in zip(
            getattr(parameters, name), getattr(found.initial, name), strict=True
        ):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)


def test_feedback_through_a_convolution_comes_back_exactly(tmp_path):
    back = Feedback(1, 0, (AvgPool(1), Conv2d(2, 2, 3, padding=1, bias=False)))
    layers = (Conv2d(1, 2, 3, padding=1), LIF(), Flatten(), Dense(2 * 4 * 4, 3))
    network = Network(layers, 4, (1, 4, 4), (back,))
    parameters = random_parameters(network, 0)
    export.write_network(network, parameters, tmp_path / "network.nir")
    found = nc.from_nir(tmp_path / "network.nir")
    assert found == network
    assert found.initial is not None
    assert np.array_equal(found.initial.weights[-1], parameters.weights[-1])


def test_the_graph_is_what_other_tools_expect(tmp_path):
    lif = LIF(0.75, 1.5, "hard", -0.5, ">")
    network = Network((Dense(3, 4), lif, Dense(4, 2, bias=False), LI(0.5)), 6)
    export.write_network(network, initialise(network, 0), tmp_path / "network.nir")
    graph = nir.read(tmp_path / "network.nir")
    assert set(graph.nodes) == {"affine", "input", "lif", "li", "linear", "output"}
    assert graph.edges == [
        ("input", "affine"),
        ("affine", "lif"),
        ("lif", "linear"),
        ("linear", "li"),
        ("li", "output"),
    ]
    node = graph.nodes["lif"]
    assert (node.tau == 4.0).all() and (node.r == 4.0).all() and (node.v_leak == 0).all()
    assert (node.v_threshold == 1.5).all() and (node.v_reset == -0.5).all()
    assert node.metadata == {"lam": 0.75, "reset": "hard", "fires": ">"}


@pytest.mark.parametrize(
    ("layers", "feedback", "sentence"),
    [
        (
            (Dense(4, 4), LIF(), Dropout(0.1), Dense(4, 4)),
            (),
            "the network has a Dropout as layer 2, but only Dense, Conv2d, pools and LIF layers "
            "are written as NIR; build it of those",
        ),
        (
            (Conv2d(1, 1, 1), AvgPool(1), LIF(current_lam=0.5), Flatten(), Dense(4, 4)),
            (),
            "layer 1 pools currents that outlive their step (current_lam is 0.5), which a NIR file "
            "here doesn't say; pool the spikes",
        ),
        (
            (Dense(4, 4), LIF(1.0, current_lam=0.5), Dense(4, 4)),
            (),
            "layer 1 has neurons without a leak (lam is 1) whose currents outlive their step, "
            "which NIR has no node for; give them a leak",
        ),
        (
            (Dense(4, 4), LIF(), Dense(4, 4)),
            (Feedback(1, 0, (Sparse.between([0], [1], 4, 4, bias=False),)),),
            "feedback 0 from layer 1 to layer 0 leads through a Sparse, which NIR has no node for; "
            "use a Dense or a Conv2d",
        ),
        (
            (Dense(4, 4), LIF(), Dense(4, 4)),
            (Feedback(1, 0, (Dense(4, 4),)),),
            "feedback 0 from layer 1 to layer 0 has a bias, which is absent in a network's first "
            "step and not in NIR's, or sws; use weights without them",
        ),
        (
            (Dense(4, 4), LIF(), Dense(4, 4)),
            (Feedback(1, 2, (Dense(4, 4, False),)),),
            "feedback 0 from layer 1 to layer 2 leads up within a step, but the loops of a NIR "
            "file here lead back; remove it",
        ),
    ],
)
def test_what_nir_cannot_say_is_not_written(tmp_path, layers, feedback, sentence):
    in_shape = (1, 2, 2) if isinstance(layers[0], Conv2d) else (4,)
    network = Network(layers, 4, in_shape, feedback)
    with pytest.raises(ExportError) as caught:
        export.write_network(network, initialise(network, 0), tmp_path / "some.nir")
    assert str(caught.value) == sentence


# Our own chips


@pytest.mark.parametrize(
    ("hardware", "encoding", "rule", "values"),
    [
        ("neurochip", "graded", OTTT(), {}),
        ("neurochip", "graded", OTTT(feedback="random"), {"registers.shadow.bits": 16}),
        ("neurochip", "bernoulli", OTTT(update="accumulate", feedback="direct"), {}),
        ("loihi", "rate", OTTT(update="last"), {"registers.weight.bits": 5}),
    ],
)
def test_a_chip_comes_back_bit_for_bit_and_learns_on(tmp_path, hardware, encoding, rule, values):
    digits = nc.data.load("digits")
    model = nc.hardware.load(hardware).with_values(values)
    reset, fires = model.neuron.resets[0], model.neuron.fires
    network = Network.mlp([64, 12, 10], timesteps=4, reset=reset, fires=fires)
    chip = nc.Chip(network, model, rule, seed=7, encoding=encoding)
    chip.learn(digits.train.take(60))
    export.write(chip, tmp_path / "chip.nir")
    found = export.read_chip(tmp_path / "chip.nir")
    assert (found.network, found.formats, found.rule) == (chip.network, chip.formats, chip.rule)
    assert (found.epoch, found.n_learned, found.seed) == (1, 60, 7)
    assert found.rate_shifts == chip.rate_shifts
    assert found.hardware == chip.hardware
    verdicts = export.compare(chip, digits.test.x[:5], tmp_path / "chip.nir")
    assert [(v.steps, v.mismatches) for v in verdicts] == [(20, 0)] * 6
    for one in (chip, found):
        one.learn(digits.train.take(60))
    for kind, arrays in vars(chip.integers).items():
        for ours, theirs in zip(arrays, getattr(found.integers, kind), strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs), kind


def test_a_convolutional_chip_comes_back_bit_for_bit_and_learns_on(tmp_path):
    digits = nc.data.load("digits")
    network = Network.conv("4C3-P2-6C3", (1, 8, 8), 10, timesteps=3, padding="same")
    model = nc.hardware.load("neurochip").with_values({"registers.shadow.bits": 16})
    chip = nc.Chip(network, model, seed=5)
    chip.learn(digits.train.take(20))
    check_that_it_comes_back(chip, digits, tmp_path / "chip.nir")


def test_a_recurrent_chip_comes_back_bit_for_bit(tmp_path):
    digits = nc.data.load("digits")
    loops = (Feedback(1, 0, (Dense(12, 12, False),)), Feedback(3, 0, (Dense(9, 12, False),)))
    layers = (Dense(64, 12), LIF(), Dense(12, 9), LIF(), Dense(9, 10))
    network = Network(layers, 4, feedback=loops)
    network = replace(network, initial=random_parameters(network, 3))
    check_that_it_comes_back(nc.Chip(network, seed=5), digits, tmp_path / "chip.nir")


def check_that_it_comes_back(chip, digits, path):
    export.write(chip, path)
    found = export.read_chip(path)
    assert (found.network, found.formats) == (chip.network, chip.formats)
    assert all(np.any(w) for w in chip.integers.weights)
    verdicts = export.compare(chip, digits.test.x[:3], path)
    assert not any(v.mismatches for v in verdicts)
    if not chip.network.feedback:
        for one in (chip, found):
            one.learn(digits.train.take(20))
    for kind, arrays in vars(chip.integers).items():
        for ours, theirs in zip(arrays, getattr(found.integers, kind), strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs), kind


def test_a_pipelined_chip_learns_on_as_it_would_have(tmp_path):
    """With updates in every step its schedule decides what it learns."""
    digits = nc.data.load("digits")
    chips = {}
    for schedule in ("layered", "pipelined"):
        network = Network.mlp([64, 12, 10], timesteps=4)
        chips[schedule] = nc.Chip(network, seed=7, schedule=schedule)
        export.write(chips[schedule], tmp_path / f"{schedule}.nir")
    found = export.read_chip(tmp_path / "pipelined.nir")
    assert found.schedule == "pipelined"
    for chip in (*chips.values(), found):
        chip.learn(digits.train.take(40))
    layered, pipelined, ours = (chip.integers.weights[0] for chip in (*chips.values(), found))
    assert np.array_equal(ours, pipelined)
    assert not np.array_equal(ours, layered)


def test_a_chip_that_has_learned_nothing_comes_back(tmp_path):
    chip = nc.Chip(Network.mlp([4, 3, 2]))
    export.write(chip, tmp_path / "chip.nir")
    assert export.read_chip(tmp_path / "chip.nir").rate_shifts is None


def test_other_tools_see_the_floats_of_a_chip(tmp_path):
    chip = nc.Chip(Network.mlp([4, 3, 2]), seed=3)
    export.write(chip, tmp_path / "chip.nir")
    graph = nir.read(tmp_path / "chip.nir")
    assert np.array_equal(graph.nodes["affine"].weight, chip.parameters.weights[0])
    network = nc.from_nir(tmp_path / "chip.nir")
    again = nc.Chip(network, seed=99)
    assert np.array_equal(again.parameters.weights[0], chip.parameters.weights[0])


def test_changed_weights_are_no_chip_of_ours(tmp_path):
    chip = nc.Chip(Network.mlp([4, 3, 2]), seed=3)
    path = tmp_path / "chip.nir"
    export.write(chip, path)
    graph = nir.read(path)
    graph.nodes["affine_1"].weight[0, 0] += 1
    nir.write(path, graph)
    with pytest.raises(ExportError) as caught:
        export.read_chip(path)
    assert str(caught.value) == (
        f"the weights of layer 1 of {str(path)!r} are no longer those of its integers; load its "
        f"network with nc.from_nir and map it anew"
    )
    assert nc.from_nir(path).initial is not None


def test_a_float_file_is_no_chip(tmp_path):
    network = Network.mlp([4, 3, 2])
    path = tmp_path / "network.nir"
    export.write_network(network, initialise(network, 0), path)
    with pytest.raises(ExportError) as caught:
        export.read_chip(path)
    assert str(caught.value) == (
        f"{str(path)!r} holds no chip of neurochip; load its network with nc.from_nir and map it"
    )


def test_a_python_without_nir_says_so(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "nir" else find(name, *rest),
    )
    sentence = "the package nir is not installed here; install 'neurochip[nir]'"
    assert refusal(tmp_path / "some.nir") == sentence
    network = Network.mlp([4, 3, 2])
    with pytest.raises(ExportError) as caught:
        export.write_network(network, initialise(network, 0), tmp_path / "some.nir")
    assert str(caught.value) == sentence


def test_a_networks_own_weights_must_fit_it():
    network = Network.mlp([4, 3, 2])
    other = initialise(Network.mlp([4, 2, 2]), 0)
    with pytest.raises(NetworkError, match="weights of Dense layer 0 have shape"):
        replace(network, initial=other)
