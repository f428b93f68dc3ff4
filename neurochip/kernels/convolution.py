"""Convolutions, event by event: kernels scattered from inputs, errors scattered from outputs.

Populations are kept in (height, width, channel) order. So what an event reaches in one row of the
output is contiguous, and so is what a position reads in one row of the input. Each shared weight is
kept twice:

weights: (c_out, kernel, kernel, c_in), master; a channel's row weighs the patch of a position;
forward: (c_in, kernel, kernel, c_out), a copy; what an event adds to the accumulators.

In a forward row the kernel's columns are sorted by their number modulo the stride, largest first:
an event reaches the columns of one such phase, and reaches them from left to right.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import lanes
from neurochip.kernels.bits import compact_into
from neurochip.kernels.jit import kernel, unit

#: Forward rows whose products are summed in 16 bits before they reach the accumulator.
GROUP = 4


@kernel
def phase_start(size, stride, phase):  # type: ignore[no-untyped-def]
    """How many of a kernel's columns 0 .. size-1 lie in the phases before ``phase``."""
    return size // stride * phase + min(size % stride, phase)


@kernel
def phase_size(size, stride, phase):  # type: ignore[no-untyped-def]
    """How many of a kernel's columns 0 .. size-1 are ``phase`` modulo the stride."""
    return size // stride + (phase < size % stride)


@kernel
def lay_out_forward(weights, forward, layer):  # type: ignore[no-untyped-def]
    """Copy a convolution's master weights into the order in which events read them."""
    size, stride, c_in, c_out = layer.kernel, layer.stride, layer.c_in, layer.columns
    for ky in range(size):
        for kx in range(size):
            phase = kx % stride
            last = phase_start(size, stride, phase) + phase_size(size, stride, phase) - 1
            column = last - kx // stride
            for c in range(c_in):
                to = ((c * size + ky) * size + column) * c_out
                row = forward[to : to + c_out]
                at = (ky * size + kx) * c_in + c
                for o in range(row.size):
                    row[o] = weights[at + o * layer.rows]


@unit
def add_events(acc, forward, layer, events, values):  # type: ignore[no-untyped-def]
    """Add what every listed event reaches, position by position: the list is in order."""
    c_in = layer.c_in
    first = 0
    while first < events.size:
        position = events[first] // c_in
        last = first + 1
        while last < events.size and events[last] < (position + 1) * c_in:
            last += 1
        add_position(acc, forward, layer, position, events[first:last], values)
        first = last


