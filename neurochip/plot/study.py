"""What a study found, as its figures and its page need it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from neurochip.chip.energy import COSTS, Amount

PERCENT = "%"

#: How a knob's values stand on an axis: as they are listed, or as numbers of a range.
Scale = Literal["list", "linear", "log"]


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
        return 100 * value if self.unit == PERCENT else value

    def text(self, value: float) -> str:
        """A value as people read it."""
        if self.unit == PERCENT:
            return f"{100 * value:.2f} %"
        if self.unit in COSTS:
            return str(Amount.of(value, self.unit))
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

    def short(self, value: float) -> str:
        """The same for a small place, without a unit."""
        return f"{100 * value:.1f}" if self.unit == PERCENT else self.text(value)


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
        scales: how each knob's values stand on an axis.
        layered: whether each knob's values are lists of one number a layer.
        goals: the objectives, the one that decides first.
        points: every trial.
    """

    knobs: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    scales: tuple[Scale, ...]
    layered: tuple[bool, ...]
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

    def grouped(
        self, points: Iterable[Point], without: Sequence[int]
    ) -> dict[tuple[str, ...], list[Point]]:
        """Points by their values of all knobs but some, in the order in which they come."""
        groups: dict[tuple[str, ...], list[Point]] = {}
        for point in points:
            rest = tuple(text for i, text in enumerate(point.setting) if i not in without)
            groups.setdefault(rest, []).append(point)
        return groups

    def named(self, rest: Sequence[str], without: Sequence[int]) -> str:
        """The values of all knobs but some, in words."""
        names = [name for i, name in enumerate(self.knobs) if i not in without]
        return ", ".join(f"{name} {text}" for name, text in zip(names, rest, strict=True))


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and its hover texts.

    Attributes:
        name: of its file, without the ending.
        title: a few words.
        caption: one sentence.
        figure: what is drawn.
        hints: the text of each artist that has one, by its gid, which is that of `mark` where the
            artist is one trial.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    hints: dict[str, str] = field(default_factory=dict)


def mark(point: Point) -> str:
    """The gid of what stands for a trial in a figure."""
    return f"trial-{point.number}"


def measure(axis: Axis, goal: Goal) -> None:
    """Label an axis; joules and seconds get their prefix at each tick."""
    if goal.unit not in COSTS:
        axis.set_label_text(goal.label)
        return
    axis.set_label_text(goal.title)
    axis.set_major_formatter(EngFormatter(unit=goal.unit))


def slug(goal: Goal) -> str:
    """A goal in the name of a file."""
    return goal.title.replace(" ", "_")
