"""Training: when the weights change and by what, predictions, memory, refusals."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

from neurochip.errors import DataError, NetworkError, NeurochipError, RuleError
from neurochip.network import LIF, Dense, Network, Parameters, initialise, presets
from neurochip.reference import Trainer, record
from neurochip.reference.inference import PREDICT_BATCH
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, Surrogate
from neurochip.rules.feedback import draw

NETWORK = Network.mlp([9, 8, 6, 4], timesteps=5)
PARAMS = initialise(NETWORK, 1)
RNG = np.random.default_rng(0)
X = RNG.random((7, 9))
Y = RNG.integers(0, 4, 7)
SPIKES = (RNG.random((5, 7, 9)) < 0.4).astype(np.uint8)


def flat(params: Parameters) -> list[Any]:
    return [*params.weights, *params.biases]


def same(a: Parameters, b: Parameters, tolerance: float = 0.0) -> bool:
    pairs = zip(flat(a), flat(b), strict=True)
    return all(np.abs(one - other).max() <= tolerance for one, other in pairs)


def moved(params: Parameters, gradients: list[Any], rates: list[float]) -> Parameters:
    after = [p - lr * g for p, g, lr in zip(flat(params), gradients, rates * 2, strict=True)]
    n = len(params.weights)
    return Parameters(tuple(after[:n]), tuple(after[n:]))


def test_accumulate_steps_once_with_the_sum() -> None:
    rule = OTTT(update="accumulate")
    recording = record(NETWORK, PARAMS, X, Y, rule)
    trainer = Trainer(NETWORK, PARAMS, rule, 0.5)
    loss = trainer.learn_batch(X, Y)
    assert loss == pytest.approx(recording.loss_t.sum())
    gradients = [g.sum(axis=0) for g in recording.g_W + recording.g_b]
    assert same(trainer.params, moved(PARAMS, gradients, [0.5] * 3), 1e-14)


def test_last_steps_once_with_the_last_gradient() -> None:
    rule = OTTT(update="last")
    recording = record(NETWORK, PARAMS, X, Y, rule)
    trainer = Trainer(NETWORK, PARAMS, rule, 0.5)
    loss = trainer.learn_batch(X, Y)
    assert loss == pytest.approx(recording.loss_t.sum())
    gradients = [g[-1] for g in recording.g_W + recording.g_b]
    assert same(trainer.params, moved(PARAMS, gradients, [0.5] * 3), 1e-14)


def test_online_steps_at_every_step() -> None:
    trainer = Trainer(NETWORK, PARAMS, OTTT(), 0.5)
    seen = [PARAMS]
    for _ in trainer.steps(X, Y):
        assert not same(seen[-1], trainer.params)
        seen.append(trainer.params)
    assert len(seen) == 6


def test_rates_of_layers() -> None:
    rule = OTTT(update="accumulate")
    recording = record(NETWORK, PARAMS, X, Y, rule)
    trainer = Trainer(NETWORK, PARAMS, rule, 1.0)
    assert trainer.lr == (1.0, 1.0, 1.0)
    trainer.lr = (0.5, 0.0, 0.25)
    trainer.learn_batch(X, Y)
    gradients = [g.sum(axis=0) for g in recording.g_W + recording.g_b]
    assert same(trainer.params, moved(PARAMS, gradients, [0.5, 0.0, 0.25]), 1e-14)


def test_momentum_compounds() -> None:
    rule = OTTT(update="accumulate")
    trainer = Trainer(NETWORK, PARAMS, rule, 0.1, momentum=0.9)
    params, buffers = PARAMS, [np.zeros_like(p) for p in flat(PARAMS)]
    for _ in range(3):
        recording = record(NETWORK, params, X, Y, rule)
        gradients = [g.sum(axis=0) for g in recording.g_W + recording.g_b]
        buffers = [0.9 * buffer + g for buffer, g in zip(buffers, gradients, strict=True)]
        params = moved(params, buffers, [0.1] * 3)
        trainer.learn_batch(X, Y)
        assert same(trainer.params, params, 1e-12)


def test_static_input_is_the_same_at_every_step() -> None:
    rule = OTTT(trace_input=False)
    static, temporal = Trainer(NETWORK, PARAMS, rule, 0.5), Trainer(NETWORK, PARAMS, rule, 0.5)
    static.learn_batch(X, Y)
    temporal.learn_batch(np.broadcast_to(X, (5, 7, 9)), Y)
    assert same(static.params, temporal.params)


def test_input_is_traced_where_it_is_spikes() -> None:
    for x, traced in ((SPIKES, True), (X, False), (SPIKES[0], False), (SPIKES * 0.5, False)):
        left_open = Trainer(NETWORK, PARAMS, OTTT(), 0.5)
        told = Trainer(NETWORK, PARAMS, OTTT(trace_input=traced), 0.5)
        left_open.learn_batch(x, Y)
        told.learn_batch(x, Y)
        assert same(left_open.params, told.params)
        assert (record(NETWORK, PARAMS, x, Y, OTTT()).tr0 is not None) == traced


def test_samples_start_from_rest() -> None:
    """What was learnt or predicted before leaves weights behind, but no state."""
    trainer = Trainer(NETWORK, PARAMS, OTTT(trace_input=True), 0.0)
    first = [trainer.learn_batch(SPIKES, Y), trainer.learn_batch(SPIKES[:, :3], Y[:3])]
    trainer.predict(X)
    assert [trainer.learn_batch(SPIKES, Y), trainer.learn_batch(SPIKES[:, :3], Y[:3])] == first
    mixed = Trainer(NETWORK, PARAMS, OTTT(), 0.5)
    for x in (X, SPIKES, X):
        fresh = Trainer(NETWORK, mixed.params, OTTT(), 0.5)
        assert mixed.learn_batch(x, Y) == fresh.learn_batch(x, Y)
        assert same(mixed.params, fresh.params)


@pytest.mark.parametrize(
    "rule",
    [OTTT(loss_lambda=0.3), SLTT(), BPTT(), TET(), TET(loss="sdt"), TSSLBP(), TSSLBP("count")],
)
def test_the_loss_of_a_test_is_that_of_learning(rule: Any) -> None:
    """Where nothing is dropped and no statistics run; nothing is learned."""
    network = presets.tssl("8", (9,), 4, 5) if isinstance(rule, TSSLBP) else NETWORK
    trainer = Trainer(network, initialise(network, 1, gain=4.0), rule, 0.5)
    before = trainer.params
    assert trainer.loss(X, Y) == pytest.approx(trainer.gradient(X, Y)[0], rel=1e-12)
    assert same(trainer.params, before)


def test_arguments_are_left_alone() -> None:
    before = [p.copy() for p in flat(PARAMS)]
    x, y = X.copy(), Y.copy()
    trainer = Trainer(NETWORK, PARAMS, OTTT(), 0.5)
    trainer.learn_batch(x, y)
    taken = trainer.params
    trainer.learn_batch(x, y)
    assert not same(taken, trainer.params)
    assert all(np.array_equal(p, b) for p, b in zip(flat(PARAMS), before, strict=True))
    assert np.array_equal(x, X) and np.array_equal(y, Y)


def test_layers_without_bias_keep_it_at_zero() -> None:
    network = Network((Dense(9, 8), LIF(), Dense(8, 4, bias=False)), 5)
    for momentum in (0.0, 0.9):
        trainer = Trainer(network, initialise(network, 0), OTTT(), (0.5, 0.25), momentum)
        trainer.learn_batch(X, Y)
        assert trainer.params.biases[0].any()
        assert not trainer.params.biases[1].any()


def test_float32_is_near_float64() -> None:
    rule = OTTT(surrogate=Surrogate("sigmoid"))
    wide, narrow = (Trainer(NETWORK, PARAMS, rule, 0.5, 0.9, dtype) for dtype in ("f8", "f4"))
    wide.learn_batch(X, Y)
    narrow.learn_batch(X, Y)
    assert same(wide.params, narrow.params, 1e-5)
    assert not same(wide.params, narrow.params)
    recording = record(NETWORK, PARAMS, SPIKES, Y, rule, dtype=np.float32)
    arrays = (*recording.u, *recording.du, *recording.g_W, recording.out, recording.tr0)
    assert all(array is not None and array.dtype == np.float32 for array in arrays)


@pytest.mark.parametrize("readout", ["linear", "leaky", "spiking"])
def test_predictions_are_of_the_largest_sum(readout: Any) -> None:
    network = Network.mlp([9, 8, 4], timesteps=5, readout=readout)
    trainer = Trainer(network, initialise(network, 0), OTTT(), 0.5)
    for x in (X, SPIKES):
        out = record(network, trainer.params, x, Y, OTTT()).out
        classes = trainer.predict(x)
        assert classes.dtype == np.int64
        assert np.array_equal(classes, out.sum(axis=0).argmax(axis=1))


def test_predictions_of_many_samples() -> None:
    trainer = Trainer(NETWORK, PARAMS, OTTT(), 0.5)
    many = np.random.default_rng(3).random((2 * PREDICT_BATCH + 5, 9))
    each = [int(trainer.predict(x[None])[0]) for x in many[:: PREDICT_BATCH // 2]]
    assert trainer.predict(many)[:: PREDICT_BATCH // 2].tolist() == each
    trains = np.broadcast_to(many, (5, *many.shape))
    assert np.array_equal(trainer.predict(trains), trainer.predict(many))


@pytest.mark.parametrize("update", ["online", "accumulate", "last"])
@pytest.mark.parametrize("feedback", ["symmetric", "sign", "random", "direct"])
def test_it_learns(update: Any, feedback: Any) -> None:
    """Four classes around four corners."""
    rng = np.random.default_rng(5)
    corners = rng.random((4, 9))
    y = rng.integers(0, 4, 400)
    x = np.clip(corners[y] + rng.normal(0, 0.1, (400, 9)), 0, 1)
    network = Network.mlp([9, 30, 20, 4], timesteps=6)
    trainer = Trainer(
        network,
        initialise(network, 0),
        OTTT(update=update, feedback=feedback),
        6 * 0.1 if update == "last" else 0.1,
        feedback_weights=draw(feedback, network.sizes, 0),
    )
    for _ in range(5):
        for i in range(0, 300, 10):
            trainer.learn_batch(x[i : i + 10], y[i : i + 10])
    assert (trainer.predict(x[300:]) == y[300:]).mean() > 0.9


def peak_memory(timesteps: int, temporal: bool, update: Any) -> int:
    """Most bytes in use while a batch is learnt, the batch itself not counted."""
    network = Network.mlp([100, 80, 60, 10], timesteps=timesteps)
    params = initialise(network, 0)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (timesteps, 32, 100), dtype=np.uint8)
    y = rng.integers(0, 10, 32)
    tracemalloc.start()
    trainer = Trainer(network, params, OTTT(update=update), 0.1, momentum=0.9)
    trainer.learn_batch(x if temporal else x[0], y)
    trainer.predict(x if temporal else x[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("update", ["online", "accumulate", "last"])
@pytest.mark.parametrize("temporal", [False, True])
def test_memory_does_not_grow_with_timesteps(temporal: bool, update: Any) -> None:
    peak_memory(6, temporal, update)  # fills caches that stay
    assert peak_memory(60, temporal, update) <= 1.01 * peak_memory(6, temporal, update)


def make(**changes: Any) -> Trainer:
    values: dict[str, Any] = {"network": NETWORK, "params": PARAMS, "rule": OTTT(), "lr": 0.1}
    return Trainer(**(values | changes))


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: make(lr=-1.0), RuleError, "lr is -1.0; it must be a number from 0 up."),
        (lambda: make(lr=float("nan")), RuleError, "lr is nan; it must be a number from 0 up."),
        (
            lambda: make(lr=(0.1, 0.2)),
            RuleError,
            "lr has shape (2,); give one number, or one for each of the 3 weight layers.",
        ),
        (
            lambda: make(momentum=1.0),
            RuleError,
            "momentum is 1.0; it must be a number from 0 up and below 1.",
        ),
        (
            lambda: make(dtype=np.float16),
            RuleError,
            "dtype is float16; the float engine needs float64 or float32.",
        ),
        (
            lambda: make(rule=OTTT(feedback="direct")),
            RuleError,
            "feedback 'direct' needs 2 feedback weights, one for each weight layer above the "
            "first, and got none; give a tuple of 2.",
        ),
        (
            lambda: make(params=initialise(Network.mlp([9, 8, 6, 5]), 0)),
            NetworkError,
            "weights of Dense layer 2 have shape (5, 6); the network needs (4, 6).",
        ),
        (
            lambda: make().learn_batch(X[:, :8], Y),
            DataError,
            "samples have shape (7, 8); the network needs (batch, 9) or (5, batch, 9) with a "
            "batch of at least 1.",
        ),
        (
            lambda: make().predict(SPIKES[:4]),
            DataError,
            "samples have shape (4, 7, 9); the network needs (batch, 9) or (5, batch, 9) with a "
            "batch of at least 1.",
        ),
        (
            lambda: make().learn_batch(X[:0], Y[:0]),
            DataError,
            "samples have shape (0, 9); the network needs (batch, 9) or (5, batch, 9) with a "
            "batch of at least 1.",
        ),
        (
            lambda: make().learn_batch(X, Y[:6]),
            DataError,
            "labels have shape (6,) and type int64; 7 samples need (7,) whole numbers.",
        ),
        (
            lambda: make().learn_batch(X, Y + 0.5),
            DataError,
            "labels have shape (7,) and type float64; 7 samples need (7,) whole numbers.",
        ),
        (
            lambda: make().learn_batch(X, np.arange(7)),
            DataError,
            "labels go from 0 to 6; a network of 4 outputs needs them from 0 to 3.",
        ),
    ],
)
def test_refusals(act: Any, error: type[NeurochipError], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        act()
