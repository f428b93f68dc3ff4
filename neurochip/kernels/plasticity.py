"""Phase 7, update: presynaptic factor x delta, rounded once, into weights.

Two ways lead to the same bits. The fast one keeps a row in 16-bit lanes; it takes products that fit
16 bits and rounds by adding the random word to the discarded half. The general one works in 64
bits, for every width, rounding and count of saturations.

Fast rounding: with d * 2^lift_d and x * 2^lift_x, lift_d + lift_x = 16 - k, the upper half of their
32-bit product is floor(d * x * 2^-k) and the lower half is the fraction in 1/2^16, so adding a
16-bit word carries exactly when stochastic rounding rounds up.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import lanes, layout
from neurochip.kernels.arithmetic import (
    HALF_WORD,
    copy_all,
    count_outside,
    fit,
    fit_all,
    shift_round,
)
from neurochip.kernels.bits import compact_into, count_nonzero
from neurochip.kernels.jit import kernel, lane, unit, view
from neurochip.kernels.random import fill_words, round_all, row_stream, signed, step_key, word
from neurochip.kernels.shared_weights import count_visits, update_convolution
from neurochip.kernels.transport import FEW_COLUMNS, any_nonzero

WORD_MASK = (1 << layout.WORD_BITS) - 1
SIGN_BIT = np.int16(-HALF_WORD)
#: Columns of a row of few that are worked through at once; `FEW_COLUMNS` are no more.
TOGETHER = 32


@view
def rows_with_factor(core, layer):  # type: ignore[no-untyped-def]
    """List the rows of a weight layer whose presynaptic factor is not 0."""
    x = core.trace[layer.pre : layer.pre + layer.n_in]
    rows = core.rows[layer.pre : layer.pre + layer.n_in]
    return rows[: compact_into(x, rows)]


@view
def column_words(core, number, step):  # type: ignore[no-untyped-def]
    """The columns' half of the random words of the weights' rounding, as int16 patterns."""
    s, layer = core.settings[0], core.layers[number]
    words = core.words[layer.post : layer.post + layer.n_out]
    if s.weight_rounding != layout.STOCHASTIC:
        words[:] = 0
    elif s.random_words == layout.EACH_STEP:
        words[:] = signed(word(step_key(s.seed, layout.FOR_COLUMN, number, step), 0))
    else:
        fill_words(step_key(s.seed, layout.FOR_COLUMN, number, step), words)
    return words


@view
def row_words(core, number, step):  # type: ignore[no-untyped-def]
    """The rows' half of the random words, or the constant that stands for a fixed rounding."""
    s, layer = core.settings[0], core.layers[number]
    words = core.words[layer.pre : layer.pre + layer.n_in]
    if s.weight_rounding != layout.STOCHASTIC:
        words[:] = SIGN_BIT if s.weight_rounding == layout.NEAREST else np.int16(0)
    elif s.random_words == layout.SEPARABLE:
        fill_words(step_key(s.seed, layout.FOR_ROW, number, step), words)
    else:
        words[:] = 0
    return words


@kernel
def has_words_of_rows(s):  # type: ignore[no-untyped-def]
    """Whether every synapse has a random word of its own."""
    return s.weight_rounding == layout.STOCHASTIC and s.random_words == layout.EACH_SYNAPSE


@unit
def fill_row(seed, number, step, i, words):  # type: ignore[no-untyped-def]
    """The words of row i, one a synapse, in place of the columns'."""
    fill_words(row_stream(step_key(seed, layout.FOR_COLUMN, number, step), i), words)


@view
def lift(core, layer, amount):  # type: ignore[no-untyped-def]
    """Deltas times 2^amount, in 16 bits."""
    d = core.delta[layer.post : layer.post + layer.n_out]
    lifted = core.lifted[layer.post : layer.post + layer.n_out]
    for j in range(d.size):
        lifted[j] = np.int64(d[j]) << amount
    return lifted


