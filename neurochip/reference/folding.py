"""Norms and standardisation folded into weights: the same network of plain weight layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import NetworkError
from neurochip.network import (
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Feedback,
    Layer,
    Network,
    Norm,
    Parameters,
    Residual,
    Sparse,
    WeightLayer,
)
from neurochip.reference.products import as_matrix, from_matrix, standardised

Reals = NDArray[np.float64]


def folded(network: Network, params: Parameters) -> tuple[Network, Parameters]:
    """A network that infers as this one does, without BatchNorm, sws and Dropout.

    A norm after a weight layer becomes part of it: with f = weight / sqrt(var + eps) a row,
    W' = f W and b' = f (b - mean) + bias. Standardised weights become what they are standardised
    to. Dropout does nothing in inference.

    Args:
        network: any network in which each BatchNorm follows a weight layer directly.
        params: its parameters.

    Returns:
        The network and its parameters, whose gains and norms are empty.

    Raises:
        NetworkError: if a BatchNorm follows another layer, or the parameters don't fit.
    """
    network.check(params)
    folding = _Folding(params)
    layers = folding.layers(network.layers)
    numbers = _new_numbers(network.layers)
    feedback = tuple(
        Feedback(numbers[entry.source], numbers[entry.target], folding.layers(entry.path))
        for entry in network.feedback
    )
    plain = Network(layers, network.timesteps, network.in_shape, feedback)
    return plain, Parameters(tuple(folding.weights), tuple(folding.biases))


class _Folding:
    """Goes through the layers with the parameters at hand."""

    def __init__(self, params: Parameters):
        self.weights: list[Reals] = []
        self.biases: list[Reals] = []
        self._weights = iter(zip(params.weights, params.biases, strict=True))
        self._gains: Iterator[Reals] = iter(params.gains)
        self._norms: Iterator[Norm] = iter(params.norms)

    def layers(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        plain: list[Layer] = []
        for layer in layers:
            if isinstance(layer, WeightLayer):
                plain.append(self._weight_layer(layer))
            elif isinstance(layer, BatchNorm):
                plain.append(self._norm(layer, plain))
            elif isinstance(layer, Residual):
                plain.append(Residual(self.layers(layer.body), self.layers(layer.shortcut)))
            elif not isinstance(layer, Dropout):
                plain.append(layer)
        return tuple(plain)

    def _weight_layer(self, layer: WeightLayer) -> Layer:
        weight, bias = next(self._weights)
        if not isinstance(layer, Sparse) and layer.sws:
            matrix = standardised(as_matrix(layer, weight), next(self._gains))
            weight = np.ascontiguousarray(from_matrix(layer, matrix))
        self.weights.append(weight.copy())
        self.biases.append(bias.copy())
        return layer if isinstance(layer, Sparse) else replace(layer, sws=False)

    def _norm(self, layer: BatchNorm, plain: list[Layer]) -> Layer:
        """The weight layer below, taken back from `plain` with the norm in it."""
        below = plain.pop() if plain else None
        if not isinstance(below, Dense | Conv2d):
            raise NetworkError(
                f"a BatchNorm of {layer.n} follows a {type(below).__name__}, so it can't be folded "
                f"into weights; put it directly after a Dense or a Conv2d."
            )
        norm = next(self._norms)
        factor = norm.weight / np.sqrt(norm.var + layer.eps)
        weight = self.weights[-1]
        self.weights[-1] = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
        self.biases[-1] = factor * (self.biases[-1] - norm.mean) + norm.bias
        return replace(below, bias=True)


def _new_numbers(layers: Sequence[Layer]) -> list[int]:
    """For each layer the number of the layer that its output comes from, after folding."""
    numbers, count = [], -1
    for layer in layers:
        if not isinstance(layer, BatchNorm | Dropout):
            count += 1
        numbers.append(count)
    return numbers
