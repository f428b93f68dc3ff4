"""Messages over links: by hand, against walking messages, and against the hops of all routes."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurochip.mapping import ChipMap, map_network
from neurochip.mapping.links import EAST, NORTH, SOUTH, WEST, link_traffic
from neurochip.mapping.routes import sent_by_neuron
from neurochip.network import Network
from tests.mapping.nets import Matrices, chip, core_of_neurons, mapped_nets
from tests.naive import links as naive

STEPS = {EAST: (1, 0), WEST: (-1, 0), NORTH: (0, 1), SOUTH: (0, -1)}


def test_by_hand() -> None:
    """Tiles of one core, 2 x 2: 1 input at tile 0, 2 neurons on cores 0 and 1, 2 on 2 and 3.

    The input sends 5 times to core 0, which crosses nothing, and 5 to core 1: east. Core 0's neuron
    sends 3 times to core 2 (north) and to core 3 (east, then north). Core 1's neuron sends 2 times
    to core 2 (west, then north) and to core 3 (north).
    """
    small = chip(cores=4, width=2, height=2, cores_per_tile=1)
    mapped = map_network(Network.mlp([1, 2, 2]), small, neurons_per_core=1)
    links = link_traffic(mapped, [5, 3, 2, 9, 9])
    assert links[EAST].tolist() == [[8, 0], [0, 0]]
    assert links[WEST].tolist() == [[0, 2], [0, 0]]
    assert links[NORTH].tolist() == [[5, 5], [0, 0]]
    assert not links[SOUTH].any()


@given(mapped_nets(), st.integers(0, 2**32 - 1))
def test_like_messages_that_walk(case: tuple[ChipMap, Matrices], seed: int) -> None:
    mapped, matrices = case
    sent = np.random.default_rng(seed).integers(0, 9, mapped.topology.offsets[-1])
    links = link_traffic(mapped, sent)
    seen = Counter(
        {
            ((x, y), (x + STEPS[way][0], y + STEPS[way][1])): int(links[way, y, x])
            for way, y, x in zip(*np.nonzero(links), strict=True)
        }
    )
    by_population = [part.tolist() for part in np.split(sent, mapped.topology.offsets[1:-1])]
    mesh, each = mapped.hardware.mesh, mapped.hardware.limits.cores_per_tile.value
    walked = naive.traffic(matrices, core_of_neurons(mapped), by_population, mesh.width.value, each)
    assert seen == walked
    fired = np.repeat(sent, sent_by_neuron(mapped.routes))
    across, along = mapped.hops()
    group = np.repeat(np.arange(mapped.routes.source.size), mapped.routes.sizes)
    by_group = np.bincount(group, sent, mapped.routes.source.size)
    messages = by_group[mapped.routes.group_of_route]
    assert fired.sum() == messages.sum()
    assert links[[EAST, WEST]].sum() == (messages * across).sum()
    assert links[[NORTH, SOUTH]].sum() == (messages * along).sum()
