"""Graphs as other tools write them run here as there: each against that tool's own step.

The graphs have the numbers and the shapes that the tools' exporters give; the tools' steps are
written down in numpy from their sources.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import neurochip as nc
from neurochip.network import LIF, Conv2d, Dense, Feedback, Flatten, Network, SumPool
from neurochip.reference import Inference

from .nir_graphs import nir

Floats = NDArray[np.float64]
STEPS, N_IN, N, N_OUT = 60, 6, 5, 3
RNG = np.random.default_rng(7)
X = (RNG.random((STEPS, N_IN)) < 0.4).astype(np.float64)
W, B = RNG.normal(0.1, 0.5, (N, N_IN)), RNG.normal(0.0, 0.1, N)
W_REC, B_REC = RNG.normal(-0.1, 0.4, (N, N)), RNG.normal(0.0, 0.05, N)
W_OUT = RNG.normal(size=(N_OUT, N))


def graph(tmp_path: Path, *nodes: tuple[str, Any], shape: tuple[int, ...] = (N_IN,)) -> Path:
    """A file of named nodes in a row, as nirtorch makes it."""
    named = {
        "input": nir.Input({"input": np.array(shape)}),
        **dict(nodes),
        "output": nir.Output({"output": np.array([N_OUT])}),
    }
    nir.write(tmp_path / "graph.nir", nir.NIRGraph(named, list(pairwise(named))))
    return tmp_path / "graph.nir"


def around(tmp_path: Path, neurons: Any, first: Any = None) -> Path:
    """Neurons between weights."""
    first = nir.Affine(W, B) if first is None else first
    return graph(tmp_path, ("fc1", first), ("lif1", neurons), ("fc2", nir.Linear(W_OUT)))


def full(**values: float) -> dict[str, Floats]:
    return {name: np.full(N, value) for name, value in values.items()}


def spikes(network: Network, x: Floats = X) -> Floats:
    """What the first hidden neurons give, (T, ...)."""
    assert network.initial is not None
    return Inference.of(network, network.initial).spikes(x[:, np.newaxis])[0][:, 0]


def check(network: Network, step: Callable[[Floats], Floats], x: Floats = X) -> None:
    """A tool's step, input by input, gives what the network gives, and something at that."""
    expected = np.array([step(frame) for frame in x])
    assert 0.02 < expected.mean() < 0.9
    assert np.array_equal(spikes(network, x), expected)


def current(frame: Floats) -> Floats:
    return W @ frame + B


# snnTorch: beta and alpha as time constants of dt = 1e-4, R and w_in such that inputs count whole


def snntorch_leaky(beta: float) -> Any:
    tau = 1e-4 / (1 - beta)
    return nir.LIF(**full(tau=tau, r=tau / 1e-4, v_leak=0, v_threshold=1))


def test_snntorch_leaky_with_reset_to_zero(tmp_path):
    mem = np.zeros(N)

    def step(frame):
        nonlocal mem
        late = mem > 1
        mem = 0.8 * (1 - late) * mem + current(frame)
        return mem > 1

    check(nc.from_nir(around(tmp_path, snntorch_leaky(0.8)), STEPS, dt=1e-4), step)


def test_snntorch_leaky_with_reset_by_subtraction_at_once(tmp_path):
    mem = np.zeros(N)

    def step(frame):
        nonlocal mem
        late = mem > 1
        mem = 0.8 * mem + current(frame) - late
        fired = mem > 1
        mem = mem - (fired * 1.0 - late)
        assert not (mem > 1).any(), "a membrane twice as high as the threshold resets twice there"
        return fired

    network = nc.from_nir(around(tmp_path, snntorch_leaky(0.8)), STEPS, dt=1e-4, reset="soft")
    check(network, step, 0.7 * X)


def test_snntorch_synaptic(tmp_path):
    tau_syn, tau = 1e-4 / (1 - 0.6), 1e-4 / (1 - 0.8)
    numbers = {"tau_syn": tau_syn, "tau_mem": tau, "r": tau / 1e-4, "w_in": tau_syn / 1e-4}
    node = nir.CubaLIF(**full(**numbers, v_leak=0, v_threshold=1))
    network = nc.from_nir(around(tmp_path, node, nir.Linear(W)), STEPS, dt=1e-4)
    syn, mem = np.zeros((2, N))

    def step(frame):
        nonlocal syn, mem
        syn = 0.6 * syn + W @ frame
        mem = 0.8 * mem + syn
        fired = mem > 1
        mem = np.where(fired, 0, mem)  # reset_delay=False
        return fired

    check(network, step)


