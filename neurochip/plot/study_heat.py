"""Heat maps of a study: an objective over the values of two knobs.

Where the other knobs leave few combinations, each has a panel and a cell is one setting; else a
cell is the mean of all settings with its two values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from neurochip.plot.study import Drawn, Findings, Goal, Point, mark, slug
from neurochip.plot.style import BLACK, GREY, PALE, WIDTH, styled

#: More values of a knob than these are no heat map any more, but a smear.
MOST_CELLS = 24
#: More panels than these are no comparison any more.
MOST_PANELS = 6
#: Pairs of knobs that have a map each where there are too many panels.
MOST_PAIRS = 6
#: Columns of a map from which on its cells have no room for a number beside another panel.
_WIDE = 12
#: Lighter colours than this share of the scale carry dark ink.
_LIGHT = 0.5


@dataclass(frozen=True)
class _Cell:
    """One square: its place, its settings' mean, and what it is in words."""

    row: int
    column: int
    value: float
    gid: str
    words: str


def draw(found: Findings) -> list[Drawn]:
    """A map for each objective that differs between settings, and for each pair of knobs."""
    usable = [i for i, values in enumerate(found.values) if 2 <= len(values) <= MOST_CELLS]
    if len(usable) < 2:
        return []
    first, second = sorted(sorted(usable, key=lambda i: -len(found.values[i]))[:2])
    if len(found.grouped(found.points, (first, second))) > MOST_PANELS:
        return [_map(found, 0, pair) for pair in list(combinations(usable, 2))[:MOST_PAIRS]]
    return [
        _map(found, number, (first, second))
        for number in range(len(found.goals))
        if number == 0 or _differs(found, number)
    ]


def _differs(found: Findings, goal: int) -> bool:
    values = [point.means[goal] for point in found.complete]
    return max(values) > min(values)


def _map(found: Findings, number: int, pair: tuple[int, int]) -> Drawn:
    goal = found.goals[number]
    rows, columns = (found.knobs[i] for i in pair)
    panels = found.grouped(found.points, pair)
    exact = len(panels) <= MOST_PANELS
    cells = {
        found.named(rest, pair) if exact else "": _cells(found, number, pair, points)
        for rest, points in (panels.items() if exact else [((), list(found.points))])
    }
    hints: dict[str, str] = {}
    prefix = "heat" if number == 0 else f"heat_{slug(goal)}"
    means = "over the seeds" if exact else "over the seeds and over all settings of the other knobs"
    better = "more" if goal.maximised else "less"
    return Drawn(
        f"{prefix}_{rows}_{columns}",
        f"{goal.title.capitalize()} by {rows} and {columns}",
        f"Mean of {goal.title} {means}; lighter is better ({better}). A cross marks what failed.",
        _figure(found, goal, pair, cells, hints),
        hints,
    )


def _cells(
    found: Findings, goal: int, pair: tuple[int, int], points: Sequence[Point]
) -> list[_Cell]:
    """The cells of one panel; the value of one where every setting failed is NaN."""
    row, column = pair
    places: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        places.setdefault((point.setting[row], point.setting[column]), []).append(point)
    cells = []
    for (y, x), here in places.items():
        at = (found.values[row].index(y), found.values[column].index(x))
        means = [point.means[goal] for point in here if point.means]
        value = math.fsum(means) / len(means) if means else math.nan
        gid, words = mark(here[-1]), found.words(here[-1])
        if len(here) > 1:
            gid = f"cell-{at[0]}-{at[1]}"
            told = f"mean {found.goals[goal].text(value)}" if means else "all failed"
            words = (
                f"{found.knobs[row]} {y}, {found.knobs[column]} {x}: {len(here)} settings, {told}"
            )
        cells.append(_Cell(*at, value, gid, words))
    return cells


@styled
def _figure(
    found: Findings,
    goal: Goal,
    pair: tuple[int, int],
    cells: dict[str, list[_Cell]],
    hints: dict[str, str],
) -> Figure:
    n_rows, n_columns = (len(found.values[i]) for i in pair)
    across = 1 if len(cells) == 1 else 2 if n_columns <= _WIDE else 1
    down = math.ceil(len(cells) / across)
    figure = Figure(figsize=(WIDTH, down * (0.9 + 0.36 * n_rows) + 0.3))
    grid = figure.subplots(down, across, squeeze=False)
    numbers = [cell.value for panel in cells.values() for cell in panel if cell.value == cell.value]
    low, high = min(numbers), max(numbers)
    for axes in grid.flat[len(cells) :]:
        axes.set_visible(False)
    for axes, (title, panel) in zip(grid.flat, cells.items(), strict=False):
        for cell in panel:
            _square(axes, cell, goal, low, high, small=across > 1 and n_columns > _WIDE // 2)
            hints[cell.gid] = cell.words
        _frame(axes, found, pair)
        axes.set_title(title)
    figure.suptitle(f"{goal.title}, from {goal.text(low)} to {goal.text(high)}", x=0.02, ha="left")
    return figure


def _square(axes: Axes, cell: _Cell, goal: Goal, low: float, high: float, small: bool) -> None:
    import matplotlib

    corner = (cell.column - 0.5, cell.row - 0.5)
    if math.isnan(cell.value):
        axes.add_patch(Rectangle(corner, 1, 1, fc="white", ec=PALE, gid=cell.gid))
        axes.text(cell.column, cell.row, "×", ha="center", va="center", color=GREY)
        return
    share = (cell.value - low) / (high - low) if high > low else 1.0
    if not goal.maximised:
        share = 1.0 - share
    colour = matplotlib.colormaps["cividis"](share)
    axes.add_patch(Rectangle(corner, 1, 1, fc=colour, ec="white", gid=cell.gid))
    axes.text(
        cell.column,
        cell.row,
        goal.short(cell.value),
        ha="center",
        va="center",
        color=BLACK if share > _LIGHT else "white",
        fontsize=6 if small else 8,
        clip_on=True,
    )


def _frame(axes: Axes, found: Findings, pair: tuple[int, int]) -> None:
    rows, columns = (found.values[i] for i in pair)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    long = max(map(len, columns)) * len(columns) > 80
    axes.set_xticks(range(len(columns)), columns, rotation=45 if long else 0)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.set_xlabel(found.knobs[pair[1]])
    axes.set_ylabel(found.knobs[pair[0]])
    for spine in axes.spines.values():
        spine.set_visible(False)
