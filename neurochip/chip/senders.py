"""Who sends spikes on a mapped chip, in units that are counted together, and what a spike does.

Where one projection leaves a population, and its synapses aren't listed, neurons that go the same
ways are a unit, a group of the routes. Else every neuron is one: what its spike does differs from
its neighbours', and from projection to projection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.topology import Projection, Sparse
from neurochip.rules.feedback import FeedbackMode

Ints = NDArray[np.int64]

__all__ = ["Deliveries", "Units", "deliveries", "homes_of_errors", "homes_of_heard", "leaving"]
__all__ += ["units_of"]


class Units(NamedTuple):
    """The units of one population, in order.

    Attributes:
        first: (U + 1,) first neuron of each within the population, and the end.
        home: (U,) the core of each, `mapping.routes.OFF_CHIP` of inputs.
        single: whether each is one neuron.
    """

    first: Ints
    home: Ints
    single: bool


class Deliveries(NamedTuple):
    """What a spike of each unit drives: one row for each projection and core.

    Attributes:
        unit: (D,) who sends.
        core: (D,) where the synapses are.
        projection: (D,) number of the projection among those that leave the population.
        synapses: (D,) how many a spike drives.
        words: (D,) words of weights that it reads.
        carries: (D,) whether the message is charged here: one goes to a core, for all projections.
    """

    unit: Ints
    core: Ints
    projection: Ints
    synapses: Ints
    words: Ints
    carries: NDArray[np.bool_]


def leaving(chip_map: ChipMap, population: int) -> list[Projection]:
    """The projections that leave a population, that to the next one first, then by target."""
    own = [entry for entry in chip_map.topology.projections if entry.source == population]
    return sorted(own, key=lambda entry: (entry.target != population + 1, entry.target))


def units_of(chip_map: ChipMap, population: int) -> Units:
    """The units of a population; none where no projection leaves it."""
    out, routes = leaving(chip_map, population), chip_map.routes
    begin, end = chip_map.topology.offsets[population : population + 2].tolist()
    groups = slice(*np.searchsorted(routes.first, (begin, end)).tolist())
    single = len(out) > 1 or any(isinstance(entry, Sparse) for entry in out)
    if not out:
        return Units(np.zeros(1, np.int64), np.zeros(0, np.int64), single=False)
    first, home = routes.first[groups] - begin, routes.source[groups]
    if single:
        home = np.repeat(home, np.diff(np.append(first, end - begin)))
        first = np.arange(end - begin)
    return Units(np.append(first, end - begin).astype(np.int64), home.astype(np.int64), single)


def deliveries(chip_map: ChipMap, population: int, units: Units) -> Deliveries:
    """Follow the projections that leave a population to the slices that they reach."""
    demand, slices, rows = chip_map.demand, chip_map.slices, []
    n_cores = chip_map.hardware.limits.cores.value
    for number, projection in enumerate(leaving(chip_map, population)):
        own = slices.of(projection.target)
        ends = zip(slices.first[own].tolist(), slices.last[own].tolist(), strict=True)
        for (first, last), core in zip(ends, chip_map.core[own].tolist(), strict=True):
            cells = projection.cell_sizes(first, last)
            sizes = projection.row_sizes(cells)[units.first[:-1]]
            bits = demand.synapse(projection.target)
            words = projection.row_words(cells, bits, demand.word)[units.first[:-1]]
            heard = np.flatnonzero(sizes)
            columns = (heard, core, number, sizes[heard], words[heard])
            rows.append(np.stack(np.broadcast_arrays(*columns)).astype(np.int64))
    unit, core, number, synapses, words = np.concatenate(
        [np.zeros((5, 0), np.int64), *rows], axis=1
    )
    carries = np.zeros(unit.size, np.bool_)
    carries[np.unique(unit * n_cores + core, return_index=True)[1]] = True
    return Deliveries(unit, core, number, synapses, words, carries)


def homes_of_heard(
    chip_map: ChipMap, projection: Projection, spans: Iterable[tuple[int, int]], *, everyone: bool
) -> Ints:
    """Cores of the source neurons that slices of a projection's target hear, neuron by neuron.

    Errors come down to these neurons from the core of the slices.

    Args:
        chip_map: where neurons are.
        projection: whose source and target.
        spans: first neuron of each slice, and the one after its last.
        everyone: whether all source neurons are meant, heard or not, as in direct feedback.
    """
    own = chip_map.slices.of(projection.source)
    lengths = (chip_map.slices.last - chip_map.slices.first)[own]
    homes = np.repeat(chip_map.core[own], lengths).astype(np.int64)
    if everyone:
        return homes
    heard = np.zeros(homes.size, np.bool_)
    for first, last in spans:
        heard |= projection.row_sizes(projection.cell_sizes(first, last)) > 0
    return homes[heard]


def homes_of_errors(chip_map: ChipMap, layer: int, feedback: FeedbackMode) -> dict[int, Ints]:
    """Where the errors go that come down from a weight layer, by the core that sends them.

    Args:
        chip_map: where neurons are.
        layer: above hidden neurons, 1 or more.
        feedback: how errors come down.

    Returns:
        By each core that may have such errors: the cores of the neurons that it sends them to,
        neuron by neuron.
    """
    projection = leaving(chip_map, layer)[0]
    top = len(chip_map.topology.populations) - 1
    slices, direct = chip_map.slices, feedback == "direct"
    own = slices.of(top if direct else projection.target)
    cores = chip_map.core[own]
    spans = np.stack([slices.first[own], slices.last[own]], axis=1)
    return {
        core: homes_of_heard(chip_map, projection, spans[cores == core].tolist(), everyone=direct)
        for core in np.unique(cores).tolist()
    }
