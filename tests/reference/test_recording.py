"""What a batch does inside: read-outs, firing at the threshold, feedbacks, no hidden layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.network import LIF, Dense, Network, Parameters, initialise
from neurochip.reference import record
from neurochip.rules import OTTT, Surrogate
from neurochip.rules.feedback import draw

RNG = np.random.default_rng(0)
X = (RNG.random((6, 5, 9)) < 0.5).astype(float)
Y = RNG.integers(0, 4, 5)


def mlp(**options: Any) -> tuple[Network, Parameters]:
    network = Network.mlp([9, 8, 7, 4], timesteps=6, **options)
    return network, initialise(network, 2)


def test_leaky_read_out() -> None:
    network, params = mlp(readout="leaky", lam=0.75)
    recording = record(network, params, X, Y, OTTT())
    o = np.zeros((5, 4))
    for t in range(6):
        o = 0.75 * o + recording.s[-1][t] @ params.weights[-1].T + params.biases[-1]
        assert np.allclose(recording.out[t], o)
    assert np.allclose(
        recording.g_W[-1], np.einsum("tbc,tbi->tci", recording.dout, recording.tr[-1])
    )


def test_spiking_read_out() -> None:
    network, params = mlp(readout="spiking")
    surrogate = Surrogate("sigmoid")
    recording = record(network, params, X, Y, OTTT(surrogate=surrogate))
    v = np.zeros((5, 4))
    for t in range(6):
        u = 0.5 * v + recording.s[-1][t] @ params.weights[-1].T + params.biases[-1]
        s = (u >= 1.0).astype(float)
        v = u - s
        assert np.array_equal(recording.out[t], s)
        delta = recording.dout[t] * surrogate.derivative(u, 1.0)
        assert np.allclose(recording.g_b[-1][t], delta.sum(axis=0))
        below = (delta @ params.weights[-1]) * recording.psi[-1][t]
        assert np.allclose(recording.du[-1][t], below)


@pytest.mark.parametrize(("fires", "spike"), [(">=", 1.0), (">", 0.0)])
def test_membrane_at_the_threshold(fires: Any, spike: float) -> None:
    network = Network((Dense(1, 1), LIF(v_th=0.75, fires=fires), Dense(1, 2)), 1)
    params = Parameters((np.array([[0.5]]), np.zeros((2, 1))), (np.array([0.25]), np.zeros(2)))
    recording = record(network, params, np.ones((1, 1)), np.array([0]), OTTT())
    assert recording.u[0].item() == 0.75
    assert recording.s[0].item() == spike


@pytest.mark.parametrize("mode", ["symmetric", "sign", "random", "direct"])
def test_feedbacks(mode: Any) -> None:
    network, params = mlp()
    fixed = draw(mode, network.sizes, 3)
    recording = record(network, params, X, Y, OTTT(feedback=mode), fixed)
    w1, w2 = params.weights[1:]
    d2 = recording.dout
    if mode == "symmetric":
        raw1, raw0 = d2 @ w2, recording.du[1] @ w1
    else:
        assert fixed is not None
        b1, b2 = fixed
        if mode == "sign":
            raw1, raw0 = d2 @ (np.sign(w2) * b2), recording.du[1] @ (np.sign(w1) * b1)
        elif mode == "random":
            raw1, raw0 = d2 @ b2.T, recording.du[1] @ b1.T
        else:
            raw1, raw0 = d2 @ b2.T, d2 @ b1.T
    assert np.allclose(recording.du[1], raw1 * recording.psi[1])
    assert np.allclose(recording.du[0], raw0 * recording.psi[0])


def test_layers_with_neurons_of_their_own() -> None:
    layers = (Dense(9, 8), LIF(0.25, 0.5), Dense(8, 7), LIF(0.75, 2.0, "hard", -1.0), Dense(7, 4))
    network = Network(layers, 6)
    recording = record(network, initialise(network, 2), X, Y, OTTT())
    for layer, lam in ((0, 0.25), (1, 0.75)):
        trace = np.zeros_like(recording.s[layer][0])
        for t in range(6):
            trace = lam * trace + recording.s[layer][t]
            assert np.allclose(recording.tr[layer][t], trace)
    fired = recording.s[1] == 1
    assert fired.any()
    assert (recording.v[1][fired] == -1.0).all()
    assert recording.tr0 is not None
    assert np.allclose(recording.tr0[1], 0.25 * X[0] + X[1])


@pytest.mark.parametrize(("readout", "lam"), [("linear", 0.0), ("leaky", 0.5), ("spiking", 0.5)])
def test_no_hidden_layer(readout: Any, lam: float) -> None:
    network = Network.mlp([9, 4], timesteps=6, readout=readout)
    recording = record(network, initialise(network, 0), X, Y, OTTT())
    assert recording.u == ()
    assert recording.tr0 is not None
    assert np.allclose(recording.tr0[2], X[2] + lam * X[1] + lam * lam * X[0])


def test_squared_error() -> None:
    network, params = mlp()
    recording = record(network, params, X, Y, OTTT(loss="mse"))
    onehot = np.eye(4)[Y]
    assert np.allclose(recording.dout, (recording.out - onehot) / (5 * 6))
    square = ((recording.out - onehot) ** 2).sum(axis=2).mean(axis=1)
    assert np.allclose(recording.loss_t, 0.5 * square / 6)
    assert np.allclose(recording.mse_t, square / 4)
