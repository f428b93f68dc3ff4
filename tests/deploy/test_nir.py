"""NIR files: ours come back exactly, other tools' as they mean them, the rest is refused."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from neurochip.deploy import nir as export
from neurochip.errors import ExportError, NetworkError
from neurochip.network import LI, LIF, Dense, Network, Parameters, initialise
from neurochip.reference.recording import record as float_record
from neurochip.rules import OTTT

nir: Any = pytest.importorskip("nir", reason="needs the package nir (the extra 'nir')")

# Our own float networks


@st.composite
def networks(draw: Any) -> Network:
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers.append(Dense(n_in, n_out, draw(st.booleans())))
        layers.append(draw(neurons()))
    layers.pop()
    end = draw(st.sampled_from(["linear", "leaky", "spiking"]))
    layers += {"linear": [], "leaky": [LI(draw(decays))], "spiking": [draw(neurons())]}[end]
    return Network(tuple(layers), draw(st.integers(1, 20)))


decays = st.floats(0.0, 0.9999)


@st.composite
def neurons(draw: Any) -> LIF:
    v_th = draw(st.floats(1e-3, 1e3))
    reset = draw(st.sampled_from(["soft", "hard"]))
    v_reset = draw(st.floats(-10.0, v_th, exclude_max=True)) if reset == "hard" else 0.0
    fires = draw(st.sampled_from([">=", ">"]))
    return LIF(draw(decays), v_th, reset, v_reset, fires, draw(st.just(0.0) | decays))


def random_parameters(network: Network, seed: int) -> Parameters:
    parameters = initialise(network, seed)
    rng = np.random.default_rng(seed)
    biases = [rng.normal(size=k.n_out) if k.bias else np.zeros(k.n_out) for k in network.dense]
    return Parameters(parameters.weights, tuple(biases))


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


def test_a_network_with_other_layers_is_not_written(tmp_path):
    network = Network.conv("2C3-P2", (1, 8, 8), 3)
    with pytest.raises(ExportError) as caught:
        export.write_network(network, initialise(network, 0), tmp_path / "conv.nir")
    assert str(caught.value) == (
        "the network has a Conv2d as layer 0, but only Dense and LIF layers in turn are written as "
        "NIR; build it with Network.mlp"
    )


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


# Graphs as other tools write them


def saved(tmp_path, *nodes, **options):
    path = tmp_path / "other.nir"
    nir.write(path, nir.NIRGraph.from_list(*nodes, **options))
    return path


def lif(n, tau=2.0, r=1.0, v_leak=0.0, v_threshold=1.0, v_reset=0.0):
    names = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": v_threshold, "v_reset": v_reset}
    return nir.LIF(**{name: np.full(n, value) for name, value in names.items()})


W1, B1 = np.arange(12.0).reshape(4, 3) / 10, np.array([0.1, -0.2, 0.3, 0.0])
W2 = np.arange(8.0).reshape(2, 4) / 8


def euler(w1, b1, w2, x, dt, tau, r, v_leak, v_threshold, v_reset):
    """NIR's LIF between two matrices, one Euler step after the other."""
    v, outputs = np.zeros(len(b1)), []
    for frame in x:
        current = w1 @ frame + b1
        v = v + dt / tau * (v_leak - v + r * current)
        spikes = v > v_threshold
        v = np.where(spikes, v_reset, v)
        outputs.append(w2 @ spikes)
    return np.array(outputs)


@pytest.mark.parametrize(
    ("dt", "tau", "r", "v_leak"),
    [
        (1e-4, 2e-3, 20.0, 0.0),  # snnTorch: R = tau / dt
        (1e-3, 1e-2, 1.0, 0.0),  # Norse: R = 1
        (1.0, 5.0, 1.0, 0.0),  # Sinabs: tau in steps
        (1.0, 2.0, 2.0, 0.25),  # a leak toward another end
    ],
)
def test_time_constants_of_other_tools(tmp_path, dt, tau, r, v_leak):
    neuron = lif(4, tau, r, v_leak, v_threshold=0.31, v_reset=-0.1)
    path = saved(tmp_path, nir.Affine(W1, B1), neuron, nir.Linear(W2))
    network = nc.from_nir(path, timesteps=30, dt=dt)
    assert network.neurons == (LIF(1 - dt / tau, 0.31, "hard", -0.1, ">"),)
    x = (np.random.default_rng(0).random((30, 3)) < 0.4).astype(float)
    expected = euler(W1, B1, W2, x, dt, tau, r, v_leak, 0.31, -0.1)
    assert expected.any()
    assert network.initial is not None
    found = float_record(network, network.initial, x[:, np.newaxis], np.array([0]), OTTT())
    assert np.array_equal(found.out[:, 0] > 0, expected > 0)
    assert np.allclose(found.out[:, 0], expected, rtol=0, atol=1e-9)


