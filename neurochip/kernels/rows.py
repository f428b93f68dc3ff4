"""Listed synapses, event by event: row i holds the synapses that leave axon i, one after another.

Synapse k of a layer reaches ``targets[k]`` with ``weights[k]``; row i is ``offsets[i] ..
offsets[i + 1]``. Within a row no target is listed twice.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels.jit import kernel


@kernel
def add_listed(acc, weights, targets, offsets, rows, values):  # type: ignore[no-untyped-def]
    """Add the rows listed, times any values, where their synapses lead; return how many these are.

    acc (n_out,) int32 or int64; weights (S,) int8 or int16; targets (S,) int32; offsets (n_in + 1,)
    int64; rows (k,) int32; values (n_in,) int16.
    """
    total = np.int64(0)
    for r in range(rows.size):
        first, last = offsets[rows[r]], offsets[rows[r] + 1]
        row, reached, value = weights[first:last], targets[first:last], np.int64(values[rows[r]])
        for k in range(row.size):
            # Targets are positive: the cast spares a look for negative ones.
            acc[np.uint32(reached[k])] += np.int64(row[k]) * value
        total += row.size
    return total


@kernel
def add_listed_spikes(acc, weights, targets, offsets, rows, lift):  # type: ignore[no-untyped-def]
    """The same for spikes, whose weights count 2^lift."""
    total = np.int64(0)
    for r in range(rows.size):
        first, last = offsets[rows[r]], offsets[rows[r] + 1]
        row, reached = weights[first:last], targets[first:last]
        for k in range(row.size):
            acc[np.uint32(reached[k])] += np.int64(row[k]) << lift
        total += row.size
    return total


@kernel
def arrive_through_listed(weights, targets, offsets, above, a):  # type: ignore[no-untyped-def]
    """a_i = sum over the synapses of axon i of w_k d of its target, exact; a (n_in,) int64."""
    for i in range(a.size):
        first, last = offsets[i], offsets[i + 1]
        row, reached = weights[first:last], targets[first:last]
        total = np.int64(0)
        for k in range(row.size):
            total += np.int64(row[k]) * np.int64(above[np.uint32(reached[k])])
        a[i] = total


@kernel
def transpose(offsets, targets, columns, sources):  # type: ignore[no-untyped-def]
    """The synapses by target: target j hears sources[columns[j] : columns[j + 1]], ascending.

    offsets (n_in + 1,) int64, targets (S,) int32 are given; columns (n_out + 1,) int64, all zeros,
    and sources (S,) int32 are filled.
    """
    n_out = columns.size - 1
    for k in range(targets.size):
        columns[targets[k] + 1] += 1
    for j in range(n_out):
        columns[j + 1] += columns[j]
    # While it is filled, columns[j] is where the next synapse of target j goes.
    for i in range(offsets.size - 1):
        for k in range(offsets[i], offsets[i + 1]):
            j = targets[k]
            sources[columns[j]] = i
            columns[j] += 1
    for j in range(n_out, 0, -1):
        columns[j] = columns[j - 1]
    columns[0] = 0
