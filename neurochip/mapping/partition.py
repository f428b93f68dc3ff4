"""Cutting populations into slices, each small enough for one core."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurochip.errors import LimitError
from neurochip.hardware import Hardware
from neurochip.mapping.demand import (
    ACCUMULATORS,
    AXONS_IN,
    AXONS_OUT,
    NEURONS,
    PHRASES,
    RESOURCES,
    SYNAPSES,
    TRACES,
    Counts,
    Demand,
)
from neurochip.mapping.topology import Ints, Population, Topology

#: What helps a neuron that needs more than a core has. One neuron fits into any core.
_REMEDIES = {
    SYNAPSES: "make the layer below smaller, use narrower weights, or choose a larger chip",
    ACCUMULATORS: "make the layer below smaller, use narrower sums, or choose a larger chip",
    TRACES: "make the layer below smaller, use narrower traces, or choose a larger chip",
    AXONS_IN: "make the layer below smaller or choose a larger chip",
    AXONS_OUT: "spread the layers above over fewer cores or choose a larger chip",
}


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices of populations, sorted by population and first neuron. S of them, all int32.

    Attributes:
        population: (S,) number of the population, from 1.
        first: (S,) its first neuron, within the population.
        last: (S,) the neuron after its last.
        needs: (S, len(RESOURCES)) int64.
    """

    population: Ints
    first: Ints
    last: Ints
    needs: Counts

    def __len__(self) -> int:
        return self.first.size

    def of(self, population: int) -> slice:
        """Where the slices of a population lie."""
        low, high = np.searchsorted(self.population, [population, population + 1])
        return slice(int(low), int(high))


@dataclass(frozen=True)
class Partitioner:
    """Cuts populations for one chip.

    Attributes:
        topology: what is cut.
        demand: what synapses and traces take there.
        hardware: names the chip in errors.
        neurons_per_core: at most so many in a slice, if the chip has room for them.
    """

    topology: Topology
    demand: Demand
    hardware: Hardware
    neurons_per_core: int | None = None

    def cut(self, fan_out: Ints) -> Slices:
        """Cut every population into as few slices as fit.

        They are as even as they come where each gets a core of its own. Where slices have to share
        cores, all but the last of a population are as large as can be, which leaves more room.

        Args:
            fan_out: (N,) int32, messages that a spike of each neuron becomes, over all
                populations.

        Raises:
            LimitError: a single neuron needs more than a core has.
        """
        offsets = self.topology.offsets
        numbers = range(1, len(self.topology.populations))
        sent = [
            np.concatenate(([0], np.cumsum(fan_out[offsets[n] : offsets[n + 1]], dtype=np.int64)))
            for n in numbers
        ]
        bounds = [self._large(number, sums) for number, sums in zip(numbers, sent, strict=True)]
        if sum(len(cuts) - 1 for cuts in bounds) <= self.hardware.limits.cores.value:
            bounds = [self._even(*entry) for entry in zip(numbers, bounds, sent, strict=True)]
        slices = self.slices(bounds)
        sums = (np.diff(sums[cuts]) for sums, cuts in zip(sent, bounds, strict=True))
        slices.needs[:, AXONS_OUT] = np.concatenate(list(sums))
        return slices

    def slices(self, bounds: list[list[int]]) -> Slices:
        """Slices between the bounds 0 .. n of each population, the first after the inputs."""
        rows = [
            (number, first, last)
            for number, cuts in enumerate(bounds, start=1)
            for first, last in pairwise(cuts)
        ]
        table = np.array(rows, np.int32).reshape(-1, 3)
        needs = [self.demand.of_slice(self.topology, *row) for row in rows]
        return Slices(
            population=table[:, 0].copy(),
            first=table[:, 1].copy(),
            last=table[:, 2].copy(),
            needs=np.array(needs).reshape(-1, len(RESOURCES)),
        )

    def _large(self, number: int, sent: Counts) -> list[int]:
        """Bounds of slices of which each is as large as fits."""
        size = self.topology.populations[number].size
        bounds = [0]
        while bounds[-1] < size:
            bounds.append(self._end(number, bounds[-1], size, sent))
        return bounds

    def _even(self, number: int, bounds: list[int], sent: Counts) -> list[int]:
        """Bounds of as many slices of one size, if each fits; else the given ones."""
        size, count = bounds[-1], len(bounds) - 1
        even = [-(-size * k // count) for k in range(count + 1)]
        fits = even != bounds and all(
            self._fits(number, first, last, sent) for first, last in pairwise(even)
        )
        return even if fits else bounds

    def _end(self, number: int, first: int, size: int, sent: Counts) -> int:
        """Where the largest slice ends that begins at ``first`` and fits."""
        most = self.demand.limits[NEURONS]
        if self.neurons_per_core is not None:
            most = min(most, self.neurons_per_core)
        low, high = first + 1, min(size, first + int(most))
        if not self._fits(number, first, low, sent):
            self._refuse(number, first, sent)
        if self._fits(number, first, high, sent):
            return high
        while high - low > 1:  # low fits, high doesn't
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(number, first, middle, sent) else (low, middle)
        return low

    def _fits(self, number: int, first: int, last: int, sent: Counts) -> bool:
        return bool((self._need(number, first, last, sent) <= self.demand.ceilings).all())

    def _need(self, number: int, first: int, last: int, sent: Counts) -> Counts:
        need = self.demand.of_slice(self.topology, number, first, last)
        need[AXONS_OUT] = sent[last] - sent[first]
        return need

    def _refuse(self, number: int, neuron: int, sent: Counts) -> None:
        need = self._need(number, neuron, neuron + 1, sent)
        resource = int(np.argmax(need > self.demand.ceilings))
        population = self.topology.populations[number]
        raise LimitError(
            f"one neuron of {population.name} (neuron {neuron}) needs {need[resource]} "
            f"{PHRASES[resource]}, but a core of hardware {self.hardware.name!r} has "
            f"{self.demand.limits[resource]}; {_REMEDIES[resource]}"
        )


def refuse_full_core(
    core: int, held: list[Population], need: Counts, demand: Demand, hardware: Hardware
) -> None:
    """Raise LimitError where the slices of a core need more than it has."""
    over = need > demand.ceilings
    if not over.any():
        return
    resource = int(np.argmax(over))
    names = " and ".join(dict.fromkeys(population.name for population in held))
    raise LimitError(
        f"core {core} would hold {names} with {need[resource]} {PHRASES[resource]}, "
        f"but a core of hardware {hardware.name!r} has "
        f"{demand.limits[resource]}; spread them over more cores"
    )
