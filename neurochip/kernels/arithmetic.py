"""Shifts with rounding, registers with ends: the compiled form of neurochip.fixed."""

from __future__ import annotations

import numpy as np

from neurochip.kernels.jit import kernel
from neurochip.kernels.layout import DECAY_BITS, NEAREST, STOCHASTIC, TOWARD_ZERO, WORD_BITS

HALF_WORD = 1 << (WORD_BITS - 1)


@kernel
def shift(n, k):  # type: ignore[no-untyped-def]
    """n * 2^k: exact to the left, floor to the right."""
    if k >= 0:
        return n << k
    return n >> -k


@kernel
def shift_stochastic(n, k, r):  # type: ignore[no-untyped-def]
    """floor(n * 2^-k + r * 2^-16), k >= 0."""
    return ((n << WORD_BITS) + (r << k)) >> (k + WORD_BITS)


@kernel
def shift_round(n, k, mode, r):  # type: ignore[no-untyped-def]
    """n * 2^-k in the rounding ``mode``; r is the random word; k < 0 shifts left, exactly."""
    if k <= 0:
        return n << -k
    if mode == STOCHASTIC:
        return shift_stochastic(n, k, r)
    if mode == NEAREST:
        return shift_stochastic(n, k, HALF_WORD)
    if mode == TOWARD_ZERO and n < 0:
        return -(-n >> k)
    return n >> k


@kernel
def decay(n, d):  # type: ignore[no-untyped-def]
    """n * (4096 - d) / 4096, toward zero (datapath: ``dec``)."""
    magnitude = (abs(n) * ((1 << DECAY_BITS) - d)) >> DECAY_BITS
    return -magnitude if n < 0 else magnitude


@kernel
def fit(n, low, high, wraps):  # type: ignore[no-untyped-def]
    """n inside [low, high]: saturated, or wrapped around (the span is a power of two)."""
    if wraps:
        return low + ((n - low) & (high - low))
    return min(max(n, low), high)


@kernel
def copy_all(values, out):  # type: ignore[no-untyped-def]
    """Copy every value; a slice assignment would allocate in case the two overlap."""
    for j in range(values.size):
        out[j] = values[j]


@kernel
def fit_all(values, low, high, wraps, out):  # type: ignore[no-untyped-def]
    """`fit` for every value."""
    if wraps:
        span = high - low
        for j in range(values.size):
            out[j] = low + ((np.int64(values[j]) - low) & span)
    else:
        for j in range(values.size):
            out[j] = min(max(np.int64(values[j]), low), high)


@kernel
def shift_all(values, k, out):  # type: ignore[no-untyped-def]
    """`shift` for every value."""
    if k >= 0:
        for j in range(values.size):
            out[j] = np.int64(values[j]) << k
    else:
        for j in range(values.size):
            out[j] = np.int64(values[j]) >> -k


@kernel
def count_outside(values, low, high):  # type: ignore[no-untyped-def]
    """How many values lie outside [low, high]."""
    n = np.int64(0)
    for j in range(values.size):
        n += (values[j] < low) | (values[j] > high)
    return n


@kernel
def first_largest(values):  # type: ignore[no-untyped-def]
    """Where the largest value is; the first of equals."""
    best = 0
    for j in range(1, values.size):
        if values[j] > values[best]:
            best = j
    return best


@kernel
def sum_all(values):  # type: ignore[no-untyped-def]
    """Sum of the values."""
    total = np.int64(0)
    for j in range(values.size):
        total += values[j]
    return total
