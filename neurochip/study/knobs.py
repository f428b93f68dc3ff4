"""Knobs: what a study turns, and the values that it tries."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from neurochip.errors import ConfigError

#: One setting: an option's value for each knob.
Setting: TypeAlias = dict[str, Any]

_RANGE_KEYS = ("low", "high", "step", "log")


@dataclass(frozen=True)
class Values:
    """A knob with a list of values, in the order of the file."""

    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """What is checked before anything runs."""
        return self.values


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

    def values(self) -> tuple[float, ...] | None:
        """All values of a range that has steps; None of one that hasn't."""
        step = 1 if self.is_whole and self.step is None else self.step
        if step is None or self.log:
            return None
        # A step that the ends hold a whole number of times must not lose its last value.
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return tuple(self.low + number * step for number in range(count))


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


def grid(knobs: Mapping[str, Knob], where: str) -> list[Setting]:
    """Every combination of the knobs' values, the last knob fastest.

    Raises:
        ConfigError: a knob has a range without steps.
    """
    axes = []
    for name, knob in knobs.items():
        values = knob.values if isinstance(knob, Values) else knob.values()
        if values is None:
            raise ConfigError(
                f"{where}: knob {name!r} has a range without steps, of which a grid can't try all "
                f"values; give a list or a step, or search 'random', 'tpe' or 'nsga2'"
            )
        axes.append([(name, value) for value in values])
    return [dict(pairs) for pairs in itertools.product(*axes)]


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
    twice = _repeated(json.dumps(entry) for entry in entries)
    if twice is not None:
        raise ConfigError(f"{where}: knob {name!r} has the value {twice} twice; leave one out")
    return Values(tuple(entries))


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
        math.isfinite(n) for n in numbers
    ):
        raise ConfigError(f"{where}: knob {name!r} is {dict(entry)!r}; its ends must be numbers")
    knob = Range(entry["low"], entry["high"], entry.get("step"), bool(entry.get("log", False)))
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
    return knob
