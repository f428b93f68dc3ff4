"""What measures the machine does what it says: every number is read, changed, multiplied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.kernels.limits import PRODUCTS, change_words, multiply_and_add, read_words

words = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=40)


@given(words)
def test_every_word_is_read(numbers: list[int]) -> None:
    found = 0
    for number in numbers:
        found |= number
    assert read_words(np.array(numbers, np.int64)) == found


@given(words, st.integers(-(1 << 63), (1 << 63) - 1))
def test_every_word_is_changed(numbers: list[int], amount: int) -> None:
    held = np.array(numbers, np.int64)
    change_words(held, np.int64(amount))
    assert held.tolist() == [number ^ amount for number in numbers]


@pytest.mark.parametrize("times", [0, 1, 3])
def test_products_are_computed_one_after_the_other(times: int) -> None:
    sums = np.array([-3, 0, 1, 77, 0x7FFF, -0x8000], np.int16)
    expected = sums.tolist()
    for _ in range(times * PRODUCTS):
        expected = [(own * 3 + 3 + 0x8000) % 0x10000 - 0x8000 for own in expected]
    multiply_and_add(sums, np.int16(3), times)
    assert sums.tolist() == expected
