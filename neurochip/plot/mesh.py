"""Maps of a chip's mesh: cores in their tiles, and what crosses the links between tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from neurochip.kernels.mesh import EAST, NORTH, SOUTH, WEST
from neurochip.plot.style import BLACK, GREY, PALE, WIDTH, styled

Floats = NDArray[np.float64]

#: Light is little, dark is much; told apart by every kind of colour vision, and in grey.
_COLOURS = "cividis_r"
_UNUSED = "#F0F0F0"
#: From so many inches a side, a core's square has room for its number and its value.
_ROOM_FOR_TEXT = 0.36
_ROOM_FOR_NUMBER = 0.17
#: Largest side of a core's square, in inches.
_LARGEST = 0.45
_GAP = 0.24
_MARGIN = 0.12
_STEPS = {EAST: (1, 0), WEST: (-1, 0), NORTH: (0, 1), SOUTH: (0, -1)}


@dataclass(frozen=True)
class Grid:
    """The part of a mesh that is drawn; cores of a tile stand in rows.

    Attributes:
        width: tiles in a row of the whole mesh.
        each: cores a tile.
        cores: of the whole chip.
        left: first column of tiles that is drawn.
        right: the last.
        low: first row of tiles that is drawn.
        high: the last.
    """

    width: int
    each: int
    cores: int
    left: int
    right: int
    low: int
    high: int

    @classmethod
    def around(cls, tiles: ArrayLike, width: int, height: int, each: int, cores: int) -> Grid:
        """The smallest part that holds some tiles; of a single one also those around it.

        Args:
            tiles: numbers of tiles, ``y * width + x``.
            width: of the mesh, in tiles.
            height: the same.
            each: cores a tile.
            cores: of the chip.
        """
        xs, ys = np.asarray(tiles) % width, np.asarray(tiles) // width
        margin = int(np.unique(tiles).size == 1)
        return cls(
            width,
            each,
            cores,
            max(int(xs.min()) - margin, 0),
            min(int(xs.max()) + margin, width - 1),
            max(int(ys.min()) - margin, 0),
            min(int(ys.max()) + margin, height - 1),
        )

    @property
    def columns(self) -> int:
        """Cores beside each other in a tile."""
        return math.ceil(math.sqrt(self.each))

    @property
    def rows(self) -> int:
        """Rows of cores in a tile."""
        return -(-self.each // self.columns)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of what is drawn, in squares of a core."""
        across = self.right - self.left + 1
        down = self.high - self.low + 1
        return across * (self.columns + _GAP), down * (self.rows + _GAP)

    def tile(self, x: int, y: int) -> tuple[float, float]:
        """Where a tile begins."""
        return (x - self.left) * (self.columns + _GAP), (y - self.low) * (self.rows + _GAP)

    def shown(self) -> list[tuple[int, int]]:
        """All tiles that are drawn, (x, y)."""
        rows, columns = range(self.low, self.high + 1), range(self.left, self.right + 1)
        return [(x, y) for y in rows for x in columns]

    def cores_of(self, x: int, y: int) -> range:
        """Numbers of a tile's cores."""
        first = (y * self.width + x) * self.each
        return range(first, max(first, min(first + self.each, self.cores)))


@dataclass(frozen=True)
class Layer:
    """One number a core.

    Attributes:
        title: what it is.
        unit: of the numbers.
        values: by core that is in use; None where it's unknown.
    """

    title: str
    unit: str
    values: dict[int, float | None]


@styled
def maps(grid: Grid, layers: Sequence[Layer]) -> Figure:
    """Draw one number of every core in use as a colour, a map each; other cores are pale.

    Args:
        grid: where cores are.
        layers: what is drawn.
    """
    side = min(_LARGEST, (WIDTH / len(layers) - 0.45) / grid.size[0])
    figure = Figure(figsize=(WIDTH, side * grid.size[1] + 1.05))
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    for axes, layer in zip(panels, layers, strict=True):
        _map(axes, grid, layer, side)
        _key(figure, axes, _scale(layer.values.values()), layer.unit)
    return figure


@styled
def traffic(grid: Grid, links: ArrayLike, used: Sequence[int], unit: str) -> Figure:
    """Draw how much crosses each link between tiles, as arrows.

    Args:
        grid: where tiles are.
        links: (4, height, width) by direction, as `mapping.links.link_traffic` returns them.
        used: cores in use.
        unit: of the numbers.
    """
    loads = np.asarray(links, np.float64)
    side = min(_LARGEST, (WIDTH - 0.5) / (grid.size[0] + 1e-9))
    figure = Figure(figsize=(WIDTH, min(side * grid.size[1], WIDTH) + 0.8))
    axes = figure.add_subplot()
    _blank(axes, grid)
    scale = Normalize(0.0, float(loads.max(initial=0.0)) or 1.0)
    busy = set(used)
    for x, y in grid.shown():
        is_used = bool(busy & set(grid.cores_of(x, y)))
        _tile_box(axes, grid, (x, y), "#E2E2E2" if is_used else _UNUSED)
        left, top = grid.tile(x, y)
        axes.text(
            left + grid.columns / 2,
            top + grid.rows / 2,
            f"{x},{y}",
            ha="center",
            va="center",
            fontsize=7 if side > _ROOM_FOR_NUMBER else 5,
            color=BLACK if is_used else GREY,
        )
        for direction in _STEPS:
            if loads[direction, y, x]:
                _arrow(axes, grid, (x, y), direction, loads[direction, y, x], scale, side)
    _key(figure, axes, scale, unit)
    return figure


