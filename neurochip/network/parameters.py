"""The learned numbers of a network, and how they are drawn at first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import NetworkError
from neurochip.network.checks import check_positive, is_whole

if TYPE_CHECKING:
    from neurochip.network.network import Network

# A weight's standard deviation is gain / sqrt(fan_in). With 2, inputs of the size of image pixels
# bring membranes near a threshold of 1, where the surrogate derivative is not zero.
INITIAL_GAIN = 2.0
# A read-out has no threshold to reach, and smaller weights have a finer format on a chip.
READOUT_GAIN = 1.0


@dataclass(frozen=True, eq=False)
class Norm:
    """The numbers of one BatchNorm, float64, each (n,).

    Attributes:
        weight: what a normalised value is multiplied by; learned.
        bias: what is added to it; learned.
        mean: running mean.
        var: running variance.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    mean: NDArray[np.float64]
    var: NDArray[np.float64]

    @classmethod
    def fresh(cls, n: int) -> Norm:
        """Weight 1, bias 0, mean 0, variance 1."""
        return cls(np.ones(n), np.zeros(n), np.zeros(n), np.ones(n))


@dataclass(frozen=True, eq=False)
class Parameters:
    """The learned numbers of a network, float64, in the order of `Network.weight_layers`.

    Attributes:
        weights: one array for each weight layer, the one at the input first: (n_out, n_in) of a
            Dense, (c_out, c_in, kernel, kernel) of a Conv2d, (synapses,) of a Sparse.
        biases: one (n_out,) array for each weight layer; zeros where the layer has no bias.
        gains: one (n_out,) array for each weight layer with sws, in the same order.
        norms: one for each BatchNorm, in the order of `Network.norm_layers`.
    """

    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]
    gains: tuple[NDArray[np.float64], ...] = ()
    norms: tuple[Norm, ...] = ()


def initialise(
    network: Network, seed: int, gain: float = INITIAL_GAIN, readout_gain: float = READOUT_GAIN
) -> Parameters:
    """Draw weights from a normal distribution of standard deviation gain / sqrt(fan_in).

    Each layer has a generator of its own, seeded with (seed, layer), so that a layer's weights
    don't depend on the other layers' shapes. Biases are zero, gains one, norms fresh; weights of
    feedback start at zero (Xiao et al., 2022).

    Args:
        network: what to draw for.
        seed: 0 or more.
        gain: of the hidden layers, above 0, without unit.
        readout_gain: of the last weight layer, above 0.
    """
    if not is_whole(seed) or seed < 0:
        raise NetworkError(f"initialise got seed {seed!r}; it must be a whole number from 0 up.")
    check_positive("gain of initialise", gain)
    check_positive("readout_gain of initialise", readout_gain)
    readout = network.layers[network.readout_index]
    weights = []
    for number, layer in enumerate(network.weight_layers):
        rng = np.random.default_rng([seed, number])
        spread = (readout_gain if layer is readout else gain) / math.sqrt(max(1, layer.fan_in))
        weights.append(rng.normal(0.0, spread, layer.weight_shape))
    n_feedback = len(network.feedback)
    for number in range(len(weights) - n_feedback, len(weights)):
        weights[number] = np.zeros_like(weights[number])
    return Parameters(
        tuple(weights),
        tuple(np.zeros(layer.n_out) for layer in network.weight_layers),
        tuple(np.ones(layer.n_out) for layer in network.weight_layers if layer.sws),
        tuple(Norm.fresh(layer.n) for layer in network.norm_layers),
    )
