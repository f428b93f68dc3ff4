"""Figures of one sample on its way through the chip: spikes, membranes, traces, read-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurochip.plot.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    PALE,
    VERMILLION,
    WIDTH,
    plural,
    show_steps,
    styled,
    whole_ticks,
)

Floats = NDArray[np.float64]

_POINTS_PER_INCH = 72
#: Inches of a raster's panel: for each neuron, at least, at most, and for all panels together.
_PER_NEURON, _LEAST, _MOST, _ALL = 0.035, 0.5, 2.2, 7.0
_PANEL_FRAME = 0.34
#: Half the width of a spike's mark, in steps, and its height in neurons.
_MARK, _MARK_HEIGHT = 0.36, 0.8
_THINNEST, _THICKEST = 0.8, 5.0
_ROW_HEIGHT = 1.15


@dataclass(frozen=True, eq=False)
class Population:
    """What the neurons of one layer sent during a sample.

    Attributes:
        name: as a reader knows it.
        signal: (T, n) spikes 0/1, or numbers.
        is_spikes: whether the signal is spikes.
        unit: what the numbers are, for the colour bar.
    """

    name: str
    signal: ArrayLike
    is_spikes: bool
    unit: str = ""


@dataclass(frozen=True, eq=False)
class NeuronTrace:
    """One neuron's registers over the T steps of a sample, as numbers.

    Attributes:
        name: as a reader knows it.
        u: (T,) membrane before the reset.
        v: (T,) membrane after it.
        spikes: (T,) 0/1.
        x: (T,) trace of its spikes.
        v_th: threshold.
    """

    name: str
    u: ArrayLike
    v: ArrayLike
    spikes: ArrayLike
    x: ArrayLike
    v_th: float


@styled
def spike_raster(populations: Sequence[Population]) -> Figure:
    """Draw every neuron of every population over time: spikes as marks, numbers as an image.

    Args:
        populations: in the order of the signal's way, inputs first.
    """
    signals = [np.asarray(p.signal, dtype=np.float64) for p in populations]
    heights = _panel_heights([signal.shape[1] for signal in signals])
    total = sum(heights) + _PANEL_FRAME * len(heights) + 0.35
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.add_gridspec(len(signals), 2, height_ratios=heights, width_ratios=(1, 0.018))
    shared: Axes | None = None
    for row, (population, signal, height) in enumerate(
        zip(populations, signals, heights, strict=True)
    ):
        axes = figure.add_subplot(grid[row, 0], sharex=shared)
        shared = shared or axes
        bar = None if population.is_spikes else figure.add_subplot(grid[row, 1])
        _panel(axes, bar, population, signal, height)
        is_last = row == len(signals) - 1
        show_steps(axes, signal.shape[0], label=is_last)
        axes.tick_params(labelbottom=is_last)
    return figure


@styled
def membranes(neurons: Sequence[NeuronTrace]) -> Figure:
    """Draw membranes before and after the reset, and traces, of chosen neurons over time.

    Args:
        neurons: one row each, at least one.
    """
    figure = Figure(figsize=(WIDTH, _ROW_HEIGHT * len(neurons) + 0.75))
    rows = figure.subplots(
        len(neurons), 2, sharex=True, squeeze=False, gridspec_kw={"width_ratios": (3, 2)}
    )
    for number, (neuron, (left, right)) in enumerate(zip(neurons, rows, strict=True)):
        _membrane(left, neuron)
        _trace(right, neuron)
        is_last = number == len(neurons) - 1
        for axes in (left, right):
            show_steps(axes, np.size(neuron.u), label=is_last)
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return figure


@styled
def readout(outputs: ArrayLike, label: int) -> Figure:
    """Draw the read-out o[t] of each class, and its running sum, which predicts.

    Args:
        outputs: (T, C) o as numbers.
        label: the sample's class.
    """
    o = np.asarray(outputs, dtype=np.float64)
    sums = np.cumsum(o, axis=0)
    predicted = int(np.argmax(sums[-1]))
    figure = Figure(figsize=(WIDTH, 2.9))
    left, right = figure.subplots(1, 2)
    for axes, values in ((left, o), (right, sums)):
        _classes(axes, values, label, predicted)
        show_steps(axes, len(o))
    left.set_ylabel("read-out o[t]")
    right.set_ylabel("sum of o up to t")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return figure


def _panel_heights(sizes: Sequence[int]) -> list[float]:
    heights = [min(max(_PER_NEURON * n, _LEAST), _MOST) for n in sizes]
    scale = min(1.0, _ALL / sum(heights))
    return [height * scale for height in heights]


def _panel(
    axes: Axes, bar: Axes | None, population: Population, signal: Floats, height: float
) -> None:
    n = signal.shape[1]
    axes.set_ylim(-0.5, n - 0.5)
    whole_ticks(axes.yaxis, n, ticks=max(2, round(height * 4)))
    axes.set_ylabel("neuron")
    if bar is None:
        _spikes(axes, signal, height)
        count = int(np.count_nonzero(signal))
        axes.set_title(
            f"{population.name}: {plural(n, 'neuron')}, {plural(count, 'spike')}"
            f" ({count / signal.size:.2g} per neuron and step)"
        )
        return
    _image(axes, bar, population.unit, signal)
    axes.set_title(f"{population.name}: {plural(n, 'neuron')}, {population.unit}")


def _spikes(axes: Axes, signal: Floats, height: float) -> None:
    step, neuron = np.nonzero(signal)
    thickness = _MARK_HEIGHT * height * _POINTS_PER_INCH / signal.shape[1]
    axes.hlines(
        neuron,
        step - _MARK,
        step + _MARK,
        colors=BLACK,
        linewidth=min(max(thickness, _THINNEST), _THICKEST),
        capstyle="butt",
    )


def _image(axes: Axes, bar: Axes, unit: str, signal: Floats) -> None:
    timesteps, n = signal.shape
    reach = float(np.abs(signal).max(initial=0.0)) or 1.0
    is_signed = bool(np.any(signal < 0))
    image = axes.imshow(
        signal.T,
        aspect="auto",
        origin="lower",
        extent=(-0.5, timesteps - 0.5, -0.5, n - 0.5),
        cmap="PuOr_r" if is_signed else "Greys",
        norm=Normalize(-reach if is_signed else 0.0, reach),
        interpolation="nearest",
    )
    axes.figure.colorbar(image, cax=bar)
    bar.tick_params(labelsize=7)


def _edges(values: Floats) -> Floats:
    return np.arange(values.size + 1) - 0.5


def _membrane(axes: Axes, neuron: NeuronTrace) -> None:
    u, v = np.asarray(neuron.u, np.float64), np.asarray(neuron.v, np.float64)
    fired = np.flatnonzero(np.asarray(neuron.spikes))
    before = "membrane u before reset"
    axes.stairs(u, _edges(u), baseline=None, color=BLUE, linewidth=1.4, label=before, zorder=3)
    axes.stairs(v, _edges(v), baseline=None, color=GREY, linewidth=0.9, label="v after reset")
    axes.axhline(neuron.v_th, color=VERMILLION, linewidth=0.9, linestyle="--", label="threshold")
    axes.plot(fired, u[fired], "v", color=BLACK, label="spike", zorder=4)
    low, high = min(0.0, float(v.min()), float(u.min())), max(neuron.v_th, float(u.max()))
    margin = 0.15 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.set_ylabel("membrane")
    axes.set_title(f"{neuron.name}: {plural(fired.size, 'spike')}")


def _trace(axes: Axes, neuron: NeuronTrace) -> None:
    x = np.asarray(neuron.x, np.float64)
    axes.stairs(x, _edges(x), baseline=0, fill=True, color=GREEN, alpha=0.25)
    axes.stairs(x, _edges(x), baseline=None, color=GREEN, linewidth=1.4)
    axes.set_ylim(0, 1.15 * max(float(x.max()), 1.0))
    axes.set_ylabel("trace x")


def _classes(axes: Axes, values: Floats, label: int, predicted: int) -> None:
    """Stairs of all classes; those that matter stand out and have names."""
    edges = _edges(values[:, 0])
    axes.axhline(0.0, color=PALE, linewidth=0.6)
    others = [c for c in range(values.shape[1]) if c not in (label, predicted)]
    for number, c in enumerate(others):
        name = "other classes" if number == 0 else None
        axes.stairs(values[:, c], edges, baseline=None, color=PALE, linewidth=1.0, label=name)
    if predicted != label:
        named: dict[str, Any] = {"label": f"class {predicted}, predicted", "linestyle": "--"}
        axes.stairs(
            values[:, predicted], edges, baseline=None, color=VERMILLION, linewidth=1.8, **named
        )
    text = f"class {label}, the label" + (" and predicted" if predicted == label else "")
    axes.stairs(values[:, label], edges, baseline=None, color=BLUE, linewidth=1.8, label=text)
    axes.margins(y=0.08)
