"""Routes: what a spike of any neuron does at each core, against synapses written out one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from neurochip.mapping import ChipMap, map_network
from neurochip.mapping.routes import OFF_CHIP, Routes
from neurochip.mapping.topology import KINDS
from tests.mapping.nets import Matrices, chip, core_of_neurons, mapped_nets, mlp
from tests.naive import connections as naive


def expanded(routes: Routes) -> list[dict[int, list[int]]]:
    """For each neuron: the synapses by kind that it drives on each core that it reaches."""
    reached = []
    for group in range(routes.source.size):
        span = slice(routes.start[group], routes.start[group + 1])
        cores, synapses = routes.target[span].tolist(), routes.synapses[span].tolist()
        assert cores == sorted(set(cores))
        reached += [dict(zip(cores, synapses, strict=True))] * int(routes.sizes[group])
    return reached


def written_out(mapped: ChipMap, matrices: Matrices) -> list[dict[int, list[int]]]:
    homes, populations = core_of_neurons(mapped), mapped.topology.populations
    reached: list[dict[int, list[int]]] = []
    for source, population in enumerate(populations):
        for neuron in range(population.size):
            here: dict[int, list[int]] = {}
            for (pre, post, kind), matrix in matrices.items():
                if pre == source:
                    for core, n in naive.driven(matrix, homes[post], neuron).items():
                        here.setdefault(core, [0] * len(KINDS))[kind] += n
            reached.append(here)
    return reached


@given(mapped_nets())
def test_routes_are_those_of_the_synapses(case: tuple[ChipMap, Matrices]) -> None:
    mapped, matrices = case
    assert expanded(mapped.routes) == written_out(mapped, matrices)


@given(mapped_nets())
def test_groups_lie_on_one_core_each(case: tuple[ChipMap, Matrices]) -> None:
    mapped, _ = case
    routes = mapped.routes
    homes = [core for population in core_of_neurons(mapped) for core in population]
    of_groups = np.repeat(routes.source, routes.sizes).tolist()
    assert of_groups == homes
    assert routes.first[0] == 0
    assert routes.first[-1] == len(homes)
    assert (routes.sizes > 0).all()


@given(mapped_nets())
def test_neighbouring_groups_differ(case: tuple[ChipMap, Matrices]) -> None:
    """Else a step would be counted in more parts than need be."""
    mapped, _ = case
    routes, reached = mapped.routes, expanded(mapped.routes)
    starts = set(mapped.topology.offsets.tolist())
    for group in range(1, routes.source.size):
        neuron = int(routes.first[group])
        if neuron not in starts and routes.source[group] == routes.source[group - 1]:
            same = reached[neuron] == reached[neuron - 1]
            words = [
                routes.words[routes.start[g] : routes.start[g + 1]].tolist()
                for g in (group - 1, group)
            ]
            assert not same or words[0] != words[1]


@given(mapped_nets())
def test_hops_are_steps_between_tiles(case: tuple[ChipMap, Matrices]) -> None:
    mapped, _ = case
    hardware, routes = mapped.hardware, mapped.routes
    each, width = hardware.limits.cores_per_tile.value, hardware.mesh.width.value
    east_west, north_south = mapped.hops()
    for route, group in enumerate(routes.group_of_route):
        home = max(0, int(routes.source[group]))  # inputs enter at core 0
        assert (routes.source[group] == OFF_CHIP) == (group < np.sum(routes.source == OFF_CHIP))
        wanted = naive.hops(home, int(routes.target[route]), each, width)
        assert (east_west[route], north_south[route]) == wanted


def test_dense_layers_have_a_group_a_slice() -> None:
    mapped = map_network(mlp(7, 9, 4)[0], chip(), neurons_per_core=4)
    assert mapped.routes.source.tolist() == [OFF_CHIP, 0, 1, 2, 3]
    assert mapped.routes.first.tolist() == [0, 7, 10, 13, 16, 20]
    assert mapped.routes.fan_out.tolist() == [3, 1, 1, 1, 0]
