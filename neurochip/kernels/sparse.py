"""Products of a weight matrix with signals that are mostly zero, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.jit import kernel

Reals = NDArray[np.floating[Any]]


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
def add_rows_of_events(x: Reals, weights: Reals, currents: Reals) -> None:
    """currents[b] += x[b, i] * weights[i] for every event.

    Args:
        x: (B, n_in) float.
        weights: (n_in, n_out) float, input-major.
        currents: (B, n_out) float, added to.
    """
    for b in range(x.shape[0]):
        events, target = x[b], currents[b]
        for i in range(events.size):
            size = events[i]
            if size != 0.0:
                row = weights[i]
                for k in range(target.size):
                    target[k] += size * row[k]


@kernel
def add_outer_of_events(x: Reals, delta: Reals, total: Reals) -> None:
    """total[i] += x[b, i] * delta[b] for every event, a row of `total` at a time.

    Args:
        x: (B, n_in) float.
        delta: (B, n_out) float.
        total: (n_in, n_out) float, input-major, added to.
    """
    for i in range(total.shape[0]):
        row = total[i]
        for b in range(x.shape[0]):
            size = x[b, i]
            if size != 0.0:
                error = delta[b]
                for k in range(row.size):
                    row[k] += size * error[k]