@kernel
def fast_row(weights, lifted, x, row_half, words, low, high):  # type: ignore[no-untyped-def]
    """w = clip(w - round(d * x * 2^-k)) for one row of 8-bit weights."""
    for j in range(weights.size):
        fraction = lanes.multiply_low(lifted[j], x)
        up = lanes.carry(fraction, lanes.add(row_half, words[j]))
        change = lanes.add(lanes.multiply_high(lifted[j], x), up)
        weights[j] = lanes.clip(lanes.subtract(weights[j], change), low, high)


@kernel
def short_row(weights, d, x, row_half, words, k, low, high):  # type: ignore[no-untyped-def]
    """The same where product and random word fit 16 bits together: 15 % faster."""
    drop = np.int16(layout.WORD_BITS - k)
    for j in range(weights.size):
        r = lanes.shift_right_unsigned(lanes.add(row_half, words[j]), drop)
        change = lanes.shift_right(lanes.add(lanes.multiply_low(d[j], x), r), k)
        weights[j] = lanes.clip(lanes.subtract(weights[j], change), low, high)


@lane
def long_change(low_half, high_half, q, drop, r):  # type: ignore[no-untyped-def]
    """A number of two halves times 2^-(16+q), q in 1..14, rounded with a word; `drop` is 16 - q.

    The word is shifted too, as far beyond the lower half as the number has to come down.
    """
    up = lanes.carry(low_half, lanes.shift_left(r, q))
    upper = lanes.add(lanes.add(high_half, lanes.shift_right_unsigned(r, drop)), up)
    return lanes.shift_right(upper, q)


@kernel
def long_row(weights, d, x, row_half, words, q, low, high):  # type: ignore[no-untyped-def]
    """`fast_row` for shifts of 16 + q, as slow rates have them, in a quarter more time."""
    drop = np.int16(layout.WORD_BITS - q)
    for j in range(weights.size):
        r = lanes.add(row_half, words[j])
        low_half, high_half = lanes.multiply_low(d[j], x), lanes.multiply_high(d[j], x)
        change = long_change(low_half, high_half, q, drop, r)
        weights[j] = lanes.clip(lanes.subtract(weights[j], change), low, high)


@kernel
def fast_shadow_row(shadow, weights, lifted, x, row_half, words, s, layer):  # type: ignore[no-untyped-def]
    """The same on 16-bit shadow weights, whose top bits, nearest, are the weights."""
    low, high = np.int16(s.shadow_low), np.int16(s.shadow_high)
    half = np.int16(1 << (layer.shadow_shift - 1))
    w_low, w_high = np.int16(layer.weight_low), np.int16(layer.weight_high)
    drop = np.int16(layer.shadow_shift)
    for j in range(weights.size):
        fraction = lanes.multiply_low(lifted[j], x)
        up = lanes.carry(fraction, lanes.add(row_half, words[j]))
        change = lanes.add(lanes.multiply_high(lifted[j], x), up)
        h = lanes.clip(lanes.subtract_saturated(shadow[j], change), low, high)
        shadow[j] = h
        w = lanes.shift_right(lanes.add_saturated(h, half), drop)
        weights[j] = lanes.clip(w, w_low, w_high)


@kernel
def fast_update(core, number, step, rows):  # type: ignore[no-untyped-def]
    """Update the listed rows in 16-bit lanes."""
    s, layer = core.settings[0], core.layers[number]
    n = layer.n_out
    halves, words = row_words(core, number, step), column_words(core, number, step)
    renewed = has_words_of_rows(s)
    lifted = lift(core, layer, layer.delta_lift)
    low, high = np.int16(layer.weight_low), np.int16(layer.weight_high)
    d, k = core.delta[layer.post : layer.post + n], np.int16(layer.short_shift)
    short, q = k > 0, np.int16(layer.long_shift)
    for r in range(rows.size):
        i = np.int64(rows[r])
        at = layer.weight_start + i * n
        x = np.int16(core.trace[layer.pre + i] << layer.trace_lift)
        half = halves[i]
        if renewed:
            fill_row(s.seed, number, step, i, words)
        weights = core.weights[at : at + n]
        if layer.shadow_shift:
            fast_shadow_row(core.shadow[at : at + n], weights, lifted, x, half, words, s, layer)
        elif q > 0:
            long_row(weights, d, x, half, words, q, low, high)
        elif low == -128 and high == 127:
            # Ends known to the compiler become one saturating pack instruction: 20 % faster.
            if short:
                short_row(
                    weights, d, np.int16(core.trace[layer.pre + i]), half, words, k, -128, 127
                )
            else:
                fast_row(weights, lifted, x, half, words, -128, 127)
        else:
            fast_row(weights, lifted, x, half, words, low, high)


