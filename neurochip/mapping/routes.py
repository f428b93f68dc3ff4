"""Where the spikes of every neuron go: arrays from which a kernel accounts core by core.

Neurons are numbered over all populations, inputs first. Consecutive neurons of one core whose
messages go to the same cores, and do the same there, are a group; in dense layers a group is a
slice. A step is accounted by counting the spikes of each group and multiplying.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.mapping.demand import Counts, Demand
from neurochip.mapping.partition import Slices
from neurochip.mapping.topology import KINDS, Ints, Topology

#: The place of the inputs, which are on no core.
OFF_CHIP = -1


class Routes(NamedTuple):
    """G groups of neurons and their R routes, each to one core; all int32.

    Group g holds the neurons ``first[g]`` .. ``first[g + 1] - 1`` and has the routes ``start[g]``
    .. ``start[g + 1] - 1``, sorted by core. Errors travel the same routes the other way.
    """

    first: Ints  # (G + 1,)
    source: Ints  # (G,) place of the group's core, OFF_CHIP for inputs
    start: Ints  # (G + 1,)
    target: Ints  # (R,) place of the core that a message goes to
    synapses: Ints  # (R, len(KINDS)) synapses that one message drives there, by kind
    words: Ints  # (R,) words of weights that it reads there

    @property
    def sizes(self) -> Ints:
        """Neurons in each group, (G,)."""
        return np.diff(self.first)

    @property
    def fan_out(self) -> Ints:
        """Messages that one spike of each group becomes, (G,)."""
        return np.diff(self.start)

    @property
    def group_of_route(self) -> Ints:
        """(R,) the group that each route belongs to."""
        return np.repeat(np.arange(self.source.size, dtype=np.int32), self.fan_out)


def find_routes(topology: Topology, slices: Slices, places: Ints, demand: Demand) -> Routes:
    """Follow every projection to the slices that it reaches.

    Args:
        topology: populations and projections.
        slices: of all populations.
        places: (S,) where each slice lies: a core, or any number that stands for one.
        demand: gives the width of synapses and words.
    """
    neuron, target, effect = _merged(*_followed(topology, slices, places, demand))
    n_neurons = int(topology.offsets[-1])
    start = np.searchsorted(neuron, np.arange(n_neurons + 1))
    homes = _homes(topology, slices, places)
    leads = _differ(start, target, effect)
    leads[topology.offsets[:-1]] = True
    leads[1:] |= homes[1:] != homes[:-1]
    first = np.flatnonzero(leads)
    counts = np.diff(start)[first]
    kept = np.repeat(leads, np.diff(start))
    return Routes(
        first=np.append(first, n_neurons).astype(np.int32),
        source=homes[first],
        start=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        target=target[kept],
        synapses=np.ascontiguousarray(effect[kept, : len(KINDS)]),
        words=np.ascontiguousarray(effect[kept, len(KINDS)]),
    )


def _followed(
    topology: Topology, slices: Slices, places: Ints, demand: Demand
) -> tuple[NDArray[np.int64], Ints, Ints]:
    """What a spike of one neuron does in one slice: neuron, place, synapses by kind and words."""
    neurons, targets, effects = [], [], []
    for projection in topology.projections:
        kind, own = KINDS.index(projection.kind), slices.of(projection.target)
        offset = topology.offsets[projection.source]
        ends = zip(slices.first[own].tolist(), slices.last[own].tolist(), strict=True)
        for (first, last), place in zip(ends, places[own], strict=True):
            cells = projection.cell_sizes(first, last)
            sizes = projection.row_sizes(cells)
            heard = np.flatnonzero(sizes)
            effect = np.zeros((heard.size, len(KINDS) + 1), np.int32)
            effect[:, kind] = sizes[heard]
            words = projection.row_words(cells, demand.synapse(projection.target), demand.word)
            effect[:, len(KINDS)] = words[heard]
            neurons.append(heard + offset)
            targets.append(np.full(heard.size, place, np.int32))
            effects.append(effect)
    return np.concatenate(neurons), np.concatenate(targets), np.concatenate(effects)


def _merged(
    neuron: NDArray[np.int64], target: Ints, effect: Ints
) -> tuple[NDArray[np.int64], Ints, Ints]:
    """Sort by neuron and place; what one neuron does at one place is one message."""
    order = np.lexsort((target, neuron))
    neuron, target, effect = neuron[order], target[order], effect[order]
    new = np.ones(neuron.size, np.bool_)
    new[1:] = (neuron[1:] != neuron[:-1]) | (target[1:] != target[:-1])
    begins = np.flatnonzero(new)
    return neuron[begins], target[begins], np.add.reduceat(effect, begins, axis=0, dtype=np.int32)


def _homes(topology: Topology, slices: Slices, places: Ints) -> Ints:
    """The place of every neuron, (N,) int32."""
    lengths = np.concatenate(([topology.populations[0].size], slices.last - slices.first))
    return np.repeat(np.concatenate(([OFF_CHIP], places)).astype(np.int32), lengths)


def _differ(start: NDArray[np.int64], target: Ints, effect: Ints) -> NDArray[np.bool_]:
    """Whether each neuron's routes differ from those of the neuron before it, (N,)."""
    counts = np.diff(start)
    differ = np.ones(counts.size, np.bool_)
    differ[1:] = counts[1:] != counts[:-1]
    # Where two neurons have equally many routes, each route's twin lies that many before it.
    owner = np.repeat(np.arange(counts.size), counts)
    route = np.flatnonzero(~differ[owner])
    twin = route - counts[owner[route]]
    other = (target[route] != target[twin]) | (effect[route] != effect[twin]).any(axis=1)
    differ[owner[route[other]]] = True
    return differ


