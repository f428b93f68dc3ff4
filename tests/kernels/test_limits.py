"""What measures the machine does what it says: every number is read, changed, multiplied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.kernels.limits import PRODUCTS, change_words, multiply_and_add, read_words

words = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=40)


@given(words, st.integers(0, 3))
def test_every_word_is_read_so_often(numbers: list[int], times: int) -> None:
    found = 0
    for k in range(times):
        for number in numbers:
            found |= number ^ k
    assert read_words(np.array(numbers, np.int64), times) == found


@given(words, st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 3))
def test_every_word_is_changed_so_often(numbers: list[int], amount: int, times: int) -> None:
    held = np.array(numbers, np.int64)
    change_words(held, np.int64(amount), times)
    for k in range(times):
        numbers = [number ^ amount ^ k for number in numbers]
    assert held.tolist() == numbers


@pytest.mark.parametrize("times", [0, 1, 3])
def test_products_are_computed_one_after_the_other(times: int) -> None:
    sums = np.array([-3, 0, 1, 77, 0x7FFF, -0x8000], np.int16)
    expected = sums.tolist()
    for _ in range(times * PRODUCTS):
        expected = [(own * 3 + 3 + 0x8000) % 0x10000 - 0x8000 for own in expected]
    multiply_and_add(sums, np.int16(3), times)
    assert sums.tolist() == expected
