"""A network that was trained off the chip becomes a run on one, and what that costs is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import hardware as hardware_models
from neurochip import samples as data_sets
from neurochip.chip import Chip
from neurochip.config import DataConfig, RunConfig, make
from neurochip.data import Dataset, Split
from neurochip.errors import ConfigError, LimitError
from neurochip.experiment import Run
from neurochip.mapping import check_supported
from neurochip.mapping.absorb import absorbed
from neurochip.network import Network, Parameters
from neurochip.reference import Inference
from neurochip.rules import OTTT
from neurochip.rules.surrogates import Floats
from neurochip.training import Training

#: Samples whose spikes are compared unless someone asks for more.
SAMPLES = 100
#: Weights that don't learn may fill their register's range.
NO_HEADROOM = 1.0
#: Samples of the test set that are looked at together.
BATCH = 512


@dataclass(frozen=True)
class LayerLoss:
    """What quantisation did to one weight layer and to the neurons that it drives.

    Attributes:
        name: "layer 0", ... "read-out".
        fraction: a weight n stands for n * 2^-fraction.
        clipped: share of the weights that are beyond their register's range.
        vanished: share of the weights other than 0 that became 0.
        error: root mean square of what rounding and clipping changed, over that of the weights.
        bias_error: the same of the biases; 0 where all are 0.
        spikes: share of (sample, step, neuron) in which chip and float differ; None of a read-out.
        float_rate: spikes a neuron and step in float; None of a read-out.
        chip_rate: the same on the chip.
    """

    name: str
    fraction: int
    clipped: float
    vanished: float
    error: float
    bias_error: float
    spikes: float | None
    float_rate: float | None
    chip_rate: float | None


@dataclass(frozen=True)
class Loss:
    """Accuracy in float and on the chip, and where it went.

    Attributes:
        float_accuracy: on the test set, 0..1, float32.
        chip_accuracy: the same of the chip.
        samples: how many were compared spike by spike.
        layers: one a weight layer.
    """

    float_accuracy: float
    chip_accuracy: float
    samples: int
    layers: tuple[LayerLoss, ...]


def to_chip(training: Training, data: Dataset, options: Mapping[str, Any]) -> Run:
    """A run whose chip holds what a training learned; it has learned nothing on the chip.

    Args:
        training: what was trained.
        data: what it was trained with.
        options: of the run, such as hardware, weight_bits or encoding. Without hardware the first
            chip is taken whose neurons are the network's; without headroom weights may fill their
            range.

    Raises:
        LimitError: no chip, or not the one asked for, can hold the network.
        ConfigError: an option is none, or the encoding isn't for what the network was trained on.
    """
    network, params = absorbed(training.network, training.progress.params)
    config = _config(training, options, network)
    hardware = config.load_hardware()
    chip = Chip(
        network,
        hardware,
        OTTT(),
        config.seed,
        encoding=config.encoding,
        parameters=params,
        schedule=config.schedule,
        count_saturations=config.count_saturations,
        placer=config.placer,
        neurons_per_core=config.neurons_per_core,
        faults=config.faults,
    )
    return Run(config, chip, chip.integers, [], data_sets.mark_of(data), params)


def loss_of(training: Training, run: Run, test: Split, samples: int = SAMPLES) -> Loss:
    """Compare the trained network with the chip that holds it.

    Args:
        training: what was trained.
        run: what `to_chip` made of it.
        test: the test set.
        samples: how many of them are compared spike by spike.
    """
    network, params = training.network, training.progress.params
    guesses = _by_parts(Inference.of(network, params, np.float32), network, test)
    part = test.take(min(samples, len(test)))
    plain, given = absorbed(network, params)
    wanted = Inference.of(plain, given).spikes(_shown(plain, part))
    found = _chip_spikes(run.chip, part)
    layers = tuple(
        _layer_loss(run.chip, given, number, wanted, found)
        for number in range(len(run.chip.formats.layers))
    )
    accuracy = float(np.mean(guesses == test.y))
    return Loss(accuracy, run.chip.evaluate(test).accuracy, len(part), layers)


def _config(training: Training, options: Mapping[str, Any], network: Network) -> RunConfig:
    """The run's options: those of the samples as they were, and the rest as asked for."""
    told = training.config
    kept = {name: getattr(told, name) for name in DataConfig.model_fields}
    kept["timesteps"] = network.timesteps
    kept["seed"] = told.seed
    kept["encoding"] = "spikes" if told.takes_spikes else "graded"
    kept["headroom"] = NO_HEADROOM
    chosen = {**kept, **options}
    if "hardware" not in options:
        chosen["hardware"] = _suitable(network)
    config = make(chosen)
    if config.takes_spikes != told.takes_spikes:
        seen, fitting = ("spikes", "spikes") if told.takes_spikes else ("numbers", "graded")
        raise ConfigError(
            f"encoding is {config.encoding!r}, but the network was trained on {seen}; leave it out "
            f"or make it {fitting!r}"
        )
    return config


