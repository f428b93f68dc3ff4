"""Trained in float, quantised after: how a layer's range is chosen, and the float training itself.

A chip holds w as an integer times 2^-f, one f a layer. Post-training quantisation chooses f, and
weights beyond the range that it leaves saturate. A channel's own f has no place on these chips: its
weights lie on a coarser or finer grid inside the layer's, whose register is as much wider as the
grids lie apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed
from neurochip.chip import Chip
from neurochip.chip.order import shuffled
from neurochip.config import RunConfig
from neurochip.data import Dataset
from neurochip.errors import ConfigError
from neurochip.experiment import Run
from neurochip.hardware import Hardware
from neurochip.network import Parameters, initialise
from neurochip.reference import Trainer, View
from neurochip.rules import feedback
from neurochip.samples import mark_of, shown

Scales = Literal["max", "percentile", "mse"]
ScalePer = Literal["layer", "channel"]

#: What this workflow adds to the options of a run, with its default.
#: scales: the range of a layer: its largest weight, a percentile of the magnitudes, or the range of
#: least mean squared error. scale_per: what has a range of its own, a "layer" or a "channel", the
#: weights into one neuron (or of one map of a convolution). percentile: of "percentile".
#: batch_size, rate, momentum: of the float training, by stochastic gradient descent.
OPTIONS: dict[str, Any] = {
    "scales": "max",
    "scale_per": "layer",
    "percentile": 99.5,
    "batch_size": 32,
    "rate": 0.1,
    "momentum": 0.9,
}

#: The widest register of a weight.
MOST_WEIGHT_BITS = 16
#: Ranges that "mse" tries: the largest magnitude and so many halvings of it.
_HALVINGS = 8
_TRAINING = ("batch_size", "rate", "momentum")
#: Options of a run that change what is learned in float; settings that share them share it.
_OF_FLOAT = frozenset(
    "hidden timesteps lam v_th reset readout bias encoding hardware rule update surrogate alpha "
    "width feedback loss trace_input halve_at epochs augment seed train_samples holdout".split()
)


def check(options: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where one of this workflow's own options is out of range."""
    scales = options.get("scales", OPTIONS["scales"])
    if scales not in get_args(Scales):
        raise ConfigError(
            f"{where}: scales is {scales!r}; it must be one of {', '.join(get_args(Scales))}"
        )
    per = options.get("scale_per", OPTIONS["scale_per"])
    if per not in get_args(ScalePer):
        raise ConfigError(
            f"{where}: scale_per is {per!r}; it must be one of {', '.join(get_args(ScalePer))}"
        )
    limits = {
        "percentile": (0.0, 100.0),
        "batch_size": (1, 1 << 20),
        "rate": (0.0, 1e6),
        "momentum": (0.0, 0.9999),
    }
    for name, (low, high) in limits.items():
        value = options.get(name, OPTIONS[name])
        kinds = (int,) if name == "batch_size" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            raise ConfigError(f"{where}: {name} is {value!r}; it must be {low} to {high}")


