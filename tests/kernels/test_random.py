"""Random words of the kernels against the package's definition and the twin's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip import fixed
from neurochip.kernels import layout
from neurochip.kernels.jit import INTERPRETED
from neurochip.kernels.random import (
    fill_words,
    key,
    mix,
    round_all,
    row_stream,
    signed,
    step_key,
    wide_word,
    word,
)

from ..naive import arithmetic

EXAMPLES = 30 if INTERPRETED else 200
word32 = st.integers(0, 2**32 - 1)
seeds = st.one_of(st.integers(0, 2**63 - 1), st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63 - 1]))
ENDS = [0, 1, 2, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]


def mixed(h: int) -> int:
    return int(mix(np.uint64(h)))


@pytest.mark.parametrize("h", ENDS)
def test_mix_at_the_ends(h):
    assert mixed(h) == arithmetic.mix32(h) == int(fixed.mix32(h))


@given(h=word32)
@settings(max_examples=EXAMPLES)
def test_mix(h):
    assert mixed(h) == arithmetic.mix32(h)


@given(seed=seeds, purpose=st.sampled_from(list(fixed.Purpose)), a=word32, b=word32, c=word32)
@settings(max_examples=EXAMPLES)
def test_keys(seed, purpose, a, b, c):
    found = int(key(seed, int(purpose), a, b, c))
    assert found == arithmetic.key(seed, int(purpose), a, b, c)
    assert found == fixed.random_key(seed, purpose, a, b, c)


@given(seed=seeds, layer=st.integers(0, 15), step=st.integers(0, 2**62))
@settings(max_examples=EXAMPLES)
def test_step_keys(seed, layer, step):
    """A step's two halves are two words, also past 2^32 steps."""
    found = int(step_key(seed, layout.FOR_DELTA, layer, step))
    halves = (step & 0xFFFFFFFF, step >> 32)
    assert found == fixed.random_key(seed, fixed.Purpose.DELTA, layer, *halves)


def test_seeds_of_64_bits():
    """Settings hold a seed as int64: its bits count, not its sign."""
    for seed in (2**63, 2**64 - 1):
        signed = np.int64(seed - 2**64)
        assert int(key(signed, 1, 2, 3, 4)) == arithmetic.key(seed, 1, 2, 3, 4)


def test_purposes_are_numbered_alike():
    names = ("ROW", "COLUMN", "BIAS", "TRACE", "DELTA", "BERNOULLI", "FLIP")
    for name in names:
        number = getattr(layout, f"FOR_{name}")
        assert number == fixed.Purpose[name] == getattr(arithmetic, name)


@given(stream=word32, number=st.integers(0, 2**31 - 1))
@settings(max_examples=EXAMPLES)
def test_words(stream, number):
    assert int(wide_word(np.uint64(stream), number)) == arithmetic.mix32(
        (stream + number * 0x9E3779B9) % 2**32
    )
    found = int(word(np.uint64(stream), number))
    assert found == arithmetic.word16(stream, number)
    assert found == int(fixed.random_words(stream, number))


@given(seed=seeds, step=st.integers(0, 2**40), i=word32, j=st.integers(0, 2**20))
@settings(max_examples=EXAMPLES)
def test_words_of_synapses(seed, step, i, j):
    columns = step_key(seed, layout.FOR_COLUMN, 3, step)
    found = int(word(row_stream(columns, i), j))
    assert found == arithmetic.weight_word(seed, 3, step, i, j, "synapse")


@pytest.mark.parametrize("w", [0, 1, 0x7FFF, 0x8000, 0xFFFF])
def test_signed_is_the_bit_pattern(w):
    assert signed(np.int64(w)) == int(np.array([w], np.uint16).view(np.int16)[0])


@pytest.mark.parametrize("stream", ENDS)
def test_filled_words_are_the_bit_patterns(stream):
    out = np.zeros(100 if INTERPRETED else 2000, np.int16)
    fill_words(np.uint64(stream), out)
    expected = fixed.random_words(stream, np.arange(out.size))
    assert (out.astype(np.int64) % 2**16).tolist() == expected.tolist()


MODES = {
    "floor": layout.FLOOR,
    "toward_zero": layout.TOWARD_ZERO,
    "nearest": layout.NEAREST,
    "stochastic": layout.STOCHASTIC,
}


@given(
    values=st.lists(st.integers(-(2**44), 2**44), min_size=1, max_size=20),
    k=st.integers(-10, 40),
    mode=st.sampled_from(list(MODES)),
    stream=word32,
)
@settings(max_examples=EXAMPLES)
def test_rounding_a_whole_array(values, k, mode, stream):
    found = np.array(values, np.int64)
    round_all(found, k, MODES[mode], np.uint64(stream))
    assert found.tolist() == [
        arithmetic.rounded(n, k, mode, arithmetic.word16(stream, j)) for j, n in enumerate(values)
    ]
