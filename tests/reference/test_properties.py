"""What holds for every network: identities of OTTT, memory, dropout, norms, bounds of weights."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.errors import RuleError
from neurochip.network import LIF, Conv2d, Dense, Dropout, Flatten, Network, initialise, presets
from neurochip.reference import Trainer, record
from neurochip.reference.optimisers import AdamW
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, Surrogate

SIGMOID = Surrogate("sigmoid")


@st.composite
def conv_networks(draw: Any) -> Network:
    """Two or more hidden layers with soft resets, whatever their pools and scales."""
    text = draw(st.sampled_from(["3C3-4C3", "3C3-P2-4C3", "2C3-3C3-P2-5", "3C3-P2-6"]))
    lif = LIF(draw(st.floats(0, 0.9)), draw(st.floats(0.3, 1.5)))
    steps = draw(st.integers(1, 6))
    return Network.conv(
        text, (2, 8, 8), 3, steps, padding=draw(st.sampled_from([0, 1])), neuron=lif
    )


@settings(max_examples=15)
@given(conv_networks(), st.integers(0, 2**16))
def test_ottt_is_bptt_for_the_last_spiking_layer(network: Network, seed: int) -> None:
    """Weights that a trace feeds, into the last spiking layer; the read-out without trace too."""
    rng = np.random.default_rng(seed)
    x = rng.random((network.timesteps, 2, *network.in_shape))
    y = rng.integers(0, 3, 2)
    params = initialise(network, seed, gain=4.0)
    found = {
        name: Trainer(network, params, rule, 0.0).gradient(x, y)[1].weights
        for name, rule in (
            ("ottt", OTTT(surrogate=SIGMOID, trace_input=False)),
            ("sltt", SLTT(surrogate=SIGMOID)),
            ("bptt", BPTT(SIGMOID)),
        )
    }
    assert np.allclose(found["ottt"][-2], found["bptt"][-2], rtol=1e-9, atol=1e-12)
    assert np.allclose(found["sltt"][-1], found["bptt"][-1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", [OTTT(update="accumulate"), OTTT(), SLTT()])
def test_on_line_memory_does_not_grow_with_timesteps(rule: Any) -> None:
    def peak(timesteps: int) -> int:
        network = presets.vgg_f(4, (2, 16, 16), timesteps, plan=(8, 0, 8))
        rng = np.random.default_rng(0)
        trainer = Trainer(network, initialise(network, 0), rule, 0.1, 0.9, np.float32)
        x, y = rng.random((8, 2, 16, 16)), rng.integers(0, 4, 8)
        tracemalloc.start()
        trainer.learn_batch(x, y)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(6)  # fills caches that stay
    assert peak(48) <= 1.05 * peak(6)


def test_memory_through_time_grows() -> None:
    def kept(timesteps: int) -> int:
        network = Network.mlp([20, 30, 4], timesteps)
        trainer = Trainer(network, initialise(network, 0), BPTT(), 0.1)
        tracemalloc.start()
        trainer.learn_batch(np.ones((8, 20)), np.zeros(8, np.int64))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert kept(48) > 4 * kept(6)


DROPPING = Network((Dense(30, 40), LIF(), Dropout(0.5), Dense(40, 3)), 6)


def test_dropout_draws_once_a_batch() -> None:
    """With one mask over time, an output's gradient is zero for dropped neurons at every step."""
    params = initialise(DROPPING, 0, gain=6.0)
    x, y = np.ones((4, 30)), np.zeros(4, np.int64)
    recording = record(DROPPING, params, x, y, OTTT(surrogate=SIGMOID))
    reaches = (recording.du[0] != 0).any(axis=0)
    assert 0.3 < reaches.mean() < 0.7
    assert np.array_equal(reaches, (recording.du[0] != 0).all(axis=0))
    one, other = (Trainer(DROPPING, params, OTTT(), 0.0, seed=seed) for seed in (1, 2))
    assert one.learn_batch(x, y) != one.learn_batch(x, y)
    assert one.learn_batch(x, y) != other.learn_batch(x, y)


@pytest.mark.parametrize("rule", [OTTT(), BPTT()])
def test_dropout_repeats_with_its_seed(rule: Any) -> None:
    params = initialise(DROPPING, 0, gain=6.0)
    x, y = np.ones((4, 30)), np.zeros(4, np.int64)
    one, other = (Trainer(DROPPING, params, rule, 0.1, seed=5) for _ in range(2))
    assert [one.learn_batch(x, y) for _ in range(3)] == [other.learn_batch(x, y) for _ in range(3)]