@kernel
def has_room(layer):  # type: ignore[no-untyped-def]
    """Whether rows are so short that several are loaded at once; the scratch of one such load lies
    before the layer's own.
    """
    return layer.n_out <= FEW_COLUMNS and layer.pre >= TOGETHER


@kernel
def end_of_rows(layer):  # type: ignore[no-untyped-def]
    """The end of the layer's weights: behind it lie others that may be wider."""
    return layer.weight_start + layer.n_in * layer.n_out


@kernel
def widen(row, wide):  # type: ignore[no-untyped-def]
    """A row's numbers, and 0 in the lanes beyond it."""
    for j in range(TOGETHER):
        wide[j] = row[j] if j < row.size else 0


@kernel
def sparse_update(core, number, step, rows):  # type: ignore[no-untyped-def]
    """The same for layers of few columns: whole rows at once, or only columns with an error."""
    s, layer = core.settings[0], core.layers[number]
    halves, words = row_words(core, number, step), column_words(core, number, step)
    renewed = has_words_of_rows(s)
    lifted = lift(core, layer, layer.delta_lift)
    low, high = np.int16(layer.weight_low), np.int16(layer.weight_high)
    n, start, pre, trace_lift = layer.n_out, layer.weight_start, layer.pre, layer.trace_lift
    columns = core.active[layer.post : layer.post + n]
    found = compact_into(lifted, columns)
    # Room before the layer's own lanes: columns beyond a row have no delta there.
    together = found > 1 and has_room(layer) and not renewed
    end = end_of_rows(layer)
    wide, wide_words = core.lifted[:TOGETHER], core.words[:TOGETHER]
    if together:
        widen(lifted, wide)
        widen(words, wide_words)
    for r in range(rows.size):
        i = np.int64(rows[r])
        x = np.int16(core.trace[pre + i] << trace_lift)
        half = halves[i]
        at = start + i * n
        if together and at + TOGETHER <= end:
            row_of_few(core.weights[at : at + TOGETHER], wide, x, half, wide_words, low, high)
            continue
        if renewed:
            fill_row(s.seed, number, step, i, words)
        row = core.weights[at : at + n]
        for c in range(found):
            j = columns[c]
            fraction = lanes.multiply_low(lifted[j], x)
            up = lanes.carry(fraction, lanes.add(half, words[j]))
            change = lanes.add(lanes.multiply_high(lifted[j], x), up)
            row[j] = lanes.clip(lanes.subtract(row[j], change), low, high)


@kernel
def row_of_few(weights, lifted, x, row_half, words, low, high):  # type: ignore[no-untyped-def]
    """`fast_row` for (TOGETHER,) weights, a number that the compiler knows: no loop is left.

    Weights beyond the row meet deltas of 0 and stay what they are. With errors in four columns of
    ten, 1.7 us for 800 rows against 2.7 one lane at a time.
    """
    for j in range(TOGETHER):
        fraction = lanes.multiply_low(lifted[j], x)
        up = lanes.carry(fraction, lanes.add(row_half, words[j]))
        change = lanes.add(lanes.multiply_high(lifted[j], x), up)
        weights[j] = lanes.clip(lanes.subtract(weights[j], change), low, high)


