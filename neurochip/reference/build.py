"""A network's layers as nodes: for inference, for one step at a time, for all steps at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurochip.errors import RuleError
from neurochip.network import (
    LI,
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Dropout,
    Flatten,
    Layer,
    LowPass,
    Network,
    Reshape,
    Residual,
    Scale,
    Shape,
    SumPool,
    Upsample,
    WeightLayer,
)
from neurochip.reference.chain import Chain, FeedbackNodes, Node, StatelessNode, SumNode
from neurochip.reference.neurons import CurrentLIFNode, LIFNode, LINode, LowPassNode
from neurochip.reference.operators import (
    SPATIAL,
    AdaptivePoolOperator,
    DropoutNode,
    FixedNormOperator,
    FlattenOperator,
    Identity,
    NormOperator,
    NormValues,
    Operator,
    PoolOperator,
    ReshapeOperator,
    ScaleOperator,
    UpsampleOperator,
)
from neurochip.reference.unrolled import UnrolledLI, UnrolledLIF, UnrolledLowPass
from neurochip.reference.values import Values
from neurochip.reference.weights import StillNode, TracedNode, WeightNode
from neurochip.rules.surrogates import Floats, Surrogate


class Kit(Protocol):
    """Which nodes a chain is made of: what differs between rules."""

    def weights(self, place: Place, number: int, layer: WeightLayer) -> Node:
        """A weight layer; `place` says what comes in."""

    def neurons(self, place: Place, layer: LIF, bias: Floats) -> Node:
        """Spiking neurons."""

    def readout(self, place: Place, layer: LI) -> Node:
        """A leaky read-out."""

    def low_pass(self, place: Place, layer: LowPass) -> Node:
        """A synaptic filter."""

    def norm(self, layer: BatchNorm, values: NormValues, gradients: NormValues) -> Node:
        """A batch norm."""

    def dropout(self, place: Place, layer: Dropout) -> Node | None:
        """A dropout; None where it does nothing."""


@dataclass(frozen=True)
class Place:
    """Where in a network a layer stands.

    Attributes:
        shape: what comes in, (n,) or (c, h, w).
        decay: lam of the neurons whose spikes come in, by way of layers without state; None where
            the network's input comes in.
        is_first: whether the layer is the network's first.
    """

    shape: Shape
    decay: float | None
    is_first: bool

    def inside(self, batch: int) -> tuple[int, ...]:
        """Shape of a batch at this place, as arrays are in here."""
        if len(self.shape) == SPATIAL:
            return (batch, *self.shape[1:], self.shape[0])
        return (batch, *self.shape)


class Builder:
    """Makes a chain of a network, taking nodes from a kit."""

    def __init__(self, network: Network, values: Values, gradients: Values, kit: Kit):
        """Take the network, its parameters, room for their gradients, and the kit."""
        self._network = network
        self._kit = kit
        self._values = values
        self._gradients = gradients
        self._weight_numbers: Iterator[int] = iter(range(len(network.weight_layers)))
        self._norm_numbers: Iterator[int] = iter(range(len(network.norm_layers)))
        self._bias: Floats = np.zeros(0)

    def chain(self) -> Chain:
        """The network's chain."""
        network = self._network
        decays: list[float | None] = []
        nodes = self._nodes(network.layers, Place(network.in_shape, None, True), decays)
        feedback = []
        for entry in network.feedback:
            place = Place(network.shapes[entry.source], decays[entry.source], False)
            path = self._nodes(entry.path, place, [])
            feedback.append(FeedbackNodes(entry.source, entry.target, path))
        return Chain(nodes, feedback)

    def _nodes(
        self, layers: Sequence[Layer], place: Place, decays: list[float | None]
    ) -> list[Node]:
        """One node a layer; `decays` gets the decay of what each puts out."""
        nodes: list[Node] = []
        for layer in layers:
            node = self._node(layer, place)
            nodes.append(node or StatelessNode(Identity()))
            decay = layer.lam if isinstance(layer, LIF) else place.decay
            place = Place(layer.out_shape(place.shape), decay, False)
            decays.append(decay)
        return nodes

    def _node(self, layer: Layer, place: Place) -> Node | None:
        kit = self._kit
        if isinstance(layer, WeightLayer):
            number = next(self._weight_numbers)
            self._bias = self._values.biases[number]
            return kit.weights(place, number, layer)
        if isinstance(layer, LIF):
            return kit.neurons(place, layer, self._bias)
        if isinstance(layer, LI):
            return kit.readout(place, layer)
        if isinstance(layer, LowPass):
            return kit.low_pass(place, layer)
        if isinstance(layer, Dropout):
            return kit.dropout(place, layer)
        if isinstance(layer, BatchNorm):
            number = next(self._norm_numbers)
            return kit.norm(
                layer, _norm_values(self._values, number), _norm_values(self._gradients, number)
            )
        if isinstance(layer, Residual):
            body = Chain(self._nodes(layer.body, place, []))
            return SumNode(body, Chain(self._nodes(layer.shortcut, place, [])))
        return StatelessNode(_operator(layer, place.shape))


def _operator(
    layer: Scale | Flatten | Reshape | AvgPool | SumPool | AdaptiveAvgPool | Upsample, shape: Shape
) -> Operator:
    if isinstance(layer, Scale):
        return ScaleOperator(layer)
    if isinstance(layer, Flatten):
        return FlattenOperator(shape)
    if isinstance(layer, Reshape):
        return ReshapeOperator(layer.shape)
    if isinstance(layer, AdaptiveAvgPool):
        return AdaptivePoolOperator(layer)
    if isinstance(layer, Upsample):
        return UpsampleOperator(layer)
    return PoolOperator(layer)


