"""A mapped chip as plain arrays: what a kernel needs to account a step core by core."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.place import tiles_of
from neurochip.mapping.topology import Ints


class Plain(NamedTuple):
    """S slices, C cores, G groups of source neurons and R routes; all int32.

    Neurons are numbered over all populations, inputs first, as in `kernels.layout`; slices and
    groups are sorted by their first neuron, routes by group and core. A spike of group g is one
    message on each of its routes ``route_start[g]`` .. ``route_start[g + 1] - 1``; errors take the
    same routes back.
    """

    slice_first: Ints  # (S,)
    slice_last: Ints  # (S,) the neuron after the last
    slice_core: Ints  # (S,)
    core_x: Ints  # (C,) column of the core's tile
    core_y: Ints  # (C,) row of the core's tile
    group_first: Ints  # (G + 1,)
    group_core: Ints  # (G,) -1 for inputs
    group_messages: Ints  # (G,) cores that a spike goes to
    group_hops_east_west: Ints  # (G,) of all messages of a spike together
    group_hops_north_south: Ints  # (G,)
    route_start: Ints  # (G + 1,)
    route_core: Ints  # (R,)
    route_synapses: Ints  # (R, 3) synapses that a message drives: dense, sparse, convolution
    route_words: Ints  # (R,) words of weights that it reads
    route_hops_east_west: Ints  # (R,)
    route_hops_north_south: Ints  # (R,)


def plain(chip_map: ChipMap) -> Plain:
    """Return the arrays of a map."""
    first, last = chip_map.neurons
    cores = np.arange(chip_map.hardware.limits.cores.value, dtype=np.int32)
    x, y = tiles_of(chip_map.hardware, cores)
    routes = chip_map.routes
    east_west, north_south = chip_map.hops()
    return Plain(
        slice_first=first,
        slice_last=last,
        slice_core=chip_map.core,
        core_x=x,
        core_y=y,
        group_first=routes.first,
        group_core=routes.source,
        group_messages=routes.fan_out,
        group_hops_east_west=_by_group(east_west, routes.start),
        group_hops_north_south=_by_group(north_south, routes.start),
        route_start=routes.start,
        route_core=routes.target,
        route_synapses=routes.synapses,
        route_words=routes.words,
        route_hops_east_west=east_west,
        route_hops_north_south=north_south,
    )


def _by_group(of_routes: Ints, start: Ints) -> Ints:
    """Sums over each group's routes, of which it may have none."""
    sums = np.concatenate(([0], np.cumsum(of_routes)))
    of_groups: Ints = np.diff(sums[start]).astype(np.int32)
    return of_groups
