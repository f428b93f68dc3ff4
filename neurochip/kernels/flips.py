"""Phase 2 where reads of weights are wrong: each bit that is read flips with some probability.

A read is one synapse's in one step: of a convolution, whose positions share a weight, each position
reads it for itself. What flips depends on the seed, the layer, the epoch, the sample, the step, and
the numbers of the axon and of the neuron: not on the order of the work or the partition. Every read
is drawn apart, so all this is slow.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.jit import kernel, unit
from neurochip.kernels.random import absorb, key, wide_word
from neurochip.kernels.synapse import (
    fan_out_of,
    fit_sums,
    listed_rows,
    listed_targets,
    listed_weights,
)


@kernel
def as_read(w, flips, stream, number):  # type: ignore[no-untyped-def]
    """The weight that a read finds; ``number`` is that of the read in its stream.

    flips (bits,) int64: 2^32 times the probability that one of the bits 0 .. b flips. So one word
    of 32 bits says which bit is the first that flips, if any; the bits above it flip each by a word
    of its own. The sign's bit is that of all bits above it.
    """
    bits = flips.size
    chance = wide_word(stream, number)
    if chance >= flips[bits - 1]:
        return np.int64(w)
    first = 0
    while chance >= flips[first]:
        first += 1
    pattern = np.int64(1) << first
    above = absorb(stream, np.uint64(number))
    for bit in range(first + 1, bits):
        if wide_word(above, bit) < flips[0]:
            pattern |= np.int64(1) << bit
    pattern -= (pattern >> (bits - 1)) << bits
    return np.int64(w) ^ pattern


@kernel
def add_flipped_dense(acc, weights, rows, values, flips, stream):  # type: ignore[no-untyped-def]
    """Add rows of weights (n_in, n_out), times any values."""
    for r in range(rows.size):
        i = np.int64(rows[r])
        row, value, own = weights[i], np.int64(values[i]), absorb(stream, np.uint64(i))
        for j in range(acc.size):
            acc[j] += as_read(row[j], flips, own, j) * value


@kernel
def add_flipped_listed(acc, weights, targets, offsets, rows, values, flips, stream):  # type: ignore[no-untyped-def]
    """Add the rows listed, times any values; return how many synapses these are."""
    total = np.int64(0)
    for r in range(rows.size):
        i = np.int64(rows[r])
        value, own = np.int64(values[i]), absorb(stream, np.uint64(i))
        for k in range(offsets[i], offsets[i + 1]):
            j = np.int64(targets[k])
            acc[j] += as_read(weights[k], flips, own, j) * value
        total += offsets[i + 1] - offsets[i]
    return total


@kernel
def add_flipped_events(acc, weights, layer, events, values, flips, stream):  # type: ignore[no-untyped-def]
    """Add what every listed event reaches through a convolution's master weights."""
    for e in range(events.size):
        i = np.int64(events[e])
        own = absorb(stream, np.uint64(i))
        position = i // layer.c_in
        top = position // layer.w_in + layer.padding
        left = position % layer.w_in + layer.padding
        for ky in range(layer.kernel):
            y = (top - ky) // layer.stride
            if top < ky or y * layer.stride != top - ky or y >= layer.h_out:
                continue
            for kx in range(layer.kernel):
                x = (left - kx) // layer.stride
                if left < kx or x * layer.stride != left - kx or x >= layer.w_out:
                    continue
                at = (ky * layer.kernel + kx) * layer.c_in + i % layer.c_in
                to = (y * layer.w_out + x) * layer.columns
                for o in range(layer.columns):
                    w = weights[o * layer.rows + at]
                    acc[to + o] += as_read(w, flips, own, to + o) * np.int64(values[i])


@kernel
def add_flipped_loop(core, flips, stream, number, k, acc, t):  # type: ignore[no-untyped-def]
    """`synapse.add_loop` with reads that are wrong."""
    loop, lift = core.loops[k], core.layers[number].signal_fraction
    fired = core.n_spikes if loop.pooled else core.n_active
    rows = core.active[loop.pre : loop.pre + fired[loop.population]]
    weights, targets, offsets = (
        listed_weights(core, loop),
        listed_targets(core, loop),
        listed_rows(core, loop),
    )
    for r in range(rows.size):
        i = np.int64(rows[r])
        own = absorb(stream, np.uint64(i))
        for s in range(offsets[i], offsets[i + 1]):
            j = np.int64(targets[s])
            acc[j] += as_read(weights[s], flips, own, j) << lift
        core.counters[t, number, layout.SYNAPTIC_OPS] += offsets[i + 1] - offsets[i]
    core.counters[t, number, layout.SPIKES_IN] += rows.size


@unit
def flipped_synapses(core, flips, seed, number, sample, epoch, t):  # type: ignore[no-untyped-def]
    """`synapse.synapses` with reads that are wrong."""
    layer = core.layers[number]
    rows = core.active[layer.pre : layer.pre + core.n_active[number]]
    values = core.signal[layer.pre : layer.pre + layer.n_in]
    acc = core.accumulator[layer.post : layer.post + layer.n_out]
    acc[:] = 0
    step = key(seed, layout.FOR_FLIP, epoch, sample, t)
    stream = absorb(step, np.uint64(number))
    if layer.kind == layout.CONVOLUTION:
        own = core.weights[layer.weight_start : layer.weight_start + layer.rows * layer.columns]
        add_flipped_events(acc, own, layer, rows, values, flips, stream)
        operations = fan_out_of(core, layer, rows)
    elif layer.kind == layout.LISTED:
        weights, targets = listed_weights(core, layer), listed_targets(core, layer)
        offsets = listed_rows(core, layer)
        operations = add_flipped_listed(acc, weights, targets, offsets, rows, values, flips, stream)
    else:
        size = layer.n_in * layer.n_out
        dense = core.weights[layer.weight_start : layer.weight_start + size]
        matrix = dense.reshape((layer.n_in, layer.n_out))
        add_flipped_dense(acc, matrix, rows, values, flips, stream)
        operations = rows.size * layer.n_out
    core.counters[t, number, layout.SYNAPTIC_OPS] += operations
    for k in range(layer.loop_first, layer.loop_last):
        back = absorb(step, np.uint64(core.layers.size + k))
        add_flipped_loop(core, flips, back, number, k, acc, t)
    fit_sums(core, number, t)