@kernel
def add_position(acc, forward, layer, position, events, values):  # type: ignore[no-untyped-def]
    """Add what the events at one position of the input reach."""
    size, stride, c_out = layer.kernel, layer.stride, layer.columns
    top = position // layer.w_in + layer.padding
    left = position % layer.w_in + layer.padding
    phase = left % stride
    in_phase = phase_size(size, stride, phase)
    reached = left // stride - in_phase + 1
    x_first, x_last = max(reached, 0), min(left // stride, layer.w_out - 1)
    n = (x_last - x_first + 1) * c_out
    if n <= 0:
        return
    skip = (phase_start(size, stride, phase) + x_first - reached) * c_out
    y_first, y_last = max((top - size) // stride + 1, 0), min(top // stride, layer.h_out - 1)
    for y in range(y_first, y_last + 1):
        to = (y * layer.w_out + x_first) * c_out
        at = (top - y * stride) * size * c_out + skip
        add_rows(acc[to : to + n], forward, layer, at, position, events, values)


@kernel
def add_rows(target, forward, layer, at, position, events, values):  # type: ignore[no-untyped-def]
    """Add one forward row of every event, times its value, to what the row reaches."""
    n, size = target.size, layer.kernel * layer.kernel * layer.columns
    at -= position * layer.c_in * size
    whole = 0
    if layer.short_products:
        whole = events.size - events.size % GROUP
    for first in range(0, whole, GROUP):
        i0, i1 = np.int64(events[first]), np.int64(events[first + 1])
        i2, i3 = np.int64(events[first + 2]), np.int64(events[first + 3])
        w0, w1 = forward[at + i0 * size :][:n], forward[at + i1 * size :][:n]
        w2, w3 = forward[at + i2 * size :][:n], forward[at + i3 * size :][:n]
        x0, x1, x2, x3 = values[i0], values[i1], values[i2], values[i3]
        for j in range(n):
            low = lanes.add(lanes.multiply_low(w0[j], x0), lanes.multiply_low(w1[j], x1))
            high = lanes.add(lanes.multiply_low(w2[j], x2), lanes.multiply_low(w3[j], x3))
            target[j] += lanes.add(low, high)
    for e in range(whole, events.size):
        i = np.int64(events[e])
        add_multiple(target, forward[at + i * size :][:n], np.int64(values[i]))


@kernel
def add_multiple(target, row, factor):  # type: ignore[no-untyped-def]
    """target += row * factor."""
    for j in range(target.size):
        target[j] += np.int64(row[j]) * factor


@kernel
def gather_patch(values, layer, y, x, patch):  # type: ignore[no-untyped-def]
    """Copy what output position (y, x) reads, zeros where its patch hangs over the border."""
    size, c_in = layer.kernel, layer.c_in
    top, left = y * layer.stride - layer.padding, x * layer.stride - layer.padding
    first, last = max(0, -left), min(size, layer.w_in - left)
    inside = first == 0 and last == size and 0 <= top <= layer.h_in - size
    if not inside:
        patch[:] = 0
    n = (last - first) * c_in
    if n <= 0:
        return
    for ky in range(max(0, -top), min(size, layer.h_in - top)):
        at, to = ((top + ky) * layer.w_in + left + first) * c_in, (ky * size + first) * c_in
        row, part = values[at : at + n], patch[to : to + n]
        for j in range(part.size):
            part[j] = row[j]


@kernel
def scatter_patch(patch, layer, y, x, sums):  # type: ignore[no-untyped-def]
    """Add a patch of output position (y, x) to the inputs that it reads."""
    size, c_in = layer.kernel, layer.c_in
    top, left = y * layer.stride - layer.padding, x * layer.stride - layer.padding
    first, last = max(0, -left), min(size, layer.w_in - left)
    n = (last - first) * c_in
    if n <= 0:
        return
    for ky in range(max(0, -top), min(size, layer.h_in - top)):
        to, at = ((top + ky) * layer.w_in + left + first) * c_in, (ky * size + first) * c_in
        part, row = patch[at : at + n], sums[to : to + n]
        for j in range(row.size):
            row[j] += part[j]


@unit
def arrive_through_convolution(core, layer, a):  # type: ignore[no-untyped-def]
    """a_i = sum of w * d over all that input i reaches, exact.

    A position's errors make a patch of sums, channel by channel, which is then added to a.
    """
    n, size = layer.columns, layer.rows
    patch = core.patch[:size]
    a[:] = 0
    for position in range(layer.h_out * layer.w_out):
        first = layer.post + position * n
        delta, channels = core.delta[first : first + n], core.rows[first : first + n]
        found = compact_into(delta, channels)
        if found == 0:
            continue
        patch[:] = 0
        for e in range(found):
            o = np.int64(channels[e])
            at = layer.weight_start + o * size
            add_multiple(patch, core.weights[at : at + size], np.int64(delta[o]))
        scatter_patch(patch, layer, position // layer.w_out, position % layer.w_out, a)


@unit
def sum_products(core, layer):  # type: ignore[no-untyped-def]
    """Sum delta x factor over all positions that share a weight, exactly, into (c_out, rows)."""
    n, size = layer.columns, layer.rows
    sums, patch = core.sums[: n * size], core.factors[:size]
    x = core.trace[layer.pre : layer.pre + layer.n_in]
    sums[:] = 0
    for position in range(layer.h_out * layer.w_out):
        first = layer.post + position * n
        delta, channels = core.delta[first : first + n], core.rows[first : first + n]
        found = compact_into(delta, channels)
        if found == 0:
            continue
        gather_patch(x, layer, position // layer.w_out, position % layer.w_out, patch)
        for e in range(found):
            o = np.int64(channels[e])
            add_multiple(sums[o * size : (o + 1) * size], patch, np.int64(delta[o]))
