"""Trained off the chip, deployed, then adapted on the chip to a shift: what comes back, what goes.

The float network sees the old domain only. The chip that holds it is judged on the old and on the
new one, learns some samples of the new one by its own rule, and is judged on both again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from neurochip.chip import EpochRecord, Result
from neurochip.chip.order import shuffled
from neurochip.config import RunConfig
from neurochip.data import Dataset, Split
from neurochip.data import shifts as kinds
from neurochip.errors import ConfigError, DataError
from neurochip.experiment import Run
from neurochip.network import Parameters
from neurochip.study import ptq

Shift = Literal["none", "rotated", "moved", "noisy", "dead", "new_classes"]

#: What this workflow adds to the options of a run, with its default.
#: shift: the new domain; by "none" it is the old one. strength: degrees, pixels, deviation of the
#: noise, share of the pixels, or number of the last classes, which the float network hasn't seen;
#: `STRENGTHS` if None.
#: adapt_samples: of the new domain, learned on the chip. passes: over them. replay: samples of the
#: old domain among them. slower: halvings of the rate that the chip chooses, or of rate_shifts;
#: negative for a faster one.
OPTIONS: dict[str, Any] = {
    **ptq.OPTIONS,
    "shift": "rotated",
    "strength": None,
    "adapt_samples": 1000,
    "passes": 1,
    "replay": 0,
    "slower": 0,
}

#: How strong a shift is unless told.
STRENGTHS: dict[str, float] = {
    "none": 0,
    "rotated": 30.0,
    "moved": 1,
    "noisy": 0.2,
    "dead": 0.25,
    "new_classes": 2,
}
#: Strengths that can be; those of whole numbers are whole.
_LIMITS: dict[str, tuple[float, float]] = {
    "none": (0, 0),
    "rotated": (-360.0, 360.0),
    "moved": (-1024, 1024),
    "noisy": (0.0, 100.0),
    "dead": (0.0, 1.0),
    "new_classes": (1, 1 << 16),
}
_COUNTS: dict[str, tuple[int, int]] = {
    "adapt_samples": (1, 1 << 30),
    "passes": (1, 1 << 20),
    "replay": (0, 1 << 30),
    "slower": (-16, 16),
}
#: Of the seeds of what is drawn for the samples that are learned, and for those held out.
_LEARNED, _HELD = 0, 1


@dataclass(frozen=True, eq=False)
class Domains:
    """The samples before and after a shift.

    Attributes:
        old: what the float network learns, and the held-out samples of the same kind.
        new: what the chip learns, replayed samples of the old domain among them, and the held-out
            samples of the new kind.
    """

    old: Dataset
    new: Dataset


@dataclass(frozen=True, eq=False)
class Adaptation:
    """Accuracies around the adaptation of one chip, 0..1, on held-out samples.

    Attributes:
        deployed: before, on the old domain.
        unadapted: before, on the new domain.
        adapted: after, on the new domain.
        retained: after, on the old domain.
    """

    deployed: float
    unadapted: float
    adapted: float
    retained: float


@dataclass(frozen=True, eq=False)
class Adapted:
    """A run that has adapted.

    Attributes:
        run: whose chip did.
        judged: what it makes of the held-out samples of the new domain.
        last: its last pass.
        adaptation: accuracies before and after.
    """

    run: Run
    judged: Result
    last: EpochRecord
    adaptation: Adaptation


def check(options: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where one of this workflow's own options is out of range."""
    ptq.check({key: value for key, value in options.items() if key in ptq.OPTIONS}, where)
    ptq.check_one_scale(options, where)
    shift = options.get("shift", OPTIONS["shift"])
    if shift not in get_args(Shift):
        raise ConfigError(
            f"{where}: shift is {shift!r}; it must be one of {', '.join(get_args(Shift))}"
        )
    for name, (low, high) in _COUNTS.items():
        value = options.get(name, OPTIONS[name])
        if not _is_whole(value) or not low <= value <= high:
            raise ConfigError(f"{where}: {name} is {value!r}; it must be {low} to {high}")
    if "shift" in options and options.get("strength") is not None:
        _check_strength(shift, options["strength"], where)


