"""Knobs: what a study turns, and the values that it tries."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from neurochip.errors import ConfigError

#: One setting: an option's value for each knob.
Setting: TypeAlias = dict[str, Any]

_RANGE_KEYS = ("low", "high", "step", "log")
#: Whole numbers beyond these aren't told apart in a database, which keeps them as float64.
_LARGEST_WHOLE = 1 << 53
#: Ends beyond these have no place between them that a search could draw.
_LARGEST = 1e100
#: A step below this share of the larger end isn't told from another one in float64.
_LEAST_STEP = 1e-6


@dataclass(frozen=True)
class Values:
    """A knob with a list of values, in the order of the file."""

    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """What is checked before anything runs."""
        return self.values

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    def value(self, number: int) -> Any:
        """The value of a number from 0."""
        return self.values[number]


@dataclass(frozen=True)
class Range:
    """A knob with a range, both ends included; whole numbers where both ends are.

    Attributes:
        low: the lower end.
        high: the upper end.
        step: distance of two values; None: 1 for whole numbers, any for others.
        log: values are drawn evenly over their logarithm.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Any, ...]:
        """What is checked before anything runs."""
        return (self.low, self.high)

    @property
    def count(self) -> int | None:
        """How many values a range with steps has; None of one without."""
        step = 1 if self.is_whole and self.step is None else self.step
        if step is None or self.log:
            return None
        return math.floor((_exact(self.high) - _exact(self.low)) / _exact(step)) + 1

    def value(self, number: int) -> float:
        """The value of a number from 0 in a range with steps, exact in decimals: 0.7, never
        0.7000000000000001.
        """
        value = _exact(self.low) + number * _exact(1 if self.step is None else self.step)
        return int(value) if self.is_whole else float(value)


Knob: TypeAlias = Values | Range


def parse(name: str, entry: Any, where: str) -> Knob:
    """A knob from what a study file says of it: a list of values, or a table of a range.

    Raises:
        ConfigError: it is empty, or neither of the two.
    """
    if isinstance(entry, list):
        return _values(name, entry, where)
    if isinstance(entry, Mapping):
        return _range(name, entry, where)
    raise ConfigError(
        f"{where}: knob {name!r} is {entry!r}; it must be a list of values, such as [4, 6, 8], or "
        f"a range, such as {{ low = 4, high = 8 }}"
    )


def size(knobs: Mapping[str, Knob], where: str) -> int:
    """How many combinations the knobs' values have; none of them is made for it.

    Raises:
        ConfigError: a knob has a range without steps.
    """
    total = 1
    for name, knob in knobs.items():
        count = knob.count
        if count is None:
            raise ConfigError(
                f"{where}: knob {name!r} has a range without steps, of which a grid can't try all "
                f"values; give a list or a step, or search 'random', 'tpe' or 'nsga2'"
            )
        total *= count
    return total


def combination(knobs: Mapping[str, Knob], number: int) -> Setting:
    """One of all combinations of the knobs' values, the last knob fastest.

    Args:
        knobs: none has a range without steps.
        number: from 0, below their `size`.
    """
    backwards: Setting = {}
    for name, knob in reversed(list(knobs.items())):
        number, place = divmod(number, knob.count or 1)
        backwards[name] = knob.value(place)
    return {name: backwards[name] for name in knobs}


def text_of(value: Any) -> str:
    """A value as tables and labels show it: 8, nearest, 4,6."""
    if isinstance(value, (list, tuple)):
        return ",".join(text_of(entry) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def key_of(setting: Setting) -> str:
    """What two settings share if and only if they are the same."""
    return json.dumps(setting, sort_keys=True)


def _values(name: str, entries: list[Any], where: str) -> Values:
    if not entries:
        raise ConfigError(f"{where}: knob {name!r} has no values; give one or more")
    for entry in entries:
        if not _is_plain(entry):
            raise ConfigError(
                f"{where}: knob {name!r} has the value {entry}; it must be a number, a text, true "
                f"or false, or a list of these"
            )
    twice = _repeated(json.dumps(entry) for entry in entries)
    if twice is not None:
        raise ConfigError(f"{where}: knob {name!r} has the value {twice} twice; leave one out")
    return Values(tuple(entries))


def _is_plain(value: Any) -> bool:
    """Whether a value can be kept, compared and shown: no date, no table, no nan."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, (int, str))


def _repeated(texts: Iterator[str]) -> str | None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            return text
        seen.add(text)
    return None


def _range(name: str, entry: Mapping[str, Any], where: str) -> Range:
    unknown = [key for key in entry if key not in _RANGE_KEYS]
    if unknown or not {"low", "high"} <= set(entry):
        raise ConfigError(
            f"{where}: knob {name!r} is {dict(entry)!r}; a range has low and high, and perhaps "
            f"step or log"
        )
    numbers = [entry["low"], entry["high"], entry.get("step", 1)]
    if any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers) or not all(
        abs(n) <= _LARGEST for n in numbers
    ):
        raise ConfigError(
            f"{where}: knob {name!r} is {dict(entry)!r}; its ends and its step must be numbers, up "
            f"to {_LARGEST:g} either way"
        )
    if not isinstance(entry.get("log", False), bool):
        raise ConfigError(
            f"{where}: knob {name!r} has log = {entry['log']!r}; it must be true or false"
        )
    knob = Range(entry["low"], entry["high"], entry.get("step"), entry.get("log", False))
    if knob.low > knob.high:
        raise ConfigError(
            f"{where}: knob {name!r} has the empty range {knob.low} to {knob.high}; exchange its "
            f"ends"
        )
    if knob.step is not None and (knob.step <= 0 or knob.log):
        raise ConfigError(
            f"{where}: knob {name!r} has the step {knob.step}"
            f"{' and log' if knob.log else ''}; give a step above 0, or log, or neither"
        )
    if knob.log and knob.low <= 0:
        raise ConfigError(
            f"{where}: knob {name!r} has a log range from {knob.low}; start it above 0"
        )
    if knob.is_whole and max(-knob.low, knob.high) > _LARGEST_WHOLE:
        raise ConfigError(
            f"{where}: knob {name!r} has the range {knob.low} to {knob.high}; whole numbers must "
            f"be up to 2^53 = {_LARGEST_WHOLE} either way"
        )
    if knob.step is not None:
        _check_step(name, knob, knob.step, where)
    return knob


def _check_step(name: str, knob: Range, step: float, where: str) -> None:
    """Raise ConfigError where a step leads to values that aren't those one would expect."""
    if knob.is_whole and not isinstance(step, int):
        raise ConfigError(
            f"{where}: knob {name!r} has the step {step} between whole numbers; give a whole step, "
            f"or ends with a point, such as {float(knob.low)}"
        )
    if not knob.is_whole and step < _LEAST_STEP * max(-knob.low, knob.high):
        raise ConfigError(
            f"{where}: knob {name!r} has the step {step}, which is below a millionth of its ends "
            f"{knob.low} and {knob.high}; widen it, or leave it out"
        )
    last = knob.value((knob.count or 1) - 1)
    if last != knob.high:
        raise ConfigError(
            f"{where}: knob {name!r} has the range {knob.low} to {knob.high}, at whose end no step "
            f"of {step} arrives; end it at {last}, or choose another step"
        )


def _exact(number: float) -> Fraction:
    """A number as it's written: 0.1 is a tenth."""
    return Fraction(str(number))
