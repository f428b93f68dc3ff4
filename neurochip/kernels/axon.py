"""Phase 1, axon in: the integers of a sample become the signals of a step."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.bits import compact_into
from neurochip.kernels.jit import kernel
from neurochip.kernels.random import key, word


@kernel
def rate_spike(value, t, bits):  # type: ignore[no-untyped-def]
    """1 where the running count of an evenly spaced spike train grows in step t."""
    half = 1 << (bits - 1)
    return ((((t + 1) * value + half) >> bits) - ((t * value + half) >> bits)) > 0


@kernel
def compact(core, population, first, n):  # type: ignore[no-untyped-def]
    """List the neurons of a population whose signal is not 0."""
    signal, active = core.signal[first : first + n], core.active[first : first + n]
    core.n_active[population] = compact_into(signal, active)


@kernel
def pool(core, number):  # type: ignore[no-untyped-def]
    """Count the spikes of every square for weight layer ``number``, if its axons are pooled."""
    layer, below = core.layers[number], core.layers[number - 1]
    if not layer.pooled:
        return
    core.n_spikes[number] = core.n_active[number]
    signal = core.signal[layer.pre : layer.pre + layer.n_in]
    spikes = core.active[below.post : below.post + core.n_active[number]]
    axons = core.pool[below.post : below.post + below.n_out]
    signal[:] = 0
    for k in range(spikes.size):
        axon = axons[spikes[k]]
        if axon >= 0:
            signal[axon] += 1
    compact(core, number, layer.pre, layer.n_in)


@kernel
def axons_in(core, frame, sample, epoch, t):  # type: ignore[no-untyped-def]
    """Turn ``frame`` (n_in,) uint8 into the signals of step t and list the active ones."""
    s = core.settings[0]
    n = frame.size
    signal = core.signal[:n]
    if s.encoding == layout.GRADED:
        for i in range(n):
            signal[i] = frame[i]
    elif s.encoding == layout.SPIKES:
        for i in range(n):
            signal[i] = frame[i] != 0
    elif s.encoding == layout.RATE:
        bits = s.in_bits
        for i in range(n):
            signal[i] = rate_spike(np.int64(frame[i]), t, bits)
    else:
        stream = key(s.seed, layout.FOR_BERNOULLI, epoch, sample, t)
        lift = layout.WORD_BITS - s.in_bits
        for i in range(n):
            signal[i] = word(stream, i) < (np.int64(frame[i]) << lift)
    compact(core, 0, 0, n)
