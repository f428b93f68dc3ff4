"""Populations and projections: what becomes of each layer."""

from __future__ import annotations

import re

import pytest

from neurochip.errors import LimitError
from neurochip.mapping.describe import describe
from neurochip.mapping.topology import Wiring
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
    LowPass,
    Network,
    Scale,
    Upsample,
    presets,
)
from neurochip.network.layers import Layer
from tests.mapping.nets import NETS


def between(layer: Layer, shape: tuple[int, ...]) -> Wiring:
    """The wiring of a layer between neurons of this shape and a read-out."""
    c, h, w = shape
    n_out = 1
    for side in layer.out_shape(shape):
        n_out *= side
    net = Network((Conv2d(1, c, 1), LIF(), layer, Flatten(), Dense(n_out, 2)), 4, (1, h, w))
    wiring = describe(net).projections[-1].wiring
    assert wiring is not None
    return wiring


def test_names_and_sizes() -> None:
    populations = describe(Network.mlp([3, 8, 6, 4])).populations
    assert [p.name for p in populations] == ["the input", "layer 0", "layer 1", "the read-out"]
    assert [p.size for p in populations] == [3, 8, 6, 4]


def test_layers_of_training_connect_nothing() -> None:
    plain = describe(Network((Dense(4, 6), LIF(), Dense(6, 2)), 4))
    layers = (Dense(4, 6), BatchNorm(6), LIF(), LowPass(2.0), Dropout(0.5), Scale(2.0), Dense(6, 2))
    dressed = describe(Network((*layers, LI()), 4))
    assert dressed.populations == plain.populations
    assert [(p.source, p.target) for p in dressed.projections] == [(0, 1), (1, 2)]
    assert all(p.wiring is None for p in dressed.projections)


@pytest.mark.parametrize("name", sorted(NETS))
def test_projections_are_those_written_out(name: str) -> None:
    net, matrices = NETS[name]
    kinds = ("dense", "sparse", "convolution")
    found = {(p.source, p.target, kinds.index(p.kind)): p for p in describe(net).projections}
    assert found.keys() == matrices.keys()
    for key, matrix in matrices.items():
        sizes = found[key].row_sizes(found[key].cell_sizes(0, len(matrix)))
        assert sizes.tolist() == [sum(row[i] for row in matrix) for i in range(len(matrix[0]))]


def test_pools_and_upsampling_wire_squares() -> None:
    """A 4 x 4 map in squares of 2: neuron (y, x) feeds cell (y // 2, x // 2)."""
    pool = between(AvgPool(2), (1, 4, 4))
    assert (pool.n_source, pool.n_cells) == (16, 4)
    wanted = [(4 * y + x, 2 * (y // 2) + x // 2) for y in range(4) for x in range(4)]
    assert list(zip(pool.source.tolist(), pool.cell.tolist(), strict=True)) == wanted
    # 3 places in 2 areas: the middle one lies in both.
    areas = between(AdaptiveAvgPool(2), (1, 3, 3))
    assert [areas.source.tolist().count(i) for i in range(9)] == [1, 2, 1, 2, 4, 2, 1, 2, 1]
    up = between(Upsample(2), (1, 2, 2))
    assert (up.n_source, up.n_cells) == (4, 16)
    assert up.cell.size == 16
    assert set(up.cell.tolist()) == set(range(16))


def test_pools_in_a_row_are_one_wiring() -> None:
    layers = (Conv2d(1, 1, 1), LIF(), AvgPool(2), AvgPool(2), Flatten(), Dense(4, 2))
    wiring = describe(Network(layers, 4, (1, 8, 8))).projections[-1].wiring
    assert wiring is not None
    wanted = [(8 * y + x, 2 * (y // 4) + x // 4) for y in range(8) for x in range(8)]
    assert list(zip(wiring.source.tolist(), wiring.cell.tolist(), strict=True)) == wanted


def test_a_pool_of_currents_is_refused() -> None:
    layers = (Conv2d(1, 2, 3), AvgPool(2), LIF(), Flatten(), Dense(8, 2))
    with pytest.raises(
        LimitError,
        match="^"
        + re.escape(
            "the network has AvgPool between weights and neurons, where no core can map it; put it "
            "after the neurons"
        )
        + "$",
    ):
        describe(Network(layers, 4, (1, 6, 6)))


def test_networks_of_the_papers() -> None:
    vgg_f = describe(presets.vgg_f())
    assert (vgg_f.projections[-1].source, vgg_f.projections[-1].target) == (8, 1)
    for net in (presets.vgg_sws(), presets.vggsnn(), presets.resnet19()):
        topology = describe(net)
        assert [p.size for p in topology.populations] == list(net.sizes)