def moved(routes: Routes, cores: Ints) -> Routes:
    """The same routes, with each place put on its core, (places,) int32."""
    home = np.where(routes.source == OFF_CHIP, OFF_CHIP, cores[routes.source]).astype(np.int32)
    target = cores[routes.target]
    order = np.lexsort((target, routes.group_of_route))
    return routes._replace(
        source=home,
        target=target[order],
        synapses=routes.synapses[order],
        words=routes.words[order],
    )


def sent_by_neuron(routes: Routes) -> Ints:
    """Messages that a spike of each neuron becomes, (N,) int32."""
    return np.repeat(routes.fan_out, routes.sizes)


def sent_by_place(routes: Routes, n_places: int) -> Counts:
    """Messages that each place sends when all its neurons fire, (n_places,) int64."""
    on_chip = routes.source != OFF_CHIP
    total = np.zeros(n_places, np.int64)
    np.add.at(total, routes.source[on_chip], (routes.fan_out * routes.sizes)[on_chip])
    return total


def heard_by_place(routes: Routes, n_places: int) -> Counts:
    """Source neurons that each place hears, (n_places,) int64."""
    total = np.zeros(n_places, np.int64)
    np.add.at(total, routes.target, routes.sizes[routes.group_of_route])
    return total


def messages(routes: Routes, n_places: int, rates: NDArray[np.int64]) -> tuple[Counts, Counts]:
    """Messages between places in a step, weighted by how often neurons fire.

    Args:
        routes: of all neurons.
        n_places: how many places there are.
        rates: (G,) int64 weight of a spike of each group's neurons.

    Returns:
        (n_places, n_places) int64 from place to place, and (n_places,) int64 from the inputs.
    """
    group = routes.group_of_route
    weight = (routes.sizes * rates)[group]
    source = routes.source[group]
    between = np.zeros((n_places, n_places), np.int64)
    on_chip = source != OFF_CHIP
    np.add.at(between, (source[on_chip], routes.target[on_chip]), weight[on_chip])
    outside = np.zeros(n_places, np.int64)
    np.add.at(outside, routes.target[~on_chip], weight[~on_chip])
    return between, outside
