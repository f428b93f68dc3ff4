"""What a meter's time is made of: the pipelines that work on each event, and the least of each way.

A core has two pipelines, as in `chip.cycle`: the outward one scans neurons, reads rows backwards,
sends, and does all that is done at home; the inward one takes up what others sent, and in inference
reads its weights. The way itself takes no core's time, but no core can read before it: its lead is
that of the first message that could come, from the nearest core that sends in a phase.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.meter import INFERENCE, PHASES, TICKS_PER_NANOSECOND, Ints
from neurochip.hardware import EVENTS, Hardware, cost_table, link_table
from neurochip.kernels import ledger as ledgers
from neurochip.kernels.ledger import Ledger
from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.place import PORT, tiles_of

__all__ = ["INWARD", "SYNAPSES", "WAY", "Moments", "Priced", "ledger_of", "ticks_of", "worked"]

#: What a synapse of each kind counts as, in the order of `mapping.topology.KINDS`.
SYNAPSES = ("synaptic_operation", "synaptic_operation_sparse", "synaptic_operation_convolution")
#: Events of messages between cores.
WAY = ("spike_in_tile", "hop_east_west", "hop_north_south")
_READS = (*SYNAPSES, "word_read")
#: What one neuron does at least until its spike is on its way.
_SPIKE = ("neuron_active", "neuron_fired", "message_out")

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


class Moments(NamedTuple):
    """When a counter counts, as a number: 0 .. L, the spikes of a population and all that its
    neurons do before them; `errors` + l, errors that come down from weight layer l; and two more.
    """

    n_layers: int

    @property
    def errors(self) -> int:
        """Errors that come down from weight layer 0, if they did."""
        return self.n_layers + 1

    @property
    def traces(self) -> int:
        """Traces are updated."""
        return 2 * self.n_layers + 1

    @property
    def updates(self) -> int:
        """Weights change."""
        return 2 * self.n_layers + 2

    @property
    def at_once(self) -> int:
        """All that is inference, in a schedule whose layers work at the same time."""
        return 2 * self.n_layers + 3

    def kind_of(self, moment: int) -> int:
        """Whether its phase is inference or learning, as a ledger says it."""
        is_inference = moment <= self.n_layers or moment == self.at_once
        return ledgers.INFERENCE_TICKS if is_inference else ledgers.LEARNING_TICKS

    def lead_of(self, moment: int) -> int:
        """The row of `_leads` that holds in its phase."""
        return moment if moment <= self.n_layers else min(moment - 1, 2 * self.n_layers)


class Priced(NamedTuple):
    """A ledger, and what there is to know of it.

    Attributes:
        arrays: the ledger, empty.
        rows: the row to which all time of a population's spikes goes, where its neurons are counted
            one by one and it's a single row.
    """

    arrays: Ledger
    rows: dict[int, int]


class _Entries(NamedTuple):
    """What counters cost: columns, one row for each counter and pipeline."""

    moment: Ints
    pipeline: Ints  # the core's place among cores in use, and as many more where it's inward
    counter: Ints  # or the row of the ledger
    ticks: Ints

    def those(self, chosen: Flags | Ints) -> _Entries:
        """Some of the rows."""
        return _Entries(*(column[chosen] for column in self))


def ledger_of(
    chip_map: ChipMap,
    effects: tuple[NDArray[np.int32], NDArray[np.int32]],
    moments: Ints,
    ends: tuple[int, int],
    *,
    direct: bool,
) -> Priced:
    """A ledger with the prices of a map's counters; what is unknown takes no time.

    Args:
        chip_map: where everything is.
        effects: what counters do, as `Meter.effects`, and which counter, (E,), takes the time of
            it in the `pipelined` schedule.
        moments: (K,) when each counter counts (`Moments`).
        ends: so many counters, the first ones, are of inference, and so many have a row of their
            own; the others are spikes of one neuron.
        direct: whether errors come from the read-out to all layers.
    """
    (table, late), (n_inference, n_rows) = effects, ends
    cores = np.unique(table[:, 3])
    layered, singles = _without_singles(_entries(chip_map, table, moments, cores), n_rows)
    at_once = np.column_stack([late, table[:, 1:]])
    pipelined, _ = _without_singles(_entries(chip_map, at_once, moments, cores), n_rows)
    n_layers = len(chip_map.topology.populations) - 1
    leads = _leads(chip_map, cores, direct=direct)
    tables, last = _phases(layered, pipelined, leads, n_layers)
    schedules = [(0, last[0], n_inference), (0, last[1], n_rows), (last[1], last[2], n_rows)]
    tables |= {
        "totals": np.zeros(moments.size, np.int64),
        "schedules": np.array(schedules, ledgers.SCHEDULE),
    }
    of_singles, single_rows = _single_prices(singles, moments, n_rows)
    n_lumps = int(singles.row.max(initial=n_rows - 1)) + 1 - n_rows
    ledger = ledgers.make(n_rows + n_lumps, {**tables, **of_singles})
    return Priced(ledger, single_rows)


class _Singles(NamedTuple):
    """What spikes of single neurons cost: one row for each neuron and pipeline."""

    moment: Ints
    counter: Ints
    row: Ints  # of the ledger, where all spikes go that keep the same pipeline busy
    ticks: Ints


def _without_singles(entries: _Entries, n_rows: int) -> tuple[_Entries, _Singles]:
    """Entries with one row for each pipeline that single neurons keep busy, and these neurons."""
    alone = entries.counter >= n_rows
    own = entries.those(alone)
    (moment, pipeline), lump = _distinct(*own[:2])
    n_lumps = moment.size
    lumps = _Entries(moment, pipeline, n_rows + np.arange(n_lumps), np.ones(n_lumps, np.int64))
    rest = _Entries(*map(np.concatenate, zip(entries.those(~alone), lumps, strict=True)))
    return rest, _Singles(own.moment, own.counter, n_rows + lump, own.ticks)


def _entries(
    chip_map: ChipMap, effects: NDArray[np.int32], moments: Ints, cores: NDArray[np.int32]
) -> _Entries:
    """Ticks of each counter on each pipeline, ordered by moment, pipeline and counter."""
    counter, phase, _, core, event, amount = effects.T.astype(np.int64)
    pipeline = np.searchsorted(cores, core) + cores.size * INWARD[phase, event]
    ticks = np.array(list(ticks_of(chip_map.hardware).values())) * ~_IS_WAY
    keys, where = _distinct(moments[counter], pipeline, counter)
    moment, own_pipeline, own_counter = keys
    sums = np.zeros(moment.size, np.int64)
    np.add.at(sums, where, amount * ticks[event])
    return _Entries(moment, own_pipeline, own_counter, sums).those(sums != 0)


def _distinct(*columns: Ints) -> tuple[list[Ints], Ints]:
    """The rows that differ, in rising order, and of each row which of them it is.

    Rows are compared as one number each: some twenty times as fast as `np.unique` of rows.

    Args:
        columns: (n,) each, numbers from 0.
    """
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    number = np.zeros(columns[0].size, np.int64)
    for column, size in zip(columns, sizes, strict=True):
        number = number * size + column
    found, where = np.unique(number, return_inverse=True)
    keys = []
    for size in reversed(sizes):
        found, key = np.divmod(found, size)
        keys.append(key)
    return keys[::-1], where.ravel()


def _single_prices(
    singles: _Singles, moments: Ints, n_rows: int
) -> tuple[dict[str, NDArray[np.generic]], dict[int, int]]:
    """What a ledger says of its counters without row; `Priced.rows`."""
    start, row, price, alike = [np.zeros(1, np.int64)], [], [], {}
    populations, first = np.unique(moments[n_rows:], return_index=True)
    sizes = np.diff(np.append(first, moments.size - n_rows))
    for population, begin, size in zip(populations.tolist(), first, sizes, strict=True):
        own = singles.moment == population
        neuron, ticks = singles.counter[own] - n_rows - begin, singles.ticks[own]
        target = singles.row[own]
        if np.unique(target).size == 1:
            # One price a neuron, of one that costs nothing too.
            alike[population] = int(target[0])
            prices = np.zeros(size, np.int64)
            prices[neuron] = ticks
            neuron, ticks, target = np.arange(size), prices, np.full(size, target[0])
        order = np.argsort(neuron, kind="stable")
        start.append(start[-1][-1] + np.searchsorted(neuron[order], np.arange(size), "right"))
        row.append(target[order])
        price.append(ticks[order])
    nothing = np.zeros(0, np.int64)
    arrays: dict[str, NDArray[np.generic]] = {
        "start": np.concatenate(start),
        "row": np.concatenate([nothing, *row]).astype(np.int32),
        "price": np.concatenate([nothing, *price]),
    }
    return arrays, alike


class _Work(NamedTuple):
    """What a pipeline does in a phase."""

    counter: Ints
    ticks: Ints  # for each unit of a counter
    lead: int


def _slowest(entries: _Entries, leads: Ints) -> list[_Work]:
    """The pipelines of one phase, without those that another one never is faster than.

    Args:
        entries: of the phase.
        leads: of each pipeline.
    """
    alike: dict[bytes, list[_Work]] = {}
    entries = entries.those(np.argsort(entries.pipeline, kind="stable"))
    pipelines, first = np.unique(entries.pipeline, return_index=True)
    columns = (np.split(column, first[1:]) for column in (entries.counter, entries.ticks))
    for own, counter, ticks in zip(pipelines, *columns, strict=False):
        alike.setdefault(counter.tobytes(), []).append(_Work(counter, ticks, int(leads[own])))
    return [work for same in alike.values() for work in _not_outdone(same)]


def _not_outdone(works: list[_Work]) -> list[_Work]:
    """Of pipelines that work on the same counters the one that all others never outlast, or all."""
    ticks = np.array([[*work.ticks, work.lead] for work in works])
    outlasts = np.flatnonzero((ticks == ticks.max(axis=0)).all(axis=1))
    return [works[outlasts[0]]] if outlasts.size else works


def _phases(
    layered: _Entries, pipelined: _Entries, leads: Ints, n_layers: int
) -> tuple[dict[str, NDArray[np.generic]], list[int]]:
    """Phases of inference, of learning and of the `pipelined` schedule, with their pipelines and
    entries; where each of the three ends.
    """
    moments = Moments(n_layers)
    # All layers work at once where they are pipelined, on messages of which nothing is known.
    is_inference = pipelined.moment <= n_layers
    at_once = np.where(is_inference, moments.at_once, pipelined.moment)
    learning = range(moments.errors, moments.at_once)
    phases: list[tuple[int, int, int]] = []
    pipes: list[tuple[int, int, int]] = []
    found: list[_Work] = []
    ends, n_entries, no_leads = [], 0, np.zeros(leads.shape[1], np.int64)
    for numbers, entries in (
        (range(n_layers + 1), layered),
        (learning, layered),
        ((moments.at_once, *learning), pipelined._replace(moment=at_once)),
    ):
        for number in numbers:
            begin = len(pipes)
            own = entries.those(entries.moment == number)
            for work in _slowest(own, np.append(no_leads, leads[moments.lead_of(number)])):
                pipes.append((n_entries, n_entries + work.counter.size, work.lead))
                n_entries += work.counter.size
                found.append(work)
            phases.append((moments.kind_of(number), begin, len(pipes)))
        ends.append(len(phases))
    nothing = [np.zeros(0, np.int64)]
    return {
        "phases": np.array(phases, ledgers.PHASE),
        "pipes": np.array(pipes, ledgers.PIPE),
        "rows": np.concatenate([*nothing, *(part.counter for part in found)]),
        "ticks": np.concatenate([*nothing, *(part.ticks for part in found)]),
    }, ends


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
