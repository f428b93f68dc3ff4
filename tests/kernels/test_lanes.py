"""Sixteen-bit lanes against the same arithmetic on Python integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.kernels import lanes
from neurochip.kernels.jit import INTERPRETED, kernel

ENDS = [-0x8000, -0x7FFF, -256, -129, -128, -2, -1, 0, 1, 2, 127, 128, 255, 256, 0x7FFE, 0x7FFF]
NUMBERS = np.array(ENDS if INTERPRETED else [*ENDS, *range(-0x8000, 0x8000, 331)], np.int16)

lane = st.integers(-0x8000, 0x7FFF)


def wrapped(n: int) -> int:
    return (n + 0x8000) % 0x10000 - 0x8000


def saturated(n: int) -> int:
    return min(max(n, -0x8000), 0x7FFF)


@kernel
def all_pairs(a, b, out):
    """Rows: add, subtract, both saturated, low and high half of the product, carry, choice."""
    at = 0
    for i in range(a.size):
        for j in range(b.size):
            out[0, at] = lanes.add(a[i], b[j])
            out[1, at] = lanes.subtract(a[i], b[j])
            out[2, at] = lanes.add_saturated(a[i], b[j])
            out[3, at] = lanes.subtract_saturated(a[i], b[j])
            out[4, at] = lanes.multiply_low(a[i], b[j])
            out[5, at] = lanes.multiply_high(a[i], b[j])
            out[6, at] = lanes.carry(a[i], b[j])
            out[7, at] = lanes.where_equal(a[i], b[j], 5, a[i])
            at += 1


MEANINGS: list[Any] = [
    lambda a, b: wrapped(a + b),
    lambda a, b: wrapped(a - b),
    lambda a, b: saturated(a + b),
    lambda a, b: saturated(a - b),
    lambda a, b: wrapped(a * b),
    lambda a, b: a * b // 0x10000,
    lambda a, b: (a % 0x10000 + b % 0x10000) // 0x10000,
    lambda a, b: 5 if a == b else a,
]


def test_pairs():
    out = np.zeros((len(MEANINGS), NUMBERS.size**2), np.int16)
    all_pairs(NUMBERS, NUMBERS, out)
    numbers = NUMBERS.tolist()
    pairs = [(a, b) for a in numbers for b in numbers]
    for row, meaning in zip(out.tolist(), MEANINGS, strict=True):
        assert row == [meaning(a, b) for a, b in pairs]


@given(a=lane, b=lane)
def test_any_pair(a, b):
    out = np.zeros((len(MEANINGS), 1), np.int16)
    all_pairs(np.array([a], np.int16), np.array([b], np.int16), out)
    assert out[:, 0].tolist() == [meaning(a, b) for meaning in MEANINGS]


@kernel
def all_shifts(a, out):
    for k in range(16):
        amount = np.int16(k)
        for i in range(a.size):
            out[k, i] = lanes.shift_right(a[i], amount)


def test_shifts():
    out = np.zeros((16, NUMBERS.size), np.int16)
    all_shifts(NUMBERS, out)
    for k, row in enumerate(out.tolist()):
        assert row == [n >> k for n in NUMBERS.tolist()]


@kernel
def clipped(a, low, high, out):
    for i in range(a.size):
        out[i] = lanes.clip(a[i], low, high)


@kernel
def clipped_to_a_byte(a, out):
    """The ends as literals, as the fastest update has them."""
    for i in range(a.size):
        out[i] = lanes.clip(a[i], -128, 127)


@pytest.mark.parametrize("bits", range(2, 17))
def test_clip(bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    out = np.zeros_like(NUMBERS)
    clipped(NUMBERS, np.int16(low), np.int16(high), out)
    assert out.tolist() == [min(max(n, low), high) for n in NUMBERS.tolist()]


def test_clip_to_bytes():
    """Into 8 bits, which is where weights are kept."""
    out = np.zeros(NUMBERS.size, np.int8)
    clipped_to_a_byte(NUMBERS, out)
    assert out.tolist() == [min(max(n, -128), 127) for n in NUMBERS.tolist()]


@kernel
def mixed_widths(narrow, wide, out):
    """Bytes and 64-bit numbers are brought to 16 bits before they meet."""
    for i in range(narrow.size):
        out[i] = lanes.multiply_low(narrow[i], wide[i])


def test_operands_of_other_widths():
    narrow = np.array([-128, 127, -1, 5], np.int8)
    wide = np.array([255, -255, 32767, -32768], np.int64)
    out = np.zeros(4, np.int16)
    mixed_widths(narrow, wide, out)
    products = zip(narrow.tolist(), wide.tolist(), strict=True)
    assert out.tolist() == [wrapped(a * b) for a, b in products]
