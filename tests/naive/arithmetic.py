"""Rounding, registers and random words on Python integers, as their definitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

ROW, COLUMN, BIAS, TRACE, DELTA, BERNOULLI = 1, 2, 3, 4, 5, 6
FLIP = 13
"""What a random word is for."""


def floor(p: int, k: int) -> int:
    """floor(p * 2^-k); exact for k < 0."""
    return p >> k if k >= 0 else p << -k


def toward_zero(p: int, k: int) -> int:
    return -floor(-p, k) if p < 0 else floor(p, k)


def nearest(p: int, k: int) -> int:
    """floor(p * 2^-k + 1/2) = floor((2 p + 2^k) / 2^(k+1))."""
    return (2 * p + 2**k) // 2 ** (k + 1) if k >= 0 else p << -k


def stochastic(p: int, k: int, r: int) -> int:
    """floor(p * 2^-k + r * 2^-16) = floor((2^16 p + 2^k r) / 2^(k+16))."""
    return (2**16 * p + 2**k * r) // 2 ** (k + 16) if k >= 0 else p << -k


def rounded(p: int, k: int, mode: str, r: int) -> int:
    """p * 2^-k in one of the four modes; r is a 16-bit word that only "stochastic" looks at."""
    if mode == "stochastic":
        return stochastic(p, k, r)
    return {"floor": floor, "toward_zero": toward_zero, "nearest": nearest}[mode](p, k)


def dec(v: int, d: int) -> int:
    """A leak toward zero."""
    magnitude = (abs(v) * (4096 - d)) >> 12
    return -magnitude if v < 0 else magnitude


@dataclass(frozen=True)
class Register:
    """The range of a register, and what happens beyond it."""

    bits: int
    overflow: str = "saturate"  # or "wrap"
    symmetric: bool = False
    signed: bool = True

    @property
    def minimum(self) -> int:
        if not self.signed:
            return 0
        return -(2 ** (self.bits - 1)) + (1 if self.symmetric else 0)

    @property
    def maximum(self) -> int:
        if not self.signed:
            return 2**self.bits - 1
        if self.symmetric and self.overflow == "wrap":
            return 2 ** (self.bits - 1)
        return 2 ** (self.bits - 1) - 1

    def holds(self, n: int) -> bool:
        return self.minimum <= n <= self.maximum

    def fit(self, n: int) -> int:
        if self.overflow == "saturate":
            return min(max(n, self.minimum), self.maximum)
        while n > self.maximum:
            n -= 2**self.bits * max(1, (n - self.maximum) // 2**self.bits)
        while n < self.minimum:
            n += 2**self.bits * max(1, (self.minimum - n) // 2**self.bits)
        return n


def mix32(h: int) -> int:
    h ^= h >> 16
    h = h * 0x7FEB352D % 2**32
    h ^= h >> 15
    h = h * 0x846CA68B % 2**32
    h ^= h >> 16
    return h


@lru_cache(maxsize=4096)
def key(seed: int, purpose: int, a: int, b: int, c: int) -> int:
    h = 0
    for w in (seed & 0xFFFFFFFF, seed >> 32, purpose, a, b, c):
        h = absorb(h, w)
    return h


def absorb(h: int, w: int) -> int:
    return mix32(((h ^ w) + 0x9E3779B9) % 2**32)


def word16(key: int, i: int) -> int:
    return mix32((key + i * 0x9E3779B9) % 2**32) >> 16


def step_word(seed: int, purpose: int, layer: int, step: int, i: int) -> int:
    """Word i of a layer at a logical step, for every purpose but BERNOULLI."""
    return word16(step_key(seed, purpose, layer, step), i)


def step_key(seed: int, purpose: int, layer: int, step: int) -> int:
    return key(seed, purpose, layer, step & 0xFFFFFFFF, step >> 32)


def weight_word(seed: int, layer: int, step: int, i: int, j: int, kind: str = "separable") -> int:
    """The word of weight (i, j): its row's plus its column's, its own, or the step's."""
    if kind == "step":
        return step_word(seed, COLUMN, layer, step, 0)
    if kind == "synapse":
        return word16(absorb(step_key(seed, COLUMN, layer, step), i), j)
    row = step_word(seed, ROW, layer, step, i)
    return (row + step_word(seed, COLUMN, layer, step, j)) % 2**16
