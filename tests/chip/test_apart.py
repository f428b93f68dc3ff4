"""What else is asked of a chip while it learns, or is shown a sample step by step."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurochip.chip import Chip
from neurochip.data import Split
from neurochip.errors import ConfigError
from neurochip.network import Network
from neurochip.rules import OTTT
from neurochip.rules.ottt import Update

TIMESTEPS = 4
_RANDOM = np.random.default_rng(0)
DATA = Split(_RANDOM.random((5, 9)), _RANDOM.integers(4, size=5))
Asked = Callable[[Chip], object]


def _rehearsed(chip: Chip) -> None:
    chip.rehearse(DATA.x[2], 1).step()


ASKED: dict[str, Asked] = {
    "evaluate": lambda chip: chip.evaluate(DATA),
    "predict": lambda chip: chip.predict(DATA.x[1:]),
    "costs": lambda chip: chip.costs(DATA, 2),
    "observe": lambda chip: chip.observe(DATA.x[1], 0),
    "rehearse": _rehearsed,
}


def chip_of(update: Update) -> Chip:
    network = Network.mlp([9, 12, 4], timesteps=TIMESTEPS)
    return Chip(network, rule=OTTT(update, rate_shifts=(0, 0)))


def in_steps(chip: Chip, asked: Asked) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
    """Learn a sample; the counts, and the spikes of all steps."""
    counts, spikes = np.zeros((), np.int64), list[NDArray[Any]]()
    chip.start(DATA.x[0], int(DATA.y[0]))
    for _ in range(TIMESTEPS):
        step = chip.step()
        counts = counts + step.counts
        spikes += step.spikes
        asked(chip)
    return counts, spikes


def same_weights(one: Chip, other: Chip) -> bool:
    pairs = zip(one.integers.weights, other.integers.weights, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("update", ["online", "accumulate"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_between_two_steps_anything_may_be_asked(asked: Asked, update: Update) -> None:
    """The sample that is shown is learned as if nobody had asked."""
    alone, disturbed = chip_of(update), chip_of(update)
    counts, spikes = in_steps(alone, lambda _: None)
    others, others_spikes = in_steps(disturbed, asked)
    assert same_weights(alone, disturbed)
    assert not same_weights(alone, chip_of(update))
    assert np.array_equal(counts, others)
    assert all(np.array_equal(a, b) for a, b in zip(spikes, others_spikes, strict=True))


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_an_epoch_is_charged_whole_whatever_is_asked_in_it(asked: Asked) -> None:
    """A progress function may evaluate the chip after each chunk of samples."""
    alone, watched = chip_of("online"), chip_of("online")
    many = Split(np.resize(DATA.x, (300, 9)), np.resize(DATA.y, 300))
    (record,) = alone.learn(many)

    def progress(*_: int) -> None:
        asked(watched)

    (other,) = watched.learn(many, progress=progress)
    assert same_weights(alone, watched)
    assert record.account is not None and other.account is not None
    assert np.array_equal(record.account.counts, other.account.counts)
    assert record.account.inference_time == other.account.inference_time
    assert record.account.learning_time == other.account.learning_time


def _restart(chip: Chip) -> None:
    chip.start(DATA.x[0], int(DATA.y[0]))
    for _ in range(TIMESTEPS):
        chip.step()


def test_a_sample_that_is_left_leaves_nothing() -> None:
    """Another one begins instead: sums of products of the first are forgotten."""
    left, fresh = chip_of("accumulate"), chip_of("accumulate")
    left.start(DATA.x[1], int(DATA.y[1]))
    left.step()
    assert left._core.gradient.any()
    for chip in (left, fresh):
        _restart(chip)
    assert same_weights(left, fresh)
    assert left.n_learned == fresh.n_learned == 1


def _load(chip: Chip) -> None:
    chip.load(chip.integers, epoch=0, n_learned=0, rate_shifts=(0, 0))


@pytest.mark.parametrize("other", [lambda chip: chip.learn(DATA), _load], ids=["learn", "load"])
def test_learning_ends_a_sample_that_is_shown(other: Asked) -> None:
    left, fresh = chip_of("accumulate"), chip_of("accumulate")
    left.start(DATA.x[1], int(DATA.y[1]))
    left.step()
    for chip in (left, fresh):
        other(chip)
    sentence = "no sample is shown; show one with chip.start"
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        left.step()
    for chip in (left, fresh):
        _restart(chip)
    assert same_weights(left, fresh)
