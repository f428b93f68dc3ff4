"""The figures of a run: which there are, what each shows, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurochip.chip import COUNTED_EVENTS, SATURATED_REGISTERS, Chip, Observation
from neurochip.data import Dataset
from neurochip.errors import ConfigError
from neurochip.experiment import Entry, Run
from neurochip.mapping import loops_of, plan_of, weight_widths
from neurochip.network import Network
from neurochip.plot import activity, learning
from neurochip.plot.sample import (
    NeuronTrace,
    Population,
    membranes,
    readout,
    spike_raster,
)
from neurochip.samples import mark_of

Floats = NDArray[np.float64]

#: Most neurons that are drawn, a row each, and how many if nobody asks for any.
MAX_NEURONS = 24
DEFAULT_NEURONS = 6
DEFAULT_PER_LAYER = 3

_SPIKES_IN = COUNTED_EVENTS.index("spikes_in")
_SPIKES_OUT = COUNTED_EVENTS.index("spikes_out")


@dataclass(frozen=True, eq=False)
class Plate:
    """A figure with its place in a report.

    Attributes:
        name: of its file, without the ending.
        section: of the report that it belongs to: "learning", "weights", "sample", "activity" or
            "costs".
        title: a few words.
        caption: one sentence.
        figure: what is drawn.
    """

    name: str
    section: str
    title: str
    caption: str
    figure: Figure


def draw(
    run: Run, data: Dataset, sample: int = 0, neurons: Sequence[int] | None = None
) -> list[Plate]:
    """Draw every figure that a run has numbers for.

    Args:
        run: the run; one that has learned nothing yet has fewer figures.
        data: the data set whose test sample is shown.
        sample: number of the test sample.
        neurons: hidden neurons, numbered through all hidden layers; None chooses.

    Raises:
        ConfigError: the sample or a neuron doesn't exist.
    """
    network = run.chip.network
    check_sample(data, sample)
    if neurons is not None:
        check_neurons(network, neurons)
    label = int(data.test.y[sample])
    seen = run.chip.observe(data.test.x[sample], label, sample)
    chosen = typical(seen) if neurons is None else tuple(dict.fromkeys(neurons))
    plates = [_weights(run)]
    if run.history:
        plates.insert(0, _learning(run, data))
        plates += [_rates(run), _events(run), *_saturations(run)]
    return plates + _sample(run.chip, seen, label, sample, chosen)


def check_sample(data: Dataset, sample: int) -> None:
    """Raise ConfigError unless the test set has a sample of this number."""
    n = len(data.test)
    if not 0 <= sample < n:
        raise ConfigError(
            f"sample {sample} is out of range, because the test set of {data.name} has {n} "
            f"samples; choose one of 0 to {n - 1}"
        )


def check_neurons(network: Network, neurons: Sequence[int]) -> None:
    """Raise ConfigError unless every number is a hidden neuron's, and they fit on one figure."""
    n = sum(network.sizes[1:-1])
    for neuron in neurons:
        if n == 0:
            raise ConfigError(
                f"neuron {neuron} does not exist, because the network has no hidden neurons; "
                f"ask for none"
            )
        if not 0 <= neuron < n:
            raise ConfigError(
                f"neuron {neuron} is out of range, because the network has {n} hidden neurons "
                f"(numbered through all hidden layers); choose one of 0 to {n - 1}"
            )
    if len(neurons) > MAX_NEURONS:
        raise ConfigError(
            f"{len(neurons)} neurons are too many for one figure; choose up to {MAX_NEURONS}"
        )


