"""The first objective against each knob, with the interval of every setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurochip.plot.study import Drawn, Findings, Point, mark, measure
from neurochip.plot.style import BLACK, BLUE, PALE, WIDTH, colour_of, dash_of, styled

#: More lines than these can't be told apart; then the settings are dots, with the line of means.
MOST_LINES = 6
#: Share of the distance of two values over which what stands at one of them is spread.
_SPREAD = 0.35
#: Letters of all values from which on they are written at a slant.
_LONG = 90


def draw(found: Findings) -> list[Drawn]:
    """A figure for each knob that took more than one value."""
    return [
        _against(found, knob)
        for knob in range(len(found.knobs))
        if len({point.setting[knob] for point in found.complete}) > 1
    ]


def _against(found: Findings, knob: int) -> Drawn:
    goal = found.goals[0]
    hints: dict[str, str] = {}
    lines = _lines(found, knob)
    others = [found.knobs[i] for i in _turned(found, knob)]
    told = ""
    if others and lines:
        what = "line" if _numbers(found, knob) else "colour"
        told = f", a {what} for each {' and '.join(others)}"
    elif others and _is_discrete(found, knob):
        told = "; black is the mean of all settings with a value"
    return Drawn(
        f"against_{found.knobs[knob]}",
        f"{goal.title.capitalize()} against {found.knobs[knob]}",
        f"Mean over the seeds and its 95 % interval (Student's t){told}.",
        _figure(found, knob, lines, hints),
        hints,
    )


def _turned(found: Findings, knob: int) -> list[int]:
    """The other knobs of which there is more than one value to be told apart."""
    return [
        i
        for i in range(len(found.knobs))
        if i != knob and len({point.setting[i] for point in found.complete}) > 1
    ]


def _is_discrete(found: Findings, knob: int) -> bool:
    """Whether a value is of several settings, side by side: in a list, or often in a range."""
    return found.scales[knob] == "list" or 2 * len(found.values[knob]) <= len(found.complete)


def _lines(found: Findings, knob: int) -> dict[tuple[str, ...], list[Point]]:
    """The points of each setting of the other knobs; empty where they would be no lines: too many
    of them, or most with one point.
    """
    lines = found.grouped(found.complete, (knob,))
    others = [values for i, values in enumerate(found.values) if i != knob]
    order = sorted(
        lines, key=lambda rest: [v.index(text) for v, text in zip(others, rest, strict=True)]
    )
    lines = {rest: lines[rest] for rest in order}
    alone = sum(len(points) == 1 for points in lines.values())
    return {} if len(lines) > MOST_LINES or alone > len(lines) / 2 else lines


@styled
def _figure(
    found: Findings, knob: int, lines: dict[tuple[str, ...], list[Point]], hints: dict[str, str]
) -> Figure:
    goal = found.goals[0]
    figure = Figure(figsize=(WIDTH, 3.0))
    axes = figure.add_subplot()
    place = _places(found, knob)
    turned = _turned(found, knob)
    gap = min((b - a for a, b in pairwise(sorted(set(place.values())))), default=1.0)
    if not _is_discrete(found, knob):
        gap = 0.0  # every setting has its own place there
    for number, points in enumerate(lines.values()):
        shift = gap * _SPREAD * (number / max(len(lines) - 1, 1) - 0.5) if len(lines) > 1 else 0.0
        ordered = sorted(points, key=lambda point: place[point.setting[knob]])
        x = [place[point.setting[knob]] + shift for point in ordered]
        y = [goal.scaled(point.means[0]) for point in ordered]
        style, colour = dash_of(number), colour_of(number)
        # Between words, or lists, there is nothing for a line to pass through.
        joined = style if place.keys() == _numbers(found, knob).keys() else ""
        label = ", ".join(points[0].setting[i] for i in turned)
        axes.plot(x, y, color=colour, linestyle=joined, marker="o", ms=2, label=label, zorder=2)
        for at, point in zip(x, ordered, strict=True):
            _dot(axes, at, found, point, colour, hints)
    if not lines:
        _cloud(axes, found, knob, place, gap, hints)
    _axis(axes, found, knob, place)
    measure(axes.yaxis, goal)
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    if len(lines) > 1:
        title = ", ".join(found.knobs[i] for i in turned)
        axes.legend(title=title, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _cloud(
    axes: Axes,
    found: Findings,
    knob: int,
    place: dict[str, float],
    gap: float,
    hints: dict[str, str],
) -> None:
    """Every setting as a dot, side by side at its value, and the line of their means."""
    goal = found.goals[0]
    middle: list[tuple[float, float]] = []
    for text in found.values[knob]:
        here = [point for point in found.complete if point.setting[knob] == text]
        if not here:
            continue
        for number, point in enumerate(here):
            shift = gap * _SPREAD * (number / max(len(here) - 1, 1) - 0.5) if len(here) > 1 else 0.0
            _dot(axes, place[text] + shift, found, point, BLUE, hints)
        mean = math.fsum(point.means[0] for point in here) / len(here)
        middle.append((place[text], goal.scaled(mean)))
    if _is_discrete(found, knob) and len(found.knobs) > 1:
        joined = "-" if _numbers(found, knob) else ""
        axes.plot(*zip(*middle, strict=True), color=BLACK, linestyle=joined, marker="_", zorder=4)


def _dot(
    axes: Axes, x: float, found: Findings, point: Point, colour: str, hints: dict[str, str]
) -> None:
    goal = found.goals[0]
    y, half = goal.scaled(point.means[0]), goal.scaled(point.half_widths[0])
    if not math.isnan(half):
        axes.vlines(x, y - half, y + half, color=colour, linewidth=0.9, alpha=0.6)
    axes.plot([x], [y], marker="o", color=colour, linestyle="", gid=mark(point), zorder=3)
    hints[mark(point)] = found.words(point)


def _axis(axes: Axes, found: Findings, knob: int, place: dict[str, float]) -> None:
    axes.set_xlabel(found.knobs[knob])
    if found.scales[knob] == "log":
        axes.set_xscale("log")
    if found.scales[knob] == "list":
        long = sum(map(len, place)) > _LONG
        axes.set_xticks(
            list(place.values()),
            list(place),
            rotation=30 if long else 0,
            ha="right" if long else "center",
        )


def _places(found: Findings, knob: int) -> dict[str, float]:
    """Where values stand on an axis: numbers in their places unless crowded; all else evenly."""
    numbers = _numbers(found, knob)
    if numbers and not (found.scales[knob] == "list" and _crowded(list(numbers.values()))):
        return numbers
    return {text: float(i) for i, text in enumerate(found.values[knob])}


def _numbers(found: Findings, knob: int) -> dict[str, float]:
    """Values that are numbers, as such; empty where they aren't."""
    try:
        return {text: float(text) for text in found.values[knob]}
    except ValueError:
        return {}


def _crowded(numbers: Sequence[float]) -> bool:
    ordered = sorted(numbers)
    span = ordered[-1] - ordered[0]
    return any(b - a < span / 30 for a, b in pairwise(ordered))
