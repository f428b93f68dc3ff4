"""The network description: what it holds, what it refuses, and what it says then."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.errors import NetworkError
from neurochip.network import LI, LIF, Dense, Network, Parameters, initialise


def says(message: str) -> Any:
    return pytest.raises(NetworkError, match=f"^{re.escape(message)}$")


def test_mlp() -> None:
    network = Network.mlp([64, 128, 32, 10], timesteps=6, lam=0.75)
    lif = LIF(lam=0.75)
    assert network.layers == (Dense(64, 128), lif, Dense(128, 32), lif, Dense(32, 10))
    assert network.sizes == (64, 128, 32, 10)
    assert (network.n_in, network.n_out, network.timesteps) == (64, 10, 6)
    assert network.dense == (Dense(64, 128), Dense(128, 32), Dense(32, 10))
    assert network.neurons == (lif, lif)
    assert network.n_weights == 64 * 128 + 128 * 32 + 32 * 10
    assert network.n_neurons == 128 + 32 + 10


@pytest.mark.parametrize(
    ("readout", "neuron"), [("linear", None), ("leaky", LI(0.25)), ("spiking", LIF(0.25))]
)
def test_readouts(readout: Any, neuron: LI | LIF | None) -> None:
    network = Network.mlp([4, 3, 2], lam=0.25, readout=readout)
    assert network.readout == readout
    assert network.readout_neuron == neuron
    assert network.neurons == (LIF(0.25),)


def test_one_weight_layer_is_a_network() -> None:
    network = Network.mlp([4, 2])
    assert network.layers == (Dense(4, 2),)
    assert network.neurons == ()


def test_layers_may_be_a_list() -> None:
    assert Network([Dense(4, 2)], 3) == Network((Dense(4, 2),), 3)  # type: ignore[arg-type]


# What the type checker would refuse before the network does.
a_dense: Any = Dense
a_lif: Any = LIF
an_mlp: Any = Network.mlp


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: a_dense(0, 3), "Dense n_in is 0; it must be a whole number from 1 up."),
        (lambda: a_dense(3, 2.0), "Dense n_out is 2.0; it must be a whole number from 1 up."),
        (lambda: a_dense(True, 3), "Dense n_in is True; it must be a whole number from 1 up."),
        (lambda: a_lif(lam=1.5), "LIF lam is 1.5; it must be a number from 0 to 1."),
        (lambda: a_lif(lam="a"), "LIF lam is 'a'; it must be a number from 0 to 1."),
        (lambda: LI(lam=-0.5), "LI lam is -0.5; it must be a number from 0 up and below 1."),
        (lambda: a_lif(v_th=0.0), "LIF v_th is 0.0; it must be a number above 0."),
        (lambda: a_lif(v_th=float("inf")), "LIF v_th is inf; it must be a number above 0."),
        (lambda: a_lif(reset="no"), "LIF reset is 'no'; it must be one of 'soft', 'hard'."),
        (lambda: a_lif(fires="=="), "LIF fires is '=='; it must be one of '>=', '>'."),
        (
            lambda: a_lif(reset="hard", v_reset=1.0),
            "LIF v_reset is 1.0; it must be a number below v_th = 1.0.",
        ),
        (
            lambda: a_lif(v_reset=-0.5),
            "LIF v_reset is -0.5 but the reset is soft, which never uses it; "
            'leave it at 0 or set reset to "hard".',
        ),
        (
            lambda: Network((a_dense(3, 2),), 0),
            "Network timesteps is 0; it must be a whole number from 1 up.",
        ),
        (
            lambda: Network((), 4),
            "Network has no layers; it needs at least one Dense or Conv2d.",
        ),
        (
            lambda: Network((a_lif(),), 4),
            "Network layer 0 is a LIF but no current comes in; put a Dense or a Conv2d before it.",
        ),
        (
            lambda: Network((a_dense(3, 2), a_dense(2, 2)), 4),
            "Network layer 1 is a Dense but a current comes in; put a LIF before it.",
        ),
        (
            lambda: Network((a_dense(3, 2), LI(), a_dense(2, 2)), 4),
            "Network layer 1 is a LI in the middle; LI is a read-out and comes last.",
        ),
        (
            lambda: Network((a_dense(3, 2), a_lif(), a_dense(4, 2)), 4),
            "layer 2: Dense needs the shape (4,) but (2,) comes in; make the layer below fit or "
            "change this one.",
        ),
        (
            lambda: an_mlp([5]),
            "Network.mlp got sizes [5]; it needs two or more, the input first.",
        ),
        (
            lambda: an_mlp([5, 2], readout="sum"),
            "Network.mlp readout is 'sum'; it must be one of 'linear', 'leaky', 'spiking'.",
        ),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with says(message):
        make()


networks = st.builds(
    Network.mlp,
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    timesteps=st.integers(1, 50),
    lam=st.floats(0, 1, exclude_max=True),
    v_th=st.floats(0.01, 100),
    reset=st.just("hard"),
    v_reset=st.floats(-10, 0),
    fires=st.sampled_from([">=", ">"]),
    readout=st.sampled_from(["linear", "leaky", "spiking"]),
    bias=st.booleans(),
)


@given(networks)
def test_round_trip_through_json(network: Network) -> None:
    assert Network.from_dict(json.loads(json.dumps(network.to_dict()))) == network


def test_description() -> None:
    assert Network((Dense(3, 2, bias=False), LI(0.25)), 4).to_dict() == {
        "timesteps": 4,
        "layers": [
            {"kind": "dense", "n_in": 3, "n_out": 2, "bias": False, "sws": False},
            {"kind": "li", "lam": 0.25},
        ],
    }


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"layers": []}, "Network description has no 'timesteps'; add it."),
        (
            {"layers": [], "timesteps": 3, "steps": 4},
            "Network description has the unknown key 'steps'; it may hold 'timesteps', 'layers', "
            "'in_shape', 'feedback'.",
        ),
        (
            {"layers": [{"kind": "conv"}], "timesteps": 3},
            "layer kind is 'conv'; it must be one of 'dense', 'conv2d', 'sparse', 'lif', 'li', "
            "'low_pass', 'avg_pool', 'sum_pool', 'adaptive_avg_pool', 'upsample', 'flatten', "
            "'reshape', 'scale', 'batch_norm', 'dropout', 'residual'.",
        ),
        (
            {"layers": [{"kind": "li", "tau": 2}], "timesteps": 3},
            "layer of kind 'li' has the unknown key 'tau'; it may hold 'lam'.",
        ),
        (
            {"layers": [{"kind": "dense", "n_in": 2}], "timesteps": 3},
            "layer of kind 'dense' lacks one of 'n_in', 'n_out'; give all of them.",
        ),
    ],
)
def test_refused_descriptions(description: Any, message: str) -> None:
    with says(message):
        Network.from_dict(description)


def test_initialise_draws_each_layer_alone() -> None:
    small = initialise(Network.mlp([400, 300, 10]), seed=3)
    other = initialise(Network.mlp([400, 300, 20]), seed=3)
    assert [weight.shape for weight in small.weights] == [(300, 400), (10, 300)]
    assert [weight.dtype for weight in small.weights] == [np.float64, np.float64]
    assert np.array_equal(small.weights[0], other.weights[0])
    rng = np.random.default_rng([3, 0])
    assert np.array_equal(small.weights[0], rng.normal(0.0, 2.0 / 20, (300, 400)))
    assert not any(bias.any() for bias in small.biases)


def test_initialise_scales_with_gain_and_fan_in() -> None:
    network = Network.mlp([400, 300, 10])
    weights = initialise(network, seed=3, gain=0.5, readout_gain=0.25).weights
    assert weights[0].std() == pytest.approx(0.5 / 20, rel=0.02)
    assert weights[1].std() == pytest.approx(0.25 / np.sqrt(300), rel=0.05)


def test_initialise_refuses() -> None:
    network = Network.mlp([3, 2])
    with says("initialise got seed -1; it must be a whole number from 0 up."):
        initialise(network, -1)
    with says("gain of initialise is 0; it must be a number above 0."):
        initialise(network, 0, gain=0)


def test_check_of_parameters() -> None:
    network = Network((Dense(3, 2), LIF(), Dense(2, 4, bias=False)), 4)
    network.check(initialise(network, 0))
    w0, w1, b0, b1 = np.zeros((2, 3)), np.zeros((4, 2)), np.zeros(2), np.zeros(4)
    with says(
        "Parameters hold 1 weight arrays and 2 bias arrays but the network has 2 weight layers; "
        "give one of each per weight layer."
    ):
        network.check(Parameters((w0,), (b0, b1)))
    with says("weights of Dense layer 0 have shape (3, 2); the network needs (2, 3)."):
        network.check(Parameters((w0.T, w1), (b0, b1)))
    with says("biases of Dense layer 0 hold a number that is not finite; every one must be."):
        network.check(Parameters((w0, w1), (b0 + np.nan, b1)))
    with says(
        "biases of Dense layer 1 are not all zero but the layer has no bias; set them to zero or "
        "give the layer bias=True."
    ):
        network.check(Parameters((w0, w1), (b0, b1 + 1)))
