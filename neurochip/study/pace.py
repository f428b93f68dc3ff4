"""How long what is left of a study takes, by what its units took so far."""

from __future__ import annotations

import statistics
from collections import deque

#: Units by which the next ones are judged.
_REMEMBERED = 1000


class Pace:
    """Tells the time left from the median of the units' own seconds.

    Each worker's first unit is left out, since it also compiles kernels and loads the data set; a
    median doesn't mind the few later ones that compile something more.

    Args:
        n_workers: how many units are at work at once.
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = max(1, n_workers)
        self._n_first = 0
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def hear(self, seconds: float) -> None:
        """A unit is done; it took so long."""
        if self._n_first < self._n_workers:
            self._n_first += 1
        else:
            self._seconds.append(seconds)

    def left(self, n_units: int) -> float | None:
        """Seconds that so many more units take; None while only first ones are done."""
        if not n_units:
            return 0.0
        if not self._seconds:
            return None
        return statistics.median(self._seconds) * n_units / self._n_workers
