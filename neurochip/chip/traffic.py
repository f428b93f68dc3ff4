"""The mesh of a chip, what it carries in a step, and when each thing happened.

    links = Links(hop=(4100, 6500, 1000, 1000), gap=(4100, 6500, 1000, 1000), slots=(16,) * 4)
    mesh = make_mesh(8, 4, tile_of_core, links)
    forward = Phase.of("forward", SPIKE, n_cores, [(source, target, work, receive), ...])
    step = time_step(mesh, [forward], barrier=1_800_000)
    step.ticks, step.phases[0].stalled, step.phases[0].hops

Times are whole ticks, so that sums are exact and come out the same in any order. A tick is a
picosecond: published times have at most one decimal of a nanosecond, a clock's period is a whole
number of picoseconds, and 63 bits of them are 106 days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.errors import HardwareError, LimitError
from neurochip.kernels import mesh as layout
from neurochip.kernels.timing import Outward, Routes, emit
from neurochip.kernels.transit import pass_messages

Ints = NDArray[np.int64]

__all__ = ["ERROR", "SPIKE", "TICKS_PER_SECOND", "Links", "Phase", "PhaseTiming", "StepTiming"]
__all__ += ["make_mesh", "time_step"]

TICKS_PER_SECOND = 10**12
#: Kinds of messages.
SPIKE, ERROR = "spike", "error"
#: No single thing takes longer: a million of them in a row are still below 2^63 ticks.
LONGEST_TICKS = 10**12
_KINDS = ("EAST_WEST", "NORTH_SOUTH", "INTO_ROUTER", "INTO_CORE")


@dataclass(frozen=True)
class Links:
    """Times and buffers of the four kinds of links: east-west, north-south, in, out.

    Attributes:
        hop: ticks from taking a message to its arrival.
        gap: ticks from taking a message to taking the next one.
        slots: messages that the buffer at the end holds.
    """

    hop: tuple[int, int, int, int]
    gap: tuple[int, int, int, int]
    slots: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        """Check every number."""
        for name, low, high in (("hop", 0, LONGEST_TICKS), ("gap", 0, LONGEST_TICKS)):
            self._check(name, low, high, "ticks")
        self._check("slots", 1, LONGEST_TICKS, "messages")

    def _check(self, name: str, low: int, high: int, unit: str) -> None:
        for kind, value in zip(_KINDS, getattr(self, name), strict=True):
            if not low <= value <= high:
                raise HardwareError(
                    f"{name} of {kind} links is {value} {unit}, outside {low}..{high}; "
                    "give a number in that range"
                )


def make_mesh(width: int, height: int, tile: ArrayLike, links: Links) -> layout.Mesh:
    """A mesh of width x height tiles; core c lies in tile ``tile[c]``, tiles are ``y * width + x``.

    Raises:
        HardwareError: a tile isn't on the mesh.
    """
    tile = np.asarray(tile, np.int64)
    outside = np.flatnonzero((tile < 0) | (tile >= width * height))
    if outside.size:
        core = int(outside[0])
        raise HardwareError(
            f"core {core} lies in tile {tile[core]}, but a mesh of {width} x {height} has the "
            f"tiles 0..{width * height - 1}; make the mesh larger or place the core elsewhere"
        )
    return layout.make_mesh(width, height, tile, links.hop, links.gap, links.slots)


@dataclass(frozen=True, eq=False)
class Phase:
    """What all cores send in one phase of a step.

    Attributes:
        name: what tables and timelines call it.
        kind: SPIKE or ERROR, of all its messages.
        messages: by sender, each sender's in the order in which it makes them.
        neuron: (M,) neuron that each comes from, or -1.
        route: (M,) route that each takes, or -1.
    """

    name: str
    kind: str
    messages: layout.Messages
    neuron: Ints
    route: Ints

    @classmethod
    def of(
        cls,
        name: str,
        kind: str,
        cores: int,
        messages: Iterable[tuple[int, int, int, int]],
        rest: ArrayLike | None = None,
    ) -> Phase:
        """A phase of messages given one by one, each sender's in its order.

        Args:
            name: of the phase.
            kind: of its messages.
            cores: how many there are.
            messages: (source, target, work, receive): cores, and the ticks of sender and receiver.
            rest: (cores,) ticks that each core works after its last message; 0 where not given.

        Raises:
            LimitError: a core that isn't there, or a time that is negative or too long.
        """
        table = np.array(list(messages), np.int64).reshape(-1, 4)
        _check_cores(name, cores, table[:, :2])
        after = np.zeros(cores, np.int64) if rest is None else np.asarray(rest, np.int64)
        _check_times(name, table[:, 2:])
        _check_times(name, after)
        table = table[np.argsort(table[:, 0], kind="stable")]
        source, target, work, receive = table.T.copy()
        first = np.searchsorted(source, np.arange(cores + 1))
        nowhere = np.full(source.size, layout.NONE, np.int64)
        return cls(
            name, kind, layout.Messages(first, target, work, receive, after), nowhere, nowhere
        )

    @classmethod
    def emitted(
        cls, name: str, kind: str, active: NDArray[np.generic], routes: Routes, outward: Outward
    ) -> Phase:
        """The phase in which the active ones of N neurons send along their routes."""
        messages, neuron, route = emit(active, routes, outward)
        return cls(name, kind, messages, neuron, route)

    @cached_property
    def source(self) -> Ints:
        """(M,) core that sends each message."""
        first = self.messages.first
        return np.repeat(np.arange(first.size - 1), np.diff(first))


def _check_cores(name: str, cores: int, ends: Ints) -> None:
    wrong = ends[(ends < 0) | (ends >= cores)]
    if wrong.size:
        raise LimitError(
            f"a message of phase {name!r} goes from or to core {wrong[0]}, but the chip has the "
            f"cores 0..{cores - 1}; place its neurons on one of those"
        )


def _check_times(name: str, ticks: Ints) -> None:
    wrong = ticks[(ticks < 0) | (ticks > LONGEST_TICKS)]
    if wrong.size:
        raise LimitError(
            f"something in phase {name!r} takes {wrong[0]} ticks, outside 0..{LONGEST_TICKS}; "
            "mend its cost"
        )


@dataclass(frozen=True, eq=False)
class PhaseTiming:
    """When everything in a phase happened; times of cores and links are from its start.

    Attributes:
        phase: what was sent.
        start: tick of the step in which it began.
        passage: journeys, links and pipelines, as the kernel returns them.
        mesh: what it ran on.
    """

    phase: Phase
    start: int
    passage: layout.Passage
    mesh: layout.Mesh = field(repr=False)

    @cached_property
    def ticks(self) -> int:
        """How long it lasted: until every core has sent, and worked off, everything."""
        ends = (self.passage.sender_end, self.passage.reader_end)
        return max(int(end.max(initial=0)) for end in ends)

    @cached_property
    def sending(self) -> Ints:
        """(C,) ticks that each outward pipeline worked."""
        messages = self.phase.messages
        return messages.rest + _by_core(self.phase.source, messages.work, messages.rest.size)

    @cached_property
    def stalled(self) -> Ints:
        """(C,) ticks that each outward pipeline waited for its link."""
        journeys = self.passage.journeys
        waited = journeys[:, layout.SENT] - journeys[:, layout.READY]
        return _by_core(self.phase.source, waited, self.phase.messages.rest.size)

    @cached_property
    def reading(self) -> Ints:
        """(C,) ticks that each inward pipeline worked."""
        messages = self.phase.messages
        return _by_core(messages.target, messages.receive, messages.rest.size)

    @cached_property
    def hops(self) -> tuple[int, int]:
        """Hops between tiles, east-west and north-south."""
        kinds = layout.kinds_of_links(*self._size)
        passed = self.passage.passed
        east_west = int(passed[kinds == layout.EAST_WEST].sum())
        return east_west, int(passed[kinds == layout.NORTH_SOUTH].sum())

    @cached_property
    def deepest(self) -> int:
        """Slots that were held at once in the fullest buffer."""
        return int(self.passage.deepest.max(initial=0))

    @property
    def _size(self) -> tuple[int, int]:
        cores = self.mesh.tile.size
        return (self.mesh.ends.size - 2 * cores) // layout.DIRECTIONS, cores


def _by_core(core: Ints, ticks: Ints, cores: int) -> Ints:
    """Sums of ticks by core, exact."""
    total = np.zeros(cores, np.int64)
    np.add.at(total, core, ticks)
    return total


@dataclass(frozen=True, eq=False)
class StepTiming:
    """One step: its phases, one after the other, and the barrier that ends it.

    Attributes:
        phases: in their order.
        barrier: ticks until all tiles know that the step is over.
    """

    phases: tuple[PhaseTiming, ...]
    barrier: int

    @property
    def ticks(self) -> int:
        """How long the step lasted."""
        return sum(phase.ticks for phase in self.phases) + self.barrier

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.ticks / TICKS_PER_SECOND


def time_step(mesh: layout.Mesh, phases: Iterable[Phase], barrier: int = 0) -> StepTiming:
    """Let the phases of one step pass over the mesh, tick by tick.

    A phase begins when the one before has ended everywhere: errors of the learning phase start
    when all spikes of the forward phase are worked off. Within a phase nothing waits for anything
    but messages, so layers that depend on each other in one step are phases of their own.

    Raises:
        LimitError: a phase is for another number of cores than the mesh has.
    """
    timed: list[PhaseTiming] = []
    start = 0
    for phase in phases:
        if phase.messages.rest.size != mesh.tile.size:
            raise LimitError(
                f"phase {phase.name!r} is for {phase.messages.rest.size} cores, but the mesh has "
                f"{mesh.tile.size}; build both from the same placement"
            )
        timed.append(PhaseTiming(phase, start, pass_messages(mesh, phase.messages), mesh))
        start += timed[-1].ticks
    return StepTiming(tuple(timed), barrier)
