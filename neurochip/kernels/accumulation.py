"""Phase 7 of OTTT-A: products are summed in every step, and the sums change weights at the end.

As in `kernels.plasticity`, two ways lead to the same bits: in 16-bit lanes, and in 64 bits for
every width, rounding and count of saturations.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import lanes, layout
from neurochip.kernels.arithmetic import fit, shift_round
from neurochip.kernels.jit import kernel, lane
from neurochip.kernels.plasticity import (
    SIGN_BIT,
    TOGETHER,
    WORD_MASK,
    change_weight,
    column_words,
    end_of_rows,
    fill_row,
    has_room,
    has_words_of_rows,
    lift,
    long_change,
    row_words,
    rows_with_factor,
    update_biases,
    widen,
)
from neurochip.kernels.shared_weights import (
    accumulate_convolution,
    apply_convolution,
    count_visits,
)
from neurochip.kernels.transport import any_nonzero

SIGN_SHIFT = layout.WORD_BITS - 1


@kernel
def fast_gradient_row(gradient, lifted, x, low, high):  # type: ignore[no-untyped-def]
    """g = clip(g + nearest(d * x * 2^-p)) for one row of 16-bit accumulators."""
    for j in range(gradient.size):
        fraction = lanes.multiply_low(lifted[j], x)
        up = lanes.carry(fraction, SIGN_BIT)
        product = lanes.add(lanes.multiply_high(lifted[j], x), up)
        gradient[j] = lanes.clip(lanes.add_saturated(gradient[j], product), low, high)


@kernel
def general_accumulate(core, number, t, rows):  # type: ignore[no-untyped-def]
    """g = fit(g + nearest(d * x * 2^-p)) for the listed rows, in 64 bits."""
    s, layer = core.settings[0], core.layers[number]
    low, high = s.gradient_low, s.gradient_high
    outside = 0
    for r in range(rows.size):
        i = np.int64(rows[r])
        x = np.int64(core.trace[layer.pre + i])
        at = layer.weight_start + i * layer.n_out
        for j in range(layer.n_out):
            product = np.int64(core.delta[layer.post + j]) * x
            g = core.gradient[at + j] + shift_round(
                product, layer.gradient_shift, layout.NEAREST, 0
            )
            outside += (g < low) | (g > high)
            core.gradient[at + j] = fit(g, low, high, False)
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_GRADIENT] += outside


@kernel
def gradient_row_of_few(gradient, lifted, x, low, high):  # type: ignore[no-untyped-def]
    """`fast_gradient_row` for (TOGETHER,) sums; those beyond the row meet deltas of 0."""
    for j in range(TOGETHER):
        fraction = lanes.multiply_low(lifted[j], x)
        up = lanes.carry(fraction, SIGN_BIT)
        product = lanes.add(lanes.multiply_high(lifted[j], x), up)
        gradient[j] = lanes.clip(lanes.add_saturated(gradient[j], product), low, high)


@kernel
def fast_accumulate(core, number, rows):  # type: ignore[no-untyped-def]
    """The same in 16-bit lanes."""
    s, layer = core.settings[0], core.layers[number]
    n, start, pre, trace_lift = (
        layer.n_out,
        layer.weight_start,
        layer.pre,
        layer.gradient_trace_lift,
    )
    lifted = lift(core, layer, layer.gradient_delta_lift)
    low, high = np.int16(s.gradient_low), np.int16(s.gradient_high)
    together, end, wide = has_room(layer), end_of_rows(layer), core.lifted[:TOGETHER]
    if together:
        widen(lifted, wide)
    for r in range(rows.size):
        i = np.int64(rows[r])
        at = start + i * n
        x = np.int16(core.trace[pre + i] << trace_lift)
        if together and at + TOGETHER <= end:
            gradient_row_of_few(core.gradient[at : at + TOGETHER], wide, x, low, high)
        else:
            fast_gradient_row(core.gradient[at : at + n], lifted, x, low, high)


@kernel
def accumulate(core, number, t):  # type: ignore[no-untyped-def]
    """OTTT-A, every step: add the products to the accumulators."""
    layer = core.layers[number]
    if layer.kind == layout.CONVOLUTION:
        count_visits(core, number, t)
        accumulate_convolution(core, number, t)
        return
    rows = rows_with_factor(core, layer)
    if any_nonzero(core.delta[layer.post : layer.post + layer.n_out]):
        if layer.fast_gradient:
            fast_accumulate(core, number, rows)
        else:
            general_accumulate(core, number, t, rows)
    for r in range(rows.size):
        core.touched[layer.pre + rows[r]] = 1
    for j in range(layer.post, layer.post + layer.n_out):
        core.bias_gradient[j] += core.delta[j]
    core.counters[t, number, layout.WEIGHT_UPDATES] += rows.size * layer.n_out


@lane
def rounded(g, down, lift, row_half, column_word):  # type: ignore[no-untyped-def]
    """g * 2^-k, k in 1..16, rounded with the sum of two words; `lift` is 16 - k, `down` at most 15.

    A number of 16 bits is its sign when it's shifted down by 15, or by more.
    """
    up = lanes.carry(lanes.shift_left(g, lift), lanes.add(row_half, column_word))
    return lanes.add(lanes.shift_right(g, down), up)


@kernel
def fast_apply_row(weights, gradient, row_half, words, k, low, high):  # type: ignore[no-untyped-def]
    """w = clip(w - round(g * 2^-k)), g = 0 for one row of 8-bit weights."""
    lift, down = np.int16(layout.WORD_BITS - k), np.int16(min(k, SIGN_SHIFT))
    for j in range(weights.size):
        change = rounded(gradient[j], down, lift, row_half, words[j])
        weights[j] = lanes.clip(lanes.subtract(weights[j], change), low, high)
        gradient[j] = 0


@kernel
def fast_apply_shadow_row(shadow, weights, gradient, row_half, words, k, s, layer):  # type: ignore[no-untyped-def]
    """The same on 16-bit shadow weights, whose top bits, nearest, are the weights."""
    low, high = np.int16(s.shadow_low), np.int16(s.shadow_high)
    half = np.int16(1 << (layer.shadow_shift - 1))
    w_low, w_high = np.int16(layer.weight_low), np.int16(layer.weight_high)
    drop, lift = np.int16(layer.shadow_shift), np.int16(layout.WORD_BITS - k)
    down = np.int16(min(k, SIGN_SHIFT))
    for j in range(weights.size):
        change = rounded(gradient[j], down, lift, row_half, words[j])
        h = lanes.clip(lanes.subtract_saturated(shadow[j], change), low, high)
        shadow[j] = h
        w = lanes.shift_right(lanes.add_saturated(h, half), drop)
        weights[j] = lanes.clip(w, w_low, w_high)
        gradient[j] = 0


@kernel
def long_apply_row(weights, gradient, row_half, words, q, low, high):  # type: ignore[no-untyped-def]
    """`fast_apply_row` for shifts of 16 + q, q in 1..14."""
    drop, sign = np.int16(layout.WORD_BITS - q), np.int16(SIGN_SHIFT)
    for j in range(weights.size):
        g, r = gradient[j], lanes.add(row_half, words[j])
        change = long_change(g, lanes.shift_right(g, sign), q, drop, r)
        weights[j] = lanes.clip(lanes.subtract(weights[j], change), low, high)
        gradient[j] = 0


@kernel
def fast_apply(core, number, step):  # type: ignore[no-untyped-def]
    """Bring the sums of all touched rows into their weights, in 16-bit lanes."""
    s, layer = core.settings[0], core.layers[number]
    n = layer.n_out
    halves, words = row_words(core, number, step), column_words(core, number, step)
    renewed = has_words_of_rows(s)
    low, high = np.int16(layer.weight_low), np.int16(layer.weight_high)
    k = np.int16(layer.update_shift - layer.gradient_shift - layer.shadow_shift)
    touched = core.touched[layer.pre : layer.pre + layer.n_in]
    for i in range(touched.size):
        if not touched[i]:
            continue
        if renewed:
            fill_row(s.seed, number, step, i, words)
        at = layer.weight_start + i * n
        weights, gradient = core.weights[at : at + n], core.gradient[at : at + n]
        if layer.shadow_shift:
            shadow = core.shadow[at : at + n]
            fast_apply_shadow_row(shadow, weights, gradient, halves[i], words, k, s, layer)
        elif k > layout.WORD_BITS:
            q = np.int16(k - layout.WORD_BITS)
            long_apply_row(weights, gradient, halves[i], words, q, low, high)
        else:
            fast_apply_row(weights, gradient, halves[i], words, k, low, high)


@kernel
def general_apply(core, number, t, step):  # type: ignore[no-untyped-def]
    """The same in 64 bits, every width and rounding."""
    s, layer = core.settings[0], core.layers[number]
    halves, words = row_words(core, number, step), column_words(core, number, step)
    renewed = has_words_of_rows(s)
    k = layer.update_shift - layer.gradient_shift - layer.shadow_shift
    for i in range(layer.n_in):
        if not core.touched[layer.pre + i]:
            continue
        half = np.int64(halves[i])
        if renewed:
            fill_row(s.seed, number, step, i, words)
        at = layer.weight_start + i * layer.n_out
        for j in range(layer.n_out):
            g = np.int64(core.gradient[at + j])
            change = shift_round(g, k, s.weight_rounding, (half + words[j]) & WORD_MASK)
            change_weight(core, s, layer, at + j, change, t, number)
            core.gradient[at + j] = 0


@kernel
def apply_accumulated(core, number, t, step):  # type: ignore[no-untyped-def]
    """OTTT-A, end of the sample: w = fit(w - round(g * 2^-(k-p))), then g = 0."""
    layer = core.layers[number]
    if layer.kind == layout.CONVOLUTION:
        apply_convolution(core, number, t, step)
        return
    if layer.fast_apply:
        fast_apply(core, number, step)
    else:
        general_apply(core, number, t, step)
    core.touched[layer.pre : layer.pre + layer.n_in] = 0
    if layer.bias_learned:
        update_biases(core, number, t, step, core.bias_gradient)
    core.bias_gradient[layer.post : layer.post + layer.n_out] = 0
