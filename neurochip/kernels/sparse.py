"""Products of a weight matrix with signals that are mostly zero, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.jit import kernel

Reals = NDArray[np.floating[Any]]

# Columns at a time: so many of a row of weights, of all rows, fit into the second-level cache.
COLUMNS = 400


@kernel
def count_events(x: Reals) -> int:
    """How many numbers of x, (B, n), aren't zero."""
    count = 0
    for b in range(x.shape[0]):
        row = x[b]
        for i in range(row.size):
            count += row[i] != 0.0
    return count


@kernel
def add_products_of_events(
    signals: Reals,
    rows: Reals,
    targets: Reals,
    numbers: NDArray[np.int32],
    values: Reals,
    counts: NDArray[np.int64],
) -> None:
    """targets[b] += signals[b, i] * rows[i] for every signal that isn't zero.

    Args:
        signals: (B, n) float.
        rows: (n, m) float.
        targets: (B, m) float, added to.
        numbers: (B, n), room.
        values: (B, n) float, room.
        counts: (B,), room.
    """
    for b in range(signals.shape[0]):
        counts[b] = _events(signals[b], numbers[b], values[b])
    n_out = targets.shape[1]
    for first in range(0, n_out, COLUMNS):
        last = min(first + COLUMNS, n_out)
        for b in range(signals.shape[0]):
            _add_rows(targets[b][first:last], rows, first, numbers[b], values[b], counts[b])


@kernel
def _events(signals: Reals, numbers: NDArray[np.int32], values: Reals) -> int:
    """Number and value of each signal that isn't zero; gives how many."""
    count = 0
    for i in range(signals.size):
        if signals[i] != 0.0:
            numbers[count] = i
            values[count] = signals[i]
            count += 1
    return count


@kernel
def _add_rows(
    target: Reals, rows: Reals, first: int, numbers: NDArray[np.int32], values: Reals, count: int
) -> None:
    """Target += values[j] * rows[numbers[j]] from column `first` on, four rows in one sweep."""
    last = first + target.size
    j = 0
    while j + 4 <= count:
        a, b, c, d = values[j], values[j + 1], values[j + 2], values[j + 3]
        p, q = rows[numbers[j]][first:last], rows[numbers[j + 1]][first:last]
        r, s = rows[numbers[j + 2]][first:last], rows[numbers[j + 3]][first:last]
        for k in range(target.size):
            target[k] += (a * p[k] + b * q[k]) + (c * r[k] + d * s[k])
        j += 4
    while j < count:
        a, p = values[j], rows[numbers[j]][first:last]
        for k in range(target.size):
            target[k] += a * p[k]
        j += 1
