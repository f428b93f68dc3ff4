"""A network as a chip holds it: one projection a weight layer, refused where a chip can't.

Between two layers of neurons a chip has weights (dense, or shared by the positions of a
convolution), and before these a place that counts the spikes of a square, where the network pools.
A count n stands for n * 2^-signal_fraction: so the area of a pool's squares is a power of two.

A network's populations are in (channel, height, width) order, as are `Integers`, observations and
files; a chip's are in (height, width, channel) order, because then what an event of a convolution
reaches is contiguous. `chip_order` leads from one to the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neurochip.errors import LimitError
from neurochip.network import (
    LI,
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Feedback,
    Flatten,
    Layer,
    LowPass,
    Network,
    Reshape,
    Residual,
    Scale,
    Shape,
    Sparse,
    SumPool,
    WeightLayer,
)

Order: TypeAlias = NDArray[np.intp]
#: The same of numbers that may be in order already: then all of them.
AnyOrder: TypeAlias = Order | slice

#: A square has at most this many neurons: their count times an 8-bit weight fits 16 bits.
MAX_AREA = 256
#: What to do about layers that a chip lacks; train any other off the chip.
REMEDIES: dict[type[Layer], str] = {
    AdaptiveAvgPool: "use an AvgPool of the same squares",
    BatchNorm: "fold it into the weights with reference.folded",
    Dropout: "leave it out",
    Residual: "map what was trained with mapping.absorbed, as neurochip map does",
    Scale: "multiply the weights above it by its factor and leave it out",
}
ANY_REMEDY = "use another network or train this one off the chip"


@dataclass(frozen=True)
class Projection:
    """One weight layer with the neurons that it drives.

    Attributes:
        layer: Dense, Conv2d or Sparse.
        below: shape of the population below, (n,) or (channels, height, width).
        axons: shape of what the weights read: `below`, or what pools leave of it.
        neurons: shape of the population above.
        neuron: what is driven: LIF, LI, or None for a linear read-out.
        pools: sides of the squares of the pools in between, in order.
        signal_fraction: a spike count n of an axon stands for n * 2^-signal_fraction.
    """

    layer: WeightLayer
    below: Shape
    axons: Shape
    neurons: Shape
    neuron: LIF | LI | None = None
    pools: tuple[int, ...] = field(default=())
    signal_fraction: int = 0

    @property
    def n_in(self) -> int:
        """Number of axons."""
        return math.prod(self.axons)

    @property
    def n_out(self) -> int:
        """Number of neurons that are driven."""
        return math.prod(self.neurons)

    @property
    def rows(self) -> int:
        """Weights of one neuron: n_in, or c_in * kernel * kernel of a convolution."""
        return self.layer.fan_in

    @property
    def columns(self) -> int:
        """Neurons with weights of their own: n_out, or c_out of a convolution."""
        return self.layer.n_out

    @property
    def n_weights(self) -> int:
        """Number of weights; one that positions share counts once."""
        return math.prod(self.layer.weight_shape)

    @property
    def memory_shape(self) -> tuple[int, ...]:
        """Shape of the weights in `Integers`: (rows, columns), of listed synapses (synapses,)."""
        return self.layer.weight_shape if self.is_listed else (self.rows, self.columns)

    @property
    def is_listed(self) -> bool:
        """Whether the synapses are listed one by one."""
        return isinstance(self.layer, Sparse)

    @property
    def positions(self) -> int:
        """Neurons that share a weight: 1, or height * width of a convolution's output."""
        return self.n_out // self.columns

    @property
    def area(self) -> int:
        """Neurons of a square whose spikes an axon counts."""
        return math.prod(self.pools) ** 2

    @property
    def axon_order(self) -> Order:
        """`chip_order` of the axons."""
        return chip_order(self.axons)

    @property
    def neuron_order(self) -> Order:
        """`chip_order` of the neurons."""
        return chip_order(self.neurons)

    @property
    def row_order(self) -> Order:
        """`chip_order` of the rows of the weights."""
        if isinstance(self.layer, Conv2d):
            return chip_order((self.layer.c_in, self.layer.kernel, self.layer.kernel))
        return self.axon_order

    def matrix(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Weights as `Parameters` has them, (columns, ...), as a matrix (rows, columns).

        Listed weights stay a row, (synapses,).
        """
        if self.is_listed:
            return weights
        return weights.reshape(self.columns, self.rows).T

    def weights(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """What `matrix` was made of."""
        if self.is_listed:
            return matrix
        return np.ascontiguousarray(matrix.T).reshape(self.layer.weight_shape)

    def products(self, delta: NDArray[np.int64], factor: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum of delta x factor over steps, and over the positions that share a weight.

        Args:
            delta: errors of the neurons, (steps, n_out), in network order.
            factor: presynaptic factors, (steps, n_in), in network order.

        Returns:
            Exact numbers, float64, in the shape of the layer's weights.
        """
        layer = self.layer
        if isinstance(layer, Dense):
            return delta.T.astype(np.float64) @ factor
        if isinstance(layer, Sparse):
            return (delta.T.astype(np.float64) @ factor)[layer.targets, layer.sources]
        side, border = layer.kernel, layer.padding
        images = factor.reshape(-1, *self.axons).astype(np.float64)
        around = np.pad(images, ((0, 0), (0, 0), (border, border), (border, border)))
        patches = sliding_window_view(around, (1, 1, side, side))
        patches = patches[:, :, :: layer.stride, :: layer.stride, 0, 0]
        errors = delta.reshape(-1, *self.neurons).astype(np.float64)
        sums: NDArray[np.float64] = np.einsum("toyx,tcyxij->ocij", errors, patches, optimize=True)
        return sums

    def squares(self) -> NDArray[np.int32]:
        """For each neuron below, in network order, the axon that counts its spikes; -1 for none."""
        axons = np.arange(self.n_in, dtype=np.int32).reshape(self.axons)
        if not self.pools:
            return axons.ravel()
        side = math.prod(self.pools)
        whole = axons.repeat(side, axis=1).repeat(side, axis=2)
        missing = [(0, n - m) for n, m in zip(self.below, whole.shape, strict=True)]
        return np.pad(whole, missing, constant_values=-1).ravel()

    def fan_out(self) -> NDArray[np.int64]:
        """For each axon, in network order, how many synapses it has."""
        if isinstance(self.layer, Sparse):
            return self.layer.fan_out
        if isinstance(self.layer, Dense):
            return np.full(self.n_in, self.columns)
        sides = [
            _reads_of_side(self.layer, n, m)
            for n, m in zip(self.axons[1:], self.neurons[1:], strict=True)
        ]
        return np.tile(np.outer(*sides).ravel(), self.axons[0]) * self.columns


def chip_order(shape: Shape) -> Order:
    """Place j of a chip's population is place chip_order(shape)[j] of the network's."""
    places = np.arange(math.prod(shape)).reshape(shape)
    return places.ravel() if len(shape) == 1 else np.moveaxis(places, 0, -1).ravel()


def plan_of(network: Network) -> tuple[Projection, ...]:
    """One projection a weight layer, in the order of `Network.weight_layers`.

    Raises:
        LimitError: a chip can't hold one of the layers.
    """
    planned: list[Projection] = []
    before = shape = network.in_shape
    pools: tuple[int, ...] = ()
    fraction = 0
    for number, layer in enumerate(network.layers):
        name = f"layer {number} is {_with_article(type(layer).__name__)}"
        if isinstance(layer, WeightLayer):
            _check_weights(layer, name, shape, is_last=number == network.readout_index)
            flat = isinstance(layer, Dense | Sparse)
            above = layer.out_shape((math.prod(shape),) if flat else shape)
            planned.append(Projection(layer, before, shape, above, None, pools, fraction))
            before = shape = above
            pools, fraction = (), 0
        elif isinstance(layer, AvgPool | SumPool):
            is_spiking = bool(planned) and planned[-1].neuron is not None
            fraction += _pool_fraction(layer, name, is_spiking)
            pools, shape = (*pools, layer.kernel), layer.out_shape(shape)
        elif isinstance(layer, LIF | LI):
            planned[-1] = replace(planned[-1], neuron=layer)
        elif isinstance(layer, LowPass) and number > network.readout_index:
            continue  # filters what the host sums up
        elif not isinstance(layer, Flatten):
            remedy = REMEDIES.get(type(layer), ANY_REMEDY)
            raise LimitError(f"{name}, which a chip lacks; {remedy}")
    return tuple(planned)


@dataclass(frozen=True, eq=False)
class Loop:
    """A connection beside the layers, whose spikes arrive with those that come up.

    Back, they are of the step before; up, of the same step.

    Attributes:
        layer: its weights, as listed synapses (a Dense lists them all), in the chip's order.
        source: number of the weight layer whose neurons send.
        target: number of the weight layer whose neurons hear.
        weight_shape: shape of its weights in `Parameters`: (synapses,), or (n_out, n_in).
        order: synapse k is number order[k] of those in `Parameters`, raveled.
    """

    layer: Sparse
    source: int
    target: int
    weight_shape: Shape
    order: AnyOrder

    def listed(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Weights as `Parameters` has them in a row, (synapses,)."""
        listed: NDArray[Any] = weights.ravel()[self.order]
        return listed

    def weights(self, listed: NDArray[Any]) -> NDArray[Any]:
        """What `listed` was made of."""
        weights = np.empty_like(listed)
        weights[self.order] = listed
        return weights.reshape(self.weight_shape)


def loops_of(network: Network) -> tuple[Loop, ...]:
    """One loop a feedback, in their order.

    Raises:
        LimitError: a chip can't hold one of them.
    """
    return tuple(_loop(network, entry, k) for k, entry in enumerate(network.feedback))


def _loop(network: Network, feedback: Feedback, number: int) -> Loop:
    name = f"feedback {number} from layer {feedback.source} to layer {feedback.target}"
    paths = [layer for layer in feedback.path if not isinstance(layer, Flatten | Reshape)]
    layer = paths[0]
    if len(paths) != 1 or not isinstance(layer, Dense | Sparse) or layer.bias or layer.sws:
        raise LimitError(
            f"{name} leads through {' and '.join(type(p).__name__ for p in paths)}, but on a chip "
            f"spikes go beside the layers through one Dense or Sparse without bias and sws; use "
            f"that"
        )
    if not isinstance(network.layers[feedback.source], LIF):
        raise LimitError(
            f"{name} starts at a {type(network.layers[feedback.source]).__name__}, but on a chip "
            f"only spikes go beside the layers; start it at a LIF"
        )
    source, target = (
        sum(isinstance(k, WeightLayer) for k in network.layers[: end + 1]) - 1
        for end in (feedback.source, feedback.target)
    )
    shapes = (network.shapes[feedback.source], network.shapes[feedback.target])
    listed, order = in_chip_order(layer, *shapes)
    return Loop(listed, source, target, layer.weight_shape, order)


def in_chip_order(layer: Dense | Sparse, below: Shape, above: Shape) -> tuple[Sparse, AnyOrder]:
    """Synapses between a chip's places, listed.

    Args:
        layer: synapses between a network's neurons.
        below: shape of the population that sends.
        above: shape of the one that hears.

    Returns:
        The synapses, and of each its number among those of `layer`.
    """
    if isinstance(layer, Sparse) and len(below) == len(above) == 1:
        return (replace(layer, bias=False) if layer.bias else layer), slice(None)
    if isinstance(layer, Sparse):
        heard, reached = layer.sources, layer.targets
    else:
        reached, heard = (k.ravel() for k in np.indices(layer.weight_shape))
    place_below, place_above = (np.argsort(chip_order(shape)) for shape in (below, above))
    heard, reached = place_below[heard], place_above[reached]
    listed = Sparse.between(heard, reached, layer.n_in, layer.n_out, bias=False)
    return listed, np.lexsort((reached, heard))


def _check_weights(layer: WeightLayer, name: str, below: Shape, *, is_last: bool) -> None:
    if layer.sws:
        raise LimitError(
            f"{name} with standardised weights (sws), which a chip lacks; "
            f"fold them with reference.folded"
        )
    if isinstance(layer, Sparse) and len(below) > 1 and below[0] > 1:
        raise LimitError(
            f"{name} above maps of several channels, which a chip keeps in another order; put a "
            f"Dense there, or give the network flat inputs"
        )
    if is_last and isinstance(layer, Conv2d):
        raise LimitError(
            f"{name} and the read-out, but a chip's read-out has a weight for each synapse; "
            f"end the network with a Dense"
        )


def _pool_fraction(layer: AvgPool | SumPool, name: str, is_spiking: bool) -> int:
    if not is_spiking:
        raise LimitError(
            f"{name} of numbers that aren't spikes, but a chip pools by counting spikes; "
            f"put it after neurons, or pool the data"
        )
    fraction = -math.log2(layer.factor)
    if fraction != int(fraction) or fraction < 0 or layer.kernel**2 > MAX_AREA:
        raise LimitError(
            f"{name} that multiplies sums of {layer.kernel**2} spikes by {layer.factor:.6g}, but a "
            f"chip counts up to {MAX_AREA} spikes and shifts by a power of two; use AvgPool(2), "
            f"AvgPool(4) or a convolution with a stride"
        )
    return int(fraction)


def _reads_of_side(layer: Conv2d, n_in: int, n_out: int) -> NDArray[np.int64]:
    reads = np.zeros(n_in + 2 * layer.padding, np.int64)
    for position in range(n_out):
        reads[position * layer.stride : position * layer.stride + layer.kernel] += 1
    return reads[layer.padding : layer.padding + n_in]


def _with_article(name: str) -> str:
    return f"an {name}" if name.startswith("A") else f"a {name}"
