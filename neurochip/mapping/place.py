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
    distance = _distances(hardware)
    flow = np.zeros((cores, cores), np.int64)
    n = len(outside)
    flow[:n, :n] = between + between.T
    np.fill_diagonal(flow, 0)
    entry = np.zeros((cores, cores), np.int64)
    entry[:n] = outside[:, np.newaxis] * distance[PORT]
    random = np.random.default_rng(seed)
    starts = [np.arange(cores), *(random.permutation(cores) for _ in range(STARTS - 1))]
    ends = [_exchange(flow, entry, distance, start) for start in starts]
    lengths = [_length(flow, entry, distance, core) for core in ends]
    return ends[int(np.argmin(lengths))][:n].astype(np.int32)


def _distances(hardware: Hardware) -> Counts:
    """Hops between any two cores, (cores, cores)."""
    x, y = tiles_of(hardware, np.arange(hardware.limits.cores.value, dtype=np.int32))
    apart = abs(x[:, np.newaxis] - x) + abs(y[:, np.newaxis] - y)
    return apart.astype(np.int64)


def _length(flow: Counts, entry: Counts, distance: Counts, core: Counts) -> int:
    """Messages times hops, each pair of places counted twice, the inputs twice too."""
    everyone = np.arange(core.size)
    inner = (flow * distance[np.ix_(core, core)]).sum()
    return int(inner + 2 * entry[everyone, core].sum())


def _exchange(flow: Counts, entry: Counts, distance: Counts, core: Counts) -> Counts:
    """Exchange the pair of cores that saves most until none saves anything."""
    core = core.copy()
    everyone = np.arange(core.size)
    # pull[i, c]: what place i's messages would travel if it lay on core c.
    # (Whole numbers below 2^53: floating point is exact, and its product is the fast one.)
    pull = (flow.astype(np.float64) @ distance[core].astype(np.float64)).astype(np.int64) + entry
    for _ in range(MOST_PAIRS // core.size**2 + 1):
        there = pull[:, core]
        here = there[everyone, everyone]
        # The two keep their own distance, which the sum has taken for none.
        change = there + there.T - here[:, np.newaxis] - here
        change += 2 * flow * distance[np.ix_(core, core)]
        i, j = np.unravel_index(int(np.argmin(change)), change.shape)
        if change[i, j] >= 0:
            break
        moved = distance[core[j]] - distance[core[i]]
        pull += (flow[:, i] - flow[:, j])[:, np.newaxis] * moved
        core[i], core[j] = core[j], core[i]
    return core
