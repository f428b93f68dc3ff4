"""Bars of what a sample costs and of how full cores are; what is unknown is hatched, never 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from neurochip.plot.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILLION,
    WIDTH,
    percent,
    styled,
    whole_ticks,
)

Floats = NDArray[np.float64]

_EMPTY = "#FFFFFF"
#: One colour and one hatch a part, so that grey paper tells them apart too.
COLOURS = (SKY, BLUE, GREEN, ORANGE, VERMILLION, PURPLE, PALE, _EMPTY)
HATCHES = ("", "", "", "//", "..", "xx", "", "")
_BAR_HEIGHT = 0.24
_MOST_LABELS = 40
_MOST_SHARES = 20
_LEGEND_COLUMNS = 7


@dataclass(frozen=True, eq=False)
class Stack:
    """Stacked bars that share their rows.

    Attributes:
        title: what is drawn.
        unit: of the numbers.
        values: (rows, parts), the known amounts.
        unknown: (rows,) whether something is missing from a row.
    """

    title: str
    unit: str
    values: Floats
    unknown: Sequence[bool]


@styled
def stacks(rows: Sequence[str], parts: Sequence[str], panels: Sequence[Stack]) -> Figure:
    """Draw stacked bars beside each other, a row each; a hatched end says that costs are unknown.

    Args:
        rows: their names.
        parts: of which each bar is made.
        panels: amounts.
    """
    height = _BAR_HEIGHT * len(rows) + 1.15
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for each, panel in zip(axes, panels, strict=True):
        _stack(each, panel)
        each.set_title(panel.title)
    axes[0].set_yticks(range(len(rows)), list(rows))
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    shown = [k for k in range(len(parts)) if any(panel.values[:, k].any() for panel in panels)]
    keys = [_patch(k, parts[k]) for k in shown]
    if any(any(panel.unknown) for panel in panels):
        keys.append(Patch(facecolor="white", edgecolor=GREY, hatch="////", label="and unknown"))
    figure.legend(
        handles=keys,
        loc="outside upper left",
        ncols=_LEGEND_COLUMNS,
        columnspacing=1.3,
        handlelength=1.5,
    )
    return figure


def _stack(axes: Axes, panel: Stack) -> None:
    places, start = np.arange(len(panel.values)), np.zeros(len(panel.values))
    for k in range(panel.values.shape[1]):
        axes.barh(
            places,
            panel.values[:, k],
            left=start,
            height=0.72,
            color=COLOURS[k],
            hatch=HATCHES[k],
            edgecolor=_edge(k),
            linewidth=0.4,
        )
        start = start + panel.values[:, k]
    most = float(start.max(initial=0.0)) or 1.0
    for place, end, missing in zip(places, start, panel.unknown, strict=True):
        if missing:
            axes.barh(
                place,
                0.06 * most,
                left=end,
                height=0.72,
                color="white",
                edgecolor=GREY,
                hatch="////",
                linewidth=0.6,
            )
    axes.set_xlim(0, 1.1 * most)
    axes.tick_params(axis="y", length=0)
    if not panel.values.any():
        # A scale would say that what is hatched has a length.
        axes.set_xticks([])
        axes.set_xlabel("no cost is known" if any(panel.unknown) else "nothing happened")
        return
    axes.set_xlabel(panel.unit)
    axes.grid(axis="x", color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)


def _patch(part: int, name: str) -> Patch:
    return Patch(facecolor=COLOURS[part], hatch=HATCHES[part], edgecolor=_edge(part), label=name)


def _edge(part: int) -> str:
    return GREY if COLOURS[part] == _EMPTY else "white"


@styled
def utilisation(
    cores: ArrayLike, used: ArrayLike, limits: ArrayLike, names: Sequence[str]
) -> Figure:
    """Draw the share of each resource that each core uses, a panel a resource.

    Args:
        cores: (C,) numbers of the cores in use.
        used: (C, R) amounts.
        limits: (R,) what a core has; below 0 where unknown: those have no panel.
        names: of the R resources.
    """
    numbers, amounts = np.asarray(cores), np.asarray(used, np.int64)
    most = np.asarray(limits, np.int64)
    known = np.flatnonzero(most >= 0)
    figure = Figure(figsize=(WIDTH, 0.66 * len(known) + 0.9))
    panels = figure.subplots(len(known), 1, sharex=True, squeeze=False)[:, 0]
    for axes, r in zip(panels, known, strict=True):
        top = int(amounts[:, r].max(initial=0))
        _shares(axes, 100 * amounts[:, r] / most[r])
        told = f"{names[r]}: at most {top:,} of {most[r]:,} ({percent(top / most[r])})"
        axes.set_title(told, fontsize=8)
    panels[-1].set_xlim(-0.6, len(numbers) - 0.4)
    _name_cores(panels[-1], numbers)
    figure.supylabel("used (% of a core's limit)", fontsize=9, color=BLACK)
    return figure


def _shares(axes: Axes, shares: Floats) -> None:
    """Bars of the cores, and their numbers where there is room."""
    axes.set_ylim(0, 108)
    axes.axhline(100, color=VERMILLION, linewidth=0.9, linestyle="--")
    axes.set_yticks([0, 50, 100])
    axes.bar(np.arange(shares.size), shares, width=min(0.8, 0.1 * shares.size + 0.1), color=BLUE)
    for place, share in enumerate(shares.tolist() if shares.size <= _MOST_SHARES else ()):
        is_high = share > 60
        axes.annotate(
            percent(share / 100),
            (place, share),
            xytext=(0, -2 if is_high else 2),
            textcoords="offset points",
            ha="center",
            va="top" if is_high else "bottom",
            fontsize=6.5,
            color="white" if is_high else BLACK,
        )


def _name_cores(axes: Axes, numbers: NDArray[np.int64]) -> None:
    axes.set_xlabel("core")
    if len(numbers) <= _MOST_LABELS:
        axes.set_xticks(np.arange(len(numbers)), [str(core) for core in numbers])
        return
    whole_ticks(axes.xaxis, len(numbers))
    if not np.array_equal(numbers, np.arange(len(numbers))):
        axes.set_xlabel("cores in use, in order")
