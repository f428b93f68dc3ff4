"""Figures of a study: a heat map, an objective against a knob, the front between two objectives.

Whatever is drawn for a setting carries its words, which a page shows when the pointer rests on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter

from neurochip.chip.energy import COSTS, Amount
from neurochip.plot.style import (
    BLACK,
    BLUE,
    GREY,
    PALE,
    VERMILLION,
    WIDTH,
    colour_of,
    dash_of,
    styled,
)

#: More values of a knob than these are no heat map any more, but a smear.
MOST_CELLS = 24
#: More lines than these can't be told apart; then the settings are dots without lines.
MOST_LINES = 6
#: Points of a front that are nearer than this share of an axis to the last label get none.
_CROWDED = 0.04
_PERCENT = "%"


@dataclass(frozen=True)
class Goal:
    """One objective: its name in words, its unit, and whether more is better."""

    title: str
    unit: str
    maximised: bool

    @property
    def label(self) -> str:
        """Of an axis."""
        return f"{self.title} ({self.unit})"

    def scaled(self, value: float) -> float:
        """A value in the unit of the axis."""
        return 100 * value if self.unit == _PERCENT else value

    def text(self, value: float) -> str:
        """A value as people read it."""
        if self.unit == _PERCENT:
            return f"{100 * value:.2f} %"
        if self.unit in COSTS:
            return str(Amount.of(value, self.unit))
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


@dataclass(frozen=True)
class Point:
    """One setting that was tried.

    Attributes:
        number: of its trial.
        setting: the text of each knob's value.
        means: one an objective; empty where the trial is not complete.
        half_widths: of their 95 % intervals; NaN where there is one seed.
        on_front: whether no other setting beats it in every objective.
        reason: why it failed; None where it didn't.
    """

    number: int
    setting: tuple[str, ...]
    means: tuple[float, ...]
    half_widths: tuple[float, ...]
    on_front: bool
    reason: str | None


@dataclass(frozen=True)
class Findings:
    """What a study found, as figures need it.

    Attributes:
        knobs: their names.
        values: the texts of each knob's values, in their order.
        goals: the objectives, the one that decides first.
        points: every trial.
    """

    knobs: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    goals: tuple[Goal, ...]
    points: tuple[Point, ...]

    @property
    def complete(self) -> list[Point]:
        """Those with numbers."""
        return [point for point in self.points if point.means]

    def words(self, point: Point) -> str:
        """All that is known of a point, in one line."""
        settings = (f"{name} {text}" for name, text in zip(self.knobs, point.setting, strict=True))
        parts = [f"trial {point.number}: {', '.join(settings)}"]
        for goal, mean, half in zip(self.goals, point.means, point.half_widths, strict=False):
            spread = "" if math.isnan(half) else f" ± {goal.text(half)}"
            parts.append(f"{goal.title} {goal.text(mean)}{spread}")
        if point.reason is not None:
            parts.append(f"failed: {point.reason}")
        return "; ".join(parts)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and its hover texts.

    Attributes:
        name: of its file, without the ending.
        title: a few words.
        caption: one sentence.
        figure: what is drawn.
        hints: the text of each artist that has one, by its gid.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    hints: dict[str, str] = field(default_factory=dict)


def draw(found: Findings) -> list[Drawn]:
    """Every figure that a study has numbers for."""
    if not found.complete:
        return []
    drawn = []
    cells = [len(values) for values in found.values]
    if len(cells) == 2 and max(cells) <= MOST_CELLS:
        drawn.append(_heat(found))
    drawn += [_against(found, number) for number in range(len(found.knobs))]
    if len(found.goals) > 1:
        drawn.append(_front(found))
    return drawn


def _heat(found: Findings) -> Drawn:
    goal = found.goals[0]
    hints: dict[str, str] = {}
    figure = _heat_figure(found, hints)
    return Drawn(
        f"heat_{found.knobs[0]}_{found.knobs[1]}",
        f"{goal.title.capitalize()} by {found.knobs[0]} and {found.knobs[1]}",
        f"Mean of {goal.label} over the seeds; a cross marks a setting that failed.",
        figure,
        hints,
    )


@styled
def _heat_figure(found: Findings, hints: dict[str, str]) -> Figure:
    import matplotlib

    rows, columns = found.values
    goal = found.goals[0]
    numbers = [goal.scaled(point.means[0]) for point in found.complete]
    low, high = min(numbers), max(numbers)
    figure = Figure(figsize=(WIDTH, 1.1 + 0.42 * len(rows)))
    axes = figure.add_subplot()
    colours = matplotlib.colormaps["cividis"]
    for point in found.points:
        at = (columns.index(point.setting[1]), rows.index(point.setting[0]))
        gid = f"cell-{point.number}"
        hints[gid] = found.words(point)
        if not point.means:
            axes.add_patch(
                Rectangle((at[0] - 0.5, at[1] - 0.5), 1, 1, fc="white", ec=PALE, gid=gid)
            )
            axes.text(*at, "×", ha="center", va="center", color=GREY)
            continue
        value = goal.scaled(point.means[0])
        share = (value - low) / (high - low) if high > low else 1.0
        cell = Rectangle((at[0] - 0.5, at[1] - 0.5), 1, 1, fc=colours(share), ec="white", gid=gid)
        axes.add_patch(cell)
        ink = BLACK if share > 0.5 else "white"
        text = f"{value:.1f}" if goal.unit == _PERCENT else goal.text(value)
        axes.text(*at, text, ha="center", va="center", color=ink, fontsize=8)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.set_xlabel(found.knobs[1])
    axes.set_ylabel(found.knobs[0])
    axes.set_title(
        f"{goal.label}, from {goal.text(_raw(goal, low))} to {goal.text(_raw(goal, high))}"
    )
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _measure(axis: Axis, goal: Goal) -> None:
    """Label an axis; joules and seconds get their prefix at each tick."""
    if goal.unit not in COSTS:
        axis.set_label_text(goal.label)
        return
    axis.set_label_text(goal.title)
    axis.set_major_formatter(EngFormatter(unit=goal.unit))


def _raw(goal: Goal, scaled: float) -> float:
    return scaled / 100 if goal.unit == _PERCENT else scaled


def _against(found: Findings, knob: int) -> Drawn:
    goal = found.goals[0]
    hints: dict[str, str] = {}
    figure = _against_figure(found, knob, hints)
    lines = _lines(found, knob)
    others = [name for name in found.knobs if name != found.knobs[knob]]
    told = f", a line for each {' and '.join(others)}" if others and lines else ""
    return Drawn(
        f"against_{found.knobs[knob]}",
        f"{goal.title.capitalize()} against {found.knobs[knob]}",
        f"Mean over the seeds and its 95 % interval (Student's t){told}.",
        figure,
        hints,
    )


def _lines(found: Findings, knob: int) -> dict[tuple[str, ...], list[Point]]:
    """The points of each setting of the other knobs; empty where there are too many of those."""
    lines: dict[tuple[str, ...], list[Point]] = {}
    for point in found.complete:
        rest = tuple(text for i, text in enumerate(point.setting) if i != knob)
        lines.setdefault(rest, []).append(point)
    return lines if len(lines) <= MOST_LINES else {}


@styled
def _against_figure(found: Findings, knob: int, hints: dict[str, str]) -> Figure:
    goal = found.goals[0]
    figure = Figure(figsize=(WIDTH, 3.0))
    axes = figure.add_subplot()
    texts = found.values[knob]
    place = _places(texts)
    lines = _lines(found, knob)
    width = (min((b - a for a, b in pairwise(place)), default=1.0)) * 0.3
    for number, (rest, points) in enumerate((lines or {(): found.complete}).items()):
        shift = width * (number / max(len(lines) - 1, 1) - 0.5) if len(lines) > 1 else 0.0
        ordered = sorted(points, key=lambda point: place[texts.index(point.setting[knob])])
        x = [place[texts.index(point.setting[knob])] + shift for point in ordered]
        y = [goal.scaled(point.means[0]) for point in ordered]
        colour = colour_of(number)
        if lines:
            label = ", ".join(rest)
            axes.plot(x, y, color=colour, linestyle=dash_of(number), label=label, zorder=2)
        for at, height, point in zip(x, y, ordered, strict=True):
            _mark(axes, at, height, goal.scaled(point.half_widths[0]), colour, point, hints, found)
    axes.set_xticks(place, texts)
    axes.set_xlabel(found.knobs[knob])
    _measure(axes.yaxis, goal)
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    if len(lines) > 1:
        others = ", ".join(name for i, name in enumerate(found.knobs) if i != knob)
        axes.legend(title=others, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _mark(
    axes: Axes,
    x: float,
    y: float,
    half: float,
    colour: str,
    point: Point,
    hints: dict[str, str],
    found: Findings,
) -> None:
    if not math.isnan(half):
        axes.vlines(x, y - half, y + half, color=colour, linewidth=0.9, alpha=0.7)
    gid = f"point-{point.number}"
    axes.plot([x], [y], marker="o", color=colour, linestyle="", gid=gid, zorder=3)
    hints[gid] = found.words(point)


def _places(texts: Sequence[str]) -> list[float]:
    """Where values stand on an axis: numbers in their places unless crowded; all else evenly."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return [float(i) for i in range(len(texts))]
    span = max(numbers) - min(numbers)
    gaps = [b - a for a, b in pairwise(numbers)]
    if any(gap < span / 30 for gap in gaps):
        return [float(i) for i in range(len(texts))]
    return numbers