def _norm_values(values: Values, number: int) -> NormValues:
    return NormValues(
        values.norm_weights[number],
        values.norm_biases[number],
        values.means[number],
        values.variances[number],
    )


class StepKit:
    """One step at a time, for inference: (B, ...) arrays, no traces, running norms, no dropout."""

    #: Which nodes a spiking layer's derivative is for; inference never asks.
    surrogate = Surrogate("boxcar")

    def __init__(self, values: Values, gradients: Values, batch: int):
        """Take the parameters, room for gradients, and the batch size."""
        self._values = values
        self._gradients = gradients
        self._batch = batch

    def weights(self, place: Place, number: int, layer: WeightLayer) -> Node:
        """Weights without a trace."""
        return WeightNode(number, layer, place.shape, self._values, self._gradients)

    def neurons(self, place: Place, layer: LIF, bias: Floats) -> Node:
        """Neurons with a state of one step."""
        shape, dtype = place.inside(self._batch), self._values.dtype
        if layer.current_lam:
            return CurrentLIFNode(layer, shape, dtype, self.surrogate, bias)
        return LIFNode(layer, shape, dtype, self.surrogate)

    def readout(self, place: Place, layer: LI) -> Node:
        """A read-out with a state of one step."""
        return LINode(layer, place.inside(self._batch), self._values.dtype)

    def low_pass(self, place: Place, layer: LowPass) -> Node:
        """A filter with a state of one step."""
        return LowPassNode(layer, place.inside(self._batch), self._values.dtype)

    def norm(self, layer: BatchNorm, values: NormValues, gradients: NormValues) -> Node:
        """The running numbers count."""
        return StatelessNode(FixedNormOperator(layer, values))

    def dropout(self, place: Place, layer: Dropout) -> Node | None:
        """Nothing."""
        return None


class LearningKit(StepKit):
    """One step at a time, learning: OTTT with traces, or SLTT without."""

    def __init__(
        self,
        values: Values,
        gradients: Values,
        batch: int,
        surrogate: Surrogate,
        has_traces: bool,
        input_decay: float | None,
        is_still: bool,
        rng: np.random.Generator,
    ):
        """Take what the rule asks for.

        Args:
            values: parameters.
            gradients: room for their gradients.
            batch: samples.
            surrogate: psi.
            has_traces: whether weights above neurons use traces.
            input_decay: of a trace of the network's input; None leaves it raw.
            is_still: whether the input stays the same over a batch.
            rng: draws dropout masks.
        """
        super().__init__(values, gradients, batch)
        self.surrogate = surrogate
        self._has_traces = has_traces
        self._input_decay = input_decay
        self._is_still = is_still
        self._rng = rng

    def weights(self, place: Place, number: int, layer: WeightLayer) -> Node:
        """Weights with the trace of what comes in, or without."""
        values, gradients = self._values, self._gradients
        decay = self._input_decay if place.decay is None else place.decay
        if place.decay is not None and not self._has_traces:
            decay = None
        if decay is not None:
            return TracedNode(number, layer, place.shape, values, gradients, decay)
        kind = StillNode if place.is_first and self._is_still else WeightNode
        return kind(number, layer, place.shape, values, gradients)

    def low_pass(self, place: Place, layer: LowPass) -> Node:
        """No such rule."""
        raise RuleError(
            "on-line rules have no trace for a LowPass layer; train this network by TSSLBP or BPTT."
        )

    def norm(self, layer: BatchNorm, values: NormValues, gradients: NormValues) -> Node:
        """No such rule."""
        raise RuleError(
            "on-line rules can't train a BatchNorm, whose statistics are over all steps; use "
            "weight layers with sws=True, or train by BPTT or TET."
        )

    def dropout(self, place: Place, layer: Dropout) -> Node | None:
        """One mask for the batch."""
        inside = place.inside(self._batch)
        return DropoutNode(layer.p, inside, self._rng, self._values.dtype)


class UnrolledKit:
    """All steps at once, by BPTT: (T * B, ...) arrays."""

    def __init__(
        self,
        values: Values,
        gradients: Values,
        batch: int,
        timesteps: int,
        surrogate: Surrogate,
        detach_reset: bool,
        rng: np.random.Generator,
    ):
        """Take parameters, room for gradients, batch size, T, psi, the reset, and a generator."""
        self._values = values
        self._gradients = gradients
        self._batch = batch
        self._timesteps = timesteps
        self._surrogate = surrogate
        self._detach_reset = detach_reset
        self._rng = rng

    def weights(self, place: Place, number: int, layer: WeightLayer) -> Node:
        """Weights, whose gradient uses what came in."""
        return WeightNode(number, layer, place.shape, self._values, self._gradients)

    def neurons(self, place: Place, layer: LIF, bias: Floats) -> Node:
        """Neurons through time."""
        return UnrolledLIF(layer, self._timesteps, self._surrogate, self._detach_reset)

    def readout(self, place: Place, layer: LI) -> Node:
        """A read-out through time."""
        return UnrolledLI(layer, self._timesteps)

    def low_pass(self, place: Place, layer: LowPass) -> Node:
        """A filter through time."""
        return UnrolledLowPass(layer, self._timesteps)

    def norm(self, layer: BatchNorm, values: NormValues, gradients: NormValues) -> Node:
        """Statistics of the batch over all steps."""
        return StatelessNode(NormOperator(layer, values, gradients))

    def dropout(self, place: Place, layer: Dropout) -> Node | None:
        """One mask for the batch."""
        inside = place.inside(self._batch)
        return DropoutNode(layer.p, inside, self._rng, self._values.dtype)
