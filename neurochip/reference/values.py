"""What a network learns as arrays of one dtype, changed in place, and its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neurochip.errors import RuleError
from neurochip.network import BatchNorm, Network, Norm, Parameters, WeightLayer
from neurochip.rules.surrogates import Floats


class Values:
    """Weights, biases, gains and norms in the order of `Parameters`, of one dtype.

    Attributes:
        weights: one array for each weight layer.
        biases: one (n_out,) array for each weight layer.
        gains: for each weight layer (n_out,), or None without sws.
        norm_weights: one (n,) array for each BatchNorm.
        norm_biases: one (n,) array for each BatchNorm.
        means: running means, one (n,) array for each BatchNorm; not learned.
        variances: running variances, likewise.
    """

    def __init__(self, network: Network, params: Parameters, dtype: np.dtype[np.floating[Any]]):
        """Copy the parameters."""
        gains = iter(params.gains)
        self._network = network
        self.dtype = dtype
        self.weights = [np.array(weight, dtype) for weight in params.weights]
        self.biases = [np.array(bias, dtype) for bias in params.biases]
        self.gains = [
            np.array(next(gains), dtype) if layer.sws else None for layer in network.weight_layers
        ]
        self.norm_weights = [np.array(norm.weight, dtype) for norm in params.norms]
        self.norm_biases = [np.array(norm.bias, dtype) for norm in params.norms]
        self.means = [np.array(norm.mean, dtype) for norm in params.norms]
        self.variances = [np.array(norm.var, dtype) for norm in params.norms]

    @property
    def parameters(self) -> Parameters:
        """A copy, float64."""
        norms = zip(self.norm_weights, self.norm_biases, self.means, self.variances, strict=True)
        return Parameters(
            _copies(self.weights),
            _copies(self.biases),
            _copies([gain for gain in self.gains if gain is not None]),
            tuple(Norm(*_copies(norm)) for norm in norms),
        )

    def zeros(self) -> Values:
        """Zeros of the same shapes: room for gradients."""
        other = Values(self._network, self.parameters, self.dtype)
        for array in (*other.learned, *other.biases, *other.means, *other.variances):
            array.fill(0.0)
        return other

    @property
    def learned(self) -> list[Floats]:
        """Every array that learns: weights, biases of layers that have one, gains, norms."""
        layers = zip(self.biases, self._network.weight_layers, strict=True)
        biases = [bias for bias, layer in layers if layer.bias]
        gains = [gain for gain in self.gains if gain is not None]
        return [*self.weights, *biases, *gains, *self.norm_weights, *self.norm_biases]

    @property
    def names(self) -> list[str]:
        """What each of `learned` is, in words."""
        layers = self._network.weight_layers
        called = [f"{type(layer).__name__} layer {i}" for i, layer in enumerate(layers)]
        names = [f"weights of {name}" for name in called]
        pairs = list(zip(called, layers, strict=True))
        names += [f"biases of {name}" for name, layer in pairs if layer.bias]
        names += [f"gains of {name}" for name, layer in pairs if layer.sws]
        norms = range(len(self.norm_weights))
        names += [f"weights of BatchNorm {i}" for i in norms]
        return names + [f"biases of BatchNorm {i}" for i in norms]

    @property
    def layers(self) -> list[int]:
        """Number of the weight layer of each of `learned`; a norm goes with the one below it."""
        layers = self._network.weight_layers
        numbers = [*range(len(layers))]
        numbers += [i for i, layer in enumerate(layers) if layer.bias]
        numbers += [i for i, layer in enumerate(layers) if layer.sws]
        below = _layers_below_norms(self._network)
        return numbers + below + below


def _layers_below_norms(network: Network) -> list[int]:
    below, number = [], -1
    for layer in network.walk():
        if isinstance(layer, WeightLayer):
            number += 1
        elif isinstance(layer, BatchNorm):
            below.append(max(number, 0))
    return below


def _copies(arrays: Sequence[Floats]) -> tuple[Any, ...]:
    return tuple(array.astype(np.float64) for array in arrays)


def checked_dtype(dtype: DTypeLike) -> np.dtype[np.floating[Any]]:
    """`dtype` as float64 or float32.

    Raises:
        RuleError: if it is neither.
    """
    wanted = np.dtype(dtype)
    for known in (np.dtype(np.float64), np.dtype(np.float32)):
        if wanted == known:
            return known
    raise RuleError(f"dtype is {wanted}; the float engine needs float64 or float32.")
