"""A trained network as a chip can hold it: everything linear goes into the weights."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import LimitError
from neurochip.mapping.plan import ANY_REMEDY, check_no_feedback
from neurochip.network import (
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    Conv2d,
    Dense,
    Layer,
    LowPass,
    Network,
    Parameters,
    Residual,
    Scale,
    Shape,
    SumPool,
)
from neurochip.reference.folding import folded

Reals = NDArray[np.float64]


def absorbed(network: Network, params: Parameters) -> tuple[Network, Parameters]:
    """A network that infers as this one does, of fewer kinds of layers.

    Norms, standardisation and dropout go as in `reference.folded`. A factor (Scale, or a SumPool's)
    multiplies the weights above it. A LowPass below weights makes current-based neurons of those
    above: W a is a current that decays by 1 - 1/tau a step, of weights W / tau. One after the
    read-out's neurons stays: it filters what is summed. An AdaptiveAvgPool of equal squares is an
    AvgPool.

    Args:
        network: what was trained.
        params: its parameters.

    Raises:
        NetworkError: a norm can't be folded, or the parameters don't fit.
        LimitError: a LowPass is below weights whose sums don't go to neurons, or the network has
            feedback or a Residual.
    """
    check_no_feedback(network)
    plain, values = folded(network, params)
    absorbing = _Absorbing(values)
    shape, layers = plain.in_shape, []
    for number, layer in enumerate(plain.layers):
        layers += absorbing.layer(layer, number, shape, is_last=number > plain.readout_index)
        shape = layer.out_shape(shape)
    absorbing.check_kept(len(plain.layers))
    result = Network(tuple(layers), plain.timesteps, plain.in_shape)
    return result, Parameters(tuple(absorbing.weights), values.biases)


class _Absorbing:
    """Goes through the layers with what has yet to go into the next weights."""

    def __init__(self, params: Parameters):
        self.weights: list[Reals] = []
        self._weights = iter(params.weights)
        self._factor, self._arriving, self._current = 1.0, 0.0, 0.0

    def layer(self, layer: Layer, number: int, shape: Shape, *, is_last: bool) -> list[Layer]:
        """What stands for a layer that `shape` comes into."""
        if isinstance(layer, Dense | Conv2d):
            self.weights.append(next(self._weights) * self._factor)
            self._factor, self._current, self._arriving = 1.0, self._arriving, 0.0
            return [layer]
        if isinstance(layer, LIF):
            current, self._current = self._current, 0.0
            return [replace(layer, current_lam=current) if current else layer]
        self.check_kept(number)
        if isinstance(layer, Scale):
            self._factor *= layer.factor
            return []
        if isinstance(layer, SumPool):
            self._factor *= layer.factor
            return [replace(layer, factor=1.0)]
        if isinstance(layer, LowPass) and not is_last:
            self._factor /= layer.tau
            self._arriving = 1.0 - 1.0 / layer.tau
            return []
        if isinstance(layer, AdaptiveAvgPool):
            return [_as_squares(layer, shape)]
        if isinstance(layer, Residual):
            raise LimitError(f"layer {number} is a Residual, which a chip lacks; {ANY_REMEDY}")
        return [layer]

    def check_kept(self, number: int) -> None:
        """Raise LimitError where layer ``number`` isn't the neurons that a filtered sum needs."""
        if self._current:
            raise LimitError(
                f"the weights below layer {number} sum up what a LowPass filtered, but nothing "
                f"keeps that current; put LIF neurons above them"
            )


def _as_squares(layer: AdaptiveAvgPool, shape: Shape) -> Layer:
    _, height, width = shape
    square = height // layer.side
    is_whole = height == width == square * layer.side and math.log2(square).is_integer()
    return AvgPool(square) if is_whole else layer