def _check_strength(shift: str, strength: Any, where: str) -> None:
    low, high = _LIMITS[shift]
    is_number = _is_whole(strength) or isinstance(strength, float)
    if _is_whole(low):
        is_number = is_number and strength == int(strength)
    if not is_number or not low <= strength <= high:
        kind = "a whole number of " if _is_whole(low) else ""
        raise ConfigError(
            f"{where}: strength is {strength!r}; of shift {shift!r} it must be {kind}{low} to "
            f"{high}"
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def domains(config: RunConfig, options: Mapping[str, Any], data: Dataset) -> Domains:
    """What is learned and judged before and after the shift.

    Which samples the chip adapts to, and what is drawn for a shift, follow from the run's seed.

    Args:
        config: the run.
        options: this workflow's own, where they aren't the default.
        data: its training samples, and in place of a test set those held out.

    Raises:
        ConfigError: the strength is out of range.
        DataError: the samples can't be shifted so, or are too few.
    """
    own = {**OPTIONS, **options}
    strength = STRENGTHS[own["shift"]] if own["strength"] is None else own["strength"]
    _check_strength(own["shift"], strength, f"shift of {data.name}")
    order = shuffled(len(data.train), config.seed, 0)
    if own["shift"] == "new_classes":
        return _of_new_classes(data, int(strength), order, own["adapt_samples"], own["replay"])
    asked = own["adapt_samples"] + own["replay"]
    if asked > len(data.train):
        raise DataError(
            f"{data.train.name}: {own['adapt_samples']} samples to adapt to and {own['replay']} to "
            f"replay were asked for, but {len(data.train)} are learned; ask for fewer"
        )
    mixed = data.train[order[:asked]]
    fresh = mixed[: own["adapt_samples"]]
    learned = _shifted(fresh, own["shift"], strength, config.seed, _LEARNED)
    held = _shifted(data.test, own["shift"], strength, config.seed, _HELD)
    return Domains(data, replace(data, train=_with_last(learned, mixed, own["replay"]), test=held))


def _of_new_classes(data: Dataset, n_new: int, order: Any, n_adapt: int, replay: int) -> Domains:
    n_old = data.n_classes - n_new
    if n_old < 1:
        raise DataError(
            f"{data.name}: {n_new} of its {data.n_classes} classes were to be new; leave one or "
            f"more that the float network learns"
        )
    ends = ((0, n_old), (n_old, data.n_classes))
    old, new = (
        replace(
            data, train=kinds.of_classes(data.train, *end), test=kinds.of_classes(data.test, *end)
        )
        for end in ends
    )
    mixed = [kinds.of_classes(data.train[order], *end) for end in ends]
    for split, end, asked, what in zip(
        mixed, ends, (replay, n_adapt), ("replay", "adapt to"), strict=True
    ):
        if asked > len(split):
            raise DataError(
                f"{data.train.name}: {asked} samples to {what} were asked for, but {len(split)} of "
                f"classes {end[0]} to {end[1] - 1} are learned; ask for fewer"
            )
    return Domains(old, replace(new, train=_with_last(mixed[1][:n_adapt], mixed[0], replay)))


def _shifted(split: Split, shift: Shift, strength: float, seed: int, part: int) -> Split:
    if shift == "none":
        return split
    if shift == "rotated":
        return kinds.rotated(split, strength)
    if shift == "moved":
        return kinds.moved(split, int(strength))
    if shift == "noisy":
        return kinds.noisy(split, strength, (seed, part))
    return kinds.dead(split, strength, seed)


def _with_last(split: Split, other: Split, n: int) -> Split:
    """A split and the last n samples of another."""
    if not n:
        return split
    x, y = np.concatenate([split.x, other.x[-n:]]), np.concatenate([split.y, other.y[-n:]])
    return replace(split, x=x, y=y)


def float_key(config: RunConfig, options: Mapping[str, Any]) -> str:
    """As `ptq.float_key`: classes that are new are not learned in float."""
    own = {**OPTIONS, **options}
    key = ptq.float_key(config, own)
    return f"{key} {own['strength']}" if own["shift"] == "new_classes" else key


def deployed(
    config: RunConfig, options: Mapping[str, Any], learned: Parameters, data: Dataset
) -> Run:
    """A run whose chip holds what a float network learned, with room for weights to grow."""
    return ptq.deployed(config, options, learned, data, config.load_hardware())


def adapted(run: Run, options: Mapping[str, Any], there: Domains) -> Adapted:
    """Let a deployed chip learn the new domain.

    Args:
        run: what `deployed` gave; it is changed.
        options: this workflow's own, where they aren't the default.
        there: what `domains` gave.
    """
    own, chip = {**OPTIONS, **options}, run.chip
    before = chip.evaluate(there.old.test).accuracy, chip.evaluate(there.new.test).accuracy
    rates = chip.rate_shifts or chip.choose_rates(chip.encode(there.new.train.x))
    slower = tuple(rate + own["slower"] for rate in rates)
    chip.load(chip.integers, epoch=0, n_learned=0, rate_shifts=slower)
    records = run.learner.learn(there.new.train, own["passes"])
    judged = chip.evaluate(there.new.test)
    after = judged.accuracy, chip.evaluate(there.old.test).accuracy
    return Adapted(run, judged, records[-1], Adaptation(*before, *after))
