"""Sparse and recurrent networks on the chip: against twins, NengoLoihi's emulator and float."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from benchmarks.nets import Neurons, chip_of, integers_of, net_a, net_b
from neurochip.chip.neurobench import firing, neurobench
from neurochip.data import Split
from neurochip.errors import LimitError, RuleError
from neurochip.kernels import layout
from neurochip.network import LIF, Dense, Feedback, Layer, Network, Parameters, Sparse
from neurochip.parity import compare_with_float
from neurochip.rules import OTTT

from ..naive.listed import Compartments, Synapse, emulate

VECTORS = Path(__file__).parents[1] / "vectors" / "nengo_loihi.npz"
STEPS = 200


def with_drawn(network: Network, seed: int, largest: int = 8) -> Parameters:
    """Whole numbers for weights and biases, those of loops too."""
    rng = np.random.default_rng(seed)
    weights = [
        rng.integers(-largest, largest + 1, layer.weight_shape).astype(np.float64)
        for layer in network.weight_layers
    ]
    biases = [
        rng.integers(-3, 6, layer.n_out) * float(layer.bias) for layer in network.weight_layers
    ]
    return Parameters(tuple(weights), tuple(biases))


def emulated(chip: nc.Chip, x: np.ndarray, first: int) -> list[list[list[int]]]:
    """Spikes of the naive emulator, by steps of ours, by populations above the inputs."""
    neurons, projections = integers_of(chip)
    synapses = [
        Synapse((p.source, i), (p.target, j), p.weights[k])
        for p in projections
        for i in range(len(p.offsets) - 1)
        for k, j in enumerate(p.targets[p.offsets[i] : p.offsets[i + 1]], start=p.offsets[i])
    ]
    inputs = [np.flatnonzero(frame).tolist() for frame in x]
    steps = len(x) + first
    populations = [Compartments(n.bias, n.threshold, n.decay, n.current_decay) for n in neurons]
    return list(emulate(populations, synapses, inputs, steps))[first:]


def listed(spikes: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(step).tolist() for step in spikes]


@pytest.mark.parametrize("current_lam", [0.0, 0.6])
@given(n=st.integers(1, 12), density=st.sampled_from([0.0, 0.3, 1.0]), seed=st.integers(0, 2**20))
@settings(max_examples=20, deadline=None)
def test_recurrent_neurons_are_nengo_loihis(n, density, seed, current_lam):
    lif = LIF(0.75, 20.0, "hard", 0.0, ">", current_lam)
    back = Sparse.random(n, n, density, seed, bias=False)
    layers = (Sparse.between([], [], 1, n), lif)
    network = Network(layers, 30, feedback=(Feedback(1, 0, (back,)),))
    chip = chip_of(network, with_drawn(network, seed))
    ours = chip.observe(np.zeros((1, 1)), 0).signal[1]
    assert listed(ours) == [step[1] for step in emulated(chip, np.zeros((30, 1)), 0)]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**20))
@settings(max_examples=15, deadline=None)
def test_listed_synapses_are_nengo_loihis(n_in, n_out, seed):
    lif = LIF(0.75, 6.0, "hard", 0.0, ">")
    layers = (Sparse.random(n_in, n_out, 0.5, seed, bias=False), lif)
    network = Network(layers, 20)
    chip = chip_of(network, with_drawn(network, seed))
    x = np.random.default_rng(seed).integers(0, 2, (20, n_in))
    assert listed(chip.observe(x, 0).signal[1]) == [step[1] for step in emulated(chip, x, 1)]


def unpacked(name: str, n: int) -> np.ndarray:
    with np.load(VECTORS) as vectors:
        return np.unpackbits(vectors[name], axis=1, count=n)


@pytest.mark.parametrize(("name", "current_lam"), [("a", 0.0), ("a_filtered", 0.75)])
def test_a_net_like_a_spikes_as_in_nengo_loihi(name, current_lam):
    n = 128
    chip = chip_of(*net_a(STEPS, n, current_lam=current_lam))
    ours = chip.observe(np.zeros((1, 1)), 0).signal[1]
    assert ours.sum() > STEPS
    assert np.array_equal(ours, unpacked(name, n))


def test_a_net_like_b_spikes_as_in_nengo_loihi():
    sizes = (40, 60, 10)
    network, parameters, x = net_b(STEPS, sizes)
    seen = chip_of(network, parameters).observe(x[0], 0)
    for number, n in enumerate(sizes[1:]):
        assert seen.signal[number + 1].any()
        assert np.array_equal(seen.signal[number + 1], unpacked(f"b{number}", n))


def test_what_others_are_given():
    chip = chip_of(*net_a(2, 4))
    neurons, (up, back) = integers_of(chip)
    assert (up.source, up.target, up.weights) == (0, 1, [])
    assert (back.source, back.target) == (1, 1)
    assert neurons == [Neurons(neurons[0].bias, 150 << chip.formats.layers[0].membrane, 64, 4096)]


SOFT = LIF(0.5)


def deep(*, full: bool) -> Network:
    """Loops to the same neurons and from above, over listed synapses or all; 12-20-15-3."""

    def layer(n_in: int, n_out: int, seed: int, bias: bool = True) -> Layer:
        if full:
            return Dense(n_in, n_out, bias)
        return Sparse.random(n_in, n_out, 0.4, seed, bias=bias)

    loops = (
        Feedback(3, 2, (layer(15, 15, 3, bias=False),)),
        Feedback(1, 0, (layer(20, 20, 4, bias=False),)),
        Feedback(3, 0, (layer(15, 20, 5, bias=False),)),
    )
    layers = (layer(12, 20, 0), SOFT, layer(20, 15, 1), SOFT, layer(15, 3, 2))
    return Network(layers, 6, feedback=loops)


def drawn(network: Network) -> Parameters:
    rng = np.random.default_rng(1)
    layers = network.weight_layers
    # Errors keep all their fraction bits where weights, doubled, stay within 1.
    weights = [rng.uniform(-0.49, 0.49, layer.weight_shape) for layer in layers]
    biases = [rng.uniform(0.2, 0.6, layer.n_out) * layer.bias for layer in layers]
    return Parameters(tuple(weights), tuple(biases))


@pytest.mark.parametrize("encoding", ["graded", "rate"])
@pytest.mark.parametrize("full", [False, True])
def test_it_agrees_with_float(full, encoding):
    network = deep(full=full)
    chip = nc.Chip(network, parameters=drawn(network), encoding=encoding)
    rng = np.random.default_rng(2)
    data = Split(rng.random((30, 12)), rng.integers(0, 3, 30))
    parity = compare_with_float(chip, data)
    assert parity.predictions <= 0.05
    assert parity.spikes <= 0.002
    assert all(layer.cosine is not None and layer.cosine > 0.98 for layer in parity.layers)


def test_a_dense_with_zeros_computes_the_same():
    sparse, full = deep(full=False), deep(full=True)
    parameters = drawn(sparse)
    weights = []
    for layer, w in zip(sparse.weight_layers, parameters.weights, strict=True):
        assert isinstance(layer, Sparse)
        matrix = np.zeros((layer.n_out, layer.n_in))
        matrix[layer.targets, layer.sources] = w
        weights.append(matrix)
    chips = [
        nc.Chip(sparse, parameters=parameters),
        nc.Chip(full, parameters=Parameters(tuple(weights), parameters.biases)),
    ]
    x = np.random.default_rng(3).random((1, 12))
    one, other = (chip.observe(x, 1) for chip in chips)
    for name in ("signal", "factor", "current", "v_pre", "v", "psi", "delta"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert np.array_equal(a, b), name
    assert np.array_equal(one.outputs, other.outputs)


def test_synapses_that_come_back_are_counted():
    network = deep(full=False)
    chip = nc.Chip(network, parameters=drawn(network), encoding="rate")
    data = Split(np.random.default_rng(4).random((1, 12)), np.zeros(1, int))
    counters = chip.evaluate(data).counters
    seen = chip.observe(data.x[0], 0)
    up = [layer.fan_out for layer in network.weight_layers if isinstance(layer, Sparse)]
    late = [np.vstack([np.zeros_like(s[:1]), s[:-1]]) for s in seen.signal]
    # Loops 3, 4, 5 lead from populations 2, 1, 2 to layers 1, 0, 0.
    heard = [
        seen.signal[0] @ up[0] + late[1] @ up[4] + late[2] @ up[5],
        seen.signal[1] @ up[1] + late[2] @ up[3],
        seen.signal[2] @ up[2],
    ]
    assert np.array_equal(counters[:, :, layout.SYNAPTIC_OPS], np.stack(heard, axis=1))
    arrived = [seen.signal[0].sum(1) + late[1].sum(1) + late[2].sum(1)]
    arrived += [seen.signal[1].sum(1) + late[2].sum(1), seen.signal[2].sum(1)]
    assert np.array_equal(counters[:, :, layout.SPIKES_IN], np.stack(arrived, axis=1))


def test_nothing_comes_back_from_the_sample_before():
    network = deep(full=False)
    chip = nc.Chip(network, parameters=drawn(network))
    x = np.random.default_rng(5).random((8, 12))
    together = chip.predict(x)
    assert together.tolist() == [int(chip.predict(one[np.newaxis])[0]) for one in x]
    again = chip.observe(x[:1], 0)
    assert all(np.array_equal(a, b) for a, b in zip(again.v, chip.observe(x[:1], 0).v, strict=True))


def test_memories_hold_what_is_loaded():
    network = deep(full=True)
    parameters = drawn(network)
    chip = nc.Chip(network, parameters=parameters)
    other = nc.Chip(
        network,
        parameters=Parameters(tuple(0.5 * w for w in parameters.weights), parameters.biases),
        formats=chip.formats,
    )
    other.load(chip.integers, epoch=0, n_learned=0, rate_shifts=None)
    for a, b, w in zip(
        chip.parameters.weights, other.parameters.weights, parameters.weights, strict=True
    ):
        assert np.array_equal(a, b)
        assert np.abs(a - w).max() < 0.02


def split() -> Split:
    return Split(np.zeros((2, 4)), np.zeros(2, int))


def test_learning_listed_synapses_is_refused():
    chip = nc.Chip(Network((Dense(4, 3), SOFT, Sparse.random(3, 2, 1, 0)), 2))
    sentence = (
        "weight layer 1 is a Sparse, whose listed synapses a chip can't learn; make it a Dense, or "
        "train the network off the chip and run it here"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.learn(split())


def test_learning_recurrent_networks_is_refused():
    loop = Feedback(1, 0, (Dense(3, 3, bias=False),))
    chip = nc.Chip(Network((Dense(4, 3), SOFT, Dense(3, 2)), 2, feedback=(loop,)))
    sentence = (
        "weight layer 0 hears spikes from beside the layers, and a chip can't learn in such a "
        "network; take the feedback out, or train the network off the chip and run it here"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.learn(split())
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.start(np.zeros(4), label=0)


def test_learning_by_currents_that_last_is_refused():
    neuron = replace(SOFT, reset="hard", fires=">", current_lam=0.5)
    chip = nc.Chip(Network((Dense(4, 3), neuron, Dense(3, 2)), 2), "loihi")
    sentence = (
        "neurons of layer 0 keep their synaptic current (current_lam is 0.5), but OTTT's traces "
        "are of spikes that don't; run this network, or learn with neurons without it"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.learn(split())
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.start(np.zeros(4), label=0)
    chip.start(np.zeros(4))  # to infer
    assert chip.step().t == 0


@pytest.mark.parametrize("full", [False, True])
def test_metrics_count_every_synapse_that_hears(full):
    """One after the other; what comes back hears the spikes of the step before."""
    network = deep(full=full)
    chip = nc.Chip(network, parameters=drawn(network), encoding="rate")
    rng = np.random.default_rng(2)
    data = Split(rng.random((3, 12)), rng.integers(0, 3, 3))
    told = neurobench(chip, firing(chip, data))
    held = chip.parameters.weights
    # Populations that send: those below the layers, and the sources of the loops.
    senders, late = (0, 1, 2, 2, 1, 2), (False, False, False, True, True, True)
    dense = effective = 0
    for number, x in enumerate(data.x):
        seen = chip.observe(x, 0, number)
        for weights, layer, sender, is_late in zip(
            held, network.weight_layers, senders, late, strict=True
        ):
            for place, weight in np.ndenumerate(weights):
                i = layer.sources[place] if isinstance(layer, Sparse) else place[1]
                heard = (
                    [False, *seen.signal[sender][:-1, i]] if is_late else seen.signal[sender][:, i]
                )
                dense += len(heard)
                effective += sum(bool(spike and weight) for spike in heard)
    assert (told.dense, told.effective_macs, told.effective_acs) == (dense / 3, 0, effective / 3)
    zeros = sum(np.count_nonzero(weights == 0) for weights in held)
    assert told.connection_sparsity == pytest.approx(zeros / sum(k.size for k in held))


def test_other_ways_of_the_error_are_refused():
    sentence = (
        "feedback 'sign' needs Dense layers, but the network has a Sparse; set feedback to "
        "'symmetric'"
    )
    with pytest.raises(RuleError, match=f"^{re.escape(sentence)}$"):
        nc.Chip(Network((Sparse.random(3, 2, 1, 0),), 2), rule=OTTT(feedback="sign"))


@pytest.mark.parametrize("full", [False, True])
def test_loops_lie_on_cores_too(full):
    chip = nc.Chip(deep(full=full))
    loops = [(p.source, p.target) for p in chip.map.topology.projections[3:]]
    assert loops == [(2, 2), (1, 1), (2, 1)]
    synapses = sum(int(np.prod(k.weight_shape)) for k in chip.network.weight_layers)
    routes = chip.map.routes
    total = routes.synapses.sum(axis=1) * routes.sizes[routes.group_of_route]
    assert total.sum() == synapses