def typical(seen: Observation) -> tuple[int, ...]:
    """Hidden neurons from the one that spiked most to the one that spiked least but once.

    Where too few spiked, those follow whose membranes came highest. They're numbered through all
    hidden layers.
    """
    hidden = seen.signal[1:-1]
    if not hidden:
        return ()
    each = min(DEFAULT_PER_LAYER, max(1, DEFAULT_NEURONS // len(hidden)))
    chosen: list[int] = []
    first = 0
    for spikes, u in zip(hidden, seen.v_pre, strict=False):
        counts = spikes.sum(axis=0)
        order = np.lexsort((-u.max(axis=0), -counts))
        among = min(max(each, int(np.count_nonzero(counts))), order.size)
        ranks = np.unique(np.linspace(0, among - 1, each).round().astype(int))
        chosen += [first + int(order[rank]) for rank in ranks]
        first += spikes.shape[1]
    return tuple(chosen[:MAX_NEURONS])


def population_names(network: Network) -> tuple[str, ...]:
    """What the populations are called: input, hidden 1 .., read-out."""
    hidden = (f"hidden {number}" for number in range(1, len(network.sizes) - 1))
    return ("input", *hidden, "read-out")


def layer_names(network: Network) -> tuple[str, ...]:
    """What the weight layers are called, without those beside them."""
    names = population_names(network)
    return tuple(f"{a} → {b}" for a, b in pairwise(names))


def words(name: str) -> str:
    """A field's name as a reader's words."""
    return name.replace("_", " ")


def n_tested(run: Run, data: Dataset) -> int | None:
    """Samples behind the run's test accuracies; None where other data are shown."""
    return len(data.test) if mark_of(data) == run.data_mark else None


# --- of learning


def _column(history: Sequence[Entry], name: str) -> Floats:
    return np.array([getattr(entry.record, name) for entry in history], dtype=np.float64)


def _epochs(run: Run) -> Floats:
    return _column(run.history, "epoch") + 1


def _learning(run: Run, data: Dataset) -> Plate:
    history = run.history
    figure = learning.learning_curve(
        _epochs(run),
        _column(history, "running_error"),
        np.array([entry.test_accuracy for entry in history]),
        scored=_column(history, "scored"),
        n_test=n_tested(run, data),
    )
    return Plate(
        "learning_curve",
        "learning",
        "Learning curve",
        "Accuracy on the test set after each epoch, and on the training samples that the chip "
        "predicted before it learned them (1 − running error); bands are 95 % intervals (Wilson).",
        figure,
    )


def _weights(run: Run) -> Plate:
    chip, loops = run.chip, loops_of(run.chip.network)
    populations, layers = population_names(chip.network), chip.formats.layers
    beside = (
        f"{populations[loop.source + 1]} → {populations[loop.target + 1]} (beside)"
        for loop in loops
    )
    figure = learning.weight_histograms(
        run.start.weights,
        chip.integers.weights,
        [layer.weight for layer in (*layers, *(layers[loop.target] for loop in loops))],
        weight_widths(chip.network, chip.hardware, chip.formats.widths),
        (*layer_names(chip.network), *beside),
    )
    return Plate(
        "weights",
        "weights",
        "Weights before and after learning",
        "Weights of each layer as the integers that the chip holds and as the numbers that they "
        "stand for; dashed lines are the ends of the register, where weights are clipped.",
        figure,
    )


# --- of what the chip did


def _rates(run: Run) -> Plate:
    network, history = run.chip.network, run.history
    by_epoch = np.array([_rates_of(run.chip, entry).mean(axis=0) for entry in history])
    spiking = ["input", *population_names(network)[1:-1]]
    if run.chip.encoding == "graded":
        spiking[0] = "input (share not 0)"
    if network.readout == "spiking":
        spiking.append("read-out")
    figure = activity.firing_rates(
        by_epoch, _rates_of(run.chip, history[-1]), _epochs(run), spiking
    )
    return Plate(
        "firing_rates",
        "activity",
        "Firing rates",
        "Spikes per neuron and time step of each population while the chip learned.",
        figure,
    )


def _rates_of(chip: Chip, entry: Entry) -> Floats:
    """Rates of an epoch, (T, P): inputs, hidden layers, and the read-out if it spikes."""
    counters, network = entry.record.counters, chip.network
    spikes = [counters[:, 0, _SPIKES_IN]]
    n_spiking = (
        len(network.weight_layers)
        if network.readout == "spiking"
        else len(network.weight_layers) - 1
    )
    spikes += [counters[:, number, _SPIKES_OUT] for number in range(n_spiking)]
    sizes = np.array(network.sizes[: len(spikes)])
    rates: Floats = np.stack(spikes, axis=1) / (sizes * max(entry.record.samples, 1))
    return rates


def _events(run: Run) -> Plate:
    record = run.history[-1].record
    titles = [words(name) for name in COUNTED_EVENTS]
    figure = activity.events(
        record.counters / max(record.samples, 1), titles, layer_names(run.chip.network)
    )
    return Plate(
        "events",
        "activity",
        "Events",
        "Events in each time step and layer, mean over the samples of the last epoch of learning"
        + (
            "; a graded input that isn't 0 counts as a spike in."
            if run.chip.encoding == "graded"
            else "."
        ),
        figure,
    )


def _saturations(run: Run) -> list[Plate]:
    counts = run.history[-1].record.saturations.sum(axis=0)
    if not counts.any():
        return []
    names = [words(name) for name in SATURATED_REGISTERS]
    figure = activity.saturation_counts(counts, names, layer_names(run.chip.network))
    caption = "How often a value left its register's range in the last epoch of learning, by layer."
    return [Plate("saturations", "activity", "Saturations", caption, figure)]


# --- of one sample


def _sample(
    chip: Chip, seen: Observation, label: int, sample: int, neurons: Sequence[int]
) -> list[Plate]:
    outputs = _outputs(chip, seen)
    which = f"test sample {sample} (class {label})"
    plates = [
        Plate(
            "spikes",
            "sample",
            "Spikes",
            f"Every neuron in every time step while {which} is shown to the chip as it is now.",
            spike_raster(_populations(chip, seen, outputs)),
        ),
        Plate(
            "readout",
            "sample",
            "Read-out",
            f"Read-out of each class for {which}; the class with the largest sum after the last "
            f"step is predicted.",
            readout(outputs, label),
        ),
    ]
    if neurons:
        chosen = [_neuron(chip, seen, neuron) for neuron in neurons]
        plates.insert(
            1,
            Plate(
                "membranes",
                "sample",
                "Membranes and traces",
                f"Membranes before and after the reset, and traces of the spikes, of "
                f"{len(chosen)} hidden neurons for {which}, as the numbers that the registers "
                f"stand for.",
                membranes(chosen),
            ),
        )
    return plates


def _outputs(chip: Chip, seen: Observation) -> Floats:
    """The read-out's o, (T, C), as numbers; a spike counts as 1."""
    if chip.network.readout == "spiking":
        return seen.signal[-1].astype(np.float64)
    return _real(seen.v_pre[-1], chip.formats.layers[-1].membrane)


def _real(integers: NDArray[Any], fraction: int) -> Floats:
    return np.asarray(integers * 2.0**-fraction, dtype=np.float64)


def _populations(chip: Chip, seen: Observation, outputs: Floats) -> list[Population]:
    names = population_names(chip.network)
    graded = chip.encoding == "graded"
    inputs = _real(seen.signal[0], chip.formats.input_fraction)
    hidden = zip(names[1:-1], seen.signal[1:-1], strict=True)
    return [
        Population(names[0], inputs, not graded, "graded input (darker is larger)"),
        *(Population(name, signal, True) for name, signal in hidden),
        Population(names[-1], outputs, chip.network.readout == "spiking", "o[t]"),
    ]


def _trace(chip: Chip, seen: Observation, number: int, place: int) -> NDArray[np.int64]:
    """The trace that a neuron below weight layer ``number`` has a part in; zeros for none."""
    axon = int(plan_of(chip.network)[number].squares()[place])
    factor = seen.factor[number]
    return factor[:, axon] if axon >= 0 else np.zeros_like(factor[:, 0])


def _neuron(chip: Chip, seen: Observation, neuron: int) -> NeuronTrace:
    """A hidden neuron's registers; ``neuron`` counts through all hidden layers."""
    sizes = chip.network.sizes[1:-1]
    firsts = np.cumsum((0, *sizes))
    layer = int(np.searchsorted(firsts, neuron, side="right")) - 1
    place = neuron - int(firsts[layer])
    below, above = chip.formats.layers[layer], chip.formats.layers[layer + 1]
    name = f"hidden {layer + 1}, neuron {place}"
    return NeuronTrace(
        name=name if layer == 0 else f"{name} (number {neuron})",
        u=_real(seen.v_pre[layer][:, place], below.membrane),
        v=_real(seen.v[layer][:, place], below.membrane),
        spikes=seen.signal[layer + 1][:, place],
        x=_real(_trace(chip, seen, layer + 1, place), above.factor),
        v_th=chip.network.neurons[layer].v_th,
    )
