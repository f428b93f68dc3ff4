"""Each figure shows the numbers that it is given, for small and large shapes, without warnings."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import StepPatch

from neurochip.chip import COUNTED_EVENTS, SATURATED_REGISTERS
from neurochip.errors import ConfigError
from neurochip.plot import activity, learning, sample, style

#: (T, sizes): one hidden layer, one step, three hidden layers, many steps, many neurons, no
#: hidden layer.
SHAPES = [
    (8, (64, 24, 10)),
    (1, (5, 1, 2)),
    (60, (64, 800, 40, 30, 10)),
    (3, (784, 10)),
]


def names(count: int) -> list[str]:
    return [f"layer {number}" for number in range(count)]


def looks_right(figure: Figure) -> None:
    """Something is drawn in the size that was meant, and nothing is cut off."""
    image = imread(BytesIO(style.render(figure, "png")))
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert np.all(border == 1.0), "something is cut off at the edge"
    assert image.shape[1] == style.WIDTH * style.PNG_DPI
    assert image.min() < 0.5, "nothing is drawn"


def texts(figure: Figure) -> str:
    found = figure.findobj(matplotlib.text.Text)
    return "\n".join(text.get_text() for text in found)


@pytest.mark.parametrize("n_epochs", [1, 2, 15, 100])
def test_learning_curve(n_epochs: int) -> None:
    epochs = np.arange(1, n_epochs + 1)
    error = 0.5 / epochs
    figure = learning.learning_curve(
        epochs, error, 1 - error / 2, scored=np.full(n_epochs, 88), n_test=360
    )
    axes = figure.axes[0]
    test, training = axes.get_lines()[:2]
    np.testing.assert_allclose(values(test), 1 - error / 2)
    np.testing.assert_allclose(values(training), 1 - error)
    assert axes.get_xlabel() == "epochs learned"
    assert axes.get_ylabel() == "accuracy (share right)"
    assert axes.child_axes[0].get_ylabel() == "error (share wrong)"
    assert axes.get_ylim()[1] == 1.0
    assert axes.get_ylim()[0] < (1 - error).min()
    looks_right(figure)


def test_learning_curve_leaves_out_what_is_unknown() -> None:
    figure = learning.learning_curve([1, 2, 3], [np.nan, 0.2, 0.1], [np.nan] * 3)
    (training,) = figure.axes[0].get_lines()
    np.testing.assert_array_equal(training.get_xdata(), [2, 3])
    looks_right(figure)


def test_interval_is_wilsons() -> None:
    # 8 of 10: Agresti and Coull, Am. Stat. 52 (1998), give 0.490 to 0.943.
    low, high = learning._interval(np.array([0.8]), np.array([10.0]))
    assert low[0] == pytest.approx(0.490, abs=5e-4)
    assert high[0] == pytest.approx(0.943, abs=5e-4)


@pytest.mark.parametrize("bits", [2, 4, 8, 12, 16])
def test_weight_histograms(bits: int) -> None:
    rng = np.random.default_rng(bits)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    before = [rng.integers(low // 2, high // 2 + 1, (30, 20)), rng.integers(low, high + 1, (1, 1))]
    after = [np.full((30, 20), high), before[1]]
    figure = learning.weight_histograms(before, after, [bits - 1, bits], [bits, bits], names(2))
    for axes, start, now in zip(figure.axes, before, after, strict=True):
        drawn = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
        for patch, weights in zip(drawn, (start, now), strict=True):
            assert patch.get_data()[0].sum() == weights.size
        rails = [np.asarray(line.get_xdata())[0] for line in axes.get_lines()]
        assert rails == [low, high]
    assert "after 100 %" in texts(figure)
    assert f"600 weights of {bits} bit" in texts(figure)
    top = figure.axes[0].child_axes[0]
    figure.draw_without_rendering()
    assert top.get_xlim()[1] == pytest.approx(figure.axes[0].get_xlim()[1] * 2.0 ** -(bits - 1))
    looks_right(figure)


@pytest.mark.parametrize(("timesteps", "sizes"), SHAPES)
@pytest.mark.parametrize("graded", [True, False])
def test_spike_raster(timesteps: int, sizes: tuple[int, ...], graded: bool) -> None:
    rng = np.random.default_rng(0)
    signals = [(rng.random((timesteps, n)) < 0.2).astype(int) for n in sizes]
    populations = [
        sample.Population(f"layer {p}", signal, p > 0 or not graded, "numbers")
        for p, signal in enumerate(signals)
    ]
    figure = sample.spike_raster(populations)
    drawn = [
        sum(len(c.get_segments()) for c in axes.collections if isinstance(c, LineCollection))
        for axes in figure.axes
        if axes.get_ylabel() == "neuron"
    ]
    spikes = [int(signal.sum()) for signal in signals]
    assert drawn == ([0, *spikes[1:]] if graded else spikes)
    looks_right(figure)


def test_spike_raster_marks_steps_and_neurons() -> None:
    spikes = np.zeros((4, 3), int)
    spikes[2, 1] = 1
    figure = sample.spike_raster([sample.Population("hidden 1", spikes, True)])
    (marks,) = figure.axes[0].collections
    assert isinstance(marks, LineCollection)
    ((left, right),) = marks.get_segments()
    assert (left[0] + right[0]) / 2 == pytest.approx(2)
    assert left[1] == right[1] == 1
    assert "hidden 1: 3 neurons, 1 spike (0.083 per neuron and step)" in texts(figure)


@pytest.mark.parametrize(("timesteps", "count"), [(1, 2), (8, 24), (60, 6)])
def test_membranes(timesteps: int, count: int) -> None:
    rng = np.random.default_rng(timesteps)
    neurons = [
        sample.NeuronTrace(
            name=f"neuron {number}",
            u=rng.normal(size=timesteps),
            v=rng.normal(size=timesteps),
            spikes=rng.random(timesteps) < 0.3,
            x=rng.random(timesteps),
            v_th=1.0,
        )
        for number in range(count)
    ]
    figure = sample.membranes(neurons)
    assert len(figure.axes) == 2 * count
    u, v = (patch.get_data()[0] for patch in step_patches(figure.axes[0]))
    np.testing.assert_array_equal(u, neurons[0].u)
    np.testing.assert_array_equal(v, neurons[0].v)
    looks_right(figure)


@pytest.mark.parametrize(("timesteps", "classes"), [(1, 2), (1, 10), (8, 1), (60, 10), (8, 100)])
def test_readout(timesteps: int, classes: int) -> None:
    o = np.random.default_rng(classes).normal(size=(timesteps, classes))
    figure = sample.readout(o, 0)
    predicted = int(o.sum(axis=0).argmax())
    assert len(step_patches(figure.axes[0])) == classes
    if predicted == 0:
        assert "class 0, the label and predicted" in texts(figure)
    else:
        assert f"class {predicted}, predicted" in texts(figure)
    looks_right(figure)


def test_readout_sums_up() -> None:
    figure = sample.readout([[1.0, 0.0], [1.0, 5.0]], 1)
    sums = [patch.get_data()[0].tolist() for patch in step_patches(figure.axes[1])]
    assert sums == [[1.0, 2.0], [0.0, 5.0]]


@pytest.mark.parametrize(("timesteps", "sizes"), SHAPES)
@pytest.mark.parametrize("n_epochs", [1, 50])
def test_firing_rates(timesteps: int, sizes: tuple[int, ...], n_epochs: int) -> None:
    rng = np.random.default_rng(0)
    layers = len(sizes) - 1
    by_epoch, by_step = rng.random((n_epochs, layers)), rng.random((timesteps, layers))
    figure = activity.firing_rates(by_epoch, by_step, np.arange(1, n_epochs + 1), names(layers))
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), by_epoch[:, 0])
    looks_right(figure)


@pytest.mark.parametrize(("timesteps", "sizes"), SHAPES)
def test_events(timesteps: int, sizes: tuple[int, ...]) -> None:
    layers, kinds = len(sizes) - 1, len(COUNTED_EVENTS)
    counters = np.random.default_rng(0).random((timesteps, layers, kinds)) * 10.0 ** np.arange(
        kinds
    )
    counters[..., 2] = 0
    figure = activity.events(counters, COUNTED_EVENTS, names(layers))
    shown = [axes.get_title(loc="left") for axes in figure.axes if step_patches(axes)]
    assert shown == [name for k, name in enumerate(COUNTED_EVENTS) if k != 2]
    looks_right(figure)


@pytest.mark.parametrize("layers", [1, 4, 9])
def test_saturation_counts(layers: int) -> None:
    counts = np.zeros((layers, len(SATURATED_REGISTERS)), int)
    counts[0, 0] = 1234567
    counts[-1, 3] = 1
    figure = activity.saturation_counts(counts, SATURATED_REGISTERS, names(layers))
    assert [bar.get_width() for bar in bars(figure)] == [1234567, 1]
    assert "1,234,567" in texts(figure)
    looks_right(figure)


def test_nothing_happened() -> None:
    activity.events(np.zeros((3, 2, 1)), ["spikes"], names(2))
    activity.saturation_counts(np.zeros((2, 3), int), ["a", "b", "c"], names(2))
    activity.firing_rates(np.zeros((1, 2)), np.zeros((4, 2)), [1], names(2))


def test_users_settings_change_nothing() -> None:
    expected = style.render(sample.readout([[1.0, 2.0]], 0), "svg")
    with matplotlib.rc_context({"font.size": 31, "axes.grid": True, "svg.fonttype": "none"}):
        mine = dict(matplotlib.rcParams)
        assert style.render(sample.readout([[1.0, 2.0]], 0), "svg") == expected
        assert dict(matplotlib.rcParams) == mine


@pytest.mark.parametrize("format", style.FORMATS)
def test_same_numbers_same_bytes(format: str) -> None:
    figure = sample.readout([[1.0, 2.0], [2.0, 3.0]], 0)
    first = style.render(figure, format)
    assert style.render(figure, format) == first
    assert style.render(sample.readout([[1.0, 2.0], [2.0, 3.0]], 0), format) == first
    assert b"dc:date" not in first
    assert b"CreationDate" not in first


def test_svg_is_xml() -> None:
    root = ElementTree.fromstring(style.render(sample.readout([[1.0, 2.0]], 0), "svg"))
    assert root.tag.endswith("svg")


def test_unknown_format() -> None:
    with pytest.raises(ConfigError) as caught:
        style.render(Figure(), "gif")
    assert str(caught.value) == "figure format 'gif' is unknown; choose among png, svg, pdf"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.08123, "8.1 %"), (0.99999, "100 %"), (1e-5, "0.001 %")],
)
def test_percent(share: float, text: str) -> None:
    assert style.percent(share) == text


def test_importing_plot_is_cheap() -> None:
    code = "import sys, neurochip.plot; print({'matplotlib', 'numba'} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


def test_drawing_leaves_pyplot_alone() -> None:
    code = (
        "import sys; from neurochip.plot import sample, style;"
        "style.render(sample.readout([[1.0]], 0), 'png'); print('matplotlib.pyplot' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def values(line: Any) -> Any:
    return np.asarray(line.get_ydata())


def step_patches(axes: Any) -> list[StepPatch]:
    return [patch for patch in axes.patches if isinstance(patch, StepPatch)]


def bars(figure: Figure) -> list[Any]:
    return list(figure.axes[0].patches)
