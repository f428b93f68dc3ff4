"""Emission of a phase's messages and the analytic time of a step, in plain Python."""

from __future__ import annotations


def emitted(active, cores, targets, scan, fire, send):
    """(target, work, receive) of each core's messages, and its rest.

    ``cores`` lists the neurons of each core in the order of the scan; ``targets[i]`` lists (core,
    receive) of neuron i; ``scan`` is of neurons, ``fire`` and ``send`` are of cores.
    """
    sends, rests = [], []
    for number, neurons in enumerate(cores):
        own, since = [], 0
        for i in neurons:
            since += scan[i]
            if active[i]:
                since += fire[number]
                for target, receive in targets[i]:
                    own.append((target, since + send[number], receive))
                    since = 0
        sends.append(own)
        rests.append(since)
    return sends, rests


def slowest(counts, ticks, stage):
    """Ticks of a phase, given the events of each core: its slowest core's longest stage."""
    return max(
        (
            sum(n * t for n, t, s in zip(core, ticks, stage, strict=True) if s == k)
            for core in counts
            for k in set(stage)
        ),
        default=0,
    )
