"""Lava's fixed-point Dense, Conv and LIF on Python integers, as their source defines them.

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


class Conv:
    """Shared synapses, a cross-correlation; all populations are (channels, height, width) lists.

    Lava's own kernels are the other way round, and its axes too. Sums turn around at 24 bits.
    """

    def __init__(
        self,
        kernels: Sequence[Sequence[Sequence[Sequence[int]]]],
        shape: tuple[int, ...],
        stride: int,
        padding: int,
        graded: bool = False,
    ):
        self.kernels, self.shape, self.graded = kernels, shape, graded
        self.stride, self.padding = stride, padding
        side = len(kernels[0][0])
        rows, columns = ((n + 2 * padding - side) // stride + 1 for n in shape[1:])
        self.positions = [(y, x) for y in range(rows) for x in range(columns)]
        self.waiting = [0] * (len(kernels) * rows * columns)

    def step(self, s: Sequence[int]) -> list[int]:
        sent = self.waiting
        values = s if self.graded else [int(n != 0) for n in s]
        sums = [
            self.sum(kernel, values, y, x) for kernel in self.kernels for y, x in self.positions
        ]
        self.waiting = [(n + 2**23) % 2**24 - 2**23 for n in sums]
        return sent

    def sum(
        self, kernel: Sequence[Sequence[Sequence[int]]], values: Sequence[int], y: int, x: int
    ) -> int:
        _, height, width = self.shape
        total = 0
        for c, plane in enumerate(kernel):
            for i, row in enumerate(plane):
                for j, weight in enumerate(row):
                    at_y, at_x = (
                        y * self.stride + i - self.padding,
                        x * self.stride + j - self.padding,
                    )
                    if 0 <= at_y < height and 0 <= at_x < width:
                        total += weight * values[(c * height + at_y) * width + at_x]
        return total


class Pool:
    """Counts the spikes of squares; a population is a (channels, height, width) list."""

    def __init__(self, shape: tuple[int, ...], side: int):
        self.shape, self.side = shape, side

    def step(self, s: Sequence[int]) -> list[int]:
        (channels, height, width), side = self.shape, self.side
        counts = [0] * (channels * (height // side) * (width // side))
        for c in range(channels):
            for y in range(height // side * side):
                for x in range(width // side * side):
                    square = (c * (height // side) + y // side) * (width // side) + x // side
                    counts[square] += s[(c * height + y) * width + x]
        return counts


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