def test_scales_go_into_the_weights(tmp_path):
    before, after = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5, 2.0, 1.0])
    path = saved(tmp_path, nir.Scale(before), nir.Affine(W1, B1), nir.Scale(after), lif(4, r=2.0))
    network = nc.from_nir(path)
    assert network.initial is not None
    assert np.array_equal(network.initial.weights[0], W1 * before * after[:, np.newaxis])
    assert np.array_equal(network.initial.biases[0], B1 * after)
    assert network.readout == "spiking"


def test_thresholds_are_neurons_without_memory(tmp_path):
    path = saved(tmp_path, nir.Affine(W1, B1), nir.Threshold(np.full(4, 0.5)), nir.Linear(W2))
    assert nc.from_nir(path).neurons == (LIF(0.0, 0.5, "hard", 0.0, ">"),)


def test_current_based_neurons_whose_current_lasts_one_step(tmp_path):
    full = {name: np.full(4, 2.0) for name in ("tau_mem", "r")}
    neuron = nir.CubaLIF(
        tau_syn=np.full(4, 1.0),
        v_leak=np.zeros(4),
        v_threshold=np.ones(4),
        w_in=np.full(4, 3.0),
        **full,
    )
    network = nc.from_nir(saved(tmp_path, nir.Affine(W1, B1), neuron, nir.Linear(W2)))
    assert network.neurons == (LIF(0.5, 1.0, "hard", 0.0, ">"),)
    assert network.initial is not None
    assert np.array_equal(network.initial.weights[0], W1 * 3)


def test_graphs_inside_a_graph_and_a_flattened_input(tmp_path):
    inner = nir.NIRGraph.from_list(nir.Affine(W1, B1), lif(4, r=2.0))
    nodes = {
        "input": nir.Input({"input": np.array([1, 3])}),
        "flat": nir.Flatten({"input": np.array([1, 3])}, 0, -1),
        "inner": inner,
        "last": nir.Linear(W2),
        "output": nir.Output({"output": np.array([2])}),
    }
    names = list(nodes)
    path = tmp_path / "nested.nir"
    nir.write(path, nir.NIRGraph(nodes, list(pairwise(names))))
    network = nc.from_nir(path)
    assert network == Network(
        (Dense(3, 4), LIF(0.5, reset="hard", fires=">"), Dense(4, 2, False)), 8
    )


def test_an_imported_network_learns_on_a_chip(tmp_path):
    digits = nc.data.load("digits")
    rng = np.random.default_rng(0)
    first = nir.Affine(rng.normal(0, 0.25, (20, 64)), np.zeros(20))
    path = saved(
        tmp_path, first, lif(20, r=2.0), nir.Affine(rng.normal(0, 0.2, (10, 20)), np.zeros(10))
    )
    network = nc.from_nir(path, timesteps=6)
    chip = nc.Chip(network, nc.hardware.load("loihi"), seed=1)
    before = chip.evaluate(digits.test).accuracy
    chip.learn(digits.train)
    assert chip.evaluate(digits.test).accuracy > before + 0.3


# Refusals


def refusal(path, **options) -> str:
    with pytest.raises(ExportError) as caught:
        nc.from_nir(path, **options)
    return str(caught.value)


def test_neurons_without_a_leak_are_refused(tmp_path):
    neuron = nir.IF(r=np.ones(4), v_threshold=np.ones(4))
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), neuron)) == (
        "node 'if' of the NIR graph is of type IF, which a network of fully connected layers can't "
        "say; give its neurons a leak (LIF)"
    )


def test_convolutions_are_refused(tmp_path):
    conv = nir.Conv2d((4, 4), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2))
    assert refusal(saved(tmp_path, conv)) == (
        "node 'conv2d' of the NIR graph is of type Conv2d, which a network of fully connected "
        "layers can't say; write its connections as one Linear"
    )


def current_based(n):
    names = {"tau_syn": 2.5, "tau_mem": 4.0, "r": 1.5, "v_leak": 0.3, "v_threshold": 0.4}
    return nir.CubaLIF(**{k: np.full(n, v) for k, v in names.items()}, w_in=np.full(n, 2.0))


