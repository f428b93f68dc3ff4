"""Shifts, decays and registers of the kernels against the twin's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels import layout
from neurochip.kernels.arithmetic import (
    count_outside,
    decay,
    fit,
    fit_all,
    shift,
    shift_all,
    shift_round,
)
from neurochip.kernels.jit import INTERPRETED

from ..naive import arithmetic
from ..naive.arithmetic import Register
from ..naive.strategies import registers

EXAMPLES = 30 if INTERPRETED else 200
MODES = {
    "floor": layout.FLOOR,
    "toward_zero": layout.TOWARD_ZERO,
    "nearest": layout.NEAREST,
    "stochastic": layout.STOCHASTIC,
}
#: Sums, products and membranes stay below this; shifts of 40 bits and 16 of a word fit above it.
numbers = st.integers(-(2**46), 2**46)


@given(
    n=numbers, k=st.integers(-16, 40), mode=st.sampled_from(list(MODES)), r=st.integers(0, 65535)
)
@settings(max_examples=EXAMPLES)
def test_rounding(n, k, mode, r):
    found = shift_round(np.int64(n), k, MODES[mode], np.int64(r))
    assert int(found) == arithmetic.rounded(n, k, mode, r)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_rounding_at_every_tie(mode, k):
    for n in range(-(3 << k), (3 << k) + 1):
        for r in (0, 1, 0x7FFF, 0x8000, 0xFFFF):
            found = shift_round(np.int64(n), k, MODES[mode], np.int64(r))
            assert int(found) == arithmetic.rounded(n, k, mode, r), (n, r)


@given(n=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1), k=st.integers(-31, 31))
@settings(max_examples=EXAMPLES)
def test_shifts(n, k):
    expected = [arithmetic.floor(number, -k) for number in n]
    assert [int(shift(np.int64(number), k)) for number in n] == expected
    for dtype in (np.int32, np.int64):
        out = np.zeros(len(n), np.int64)
        shift_all(np.array(n, dtype), k, out)
        assert out.tolist() == expected


@given(n=st.integers(-(2**32), 2**32), d=st.integers(0, 4096))
@settings(max_examples=EXAMPLES)
def test_decay(n, d):
    assert int(decay(np.int64(n), d)) == arithmetic.dec(n, d)


@given(register=registers(2, 32), n=st.lists(numbers, min_size=1))
@settings(max_examples=EXAMPLES)
def test_registers(register: Register, n):
    low, high, wraps = register.minimum, register.maximum, register.overflow == "wrap"
    expected = [register.fit(number) for number in n]
    assert [int(fit(np.int64(number), low, high, wraps)) for number in n] == expected
    values = np.array(n, np.int64)
    assert int(count_outside(values, low, high)) == sum(not register.holds(i) for i in n)
    fit_all(values, low, high, wraps, values)
    assert values.tolist() == expected


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_registers_at_every_number(overflow, symmetric):
    register = Register(4, overflow=overflow, symmetric=symmetric)
    for n in range(-70, 71):
        wraps = overflow == "wrap"
        found = fit(np.int64(n), register.minimum, register.maximum, wraps)
        assert int(found) == register.fit(n), n
