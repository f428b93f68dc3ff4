"""The learning core with faults: what is broken, said number by number."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from . import arithmetic
from .core import NaiveCore
from .strategies import Case


@dataclass(frozen=True)
class Damage:
    """Faults; weights are (ell, row, column) and neurons (ell, j)."""

    stuck: dict[tuple[int, int, int], dict[int, int]] = field(default_factory=dict)
    """What each stuck bit of a weight holds, by its number, 0 the lowest."""
    dead: frozenset[tuple[int, int]] = frozenset()
    thetas: dict[tuple[int, int], int] = field(default_factory=dict)
    """Thresholds that are off."""
    flips: tuple[int, ...] = ()
    """2^32 times the probability that a read has one of the bits 0 .. b flipped."""
    seed: int = 0


class FaultyCore(NaiveCore):
    """A core with damage; its weights are stuck from the start."""

    def __init__(self, damage: Damage, case: Case):
        c = case.config
        self.damage = damage
        super().__init__(c, case.weights, case.biases, case.feedback, case.shadows)
        for ell, row, column in damage.stuck:
            self.w[ell][row][column] = self.held(ell, row, column)

    def held(self, ell: int, row: int, column: int) -> int:
        """The weight's word with its stuck bits in place, as a number."""
        word = self.w[ell][row][column] % 2 ** self.bits(ell)
        for bit, value in self.damage.stuck.get((ell, row, column), {}).items():
            word = word - (word >> bit & 1) * 2**bit + value * 2**bit
        return self.signed(word, self.bits(ell))

    def bits(self, ell: int) -> int:
        return self.config.weight_register(ell).bits

    def signed(self, word: int, bits: int) -> int:
        return word - 2**bits if word >= 2 ** (bits - 1) else word

    def change_weight(self, ell: int, i: int, j: int, p: int, k: int, clock: int) -> None:
        super().change_weight(ell, i, j, p, k, clock)
        self.w[ell][i][j] = self.held(ell, i, j)

    def is_dead(self, ell: int, j: int) -> bool:
        return (ell, j) in self.damage.dead

    def without_dead(self, ell: int, values: list[int]) -> list[int]:
        return [0 if self.is_dead(ell, j) else value for j, value in enumerate(values)]

    def step(
        self,
        t: int,
        sample: Any,
        label: int | None = None,
        learned_before: int = 0,
        epoch: int = 0xFFFFFFFF,
        index: int = 0,
        traces: bool = True,
    ) -> dict[str, Any]:
        self.place = (epoch, index, t)
        return super().step(t, sample, label, learned_before, epoch, index, traces)

    def synapse(self, ell: int, values: list[int]) -> list[int]:
        if not self.damage.flips:
            return self.without_dead(ell, super().synapse(ell, values))
        layer = self.config.layers[ell]
        self.counts[ell].spikes_in = sum(value != 0 for value in values)
        sums = [0] * layer.n_out
        for i, j, row, column in layer.connections:
            sums[j] += values[i] * self.read(ell, i, j, self.w[ell][row][column])
            self.counts[ell].synaptic_ops += values[i] != 0
        fitted = [self.fit(ell, "accumulator", self.config.accumulator, a) for a in sums]
        return self.without_dead(ell, fitted)

    def read(self, ell: int, i: int, j: int, w: int) -> int:
        """What the synapse from axon i to neuron j finds in place of w."""
        flips, bits = self.damage.flips, self.bits(ell)
        stream = absorb(
            absorb(arithmetic.key(self.damage.seed, arithmetic.FLIP, *self.place), ell), i
        )
        first = next((b for b in range(bits) if word32(stream, j) < flips[b]), None)
        if first is None:
            return w
        above = absorb(stream, j)
        more = [b for b in range(first + 1, bits) if word32(above, b) < flips[0]]
        return self.signed(w % 2**bits ^ sum(2**b for b in (first, *more)), bits)

    def theta(self, ell: int, j: int) -> int:
        return self.damage.thetas.get((ell, j), self.config.layers[ell].theta)

    def neurons(self, ell: int, current: list[int]) -> tuple[list[int], list[int]]:
        layer, membrane = self.config.layers[ell], self.config.membrane_register(ell)
        v_pre, s, v = [], [], []
        for j, (before, i, b) in enumerate(
            zip(self.v[ell], current, self.biases(ell), strict=True)
        ):
            n = self.fit(ell, "membrane", membrane, arithmetic.dec(before, layer.d) + i + b)
            n = 0 if self.is_dead(ell, j) else n
            theta = self.theta(ell, j)
            spike = n >= theta if layer.fires == ">=" else n > theta
            left = n - theta if layer.reset == "soft" else layer.v_reset
            v_pre.append(n)
            s.append(int(spike))
            v.append(left if spike else n)
        self.v[ell] = v
        self.counts[ell].spikes_out = sum(s)
        return v_pre, s

    def surrogates(self, ell: int, v_pre: list[int]) -> list[int]:
        return self.without_dead(ell, super().surrogates(ell, v_pre))

    def readout(self, current: list[int]) -> list[int]:
        last = self.config.L - 1
        o = self.without_dead(last, super().readout(current))
        self.v[last] = o
        return list(o)

    def error(self, r: dict[str, Any], label: int) -> None:
        super().error(r, label)
        last = self.config.L - 1
        r["d"][last] = self.without_dead(last, r["d"][last])


def absorb(h: int, word: int) -> int:
    return arithmetic.mix32(((h ^ word) + 0x9E3779B9) % 2**32)


def word32(stream: int, number: int) -> int:
    return arithmetic.mix32((stream + number * 0x9E3779B9) % 2**32)


@st.composite
def damages(draw: st.DrawFn, case: Case) -> Damage:
    """Faults of any kind for a case's core, often several at once."""
    c = case.config
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    shares = st.sampled_from([0.0, 0.3, 1.0])
    share_stuck, share_dead, share_off = draw(shares), draw(shares), draw(shares)
    bits = [c.weight_register(ell).bits for ell in range(c.L)]
    weights = [
        (ell, i, j)
        for ell, layer in enumerate(c.layers)
        for i in range(layer.rows)
        for j in range(layer.columns)
    ]
    neurons = [(ell, j) for ell, layer in enumerate(c.layers) for j in range(layer.n_out)]
    stuck = {
        place: {b: rng.randrange(2) for b in range(bits[place[0]]) if rng.random() < 0.4}
        for place in weights
        if rng.random() < share_stuck
    }
    return Damage(
        stuck=stuck,
        dead=frozenset(n for n in neurons if rng.random() < share_dead * 0.4),
        thetas={
            (ell, j): rng.randint(1, 2 * c.layers[ell].theta)
            for ell, j in neurons
            if rng.random() < share_off
        },
        # Bits flip in words of one width.
        flips=draw(flip_tables(bits[0])) if len(set(bits)) == 1 else (),
        seed=draw(st.integers(0, 2**63 - 1)),
    )


def flip_tables(bits: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Flips of no bit, or of each with one of a few probabilities."""
    chances = st.sampled_from([None, 0.001, 0.1, 0.5, 1.0])
    return chances.map(lambda p: () if p is None else flip_table(p, bits))


def flip_table(p: float, bits: int) -> tuple[int, ...]:
    return tuple(round((1 - (1 - p) ** (b + 1)) * 2**32) for b in range(bits))
