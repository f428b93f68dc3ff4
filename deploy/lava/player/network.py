"""A network in Lava's own terms: integers, exponents, and the step at which each layer begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.states import LayerStates, Recording

__all__ = ["LavaLayer", "LavaNetwork", "read", "to_lava"]

#: du that leaves nothing of u, because Lava adds 1 to it.
NO_CURRENT_MEMORY = 4095
#: Kind of file that holds a network and what it is expected to do (neurochip.files).
FORMAT = "neurochip-lava"


@dataclass(frozen=True, eq=False)
class LavaLayer:
    """Synapses (Dense or Conv), perhaps a pool before them, and the neurons that they drive.

    A population with channels is (channels, height, width) here and (width, height, channels) in
    Lava; `to_lava` and `from_lava` lead from one to the other.

    Attributes:
        name: for tables.
        weights: (n_out, n_in) int32, or of a convolution, which is a cross-correlation,
            (c_out, c_in, kernel, kernel); signed numbers of ``weight_bits`` bits.
        weight_bits: 2 to 8.
        exponent: the sums of weights are multiplied by 2^exponent, 0 or more.
        below: shape of the population below, (n,) or (channels, height, width).
        pool: side of the squares whose spikes are counted on their way; 1 for no pool.
        stride: of a convolution; 1 otherwise.
        padding: of a convolution; 0 otherwise.
        shape: of the neurons, (n_out,) or (channels, height, width).
        bias: int32 mantissas of 13 bits, signed, one a neuron or, of a convolution, one a channel.
        bias_exponent: 0 to 7; biases are mantissa * 2^bias_exponent, in units of v.
        current_decay: du, 0 to 4095: u keeps (4095 - du) / 4096 in a step, toward zero.
        decay: dv, 0 to 4095: v keeps (4096 - dv) / 4096 in a step, toward zero.
        threshold: mantissa, 0 to 131071; neurons fire where v > threshold * 2^6.
        reset: what a spike does to v: "hard" (0) or "soft" (the threshold is subtracted).
        keeps: whether v outlives a step; where not, v = u + bias, and u has no memory either.
    """

    name: str
    weights: NDArray[np.int32]
    weight_bits: int
    exponent: int
    below: tuple[int, ...]
    pool: int
    stride: int
    padding: int
    shape: tuple[int, ...]
    bias: NDArray[np.int32]
    bias_exponent: int
    current_decay: int
    decay: int
    threshold: int
    reset: str
    keeps: bool

    @property
    def is_convolution(self) -> bool:
        """Whether positions share the weights."""
        return self.weights.ndim > len(("n_out", "n_in"))

    @property
    def axons(self) -> tuple[int, ...]:
        """Shape of what the synapses hear: `below`, or what the pool leaves of it."""
        channels_or_n, *sides = self.below
        return (channels_or_n, *(side // self.pool for side in sides))

    @property
    def largest_count(self) -> int:
        """Spikes that an axon can bring in one step."""
        return self.pool**2

    @property
    def biases(self) -> NDArray[np.int32]:
        """The mantissa of every neuron, of the neurons' shape."""
        of_channels = self.bias.reshape(-1, *(1 for _ in self.shape[1:]))
        return np.broadcast_to(of_channels, self.shape)


@dataclass(frozen=True, eq=False)
class LavaNetwork:
    """Layers in order, and how long each sample lasts.

    A spike of step t reaches the neurons above at t + 1, so layer l (from 0) works on a sample's
    step t when Lava's clock shows ``first_step(l) + t``, and a sample takes T + L steps.
    """

    timesteps: int
    layers: tuple[LavaLayer, ...]

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return math.prod(self.layers[0].below)

    @property
    def period(self) -> int:
        """Steps from the beginning of a sample to that of the next."""
        return self.timesteps + len(self.layers)

    def first_step(self, number: int) -> int:
        """Lava's clock, which begins at 1, when layer ``number`` begins with the first sample."""
        return number + 2

    def spikes(self, inputs: NDArray[Any]) -> NDArray[np.int32]:
        """Samples (n, T, n_in) of 0 and 1 as Lava's RingBuffer takes them, (..., n * period)."""
        n, shape = len(inputs), self.layers[0].below
        padded = np.zeros((n, self.period, *shape), np.int32)
        padded[:, : self.timesteps] = inputs.reshape(n, self.timesteps, *shape)
        by_step = to_lava(padded.reshape(n * self.period, *shape), len(shape))
        return np.ascontiguousarray(np.moveaxis(by_step, 0, -1))

    def by_sample(self, number: int, history: NDArray[Any]) -> NDArray[Any]:
        """Cut what layer ``number`` held after each Lava step, (n * period, ...), into samples.

        Returns:
            (n, T, n_out): step t of every sample.
        """
        begins = np.arange(0, len(history), self.period) + self.first_step(number) - 1
        held = history[begins[:, np.newaxis] + np.arange(self.timesteps)]
        ours = from_lava(held, len(self.layers[number].shape))
        return np.ascontiguousarray(ours.reshape(*held.shape[:2], -1))


def to_lava(values: NDArray[Any], dimensions: int) -> NDArray[Any]:
    """The last axes of values, (n,) or (channels, height, width), in the order of Lava."""
    first = values.ndim - dimensions
    return values.transpose(*range(first), *reversed(range(first, values.ndim)))


#: Turning the axes round once more gives the order that they had.
from_lava = to_lava


def read(path: str | Path) -> tuple[LavaNetwork, Recording]:
    """The network of an exported file, and what is expected of it."""
    with h5py.File(path, "r") as file:
        names = [f"layer{number}" for number in range(len(file["network"]) - 1)]
        timesteps = int(file["network/timesteps"][()])
        network = LavaNetwork(timesteps, tuple(_layer(file["network"][name]) for name in names))
        states = [
            LayerStates(
                layer.name,
                {state: values[()] for state, values in file["expected"][name].items()},
            )
            for layer, name in zip(network.layers, names, strict=True)
        ]
        return network, Recording(file["inputs"][()], tuple(states))


def _layer(group: Any) -> LavaLayer:
    values = {name: dataset[()] for name, dataset in group.items()}
    plain = {name: value if value.ndim else _scalar(value.item()) for name, value in values.items()}
    for name in ("below", "shape"):
        plain[name] = tuple(plain[name].tolist())
    return LavaLayer(**plain)


def _scalar(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
