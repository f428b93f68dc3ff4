"""Plain arrays: typed, and the same as the map that they come from."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from neurochip.mapping import ChipMap, map_network
from neurochip.mapping.plain import Plain, plain
from neurochip.network import Network
from tests.mapping.nets import Matrices, chip, core_of_neurons, mapped_nets


@given(mapped_nets())
def test_arrays_are_int32_and_contiguous(case: tuple[ChipMap, Matrices]) -> None:
    for name, array in zip(Plain._fields, plain(case[0]), strict=True):
        assert array.dtype == np.int32, name
        assert array.flags.c_contiguous, name


def test_a_map_is_printed_in_a_line() -> None:
    mapped = map_network(Network.mlp([3, 4, 1]), chip(), neurons_per_core=2)
    assert repr(mapped) == "ChipMap(3 slices on 3 cores of hardware 'neurochip')"


@given(mapped_nets())
def test_slices_and_groups_cover_the_neurons(case: tuple[ChipMap, Matrices]) -> None:
    arrays = plain(case[0])
    homes = [core for population in core_of_neurons(case[0]) for core in population]
    assert np.repeat(arrays.group_core, np.diff(arrays.group_first)).tolist() == homes
    for first, last, core in zip(
        arrays.slice_first, arrays.slice_last, arrays.slice_core, strict=True
    ):
        assert homes[first:last] == [core] * (last - first)


@given(mapped_nets())
def test_groups_are_the_sums_of_their_routes(case: tuple[ChipMap, Matrices]) -> None:
    arrays = plain(case[0])
    for group, (start, end) in enumerate(
        zip(arrays.route_start[:-1], arrays.route_start[1:], strict=True)
    ):
        assert arrays.group_messages[group] == end - start
        assert arrays.group_hops_east_west[group] == arrays.route_hops_east_west[start:end].sum()
        assert arrays.group_hops_north_south[group] == sum(arrays.route_hops_north_south[start:end])


def test_an_example() -> None:
    """3 inputs to 4 neurons on 2 cores of one tile, which send to 1 in the next tile."""
    small = chip(cores=4, width=2, height=1).with_values({"limits.cores_per_tile": 2})
    arrays = plain(map_network(Network.mlp([3, 4, 1]), small, neurons_per_core=2))
    assert arrays.slice_first.tolist() == [3, 5, 7]
    assert arrays.slice_core.tolist() == [0, 1, 2]
    assert arrays.core_x.tolist() == [0, 0, 1, 1]
    assert arrays.core_y.tolist() == [0, 0, 0, 0]
    assert arrays.group_first.tolist() == [0, 3, 5, 7, 8]
    assert arrays.group_core.tolist() == [-1, 0, 1, 2]
    assert arrays.group_messages.tolist() == [2, 1, 1, 0]
    assert arrays.group_hops_east_west.tolist() == [0, 1, 1, 0]
    assert arrays.route_core.tolist() == [0, 1, 2, 2]
    assert arrays.route_synapses.tolist() == [[2, 0, 0], [2, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert arrays.route_words.tolist() == [1, 1, 1, 1]
