"""Training for epochs: order, schedules, stages, restarts, and what happens when it diverges."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from neurochip.errors import DataError, RuleError, TrainingError
from neurochip.network import (
    LIF,
    AdaptiveAvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    Network,
    initialise,
    presets,
)
from neurochip.reference import Stage, Trainer, fit
from neurochip.reference.optimisers import SGD, Adam, AdamW, cosine
from neurochip.rules import BPTT, OTTT, TET, TSSLBP

NETWORK = Network.mlp([9, 30, 4], timesteps=6)
PARAMS = initialise(NETWORK, 0)
RNG = np.random.default_rng(1)
CORNERS = RNG.random((4, 9))
Y = RNG.integers(0, 4, 330)
X = np.clip(CORNERS[Y] + RNG.normal(0, 0.1, (330, 9)), 0, 1)


def trained(**options: Any) -> list[Any]:
    values: dict[str, Any] = {"stages": [Stage(6, 4)], "lr": 0.2, "batch": 20}
    return list(fit(NETWORK, PARAMS, OTTT(), X[:250], Y[:250], **(values | options)))


def test_it_learns() -> None:
    epochs = trained()
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert all(later.loss < earlier.loss for earlier, later in pairwise(epochs))
    assert (epochs[-1].trainer.predict(X[250:]) == Y[250:]).mean() > 0.9


def test_the_seed_decides() -> None:
    losses = {seed: [epoch.loss for epoch in trained(seed=seed)] for seed in (1, 1, 2)}
    assert losses[1] == [epoch.loss for epoch in trained(seed=1)]
    assert losses[1] != losses[2]


def test_rates_fall_along_a_cosine() -> None:
    assert [epoch.rate for epoch in trained()] == [cosine(0.2, epoch, 4) for epoch in range(4)]
    assert {epoch.rate for epoch in trained(schedule="constant")} == {0.2}


def test_stages_inherit_the_parameters() -> None:
    """TIT: the second stage begins where the first one ended, at a larger T."""
    epochs = trained(stages=[Stage(2, 3), Stage(6, 1)])
    assert [epoch.timesteps for epoch in epochs] == [2, 2, 2, 6]
    assert epochs[-1].network.timesteps == 6
    before, after = epochs[-2].params.weights[0], epochs[-1].params.weights[0]
    assert 0 < np.abs(after - before).max() < np.abs(after - PARAMS.weights[0]).max()
    longer = Trainer(epochs[-1].network, epochs[-2].params, OTTT(), 0.0)
    assert (longer.predict(X[250:]) == Y[250:]).mean() > 0.8


@pytest.mark.parametrize("optimiser", [SGD(), SGD(0.9), Adam(), AdamW()])
@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_restart_goes_on_bit_for_bit(optimiser: Any, done: int) -> None:
    options: dict[str, Any] = {"stages": [Stage(2, 2), Stage(6, 2)], "optimiser": optimiser}
    options |= {"lr": 0.01}
    whole = trained(**options)
    rest = trained(**options, after=whole[done - 1].progress)
    assert [epoch.number for epoch in rest] == list(range(done + 1, 5))
    assert [epoch.loss for epoch in rest] == [epoch.loss for epoch in whole[done:]]
    for one, other in zip(rest[-1].params.weights, whole[-1].params.weights, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("rule", [OTTT(), BPTT(), TET()])
def test_spike_trains(rule: Any) -> None:
    """Samples first in a data set, (n, T, ...); time first in the engine."""
    trains = (RNG.random((330, 6, 9)) < X[:, None]).astype(np.uint8)
    epochs = list(fit(NETWORK, PARAMS, rule, trains, Y, [Stage(6, 3)], 0.2, 20))
    assert epochs[-1].loss < epochs[0].loss
    predicted = epochs[-1].trainer.predict(np.moveaxis(trains, 1, 0))
    assert (predicted == Y).mean() > 0.5


def test_published_settings_of_tssl() -> None:
    network = presets.tssl("20", (1, 3, 3), 4)
    options: Any = {"optimiser": AdamW(), "clip_norm": 1.0, "clamp": 4.0, "batch": 20}
    params = initialise(network, 0, gain=3.0)
    epochs = list(fit(network, params, TSSLBP(), X, Y, [Stage(5, 3)], 3e-3, **options))
    assert epochs[-1].loss < epochs[0].loss


def test_a_loss_that_explodes() -> None:
    told = (
        r"^the loss grew from .* to .* in step \d of batch \d+ of epoch 1, and weights of Dense "
        r"layer \d are the largest; lower the learning rate or clip gradients\.$"
    )
    with pytest.raises(TrainingError, match=told):
        trained(lr=1e15, schedule="constant", optimiser=SGD())


@pytest.mark.parametrize("rule", [OTTT(), OTTT("accumulate"), BPTT()])
def test_an_update_that_no_later_batch_of_its_epoch_has_seen(rule: Any) -> None:
    """The last one of an epoch, before the epoch is called good."""
    told = (
        r"^the loss grew from .* to .* in batch 1 of epoch 1, shown again after its update, and "
        r"weights of Dense layer \d are the largest; lower the learning rate or clip gradients\.$"
    )
    one_step = [Stage(1, 1)]  # on-line, a later step would have shown it
    with pytest.raises(TrainingError, match=told):
        list(fit(NETWORK, PARAMS, rule, X[:250], Y[:250], one_step, 1e15, 250))


@pytest.mark.parametrize(
    ("rule", "where"), [(OTTT(), "step 0 of batch 1"), (BPTT(), "batch 1"), (TET(), "batch 1")]
)
def test_a_loss_that_is_no_number(rule: Any, where: str) -> None:
    """Rules that go back through time have one loss for all steps of a batch."""
    network = Network.mlp([9, 4], timesteps=6)
    samples = X[:250].copy()
    samples[:] = np.inf
    message = (
        f"the loss is nan in {where} of epoch 1, and weights of Dense layer 0 hold "
        "numbers that are not finite; lower the learning rate or clip gradients."
    )
    with pytest.raises(TrainingError, match=f"^{re.escape(message)}$"):
        list(fit(network, initialise(network, 0), rule, samples, Y[:250], [Stage(6, 1)], 0.1))


def test_hidden_weights_that_are_no_numbers() -> None:
    """They never fire again, so that the loss alone wouldn't tell."""
    samples = X[:250].copy()
    samples[7] = np.inf
    with pytest.raises(TrainingError, match=r"^weights of Dense layer 0 hold numbers that are not"):
        list(fit(NETWORK, PARAMS, OTTT(), samples, Y[:250], [Stage(6, 1)], 0.1, 20))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stage(0, 3), "a stage has timesteps = 0; it must be 1 or more."),
        (
            lambda: trained(schedule="linear"),
            "schedule is 'linear'; it must be one of 'constant', 'cosine'.",
        ),
        (
            lambda: trained(batch=0),
            "batch is 0 and stages are [Stage(timesteps=6, epochs=4)]; give one or more of each.",
        ),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        make()


