"""How every figure looks, and how it becomes bytes: the same figure always gives the same bytes."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neurochip.errors import ConfigError

FORMATS = ("png", "svg", "pdf")

# Okabe and Ito's colours, told apart by every kind of colour vision.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
BLACK, GREY, PALE = "#222222", "#767676", "#C4C4C4"
#: Layers in order; a dash pattern tells those apart whose colour comes again.
LAYER_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES = ("-", "--", ":", "-.")

#: Width of every figure: two columns of a journal, in inches.
WIDTH = 7.0
PNG_DPI = 200

_SETTINGS: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.grid": False,
    "axes.labelcolor": BLACK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": BLACK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.wspace": 0.04,
    "figure.dpi": 100,
    "figure.titlesize": 10,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.borderaxespad": 0.2,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
    "savefig.dpi": PNG_DPI,
    "svg.fonttype": "path",
    "svg.hashsalt": "neurochip",
    "xtick.color": GREY,
    "xtick.labelcolor": BLACK,
    "xtick.labelsize": 8,
    "ytick.color": GREY,
    "ytick.labelcolor": BLACK,
    "ytick.labelsize": 8,
}
# Dates and versions would make bytes differ.
_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

_P = ParamSpec("_P")


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Draw with this module's settings, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Let a function draw with its own settings, and lay its figure out once and for all.

    Otherwise every rendering would move the axes a little.
    """

    @functools.wraps(draw)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with own_settings():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return figure

    return wrapped


def render(figure: Figure, format: str) -> bytes:
    """Return a figure as the bytes of a file.

    Args:
        figure: what is drawn; it's the same afterwards.
        format: one of FORMATS.

    Raises:
        ConfigError: the format is unknown.
    """
    check_format(format)
    buffer = io.BytesIO()
    with own_settings():
        figure.savefig(buffer, format=format, metadata=_METADATA[format])
    return buffer.getvalue()


def check_format(format: str) -> None:
    """Raise ConfigError unless figures can be written in ``format``."""
    if format not in FORMATS:
        raise ConfigError(f"figure format {format!r} is unknown; choose among {', '.join(FORMATS)}")


def colour_of(layer: int) -> str:
    """The colour of a layer, from 0."""
    return LAYER_COLOURS[layer % len(LAYER_COLOURS)]


def dash_of(layer: int) -> str:
    """The line style of a layer, from 0."""
    return DASHES[layer // len(LAYER_COLOURS) % len(DASHES)]


def show_steps(axes: Axes, timesteps: int, label: bool = True) -> None:
    """Give an axis of time steps 0 .. T-1, each as wide as its number says it is."""
    axes.set_xlim(-0.5, timesteps - 0.5)
    whole_ticks(axes.xaxis, timesteps)
    if label:
        axes.set_xlabel("time step t")


def whole_ticks(axis: Any, most: int, ticks: int = 10) -> None:
    """Put ticks at whole numbers only; ``most`` values are on the axis."""
    bins = min(ticks, max(most, 1))
    axis.set_major_locator(
        MaxNLocator(nbins=bins, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    )


def plural(count: int, noun: str) -> str:
    """1 spike, 2 spikes, 12,000 spikes."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(share: float) -> str:
    """A share as a percentage with two digits that mean something; 0 only where it's exact."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
