"""NIR graphs that other programs wrote run here as NIR's equations say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import neurochip as nc
from neurochip.network import LIF, Dense, Network
from neurochip.reference.recording import record as float_record
from neurochip.rules import OTTT

from .nir_graphs import B1, W1, W2, current_based, lif, nir, saved


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
