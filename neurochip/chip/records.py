"""What a chip tells of the samples that it has learned or predicted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.account import Account

__all__ = ["EpochRecord", "Result"]


@dataclass(frozen=True, eq=False)
class EpochRecord:
    """What one epoch of learning was.

    Attributes:
        epoch: its number, from 0.
        samples: how many were learned.
        rate_shifts: one a weight layer: the rate was 2^-shift.
        scored: samples that were predicted before they were learned.
        wrong: how many of them wrongly.
        counters: events, (T, L, len(COUNTERS)) int64, summed over the samples.
        saturations: (T, L, len(SATURATIONS)) int64; zeros unless they are counted.
        account: what learning took in energy and time, without the samples that were scored; None
            of an epoch that was read from a file or learned by Lava's engine.
    """

    epoch: int
    samples: int
    rate_shifts: tuple[int, ...]
    scored: int
    wrong: int
    counters: NDArray[np.int64]
    saturations: NDArray[np.int64]
    account: Account | None = None

    @property
    def running_error(self) -> float:
        """Share of samples that were wrong when they came up, 0..1."""
        return self.wrong / self.scored if self.scored else math.nan


@dataclass(frozen=True, eq=False)
class Result:
    """What a chip made of a set of samples.

    Attributes:
        accuracy: share of right predictions, 0..1.
        predictions: (n,) int64.
        counters: events, (T, L, len(COUNTERS)) int64, summed over the samples.
        saturations: (T, L, len(SATURATIONS)) int64; zeros unless they are counted.
        account: what it took in energy and time.
    """

    accuracy: float
    predictions: NDArray[np.int64]
    counters: NDArray[np.int64]
    saturations: NDArray[np.int64]
    account: Account
