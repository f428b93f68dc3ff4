"""Phase 2, synapse: every active row of weights is added to the accumulators."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import lanes, layout
from neurochip.kernels.arithmetic import count_outside, fit_all
from neurochip.kernels.convolution import add_events
from neurochip.kernels.jit import kernel, view
from neurochip.kernels.rows import add_listed, add_listed_spikes

#: Rows of 8-bit weights whose sum stays inside 16 bits and is added to the accumulator at once.
SPIKE_ROWS = 8
#: Products of an 8-bit weight with values up to this fit 16 bits.
WIDEST_SIGNAL = 256
#: Rows of products (8-bit weight x 8-bit value, 16 bits) that share one pass over the accumulator.
GRADED_ROWS = 4


@kernel
def add_spikes_narrow(acc, weights, rows):  # type: ignore[no-untyped-def]
    """Add rows of 8-bit weights, eight at a time in 16-bit lanes."""
    n = acc.size
    whole = rows.size - rows.size % SPIKE_ROWS
    for first in range(0, whole, SPIKE_ROWS):
        w0, w1 = weights[rows[first]], weights[rows[first + 1]]
        w2, w3 = weights[rows[first + 2]], weights[rows[first + 3]]
        w4, w5 = weights[rows[first + 4]], weights[rows[first + 5]]
        w6, w7 = weights[rows[first + 6]], weights[rows[first + 7]]
        for j in range(n):
            low = lanes.add(lanes.add(w0[j], w1[j]), lanes.add(w2[j], w3[j]))
            high = lanes.add(lanes.add(w4[j], w5[j]), lanes.add(w6[j], w7[j]))
            acc[j] += lanes.add(low, high)
    for r in range(whole, rows.size):
        row = weights[rows[r]]
        for j in range(n):
            acc[j] += row[j]


@kernel
def add_graded_narrow(acc, weights, rows, values):  # type: ignore[no-untyped-def]
    """Add rows of 8-bit weights times 8-bit values: products fit 16 bits."""
    n = acc.size
    whole = rows.size - rows.size % GRADED_ROWS
    for first in range(0, whole, GRADED_ROWS):
        i0, i1, i2, i3 = rows[first], rows[first + 1], rows[first + 2], rows[first + 3]
        w0, w1, w2, w3 = weights[i0], weights[i1], weights[i2], weights[i3]
        x0, x1, x2, x3 = values[i0], values[i1], values[i2], values[i3]
        for j in range(n):
            acc[j] += np.int64(lanes.multiply_low(w0[j], x0)) + np.int64(
                lanes.multiply_low(w1[j], x1)
            )
            acc[j] += np.int64(lanes.multiply_low(w2[j], x2)) + np.int64(
                lanes.multiply_low(w3[j], x3)
            )
    for r in range(whole, rows.size):
        row, value = weights[rows[r]], values[rows[r]]
        for j in range(n):
            acc[j] += lanes.multiply_low(row[j], value)


@kernel
def add_wide(acc, weights, rows, values):  # type: ignore[no-untyped-def]
    """Add rows of weights of any width times any value."""
    for r in range(rows.size):
        row, value = weights[rows[r]], np.int64(values[rows[r]])
        for j in range(acc.size):
            acc[j] += np.int64(row[j]) * value


@kernel
def fan_out_of(core, layer, rows):  # type: ignore[no-untyped-def]
    """How many synapses the listed axons have."""
    fan_out = core.fan_out[layer.pre : layer.pre + layer.n_in]
    total = np.int64(0)
    for r in range(rows.size):
        total += fan_out[rows[r]]
    return total


@view
def listed_rows(core, layer):  # type: ignore[no-untyped-def]
    """Offsets (n_in + 1,) of the rows of a layer of listed synapses, or of a loop."""
    return core.offsets[layer.row_start : layer.row_start + layer.n_in + 1]


@view
def listed_targets(core, layer):  # type: ignore[no-untyped-def]
    """Targets (synapses,) of the same."""
    size = core.offsets[layer.row_start + layer.n_in]
    return core.targets[layer.target_start : layer.target_start + size]


@view
def listed_weights(core, layer):  # type: ignore[no-untyped-def]
    """Weights (synapses,) of the same."""
    size = core.offsets[layer.row_start + layer.n_in]
    return core.weights[layer.weight_start : layer.weight_start + size]


@kernel
def add_loop(core, number, k, acc, t):  # type: ignore[no-untyped-def]
    """Add what comes through loop k: the spikes that its source lists, of step t - 1 where it is
    above, of step t where it is below.
    """
    loop = core.loops[k]
    fired = core.n_spikes if loop.pooled else core.n_active
    rows = core.active[loop.pre : loop.pre + fired[loop.population]]
    weights, targets = listed_weights(core, loop), listed_targets(core, loop)
    operations = add_listed_spikes(
        acc, weights, targets, listed_rows(core, loop), rows, core.layers[number].signal_fraction
    )
    core.counters[t, number, layout.SYNAPTIC_OPS] += operations
    core.counters[t, number, layout.SPIKES_IN] += rows.size


@kernel
def synapses(core, number, t):  # type: ignore[no-untyped-def]
    """Sum the active rows of weight layer ``number`` exactly, then fit the accumulators once."""
    s, layer = core.settings[0], core.layers[number]
    rows = core.active[layer.pre : layer.pre + core.n_active[number]]
    values = core.signal[layer.pre : layer.pre + layer.n_in]
    acc = core.accumulator[layer.post : layer.post + layer.n_out]
    acc[:] = 0
    size = layer.rows * layer.columns
    if layer.kind == layout.CONVOLUTION:
        forward = core.forward[layer.forward_start : layer.forward_start + size]
        add_events(acc, forward, layer, rows, values)
        core.counters[t, number, layout.SYNAPTIC_OPS] += fan_out_of(core, layer, rows)
    elif layer.kind == layout.LISTED:
        own, targets = listed_weights(core, layer), listed_targets(core, layer)
        operations = add_listed(acc, own, targets, listed_rows(core, layer), rows, values)
        core.counters[t, number, layout.SYNAPTIC_OPS] += operations
    else:
        weights = core.weights[layer.weight_start : layer.weight_start + size].reshape(
            (layer.n_in, layer.n_out)
        )
        if not s.narrow_weights or layer.signal_high > WIDEST_SIGNAL:
            add_wide(acc, weights, rows, values)
        elif layer.signal_high > 1:
            add_graded_narrow(acc, weights, rows, values)
        else:
            add_spikes_narrow(acc, weights, rows)
        core.counters[t, number, layout.SYNAPTIC_OPS] += rows.size * layer.n_out
    for k in range(layer.loop_first, layer.loop_last):
        add_loop(core, number, k, acc, t)
    fit_sums(core, number, t)


@kernel
def fit_sums(core, number, t):  # type: ignore[no-untyped-def]
    """Fit the exact sums of weight layer ``number`` into the accumulators; count its axons."""
    s, layer = core.settings[0], core.layers[number]
    acc = core.accumulator[layer.post : layer.post + layer.n_out]
    low, high = s.accumulator_low, s.accumulator_high
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_ACCUMULATOR] += count_outside(acc, low, high)
    if layer.sums_may_overflow:
        fit_all(acc, low, high, s.accumulator_wraps, acc)
    core.counters[t, number, layout.SPIKES_IN] += core.n_active[number]