def recurrent(neurons: Any, back: Any) -> Any:
    """The subgraph that snnTorch writes of RLeaky and RSynaptic."""
    ends = {"input": nir.Input([N]), "output": nir.Output([N])}
    edges = [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    return nir.NIRGraph({**ends, "lif": neurons, "w_rec": back}, edges)


def test_snntorch_recurrent_neurons_in_a_graph_of_their_own(tmp_path):
    subgraph = recurrent(snntorch_leaky(0.8), nir.Affine(W_REC, B_REC))
    network = nc.from_nir(around(tmp_path, subgraph), STEPS, dt=1e-4)
    assert network.feedback == (Feedback(1, 0, (Dense(N, N, bias=False),)),)
    mem, last = np.zeros(N), np.zeros(N)

    def step(frame):
        nonlocal mem, last
        mem = 0.8 * mem + current(frame) + W_REC @ last + B_REC
        last = (mem > 1) * 1.0
        mem = np.where(mem > 1, 0, mem)
        return last

    check(network, step)


def test_snntorch_recurrent_neurons_with_currents(tmp_path):
    tau_syn, tau = 1e-4 / (1 - 0.6), 1e-4 / (1 - 0.8)
    numbers = {"tau_syn": tau_syn, "tau_mem": tau, "r": tau / 1e-4, "w_in": tau_syn / 1e-4}
    node = nir.CubaLIF(**full(**numbers, v_leak=0, v_threshold=1))
    subgraph = recurrent(node, nir.Linear(W_REC))
    network = nc.from_nir(around(tmp_path, subgraph, nir.Linear(W)), STEPS, dt=1e-4)
    syn, mem, last = np.zeros((3, N))

    def step(frame):
        nonlocal syn, mem, last
        syn = 0.6 * syn + W @ frame + W_REC @ last
        mem = 0.8 * mem + syn
        last = (mem > 1) * 1.0
        mem = np.where(mem > 1, 0, mem)
        return last

    check(network, step)


# Norse: R = 1, so dt/tau scales inputs; a leak toward any end


def test_norse_box(tmp_path):
    node = nir.LIF(**full(tau=1e-2, r=1, v_leak=0.2, v_threshold=0.3, v_reset=-0.1))
    v = np.zeros(N)

    def step(frame):
        nonlocal v
        v = v + 1e-3 * 100 * (0.2 - v + 3 * (W @ frame))
        fired = v > 0.3
        v = np.where(fired, -0.1, v)
        return fired

    network = nc.from_nir(around(tmp_path, node, nir.Linear(3 * W)), STEPS, dt=1e-3)
    check(network, step)


@pytest.mark.parametrize("w_in", [1.0, 5.0])
def test_norse_currents_are_written_without_their_scale(tmp_path, w_in):
    numbers = {"tau_syn": 5e-3, "tau_mem": 1e-2, "r": 1, "v_leak": 0, "v_threshold": 0.3}
    node = nir.CubaLIF(**full(**numbers, v_reset=0, w_in=w_in))
    network = nc.from_nir(around(tmp_path, node, nir.Linear(W)), STEPS, dt=1e-3)
    i, v = np.zeros((2, N))

    def step(frame):
        nonlocal i, v
        jumped = i + W @ frame * (w_in / 5)  # Norse's own jump is whole: w_in = tau_syn / dt
        v = v + 1e-3 * 100 * (0 - v + jumped)
        i = jumped - 1e-3 * 200 * jumped
        fired = v > 0.3
        v = np.where(fired, 0, v)
        return fired

    if w_in == 5.0:
        check(network, step)
    else:
        assert np.array_equal(spikes(network), [step(frame) for frame in X])


def test_norse_convolution_without_its_shape(tmp_path):
    kernels, bias = RNG.normal(0.1, 0.6, (2, 1, 3, 3)), np.array([0.1, -0.1])
    out = RNG.normal(size=(N_OUT, 2 * 3 * 3))
    numbers = {"tau": 1e-2, "r": 4.0, "v_leak": 0.0, "v_threshold": 0.4, "v_reset": 0.0}
    path = graph(
        tmp_path,
        ("0", nir.Conv2d(None, kernels, (2, 2), (1, 1), (1, 1), 1, bias)),
        ("1", nir.LIF(**{name: np.full((2, 3, 3), value) for name, value in numbers.items()})),
        ("2", nir.Flatten(None, 0, -1)),
        ("3", nir.Linear(out)),
        shape=(1, 6, 6),
    )
    network = nc.from_nir(path, STEPS, dt=1e-3)
    assert network.layers[0] == Conv2d(1, 2, 3, stride=2, padding=1)
    x = (RNG.random((STEPS, 1, 6, 6)) < 0.4).astype(np.float64)
    v = np.zeros((2, 3, 3))

    def step(frame):
        nonlocal v
        patches = sliding_window_view(np.pad(frame[0], 1), (3, 3))[::2, ::2]
        drawn = np.einsum("oij,yxij->oyx", kernels[:, 0], patches) + bias[:, None, None]
        v = v + 0.1 * (0 - v + 4 * drawn)
        fired = v > 0.4
        v = np.where(fired, 0, v)
        return fired

    check(network, step, x)


def test_norse_integrators(tmp_path):
    node = nir.IF(**full(r=1, v_threshold=1.5, v_reset=-0.2))
    v = np.zeros(N)

    def step(frame):
        nonlocal v
        v = v + current(frame)
        fired = v > 1.5
        v = np.where(fired, -0.2, v)
        return fired

    network = nc.from_nir(around(tmp_path, node), STEPS)
    assert network.neurons == (LIF(1.0, 1.5, "hard", -0.2, ">"),)
    check(network, step)


# Sinabs: tau in steps, decays of exp(-1 / tau), a reset by subtraction; none of that is in the file


def test_sinabs_leaky_neurons(tmp_path):
    alpha = np.exp(-1 / 4.0)
    node = nir.LIF(**full(tau=4.0, r=1, v_leak=0, v_threshold=0.3))
    v = np.zeros(N)

    def step(frame):
        nonlocal v
        v = alpha * v + (1 - alpha) * current(frame)
        fired = v - 0.3 >= 0
        v = v - 0.3 * fired
        return fired

    path = around(tmp_path, node)
    check(nc.from_nir(path, STEPS, reset="soft", decay="exponential"), step)


def test_sinabs_integrators_and_sums_of_their_spikes(tmp_path):
    kernels = RNG.normal(0.05, 0.4, (2, 1, 3, 3))
    out = RNG.normal(size=(N_OUT, 2 * 2 * 2))
    two = np.array([2, 2])
    path = graph(
        tmp_path,
        ("0", nir.Conv2d((6, 6), kernels, (1, 1), (0, 0), (1, 1), 1, np.zeros(2))),
        ("1", nir.IF(r=np.ones((2, 4, 4)), v_threshold=np.full((2, 4, 4), 2.0))),
        ("2", nir.SumPool2d(two, two, np.array([0, 0]))),
        ("3", nir.Flatten(None, 0, -1)),
        ("4", nir.Affine(out, np.zeros(N_OUT))),
        shape=(1, 6, 6),
    )
    network = nc.from_nir(path, STEPS, reset="soft")
    assert network.layers[1:4] == (LIF(1.0, 2.0, fires=">"), SumPool(2), Flatten())
    x = (RNG.random((STEPS, 1, 6, 6)) < 0.3).astype(np.float64)
    v = np.zeros((2, 4, 4))

    def step(frame):
        nonlocal v
        v = v + np.einsum("oij,yxij->oyx", kernels[:, 0], sliding_window_view(frame[0], (3, 3)))
        fired = v - 2 >= 0
        v = v - 2 * fired
        return fired

    check(network, step, x)
    assert network.initial is not None
    seen = np.array(spikes(network, x)).reshape(STEPS, 2, 2, 2, 2, 2).sum(axis=(3, 5))
    outputs = Inference.of(network, network.initial).outputs(x[:, np.newaxis])[:, 0]
    assert np.allclose(outputs, seen.reshape(STEPS, -1) @ out.T)


# SpikingJelly: tau in steps of dt = 1e-4; whether the input is divided by tau is in R


@pytest.mark.parametrize("decay_input", [True, False])
def test_spikingjelly_leaky_neurons(tmp_path, decay_input):
    numbers = {"tau": 2.5e-4, "r": 1.0 if decay_input else 2.5, "v_leak": 0.0, "v_reset": 0.0}
    node = nir.LIF(**full(**numbers, v_threshold=0.5))
    v = np.zeros(N)

    def step(frame):
        nonlocal v
        x = current(frame)
        v = v + (x - v) / 2.5 if decay_input else v - v / 2.5 + x
        fired = v - 0.5 >= 0
        v = np.where(fired, 0, v)
        return fired

    check(nc.from_nir(around(tmp_path, node), STEPS, dt=1e-4), step)


def test_spikingjelly_integrators(tmp_path):
    node = nir.IF(**full(r=1e4, v_threshold=1, v_reset=0))
    v = np.zeros(N)

    def step(frame):
        nonlocal v
        v = v + current(frame)
        fired = v - 1 >= 0
        v = np.where(fired, 0, v)
        return fired

    check(nc.from_nir(around(tmp_path, node), STEPS, dt=1e-4), step)


# lava-dl: decays of current and voltage, as the NIR paper's scripts give them


def test_lava_dl_currents(tmp_path):
    current_decay, voltage_decay = 0.35, 0.1
    tau_syn, tau = 1e-4 / current_decay, 1e-4 / voltage_decay
    numbers = {"tau_syn": tau_syn, "tau_mem": tau, "r": tau / 1e-4, "w_in": tau_syn / 1e-4}
    node = nir.CubaLIF(**full(**numbers, v_leak=0, v_threshold=2))
    i, v = np.zeros((2, N))

    def step(frame):
        nonlocal i, v
        i = (1 - current_decay) * i + W @ frame
        v = (1 - voltage_decay) * v + i
        fired = v >= 2
        v = np.where(fired, 0, v)
        return fired

    check(nc.from_nir(around(tmp_path, node, nir.Linear(W)), STEPS, dt=1e-4), step)