def _map(axes: Axes, grid: Grid, layer: Layer, side: float) -> None:
    _blank(axes, grid)
    axes.set_title(layer.title)
    colours, scale = matplotlib.colormaps[_COLOURS], _scale(layer.values.values())
    for x, y in grid.shown():
        _tile_box(axes, grid, (x, y), "none")
        left, top = grid.tile(x, y)
        for place, core in enumerate(grid.cores_of(x, y)):
            corner = left + place % grid.columns, top + place // grid.columns
            value = layer.values.get(core)
            if core not in layer.values:
                axes.add_patch(_square(corner, facecolor=_UNUSED))
            elif value is None:
                axes.add_patch(_square(corner, facecolor="white", hatch="////", edgecolor=GREY))
            else:
                colour = colours(scale(value))
                axes.add_patch(_square(corner, facecolor=colour))
                _write(axes, corner, core, value, side, _ink(colour))


def _write(
    axes: Axes, corner: tuple[float, float], core: int, value: float, side: float, ink: str
) -> None:
    if side < _ROOM_FOR_NUMBER:
        return
    text = f"{core}\n{value:.3g}" if side >= _ROOM_FOR_TEXT else str(core)
    size = 6.5 if side >= _ROOM_FOR_TEXT else 5.5
    x, y = corner[0] + 0.5, corner[1] + 0.5
    axes.text(x, y, text, ha="center", va="center", fontsize=size, color=ink, linespacing=1.25)


def _square(corner: tuple[float, float], **style: Any) -> Rectangle:
    style.setdefault("edgecolor", "white")
    return Rectangle((corner[0] + 0.04, corner[1] + 0.04), 0.92, 0.92, linewidth=0.5, **style)


def _tile_box(axes: Axes, grid: Grid, tile: tuple[int, int], colour: str) -> None:
    size = (grid.columns, grid.rows)
    box = Rectangle(grid.tile(*tile), *size, facecolor=colour, edgecolor=PALE, linewidth=0.8)
    axes.add_patch(box)


def _arrow(
    axes: Axes,
    grid: Grid,
    tile: tuple[int, int],
    direction: int,
    load: float,
    scale: Normalize,
    side: float,
) -> None:
    """From the middle of one tile's edge to the next tile, to the right of the way back."""
    dx, dy = _STEPS[direction]
    left, top = grid.tile(*tile)
    half = (grid.columns / 2, grid.rows / 2)
    reach = 0.27 * min(grid.columns, grid.rows)
    # Ways there and back lie beside each other, as on a road.
    beside = 0.22 * min(grid.columns, grid.rows)
    x = left + half[0] + dx * half[0] - dy * beside
    y = top + half[1] + dy * half[1] + dx * beside
    middle = (x + dx * _GAP / 2, y + dy * _GAP / 2)
    thick = 0.8 + 2.6 * float(scale(load))
    axes.annotate(
        "",
        (middle[0] + dx * reach, middle[1] + dy * reach),
        (middle[0] - dx * reach, middle[1] - dy * reach),
        arrowprops={
            "arrowstyle": "-|>",
            "color": matplotlib.colormaps[_COLOURS](0.15 + 0.85 * float(scale(load))),
            "linewidth": thick * min(1.0, 2 * side + 0.3),
            "mutation_scale": 7 * min(1.0, 2 * side + 0.3),
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )
    if side >= _ROOM_FOR_TEXT:
        out = 0.2 * min(grid.columns, grid.rows)
        spot = (middle[0] - dy * out, middle[1] + dx * out)
        told = f"{load:,.0f}" if load >= 10 else f"{load:.2g}"
        axes.text(*spot, told, ha="center", va="center", fontsize=6.5, color=BLACK)


def _blank(axes: Axes, grid: Grid) -> None:
    """An empty map; row 0 of the mesh is at the top, as `neurochip map` prints it."""
    axes.set_xlim(-_MARGIN, grid.size[0] - _GAP + _MARGIN)
    axes.set_ylim(grid.size[1] - _GAP + _MARGIN, -_MARGIN)
    axes.set_aspect("equal")
    # An axis that is switched off would leave its title no room.
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines:
        axes.spines[side].set_visible(False)


def _scale(values: Any) -> Normalize:
    known = [value for value in values if value is not None]
    return Normalize(0.0, max(known, default=0.0) or 1.0)


def _key(figure: Figure, axes: Axes, scale: Normalize, unit: str) -> None:
    colours = ScalarMappable(scale, matplotlib.colormaps[_COLOURS])
    bar = figure.colorbar(
        colours, ax=axes, location="bottom", fraction=0.09, pad=0.03, aspect=30, shrink=0.9
    )
    bar.set_label(unit)
    bar.ax.set_frame_on(False)


def _ink(colour: tuple[float, float, float, float]) -> str:
    red, green, blue, _ = colour
    is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
    return BLACK if is_light else "white"
