"""What the mesh carries in a phase, and the analytic time of a step, which needs counts alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
    """Ticks of the outward pipeline, by core, (C,)."""

    scan: Ints  # for every neuron
    fire: Ints  # for every active neuron, on top of that
    send: Ints  # for every message


@kernel
def count_messages(active, routes):  # type: ignore[no-untyped-def]
    """Messages that the active neurons become, (C + 1,) running sum over the cores."""
    first = np.zeros(routes.first.size, np.int64)
    for core in range(first.size - 1):
        n = first[core]
        for k in range(routes.first[core], routes.first[core + 1]):
            neuron = routes.neurons[k]
            if active[neuron] != 0:
                group = routes.group[neuron]
                n += routes.start[group + 1] - routes.start[group]
        first[core + 1] = n
    return first


@kernel
def emit(active, routes, outward):  # type: ignore[no-untyped-def]
    """The messages of one phase, in the order in which the cores' scans come to them.

    Args:
        active: (N,) integers or booleans, not 0 where a neuron has something to send: a spike of
            the forward phase, an error of the learning phase.
        routes: a `Routes`.
        outward: an `Outward`.

    Returns:
        A `neurochip.kernels.mesh.Messages`, and the neuron and the route of each message, (M,).
    """
    first = count_messages(active, routes)
    cores, n = first.size - 1, first[-1]
    target, work = np.empty(n, np.int64), np.empty(n, np.int64)
    receive, rest = np.empty(n, np.int64), np.zeros(cores, np.int64)
    neuron, route = np.empty(n, np.int64), np.empty(n, np.int64)
    m = 0
    for core in range(cores):
        worked = np.int64(0)
        for k in range(routes.first[core], routes.first[core + 1]):
            i = routes.neurons[k]
            worked += outward.scan[core]
            if active[i] == 0:
                continue
            worked += outward.fire[core]
            for r in range(routes.start[routes.group[i]], routes.start[routes.group[i] + 1]):
                target[m], receive[m] = routes.target[r], routes.receive[r]
                work[m] = worked + outward.send[core]
                neuron[m], route[m] = i, r
                worked = np.int64(0)
                m += 1
        rest[core] = worked
    return Messages(first, target, work, receive, rest), neuron, route


@kernel
def analytic(counts, ticks, stage, stages):  # type: ignore[no-untyped-def]
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
    shape = counts.shape[:2]
    lasts = np.zeros(shape, np.int64)
    slowest, held_up = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    spent = np.zeros(stages, np.int64)
    for step in range(shape[0]):
        for phase in range(shape[1]):
            for core in range(counts.shape[2]):
                spent[:] = 0
                for event in range(ticks.size):
                    spent[stage[event]] += counts[step, phase, core, event] * ticks[event]
                for k in range(stages):
                    if spent[k] > lasts[step, phase]:
                        lasts[step, phase] = spent[k]
                        slowest[step, phase], held_up[step, phase] = core, k
    return lasts, slowest, held_up
