"""A network as a chip holds it: what is planned, in which order, and what is refused."""

from __future__ import annotations

import re
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.errors import LimitError
from neurochip.mapping import Projection, loops_of, plan_of
from neurochip.mapping.describe import describe
from neurochip.mapping.plan import chip_order
from neurochip.mapping.topology import Sparse as ListedProjection
from neurochip.network import (
    LIF,
    AvgPool,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    Layer,
    LowPass,
    Network,
    Reshape,
    Scale,
    Sparse,
    SumPool,
    presets,
)


def test_an_mlp_is_dense_projections_as_they_stand() -> None:
    first, second = plan_of(Network.mlp([6, 5, 3]))
    assert (first.n_in, first.n_out, first.rows, first.columns) == (6, 5, 6, 5)
    assert (second.n_in, second.n_out, second.positions, second.area) == (5, 3, 1, 1)
    assert (first.neuron, second.neuron) == (LIF(), None)
    assert first.axon_order.tolist() == first.row_order.tolist() == list(range(6))


def test_convolutions_pools_and_what_follows() -> None:
    first, second, third, last = plan_of(Network.conv("15C5-P2-40C5-P2-300", (1, 28, 28), 10))
    assert (first.axons, first.neurons, first.positions) == ((1, 28, 28), (15, 24, 24), 576)
    assert (second.below, second.axons, second.neurons) == ((15, 24, 24), (15, 12, 12), (40, 8, 8))
    assert (second.pools, second.area, second.signal_fraction) == ((2,), 4, 2)
    assert (second.rows, second.columns, second.n_weights) == (375, 40, 15_000)
    assert (third.axons, third.n_in, third.n_out) == ((40, 4, 4), 640, 300)
    assert (third.signal_fraction, last.signal_fraction, last.pools) == (2, 0, ())


def test_two_pools_are_one_of_larger_squares() -> None:
    layers = (Conv2d(2, 3, 1), LIF(), AvgPool(2), SumPool(2, 0.5), Flatten(), Dense(3, 4))
    _, second = plan_of(Network(layers, 1, (2, 7, 5)))
    assert (second.axons, second.area, second.signal_fraction) == ((3, 1, 1), 16, 3)
    squares = second.squares().reshape(3, 7, 5)
    assert np.array_equal(squares[:, :4, :4], np.broadcast_to([[[0]], [[1]], [[2]]], (3, 4, 4)))
    assert (squares[:, 4:] == -1).all() and (squares[:, :, 4:] == -1).all()


def test_chip_order_brings_the_channels_of_a_place_together() -> None:
    network = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(
        network.ravel()[chip_order((2, 3, 4))], network.transpose(1, 2, 0).ravel()
    )


shapes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))


