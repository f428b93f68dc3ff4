"""Pareto fronts: the first objective against each other one, with labelled points."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from neurochip.plot.study import Drawn, Findings, Goal, Point, mark, measure, slug
from neurochip.plot.style import BLACK, LAYER_COLOURS, PALE, VERMILLION, WIDTH, colour_of, styled

#: A span of values from which on an axis is logarithmic.
_LOG_FROM = 30.0
#: Where a label may lie: offset in points, and how it is aligned to it.
_OFFSETS = (
    (6, -8, "left"),
    (6, 4, "left"),
    (-6, 4, "right"),
    (-6, -8, "right"),
    (0, -14, "center"),
    (0, 9, "center"),
)
#: A mark that no label may lie on, in points each way.
_MARK = 4.0

_Place = Callable[[Point], tuple[float, float]]


def draw(found: Findings) -> list[Drawn]:
    """A figure for each objective but the first, on which settings differ in it."""
    drawn = []
    for number in range(1, len(found.goals)):
        values = [point.means[number] for point in found.complete]
        if max(values) > min(values):
            drawn.append(_front(found, number))
    return drawn


def _front(found: Findings, number: int) -> Drawn:
    first, other = found.goals[0], found.goals[number]
    hints: dict[str, str] = {}
    kinds = _kinds(found)
    coloured = f" A colour for each {found.knobs[kinds]}." if kinds is not None else ""
    return Drawn(
        "front" if number == 1 else f"front_{slug(other)}",
        f"Front: {first.title} against {other.title}",
        f"Every setting. The line joins those that no other beats in both; their labels are trial: "
        f"{', '.join(found.knobs)}, or the trial alone where there is no room.{coloured}",
        _figure(found, number, kinds, hints),
        hints,
    )


def _kinds(found: Findings) -> int | None:
    """The first knob whose values are words and few, such as the chip: it gives the colours."""
    for knob, values in enumerate(found.values):
        if 2 <= len(values) <= len(LAYER_COLOURS) and not any(map(_is_number, values)):
            return knob
    return None


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").replace("-", "").isdigit()


@styled
def _figure(found: Findings, number: int, kinds: int | None, hints: dict[str, str]) -> Figure:
    gain, cost = found.goals[0], found.goals[number]
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.add_subplot()

    def place(point: Point) -> tuple[float, float]:
        return cost.scaled(point.means[number]), gain.scaled(point.means[0])

    front = _unbeaten(found, number)
    _axes(axes, found, cost, gain, place)
    corner = "steps-post" if not cost.maximised else "steps-pre"
    x, y = zip(*map(place, front), strict=True)
    axes.plot(x, y, drawstyle=corner, color=VERMILLION, linewidth=0.9, zorder=1)
    for point in found.complete:
        best = point in front
        colour = colour_of(0)
        if kinds is not None:
            colour = colour_of(found.values[kinds].index(point.setting[kinds]))
        axes.plot(
            *([at] for at in place(point)),
            marker="o",
            color=colour,
            markersize=6 if best else 4,
            markeredgecolor=VERMILLION if best else colour,
            linestyle="",
            gid=mark(point),
        )
        hints[mark(point)] = found.words(point)
    if kinds is not None:
        for shown, text in enumerate(found.values[kinds]):
            axes.plot([], [], marker="o", linestyle="", color=colour_of(shown), label=text)
        axes.legend(title=found.knobs[kinds], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.draw_without_rendering()
    _label(axes, [(place(point), point) for point in front])
    return figure


def _axes(axes: Axes, found: Findings, cost: Goal, gain: Goal, place: _Place) -> None:
    costs = [place(point)[0] for point in found.complete]
    if min(costs) > 0 and max(costs) / min(costs) > _LOG_FROM:
        axes.set_xscale("log")
    axes.margins(0.08)
    measure(axes.xaxis, cost)
    measure(axes.yaxis, gain)
    axes.grid(color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)


def _unbeaten(found: Findings, number: int) -> list[Point]:
    """The settings that no other is at least as good as in both objectives and better in one,
    along the axis of the other objective; a place that came up twice is there once.
    """

    def costs(point: Point) -> tuple[float, float]:
        return tuple(
            -value if goal.maximised else value
            for goal, value in (
                (found.goals[number], point.means[number]),
                (found.goals[0], point.means[0]),
            )
        )  # type: ignore[return-value]

    front: list[Point] = []
    lowest = float("inf")
    for point in sorted(found.complete, key=costs):
        if costs(point)[1] < lowest:
            lowest = costs(point)[1]
            front.append(point)
    return front if not found.goals[number].maximised else front[::-1]


def _label(axes: Axes, placed: list[tuple[tuple[float, float], Point]]) -> None:
    """Label points where nothing else is: in full, else by trial alone, else not at all."""
    dots = axes.transData.transform([at for at, _ in placed])
    scale = axes.figure.get_figure(root=True).dpi / 72
    taken = [
        Bbox.from_extents(x - reach, y - reach, x + reach, y + reach)
        for (x, y), reach in ((dot, _MARK * scale) for dot in dots)
    ]
    room = axes.get_window_extent()
    for at, point in placed:
        full, short = f"{point.number}: {', '.join(point.setting)}", str(point.number)
        for text, (dx, dy, side) in ((text, o) for text in (full, short) for o in _OFFSETS):
            label = axes.annotate(
                text,
                at,
                xytext=(dx, dy),
                textcoords="offset points",
                ha=side,
                fontsize=7,
                color=BLACK,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
            )
            label.set_in_layout(False)
            box = label.get_window_extent()
            inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 <= room.y1
            if inside and box.y1 <= room.y1 and not any(box.overlaps(other) for other in taken):
                taken.append(box.padded(_MARK * scale))
                break
            label.remove()