def _front(found: Findings) -> Drawn:
    first, second = found.goals[:2]
    hints: dict[str, str] = {}
    return Drawn(
        "front",
        f"{first.title.capitalize()} against {second.title}",
        f"Every setting; those that no other beats in every objective are marked, with trial: "
        f"{', '.join(found.knobs)} where there is room.",
        _front_figure(found, hints),
        hints,
    )


@styled
def _front_figure(found: Findings, hints: dict[str, str]) -> Figure:
    cost, gain = found.goals[1], found.goals[0]
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.add_subplot()
    place: Callable[[Point], tuple[float, float]] = lambda point: (  # noqa: E731
        cost.scaled(point.means[1]),
        gain.scaled(point.means[0]),
    )
    front = sorted((point for point in found.complete if point.on_front), key=place)
    for point in found.complete:
        gid = f"trial-{point.number}"
        hints[gid] = found.words(point)
        colour, size = (VERMILLION, 6) if point.on_front else (BLUE, 4)
        x, y = place(point)
        axes.plot([x], [y], marker="o", color=colour, markersize=size, linestyle="", gid=gid)
    if len(found.goals) == 2:
        axes.step(
            [place(p)[0] for p in front],
            [place(p)[1] for p in front],
            where="post" if not cost.maximised else "pre",
            color=VERMILLION,
            linewidth=0.9,
            zorder=1,
        )
    for point in _apart([(place(point), point) for point in front]):
        text = f"{point.number}: {', '.join(point.setting)}"
        axes.annotate(
            text, place(point), xytext=(6, -9), textcoords="offset points", fontsize=7, color=BLACK
        )
    _measure(axes.xaxis, cost)
    _measure(axes.yaxis, gain)
    axes.grid(color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    return figure


def _apart(placed: Sequence[tuple[tuple[float, float], Point]]) -> list[Point]:
    """The points whose labels would not lie on each other."""
    kept: list[tuple[float, float]] = []
    chosen = []
    spans = [max(axis) - min(axis) or 1.0 for axis in zip(*(at for at, _ in placed), strict=True)]
    for at, point in placed:
        shares = [
            [abs(a - b) / span for a, b, span in zip(at, other, spans, strict=True)]
            for other in kept
        ]
        if all(max(share) > _CROWDED for share in shares):
            kept.append(at)
            chosen.append(point)
    return chosen