def check_one_scale(options: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where weights that go on changing should have scales by channel."""
    if options.get("scale_per", OPTIONS["scale_per"]) != "layer":
        raise ConfigError(
            f"{where}: scale_per is 'channel', but in this workflow weights change while they are "
            f"rounded, and the weights of a layer share one exponent on the chip; use 'layer', or "
            f"workflow 'ptq'"
        )


def clipped(w: NDArray[np.float64], bits: int, scales: Scales, percentile: float) -> Any:
    """A layer's weights, limited to the range that they shall have on the chip.

    Args:
        w: any shape, float64.
        bits: width of a weight there.
        scales: how the range is chosen.
        percentile: of the magnitudes, 0..100, where scales is "percentile".

    Returns:
        float64 of the same shape; its largest magnitude makes the mapping choose the range.
    """
    largest = float(np.abs(w).max(initial=0.0))
    if scales == "max" or largest == 0.0:
        return w
    end = ((1 << (bits - 1)) - 1) * 2.0 ** -_fraction(w, bits, scales, percentile)
    return np.clip(w, -end, end)


def rounded_by_channel(
    w: NDArray[np.float64], bits: int, scales: Scales, percentile: float
) -> tuple[NDArray[np.float64], int]:
    """A layer's weights, rounded to integers times a power of two of each channel's own.

    Args:
        w: (channels, ...) float64.
        bits: width of these integers, of which the most negative isn't used.
        scales: how a channel's power of two is chosen.
        percentile: of a channel's magnitudes, 0..100, where scales is "percentile".

    Returns:
        float64 of the same shape, and the width of a register with one power of two that holds all
        of them, at most `MOST_WEIGHT_BITS`: finer grids than that allows are made coarser.
    """
    own = [_fraction(c, bits, scales, percentile) for c in w if np.any(c)]
    if not own:
        return np.zeros_like(w), bits
    coarsest = min(own)
    finest = min(max(own), coarsest + MOST_WEIGHT_BITS - bits)
    rounded = np.zeros_like(w)
    for channel, c in zip(rounded, w, strict=True):
        if np.any(c):
            fraction = min(_fraction(c, bits, scales, percentile), finest)
            grid = fixed.Format(bits, fraction=fraction, symmetric=True)
            channel[:] = grid.quantise(c) * 2.0**-fraction
    return rounded, bits + finest - coarsest


def _fraction(w: NDArray[np.float64], bits: int, scales: Scales, percentile: float) -> int:
    """Fraction digits of weights that aren't all 0."""
    largest = float(np.abs(w).max())
    coarsest = fixed.fraction_for(largest, bits)
    if scales == "max":
        return coarsest
    if scales == "percentile":
        # The range is a power of two; the weights beyond it saturate there, not at the percentile.
        kept = float(np.percentile(np.abs(w), percentile))
        return fixed.fraction_for(max(kept, largest * 2.0**-_HALVINGS), bits)
    fractions = [coarsest + halvings for halvings in range(_HALVINGS + 1)]
    return min(fractions, key=lambda fraction: _squared_error(w, bits, fraction))


def _squared_error(w: NDArray[np.float64], bits: int, fraction: int) -> float:
    integers = fixed.Format(bits, fraction=fraction).quantise(w)
    return float(np.mean((integers * 2.0**-fraction - w) ** 2))


def float_key(config: RunConfig, options: Mapping[str, Any]) -> str:
    """What two settings share if and only if the same network is trained in float for both."""
    told = {name: value for name, value in config.to_dict().items() if name in _OF_FLOAT}
    training = {name: options.get(name, OPTIONS[name]) for name in _TRAINING}
    return json.dumps([told, training], sort_keys=True)


def trained(
    config: RunConfig,
    options: Mapping[str, Any],
    data: Dataset,
    view: Callable[[int, Parameters], View] | None = None,
) -> Parameters:
    """What a float network of this run learns, from the weights that its chip would start with.

    Stochastic gradient descent with momentum on shuffled batches, by the run's own rule; a rest of
    samples that fills no batch waits for the next epoch, whose order is another.

    Args:
        config: the run.
        options: this workflow's own, where they aren't the default.
        data: its training set is learned, numbers or frames as they are (no input register).
        view: what the forward pass sees in an epoch, by its number and the parameters at its start;
            None: the parameters.

    Returns:
        What the forward pass sees at the end.
    """
    own = {**OPTIONS, **options}
    network = config.make_network(data.train.sample_shape, data.n_classes, config.load_hardware())
    rule = config.make_rule()
    drawn = feedback.draw(rule.feedback, network.sizes, config.seed)
    start = initialise(network, config.seed)
    trainer = Trainer(
        network,
        start,
        rule,
        own["rate"],
        own["momentum"],
        feedback_weights=drawn or None,
        view=None if view is None else view(0, start),
    )
    y = data.train.y
    size = min(own["batch_size"], len(y))
    for epoch in range(config.epochs):
        if view is not None:
            trainer.view = view(epoch, trainer.params)
        trainer.lr = own["rate"] * 0.5 ** sum(epoch >= at for at in rule.halve_at)
        order = shuffled(len(y), config.seed, epoch)
        x = shown(config, data.train, epoch).flat()
        for first in range(0, len(order) - size + 1, size):
            batch = order[first : first + size]
            frames = np.moveaxis(x[batch], 1, 0) if data.train.temporal else x[batch]
            trainer.learn_batch(frames, y[batch])
    return trainer.seen


def quantised(
    config: RunConfig, options: Mapping[str, Any], learned: Parameters, data: Dataset
) -> Run:
    """A run whose chip holds what a float network learned; nothing is learned on it.

    Args:
        config: the run; its widths are those of the chip.
        options: this workflow's own, where they aren't the default.
        learned: the float weights.
        data: what the network's ends fit.
    """
    return deployed(config, options, learned, data, filled(config))


def filled(config: RunConfig) -> Hardware:
    """A run's chip, whose weights may fill their range unless the run says otherwise."""
    hardware = config.load_hardware()
    if config.headroom is None:  # nothing grows after the mapping
        hardware = hardware.with_values({"registers.weight.headroom": 1.0})
    return hardware


def deployed(
    config: RunConfig,
    options: Mapping[str, Any],
    learned: Parameters,
    data: Dataset,
    hardware: Hardware,
) -> Run:
    """A run whose chip holds what a float network learned.

    Args:
        config: the run.
        options: of `OPTIONS`, where they aren't the default.
        learned: the float weights.
        data: what the network's ends fit.
        hardware: the chip, with the widths and the headroom that its weights get.
    """
    own = {**OPTIONS, **options}
    bits = [config.widths.weight(hardware, number) for number in range(len(learned.weights))]
    layers = [
        (w, n, own["scales"], own["percentile"]) for w, n in zip(learned.weights, bits, strict=True)
    ]
    if own["scale_per"] == "layer":
        weights = tuple(clipped(*layer) for layer in layers)
    else:
        weights, wider = zip(*(rounded_by_channel(*layer) for layer in layers), strict=True)
        config = config.model_copy(update={"weight_bits": max(wider), "layer_bits": wider})
        hardware = hardware.with_values({"registers.weight.bits": max(wider)})
    given = Parameters(weights, learned.biases)
    chip = Chip(
        config.make_network(data.train.sample_shape, data.n_classes, hardware),
        hardware,
        config.make_rule(),
        config.seed,
        encoding=config.encoding,
        parameters=given,
        schedule=config.schedule,
        count_saturations=config.count_saturations,
        placer=config.placer,
        neurons_per_core=config.neurons_per_core,
        faults=config.faults,
        widths=config.widths,
    )
    return Run(config, chip, chip.integers, [], mark_of(data), given)
