"""Trained in float with quantisation in the loop (straight-through), then deployed.

The forward pass sees weights and biases as the chip's own formats hold them, and graded inputs as
its input register does; errors come down through these weights, and what they change are float
weights behind them (`reference.Trainer`, ``view``). What is deployed is what was seen last, bit for
bit, and it is judged on the chip.

Membranes aren't rounded in the loop: even registers of 6 bits cost a network that was trained
without them less than a point on digits. Traces aren't either: nothing reads them in inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurochip import mapping
from neurochip.config import RunConfig
from neurochip.data import Dataset, Split, to_graded
from neurochip.errors import ConfigError
from neurochip.experiment import Run
from neurochip.hardware import Hardware
from neurochip.mapping import Formats
from neurochip.network import Network, Parameters
from neurochip.reference import View
from neurochip.rules import OTTT
from neurochip.study import ptq

#: What this workflow adds to the options of a run, with its default: those of "ptq", of which
#: scales chooses a layer's range anew at the start of each epoch, and float_epochs: how many epochs
#: come first in which nothing is rounded yet.
OPTIONS: dict[str, Any] = {**ptq.OPTIONS, "scales": "mse", "float_epochs": 0}


def check(options: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where one of this workflow's own options is out of range."""
    ptq.check({key: value for key, value in options.items() if key in ptq.OPTIONS}, where)
    ptq.check_one_scale(options, where)
    value = options.get("float_epochs", OPTIONS["float_epochs"])
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{where}: float_epochs is {value!r}; it must be a whole number from 0")


@dataclass(frozen=True)
class Rounded:
    """What a chip will hold of float parameters, with ranges that follow them from time to time.

    Attributes:
        network: whose parameters.
        hardware: the chip, whose weights may fill their range.
        config: the run.
        options: this workflow's own, all of them.
    """

    network: Network
    hardware: Hardware
    config: RunConfig
    options: Mapping[str, Any]

    def view(self, epoch: int, params: Parameters) -> View:
        """What the forward pass sees in an epoch that starts with these parameters."""
        if epoch < self.options["float_epochs"]:
            return lambda present: present
        scales, percentile = self.options["scales"], self.options["percentile"]
        weights = tuple(
            ptq.clipped(w, self._bits(number), scales, percentile)
            for number, w in enumerate(params.weights)
        )
        formats = mapping.choose_formats(
            self.network,
            Parameters(weights, params.biases),
            self.hardware,
            OTTT(),
            self.config.encoding,
            self.config.seed,
            self.config.widths,
        )
        return lambda present: self.held(present, formats)

    def held(self, params: Parameters, formats: Formats) -> Parameters:
        """The numbers that the chip's integers stand for.

        The most negative weight has no positive twin and is left out, so that the mapping, which
        goes by the largest magnitude, finds the same range or one in which they are as exact.
        """
        ends = [
            ((1 << (self._bits(number) - 1)) - 1) * 2.0**-layer.weight
            for number, layer in enumerate(formats.layers)
        ]
        weights = tuple(np.clip(w, -end, end) for w, end in zip(params.weights, ends, strict=True))
        integers = mapping.quantise(
            self.network,
            Parameters(weights, params.biases),
            self.hardware,
            OTTT(),
            formats,
            self.config.seed,
        )
        return mapping.dequantise(self.network, integers, formats)

    def _bits(self, number: int) -> int:
        return self.config.widths.weight(self.hardware, number)


def trained(config: RunConfig, options: Mapping[str, Any], data: Dataset) -> Parameters:
    """What the forward pass sees at the end of a training with quantisation in the loop.

    As `ptq.trained`, but for what is seen.

    Args:
        config: the run; its widths are those that are trained for.
        options: this workflow's own, where they aren't the default.
        data: its training set is learned.
    """
    own = {**OPTIONS, **options}
    hardware = ptq.filled(config)
    network = config.make_network(data.train.sample_shape, data.n_classes, hardware)
    rounded = Rounded(network, hardware, config, own)
    if config.encoding == "graded":
        data = replace(data, train=_as_taken_in(data.train, hardware.registers.input.bits.value))
    return ptq.trained(config, own, data, rounded.view)


def deployed(
    config: RunConfig, options: Mapping[str, Any], learned: Parameters, data: Dataset
) -> Run:
    """A run whose chip holds what `trained` gave, exactly; nothing is learned on it."""
    own = {**OPTIONS, **options, "scales": "max"}
    kept = {key: value for key, value in own.items() if key in ptq.OPTIONS}
    return ptq.deployed(config, kept, learned, data, ptq.filled(config))


def _as_taken_in(split: Split, bits: int) -> Split:
    """Numbers as an input register holds them."""
    taken = to_graded(split.x, bits).reshape(split.x.shape)
    return replace(split, x=taken.astype(np.float32) * np.float32(2.0**-bits))
