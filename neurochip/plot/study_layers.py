"""Sensitivity by layer: what the first objective loses when one layer alone is turned.

A knob whose values are lists of one number a layer has this figure where the study holds settings
that differ from one of them in a single layer.
"""

from __future__ import annotations

import math
from itertools import pairwise

from matplotlib.figure import Figure

from neurochip.plot.study import Drawn, Findings, Point, mark, measure
from neurochip.plot.style import BLACK, PALE, WIDTH, colour_of, dash_of, styled

#: What separates the numbers of a list in the text of a setting.
_COMMA = ","
#: A knob of layers of neurons; the numbers of all others belong to layers of weights.
_NEURONS = "hidden"


def draw(found: Findings) -> list[Drawn]:
    """A figure for each knob with a number a layer, where layers were turned one at a time."""
    drawn = []
    for knob in range(len(found.knobs)):
        if found.layered[knob]:
            reference, lines = _turned_alone(found, knob)
            if sum(len(line) > 1 for line in lines) > 1:
                drawn.append(_sensitivity(found, knob, reference, lines))
    return drawn


def _turned_alone(found: Findings, knob: int) -> tuple[Point, list[list[tuple[float, Point]]]]:
    """The setting with most others that differ from it in one layer, and for each layer the value
    and the setting of all that differ in no other, itself among them.
    """
    best: tuple[tuple[int, float], Point, list[list[tuple[float, Point]]]] | None = None
    for points in found.grouped(found.complete, (knob,)).values():
        for reference in points:
            lines = _lines(reference, points, knob)
            goal = found.goals[0]
            value = reference.means[0] if goal.maximised else -reference.means[0]
            rank = (sum(map(len, lines)), value)
            if best is None or rank > best[0]:
                best = (rank, reference, lines)
    if best is None:
        return found.complete[0], []
    return best[1], best[2]


def _lines(reference: Point, points: list[Point], knob: int) -> list[list[tuple[float, Point]]]:
    usual = _numbers(reference, knob)
    lines = []
    for layer in range(len(usual)):
        line = {
            numbers[layer]: point
            for point in points
            if _without(numbers := _numbers(point, knob), layer) == _without(usual, layer)
        }
        lines.append(sorted(line.items(), key=lambda entry: entry[0]))
    return lines


def _sensitivity(
    found: Findings, knob: int, reference: Point, lines: list[list[tuple[float, Point]]]
) -> Drawn:
    goal, name = found.goals[0], found.knobs[knob]
    hints: dict[str, str] = {}
    rest = found.named(
        [text for i, text in enumerate(reference.setting) if i != knob], without=(knob,)
    )
    return Drawn(
        f"layers_{name}",
        f"Sensitivity by layer: {name}",
        f"{goal.title.capitalize()} with its 95 % interval when one layer alone differs from "
        f"{name} {reference.setting[knob]} (dashed){f', with {rest}' if rest else ''}.",
        _figure(found, knob, reference, lines, hints),
        hints,
    )


@styled
def _figure(
    found: Findings,
    knob: int,
    reference: Point,
    lines: list[list[tuple[float, Point]]],
    hints: dict[str, str],
) -> Figure:
    goal = found.goals[0]
    figure = Figure(figsize=(WIDTH, 3.0))
    axes = figure.add_subplot()
    axes.axhline(goal.scaled(reference.means[0]), color=BLACK, linewidth=0.8, linestyle="--")
    spread = 0.12 / max(len(lines) - 1, 1)
    values = sorted({value for line in lines for value, _ in line})
    gap = min((b - a for a, b in pairwise(values)), default=1.0)
    for layer, line in enumerate(lines):
        shift = gap * spread * (layer - (len(lines) - 1) / 2)
        x = [value + shift for value, _ in line]
        y = [goal.scaled(point.means[0]) for _, point in line]
        colour = colour_of(layer)
        label = _layer(found.knobs[knob], layer, len(lines))
        axes.plot(x, y, color=colour, linestyle=dash_of(layer), label=label, zorder=2)
        for at, height, (_, point) in zip(x, y, line, strict=True):
            half = goal.scaled(point.half_widths[0])
            if not math.isnan(half):
                axes.vlines(at, height - half, height + half, color=colour, lw=0.9, alpha=0.6)
            # The reference is in every line, but an id is given once.
            gid = f"{mark(point)}" if mark(point) not in hints else f"again-{layer}-{point.number}"
            axes.plot([at], [height], marker="o", color=colour, linestyle="", gid=gid, zorder=3)
            hints[gid] = found.words(point)
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xlabel(f"{found.knobs[knob]} of the layer that is turned")
    measure(axes.yaxis, goal)
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _layer(knob: str, layer: int, n_layers: int) -> str:
    return "read-out" if knob != _NEURONS and layer == n_layers - 1 else f"layer {layer}"


def _numbers(point: Point, knob: int) -> tuple[float, ...]:
    return tuple(float(text) for text in point.setting[knob].split(_COMMA))


def _without(numbers: tuple[float, ...], layer: int) -> tuple[float, ...]:
    return (*numbers[:layer], *numbers[layer + 1 :])
