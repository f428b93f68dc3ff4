"""Emission of a phase's messages, in plain Python."""

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
