"""How many messages cross each link: every message walks to its core, tile by tile."""

from __future__ import annotations

from collections import Counter

Tile = tuple[int, int]


def walk(start: Tile, end: Tile) -> list[tuple[Tile, Tile]]:
    """The links that a message crosses: along the row first, then along the column."""
    (x, y), crossed = start, []
    while x != end[0]:
        step = (x + (1 if end[0] > x else -1), y)
        crossed.append(((x, y), step))
        x = step[0]
    while y != end[1]:
        step = (x, y + (1 if end[1] > y else -1))
        crossed.append(((x, y), step))
        y = step[1]
    return crossed


def traffic(
    matrices: dict[tuple[int, int, int], list[list[int]]],
    homes: list[list[int]],
    sent: list[list[int]],
    width: int,
    each: int,
) -> Counter[tuple[Tile, Tile]]:
    """Messages over each link, from (x, y) to (x, y) of the next tile.

    Args:
        matrices: (source, target, kind) of each projection to its synapses, [target][source].
        homes: core of each neuron of each population; inputs come from the tile of core 0.
        sent: how often each neuron of each population sent.
        width: tiles in a row.
        each: cores a tile.
    """
    heard = {
        (source, neuron, homes[target][k])
        for (source, target, _), matrix in matrices.items()
        for k, row in enumerate(matrix)
        for neuron, synapses in enumerate(row)
        if synapses
    }
    crossed: Counter[tuple[Tile, Tile]] = Counter()
    for source, neuron, core in heard:
        here, there = max(homes[source][neuron], 0) // each, core // each
        for link in walk((here % width, here // width), (there % width, there // width)):
            crossed[link] += sent[source][neuron]
    return +crossed
