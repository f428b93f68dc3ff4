"""Lava's fixed-point Dense and LIF on Python integers, as their source defines them.

Written from lava-nc 0.10's source and measurements, apart from the core's twin: Lava's phases, its
one-step delay, its single turn around of u.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

EXCITATORY, INHIBITORY, MIXED = "excitatory", "inhibitory", "mixed"


def floor_shift(n: int, k: int) -> int:
    """n * 2^k, floor."""
    return n << k if k > 0 else n >> -k


def leak(n: int, d: int) -> int:
    """n * (4096 - d) / 4096, toward zero."""
    magnitude = abs(n) * (4096 - d) // 4096
    return -magnitude if n < 0 else magnitude


class Dense:
    """Synapses: what is sent in a step is the sum of the step before."""

    def __init__(
        self,
        weights: Sequence[Sequence[int]],
        weight_exp: int = 0,
        num_weight_bits: int = 8,
        sign_mode: str = MIXED,
        graded: bool = False,
    ):
        drop = 8 - num_weight_bits + (sign_mode == MIXED)
        self.weights = [[held(w, sign_mode, drop) for w in row] for row in weights]
        self.exponent, self.graded = weight_exp, graded
        self.waiting = [0] * len(weights)

    def step(self, s: Sequence[int]) -> list[int]:
        sent = self.waiting
        values = s if self.graded else [int(n != 0) for n in s]
        sums = [sum(w * n for w, n in zip(row, values, strict=True)) for row in self.weights]
        self.waiting = [floor_shift(n, self.exponent) for n in sums]
        return sent


def held(w: int, sign_mode: str, drop: int) -> int:
    """A weight as Lava holds it: clipped, its lowest bits cut off."""
    if sign_mode == INHIBITORY:
        return -held(-w, EXCITATORY, drop)
    clipped = min(max(w, -256 if sign_mode == MIXED else 0), 255)
    return clipped >> drop << drop


@dataclass
class LIF:
    """Neurons; with an interval they begin anew where the clock modulo it is the offset's."""

    n: int
    du: int
    dv: int
    bias_mant: Sequence[int]
    bias_exp: int
    vth: int
    interval: int = 0
    offset: int = 0
    soft: bool = False
    clock: int = 0
    u: list[int] = field(default_factory=list)
    v: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.u, self.v = [0] * self.n, [0] * self.n

    def step(self, a: Sequence[int]) -> list[int]:
        self.clock += 1
        if self.interval and self.clock % self.interval == self.offset % self.interval:
            self.u, self.v = [0] * self.n, [0] * self.n
        spikes = []
        for j in range(self.n):
            u = leak(self.u[j], self.du + 1) + (a[j] << 6)
            if u > 2**23:
                u -= 2**24
            elif u <= -(2**23):
                u += 2**24
            bias = floor_shift(self.bias_mant[j], self.bias_exp)
            v = min(max(leak(self.v[j], self.dv) + u + bias, -(2**23) + 1), 2**23 - 1)
            fires = v > self.vth << 6
            if fires:
                v = v - (self.vth << 6) if self.soft else 0
            self.u[j], self.v[j] = u, v
            spikes.append(int(fires))
        return spikes