@given(shapes, st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_reads_and_products(
    shape: tuple[int, int, int], kernel: int, stride: int, padding: int, seed: int
) -> None:
    """Against the definition of a convolution, weight by weight."""
    kernel = min(kernel, min(shape[1:]) + 2 * padding)
    layer = Conv2d(shape[0], 2, kernel, stride, padding)
    projection = Projection(layer, shape, shape, layer.out_shape(shape))
    rng = np.random.default_rng(seed)
    delta = rng.integers(-9, 9, (2, *projection.neurons))
    factor = rng.integers(0, 9, (2, *shape))
    reads, wanted = np.zeros(shape, int), np.zeros(layer.weight_shape)
    _, height, width = projection.neurons
    for y, x, i, j in product(range(height), range(width), range(kernel), range(kernel)):
        v, h = stride * y + i - padding, stride * x + j - padding
        if 0 <= v < shape[1] and 0 <= h < shape[2]:
            reads[:, v, h] += 1
            for t in range(2):
                wanted[:, :, i, j] += np.outer(delta[t, :, y, x], factor[t, :, v, h])
    assert np.array_equal(projection.fan_out(), reads.ravel() * projection.columns)
    found = projection.products(delta.reshape(2, -1), factor.reshape(2, -1))
    assert np.array_equal(found, wanted)


def test_a_matrix_has_a_row_for_each_place_in_a_patch() -> None:
    projection = plan_of(Network.conv("4C3", (2, 5, 5), 3))[0]
    weights = np.arange(72.0).reshape(4, 2, 3, 3)
    matrix = projection.matrix(weights)
    assert matrix.shape == (18, 4)
    assert matrix[1 * 9 + 2 * 3 + 1, 3] == weights[3, 1, 2, 1]
    assert np.array_equal(projection.weights(matrix), weights)


CONV: tuple[Layer, ...] = (Conv2d(1, 2, 3), LIF())
TAIL: tuple[Layer, ...] = (Flatten(), Dense(18, 3))

REFUSED: dict[str, tuple[Network, str]] = {
    "sws": (
        presets.vgg_sws(plan=(4, 0, 6), in_shape=(3, 8, 8)),
        "layer 0 is a Conv2d with standardised weights (sws), which a chip lacks; fold them with "
        "reference.folded",
    ),
    "batch norm": (
        presets.vggsnn(plan=(4, 0, 6, 0), in_shape=(2, 8, 8)),
        "layer 1 is a BatchNorm, which a chip lacks; fold it into the weights with "
        "reference.folded",
    ),
    "low pass": (
        Network((LowPass(3.0), Dense(4, 3)), 2, (4,)),
        "layer 0 is a LowPass, which a chip lacks; use another network or train this one off the "
        "chip",
    ),
    "squares of nine": (
        Network((*CONV, AvgPool(3), Flatten(), Dense(8, 3)), 2, (1, 8, 8)),
        "layer 2 is an AvgPool that multiplies sums of 9 spikes by 0.111111, but a chip counts up "
        "to 256 spikes and shifts by a power of two; use AvgPool(2), AvgPool(4) or a convolution "
        "with a stride",
    ),
    "a factor of 1.1": (
        Network((*CONV, SumPool(2, 1.1), Flatten(), Dense(18, 3)), 2, (1, 8, 8)),
        "layer 2 is a SumPool that multiplies sums of 4 spikes by 1.1, but a chip counts up to 256 "
        "spikes and shifts by a power of two; use AvgPool(2), AvgPool(4) or a convolution with a "
        "stride",
    ),
    "a pool of the input": (
        Network((AvgPool(2), Flatten(), Dense(16, 3)), 2, (1, 8, 8)),
        "layer 0 is an AvgPool of numbers that aren't spikes, but a chip pools by counting spikes; "
        "put it after neurons, or pool the data",
    ),
    "a pool of currents": (
        Network((Conv2d(1, 2, 3), AvgPool(2), LIF(), *TAIL), 2, (1, 8, 8)),
        "layer 1 is an AvgPool of numbers that aren't spikes, but a chip pools by counting spikes; "
        "put it after neurons, or pool the data",
    ),
    "a convolution as the read-out": (
        Network((*CONV, Conv2d(2, 3, 6)), 2, (1, 8, 8)),
        "layer 2 is a Conv2d and the read-out, but a chip's read-out has a weight for each "
        "synapse; end the network with a Dense",
    ),
}


def looped(source: int, target: int, *path: Layer) -> Network:
    layers = (Dense(4, 3), LIF(), Dense(3, 3), LIF(), Dense(3, 2))
    return Network(layers, 2, (), (Feedback(source, target, path),))


LOOPS_REFUSED: dict[str, tuple[Network, str]] = {
    "a bias": (
        looped(1, 0, Dense(3, 3)),
        "feedback 0 from layer 1 to layer 0 leads through Dense, but on a chip spikes go beside "
        "the layers through one Dense or Sparse without bias and sws; use that",
    ),
    "other layers": (
        looped(1, 0, Scale(2.0), Dense(3, 3, bias=False)),
        "feedback 0 from layer 1 to layer 0 leads through Scale and Dense, but on a chip spikes go "
        "beside the layers through one Dense or Sparse without bias and sws; use that",
    ),
    "maps": (
        Network(
            (*CONV, Flatten(), Dense(72, 3), LIF()),
            2,
            (1, 8, 8),
            (Feedback(1, 0, (Conv2d(2, 2, 1, bias=False),)),),
        ),
        "feedback 0 from layer 1 to layer 0 leads through Conv2d, but on a chip spikes go beside "
        "the layers through one Dense or Sparse without bias and sws; use that",
    ),
}


@pytest.mark.parametrize(("network", "sentence"), LOOPS_REFUSED.values(), ids=LOOPS_REFUSED)
def test_what_comes_back_on_no_chip(network: Network, sentence: str) -> None:
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        loops_of(network)


def test_a_connection_up_is_listed_too() -> None:
    (loop,) = loops_of(looped(1, 2, Dense(3, 3, bias=False)))
    assert (loop.source, loop.target) == (0, 1)


def test_connections_of_maps_are_listed_in_the_chips_order() -> None:
    shape = (2, 1, 2)  # (channels, height, width); on a chip channels come last
    place = [0, 2, 1, 3]  # of the network's neurons 0 to 3
    synapses = Sparse.between([0, 1, 3], [2, 1, 0], 4, 4, bias=False)
    network = Network(
        (Conv2d(1, 2, 1), LIF(), Flatten(), Dense(4, 2)),
        2,
        (1, 1, 2),
        (Feedback(1, 0, (Flatten(), synapses, Reshape(shape))),),
    )
    (loop,) = loops_of(network)
    weights = np.array([10.0, 11.0, 12.0])
    pairs = zip(loop.layer.sources, loop.layer.targets, loop.listed(weights), strict=True)
    given = {(0, 2): 10.0, (1, 1): 11.0, (3, 0): 12.0}
    assert {(int(i), int(j)): w for i, j, w in pairs} == {
        (place[i], place[j]): w for (i, j), w in given.items()
    }
    assert (loop.weights(loop.listed(weights)) == weights).all()
    placed = describe(network).projections[-1]
    assert isinstance(placed, ListedProjection)
    heard = [placed.cells[first:last] for first, last in pairwise(placed.offsets)]
    assert {(int(i), j) for j, row in enumerate(heard) for i in row} == {
        (place[i], place[j]) for i, j in given
    }


def test_a_dense_way_back_lists_all_its_synapses() -> None:
    weights = np.arange(6.0).reshape(2, 3)  # (n_out, n_in)
    network = Network(
        (Dense(4, 2), LIF(), Dense(2, 3), LIF(), Dense(3, 2)),
        2,
        (),
        (Feedback(3, 0, (Dense(3, 2, bias=False),)),),
    )
    (loop,) = loops_of(network)
    assert (loop.source, loop.target) == (1, 0)
    assert loop.layer == Sparse.between([0, 0, 1, 1, 2, 2], [0, 1] * 3, 3, 2, bias=False)
    assert loop.listed(weights).tolist() == [0, 3, 1, 4, 2, 5]
    assert np.array_equal(loop.weights(loop.listed(weights)), weights)


def test_maps_of_several_channels_are_not_listed() -> None:
    layers = (*CONV, Flatten(), Sparse.random(72, 3, 0.5, 0))
    sentence = (
        "layer 3 is a Sparse above maps of several channels, which a chip keeps in another order; "
        "put a Dense there, or give the network flat inputs"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        plan_of(Network(layers, 2, (1, 8, 8)))


@pytest.mark.parametrize(("network", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_a_chip_lacks(network: Network, sentence: str) -> None:
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        plan_of(network)