def _suitable(network: Network) -> str:
    """The first chip whose neurons are the network's."""
    own = str(RunConfig.model_fields["hardware"].default)
    names = [own, *(name for name in hardware_models.available() if name != own)]
    refusals = []
    for name in names:
        try:
            check_supported(network, hardware_models.load(name), OTTT())
        except LimitError as refusal:
            refusals.append(f"{name}: {refusal}")
        else:
            return name
    raise LimitError(
        f"no chip has the network's neurons ({refusals[0]}); choose others, or name a chip with "
        f"hardware"
    )


def _layer_loss(
    chip: Chip, given: Parameters, number: int, wanted: Sequence[Floats], found: Sequence[Floats]
) -> LayerLoss:
    weights, held = given.weights[number], chip.parameters.weights[number]
    fraction = chip.formats.layers[number].weight
    bits = chip.formats.widths.weight(chip.hardware, number)
    high = ((1 << (bits - 1)) - 0.5) * 2.0**-fraction
    is_readout = number == len(chip.formats.layers) - 1
    rates: list[float | None] = [None, None, None]
    if not is_readout:
        ours, theirs = found[number], wanted[number].reshape(found[number].shape)
        rates = [float(np.mean(ours != theirs)), float(theirs.mean()), float(ours.mean())]
    return LayerLoss(
        "read-out" if is_readout else f"layer {number}",
        fraction,
        float(np.mean((weights >= high) | (weights < -high - 2.0**-fraction))),
        float(np.mean((held == 0) & (weights != 0))),
        _relative_error(held, weights),
        _relative_error(chip.parameters.biases[number], given.biases[number]),
        *rates,
    )


def _relative_error(held: Floats, given: Floats) -> float:
    size = float(np.sqrt(np.mean(given**2)))
    return float(np.sqrt(np.mean((held - given) ** 2))) / size if size else 0.0


def _chip_spikes(chip: Chip, part: Split) -> list[Floats]:
    """Spikes of each hidden population, (T, n, ...)."""
    pairs = zip(part.x, part.y, strict=True)
    seen = [chip.observe(x, int(y), index) for index, (x, y) in enumerate(pairs)]
    layers = zip(*(shot.signal[1:-1] for shot in seen), strict=True)
    return [np.stack(layer, axis=1).astype(np.float64) for layer in layers]


def _by_parts(looking: Inference, network: Network, test: Split) -> NDArray[np.int64]:
    parts = []
    for start in range(0, len(test), BATCH):
        parts.append(looking.predict(_shown(network, test[start : start + BATCH])))
    return np.concatenate(parts)


def _shown(network: Network, split: Split) -> NDArray[Any]:
    """Samples as the float engine takes them: (n, ...), or time first."""
    lead = split.x.shape[: 2 if split.temporal else 1]
    x = split.x.reshape(*lead, *network.in_shape)
    return np.moveaxis(x, 1, 0) if split.temporal else x
