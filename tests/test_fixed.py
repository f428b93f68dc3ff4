"""Fixed-point arithmetic against unbounded Python integers and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neurochip import fixed
from neurochip.errors import ConfigError
from neurochip.fixed import Format, Overflow, Purpose, Rounding

INT64 = st.integers(-(2**63), 2**63 - 1)
WORDS = st.integers(0, 2**16 - 1)
MODES = st.sampled_from(Rounding)
GOLDEN = 0x9E3779B9


@st.composite
def formats(draw):
    signed = draw(st.booleans())
    return Format(
        bits=draw(st.integers(2, 62)),
        signed=signed,
        fraction=draw(st.integers(-20, 20)),
        overflow=draw(st.sampled_from(Overflow)),
        symmetric=signed and draw(st.booleans()),
    )


def exact(value: Fraction, mode: Rounding, word: int) -> int:
    """The rounding modes as their definitions, in exact fractions."""
    if mode is Rounding.TOWARD_ZERO:
        return math.trunc(value)
    offset = {
        Rounding.FLOOR: Fraction(0),
        Rounding.NEAREST: Fraction(1, 2),
        Rounding.STOCHASTIC: Fraction(word, 2**16),
    }[mode]
    return math.floor(value + offset)


def fitted(n: int, register: Format) -> int:
    """Saturation by comparison, wrapping by counting turns of the range."""
    if register.overflow is Overflow.SATURATE:
        return min(max(n, register.minimum), register.maximum)
    # A symmetric wrapping register has as many values as any other one of its width.
    turns = (n - register.minimum) // 2**register.bits
    return n - turns * 2**register.bits


# Rounding


@given(n=INT64, k=st.integers(0, 62), mode=MODES, word=WORDS)
@example(n=-(2**63), k=62, mode=Rounding.NEAREST, word=0)
@example(n=-(2**63), k=62, mode=Rounding.TOWARD_ZERO, word=0)
@example(n=2**63 - 1, k=1, mode=Rounding.NEAREST, word=0)
@example(n=2**63 - 1, k=62, mode=Rounding.STOCHASTIC, word=65535)
def test_right_shifts_equal_exact_fractions(n, k, mode, word):
    assert int(fixed.shift_round(n, k, mode, word)) == exact(Fraction(n, 2**k), mode, word)


@given(n=INT64, k=st.integers(0, 62), mode=MODES)
def test_left_shifts_are_exact_or_refused(n, k, mode):
    shifted = n << k
    if -(2**63) <= shifted < 2**63:
        assert int(fixed.shift_round(n, -k, mode, 65535)) == shifted
    else:
        with pytest.raises(ConfigError, match=f"left shift by {k} bits leaves int64"):
            fixed.shift_round(n, -k, mode, 65535)


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        (Rounding.FLOOR, [-2, -2, -1, -1, 0, 0, 0, 0, 1]),
        (Rounding.TOWARD_ZERO, [-1, -1, -1, 0, 0, 0, 0, 0, 1]),
        (Rounding.NEAREST, [-1, -1, -1, 0, 0, 0, 1, 1, 1]),
    ],
)
def test_modes_on_quarters(mode, rounded):
    """-6, -5, -4, -2, 0, 1, 2, 3, 4 quarters: -1.5, -1.25, -1, -.5, 0, .25, .5, .75, 1."""
    quarters = np.array([-6, -5, -4, -2, 0, 1, 2, 3, 4])
    assert fixed.shift_round(quarters, 2, mode).tolist() == rounded


@given(n=st.integers(-(2**40), 2**40), k=st.integers(0, 16))
@example(n=-1, k=16)
def test_stochastic_rounding_is_right_on_average(n, k):
    """Over all 65536 words the mean is n * 2^-k, exactly, while 2^k divides 2^16."""
    rounded = fixed.shift_round(n, k, Rounding.STOCHASTIC, np.arange(2**16))
    assert Fraction(sum(rounded.tolist()), 2**16) == Fraction(n, 2**k)


@given(n=st.integers(-(2**40), 2**40), k=st.integers(17, 40))
def test_stochastic_rounding_beyond_the_words_is_off_by_less_than_a_word(n, k):
    rounded = fixed.shift_round(n, k, Rounding.STOCHASTIC, np.arange(2**16))
    mean = Fraction(sum(rounded.tolist()), 2**16)
    assert abs(mean - Fraction(n, 2**k)) < Fraction(1, 2**16)


def test_shapes_broadcast_with_the_words():
    n = np.arange(6).reshape(2, 3)
    words = np.array([[0], [65535]])
    rounded = fixed.shift_round(n, 1, Rounding.STOCHASTIC, words)
    assert rounded.dtype == np.int64
    assert rounded.tolist() == [[0, 0, 1], [2, 2, 3]]
    assert fixed.shift_round(3, -2, Rounding.STOCHASTIC, words).tolist() == [[12], [12]]


@pytest.mark.parametrize("k", [-63, 63])
def test_shifts_beyond_int64_are_refused(k):
    with pytest.raises(ConfigError, match=rf"^shift_round: k = {k} is outside -62..62; \w.*\w$"):
        fixed.shift_round(1, k, Rounding.FLOOR)


def test_stochastic_rounding_asks_for_words():
    with pytest.raises(ConfigError, match="words is None; pass one 16-bit word per number"):
        fixed.shift_round(1, 1, Rounding.STOCHASTIC)
    with pytest.raises(ConfigError, match=r"a random word is outside 0\.\.65535"):
        fixed.shift_round(1, 1, Rounding.STOCHASTIC, 65536)


def test_modes_go_by_their_names():
    assert int(fixed.shift_round(3, 1, "nearest")) == 2  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rounding = 'up' is unknown; choose one of floor, "):
        fixed.shift_round(3, 1, "up")  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1.0, np.array([0.5]), "1"])
def test_only_integers_are_shifted(n):
    with pytest.raises(ConfigError, match="are not integers; quantise them first"):
        fixed.shift_round(n, 1, Rounding.FLOOR)


@pytest.mark.parametrize("n", [2**64, [2**70, -1], np.array([2**63], dtype=np.uint64)])
def test_integers_beyond_int64_are_refused(n):
    with pytest.raises(ConfigError, match=r"is beyond .*; narrow the registers"):
        fixed.shift_round(n, 1, Rounding.FLOOR)


def test_small_types_are_widened_before_they_are_used():
    assert fixed.shift_round(np.array([-128], np.int8), -8, Rounding.FLOOR).tolist() == [-32768]
    assert fixed.decay(np.array([-128], np.int8), 2048).tolist() == [-64]
    assert Format(8).fit(np.array([], dtype=float)).shape == (0,)


# Decay


@given(n=INT64, d=st.integers(0, 4096))
@example(n=-(2**63), d=0)
@example(n=2**63 - 1, d=0)
@example(n=-(2**63), d=4095)
def test_decay_is_toward_zero(n, d):
    assert int(fixed.decay(n, d)) == math.trunc(Fraction(n * (4096 - d), 4096))


@given(n=st.integers(-(2**31), 2**31), d=st.integers(1, 4096))
def test_decay_reaches_zero_from_the_same_side(n, d):
    decayed = int(fixed.decay(n, d))
    assert decayed == 0 if n == 0 else abs(decayed) < abs(n)
    assert decayed * n >= 0


@pytest.mark.parametrize("d", [-1, 4097])
def test_decay_factors_outside_their_range_are_refused(d):
    with pytest.raises(ConfigError, match=rf"^decay: d = {d} is outside 0\.\.4096; "):
        fixed.decay(1, d)


# Formats


@pytest.mark.parametrize(
    ("register", "ends"),
    [
        (Format(8), (-128, 127)),
        (Format(8, symmetric=True), (-127, 127)),
        (Format(8, overflow=Overflow.WRAP), (-128, 127)),
        (Format(8, overflow=Overflow.WRAP, symmetric=True), (-127, 128)),
        (Format(7, signed=False), (0, 127)),
        (Format(1), (-1, 0)),
        (Format(62), (-(2**61), 2**61 - 1)),
    ],
)
def test_ranges(register, ends):
    assert (register.minimum, register.maximum) == ends


@pytest.mark.parametrize(
    ("overflow", "symmetric", "held"),
    [
        (Overflow.SATURATE, False, [-8, -8, -7, 7, 7, 7]),
        (Overflow.SATURATE, True, [-7, -7, -7, 7, 7, 7]),
        (Overflow.WRAP, False, [7, -8, -7, 7, -8, 0]),
        (Overflow.WRAP, True, [7, 8, -7, 7, 8, 0]),
    ],
)
def test_four_bits_beyond_their_range(overflow, symmetric, held):
    """-9 = 7 - 16, 8 = -8 + 16, 16 = 0 + 16."""
    register = Format(4, overflow=overflow, symmetric=symmetric)
    assert register.fit([-9, -8, -7, 7, 8, 16]).tolist() == held


@given(register=formats(), n=INT64)
def test_fit_saturates_and_wraps_as_integers_do(register, n):
    held = int(register.fit(n))
    assert held == fitted(n, register)
    assert register.minimum <= held <= register.maximum
    assert int(register.fit(held)) == held


@given(
    register=formats(),
    x=st.floats(-1e9, 1e9, allow_subnormal=False),
    mode=MODES,
    word=WORDS,
)
@example(register=Format(8), x=0.49999999999999994, mode=Rounding.NEAREST, word=0)
@example(register=Format(8), x=-1e-300, mode=Rounding.FLOOR, word=0)
@example(register=Format(8), x=-1e-300, mode=Rounding.STOCHASTIC, word=1)
@example(register=Format(8), x=-(0.5 - 2.0**-54), mode=Rounding.STOCHASTIC, word=2**15)
def test_quantise_equals_exact_fractions(register, x, mode, word):
    steps = Fraction(x) * Fraction(2) ** register.fraction
    assert int(register.quantise(x, mode, word)) == fitted(exact(steps, mode, word), register)


@given(register=formats(), n=st.integers(-(2**52), 2**52))
def test_dequantised_numbers_quantise_to_themselves(register, n):
    held = int(register.fit(n))
    x = register.dequantise(held)
    if abs(held) <= 2**53:
        assert Fraction(float(x)) == held * Fraction(register.lsb)
        for mode in (Rounding.FLOOR, Rounding.NEAREST, Rounding.TOWARD_ZERO):
            assert int(register.quantise(x, mode)) == held


def test_a_weight_register():
    """Q1.6: 0.3 * 64 = 19.2; 19.2 rounds to 19; 2.5 * 64 = 160 saturates to 127."""
    weight = Format(8, fraction=6)
    assert weight.lsb == 1 / 64
    assert weight.quantise([0.3, -0.3, 2.5]).tolist() == [19, -19, 127]
    assert weight.dequantise([19, -128]).tolist() == [19 / 64, -2.0]


def test_numbers_far_beyond_the_range_still_saturate():
    register = Format(8, fraction=60)
    assert register.quantise([1e308, -1e308]).tolist() == [127, -128]
    wrapping = Format(8, fraction=60, overflow=Overflow.WRAP)
    with pytest.raises(ConfigError, match="use a smaller fraction"):
        wrapping.quantise(1e308)


@pytest.mark.parametrize("x", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused(x):
    with pytest.raises(ConfigError, match="a number is not finite"):
        Format(8).quantise([0.0, x])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bits": 0}, "format: bits = 0 is outside 1..62"),
        ({"bits": 63}, "format: bits = 63 is outside 1..62"),
        ({"bits": 1, "symmetric": True}, "format: bits = 1 is outside 2..62"),
        ({"bits": 8, "fraction": 63}, "format: fraction = 63 is outside -62..62"),
        ({"bits": 8, "signed": False, "symmetric": True}, "symmetric = True needs a signed"),
        ({"bits": 8, "overflow": "clip"}, "overflow = 'clip' is unknown; choose one of saturate, "),
    ],
)
def test_impossible_registers_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Format(**fields)


def test_overflow_goes_by_its_name():
    assert Format(4, overflow="wrap").overflow is Overflow.WRAP  # type: ignore[arg-type]


# Choosing a fraction


@given(
    max_abs=st.floats(1e-30, 1e30),
    bits=st.integers(2, 62),
    headroom=st.floats(0.25, 16),
)
@example(max_abs=127.0, bits=8, headroom=1.0)
def test_fraction_is_the_largest_that_fits(max_abs, bits, headroom):
    f = fixed.fraction_for(max_abs, bits, headroom)
    size = Fraction(max_abs) * Fraction(headroom)
    assert size * Fraction(2) ** f <= 2 ** (bits - 1) - 1
    assert size * Fraction(2) ** (f + 1) > 2 ** (bits - 1) - 1


def test_fractions_by_hand():
    """0.5 * 2 * 2^6 = 64 <= 127 < 128; 127 * 2^0 = 127; 128 * 2^-1 = 64."""
    assert fixed.fraction_for(0.5, 8, 2.0) == 6
    assert fixed.fraction_for(127, 8) == 0
    assert fixed.fraction_for(128, 8) == -1
    assert fixed.fraction_for(0.0, 8, 2.0) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 1), "bits = 1 is outside 2..62"),
        ((-1.0, 8), "max_abs = -1.0 is not a finite magnitude"),
        ((math.nan, 8), "max_abs = nan is not a finite magnitude"),
        ((1.0, 8, 0.0), "headroom = 0.0 is not a positive factor"),
    ],
)
def test_impossible_fractions_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        fixed.fraction_for(*arguments)


# Random words


def mixed(h: int) -> int:
    """The hash on Python integers."""
    h ^= h >> 16
    h = h * 0x7FEB352D % 2**32
    h ^= h >> 15
    h = h * 0x846CA68B % 2**32
    return h ^ (h >> 16)


@given(h=st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_mix_equals_python_integers(h):
    assert fixed.mix32(np.array(h)).tolist() == [mixed(word) for word in h]
    assert int(fixed.mix32(h[0])) == mixed(h[0])


@given(
    seed=st.integers(0, 2**64 - 1),
    purpose=st.sampled_from(Purpose),
    position=st.tuples(*[st.integers(0, 2**32 - 1)] * 3),
    index=st.integers(0, 2**32 - 1),
)
def test_words_equal_python_integers(seed, purpose, position, index):
    key = 0
    for word in (seed % 2**32, seed // 2**32, int(purpose), *position):
        key = mixed(((key ^ word) + GOLDEN) % 2**32)
    assert fixed.random_key(seed, purpose, *position) == key
    expected = mixed((key + index * GOLDEN) % 2**32) >> 16
    assert int(fixed.random_words(key, index)) == expected
    assert fixed.random_words(key, [[index]]).tolist() == [[expected]]


def test_words_look_uniform():
    """2^16 words: mean within 5 standard errors (74), every high nibble near its share."""
    words = fixed.random_words(fixed.random_key(1, Purpose.ROW, 0, 0, 0), np.arange(2**16))
    assert abs(words.mean() - 32767.5) < 5 * 2**16 / math.sqrt(12 * 2**16)
    share = np.bincount(words >> 12, minlength=16)
    assert np.all(np.abs(share - 4096) < 5 * math.sqrt(4096))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fixed.random_key(-1, 1, 0, 0, 0), r"seed = -1 is outside 0\.\.2\^64 - 1"),
        (lambda: fixed.random_key(2**64, 1, 0, 0, 0), "seed = 18446744073709551616 is outside"),
        (lambda: fixed.random_key(0, 1, 0, 2**32, 0), "b = 4294967296 is outside"),
        (lambda: fixed.random_words(-1, 0), "key = -1 is outside"),
        (lambda: fixed.random_words(0, [-1]), "an index is outside"),
    ],
)
def test_positions_outside_32_bits_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
