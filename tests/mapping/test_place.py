"""Placement: slices on cores, by order and by traffic."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurochip.hardware import Hardware
from neurochip.mapping import map_network
from neurochip.mapping.place import STARTS, by_traffic, tiles_of
from neurochip.mapping.utilisation import travel
from neurochip.network import Network
from tests.mapping.nets import CHIP, NETS, chip
from tests.naive.connections import hops

Messages = NDArray[np.int64]


def length(between: Messages, outside: Messages, core: list[int], hardware: Hardware) -> int:
    """Messages times hops, one pair of places after the other."""
    each, width = hardware.limits.cores_per_tile.value, hardware.mesh.width.value
    total = 0
    for a, here in enumerate(core):
        total += int(outside[a]) * sum(hops(0, here, each, width))
        for b, there in enumerate(core):
            total += int(between[a, b]) * sum(hops(here, there, each, width))
    return total


def line(cores: int) -> Hardware:
    """A row of tiles of one core each."""
    size = {"limits.cores": cores, "limits.cores_per_tile": 1}
    return CHIP.with_values({**size, "mesh.width": cores, "mesh.height": 1})


def test_tiles_are_numbered_along_the_rows() -> None:
    x, y = tiles_of(CHIP, np.array([0, 3, 4, 31, 32, 127], np.int32))
    assert x.tolist() == [0, 0, 1, 7, 0, 7]
    assert y.tolist() == [0, 0, 0, 0, 1, 3]


def test_greedy_takes_the_cores_in_order() -> None:
    mapped = map_network(Network.mlp([2, 12, 3]), CHIP, neurons_per_core=4)
    assert mapped.core.tolist() == [0, 1, 2, 3]


def test_traffic_brings_talkative_places_together() -> None:
    """Places 0 and 3 exchange 100 messages, and the inputs send 1 to place 0: on a line the two
    lie side by side, 0 at the port."""
    between = np.zeros((4, 4), np.int64)
    between[0, 3] = 100
    outside = np.array([1, 0, 0, 0])
    core = by_traffic(between, outside, line(4), seed=0)
    assert core[[0, 3]].tolist() == [0, 1]


@given(st.data())
def test_traffic_is_near_the_best_of_all_orders(data: st.DataObject) -> None:
    """On four cores, against all 24 orders; local exchanges need not find the very best."""
    n = data.draw(st.integers(1, 4))
    counts = st.lists(st.integers(0, 9), min_size=n * n, max_size=n * n)
    between = np.array(data.draw(counts), np.int64).reshape(n, n)
    outside = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), np.int64)
    hardware = line(4)
    core = by_traffic(between, outside, hardware, seed=1).tolist()
    lengths = [length(between, outside, list(p), hardware) for p in permutations(range(4), n)]
    assert len(set(core)) == n
    assert length(between, outside, core, hardware) <= 1.25 * min(lengths)


def searched(between: Messages, outside: Messages, hardware: Hardware, seed: int) -> list[int]:
    """The same search in plain Python: every pair of cores tried, the first of the best taken."""
    n, cores = len(outside), hardware.limits.cores.value
    random = np.random.default_rng(seed)
    starts = [list(range(cores)), *(random.permutation(cores).tolist() for _ in range(STARTS - 1))]
    ends = []
    for core in starts:
        best = length(between, outside, core[:n], hardware)
        while True:
            tried = []
            for i, j in combinations(range(cores), 2):
                other = list(core)
                other[i], other[j] = core[j], core[i]
                tried.append((length(between, outside, other[:n], hardware), i, j, other))
            shortest = min(tried)
            if shortest[0] >= best:
                break
            best, *_, core = shortest
        ends.append((best, core))
    return min(ends, key=lambda end: end[0])[1][:n]


@given(st.data())
@settings(max_examples=15)
def test_traffic_searches_as_plain_python_does(data: st.DataObject) -> None:
    """On 3 tiles of two cores, of which the last has one; some cores may stay empty."""
    hardware = chip(cores=5, width=3, height=1, cores_per_tile=2)
    n = data.draw(st.integers(1, 5))
    counts = st.lists(st.integers(0, 9), min_size=n * n, max_size=n * n)
    between = np.array(data.draw(counts), np.int64).reshape(n, n)
    outside = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), np.int64)
    seed = data.draw(st.integers(0, 9))
    expected = searched(between, outside, hardware, seed)
    assert by_traffic(between, outside, hardware, seed).tolist() == expected


@pytest.mark.parametrize("name", sorted(NETS))
def test_traffic_never_travels_further_than_greedy(name: str) -> None:
    for seed in range(3):
        greedy, traffic = (
            map_network(NETS[name][0], chip(), placer=placer, neurons_per_core=4, seed=seed)
            for placer in ("greedy", "traffic")
        )
        assert travel(traffic)[0] == travel(greedy)[0]
        assert travel(traffic)[1] <= travel(greedy)[1]


def test_traffic_saves_hops_on_a_chip_of_many_cores() -> None:
    net = Network.mlp([784, 800, 10])
    greedy, traffic = (
        map_network(net, CHIP, placer=placer, neurons_per_core=50)
        for placer in ("greedy", "traffic")
    )
    assert travel(traffic)[1] <= 0.75 * travel(greedy)[1]


def test_the_same_seed_gives_the_same_cores() -> None:
    net = NETS["convolutional"][0]
    first, again = (
        map_network(net, chip(), placer="traffic", neurons_per_core=9, seed=5) for _ in range(2)
    )
    assert first.core.tolist() == again.core.tolist()


def test_rates_weigh_messages() -> None:
    """Of two slices below, on a line of cores, silent inputs don't draw the layer to the port."""
    net, hardware = Network.mlp([6, 8, 3]), line(8)
    loud = map_network(net, hardware, placer="traffic", neurons_per_core=2, rates=[1.0, 0.0])
    assert max(loud.core[:4].tolist()) == 3
    still = map_network(net, hardware, placer="traffic", neurons_per_core=2, rates=[0.0, 1.0])
    first, read_out = still.core[:4], still.core[4:]
    assert (
        abs(first[:, np.newaxis] - read_out).sum()
        < abs(loud.core[:4][:, np.newaxis] - np.array([6, 7])).sum()
    )
