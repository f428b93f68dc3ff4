"""Which core holds which slices: in order, or so that messages travel little."""

from __future__ import annotations

import numpy as np

from neurochip.errors import LimitError
from neurochip.hardware import Hardware
from neurochip.mapping.demand import Counts, Demand
from neurochip.mapping.partition import Slices
from neurochip.mapping.topology import Ints, Topology

#: Placers by name; any other text is the path of a placement.
PLACERS = ("greedy", "traffic")
#: Starts of the traffic-aware search: the greedy order, and random ones.
STARTS = 4
#: A search compares so many pairs of cores at most, so that it ends in seconds on any chip; on 128
#: cores that is far more than it needs.
MOST_PAIRS = 1 << 24
#: Inputs enter the mesh at the tile of this core.
PORT = 0
#: Places whose exchanges are weighed at once; so many that memory is small beside that of messages.
_BLOCK = 64


def tiles_of(hardware: Hardware, cores: Ints) -> tuple[Ints, Ints]:
    """Columns x and rows y of the tiles of some cores, each as ``cores``."""
    tile = cores // np.int32(hardware.limits.cores_per_tile.value)
    width = np.int32(hardware.mesh.width.value)
    return tile % width, tile // width


def pack(topology: Topology, slices: Slices, demand: Demand, hardware: Hardware) -> Ints:
    """Give each slice a place of its own; where the cores don't suffice, let slices share.

    A slice joins the first place that has room for it.

    Returns:
        (S,) int32, places numbered 0 .. without gaps.

    Raises:
        LimitError: the chip has too few cores.
    """
    cores = hardware.limits.cores.value
    if len(slices) <= cores:
        return np.arange(len(slices), dtype=np.int32)
    used = np.zeros((cores, slices.needs.shape[1]), np.int64)
    places = np.empty(len(slices), np.int32)
    for number, need in enumerate(slices.needs):
        room = np.flatnonzero((used + need <= demand.ceilings).all(axis=1))
        if not room.size:
            mesh, name = hardware.mesh, topology.populations[slices.population[number]].name
            raise LimitError(
                f"the network is cut into {len(slices)} slices, of which {number} fit into the "
                f"{cores} cores of hardware {hardware.name!r} ({mesh.width.value} x "
                f"{mesh.height.value} tiles of {hardware.limits.cores_per_tile.value}) and the "
                f"next, of {name}, doesn't; make the layers smaller, put more neurons on a core, "
                "or choose a larger chip"
            )
        places[number] = room[0]
        used[room[0]] += need
    return places


def by_traffic(between: Counts, outside: Counts, hardware: Hardware, seed: int) -> Ints:
    """Put places on cores so that messages times hops is small.

    From the greedy order and from random ones, the exchange of two cores that saves most is made
    until none saves anything; the best end counts. All in integers, so that it is the same on
    every machine.

    Args:
        between: (P, P) messages from place to place.
        outside: (P,) messages from the inputs.
        hardware: its cores and mesh.
        seed: of the random starts.

    Returns:
        (P,) int32, the core of each place.
    """
    cores = hardware.limits.cores.value
    flow = between + between.T
    np.fill_diagonal(flow, 0)
    random = np.random.default_rng(seed)
    starts = [np.arange(cores), *(random.permutation(cores) for _ in range(STARTS - 1))]
    searches = [_Search(flow, outside, hardware, start) for start in starts]
    for search in searches:
        search.exchange()
    best = min(searches, key=_Search.length)
    return best.core[: len(outside)].astype(np.int32)


class _Axis:
    """What places' messages would travel along rows, or along columns, by where the places lie.

    A hop is one step along either, so that both add up, and a mesh of n tiles has only about as
    many rows as the root of n to tell apart.

    Args:
        flow: (P, P) messages of each two places, both ways together.
        outside: (P,) messages from the inputs.
        at: (C,) row or column of each core.
        core: (C,) core of each place, and of the empty ones behind them.
    """

    def __init__(self, flow: Counts, outside: Counts, at: Counts, core: Counts) -> None:
        self.at, self._lines = at, np.arange(int(at.max()) + 1)
        #: (P, lines) messages times hops of a place that lay on each line.
        self.pull = np.multiply.outer(outside, abs(self._lines - at[PORT]))
        by_line = np.zeros((len(outside), self._lines.size), np.int64)
        for line in self._lines:
            by_line[:, line] = flow[:, at[core[: len(outside)]] == line].sum(axis=1)
        self.pull += by_line @ abs(self._lines[:, np.newaxis] - self._lines)

    def move(self, flow: Counts, start: int, end: int) -> None:
        """A place with the messages (P,) goes from one core to another."""
        further = abs(self._lines - self.at[end]) - abs(self._lines - self.at[start])
        self.pull += np.multiply.outer(flow, further)


class _Search:
    """One search: which core has each place, and what an exchange would save.

    Arguments as of `by_traffic`; ``core`` (C,) is where it starts, the empty places last.
    """

    def __init__(self, flow: Counts, outside: Counts, hardware: Hardware, core: Counts) -> None:
        self.flow, self.outside, self.core = flow, outside, core.copy()
        columns, rows = tiles_of(hardware, np.arange(core.size, dtype=np.int32))
        self.axes = [_Axis(flow, outside, at.astype(np.int64), self.core) for at in (columns, rows)]

    def length(self) -> int:
        """Messages times hops, each pair of places counted twice, the inputs twice too."""
        places = np.arange(len(self.outside))
        core = self.core[places]
        total = 0
        for axis in self.axes:
            from_port = abs(axis.at[core] - axis.at[PORT])
            total += int((axis.pull[places, axis.at[core]] + self.outside * from_port).sum())
        return total

    def exchange(self) -> None:
        """Exchange the pair of cores that saves most until none saves anything."""
        for _ in range(MOST_PAIRS // self.core.size**2 + 1):
            change, i, j = self._best()
            if change >= 0:
                break
            self._swap(i, j)

    def _swap(self, i: int, j: int) -> None:
        places, cores = len(self.outside), self.core[[i, j]].tolist()
        for place, start, end in ((i, *cores), (j, *reversed(cores))):
            if place < places:
                for axis in self.axes:
                    axis.move(self.flow[:, place], start, end)
        self.core[[i, j]] = cores[::-1]

    def _best(self) -> tuple[int, int, int]:
        """How much the best exchange changes, and the first two places that make it.

        Of two empty places none changes anything, so that one of the two is a place in use.
        """
        best = (0, 0, 0)
        for first in range(0, len(self.outside), _BLOCK):
            change = self._changes(first, min(first + _BLOCK, len(self.outside)))
            i, j = np.unravel_index(int(np.argmin(change)), change.shape)
            best = min(best, (int(change[i, j]), first + int(i), int(j)), key=lambda one: one[0])
        return best

    def _changes(self, first: int, last: int) -> Counts:
        """What exchanges of the places first .. last-1 with all others change, (last-first, C)."""
        n, core = len(self.outside), self.core
        own, used = core[first:last], core[:n]
        change = np.zeros((last - first, core.size), np.int64)
        apart = np.zeros((last - first, n), np.int64)
        for axis in self.axes:
            at, pull = axis.at, axis.pull
            change += pull[first:last, at[core]]
            change -= pull[np.arange(first, last), at[own]][:, np.newaxis]
            change[:, :n] += pull[:, at[own]].T - pull[np.arange(n), at[used]]
            apart += abs(at[own][:, np.newaxis] - at[used])
        # The two keep their own distance, which the sums have taken for none.
        change[:, :n] += 2 * self.flow[first:last] * apart
        return change