def test_as_many_labels_as_samples() -> None:
    with pytest.raises(DataError, match=r"^there are 250 samples and 3 labels; give as many\.$"):
        list(fit(NETWORK, PARAMS, OTTT(), X[:250], Y[:3], [Stage(6, 1)], 0.1))


def test_no_samples() -> None:
    with pytest.raises(DataError, match=r"^there are no samples to learn; give one or more\.$"):
        list(fit(NETWORK, PARAMS, OTTT(), X[:0], Y[:0], [Stage(6, 1)], 0.1))


def test_a_later_stage_that_cant_be_trained_is_refused_before_the_first() -> None:
    network = presets.tssl("20", (1, 3, 3), 4)
    begun = fit(network, initialise(network, 0), TSSLBP(), X, Y, [Stage(5, 1), Stage(7, 1)], 0.1)
    with pytest.raises(RuleError, match=r"^timesteps is 7, no multiple of the 5 steps"):
        next(begun)


def test_norms_of_many_positions_stay_in_single_precision() -> None:
    """numpy 1 divides float32 by whole numbers beyond 65,535 in float64."""
    layers = (Conv2d(1, 2, 1, bias=False), BatchNorm(2), LIF(fires=">", reset="hard"))
    network = Network((*layers, AdaptiveAvgPool(1), Flatten(), Dense(2, 4)), 2, (1, 32, 32))
    x = RNG.random((40, 1, 32, 32))
    epochs = list(fit(network, initialise(network, 0), TET(), x, Y[:40], [Stage(2, 1)], 0.1, 40))
    assert np.isfinite(epochs[-1].loss)