@kernel
def change_weight(core, s, layer, at, change, t, number):  # type: ignore[no-untyped-def]
    """Subtract an exact change from one weight (or its shadow) and fit the registers."""
    low, high = layer.weight_low, layer.weight_high
    if layer.shadow_shift == 0:
        w = np.int64(core.weights[at]) - change
        if s.count_saturations:
            core.saturations[t, number, layout.SAT_WEIGHT] += (w < low) | (w > high)
        core.weights[at] = fit(w, low, high, False)
        return
    h = np.int64(core.shadow[at]) - change
    fitted = fit(h, s.shadow_low, s.shadow_high, False)
    w = shift_round(fitted, layer.shadow_shift, layout.NEAREST, 0)
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_SHADOW] += (h < s.shadow_low) | (h > s.shadow_high)
        core.saturations[t, number, layout.SAT_WEIGHT] += (w < low) | (w > high)
    core.shadow[at] = fitted
    core.weights[at] = fit(w, low, high, False)


@kernel
def general_update(core, number, t, step, rows):  # type: ignore[no-untyped-def]
    """Update the listed rows in 64 bits, every width and rounding."""
    s, layer = core.settings[0], core.layers[number]
    halves, words = row_words(core, number, step), column_words(core, number, step)
    renewed = has_words_of_rows(s)
    k = layer.update_shift - layer.shadow_shift
    for r in range(rows.size):
        i = np.int64(rows[r])
        x = np.int64(core.trace[layer.pre + i])
        half = np.int64(halves[i])
        if renewed:
            fill_row(s.seed, number, step, i, words)
        for j in range(layer.n_out):
            product = np.int64(core.delta[layer.post + j]) * x
            change = shift_round(product, k, s.weight_rounding, (half + words[j]) & WORD_MASK)
            at = layer.weight_start + i * layer.n_out + j
            change_weight(core, s, layer, at, change, t, number)


@kernel
def update_biases(core, number, t, step, amounts):  # type: ignore[no-untyped-def]
    """b = fit(b - round(amount * 2^-kb)): a synapse from a neuron whose factor is always 1."""
    s, layer = core.settings[0], core.layers[number]
    first, last = layer.post, layer.post + layer.n_out
    bias, change = core.bias[first:last], core.exact[first:last]
    low, high = s.bias_low, s.bias_high
    copy_all(amounts[first:last], change)
    stream = step_key(s.seed, layout.FOR_BIAS, number, step)
    round_all(change, layer.bias_shift, s.weight_rounding, stream)
    for j in range(bias.size):
        change[j] = bias[j] - change[j]
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_BIAS] += count_outside(change, low, high)
    fit_all(change, low, high, False, bias)


@kernel
def update_online(core, number, t, step):  # type: ignore[no-untyped-def]
    """OTTT-O: weights change in this step.

    Counted are the weights that the chip's update unit visits, also where nothing changes.
    """
    layer = core.layers[number]
    x = core.trace[layer.pre : layer.pre + layer.n_in]
    if layer.kind == layout.CONVOLUTION:
        count_visits(core, number, t)
    else:
        core.counters[t, number, layout.WEIGHT_UPDATES] += count_nonzero(x) * layer.n_out
    quiet = not any_nonzero(core.delta[layer.post : layer.post + layer.n_out])
    # A weight made anew from an unchanged shadow may saturate anew, and is counted.
    if quiet and not core.settings[0].count_saturations:
        return
    if layer.kind == layout.CONVOLUTION:
        update_convolution(core, number, t, step)
        return
    rows = rows_with_factor(core, layer)
    if not layer.fast_update:
        general_update(core, number, t, step, rows)
    elif layer.n_out <= FEW_COLUMNS and not layer.shadow_shift and not layer.long_shift:
        sparse_update(core, number, step, rows)
    else:
        fast_update(core, number, step, rows)
    if layer.bias_learned:
        update_biases(core, number, t, step, core.delta)
