"""Counts times costs: energy and time in which what is unknown stays unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from neurochip.hardware import EVENTS, CostTable

Counts = NDArray[np.int64]

_PREFIXES = ((1e12, ""), (1e9, "m"), (1e6, "u"), (1e3, "n"), (1.0, "p"))
_PICO = 1e-12
#: Units of what a sample takes.
COSTS = ("J", "s")
_NANO = 1e-9
_MILLI = 1e-3
_STATIC = "static power"


@dataclass(frozen=True)
class Amount:
    """A sum of which some terms may be unknown; those are named, never taken for 0.

    Attributes:
        known: sum of the known terms, in pico-units.
        unknown: names of the terms that happened and whose cost nobody knows.
        unit: "J" or "s".
    """

    known: float
    unknown: tuple[str, ...] = ()
    unit: str = "J"

    @classmethod
    def of(cls, value: float, unit: str) -> Amount:
        """An amount of whole units, all of it known."""
        return cls(value / _PICO, (), unit)

    @property
    def is_known(self) -> bool:
        """Whether nothing is missing from the sum."""
        return not self.unknown

    @property
    def value(self) -> float | None:
        """The sum in J or s; None where a term is unknown."""
        return self.known * _PICO if self.is_known else None

    def __add__(self, other: Amount) -> Amount:
        """The sum of both, in this one's unit."""
        names = dict.fromkeys((*self.unknown, *other.unknown))
        return Amount(self.known + other.known, tuple(names), self.unit)

    def __str__(self) -> str:
        if self.is_known:
            return _with_prefix(self.known, self.unit)
        names = ", ".join(name.replace("_", " ") for name in self.unknown)
        if not self.known:
            return f"unknown ({names})"
        return f"at least {_with_prefix(self.known, self.unit)} plus unknown {names}"


def energy_of(counts: Counts, table: CostTable) -> Amount:
    """Energy of events, (..., len(EVENTS)) summed over all but the last axis."""
    return _sum(counts, table.energy, "J", 1.0)


def energy_by_core(counts: Counts, table: CostTable) -> list[Amount]:
    """Energy of each core's events, (cores, len(EVENTS))."""
    return [energy_of(row, table) for row in counts]


def busy_time(counts: Counts, table: CostTable) -> Amount:
    """Time of events if they came one after the other, (..., len(EVENTS))."""
    return _sum(counts, table.time, "s", _NANO / _PICO)


def static_energy(seconds: float, table: CostTable) -> Amount:
    """What the chip draws in some seconds whatever happens."""
    if np.isnan(table.static_power):
        return Amount(0.0, (_STATIC,))
    return Amount(table.static_power * _MILLI * seconds / _PICO)


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum of amounts of one unit; of none it's 0 J."""
    given = list(amounts)
    return reduce(add, given) if given else Amount(0.0)


def _sum(counts: Counts, costs: NDArray[np.float64], unit: str, scale: float) -> Amount:
    events = counts.reshape(-1, len(EVENTS)).sum(axis=0)
    known = ~np.isnan(costs)
    missing = tuple(EVENTS[k] for k in np.flatnonzero(~known & (events > 0)))
    return Amount(float(events[known] @ costs[known]) * scale, missing, unit)


def _with_prefix(pico: float, unit: str) -> str:
    factor, prefix = next((pair for pair in _PREFIXES if abs(pico) >= pair[0]), _PREFIXES[-1])
    return f"{pico / factor:.4g} {prefix}{unit}"