def test_currents_with_a_memory_run_as_nir_says(tmp_path):
    path = saved(tmp_path, nir.Linear(W1), current_based(4), nir.Linear(W2))
    network = nc.from_nir(path, timesteps=30)
    assert network.neurons == (LIF(0.75, 0.4, "hard", 0.0, ">", 1 - 1 / 2.5),)
    assert network.initial is not None
    x = np.random.default_rng(0).integers(0, 2, (30, W1.shape[1])).astype(float)
    weight, bias = network.initial.weights[0], network.initial.biases[0]
    theirs, ours = np.zeros((2, 4)), np.zeros((2, 4))
    n_spikes = 0
    for step in x:
        theirs[0] += (2.0 * (W1 @ step) - theirs[0]) / 2.5
        theirs[1] += (0.3 - theirs[1] + 1.5 * theirs[0]) / 4.0
        ours[0] = network.neurons[0].current_lam * ours[0] + weight @ step
        ours[1] = network.neurons[0].lam * ours[1] + ours[0] + bias
        assert np.allclose(theirs, ours * [[4.0 / 1.5], [1.0]], atol=1e-12)
        spikes = theirs[1] > 0.4
        n_spikes += spikes.sum()
        theirs[1][spikes] = ours[1][spikes] = 0.0
    assert n_spikes


def test_a_bias_of_currents_with_a_memory_is_refused(tmp_path):
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), current_based(4))) == (
        "node 'cubalif' of the NIR graph has a current that outlives a step (tau_syn = 2.5 with "
        "dt = 1) and a bias before it, which a network adds to the membrane; set the bias to 0 and "
        "put it into v_leak"
    )


def test_neurons_that_differ_within_a_layer_are_refused(tmp_path):
    neuron = lif(4)
    neuron.v_threshold = np.array([1.0, 1.0, 2.0, 1.0])
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), neuron)) == (
        "neurons of node 'lif' of the NIR graph have thresholds from 1 to 2, but those of a layer "
        "share one; make them equal"
    )


def test_another_dt_is_noticed(tmp_path):
    path = saved(tmp_path, nir.Affine(W1, B1), lif(4, tau=0.01))
    assert refusal(path) == (
        "node 'lif' of the NIR graph has a time constant of 0.01 with dt = 1, so its decay a step "
        "is -99; give the dt that belongs to the file"
    )


def recurrent() -> Any:
    nodes = {
        "input": nir.Input({"input": np.array([3])}),
        "w": nir.Affine(W1, B1),
        "lif": lif(4),
        "back": nir.Linear(np.eye(4)),
        "output": nir.Output({"output": np.array([4])}),
    }
    edges = [("input", "w"), ("w", "lif"), ("lif", "back"), ("back", "lif"), ("lif", "output")]
    return nir.NIRGraph(nodes, edges)


def test_recurrent_edges_are_refused(tmp_path):
    path = tmp_path / "recurrent.nir"
    nir.write(path, recurrent())
    assert refusal(path) == (
        "node 'lif' of the NIR graph leads to 2 nodes or back, but layers of a network follow one "
        "another; remove branches and recurrent edges"
    )


def test_two_inputs_are_refused(tmp_path):
    nodes = {
        "a": nir.Input({"input": np.array([3])}),
        "b": nir.Input({"input": np.array([3])}),
        "w": nir.Affine(W1, B1),
        "output": nir.Output({"output": np.array([4])}),
    }
    path = tmp_path / "two.nir"
    nir.write(path, nir.NIRGraph(nodes, [("a", "w"), ("b", "w"), ("w", "output")]))
    assert refusal(path) == (
        "the NIR graph has 2 inputs and 1 outputs, but a network has one of each; leave one of each"
    )


def test_weights_after_weights_and_neurons_after_neurons_are_refused(tmp_path):
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), nir.Linear(W2))) == (
        "node 'linear' of the NIR graph has weights of shape (2, 4) after other weights; give one "
        "matrix between two layers of neurons"
    )
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), lif(4), lif(4))) == (
        "node 'lif_1' of the NIR graph is of type LIF and has no weights before it; put an Affine "
        "or a Linear there"
    )
    path = saved(tmp_path, nir.Affine(W1, B1), lif(4), nir.Scale(np.ones(4)))
    assert refusal(path) == (
        "the NIR graph ends with a Scale of what its neurons give, which a network can't say; "
        "remove it"
    )


def test_a_leaky_integrator_in_the_middle_is_a_networks_error(tmp_path):
    neuron = nir.LI(tau=np.full(4, 2.0), r=np.full(4, 2.0), v_leak=np.zeros(4))
    with pytest.raises(NetworkError, match="is a LI in the middle"):
        nc.from_nir(saved(tmp_path, nir.Affine(W1, B1), neuron, nir.Linear(W2)))


def test_what_is_no_nir_file_is_refused(tmp_path):
    path = tmp_path / "some.nir"
    path.write_bytes(b"no HDF5 at all")
    assert refusal(path).startswith(f"{str(path)!r} can't be read as a NIR file (")
    assert refusal(path).endswith("); give the path of one")


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
