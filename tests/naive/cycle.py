"""How long each phase of a sample lasts on a mapped chip, in plain Python: who sends what, when.

Messages are made synapse by synapse from what `tests.naive.account` follows, and pass the mesh of
`tests.naive.mesh`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.naive.account import Follower, Way
from tests.naive.mesh import NaiveMesh

#: (target, work, receive)
Send = tuple[int, int, int]


@dataclass
class Links:
    """Times and buffers by kind: "row", "column", "in", "out"."""

    hop: dict[str, int]
    gap: dict[str, int]
    slots: dict[str, int]


class PhaseTimes:
    """Times the phases of what was followed; the port is the core after the chip's last."""

    def __init__(
        self,
        followed: Follower,
        ticks: dict[str, int],
        links: Links,
        size: tuple[int, int],
        cores: int,
    ) -> None:
        self.followed, self.shape, self.ticks = followed, followed.shape, ticks
        self.links, self.size, self.cores = links, size, cores
        self.ways = self.shape.ways()

    def step(self, t: int) -> Iterator[tuple[str, int]]:
        """Name and ticks of every phase of a step."""
        for population in range(len(self.shape.homes)):
            is_last = population == len(self.shape.layers)
            name = "readout" if is_last else f"spikes {population}"
            yield name, self.spikes(t, population)
        if not self.shape.learns:
            return
        yield "traces", self.alone(t, "traces")
        if self.shape.update == "last" and t < len(self.followed.steps) - 1:
            return
        for number in reversed(range(1, len(self.shape.layers))):
            yield f"errors {number}", self.errors(t, number)
        yield "updates", self.alone(t, "updates")

    def alone(self, t: int, phase: str) -> int:
        """A phase without messages: all its events."""
        work: dict[int, int] = defaultdict(int)
        for (name, _, core), events in self.followed.steps[t].items():
            if name == phase:
                work[core] += sum(n * self.ticks[event] for event, n in events.items())
        return max(work.values(), default=0)

    def reading(self, way: Way, neuron: int) -> dict[int, int]:
        """Ticks that a spike's synapses take at each core that has any."""
        ticks: dict[int, int] = {}
        for first, last, core in self.followed.parts(way.target):
            sizes = self.followed.sizes(way, neuron, first, last)
            if any(sizes):
                bits = self.shape.weight_bits[way.target]
                words = sum(self.followed.words(n, bits) for n in sizes)
                own = sum(sizes) * self.ticks[way.operation] + words * self.ticks["word_read"]
                ticks[core] = ticks.get(core, 0) + own
        return ticks

    def spikes(self, t: int, population: int) -> int:
        sends: dict[int, list[Send]] = defaultdict(list)
        since: dict[int, int] = defaultdict(int)
        fired = self.followed.fired(t, population)
        reached = self.followed.reached(t, population - 1) if population else set()
        holds = self.followed.sample.holds[t][population - 1] if population else []
        holding = {neuron for neuron, holds_any in enumerate(holds) if holds_any}
        for neuron, home in enumerate(self.shape.homes[population]):
            core, cost = (self.cores, dict.fromkeys(self.ticks, 0))
            if home >= 0:
                core, cost = home, self.ticks
            is_active = neuron in fired or neuron in reached or neuron in holding
            since[core] += cost["neuron_active" if is_active else "neuron_inactive"]
            if neuron in fired:
                since[core] += cost["neuron_fired"]
                for target, receive in sorted(self.arrivals(population, neuron).items()):
                    sends[core].append((target, since[core] + cost["message_out"], receive))
                    since[core] = 0
        return self.pass_on(sends, since)

    def arrivals(self, population: int, neuron: int) -> dict[int, int]:
        """Ticks that each core works on a spike when it comes."""
        receive: dict[int, int] = {}
        for way in self.ways:
            if way.source == population:
                for core, ticks in self.reading(way, neuron).items():
                    before = receive.get(core, self.ticks["message_in"])
                    receive[core] = before + ticks
        return receive

    def errors(self, t: int, number: int) -> int:
        sends: dict[int, list[Send]] = defaultdict(list)
        rest: dict[int, int] = defaultdict(int)
        for core, neurons in self.followed.heard(number).items():
            events = self.followed.steps[t].get(("errors", number, core), Counter())
            if not events["error_message"]:
                continue
            work = sum(events[k] * self.ticks[k] for k in ("error_operation", "word_read"))
            each, rest[core] = divmod(work, len(neurons))
            for neuron in sorted(neurons):
                home = self.shape.homes[number][neuron]
                times = (each + self.ticks["error_message"], self.ticks["message_in"])
                sends[core].append((home, *times))
        return self.pass_on(sends, rest)

    def pass_on(self, sends: dict[int, list[Send]], rest: dict[int, int]) -> int:
        """Ticks until every message is worked off."""
        width, height = self.size
        cores = [*range(self.cores), 0]
        tiles = [core // self.shape.cores_a_tile for core in cores]
        everyone = range(self.cores + 1)
        mesh: Any = NaiveMesh(
            width,
            height,
            [(tile % width, tile // width) for tile in tiles],
            self.links.hop,
            self.links.gap,
            self.links.slots,
            [sends.get(core, []) for core in everyone],
            [rest.get(core, 0) for core in everyone],
        )
        mesh.run()
        return max(max(core.sender_end, core.reader_end) for core in mesh.cores)
