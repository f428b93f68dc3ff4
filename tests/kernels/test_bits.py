"""Masks of what isn't 0, against plain loops: every place of a mask, and none beyond the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.kernels.bits import LANES, bits_between, compact_into, count_nonzero

DTYPES = (np.uint8, np.int16, np.int32)


@given(st.sampled_from(DTYPES), st.lists(st.sampled_from([0, 0, 1, 3, 127]), max_size=200))
def test_counting_and_listing(dtype: type, numbers: list[int]) -> None:
    """Only what lies inside is read: the memory around it holds ones."""
    around: Any = np.ones(len(numbers) + 2 * LANES, dtype)
    values = around[LANES : LANES + len(numbers)]
    values[:] = numbers
    places = [k for k, number in enumerate(numbers) if number]
    out = np.full(len(numbers) + 1, -1, np.int32)
    assert count_nonzero(values) == len(places)
    assert compact_into(values, out) == len(places)
    assert out[: len(places)].tolist() == places
    assert set(out[len(places) :].tolist()) == {-1}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", range(LANES))
def test_every_place_of_a_mask(dtype: type, place: int) -> None:
    """The sign bit of a number counts as any other, and so does the highest of a mask."""
    values: Any = np.zeros(LANES + 3, dtype)
    values[3 + place] = np.iinfo(dtype).min or 128
    out = np.zeros(1, np.int32)
    assert (count_nonzero(values[3:]), compact_into(values[3:], out)) == (1, 1)
    assert out[0] == place


@given(st.integers(0, 3), st.integers(0, 200), st.integers(0, 200))
def test_bits_of_a_span(word: int, first: int, more: int) -> None:
    """Of the words that a span touches, each has a bit for each of its places there."""
    last = first + 1 + more
    if first // LANES <= word <= (last - 1) // LANES:
        places = range(word * LANES, (word + 1) * LANES)
        mask = sum(1 << k for k, place in enumerate(places) if first <= place < last)
        assert int(bits_between(word, first, last)) == mask
