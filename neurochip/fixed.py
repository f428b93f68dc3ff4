"""Fixed-point numbers: how an integer register holds a real number, and how one is rounded.

An integer ``n`` in a register of fraction ``f`` stands for the real number ``n * 2**-f``. In Q
notation a signed register of ``bits`` bits with fraction ``f`` is ``Q(bits-1-f).f``: one sign bit,
``bits-1-f`` bits above the binary point and ``f`` bits below it. Eight bits with ``f = 6`` are
Q1.6: a step of 1/64, from -2 to 127/64. A fraction may be negative (the step is then a power of two
above 1) or exceed the width (every value is then below 1); only the step changes, never the
integers.

Everything here is exact: it works on int64 arrays and equals the same arithmetic on unbounded
Python integers, or raises :class:`~neurochip.errors.ConfigError` where int64 can't hold the result.

Random words come from a hash of what they are for, not from a generator's state: whoever knows the
seed, the purpose and the position can compute any one of them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.errors import ConfigError

__all__ = [
    "DECAY_BITS",
    "MAX_BITS",
    "MAX_SHIFT",
    "WORD_BITS",
    "Format",
    "Overflow",
    "Purpose",
    "Rounding",
    "decay",
    "fraction_for",
    "mix32",
    "random_key",
    "random_words",
    "shift_round",
]

DECAY_BITS: Final = 12
"""Bits of a decay factor ``d``: ``d / 2**12`` of a value is lost in one step."""
MAX_BITS: Final = 62
"""Widest register that a :class:`Format` describes; int64 then holds every intermediate."""
MAX_SHIFT: Final = 62
"""Largest shift of :func:`shift_round` in either direction."""
WORD_BITS: Final = 16
"""Bits of a random word."""

_INT64: Final = np.iinfo(np.int64)
_WORDS: Final = 1 << WORD_BITS
_RETAINED_ALL: Final = 1 << DECAY_BITS

Int64Array = NDArray[np.int64]
_Choice = TypeVar("_Choice", "Rounding", "Overflow")


class Rounding(str, Enum):
    """How ``n * 2**-k`` becomes an integer."""

    FLOOR = "floor"
    """Downwards, to minus infinity: an arithmetic shift right."""
    TOWARD_ZERO = "toward_zero"
    """The fraction is dropped: floor of the magnitude, with the sign put back."""
    NEAREST = "nearest"
    """To the nearest integer, ties upwards: ``floor(n * 2**-k + 1/2)``."""
    STOCHASTIC = "stochastic"
    """Up with the fraction as probability: ``floor(n * 2**-k + r * 2**-16)``, r a 16-bit word."""


class Overflow(str, Enum):
    """What a register does with a number outside its range."""

    SATURATE = "saturate"
    """Keeps the nearer end of the range."""
    WRAP = "wrap"
    """Keeps the low bits (two's complement)."""


class Purpose(IntEnum):
    """What a random word is for, as the hash takes it."""

    ROW = 1
    """The row's half of a weight update's word."""
    COLUMN = 2
    """The column's half of a weight update's word."""
    BIAS = 3
    """A bias update."""
    TRACE = 4
    """The decay of a presynaptic trace."""
    DELTA = 5
    """The rounding of a hidden neuron's error."""
    BERNOULLI = 6
    """The spike of a Bernoulli-coded input."""
    STUCK = 7
    """Whether a bit of a weight is stuck."""
    STUCK_AT = 8
    """At what."""
    DEAD = 9
    """Whether a neuron is dead."""
    DEAD_CORE = 10
    """The order in which cores die."""
    THRESHOLD = 11
    """How far a neuron's threshold is off."""
    DRIFT = 12
    """How far a weight drifts."""
    FLIP = 13
    """Which bits a read of a weight finds flipped."""


@dataclass(frozen=True)
class Format:
    """A register: its width, its binary point, and what it does beyond its range.

    The ranges are, with ``b = bits``:

    ======== ======================= ======================= ====================
    signed   overflow                symmetric               minimum .. maximum
    ======== ======================= ======================= ====================
    yes      either                  no                      -2^(b-1) .. 2^(b-1)-1
    yes      saturate                yes                     -(2^(b-1)-1) .. 2^(b-1)-1
    yes      wrap                    yes                     -(2^(b-1)-1) .. 2^(b-1)
    no       either                  no                      0 .. 2^b - 1
    ======== ======================= ======================= ====================

    Args:
        bits: width in bits, 1..62 (from 2 where symmetric).
        signed: two's complement, or magnitudes only.
        fraction: ``f``; the integer ``n`` stands for ``n * 2**-f``, f in -62..62.
        overflow: saturate or wrap.
        symmetric: leave the most negative number out (signed registers only).

    Errors: ConfigError where a field is outside the range above.
    """

    bits: int
    signed: bool = True
    fraction: int = 0
    overflow: Overflow = Overflow.SATURATE
    symmetric: bool = False

    def __post_init__(self) -> None:
        """Checks the fields; see the class."""
        least = 2 if self.symmetric else 1
        if not least <= self.bits <= MAX_BITS:
            raise ConfigError(
                f"format: bits = {self.bits} is outside {least}..{MAX_BITS}; choose a width inside"
            )
        if not -MAX_SHIFT <= self.fraction <= MAX_SHIFT:
            raise ConfigError(
                f"format: fraction = {self.fraction} is outside -{MAX_SHIFT}..{MAX_SHIFT}; "
                "scale the numbers it holds"
            )
        if self.symmetric and not self.signed:
            raise ConfigError(
                "format: symmetric = True needs a signed register; set signed = True or leave it"
            )
        object.__setattr__(self, "overflow", _choice(Overflow, self.overflow, "overflow"))

    @property
    def minimum(self) -> int:
        """Smallest integer of the register."""
        if not self.signed:
            return 0
        return -(1 << (self.bits - 1)) + int(self.symmetric)

    @property
    def maximum(self) -> int:
        """Largest integer of the register."""
        if not self.signed:
            return (1 << self.bits) - 1
        wraps_symmetrically = self.symmetric and self.overflow is Overflow.WRAP
        return (1 << (self.bits - 1)) - 1 + int(wraps_symmetrically)

    @property
    def lsb(self) -> float:
        """The real number that the integer 1 stands for, ``2**-fraction``."""
        return 2.0**-self.fraction

    def fit(self, n: ArrayLike) -> Int64Array:
        """What the register holds after integers are written to it.

        Args:
            n: integers that int64 can hold, any shape, in units of ``lsb``.

        Result: int64 of the same shape, each inside ``minimum .. maximum``.

        Errors: ConfigError where ``n`` isn't made of integers, or int64 can't hold them.
        """
        values = _int64(n, "fit")
        if self.overflow is Overflow.SATURATE:
            return np.asarray(np.clip(values, self.minimum, self.maximum), dtype=np.int64)
        span = 1 << self.bits
        low = values & np.int64(span - 1)
        return np.asarray(low - np.where(low > self.maximum, np.int64(span), np.int64(0)))

    def quantise(
        self,
        x: ArrayLike,
        rounding: Rounding = Rounding.NEAREST,
        words: ArrayLike | None = None,
    ) -> Int64Array:
        """The register's integers for real numbers: ``x * 2**fraction``, rounded, then fitted.

        Exact for every float64 whose ``x * 2**fraction`` is not subnormal.

        Args:
            x: finite real numbers, any shape.
            rounding: how the part below ``lsb`` is dropped.
            words: 16-bit random words that broadcast with ``x``; for stochastic rounding only.

        Result: int64 of the shape of ``x``.

        Errors: ConfigError where ``x`` isn't finite, stochastic rounding has no words, or a
        wrapping register is given a number of 2**62 steps and more.
        """
        reals = np.asarray(x, dtype=np.float64)
        if not np.all(np.isfinite(reals)):
            raise ConfigError("quantise: a number is not finite; remove NaN and infinity first")
        with np.errstate(over="ignore"):
            steps = np.ldexp(reals, self.fraction)
        limit = 2.0**MAX_BITS
        if self.overflow is Overflow.WRAP and np.any(np.abs(steps) >= limit):
            raise ConfigError(
                f"quantise: a number of {np.max(np.abs(steps)):g} steps is beyond 2^{MAX_BITS} and "
                "can't be wrapped exactly; use a smaller fraction"
            )
        return self.fit(_round_reals(np.clip(steps, -limit, limit), rounding, words))

    def dequantise(self, n: ArrayLike) -> NDArray[np.float64]:
        """The real numbers that integers stand for, ``n * 2**-fraction``, as float64.

        Exact up to 53 significant bits.

        Args:
            n: integers, any shape.

        Result: float64 of the same shape.

        Errors: ConfigError where ``n`` isn't made of integers, or int64 can't hold them.
        """
        values = _int64(n, "dequantise").astype(np.float64)
        return np.asarray(np.ldexp(values, -self.fraction), dtype=np.float64)


def shift_round(
    n: ArrayLike, k: int, rounding: Rounding, words: ArrayLike | None = None
) -> Int64Array:
    """Integers divided by a power of two: ``n * 2**-k``, rounded once.

    With k <= 0 the result is the exact left shift ``n * 2**-k``, whatever the mode.

    Args:
        n: integers that int64 can hold, any shape.
        k: shift to the right in bits, -62..62; negative shifts left.
        rounding: how the dropped bits count.
        words: 16-bit random words that broadcast with ``n``; for stochastic rounding only.

    Result: int64 of the broadcast shape.

    Errors: ConfigError where k is outside its range, a left shift leaves int64, or stochastic
    rounding has no words.
    """
    values = _int64(n, "shift_round")
    mode = _choice(Rounding, rounding, "rounding")
    if not -MAX_SHIFT <= k <= MAX_SHIFT:
        raise ConfigError(
            f"shift_round: k = {k} is outside -{MAX_SHIFT}..{MAX_SHIFT}; "
            "bring the two fractions closer"
        )
    if mode is Rounding.STOCHASTIC:
        random = _checked_words(words)
        values, random = np.broadcast_arrays(values, random)
    if k <= 0:
        return _shift_left(values, -k)
    if mode is Rounding.STOCHASTIC:
        return _shift_stochastic(values, k, random)
    quotient = values >> k
    if mode is Rounding.NEAREST:
        return np.asarray(quotient + ((values >> (k - 1)) & 1))
    if mode is Rounding.TOWARD_ZERO:
        dropped = values & np.int64((1 << k) - 1)
        return np.asarray(quotient + ((values < 0) & (dropped != 0)))
    return np.asarray(quotient)


def decay(n: ArrayLike, d: int) -> Int64Array:
    """One step of a leak toward zero: ``sign(n) * ((abs(n) * (4096 - d)) >> 12)``.

    The magnitude is floored, so a value always reaches zero and never changes its sign.

    Args:
        n: integers that int64 can hold, any shape.
        d: decay factor, 0 (nothing is lost) .. 4096 (all is), ``round((1 - lam) * 4096)``.

    Result: int64 of the same shape.

    Errors: ConfigError where d is outside 0..4096.
    """
    values = _int64(n, "decay")
    if not 0 <= d <= _RETAINED_ALL:
        raise ConfigError(
            f"decay: d = {d} is outside 0..{_RETAINED_ALL}; d is (1 - lam) * {_RETAINED_ALL}"
        )
    kept = _RETAINED_ALL - d
    # Whole and part are multiplied apart, so that int64 holds both products.
    part = (values & (_RETAINED_ALL - 1)) * kept
    floored = (values >> DECAY_BITS) * kept + (part >> DECAY_BITS)
    dropped = part & (_RETAINED_ALL - 1)
    return np.asarray(floored + ((values < 0) & (dropped != 0)))


def fraction_for(max_abs: float, bits: int, headroom: float = 1.0) -> int:
    """The finest binary point at which a signed register holds numbers with room to grow.

    Args:
        max_abs: largest magnitude that has to fit, finite, not negative.
        bits: width of the register, 2..62.
        headroom: factor above ``max_abs`` that has to fit as well, positive.

    Result: The largest f with ``max_abs * headroom * 2**f <= 2**(bits-1) - 1``. Any f does when
    ``max_abs`` is 0; ``bits - 1`` is returned then, the range [-1, 1).

    Errors: ConfigError where an argument is outside its range.
    """
    if not 2 <= bits <= MAX_BITS:
        raise ConfigError(
            f"fraction_for: bits = {bits} is outside 2..{MAX_BITS}; choose a width inside"
        )
    if not 0 <= max_abs < float("inf"):
        raise ConfigError(
            f"fraction_for: max_abs = {max_abs} is not a finite magnitude; check the numbers"
        )
    if not 0 < headroom < float("inf"):
        raise ConfigError(
            f"fraction_for: headroom = {headroom} is not a positive factor; use 1 for none"
        )
    if max_abs == 0:
        return bits - 1
    largest = (1 << (bits - 1)) - 1
    return _floor_log2(Fraction(largest) / (Fraction(max_abs) * Fraction(headroom)))


# Random words

_MASK32: Final = np.uint64(0xFFFFFFFF)
_GOLDEN32: Final = np.uint64(0x9E3779B9)
_MULTIPLIER_1: Final = np.uint64(0x7FEB352D)
_MULTIPLIER_2: Final = np.uint64(0x846CA68B)
_SHIFT_15: Final = np.uint64(15)
_SHIFT_16: Final = np.uint64(16)


def mix32(h: ArrayLike) -> NDArray[np.uint64]:
    """A bijection of 32-bit words in which every input bit changes about half of the output bits.

    Args:
        h: words, 0..2**32 - 1, any shape.

    Result: uint64 of the same shape, each below 2**32.

    Source: C. Wellons' ``lowbias32`` (two rounds of xor-shift and multiply).
    """
    mixed = np.asarray(h, dtype=np.uint64)
    mixed = mixed ^ (mixed >> _SHIFT_16)
    mixed = (mixed * _MULTIPLIER_1) & _MASK32
    mixed = mixed ^ (mixed >> _SHIFT_15)
    mixed = (mixed * _MULTIPLIER_2) & _MASK32
    return np.asarray(mixed ^ (mixed >> _SHIFT_16))


def random_key(seed: int, purpose: int, a: int, b: int, c: int) -> int:
    """The key of one vector of random words.

    Args:
        seed: 64-bit seed.
        purpose: a :class:`Purpose`.
        a: layer, or the epoch for Bernoulli inputs; 32 bits.
        b: low 32 bits of the logical step, or the sample's index for Bernoulli inputs.
        c: high 32 bits of the logical step, or the step in the sample for Bernoulli inputs.

    Result: The key, 0..2**32 - 1, for :func:`random_words`.

    Errors: ConfigError where the seed has more than 64 bits or another argument more than 32.
    """
    if not 0 <= seed < 1 << 64:
        raise ConfigError(f"random_key: seed = {seed} is outside 0..2^64 - 1; choose one inside")
    for name, word in (("purpose", purpose), ("a", a), ("b", b), ("c", c)):
        if not 0 <= word < 1 << 32:
            raise ConfigError(
                f"random_key: {name} = {word} is outside 0..2^32 - 1; pass 32 bits of it"
            )
    key = np.uint64(0)
    for word in (seed & 0xFFFFFFFF, seed >> 32, purpose, a, b, c):
        key = np.uint64(mix32(((key ^ np.uint64(word)) + _GOLDEN32) & _MASK32))
    return int(key)


def random_words(key: int, index: ArrayLike) -> Int64Array:
    """The 16-bit random words of a key: ``mix32(key + index * 0x9E3779B9) >> 16``.

    Args:
        key: a key from :func:`random_key`.
        index: numbers of the words, 0..2**32 - 1, any shape.

    Result: int64 of the same shape, each 0..65535.

    Errors: ConfigError where the key or an index has more than 32 bits.
    """
    if not 0 <= key < 1 << 32:
        raise ConfigError(f"random_words: key = {key} is outside 0..2^32 - 1; use random_key")
    numbers = _int64(index, "random_words")
    if np.any((numbers < 0) | (numbers >= 1 << 32)):
        raise ConfigError("random_words: an index is outside 0..2^32 - 1; number words from 0")
    product = (numbers.astype(np.uint64) * _GOLDEN32) & _MASK32
    mixed = mix32((np.uint64(key) + product) & _MASK32)
    return np.asarray((mixed >> _SHIFT_16).astype(np.int64))


def _choice(kind: type[_Choice], value: str, name: str) -> _Choice:
    """The member of an enum with this value."""
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(member.value for member in kind)
        raise ConfigError(f"{name} = {value!r} is unknown; choose one of {allowed}") from None


def _int64(n: ArrayLike, who: str) -> Int64Array:
    """Integers as an int64 array; floats and integers beyond int64 are refused."""
    values = np.asarray(n)
    if values.size == 0:
        return values.astype(np.int64)
    if values.dtype.kind == "O" and all(isinstance(item, int) for item in values.flat):
        raise ConfigError(f"{who}: an integer is beyond 64 bits; narrow the registers")
    if values.dtype.kind not in "biu":
        raise ConfigError(
            f"{who}: numbers of type {values.dtype} are not integers; quantise them first"
        )
    if values.dtype == np.uint64 and int(values.max()) > _INT64.max:
        raise ConfigError(f"{who}: {values.max()} is beyond {_INT64.max}; narrow the registers")
    return values.astype(np.int64)


def _checked_words(words: ArrayLike | None) -> Int64Array:
    """Random words as int64, each 0..65535."""
    if words is None:
        raise ConfigError("stochastic rounding: words is None; pass one 16-bit word per number")
    checked = _int64(words, "stochastic rounding")
    if np.any((checked < 0) | (checked >= _WORDS)):
        raise ConfigError(
            f"stochastic rounding: a random word is outside 0..{_WORDS - 1}; keep 16 bits of it"
        )
    return checked


def _shift_left(values: Int64Array, k: int) -> Int64Array:
    """``values * 2**k`` where int64 holds it."""
    shifted = np.asarray(values << k)
    if np.any((shifted >> k) != values):
        raise ConfigError(
            f"shift_round: a left shift by {k} bits leaves int64; bring the two fractions closer"
        )
    return shifted


def _shift_stochastic(values: Int64Array, k: int, words: Int64Array) -> Int64Array:
    """``floor(values * 2**-k + words * 2**-16)`` for k >= 1, without leaving int64."""
    dropped = values & np.int64((1 << k) - 1)
    if k <= WORD_BITS:
        carry = ((dropped << (WORD_BITS - k)) + words) >> WORD_BITS
    else:
        carry = (dropped + (words << (k - WORD_BITS))) >> k
    return np.asarray((values >> k) + carry)


def _round_reals(
    steps: NDArray[np.float64], rounding: Rounding, words: ArrayLike | None
) -> Int64Array:
    """``floor(steps + u)``, u the mode's offset, or the integer part; exact in float64.

    ``steps - trunc(steps)`` is exact in float64 while ``steps - floor(steps)`` is not for small
    negative numbers.
    """
    mode = _choice(Rounding, rounding, "rounding")
    whole = np.trunc(steps)
    part = steps - whole
    if mode is Rounding.TOWARD_ZERO:
        return np.asarray(whole.astype(np.int64))
    offset = _offset(mode, words)
    up = (part >= 1.0 - offset).astype(np.int64)
    down = (part < -offset).astype(np.int64)
    return np.asarray(whole.astype(np.int64) + up - down)


def _offset(mode: Rounding, words: ArrayLike | None) -> NDArray[np.float64]:
    """What a mode adds before the floor, in steps, 0 <= offset < 1."""
    if mode is Rounding.STOCHASTIC:
        return np.asarray(_checked_words(words) / _WORDS)
    return np.asarray(0.5 if mode is Rounding.NEAREST else 0.0)


def _floor_log2(ratio: Fraction) -> int:
    """The largest integer f with ``2**f <= ratio``, exactly; ratio > 0."""
    guess = ratio.numerator.bit_length() - ratio.denominator.bit_length()
    return guess if Fraction(2) ** guess <= ratio else guess - 1
