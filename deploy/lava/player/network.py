"""A network in Lava's own terms: integers, exponents, and the step at which each layer begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.states import LayerStates, Recording

__all__ = ["LavaLayer", "LavaNetwork", "read"]

#: Kind of file that holds a network and what it is expected to do (neurochip.files).
FORMAT = "neurochip-lava"


@dataclass(frozen=True, eq=False)
class LavaLayer:
    """A Dense process and the neurons that it drives.

    Attributes:
        name: for tables.
        weights: (n_out, n_in) int32, signed numbers of ``weight_bits`` bits.
        weight_bits: 2 to 8.
        exponent: the sums of weights are multiplied by 2^exponent, 0 or more.
        bias: (n_out,) int32 mantissas of 13 bits, signed.
        bias_exponent: 0 to 7; biases are mantissa * 2^bias_exponent, in units of v.
        decay: dv, 0 to 4095: v keeps (4096 - dv) / 4096 in a step, toward zero.
        threshold: mantissa, 0 to 131071; neurons fire where v > threshold * 2^6.
        reset: what a spike does to v: "hard" (0) or "soft" (the threshold is subtracted).
        keeps: whether v outlives a step; where not, v = u + bias.
    """

    name: str
    weights: NDArray[np.int32]
    weight_bits: int
    exponent: int
    bias: NDArray[np.int32]
    bias_exponent: int
    decay: int
    threshold: int
    reset: str
    keeps: bool


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
        return int(self.layers[0].weights.shape[1])

    @property
    def period(self) -> int:
        """Steps from the beginning of a sample to that of the next."""
        return self.timesteps + len(self.layers)

    def first_step(self, number: int) -> int:
        """Lava's clock, which begins at 1, when layer ``number`` begins with the first sample."""
        return number + 2

    def spikes(self, inputs: NDArray[Any]) -> NDArray[np.int32]:
        """Samples (n, T, n_in) of 0 and 1 as Lava's RingBuffer takes them, (n_in, n * period)."""
        n = len(inputs)
        padded = np.zeros((n, self.period, self.n_in), np.int32)
        padded[:, : self.timesteps] = inputs
        return np.ascontiguousarray(padded.reshape(n * self.period, self.n_in).T)

    def by_sample(self, number: int, history: NDArray[Any]) -> NDArray[Any]:
        """Cut what layer ``number`` held after each Lava step, (n * period, n_out), into samples.

        Returns:
            (n, T, n_out): step t of every sample.
        """
        begins = np.arange(0, len(history), self.period) + self.first_step(number) - 1
        return history[begins[:, np.newaxis] + np.arange(self.timesteps)]


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
    return LavaLayer(**plain)


def _scalar(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
