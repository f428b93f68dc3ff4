"""A trained network as a chip can hold it: everything linear goes into weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import LimitError
from neurochip.mapping.listing import listed
from neurochip.network import (
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    Layer,
    LowPass,
    Network,
    Parameters,
    Reshape,
    Residual,
    Scale,
    Shape,
    Sparse,
    SumPool,
    WeightLayer,
)
from neurochip.reference.folding import folded

Reals = NDArray[np.float64]


def absorbed(network: Network, params: Parameters) -> tuple[Network, Parameters]:
    """A network that infers as this one does, of fewer kinds of layers.

    Norms, standardisation and dropout go as in `reference.folded`. A factor (Scale, or a SumPool's)
    multiplies the weights above it. A LowPass below weights makes current-based neurons of those
    above: W a is a current that decays by 1 - 1/tau a step, of weights W / tau. One after the
    read-out's neurons stays: it filters what is summed. An AdaptiveAvgPool of equal squares is an
    AvgPool, and one whose mean no shift makes a SumPool. Of a Residual the body becomes part of the
    chain, and the shortcut a connection beside it of listed synapses, as is each connection back.
    The bias of a connection back counts from the first step on, one earlier than in the network.

    Args:
        network: what was trained.
        params: its parameters.

    Raises:
        NetworkError: a norm can't be folded, or the parameters don't fit.
        LimitError: a LowPass is below weights whose sums don't go to neurons, or a connection
            beside the chain can't be listed.
    """
    plain, values = folded(network, params)
    absorbing = _Absorbing(values, plain.in_shape)
    for number, layer in enumerate(plain.layers):
        absorbing.layer(layer, number, is_last=number > plain.readout_index)
    absorbing.check_kept(len(plain.layers))
    for entry in plain.feedback:
        absorbing.connection_back(entry)
    return absorbing.network(plain.timesteps, plain.in_shape), absorbing.parameters


@dataclass(frozen=True)
class _Place:
    """Where a signal is: number of a layer of the result, its shape, and a factor still due."""

    number: int
    shape: Shape
    factor: float


class _Absorbing:
    """Goes through the layers with what has yet to go into the next weights."""

    def __init__(self, params: Parameters, in_shape: Shape):
        self._values = iter(zip(params.weights, params.biases, strict=True))
        self._layers: list[Layer] = []
        self._weights: list[Reals] = []
        self._biases: list[Reals] = []
        self._connections: list[Feedback] = []
        self._beside: list[Reals] = []
        self._shape = in_shape
        self._shapes: list[Shape] = []
        self._factor, self._arriving, self._current = 1.0, 0.0, 0.0
        self._places: list[_Place] = []

    @property
    def parameters(self) -> Parameters:
        """Those of the chain, then those of the connections, which have no biases."""
        none = [np.zeros(math.prod(self._shapes[entry.target])) for entry in self._connections]
        return Parameters((*self._weights, *self._beside), (*self._biases, *none))

    def network(self, timesteps: int, in_shape: Shape) -> Network:
        """What has been gone through."""
        return Network(tuple(self._layers), timesteps, in_shape, tuple(self._connections))

    def layer(self, layer: Layer, number: int, *, is_last: bool = False) -> None:
        """The next layer of the network, its number for errors."""
        if isinstance(layer, Residual):
            self._residual(layer, number)
        elif isinstance(layer, Dense | Conv2d | Sparse):
            weight, bias = next(self._values)
            self._weights.append(weight * self._factor)
            self._biases.append(bias)
            self._factor, self._current, self._arriving = 1.0, self._arriving, 0.0
            self._put(layer)
        elif isinstance(layer, LIF):
            current, self._current = self._current, 0.0
            self._put(replace(layer, current_lam=current) if current else layer)
        else:
            self.check_kept(number)
            self._signals(layer, is_last)
        self._places.append(self._place)

    def connection_back(self, entry: Feedback) -> None:
        """A connection of the network, whose layers have been gone through."""
        weight, bias = next(self._values)
        source, target = self._places[entry.source], self._places[entry.target].number
        self._connect(source, target, entry.path, weight)
        self._add_bias(target, bias)

    def check_kept(self, number: int) -> None:
        """Raise LimitError where layer ``number`` isn't the neurons that a filtered sum needs."""
        if self._current:
            raise LimitError(
                f"the weights below layer {number} sum up what a LowPass filtered, but nothing "
                f"keeps that current; put LIF neurons above them"
            )

    @property
    def _place(self) -> _Place:
        return _Place(len(self._layers) - 1, self._shape, self._factor)

    def _put(self, layer: Layer) -> None:
        self._shape = layer.out_shape(self._shape)
        self._layers.append(layer)
        self._shapes.append(self._shape)

    def _signals(self, layer: Layer, is_last: bool) -> None:
        """A layer that neither has weights nor fires."""
        if isinstance(layer, Scale):
            self._factor *= layer.factor
        elif isinstance(layer, SumPool):
            self._factor *= layer.factor
            self._put(replace(layer, factor=1.0))
        elif isinstance(layer, AvgPool):
            self._average(layer)
        elif isinstance(layer, LowPass) and not is_last:
            self._factor /= layer.tau
            self._arriving = 1.0 - 1.0 / layer.tau
        elif isinstance(layer, AdaptiveAvgPool) and (square := _square(layer, self._shape)):
            self._average(AvgPool(square))
        else:
            self._put(layer)

    def _average(self, pool: AvgPool) -> None:
        """A mean over squares, as a count where a chip's shift can't divide it."""
        if math.log2(pool.kernel).is_integer():
            self._put(pool)
        else:
            self._factor *= pool.factor
            self._put(SumPool(pool.kernel))

    def _residual(self, block: Residual, number: int) -> None:
        begin = self._place
        if begin.number < 0 or self._arriving:
            raise LimitError(
                f"layer {number} is a Residual of what isn't spikes, which a chip can't add up; "
                f"put weights and LIF neurons before it"
            )
        for layer in block.body:
            self.layer(layer, number)
        del self._places[-len(block.body) :]
        weight, bias = None, None
        if any(isinstance(layer, WeightLayer) for layer in block.shortcut):
            weight, bias = next(self._values)
        target = self._place.number
        self._connect(begin, target, block.shortcut, weight)
        if bias is not None:
            self._add_bias(target, bias)

    def _connect(
        self, source: _Place, target: int, path: tuple[Layer, ...], weight: Reals | None
    ) -> None:
        factor = source.factor * math.prod(k.factor for k in path if isinstance(k, Scale))
        plain = [layer for layer in path if not isinstance(layer, Scale)]
        synapses, weights = listed(plain, weight, source.shape)
        layers: list[Layer] = [synapses]
        if len(source.shape) > 1:
            layers.insert(0, Flatten())
        if len(self._shapes[target]) > 1:
            layers.append(Reshape(self._shapes[target]))
        self._connections.append(Feedback(source.number, target, tuple(layers)))
        self._beside.append(weights * factor)

    def _add_bias(self, target: int, bias: Reals) -> None:
        """To that of the weights which are layer ``target`` of the result."""
        below = self._layers[:target]
        number = sum(isinstance(layer, WeightLayer) for layer in below)
        self._biases[number] = self._biases[number] + bias
        weights = self._layers[target]
        if isinstance(weights, WeightLayer) and bias.any():
            self._layers[target] = replace(weights, bias=True)


def _square(layer: AdaptiveAvgPool, shape: Shape) -> int:
    """Side of the equal squares that the pool averages over; 0 where they aren't equal squares."""
    _, height, width = shape
    square = height // layer.side
    return square if height == width == square * layer.side else 0
