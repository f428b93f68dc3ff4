"""Listed synapses and a chip of them on Python integers, as NengoLoihi's emulator defines it.

Written from the emulator's source (nengo-loihi 1.1.0, emulator/interface.py), apart from the core's
twin. In each of its steps the spikes of the step before arrive over all synapses, whatever the
population that sent them, the inputs too; then, for every compartment,

    u = dec(u, decay_u) + q;  v = clip(dec(v, decay_v) + u + bias);  spike = v > vth

with dec(x, d) = sign(x) * (abs(x) * (4096 - d) >> 12), and v = 0 after a spike.
Refractory periods and noise are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

V_END = 2**23 - 1


@dataclass
class Synapse:
    """One synapse between neurons of two populations; the inputs are population 0."""

    source: tuple[int, int]
    target: tuple[int, int]
    weight: int


@dataclass
class Compartments:
    """A population, in units of the membrane."""

    bias: Sequence[int]
    threshold: int
    decay: int
    current_decay: int = 4096
    u: list[int] = field(default_factory=list)
    v: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.u = [0] * len(self.bias)
        self.v = [0] * len(self.bias)

    def update(self, q: Sequence[int]) -> list[int]:
        """The numbers of those that spike."""
        fired = []
        for j, bias in enumerate(self.bias):
            self.u[j] = decayed(self.u[j], self.current_decay) + q[j]
            v = decayed(self.v[j], self.decay) + self.u[j] + bias
            self.v[j] = min(max(v, -V_END), V_END)
            if self.v[j] > self.threshold:
                self.v[j] = 0
                fired.append(j)
        return fired


def decayed(x: int, d: int) -> int:
    magnitude = abs(x) * (4096 - d) >> 12
    return -magnitude if x < 0 else magnitude


def emulate(
    populations: Sequence[Compartments],
    synapses: Sequence[Synapse],
    inputs: Sequence[Sequence[int]],
    steps: int,
) -> Iterator[list[list[int]]]:
    """The spikes of every population, inputs first, of each step.

    Inputs are the numbers of those that spike, from the first step on; then they are silent.
    """
    before: list[list[int]] = [[] for _ in range(len(populations) + 1)]
    for t in range(steps):
        now = [list(inputs[t]) if t < len(inputs) else []]
        for number, population in enumerate(populations, start=1):
            q = [0] * len(population.bias)
            for synapse in synapses:
                (source, i), (target, j) = synapse.source, synapse.target
                if target == number and i in before[source]:
                    q[j] += synapse.weight
            now.append(population.update(q))
        yield now
        before = now


def add_rows(
    acc: list[int],
    weights: Sequence[int],
    targets: Sequence[int],
    offsets: Sequence[int],
    rows: Sequence[int],
    values: Sequence[int],
) -> int:
    """Add every synapse of the rows to acc; how many there are."""
    operations = 0
    for i in rows:
        for k in range(offsets[i], offsets[i + 1]):
            acc[targets[k]] += weights[k] * values[i]
            operations += 1
    return operations


def by_target(
    offsets: Sequence[int], targets: Sequence[int], n_out: int
) -> tuple[list[int], list[int]]:
    """Offsets by target, and the sources."""
    heard: list[list[int]] = [[] for _ in range(n_out)]
    for i in range(len(offsets) - 1):
        for k in range(offsets[i], offsets[i + 1]):
            heard[targets[k]].append(i)
    ends = [0]
    for sources in heard:
        ends.append(ends[-1] + len(sources))
    return ends, [i for sources in heard for i in sources]
