"""Phase 7 for convolutions: the products of a shared weight are summed, then rounded once.

All weights of a convolution are written back together, in the layout of `kernels.convolution`; the
copy that events read follows.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.arithmetic import (
    copy_all,
    count_outside,
    fit,
    fit_all,
    shift_round,
)
from neurochip.kernels.convolution import lay_out_forward, sum_products
from neurochip.kernels.jit import kernel, unit
from neurochip.kernels.random import (
    fill_words,
    round_all,
    row_stream,
    signed,
    step_key,
    word,
)

WORD_MASK = (1 << layout.WORD_BITS) - 1


@kernel
def round_row(sums, k, mode, halves, half, change):  # type: ignore[no-untyped-def]
    """change = sums * 2^-k, each rounded with the word of its weight."""
    if mode == layout.STOCHASTIC and k > 0:
        lift, drop = max(k - layout.WORD_BITS, 0), max(layout.WORD_BITS - k, 0)
        for r in range(change.size):
            w = ((half + halves[r]) & WORD_MASK) << lift >> drop
            change[r] = (np.int64(sums[r]) + w) >> k
    else:
        for r in range(change.size):
            change[r] = shift_round(np.int64(sums[r]), k, mode, 0)


@kernel
def change_row(core, at, change, t, number):  # type: ignore[no-untyped-def]
    """Subtract exact changes from a row of weights (or their shadows) and fit the registers."""
    s, layer = core.settings[0], core.layers[number]
    low, high = layer.weight_low, layer.weight_high
    weights = core.weights[at : at + change.size]
    if layer.shadow_shift == 0:
        for r in range(change.size):
            change[r] = weights[r] - change[r]
        if s.count_saturations:
            core.saturations[t, number, layout.SAT_WEIGHT] += count_outside(change, low, high)
        fit_all(change, low, high, False, weights)
        return
    shadow = core.shadow[at : at + change.size]
    for r in range(change.size):
        change[r] = shadow[r] - change[r]
    if s.count_saturations:
        outside = count_outside(change, s.shadow_low, s.shadow_high)
        core.saturations[t, number, layout.SAT_SHADOW] += outside
    fit_all(change, s.shadow_low, s.shadow_high, False, shadow)
    for r in range(change.size):
        change[r] = shift_round(np.int64(shadow[r]), layer.shadow_shift, layout.NEAREST, 0)
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_WEIGHT] += count_outside(change, low, high)
    fit_all(change, low, high, False, weights)


@kernel
def fill_halves(s, number, step, o, halves):  # type: ignore[no-untyped-def]
    """The rows' part of the words of channel o; return the channel's own part."""
    columns = step_key(s.seed, layout.FOR_COLUMN, number, step)
    if s.random_words == layout.EACH_SYNAPSE:
        for r in range(halves.size):
            halves[r] = signed(word(row_stream(columns, r), o))
        return np.int64(0)
    if s.random_words == layout.EACH_STEP:
        halves[:] = 0
        return word(columns, 0)
    if o == 0:  # the same for all channels
        fill_words(step_key(s.seed, layout.FOR_ROW, number, step), halves)
    return word(columns, o)


@kernel
def update_shared(core, number, t, step, sums, k):  # type: ignore[no-untyped-def]
    """w = fit(w - round(sum * 2^-k)) for all weights of a convolution; sums are (c_out, rows)."""
    s, layer = core.settings[0], core.layers[number]
    size = layer.rows
    halves, change = core.row_words[:size], core.changes[:size]
    half = np.int64(0)
    for o in range(layer.columns):
        row = sums[o * size : (o + 1) * size]
        if s.weight_rounding == layout.STOCHASTIC:
            half = fill_halves(s, number, step, o, halves)
        round_row(row, k - layer.shadow_shift, s.weight_rounding, halves, half, change)
        change_row(core, layer.weight_start + o * size, change, t, number)
    copy_forward(core, number)


@kernel
def copy_forward(core, number):  # type: ignore[no-untyped-def]
    """Bring what events read up to date with the master weights of a convolution."""
    layer = core.layers[number]
    size = layer.rows * layer.columns
    lay_out_forward(
        core.weights[layer.weight_start : layer.weight_start + size],
        core.forward[layer.forward_start : layer.forward_start + size],
        layer,
    )


@kernel
def sum_deltas(core, layer):  # type: ignore[no-untyped-def]
    """Add every position's deltas to its channels' sums."""
    n = layer.columns
    sums = core.bias_gradient[layer.post : layer.post + n]
    for first in range(layer.post, layer.post + layer.n_out, n):
        delta = core.delta[first : first + n]
        for o in range(n):
            sums[o] += delta[o]


@kernel
def update_shared_biases(core, number, t, step):  # type: ignore[no-untyped-def]
    """b = fit(b - round(sum * 2^-kb)) for each channel, copied to all of its neurons."""
    s, layer = core.settings[0], core.layers[number]
    n = layer.columns
    sums, change = core.bias_gradient[layer.post : layer.post + n], core.exact[:n]
    if layer.bias_learned:
        copy_all(sums, change)
        stream = step_key(s.seed, layout.FOR_BIAS, number, step)
        round_all(change, layer.bias_shift, s.weight_rounding, stream)
        for o in range(n):
            change[o] = core.bias[layer.post + o] - change[o]
        if s.count_saturations:
            outside = count_outside(change, s.bias_low, s.bias_high)
            core.saturations[t, number, layout.SAT_BIAS] += outside
        for first in range(layer.post, layer.post + layer.n_out, n):
            fit_all(change, s.bias_low, s.bias_high, False, core.bias[first : first + n])
    sums[:] = 0


@kernel
def count_visits(core, number, t):  # type: ignore[no-untyped-def]
    """Count the synapses that leave axons with a factor: one product each."""
    layer = core.layers[number]
    x = core.trace[layer.pre : layer.pre + layer.n_in]
    fan_out = core.fan_out[layer.pre : layer.pre + layer.n_in]
    visits = np.int64(0)
    for i in range(x.size):
        visits += (x[i] != 0) * np.int64(fan_out[i])
    core.counters[t, number, layout.WEIGHT_UPDATES] += visits


@unit
def update_convolution(core, number, t, step):  # type: ignore[no-untyped-def]
    """OTTT-O: shared weights change in this step."""
    layer = core.layers[number]
    sum_products(core, layer)
    sum_deltas(core, layer)
    update_shared(core, number, t, step, core.sums, layer.update_shift)
    update_shared_biases(core, number, t, step)


@unit
def accumulate_convolution(core, number, t):  # type: ignore[no-untyped-def]
    """OTTT-A, every step: g = fit(g + nearest(sum * 2^-p))."""
    s, layer = core.settings[0], core.layers[number]
    size = layer.rows * layer.columns
    sum_products(core, layer)
    sum_deltas(core, layer)
    sums = core.sums[:size]
    gradient = core.gradient[layer.weight_start : layer.weight_start + size]
    low, high = s.gradient_low, s.gradient_high
    outside = np.int64(0)
    for r in range(size):
        g = gradient[r] + shift_round(np.int64(sums[r]), layer.gradient_shift, layout.NEAREST, 0)
        outside += (g < low) | (g > high)
        gradient[r] = fit(g, low, high, False)
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_GRADIENT] += outside


@unit
def apply_convolution(core, number, t, step):  # type: ignore[no-untyped-def]
    """OTTT-A, end of the sample: w = fit(w - round(g * 2^-(k-p))), then g = 0."""
    layer = core.layers[number]
    size = layer.rows * layer.columns
    gradient = core.gradient[layer.weight_start : layer.weight_start + size]
    k = layer.update_shift - layer.gradient_shift
    update_shared(core, number, t, step, gradient, k)
    gradient[:] = 0
    update_shared_biases(core, number, t, step)
