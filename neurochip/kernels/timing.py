"""What the mesh carries in a phase, and the analytic time of a step, which needs counts alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.jit import kernel
from neurochip.kernels.mesh import Ints, Messages


class Routes(NamedTuple):
    """Who sends where: C cores, N neurons in G groups, R routes; all arrays of integers.

    Neurons of a group send the same messages. A core scans its neurons in the order given here.
    """

    first: Ints  # (C + 1,) core c scans neurons[first[c] : first[c + 1]]
    neurons: Ints  # (N,) neurons by core, in the order of the scan
    group: Ints  # (N,) group of each neuron
    start: Ints  # (G + 1,) group g has the routes start[g] : start[g + 1]
    target: Ints  # (R,) core that a route leads to
    receive: Ints  # (R,) ticks that this core works on a message: its base, and its words' time


class Outward(NamedTuple):
    """Ticks of the outward pipeline."""

    scan: Ints  # (N,) for every neuron
    fire: Ints  # (C,) for every neuron that sends, on top of that
    send: Ints  # (C,) for every message


@kernel
def count_messages(active, routes, first):  # type: ignore[no-untyped-def]
    """Write how many messages the active neurons become, (C + 1,), a running sum over the cores."""
    for core in range(first.size - 1):
        n = first[core]
        for k in range(routes.first[core], routes.first[core + 1]):
            neuron = routes.neurons[k]
            if active[neuron] != 0:
                group = routes.group[neuron]
                n += routes.start[group + 1] - routes.start[group]
        first[core + 1] = n


@kernel
def fill_messages(active, routes, outward, messages, neuron, route):  # type: ignore[no-untyped-def]
    """Write the messages, and the neuron and the route of each."""
    m = 0
    for core in range(messages.rest.size):
        worked = np.int64(0)
        for k in range(routes.first[core], routes.first[core + 1]):
            i = routes.neurons[k]
            worked += outward.scan[i]
            if active[i] == 0:
                continue
            worked += outward.fire[core]
            for r in range(routes.start[routes.group[i]], routes.start[routes.group[i] + 1]):
                messages.target[m], messages.receive[m] = routes.target[r], routes.receive[r]
                messages.work[m] = worked + outward.send[core]
                neuron[m], route[m] = i, r
                worked = np.int64(0)
                m += 1
        messages.rest[core] = worked


def emit(
    active: NDArray[np.generic], routes: Routes, outward: Outward
) -> tuple[Messages, Ints, Ints]:
    """The messages of one phase, in the order in which the cores' scans come to them.

    Args:
        active: (N,) integers or booleans, not 0 where a neuron has something to send: a spike of
            the forward phase, an error of the learning phase.
        routes: of the neurons.
        outward: ticks of neurons and cores.

    Returns:
        The messages, and the neuron and the route of each one, (M,).
    """
    first = np.zeros(routes.first.size, np.int64)
    count_messages(active, routes, first)
    target, work, receive, neuron, route = np.empty((5, first[-1]), np.int64)
    messages = Messages(first, target, work, receive, np.zeros(first.size - 1, np.int64))
    fill_messages(active, routes, outward, messages, neuron, route)
    return messages, neuron, route


@kernel
def add_up(counts, ticks, stage, spent, lasts, slowest, held_up):  # type: ignore[no-untyped-def]
    """Write what `analytic` returns."""
    for step in range(counts.shape[0]):
        for phase in range(counts.shape[1]):
            for core in range(counts.shape[2]):
                spent[:] = 0
                for event in range(ticks.size):
                    spent[stage[event]] += counts[step, phase, core, event] * ticks[event]
                for k in range(spent.size):
                    if spent[k] > lasts[step, phase]:
                        lasts[step, phase] = spent[k]
                        slowest[step, phase], held_up[step, phase] = core, k


def analytic(counts: Ints, ticks: Ints, stage: Ints, stages: int) -> tuple[Ints, Ints, Ints]:
    """How long each phase lasts if stages overlap perfectly and messages take no time on the way.

    A stage lasts the sum of its events times their ticks, a core as long as its longest stage, a
    phase as long as its slowest core. It's never longer than the passage of the same messages.

    Args:
        counts: (steps, phases, C, E) events.
        ticks: (E,) what one of each takes.
        stage: (E,) the stage that each event belongs to, 0 .. stages - 1.
        stages: how many there are.

    Returns:
        (steps, phases) int64 ticks, (steps, phases) the slowest core, the first of equals, and
        (steps, phases) the stage that held it up.
    """
    lasts, slowest, held_up = np.zeros((3, *counts.shape[:2]), np.int64)
    add_up(counts, ticks, stage, np.zeros(stages, np.int64), lasts, slowest, held_up)
    return lasts, slowest, held_up
