"""Events of one step, core by core, from which neurons did what: the plain form of the accounting.

Counts are (cores, len(EVENTS)) int64 in the order of `neurochip.hardware.EVENTS`. What travels (a
message, its hops) is counted at the core that it reaches; inputs are sent by nobody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurochip.hardware import EVENTS
from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.routes import OFF_CHIP
from neurochip.mapping.topology import Full, Projection, Sparse

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

_COLUMN = {name: number for number, name in enumerate(EVENTS)}
#: The events of one synapse, by kind as in `mapping.topology.KINDS`.
_SYNAPSES = (
    "synaptic_operation",
    "synaptic_operation_sparse",
    "synaptic_operation_convolution",
)


def no_events(chip_map: ChipMap) -> Counts:
    """Zeros, (cores, len(EVENTS))."""
    return np.zeros((chip_map.hardware.limits.cores.value, len(EVENTS)), np.int64)


def count_inference(chip_map: ChipMap, sends: Flags, active: Flags) -> Counts:
    """Events of a step's phases 1 to 3: messages, synapses, neurons.

    Args:
        chip_map: where neurons are and spikes go.
        sends: (N,) neurons that fire, and inputs that aren't zero.
        active: (N,) as `active` finds them; of the inputs it isn't read.
    """
    everyone = np.ones_like(sends)
    return count_spikes(chip_map, sends) + count_neurons(chip_map, sends, active, everyone)


def count_spikes(chip_map: ChipMap, sends: Flags) -> Counts:
    """Events of messages and synapses, phases 1 and 2; ``sends`` as in `count_inference`."""
    counts = no_events(chip_map)
    routes = chip_map.routes
    fired = _by_group(chip_map, sends)
    messages = fired[routes.group_of_route]
    on_chip = routes.source != OFF_CHIP
    _add(counts, "message_out", routes.source[on_chip], (fired * routes.fan_out)[on_chip])
    _add_travel(chip_map, counts, "message_in", messages)
    for kind, event in enumerate(_SYNAPSES):
        _add(counts, event, routes.target, messages * routes.synapses[:, kind])
    _add(counts, "word_read", routes.target, messages * routes.words)
    return counts


def count_neurons(chip_map: ChipMap, fires: Flags, active: Flags, scanned: Flags) -> Counts:
    """Events of neurons, phase 3.

    Args:
        chip_map: where neurons are.
        fires: (N,) scanned neurons that fire.
        active: (N,) scanned neurons that are active.
        scanned: (N,) neurons that are looked at; of the inputs none of the three is read.
    """
    counts = no_events(chip_map)
    n_active = _by_slice(chip_map, active)
    _add(counts, "neuron_active", chip_map.core, n_active)
    _add(counts, "neuron_inactive", chip_map.core, _by_slice(chip_map, scanned) - n_active)
    _add(counts, "neuron_fired", chip_map.core, _by_slice(chip_map, fires))
    return counts


def active(chip_map: ChipMap, sends: Flags, before: Flags, holds: Flags) -> Flags:
    """Neurons with something to update, (N,): those that hold something, and those that a spike
    reaches, through synapses that lead back from the step before.

    Args:
        chip_map: whose synapses are all of one neuron and another, without pools or convolutions.
        sends: (N,) neurons that fire, and inputs that aren't zero.
        before: (N,) the same of the step before.
        holds: (N,) neurons with a bias or a membrane, before the reset, that isn't zero.
    """
    found = holds.copy()
    for projection in chip_map.topology.projections:
        own = found[_range(chip_map, projection.target)]
        spikes = before if projection.target <= projection.source else sends
        if not own.all():
            own |= _reached(projection, spikes[_range(chip_map, projection.source)])
    return found


def _reached(projection: Projection, spikes: Flags) -> Flags:
    """Target neurons that one of the spikes (n_source,) reaches, (n_target,)."""
    if not isinstance(projection, Sparse):
        return np.full(projection.n_target, spikes.any())
    heard = np.concatenate(([0], np.cumsum(spikes[projection.cells])))
    reached: Flags = np.diff(heard[projection.offsets]) > 0
    return reached


def count_traces(chip_map: ChipMap, changes: Flags) -> Counts:
    """Events of phase 4: each core that hears a neuron keeps a trace of it.

    Args:
        chip_map: where spikes go.
        changes: (N,) neurons whose trace isn't zero before or after the step.
    """
    counts = no_events(chip_map)
    routes = chip_map.routes
    changed = _by_group(chip_map, changes)[routes.group_of_route]
    _add(counts, "trace_update", routes.target, changed)
    return counts


def count_transport(chip_map: ChipMap, deltas: Flags) -> Counts:
    """Events of phase 6 between dense layers, by the weights themselves.

    A core whose neurons have errors reads the rows of all source neurons below backwards and sends
    each of them its sum, as one message to the neuron's core.

    Args:
        chip_map: where neurons are; its routes are travelled backwards.
        deltas: (N,) neurons whose error isn't zero.
    """
    counts = no_events(chip_map)
    for projection in _learned(chip_map):
        if projection.source == 0:
            continue
        own = chip_map.slices.of(projection.target)
        columns = _by_slice(chip_map, deltas)[own]
        rows = np.where(columns > 0, projection.n_source, 0)
        core = chip_map.core[own]
        _add(counts, "error_operation", core, rows * columns)
        _add(counts, "word_read", core, rows * _row_words(chip_map, projection))
    _add_errors(chip_map, counts, deltas)
    return counts


def _add_errors(chip_map: ChipMap, counts: Counts, deltas: Flags) -> None:
    """Messages from each core with errors of a layer to all hidden neurons below that layer."""
    routes = chip_map.routes
    source = routes.source[routes.group_of_route]
    population = np.searchsorted(chip_map.topology.offsets, routes.first[:-1], side="right") - 1
    sent = np.zeros(source.size, np.int64)
    for projection in _learned(chip_map):
        own = chip_map.slices.of(projection.target)
        has_errors = np.zeros(len(counts), np.int64)
        np.add.at(has_errors, chip_map.core[own], _by_slice(chip_map, deltas)[own])
        goes = population[routes.group_of_route] == projection.source
        goes &= (source != OFF_CHIP) & (has_errors[routes.target] > 0)
        sent += np.where(goes, routes.sizes[routes.group_of_route], 0)
    _add(counts, "error_message", routes.target, sent)
    home = np.where(source == OFF_CHIP, 0, source)
    _add(counts, "message_in", home, sent)
    _add(counts, "spike_in_tile", home, sent)
    for event, hops in zip(("hop_east_west", "hop_north_south"), chip_map.hops(), strict=True):
        _add(counts, event, home, sent * hops)


def count_update(chip_map: ChipMap, factors: Flags, deltas: Flags) -> Counts:
    """Events of phase 7 in dense layers: rows with a factor are read, changed where a neuron has an
    error, and written.

    Args:
        chip_map: where weights are.
        factors: (N,) neurons whose presynaptic factor isn't zero.
        deltas: (N,) neurons whose error isn't zero.
    """
    counts = no_events(chip_map)
    for projection in _learned(chip_map):
        own = chip_map.slices.of(projection.target)
        columns = _by_slice(chip_map, deltas)[own]
        rows = np.count_nonzero(factors[_range(chip_map, projection.source)])
        words = rows * _row_words(chip_map, projection) * (columns > 0)
        core = chip_map.core[own]
        _add(counts, "synaptic_update", core, rows * columns)
        for event in ("word_read", "learning_word", "word_written"):
            _add(counts, event, core, words)
    return counts


def count_accumulation(chip_map: ChipMap, factors: Flags, deltas: Flags) -> Counts:
    """Events of phase 7 where products are summed beside the weights: as `count_update`, on words
    of the accumulators.
    """
    counts = no_events(chip_map)
    bits = chip_map.hardware.registers.gradient.bits.value
    for projection in _learned(chip_map):
        own = chip_map.slices.of(projection.target)
        columns = _by_slice(chip_map, deltas)[own]
        rows = np.count_nonzero(factors[_range(chip_map, projection.source)])
        words = rows * _row_words(chip_map, projection, bits) * (columns > 0)
        core = chip_map.core[own]
        _add(counts, "synaptic_update", core, rows * columns)
        for event in ("word_read", "word_written"):
            _add(counts, event, core, words)
    return counts


def count_application(chip_map: ChipMap, factors: Flags, deltas: Flags) -> Counts:
    """Events of a sample's end, where sums change the weights: rows with a sum are read beside
    their accumulators, and both are written, those with zeros.

    Args:
        chip_map: where weights are.
        factors: (T, N) as in `count_update`, in every step.
        deltas: (T, N) the same.
    """
    counts = no_events(chip_map)
    bits = chip_map.hardware.registers.gradient.bits.value
    first, last = chip_map.neurons
    for projection in _learned(chip_map):
        x = factors[:, _range(chip_map, projection.source)].astype(np.float32)
        for place in np.flatnonzero(chip_map.slices.population == projection.target):
            d = deltas[:, first[place] : last[place]].astype(np.float32)
            summed = x.T @ d > 0
            rows = np.count_nonzero(summed.any(axis=1))
            size = int(last[place] - first[place])
            weights = rows * _words(chip_map, size, chip_map.demand.synapse)
            sums = rows * _words(chip_map, size, bits)
            core = chip_map.core[place]
            counts[core, _COLUMN["synaptic_update"]] += np.count_nonzero(summed)
            counts[core, _COLUMN["learning_word"]] += weights
            counts[core, _COLUMN["word_read"]] += weights + sums
            counts[core, _COLUMN["word_written"]] += weights + sums
    return counts


def _learned(chip_map: ChipMap) -> list[Full]:
    """The projections that a chip can learn: `mapping.check_supported` admits no others."""
    return [entry for entry in chip_map.topology.projections if isinstance(entry, Full)]


def _row_words(chip_map: ChipMap, projection: Projection, bits: int | None = None) -> Counts:
    """Words of one row in each slice of a dense projection's target; of weights if not given."""
    own = chip_map.slices.of(projection.target)
    sizes = (chip_map.slices.last - chip_map.slices.first)[own].astype(np.int64)
    words: Counts = -(-sizes * (bits or chip_map.demand.synapse) // chip_map.demand.word)
    return words


def _words(chip_map: ChipMap, size: int, bits: int) -> int:
    return -(-size * bits // chip_map.demand.word)


def _add_travel(chip_map: ChipMap, counts: Counts, arrival: str, messages: Counts) -> None:
    target = chip_map.routes.target
    _add(counts, arrival, target, messages)
    _add(counts, "spike_in_tile", target, messages)
    for event, hops in zip(("hop_east_west", "hop_north_south"), chip_map.hops(), strict=True):
        _add(counts, event, target, messages * hops)


def _range(chip_map: ChipMap, population: int) -> slice:
    offsets = chip_map.topology.offsets
    return slice(int(offsets[population]), int(offsets[population + 1]))


def _by_group(chip_map: ChipMap, flags: Flags) -> Counts:
    return np.add.reduceat(flags, chip_map.routes.first[:-1], dtype=np.int64)


def _by_slice(chip_map: ChipMap, flags: Flags) -> Counts:
    first, _ = chip_map.neurons
    return np.add.reduceat(flags, first, dtype=np.int64)


def _add(counts: Counts, event: str, cores: NDArray[np.int32], amounts: NDArray[np.int64]) -> None:
    np.add.at(counts[:, _COLUMN[event]], cores, amounts)
