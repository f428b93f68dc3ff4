"""How many messages cross each link of the mesh.

    links = link_traffic(chip_map, sent)
    links[EAST, y, x]  # messages that leave tile (x, y) for tile (x + 1, y)

Directions are those of `neurochip.kernels.mesh`; a message goes along its row first, then along its
column, so that a link's load is a sum over the routes that pass it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.hardware import Hardware
from neurochip.kernels.mesh import DIRECTIONS, EAST, NORTH, SOUTH, WEST
from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.place import PORT, tiles_of
from neurochip.mapping.routes import OFF_CHIP
from neurochip.mapping.topology import Ints

Counts = NDArray[np.int64]

__all__ = ["EAST", "NORTH", "SOUTH", "WEST", "crossed", "link_traffic"]


def link_traffic(chip_map: ChipMap, sent: ArrayLike) -> Counts:
    """Messages of spikes and inputs over every link between tiles.

    Inputs enter at the tile of core 0. What stays within its tile crosses no link.

    Args:
        chip_map: where neurons are.
        sent: (N,) int64, how often each neuron of the topology's numbering sent, inputs first.

    Returns:
        (4, height, width) int64: messages that leave tile (y, x) to the EAST (towards larger x),
        WEST, NORTH (towards larger y) or SOUTH; 0 at the edge of the mesh.
    """
    routes = chip_map.routes
    by_group = np.add.reduceat(np.asarray(sent, np.int64), routes.first[:-1])
    messages = by_group[routes.group_of_route]
    source = routes.source[routes.group_of_route]
    start = np.where(source == OFF_CHIP, PORT, source)
    return crossed(chip_map.hardware, start, routes.target, messages)


def crossed(
    hardware: Hardware, start: Ints | Counts, end: Ints | Counts, messages: Counts
) -> Counts:
    """Messages over every link between tiles, of journeys from core to core.

    Args:
        hardware: its mesh.
        start: (k,) cores where they begin.
        end: (k,) cores where they end.
        messages: (k,) how many go each of these ways.

    Returns:
        As `link_traffic`.
    """
    x0, y0 = tiles_of(hardware, np.asarray(start, np.int32))
    x1, y1 = tiles_of(hardware, np.asarray(end, np.int32))
    mesh = hardware.mesh
    width, height = mesh.width.value, mesh.height.value
    links = np.zeros((DIRECTIONS, height, width), np.int64)
    links[EAST], links[WEST] = _along(y0, x0, x1, messages, (height, width))
    north, south = _along(x1, y0, y1, messages, (width, height))
    links[NORTH], links[SOUTH] = north.T, south.T
    return links


def _along(
    line: Ints, start: Ints, end: Ints, messages: Counts, shape: tuple[int, int]
) -> tuple[Counts, Counts]:
    """Messages that leave each place of each line upwards and downwards.

    A journey raises the sum where it sets out and lowers it where it arrives.
    """
    up = np.zeros((shape[0], shape[1] + 1), np.int64)
    down = np.zeros_like(up)
    rises, falls = end > start, end < start
    for places, sign in ((start, 1), (end, -1)):
        np.add.at(up, (line[rises], places[rises]), sign * messages[rises])
        # The journey down leaves places start, start - 1 .. end + 1.
        np.add.at(down, (line[falls], places[falls] + 1), -sign * messages[falls])
    return up.cumsum(axis=1)[:, :-1], down.cumsum(axis=1)[:, :-1]
