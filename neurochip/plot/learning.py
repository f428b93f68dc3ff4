"""Figures of learning: accuracy by epoch, and weights before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurochip.plot.style import (
    BLACK,
    BLUE,
    GREY,
    PALE,
    VERMILLION,
    WIDTH,
    percent,
    styled,
    whole_ticks,
)

Floats = NDArray[np.float64]

#: Beyond so many epochs, markers would hide the line.
_MARKED_EPOCHS = 40
#: Two-sided 95 % of a normal distribution, in standard deviations.
_Z95 = 1.959964
#: What the running error is called: each sample was predicted before it was learned.
_BEFORE = "training samples, before each was learned"
#: Fewest and most bins over the whole register.
_LEAST_BINS, _MOST_BINS = 32, 256
#: A lone epoch's two marks stand so far from its number, in epochs.
_DODGE = 0.03
_ROW_HEIGHT = 1.75


@styled
def learning_curve(
    epochs: ArrayLike,
    running_error: ArrayLike,
    test_accuracy: ArrayLike,
    *,
    scored: ArrayLike | None = None,
    n_test: int | None = None,
) -> Figure:
    """Draw running training error and test accuracy by epoch, on one scale read both ways.

    Args:
        epochs: (E,) epochs learned, from 1.
        running_error: (E,) share of samples wrong when they came up, 0..1; NaN where none was
            scored.
        test_accuracy: (E,) share of test samples right after the epoch, 0..1; NaN where unknown.
        scored: (E,) samples behind each running error; draws its 95 % interval.
        n_test: samples behind each test accuracy; draws its 95 % interval.
    """
    x = np.asarray(epochs, dtype=np.float64)
    training = 1.0 - np.asarray(running_error, dtype=np.float64)
    test = np.asarray(test_accuracy, dtype=np.float64)
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.add_subplot()
    n_scored = None if scored is None else np.asarray(scored, dtype=np.float64)
    n_tested = None if n_test is None else np.full(x.shape, float(n_test))
    dodge = _DODGE if x.size == 1 else 0.0
    shown = [
        _curve(axes, x - dodge, test, n_tested, BLUE, "o", "-", "test set"),
        _curve(axes, x + dodge, training, n_scored, VERMILLION, "s", "--", _BEFORE),
    ]
    axes.set_ylim(_floor(np.concatenate(shown)), 1.0)
    axes.set_xlim(x.min() - 0.5, x.max() + 0.5)
    whole_ticks(axes.xaxis, len(x))
    axes.set_xlabel("epochs learned")
    axes.set_ylabel("accuracy (share right)")
    axes.grid(axis="y", color=PALE, linewidth=0.5)
    axes.set_axisbelow(True)
    error = axes.secondary_yaxis("right", functions=(_complement, _complement))
    error.set_ylabel("error (share wrong)")
    error.spines["right"].set_visible(True)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure


@styled
def weight_histograms(
    before: Sequence[ArrayLike],
    after: Sequence[ArrayLike],
    fractions: Sequence[int],
    bits: Sequence[int],
    names: Sequence[str],
) -> Figure:
    """Draw how the weights of each layer are spread over their register, before and after.

    Args:
        before: one array of integers a layer, of any shape.
        after: the same.
        fractions: f of each layer: integer n stands for the weight n * 2^-f.
        bits: width of each layer's signed register, whose ends are the clipping rails.
        names: of the layers.
    """
    n_layers = len(after)
    figure = Figure(figsize=(WIDTH, _ROW_HEIGHT * n_layers + 0.7))
    rows = figure.subplots(n_layers, 1, squeeze=False)[:, 0]
    layers = zip(rows, before, after, fractions, bits, names, strict=True)
    for axes, start, now, fraction, width, name in layers:
        _histogram(axes, np.asarray(start).ravel(), np.asarray(now).ravel(), width, name)
        top = _real_axis(axes, fraction)
        if axes is rows[0]:
            top.set_xlabel("weight as a number", color=GREY, fontsize=8)
    rows[0].legend(*rows[0].get_legend_handles_labels(), loc="upper left")
    rows[-1].set_xlabel("weight (LSB)")
    return figure


def _complement(share: Any) -> Any:
    return 1.0 - share


def _curve(
    axes: Axes,
    x: Floats,
    share: Floats,
    count: Floats | None,
    colour: str,
    marker: str,
    line: str,
    label: str,
) -> Floats:
    """Draw one curve with its interval; return every finite number that must be in sight."""
    finite = np.isfinite(share)
    x, share = x[finite], share[finite]
    if not x.size:
        return x
    shown_marker = marker if x.size <= _MARKED_EPOCHS else ""
    text = f"{label} ({share[-1]:.3f})"
    axes.plot(x, share, marker=shown_marker, linestyle=line, color=colour, label=text)
    if count is None or not np.all(count[finite] > 0):
        return share
    low, high = _interval(share, count[finite])
    if x.size == 1:
        axes.vlines(x, low, high, color=colour, linewidth=0.8)
    else:
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    return low


def _interval(share: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Wilson's 95 % interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    z2 = _Z95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    variance = share * (1 - share) / count + z2 / (4 * count**2)
    half = _Z95 / (1 + z2 / count) * np.sqrt(variance)
    return centre - half, centre + half


def _floor(shown: Floats) -> float:
    """The tenth below everything shown, with room to see a curve near 1."""
    if not shown.size:
        return 0.0
    return max(0.0, min(float(np.floor(shown.min() * 10 - 1e-9)) / 10, 0.9))


def _histogram(axes: Axes, start: NDArray[Any], now: NDArray[Any], bits: int, name: str) -> None:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    width = _bin_width(start, now, bits)
    edges = np.arange(low, high + width + 1, width) - 0.5
    counts = [np.histogram(values, edges)[0] for values in (start, now)]
    axes.stairs(counts[0], edges, fill=True, color=PALE, label="before")
    axes.stairs(counts[1], edges, color=BLUE, linewidth=1.0, label="after")
    for rail in (low, high):
        axes.axvline(rail, color=VERMILLION, linewidth=0.9, linestyle="--")
    margin = 0.02 * (high - low)
    axes.set_xlim(low - 0.5 - margin, high + 0.5 + margin)
    axes.set_ylim(0, 1.08 * max(1, *(int(count.max()) for count in counts)))
    axes.set_ylabel("weights" if width == 1 else f"weights per {width} LSB")
    axes.set_title(f"{name}: {now.size:,} weights of {bits} bit")
    at_rails = [percent(float(np.mean((v <= low) | (v >= high)))) for v in (start, now)]
    axes.text(
        0.965,
        0.95,
        f"at the rails (dashed)\nbefore {at_rails[0]}\nafter {at_rails[1]}",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8,
        color=BLACK,
    )


def _bin_width(start: NDArray[Any], now: NDArray[Any], bits: int) -> int:
    """The power of two below Freedman and Diaconis' width (Z. Wahrsch. 57, 1981), in LSB."""
    low, high = np.percentile([start, now], (25, 75), axis=1)
    width = max(1.0, 2.0 * float(np.min(high - low)) / now.size ** (1 / 3))
    narrowest, widest = max(1, (1 << bits) // _MOST_BINS), max(1, (1 << bits) // _LEAST_BINS)
    return min(max(1 << int(np.log2(width)), narrowest), widest)


def _times(factor: float) -> Callable[[Any], Any]:
    return lambda x: x * factor


def _real_axis(axes: Axes, fraction: int) -> Any:
    step = 2.0**-fraction
    top = axes.secondary_xaxis("top", functions=(_times(step), _times(1 / step)))
    top.tick_params(colors=GREY, labelcolor=GREY, pad=1)
    top.spines["top"].set_visible(True)
    return top
