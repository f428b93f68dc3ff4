"""A network's layers as populations and projections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from neurochip.errors import LimitError
from neurochip.mapping.plan import in_chip_order
from neurochip.mapping.topology import (
    Convolution,
    Full,
    Ints,
    Population,
    Projection,
    Sparse,
    Topology,
    Wiring,
)
from neurochip.network import (
    LI,
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
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
from neurochip.network import Sparse as SparseLayer

#: Layers that change no connection: they are part of the weights, the neurons or the training.
_NEUTRAL = (BatchNorm, Dropout, Flatten, LowPass, Reshape, Scale)
_READOUT = "the read-out"
_Pool: TypeAlias = AvgPool | SumPool | AdaptiveAvgPool | Upsample


@dataclass(frozen=True)
class _Signal:
    """What weights read: a population, through pools and the like."""

    population: int
    shape: Shape
    wiring: Wiring | None = None


@dataclass(frozen=True)
class _Synapses:
    """Weights whose target isn't known yet."""

    signal: _Signal
    layer: WeightLayer | None
    shape: Shape


@dataclass(frozen=True)
class _Current:
    """What neurons read: the sum of some synapses."""

    synapses: tuple[_Synapses, ...]
    shape: Shape


_State: TypeAlias = _Signal | _Current


def describe(network: Network) -> Topology:
    """Return the populations and projections of a network.

    Residual blocks, feedback, pools and the like become projections too; a shortcut without
    weights is a synapse from each neuron to its like.

    Raises:
        LimitError: a pool lies between weights and neurons.
    """
    walk = _Walk(network.n_in)
    state: _State = _Signal(0, network.in_shape)
    after: list[_State] = []
    targets: list[int] = []
    for layer in network.layers:
        state = walk.through(layer, state)
        after.append(state)
        targets.append(len(walk.populations))
    if isinstance(state, _Current):
        walk.neurons(state)
    walk.populations[-1] = Population(_READOUT, walk.populations[-1].size)
    for feedback in network.feedback:
        back = after[feedback.source]
        shapes = (network.shapes[feedback.source], network.shapes[feedback.target])
        for layer in feedback.path:
            # Populations are in the chip's order, and listed synapses know nothing of maps.
            if isinstance(layer, SparseLayer):
                layer, _ = in_chip_order(layer, *shapes)
            back = walk.through(layer, back)
        if isinstance(back, _Current):
            walk.connect(back, targets[feedback.target])
    return Topology(tuple(walk.populations), tuple(walk.projections))


@dataclass
class _Walk:
    """Populations and projections so far."""

    n_in: int
    populations: list[Population] = field(init=False)
    projections: list[Projection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.populations = [Population("the input", self.n_in)]

    def through(self, layer: Layer, state: _State) -> _State:
        """What comes out of a layer."""
        shape = layer.out_shape(state.shape)
        if isinstance(layer, LIF | LI) and isinstance(state, _Current):
            return self.neurons(state)
        if isinstance(layer, Residual) and isinstance(state, _Signal):
            ways = (self.along(layer.body, state), self.along(layer.shortcut, state))
            synapses = [entry for way in ways for entry in _as_current(way).synapses]
            return _Current(tuple(synapses), shape)
        if isinstance(layer, _NEUTRAL):
            return _reshaped(state, shape)
        if isinstance(layer, WeightLayer) and isinstance(state, _Signal):
            return _Current((_Synapses(state, layer, shape),), shape)
        if isinstance(layer, _Pool) and isinstance(state, _Signal):
            wiring = _wiring(layer, state.shape, shape)
            both = wiring if state.wiring is None else state.wiring.then(wiring)
            return _Signal(state.population, shape, both)
        raise LimitError(
            f"the network has {type(layer).__name__} between weights and neurons, where no core "
            "can map it; put it after the neurons"
        )

    def along(self, layers: Sequence[Layer], state: _State) -> _State:
        """What comes out of some layers in a row."""
        for layer in layers:
            state = self.through(layer, state)
        return state

    def neurons(self, current: _Current) -> _Signal:
        """A population of neurons that a current drives."""
        number = len(self.populations)
        self.populations.append(Population(f"layer {number - 1}", math.prod(current.shape)))
        self.connect(current, number)
        return _Signal(number, current.shape)

    def connect(self, current: _Current, target: int) -> None:
        """Projections for all synapses of a current."""
        for entry in current.synapses:
            self.projections.append(self._projection(entry, target))

    def _projection(self, entry: _Synapses, target: int) -> Projection:
        signal, layer = entry.signal, entry.layer
        sizes = (self.populations[signal.population].size, math.prod(entry.shape))
        ends = (signal.population, target, *sizes, signal.wiring)
        if isinstance(layer, Dense):
            return Full(*ends)
        if isinstance(layer, Conv2d):
            window = (layer.kernel, layer.stride, layer.padding)
            return Convolution(*ends, signal.shape, entry.shape, *window)
        if isinstance(layer, SparseLayer):
            # The compiler is loaded where it's needed: --help needs no kernel.
            from neurochip.kernels.rows import transpose

            columns, sources = np.zeros(layer.n_out + 1, np.int64), np.empty_like(layer.targets)
            transpose(layer.offsets, layer.targets, columns, sources)
            return Sparse(*ends, columns, sources)
        n = sizes[1]
        return Sparse(*ends, np.arange(n + 1), np.arange(n, dtype=np.int32))


def _as_current(way: _State) -> _Current:
    """A way without weights hands each value on to one neuron."""
    if isinstance(way, _Current):
        return way
    return _Current((_Synapses(way, None, way.shape),), way.shape)


def _reshaped(state: _State, shape: Shape) -> _State:
    if isinstance(state, _Current):
        return _Current(state.synapses, shape)
    return _Signal(state.population, shape, state.wiring)


def _wiring(layer: _Pool, in_shape: Shape, out_shape: Shape) -> Wiring:
    """The pairs of a pool or of Upsample; neurons are numbered as `Convolution` numbers them."""
    channels = in_shape[0]
    rows = _pairs(layer, in_shape[1], out_shape[1])
    columns = _pairs(layer, in_shape[2], out_shape[2])
    source = _flat(rows[:, 0], columns[:, 0], channels, in_shape[2])
    cell = _flat(rows[:, 1], columns[:, 1], channels, out_shape[2])
    order = np.lexsort((cell, source))
    return Wiring(math.prod(in_shape), math.prod(out_shape), source[order], cell[order])


def _flat(rows: Ints, columns: Ints, channels: int, width: int) -> Ints:
    places = (rows[:, np.newaxis] * width + columns).ravel()
    numbers = places[:, np.newaxis] * channels + np.arange(channels)
    return numbers.ravel().astype(np.int32)


def _pairs(layer: _Pool, n_in: int, n_out: int) -> Ints:
    """(source, cell) along one side."""
    if isinstance(layer, Upsample):
        return np.array([(i // layer.factor, i) for i in range(n_out)], np.int32)
    if isinstance(layer, AvgPool | SumPool):
        side = layer.kernel
        return np.array([(i, i // side) for i in range(n_out * side)], np.int32)
    spans = ((i * n_in // n_out, -(-(i + 1) * n_in // n_out), i) for i in range(n_out))
    return np.array([(j, i) for low, high, i in spans for j in range(low, high)], np.int32)
