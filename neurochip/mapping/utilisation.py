"""How full each core of a mapped chip is: as rows, as plain facts, and as a drawing of the mesh."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.demand import RESOURCES, UNKNOWN
from neurochip.mapping.place import tiles_of
from neurochip.mapping.topology import Ints

_EMPTY = "."


def summary(chip_map: ChipMap) -> str:
    """One sentence: cores and tiles in use, messages and hops when every neuron fires once."""
    hardware = chip_map.hardware
    n_messages, n_hops = travel(chip_map)
    return (
        f"{_cores(chip_map).size} of {hardware.limits.cores.value} cores and {chip_map.n_tiles} of "
        f"{hardware.n_tiles} tiles of hardware {hardware.name!r} are in use; when every neuron "
        f"fires once, {n_messages} messages make {n_hops} hops"
    )


def travel(chip_map: ChipMap) -> tuple[int, int]:
    """Messages, and hops of all of them together, when every neuron fires once."""
    sizes = chip_map.routes.sizes[chip_map.routes.group_of_route].astype(np.int64)
    return int(sizes.sum()), int((sizes * sum(chip_map.hops())).sum())


def table(chip_map: ChipMap) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of texts, one row a core in use."""
    header = ("core", "tile", "holds", *RESOURCES)
    cores = _cores(chip_map)
    xs, ys = tiles_of(chip_map.hardware, cores)
    rows = [
        (
            str(core),
            f"{x},{y}",
            ", ".join(_span(*held) for held in _held(chip_map, core)),
            *(_cell(*pair) for pair in zip(chip_map.used[core], chip_map.limits, strict=True)),
        )
        for core, x, y in zip(cores.tolist(), xs.tolist(), ys.tolist(), strict=True)
    ]
    return header, rows


def facts(chip_map: ChipMap) -> dict[str, Any]:
    """The same as numbers, texts and lists; a limit that nobody knows is None."""
    hardware, cores = chip_map.hardware, _cores(chip_map)
    xs, ys = tiles_of(hardware, cores)
    n_messages, n_hops = travel(chip_map)
    return {
        "hardware": hardware.name,
        "mesh": {"width": hardware.mesh.width.value, "height": hardware.mesh.height.value},
        "cores_in_use": len(cores),
        "tiles_in_use": chip_map.n_tiles,
        "messages": n_messages,
        "hops": n_hops,
        "limits": {
            name: None if limit == UNKNOWN else int(limit)
            for name, limit in zip(RESOURCES, chip_map.limits, strict=True)
        },
        "cores": [
            {
                "core": core,
                "tile": [x, y],
                "slices": [
                    {"population": name, "layer": layer, "first": first, "last": last}
                    for name, layer, first, last in _held(chip_map, core)
                ],
                "used": dict(zip(RESOURCES, chip_map.used[core].tolist(), strict=True)),
            }
            for core, x, y in zip(cores.tolist(), xs.tolist(), ys.tolist(), strict=True)
        ],
    }


def draw_mesh(chip_map: ChipMap) -> list[str]:
    """The mesh as lines of text: a box a tile; of each core its layer and its fullest resource.

    A core of several layers shows the first with a plus, an empty one a dot.
    """
    hardware = chip_map.hardware
    each = hardware.limits.cores_per_tile.value
    columns = math.ceil(math.sqrt(each))
    rows = -(-each // columns)
    shares = fullest(chip_map)
    cells = [_label(chip_map, core, share) for core, share in enumerate(shares.tolist())]
    wide = max(len(cell) for cell in cells)
    width, height = hardware.mesh.width.value, hardware.mesh.height.value
    rule = "+" + ("-" * (columns * (wide + 1) + 1) + "+") * width
    lines = [rule]
    for y in range(height):
        for row in range(rows):
            tiles = range(y * width, (y + 1) * width)
            parts = [
                " ".join(
                    _padded(cells, tile * each, each, row * columns + column, wide)
                    for column in range(columns)
                )
                for tile in tiles
            ]
            lines.append("| " + " | ".join(parts) + " |")
        lines.append(rule)
    return lines


def _padded(cells: list[str], first: int, each: int, number: int, wide: int) -> str:
    """The text of one core of a tile; blank where the tile has none."""
    exists = number < each and first + number < len(cells)
    return (cells[first + number] if exists else "").ljust(wide)


def _label(chip_map: ChipMap, core: int, share: float) -> str:
    layers = list(dict.fromkeys(layer for _, layer, _, _ in _held(chip_map, core)))
    if not layers:
        return _EMPTY
    more = "+" if len(layers) > 1 else ""
    return f"{layers[0]}{more} {share:.0%}"


def fullest(chip_map: ChipMap) -> NDArray[np.float64]:
    """The share of its fullest known resource that each core uses, (cores,) in 0..1."""
    known = chip_map.limits != UNKNOWN
    shares = chip_map.used[:, known] / chip_map.limits[known]
    highest: NDArray[np.float64] = shares.max(axis=1)
    return highest


def _cores(chip_map: ChipMap) -> Ints:
    return np.unique(chip_map.core)


def _held(chip_map: ChipMap, core: int) -> list[tuple[str, int, int, int]]:
    """Population, layer, first and last neuron of each slice of a core."""
    slices = chip_map.slices
    return [
        (
            chip_map.topology.populations[slices.population[k]].name,
            int(slices.population[k]) - 1,
            int(slices.first[k]),
            int(slices.last[k]),
        )
        for k in np.flatnonzero(chip_map.core == core)
    ]


def _span(name: str, _: int, first: int, last: int) -> str:
    return f"{name} {first}..{last - 1}"


def _cell(used: int, limit: int) -> str:
    if limit == UNKNOWN:
        return f"{used} of unknown"
    return f"{used} of {limit} ({used / limit:.0%})"
