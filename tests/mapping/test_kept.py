"""A map as a placement, and back."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip import hardware
from neurochip.mapping import map_network
from neurochip.network import Network

NETWORK = Network.mlp([20, 17, 9, 4])
CHIP = hardware.load("neurochip")


@pytest.mark.parametrize("placer", ["greedy", "traffic"])
@pytest.mark.parametrize("cut", [None, 4])
def test_a_placement_gives_the_same_map(placer: str, cut: int | None) -> None:
    mapped = map_network(NETWORK, CHIP, placer=placer, neurons_per_core=cut)
    again = map_network(NETWORK, CHIP, placer=mapped.placement)
    assert again.placement == mapped.placement
    assert np.array_equal(again.core, mapped.core)
    assert np.array_equal(again.used, mapped.used)
    assert all(np.array_equal(a, b) for a, b in zip(again.routes, mapped.routes, strict=True))


def test_what_a_placement_says() -> None:
    """Whole layers on cores 0, 1 and 2, as a file's rows would give them."""
    placement = map_network(NETWORK, CHIP).placement
    assert placement.bounds == [[0, 17], [0, 9], [0, 4]]
    assert placement.cores == [[0], [1], [2]]