def test_inference_drops_nothing() -> None:
    plain = Network(tuple(k for k in DROPPING.layers if not isinstance(k, Dropout)), 6)
    params = initialise(plain, 0, gain=6.0)
    x = np.random.default_rng(0).random((9, 30))
    with_, without = (Trainer(n, params, OTTT(), 0.0) for n in (DROPPING, plain))
    assert np.array_equal(with_.predict(x), without.predict(x))


def test_running_statistics_approach_those_of_the_data() -> None:
    network = presets.vggsnn(3, (2, 6, 6), 3, plan=(4, 0))
    trainer = Trainer(network, initialise(network, 0), TET(), 0.0)
    rng = np.random.default_rng(0)
    x, y = rng.random((3, 16, 2, 6, 6)), rng.integers(0, 3, 16)
    for _ in range(150):
        trainer.learn_batch(x, y)
    norm = trainer.params.norms[0]
    weights, (conv, *_) = trainer.params.weights[0], network.layers
    assert isinstance(conv, Conv2d)
    padded = np.pad(x, ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1)))
    view: Any = np.lib.stride_tricks.sliding_window_view
    windows = view(padded, (3, 3), axis=(3, 4))
    currents = np.einsum("tbchwij,ocij->otbhw", windows, weights).reshape(4, -1)
    assert np.allclose(norm.mean, currents.mean(axis=1), atol=1e-3)
    assert np.allclose(norm.var, currents.var(axis=1, ddof=1), rtol=1e-3)


def test_weights_stay_within_their_bounds() -> None:
    network = presets.tssl("8", (1, 3, 3), 4)
    params = initialise(network, 0, gain=6.0)
    trainer = Trainer(network, params, TSSLBP(), 0.5, optimiser=AdamW(), clip_norm=1.0, clamp=1.0)
    trainer.learn_batch(np.ones((2, 1, 3, 3)), np.array([0, 1]))
    assert max(np.abs(w).max() for w in params.weights) > 1.0
    assert max(np.abs(w).max() for w in trainer.params.weights) == 1.0


@pytest.mark.parametrize("name", ["clip_norm", "clamp"])
def test_bounds_are_checked(name: str) -> None:
    network = Network.mlp([3, 2])
    options: Any = {name: 0.0}
    with pytest.raises(RuleError, match=rf"^{name} is 0\.0; it must be a number above 0, or None"):
        Trainer(network, initialise(network, 0), OTTT(), 0.1, **options)


RULES: dict[str, tuple[Network, Any, dict[str, Any]]] = {
    "sltt": (Network.conv("6C3-P2-20", (1, 6, 6), 4, 6), SLTT(), {"lr": 0.2, "momentum": 0.9}),
    "ottt": (Network.conv("6C3-P2-20", (1, 6, 6), 4, 6), OTTT(), {"lr": 0.05}),
    "bptt": (Network.conv("6C3-P2-20", (1, 6, 6), 4, 6), BPTT(), {"lr": 0.2, "momentum": 0.9}),
    "tet": (presets.vggsnn(4, (1, 6, 6), 4, plan=(6, 0)), TET(), {"lr": 0.2, "momentum": 0.9}),
    "tssl": (
        presets.tssl("6C3-P2-20", (1, 6, 6), 4),
        TSSLBP(),
        {"lr": 2e-3, "optimiser": AdamW(), "clip_norm": 1.0, "clamp": 4.0},
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_it_learns(name: str) -> None:
    """Four classes around four pictures."""
    network, rule, options = RULES[name]
    rng = np.random.default_rng(5)
    pictures = rng.random((4, 1, 6, 6))
    y = rng.integers(0, 4, 500)
    x = np.clip(pictures[y] + rng.normal(0, 0.1, (500, 1, 6, 6)), 0, 1)
    trainer = Trainer(network, initialise(network, 0, gain=3.0), rule, dtype="f4", **options)
    for _ in range(20):
        for i in range(0, 400, 20):
            trainer.learn_batch(x[i : i + 20], y[i : i + 20])
    assert (trainer.predict(x[400:]) == y[400:]).mean() > 0.9


def test_samples_may_be_rows() -> None:
    network = Network.conv("2C3-P2", (2, 8, 8), 3)
    trainer = Trainer(network, initialise(network, 0, gain=4.0), OTTT(), 0.0)
    x = np.random.default_rng(0).random((5, 2, 8, 8))
    assert np.array_equal(trainer.predict(x), trainer.predict(x.reshape(5, -1)))
    assert isinstance(network.layers[-2], Flatten)
