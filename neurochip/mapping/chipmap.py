"""A network on a chip: slices on cores, and the routes between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import Hardware
from neurochip.mapping import place
from neurochip.mapping.demand import AXONS_IN, AXONS_OUT, RESOURCES, TRACES, Counts, Demand
from neurochip.mapping.describe import describe
from neurochip.mapping.limits import check_epoch
from neurochip.mapping.manual import Manual, read_placement
from neurochip.mapping.partition import Partitioner, Slices, refuse_full_core
from neurochip.mapping.routes import (
    OFF_CHIP,
    Routes,
    find_routes,
    heard_by_place,
    messages,
    moved,
    sent_by_neuron,
    sent_by_place,
)
from neurochip.mapping.topology import Ints, Topology
from neurochip.mapping.widths import CHIP_WIDTHS, Widths
from neurochip.network import Network
from neurochip.rules import OTTT

#: Rounds of cutting, after each of which the messages of the slices are known better.
_ROUNDS = 8
#: Spikes a neuron and step are weighed in these parts, so that placing is done in integers.
_RATE_ONE = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class ChipMap:
    """Which core holds what, and where spikes go.

    Attributes:
        hardware: the chip.
        topology: the network's populations and projections.
        slices: parts of populations, each on one core.
        core: (S,) int32 core of each slice.
        routes: where the spikes of all neurons go, by cores.
        used: (cores, len(RESOURCES)) int64, what each core of the chip holds.
        demand: what synapses and traces take, and what a core has room for.
    """

    hardware: Hardware
    topology: Topology
    slices: Slices
    core: Ints
    routes: Routes
    used: Counts
    demand: Demand

    def __repr__(self) -> str:
        return (
            f"ChipMap({len(self.slices)} slices on {np.unique(self.core).size} cores of hardware "
            f"{self.hardware.name!r})"
        )

    @property
    def limits(self) -> Counts:
        """(len(RESOURCES),) int64, what a core has room for; -1 where unknown."""
        return self.demand.limits

    @property
    def placement(self) -> Manual:
        """Where everything is, as the file of a placement says it."""
        slices = self.slices
        own = [slices.of(number) for number in range(1, len(self.topology.populations))]
        return Manual(
            [[0, *slices.last[part].tolist()] for part in own],
            [self.core[part].tolist() for part in own],
        )

    @property
    def n_tiles(self) -> int:
        """Tiles with a core that holds neurons: they take part in the barrier."""
        tiles = self.core // self.hardware.limits.cores_per_tile.value
        return int(np.unique(tiles).size)

    @property
    def neurons(self) -> tuple[Ints, Ints]:
        """First and last neuron of each slice in the numbering of all populations, (S,) each."""
        offset = self.topology.offsets[self.slices.population]
        return self.slices.first + offset, self.slices.last + offset

    def hops(self) -> tuple[Ints, Ints]:
        """Hops of each route east or west, and north or south, (R,) int32 each.

        Inputs enter at the tile of core 0.
        """
        source = self.routes.source[self.routes.group_of_route]
        x0, y0 = place.tiles_of(self.hardware, np.where(source == OFF_CHIP, place.PORT, source))
        x1, y1 = place.tiles_of(self.hardware, self.routes.target)
        return abs(x1 - x0), abs(y1 - y0)


def map_network(
    network: Network | Topology,
    hardware: Hardware,
    rule: OTTT | None = None,
    *,
    placer: str | Path | Manual = "greedy",
    neurons_per_core: int | None = None,
    rates: Sequence[float] | None = None,
    seed: int = 0,
    widths: Widths = CHIP_WIDTHS,
) -> ChipMap:
    """Spread a network over the cores of a chip; every limit is checked here.

    Args:
        network: what is mapped.
        hardware: the chip.
        rule: how it learns, which takes memory; None: it only infers.
        placer: "greedy" (in order), "traffic" (few hops), the path of a placement, or what such a
            file says.
        neurons_per_core: at most so many neurons in a slice; slices share cores where there are
            more of them.
        rates: spikes a neuron and step of each population, inputs first, by which the
            traffic-aware placer weighs messages; 1 each if None.
        seed: of that placer.
        widths: of single layers.

    Raises:
        LimitError: something doesn't fit.
        ConfigError: the placement's file is damaged, the placer is none, or the number of neurons
            isn't a whole one of 1 or more.
    """
    _check_arguments(placer, neurons_per_core)
    if isinstance(network, Network) and rule is not None:
        check_epoch(network, hardware, rule)
    topology = describe(network) if isinstance(network, Network) else network
    demand = Demand.of(hardware, rule, widths)
    _check_fan_in(topology, hardware)
    partitioner = Partitioner(topology, demand, hardware, neurons_per_core)
    if isinstance(placer, Manual):
        return _manual(partitioner, placer)
    if isinstance(placer, Path) or placer not in place.PLACERS:
        return _manual(partitioner, read_placement(placer, topology, hardware))
    slices, places, routes = _cut(partitioner)
    cores = np.arange(int(places.max()) + 1, dtype=np.int32)
    if placer == "traffic":
        weights = _weights(topology, routes, rates)
        cores = place.by_traffic(*messages(routes, cores.size, weights), hardware, seed)
    return _mapped(partitioner, slices, cores[places], moved(routes, cores))


def check_room(
    chip_map: ChipMap, network: Network, rule: OTTT, widths: Widths = CHIP_WIDTHS
) -> None:
    """Raise LimitError where a map made for one rule has no room for what another one keeps.

    Args:
        chip_map: of the network.
        network: what is learned.
        rule: the other one, whose accumulators and traces would lie beside the weights.
        widths: of single layers.
    """
    demand = Demand.of(chip_map.hardware, rule, widths)
    partitioner = Partitioner(chip_map.topology, demand, chip_map.hardware)
    try:
        check_epoch(network, chip_map.hardware, rule)
        slices = partitioner.slices(chip_map.placement.bounds)
        _mapped(partitioner, slices, chip_map.core, chip_map.routes)
    except LimitError as error:
        raise LimitError(f"update {rule.update!r} doesn't fit this map: {error}") from None


def _check_arguments(placer: Any, neurons_per_core: Any) -> None:
    if not isinstance(placer, str | Path | Manual):
        raise ConfigError(
            f"placer is {placer!r}; it must be {' or '.join(map(repr, place.PLACERS))}, the path "
            f"of a placement, or a mapping.Manual"
        )
    if neurons_per_core is None:
        return
    if isinstance(neurons_per_core, bool) or not isinstance(neurons_per_core, Integral):
        raise ConfigError(f"neurons_per_core is {neurons_per_core!r}; it must be a whole number")
    if int(neurons_per_core) < 1:
        raise ConfigError(f"neurons_per_core is {neurons_per_core}; it must be 1 or more")


def _cut(partitioner: Partitioner) -> tuple[Slices, Ints, Routes]:
    """Cut until no core sends more messages than it can; places stand for cores."""
    topology, demand = partitioner.topology, partitioner.demand
    fan_out = np.zeros(int(topology.offsets[-1]), np.int32)
    for _ in range(_ROUNDS):
        slices = partitioner.cut(fan_out)
        places = place.pack(topology, slices, demand, partitioner.hardware)
        routes = find_routes(topology, slices, places, demand)
        sent = sent_by_place(routes, int(places.max()) + 1)
        if (sent <= demand.ceilings[AXONS_OUT]).all():
            break
        # Slices only shrink from here, so that each round sends to as many cores or more.
        fan_out = np.maximum(fan_out, sent_by_neuron(routes))
        fan_out[: topology.offsets[1]] = 0
    return slices, places, routes


def _manual(partitioner: Partitioner, manual: Manual) -> ChipMap:
    core = np.array([core for cores in manual.cores for core in cores], np.int32)
    slices = partitioner.slices(manual.bounds)
    routes = find_routes(partitioner.topology, slices, core, partitioner.demand)
    return _mapped(partitioner, slices, core, routes)


def _mapped(partitioner: Partitioner, slices: Slices, core: Ints, routes: Routes) -> ChipMap:
    """The map of slices on cores, once each core is found to have room."""
    topology, demand = partitioner.topology, partitioner.demand
    hardware = partitioner.hardware
    used = np.zeros((hardware.limits.cores.value, len(RESOURCES)), np.int64)
    np.add.at(used, core, slices.needs)
    # Slices of one core share their axons and traces.
    used[:, AXONS_IN] = heard_by_place(routes, len(used))
    used[:, TRACES] = used[:, AXONS_IN] * demand.trace
    used[:, AXONS_OUT] = sent_by_place(routes, len(used))
    for number in np.flatnonzero((used > demand.ceilings).any(axis=1)):
        held = [topology.populations[k] for k in slices.population[core == number]]
        refuse_full_core(int(number), held, used[number], demand, hardware)
    return ChipMap(hardware, topology, slices, core, routes, used, demand)


def _weights(topology: Topology, routes: Routes, rates: Sequence[float] | None) -> Counts:
    """How much a spike of each group weighs, in parts of _RATE_ONE."""
    if rates is None:
        return np.ones(routes.source.size, np.int64)
    given = np.zeros(len(topology.populations))
    given[: len(rates)] = rates
    population = np.searchsorted(topology.offsets, routes.first[:-1], side="right") - 1
    weights: Counts = np.round(given[population] * _RATE_ONE).astype(np.int64)
    return weights


def _check_fan_in(topology: Topology, hardware: Hardware) -> None:
    most = hardware.limits.fan_in.value
    for number, population in enumerate(topology.populations[1:], start=1):
        fan_in = sum(entry.fan_in for entry in topology.into(number))
        if fan_in > most:
            raise LimitError(
                f"{population.name} has a fan-in of {fan_in}, but a neuron of hardware "
                f"{hardware.name!r} hears at most {most}; make the layer below smaller or choose a "
                "larger chip"
            )
