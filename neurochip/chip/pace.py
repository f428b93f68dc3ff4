"""What a meter's time is made of: the pipelines that work on each event, and the least of each way.

A core has two pipelines, as in `chip.cycle`: the outward one scans neurons, reads rows backwards,
sends, and does all that is done at home; the inward one takes up what others sent, and in inference
reads its weights. The way itself takes no core's time, but no core can read before it: its lead is
that of the first message that could come, from the nearest core that sends in a phase.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.meter import INFERENCE, PHASES, TICKS_PER_NANOSECOND, Ints
from neurochip.hardware import EVENTS, Hardware, cost_table, link_table
from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.place import PORT, tiles_of

__all__ = ["INWARD", "SYNAPSES", "WAY", "tables", "ticks_of", "worked"]

#: What a synapse of each kind counts as, in the order of `mapping.topology.KINDS`.
SYNAPSES = ("synaptic_operation", "synaptic_operation_sparse", "synaptic_operation_convolution")
#: Events of messages between cores.
WAY = ("spike_in_tile", "hop_east_west", "hop_north_south")
_READS = (*SYNAPSES, "word_read")
#: What one neuron does at least until its spike is on its way.
_SPIKE = ("neuron_active", "neuron_fired", "message_out")
_PIPELINES = 2

Flags: TypeAlias = NDArray[np.bool_]
Cores: TypeAlias = NDArray[np.int32]


def _inward() -> Flags:
    inward = np.zeros((len(PHASES), len(EVENTS)), np.bool_)
    inward[:, EVENTS.index("message_in")] = True
    inward[INFERENCE, [EVENTS.index(name) for name in _READS]] = True
    return inward


_IS_WAY = np.array([name in WAY for name in EVENTS])
#: Whether the inward pipeline works on an event, by phase, (phases, len(EVENTS)).
INWARD = _inward()


def tables(
    chip_map: ChipMap, effects: NDArray[np.int32], n_counters: int, *, direct: bool
) -> dict[str, Ints]:
    """The arrays of a `kernels.meter.Meter` that are about time; what is unknown takes none.

    Args:
        chip_map: where everything is.
        effects: what counters do, as `Meter.effects`.
        n_counters: how many there are.
        direct: whether errors come from the read-out to all layers.
    """
    cores, place = np.unique(effects[:, 3], return_inverse=True)
    _, phase, _, _, event, amount = effects.T
    place = place.ravel() + cores.size * INWARD[phase, event]
    place += _PIPELINES * cores.size * (phase > INFERENCE)
    pipelines = _PIPELINES * 2 * cores.size
    keys, where = np.unique(effects[:, 0].astype(np.int64) * pipelines + place, return_inverse=True)
    sums = np.zeros(keys.size, np.int64)
    ticks = np.array(list(ticks_of(chip_map.hardware).values())) * ~_IS_WAY
    np.add.at(sums, where.ravel(), amount * ticks[event])
    keys, sums = keys[sums != 0], sums[sums != 0]
    counter = keys // max(pipelines, 1)
    return {
        "start": np.searchsorted(counter, np.arange(n_counters + 1)),
        "place": keys % max(pipelines, 1),
        "ticks": sums,
        "work": np.zeros(pipelines, np.int64),
        "leads": _leads(chip_map, cores, direct=direct).ravel(),
    }


def ticks_of(hardware: Hardware) -> dict[str, int]:
    """Ticks of every event, in the order of `EVENTS`; 0 where unknown."""
    ns = np.nan_to_num(cost_table(hardware).time)
    ticks: Ints = np.round(ns * TICKS_PER_NANOSECOND).astype(np.int64)
    return dict(zip(EVENTS, ticks.tolist(), strict=True))


def worked(counts: Ints) -> Ints:
    """Counts, (..., len(EVENTS)), of the events that cores work on, 0 of those on the way."""
    return counts * ~_IS_WAY


def _leads(chip_map: ChipMap, cores: Cores, *, direct: bool) -> Ints:
    """Least ticks from a phase's start to a message at each core, (2 L + 1, C).

    Rows are the L + 1 populations that send spikes, the weight layers but the first, whose errors
    come down, and phases of which nothing is known.
    """
    ticks, slices = ticks_of(chip_map.hardware), chip_map.slices
    n_layers = len(chip_map.topology.populations) - 1
    homes = [np.unique(chip_map.core[slices.of(own)]) for own in range(1, n_layers + 1)]
    leads = np.zeros((2 * n_layers + 1, cores.size), np.int64)
    leads[0] = _way(chip_map.hardware, np.array([PORT], np.int32), cores)
    for population, own in enumerate(homes, start=1):
        sent = sum(ticks[event] for event in _SPIKE)
        leads[population] = sent + _way(chip_map.hardware, own, cores)
    for number in range(1, n_layers):
        above = homes[-1] if direct else homes[number]
        leads[n_layers + number] = ticks["error_message"] + _way(chip_map.hardware, above, cores)
    return leads


def _way(hardware: Hardware, starts: Cores, ends: Cores) -> Ints:
    """Ticks of the way from the nearest of some cores to each of others."""
    ticks = ticks_of(hardware)
    entry = float(np.nan_to_num(link_table(hardware).router_entry))
    x0, y0 = (of[:, np.newaxis].astype(np.int64) for of in tiles_of(hardware, starts))
    x1, y1 = tiles_of(hardware, ends)
    hops = abs(x1 - x0) * ticks["hop_east_west"] + abs(y1 - y0) * ticks["hop_north_south"]
    both: Ints = hops.min(axis=0) + ticks["spike_in_tile"] + round(entry * TICKS_PER_NANOSECOND)
    return both
