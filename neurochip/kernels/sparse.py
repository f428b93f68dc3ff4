"""Products of a weight matrix with signals that are mostly zero, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.jit import kernel
from neurochip.kernels.registers import COLUMNS, add_rows

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


def blocks_of(n_columns: int) -> int:
    """How many blocks of COLUMNS columns a matrix has."""
    return -(-n_columns // COLUMNS)


def lay_out_blocks(rows: Reals, blocks: Reals) -> None:
    """Copy a matrix, (n, m), block after block of columns, into (blocks_of(m), n, COLUMNS).

    A block of all rows stays in the cache, on few pages of memory, while all samples go through it.
    """
    for number, block in enumerate(blocks):
        part = rows[:, number * COLUMNS : (number + 1) * COLUMNS]
        block[:, : part.shape[1]] = part
        block[:, part.shape[1] :] = 0.0


@kernel
def add_products_of_events(
    signals: Reals,
    blocks: Reals,
    targets: Reals,
    numbers: NDArray[np.int32],
    values: Reals,
    counts: NDArray[np.int64],
    part: Reals,
) -> None:
    """targets[b] += signals[b, i] * rows[i] for every signal that isn't zero, in the order of i.

    Args:
        signals: (B, n) float.
        blocks: the rows, (n, m) float, by `lay_out_blocks`.
        targets: (B, m) float, added to.
        numbers: (B, n), room.
        values: (B, n) float, room.
        counts: (B,), room.
        part: (COLUMNS,) float, room.
    """
    for b in range(signals.shape[0]):
        counts[b] = _events(signals[b], numbers[b], values[b])
    n_out = targets.shape[1]
    for number in range(blocks.shape[0]):
        first, last = number * COLUMNS, min((number + 1) * COLUMNS, n_out)
        for b in range(signals.shape[0]):
            target = targets[b][first:last]
            if target.size == COLUMNS:
                add_rows(target, blocks[number], numbers[b], values[b], counts[b])
            else:
                _copy(target, part)
                add_rows(part, blocks[number], numbers[b], values[b], counts[b])
                _copy(part[: target.size], target)


@kernel
def _copy(source: Reals, target: Reals) -> None:
    """Into the first places of the target."""
    for k in range(source.size):
        target[k] = source[k]


@kernel
def _events(signals: Reals, numbers: NDArray[np.int32], values: Reals) -> int:
    """Number and value of each signal that isn't zero; gives how many.

    What is zero is written too, and then written over: a third of the time of a branch.
    """
    count = 0
    for i in range(signals.size):
        numbers[count] = i
        values[count] = signals[i]
        count += signals[i] != 0.0
    return count
