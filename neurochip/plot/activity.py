"""Figures of what the chip did: firing rates, events, and values that left their registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurochip.plot.style import (
    BLACK,
    PALE,
    WIDTH,
    colour_of,
    dash_of,
    show_steps,
    styled,
    whole_ticks,
)

Floats = NDArray[np.float64]

#: Ratio of the largest to the smallest value from which an axis is logarithmic.
_LOG_RATIO = 30.0
_COLUMNS = 3
_PANEL_HEIGHT = 1.75
_BAR_HEIGHT = 0.2
_MARKED_EPOCHS = 40
#: Beyond so many layers, a legend beside the lines is easier to read in fewer columns.
_LEGEND_COLUMNS = 5


@styled
def firing_rates(
    by_epoch: ArrayLike, by_step: ArrayLike, epochs: ArrayLike, names: Sequence[str]
) -> Figure:
    """Draw mean firing rates of layers, by epoch and by time step.

    Args:
        by_epoch: (E, P) spikes per neuron and step, 0..1, mean over an epoch.
        by_step: (T, P) the same for each time step, mean over the last epoch.
        epochs: (E,) epochs learned, from 1.
        names: of the P populations.
    """
    rates, steps = np.asarray(by_epoch, np.float64), np.asarray(by_step, np.float64)
    x = np.asarray(epochs)
    figure = Figure(figsize=(WIDTH, 2.9))
    left, right = figure.subplots(1, 2, sharey=True)
    marker = "o" if len(x) <= _MARKED_EPOCHS else ""
    for p, name in enumerate(names):
        style = {"color": colour_of(p), "linestyle": dash_of(p)}
        left.plot(x, rates[:, p], marker=marker, label=name, **style)
        _stairs(right, steps[:, p], p)
    left.set_xlim(x.min() - 0.5, x.max() + 0.5)
    whole_ticks(left.xaxis, len(x))
    left.set_xlabel("epochs learned")
    left.set_ylabel("rate (1 / neuron / step)")
    left.set_ylim(0.0, 1.1 * max(float(rates.max()), float(steps.max()), 1e-3))
    left.set_title("mean of each epoch")
    right.set_title("by time step, last epoch")
    show_steps(right, len(steps))
    _legend_above(figure, left)
    return figure


@styled
def events(
    counters: ArrayLike, titles: Sequence[str], names: Sequence[str], unit: str = "per sample"
) -> Figure:
    """Draw each kind of event by time step and layer; kinds that never happened are left out.

    Args:
        counters: (T, L, K) events, any scale.
        titles: of the K kinds.
        names: of the L layers.
        unit: what the numbers are per.
    """
    values = np.asarray(counters, np.float64)
    kinds = [k for k in range(len(titles)) if values[..., k].any()]
    columns = min(_COLUMNS, max(1, len(kinds)))
    n_rows = max(1, -(-len(kinds) // columns))
    figure = Figure(figsize=(WIDTH, _PANEL_HEIGHT * n_rows + 0.6))
    panels = figure.subplots(n_rows, columns, squeeze=False).ravel()
    for number, k in enumerate(kinds):
        axes = panels[number]
        for layer in range(values.shape[1]):
            _stairs(axes, values[:, layer, k], layer, names[layer])
        _scale(axes, values[..., k])
        axes.set_title(titles[k])
        show_steps(axes, len(values), label=number + columns >= len(kinds))
    for axes in panels[len(kinds) :]:
        axes.set_axis_off()
    if kinds:
        for row in range(n_rows):
            panels[row * columns].set_ylabel(f"events {unit}")
        _legend_above(figure, panels[0])
    return figure


@styled
def saturation_counts(counts: ArrayLike, registers: Sequence[str], names: Sequence[str]) -> Figure:
    """Draw how often values left the range of each register; registers without any are left out.

    Args:
        counts: (L, R) events.
        registers: names of the R registers.
        names: of the L layers.
    """
    values = np.asarray(counts, np.int64)
    kept = [r for r in range(len(registers)) if values[:, r].any()]
    bars = [(r, layer) for r in kept for layer in range(len(names)) if values[layer, r]]
    figure = Figure(figsize=(WIDTH, _BAR_HEIGHT * len(bars) + 1.0))
    axes = figure.add_subplot()
    places = np.arange(len(bars))
    lengths = np.array([values[layer, r] for r, layer in bars])
    axes.barh(places, lengths, height=0.7, color=[colour_of(layer) for _, layer in bars])
    for place, length in zip(places, lengths, strict=True):
        axes.annotate(
            f"{length:,}",
            (length, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=BLACK,
        )
    axes.set_yticks(places, [f"{registers[r]}, {names[layer]}" for r, layer in bars])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(bars), 1) - 0.5, -0.5)
    axes.set_xlim(0, 1.12 * lengths.max(initial=1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("values outside the register's range, last epoch")
    return figure


def _stairs(axes: Axes, values: Floats, layer: int, label: str | None = None) -> None:
    edges = np.arange(values.size + 1) - 0.5
    style: dict[str, Any] = {"color": colour_of(layer), "linestyle": dash_of(layer)}
    axes.stairs(values, edges, baseline=None, label=label, **style)


def _scale(axes: Axes, values: Floats) -> None:
    positive = values[values > 0]
    if positive.size and positive.max() > _LOG_RATIO * positive.min():
        axes.set_yscale("log")
        return
    axes.set_ylim(0, 1.1 * float(values.max(initial=1e-9)))
    axes.grid(axis="y", color=PALE, linewidth=0.4)


def _legend_above(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=_LEGEND_COLUMNS)
