"""What a meter's counters are charged as: its tables, made from a map.

What a core is charged with in learning follows from where its weights are:

Rows. A core reads the weights of its neurons row by row, a row is what leaves one axon. With errors
on a core, phase 6 reads all of its rows backwards, and phase 7 takes up the rows whose axon has a
factor, and writes them back. Shared weights are read as spikes read them, once a synapse.

Sums. OTTT-A sums products beside the weights, in words of the accumulators. At the end of a sample
a core takes up the rows that had a factor in it, and changes the weights of the neurons that had an
error: it keeps a bit for each of both, not for each weight. A convolution, by any rule, has sums
that change all of a core's kernels, at the end of the step. A product is charged as
`synaptic_update`, and so is the change of a weight by its sum.

Listed synapses, and those beside the layers, don't learn: they are charged with inference alone. A
neuron's spike is one message to a core, whatever it does there, charged to the layer that hears it
first. What leads back is read when the message is there, and charged to the layer it leads to,
whose neurons gather the sums a step later.

Fixed feedback. Signs are those of the weights, read as the weights are. A core keeps the random
numbers that bring its neurons' errors down beside their weights, eight bits each, in rows of the
same order; of direct feedback the read-out's cores keep them, and send to every hidden neuron.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.chip import pace
from neurochip.chip.marks import links_of, marks_of
from neurochip.chip.meter import (
    ERRORS,
    INFERENCE,
    PHASES,
    TRACES,
    UPDATES,
    Ints,
    Meter,
)
from neurochip.chip.senders import deliveries, homes_of_heard, leaving, units_of
from neurochip.hardware import EVENTS
from neurochip.kernels import layout
from neurochip.kernels import meter as kernel
from neurochip.kernels.bits import LANES
from neurochip.mapping.chipmap import ChipMap
from neurochip.mapping.formats import FEEDBACK_BITS
from neurochip.mapping.place import PORT, tiles_of
from neurochip.mapping.routes import OFF_CHIP
from neurochip.mapping.topology import KINDS, Convolution, Projection

__all__ = ["build"]

_EVENT = {name: number for number, name in enumerate(EVENTS)}


@dataclass
class _Effects:
    """What one unit of a counter does: rows (counter, phase, layer, core, event, amount), and the
    counter that takes its time in the `pipelined` schedule.
    """

    rows: list[NDArray[np.int32]] = field(default_factory=list)

    def add(
        self,
        counter: ArrayLike,
        phase: int,
        layer: int,
        core: ArrayLike,
        events: str | tuple[str, ...],
        amount: ArrayLike = 1,
        late: int = 0,
    ) -> None:
        """Add an amount of one event, or of each of some; counters, cores and amounts pair up.

        In the `pipelined` schedule their time is that of a counter whose number is ``late`` more.
        """
        for event in (events,) if isinstance(events, str) else events:
            columns = np.broadcast_arrays(counter, phase, layer, core, _EVENT[event], amount)
            rows = np.stack([np.ravel(column) for column in columns], axis=1)
            rows = np.append(rows, rows[:, :1] + late, axis=1).astype(np.int32)
            self.rows.append(rows[rows[:, -2] != 0])

    def table(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """All rows by counter, (E, 6), and the counters of the `pipelined` schedule, (E,)."""
        table = np.concatenate(self.rows) if self.rows else np.zeros((0, 7), np.int32)
        table = table[np.argsort(table[:, 0], kind="stable")]
        return table[:, :-1], table[:, -1]


def build(chip_map: ChipMap, core: layout.Core, update: int, feedback: str) -> Meter:
    """Tables for a mapped network.

    Args:
        chip_map: where its neurons, weights and routes are.
        core: gives the places of neurons and axons in the kernels' arrays.
        update: when weights change, as `layout` numbers it.
        feedback: how errors come down (`rules.feedback`).
    """
    return _Builder(chip_map, core, update, feedback).meter()


class _Part(NamedTuple):
    """A slice of a layer's target neurons."""

    number: int
    first: int  # within its population
    last: int
    core: int


class _Builder:
    """Fills the tables layer by layer."""

    def __init__(self, chip_map: ChipMap, core: layout.Core, update: int, feedback: str) -> None:
        self.map, self.core, self.update, self.feedback = chip_map, core, update, feedback
        self.projections = [leaving(chip_map, number)[0] for number in range(core.layers.size)]
        self.effects = _Effects()
        self.layers = np.zeros(len(self.projections), kernel.LAYER)
        self.sources = np.zeros(len(self.projections) + 1, kernel.SOURCE)
        self.units = [units_of(chip_map, number) for number in range(self.sources.size)]
        self.links = links_of(core)
        self.learns = not self.links
        self.spans: dict[str, list[tuple[int, ...]]] = {
            name: [] for name in ("groups", "parts", "runs", "rows", "backs")
        }
        self.n_senders = 0
        self.n_used = 0
        self.sums = chip_map.hardware.registers.gradient.bits.value
        self.settings = np.zeros(1, kernel.SETTINGS)

    def meter(self) -> Meter:
        """All tables, and counters at zero."""
        walked = [self._spans_of(number) for number in range(len(self.projections))]
        for population in range(self.sources.size):
            self._add_source(population)
        moments = self._number_counters()
        for population in range(self.sources.size):
            self._charge_spikes(population)
        for number, (parts, backs) in enumerate(walked):
            self._charge_neurons(number, parts)
            if self.learns:
                self._charge_traces(number)
                self._charge_errors(number, backs)
                self._charge_updates(number, parts)
        effects, late = self.effects.table()
        ledger = pace.ledger_of(
            self.map,
            (effects, late),
            moments,
            (self._first("changed"), self._first("singles")),
            direct=self.feedback == "direct",
        )
        self.sources["row"] = [ledger.rows.get(k, -1) for k in range(self.sources.size)]
        arrays = {name: np.array(rows, _RECORDS[name]) for name, rows in self.spans.items()}
        n_parts = len(self.spans["parts"])
        scratch = {
            name: np.zeros(n_parts, np.int64) for name in ("fired", "errors", "words", "summed")
        }
        return Meter(
            kernel.make(
                len(self.layers),
                ledger.arrays,
                {
                    "settings": self.settings,
                    "layers": self.layers,
                    "sources": self.sources,
                    **arrays,
                    **self._marks(),
                    **scratch,
                    "sending": np.zeros(self.n_senders, np.int64),
                    "used": np.zeros(self.n_used, np.uint64),
                    "map": np.zeros(self._largest_map(), np.int64),
                },
            ),
            effects,
            (len(PHASES), len(self.layers), self.map.hardware.limits.cores.value, len(EVENTS)),
        )

    def _largest_map(self) -> int:
        shared = [k for k in self.core.layers if k.kind == layout.CONVOLUTION]
        return max((int((k.h_in + 1) * (k.w_in + 1)) for k in shared), default=0)

    def _number_counters(self) -> Ints:
        """Give each kind of counters its first number; return the moment of each, (K,), as
        `pace.ledger_of` numbers them.
        """
        layers, moments = np.arange(len(self.layers)), pace.Moments(len(self.layers))
        owners = {
            name: np.array([own[f"{name}_end"] - own[name] for own in self.layers])
            for name in ("part", "run", "back", "sender")
        }
        above, part = 1 + layers, np.repeat(1 + layers, owners["part"])
        back = np.repeat(moments.errors + layers, owners["back"])
        sent = np.repeat(moments.errors + layers, owners["sender"])
        updates = np.full(part.size, moments.updates)
        by_kind = {
            "spikes": self._populations(single=False),
            **dict.fromkeys(("scanned", "reached"), above),
            **dict.fromkeys(("active", "fired"), part),
            "changed": np.full(owners["run"].sum(), moments.traces),
            **dict.fromkeys(("operations", "read_back"), back),
            "sent": sent,
            **dict.fromkeys(("products", "words", "applied", "applied_rows"), updates),
            "singles": self._populations(single=True),
        }
        ends = np.cumsum([entry.size for entry in by_kind.values()])
        for name, end in zip(by_kind, ends, strict=True):
            self.settings[name] = end - by_kind[name].size
        self.settings["update"] = self.update
        moments_of_all: Ints = np.concatenate(list(by_kind.values())).astype(np.int64)
        return moments_of_all

    def _populations(self, *, single: bool) -> Ints:
        """The population of each unit, of those that are one neuron, or of the others."""
        sizes = [entry.home.size * (entry.single == single) for entry in self.units]
        return np.repeat(np.arange(len(sizes)), sizes)

    def _spikes_of(self, population: int) -> tuple[int, int]:
        """The counter of a population's first unit; by how much that of the `pipelined` schedule
        is more. Units that are parts are counted when they fire.
        """
        source = self.sources[population]
        kind = "singles" if self.units[population].single else "spikes"
        own = self._first(kind) + int(source["unit"])
        if not source["parted"]:
            return own, 0
        fired = self._first("fired") + int(source["part"])
        return fired, own - fired

    def _first(self, kind: str) -> int:
        return int(self.settings[kind][0])

    # What lies where.

    def _spans_of(self, number: int) -> tuple[list[_Part], list[_Part]]:
        """Note the spans of one weight layer; return its parts, and those whose errors it brings
        down.
        """
        own, layer, spans = self.layers[number], self.core.layers[number], self.spans
        projection = self.projections[number]
        parts = self._parts(projection, len(spans["parts"]))
        own["part"], own["part_end"] = len(spans["parts"]), len(spans["parts"]) + len(parts)
        spans["parts"] += [(layer.post + part.first, layer.post + part.last) for part in parts]
        if not self.learns:
            return parts, []
        self._add_runs(number, projection, parts)
        backs = self._add_backs(number, parts)
        for name, size in (("used_rows", layer.n_in), ("used_columns", layer.n_out)):
            own[name] = self.n_used
            self.n_used += -(-int(size) // LANES)
        return parts, backs

    def _place(self, population: int) -> int:
        """First neuron of a population in the kernels' arrays."""
        layers = self.core.layers
        return int(layers[0].pre if population == 0 else layers[population - 1].post)

    def _add_source(self, population: int) -> None:
        """Note where a population's units are counted."""
        source, units, groups = (
            self.sources[population],
            self.units[population],
            self.spans["groups"],
        )
        below = self.core.layers[min(population, self.core.layers.size - 1)]
        before = self.units[:population]
        source["unit"] = sum(k.home.size for k in before if k.single == units.single)
        source["place"] = self._place(population)
        source["pooled"] = population < self.core.layers.size and below.pooled
        source["single"] = units.single
        source["group"] = len(groups)
        if not units.single:
            groups += [tuple(ends) for ends in pairwise(units.first + source["place"])]
        source["group_end"] = len(groups)
        if population > 0:
            part, end = self.layers[population - 1][["part", "part_end"]]
            source["part"] = part
            source["parted"] = groups[source["group"] :] == self.spans["parts"][part:end]
        populations = [link.population for link in self.links]
        source["link"], source["link_end"] = np.searchsorted(
            populations, (population, population + 1)
        )

    def _marks(self) -> dict[str, Any]:
        """What listed synapses mark."""
        sizes = -(-self.core.layers["n_out"] // LANES)
        self.layers["reached"] = np.cumsum(sizes) - sizes
        marks = [marks_of(self.core, link) for link in self.links]
        links, row, run, bit, starts, firsts = [], 0, 0, 0, [], []
        for link, own in zip(self.links, marks, strict=True):
            number, reached = link.number, self.layers[link.number]["reached"]
            links.append((link.place, link.pooled, row, number, reached))
            starts.append(own.starts + run)
            firsts.append(own.firsts + bit)
            row, run, bit = row + own.starts.size, run + own.words.size, bit + own.bits.size
            self.layers[link.number]["marked"] = True
        return {
            "links": np.array(links, kernel.LINK),
            "mark_rows": np.concatenate([np.zeros(0, np.int64), *starts]),
            "mark_firsts": np.concatenate([*firsts, [bit]]).astype(np.int64),
            "mark_words": np.concatenate([np.zeros(0, np.int32), *(k.words for k in marks)]),
            "mark_bits": np.concatenate([np.zeros(0, np.uint64), *(k.bits for k in marks)]),
            "reached": np.zeros(sizes.sum(), np.uint64),
        }

    def _parts(self, projection: Projection, at: int) -> list[_Part]:
        own = self.map.slices.of(projection.target)
        first, last = self.map.slices.first[own].tolist(), self.map.slices.last[own].tolist()
        cores = self.map.core[own].tolist()
        return [_Part(at + k, *part) for k, part in enumerate(zip(first, last, cores, strict=True))]

    def _add_runs(self, number: int, projection: Projection, parts: list[_Part]) -> None:
        """Runs of axons with the same words in every part, and with synapses on the same cores."""
        own, pre = self.layers[number], self.core.layers[number].pre
        sizes = np.array([projection.cell_sizes(part.first, part.last) for part in parts])
        differs = (sizes[:, 1:] != sizes[:, :-1]).any(axis=0)
        ends = np.concatenate(([0], np.flatnonzero(differs) + 1, [sizes.shape[1]])).tolist()
        runs, rows = self.spans["runs"], self.spans["rows"]
        own["run"] = len(runs)
        bits = self.sums if self._sums(number) else self.map.demand.synapse(projection.target)
        for first, last in pairwise(ends):
            begin = len(rows)
            words = self._words(sizes[:, first], bits)
            rows += [(parts[k].number, int(words[k])) for k in np.flatnonzero(words)]
            runs.append((pre + first, pre + last, begin, len(rows)))
        own["run_end"] = len(runs)

    def _sums(self, number: int) -> bool:
        """Whether products are summed beside the weights."""
        shared = self.core.layers[number].kind == layout.CONVOLUTION
        return bool(shared or self.update == layout.ACCUMULATE)

    def _add_backs(self, number: int, parts: list[_Part]) -> list[_Part]:
        """The parts whose errors come down to the population below, if it's hidden."""
        own, backs = self.layers[number], self.spans["backs"]
        last = len(self.projections) - 1
        sources: list[_Part] = []
        place = self.core.layers[number].post
        if self.projections[number].source > 0:
            sources = parts
            if self.feedback == "direct":
                sources = self._parts(self.projections[last], 0)
                place = self.core.layers[last].post
        senders = np.unique([part.core for part in sources])
        own["sender"], own["sender_end"] = self.n_senders, self.n_senders + senders.size
        own["back"] = len(backs)
        found = []
        for part in sources:
            sender = self.n_senders + int(np.searchsorted(senders, part.core))
            found.append(part._replace(number=len(backs)))
            backs.append((place + part.first, place + part.last, sender))
        own["back_end"] = len(backs)
        self.n_senders += int(senders.size)
        return found

    def _words(self, sizes: ArrayLike, bits: int) -> Ints:
        """Words of rows of some sizes."""
        words: Ints = -(-np.asarray(sizes, np.int64) * bits // self.map.demand.word)
        return words

    # What counters cost.

    def _charge_spikes(self, population: int) -> None:
        """A spike of a unit: one message to each core, and what it does where it arrives."""
        units, add = self.units[population], self.effects.add
        every = deliveries(self.map, population, units)
        first_spike, late = self._spikes_of(population)
        for number, projection in enumerate(leaving(self.map, population)):
            own = every.projection == number
            layer, unit = projection.target - 1, first_spike + every.unit
            arrives = own & every.carries
            spikes = unit[arrives]
            home, core = units.home[every.unit[arrives]], every.core[arrives]
            sent = home != OFF_CHIP
            senders, first, n = np.unique(spikes[sent], return_index=True, return_counts=True)
            add(senders, INFERENCE, layer, home[sent][first], "message_out", n, late)
            where = (spikes, INFERENCE, layer, core)
            add(*where, ("message_in", "spike_in_tile"), 1, late)
            start = np.where(sent, home, PORT)
            for event, hops in zip(_HOPS, self._hops(start, core), strict=True):
                add(*where, event, hops, late)
            where = (unit[own], INFERENCE, layer, every.core[own])
            add(*where, pace.SYNAPSES[KINDS.index(projection.kind)], every.synapses[own], late)
            add(*where, "word_read", every.words[own], late)

    def _charge_neurons(self, number: int, parts: list[_Part]) -> None:
        """A scan finds all neurons inactive, but for those that have something to update."""
        add = self.effects.add
        for part in parts:
            where, size = (INFERENCE, number, part.core), part.last - part.first
            add(self._first("scanned") + number, *where, "neuron_inactive", size)
            reached, active = self._first("reached") + number, self._first("active") + part.number
            for counter, n in ((reached, size), (active, 1)):
                add(counter, *where, "neuron_active", n)
                add(counter, *where, "neuron_inactive", -n)
            add(self._first("fired") + part.number, *where, "neuron_fired")

    def _charge_traces(self, number: int) -> None:
        """Each core that hears an axon has a trace of it."""
        own, homes = self.layers[number], self._core_of_parts()
        for run in range(own["run"], own["run_end"]):
            _, _, first, last = self.spans["runs"][run]
            cores = np.unique([homes[part] for part, _ in self.spans["rows"][first:last]])
            self.effects.add(self._first("changed") + run, TRACES, number, cores, "trace_update")

    def _core_of_parts(self) -> list[int]:
        return [core for entry in self.projections for *_, core in self._parts(entry, 0)]

    def _charge_errors(self, number: int, backs: list[_Part]) -> None:
        """Rows are read backwards, and each hidden neuron below is sent its sum."""
        projection, add = self.projections[number], self.effects.add
        shared = isinstance(projection, Convolution)
        for part in backs:
            where = (ERRORS, number, part.core)
            fan = 1 if shared else projection.n_cells
            add(self._first("operations") + part.number, *where, "error_operation", fan)
            words = self._words_back(projection, part)
            add(self._first("read_back") + part.number, *where, "word_read", words)
        for sender, core in enumerate(np.unique([part.core for part in backs]).tolist()):
            counter = self._first("sent") + self.layers[number]["sender"] + sender
            spans = [(part.first, part.last) for part in backs if part.core == core]
            heard = homes_of_heard(self.map, projection, spans, everyone=self.feedback == "direct")
            homes, n = np.unique(heard, return_counts=True)
            add(counter, ERRORS, number, core, "error_message", n.sum())
            arrives = (counter, ERRORS, number, homes)
            add(*arrives, ("message_in", "spike_in_tile"), n)
            for event, hops in zip(_HOPS, self._hops(core, homes), strict=True):
                add(*arrives, event, n * hops)

    def _words_back(self, projection: Projection, part: _Part) -> int:
        """Words of all rows of a part."""
        bits = self.map.demand.synapse(projection.target)
        sizes = np.full(projection.n_cells, part.last - part.first)
        if self.feedback in ("random", "direct"):
            bits = FEEDBACK_BITS
        else:
            sizes = projection.cell_sizes(part.first, part.last)
        return int(self._words(sizes, bits).sum())

    def _hops(self, starts: ArrayLike, ends: Ints) -> Iterator[Ints]:
        """Steps from cores, or from one, to others, east or west, and north or south."""
        x, y = tiles_of(self.map.hardware, np.asarray(starts, np.int32))
        columns, rows = tiles_of(self.map.hardware, ends.astype(np.int32))
        yield abs(columns - x)
        yield abs(rows - y)

    def _charge_updates(self, number: int, parts: list[_Part]) -> None:
        """Words are read and written; weights go through the learning engine, and sums don't."""
        add, projection = self.effects.add, self.projections[number]
        moved = ("word_read", "word_written")
        bits = self.map.demand.synapse(projection.target)
        for part in parts:
            where, k = (UPDATES, number, part.core), part.number
            add(self._first("products") + k, *where, "synaptic_update")
            engine = () if self._sums(number) else ("learning_word",)
            add(self._first("words") + k, *where, (*moved, *engine))
            size, changes = part.last - part.first, 0
            if isinstance(projection, Convolution):
                sizes = projection.cell_sizes(part.first, part.last)
                size = changes = projection.weights(sizes, part.first, part.last)
            weights, sums = self._words(size, bits), self._words(size, self.sums)
            add(self._first("applied") + k, *where, "synaptic_update")
            applied = self._first("applied_rows") + k
            add(applied, *where, "synaptic_update", changes)
            add(applied, *where, "learning_word", weights)
            add(applied, *where, moved, weights + sums)


_HOPS = ("hop_east_west", "hop_north_south")
_RECORDS = {
    "groups": kernel.SPAN,
    "parts": kernel.SPAN,
    "runs": kernel.RUN,
    "rows": kernel.ROW,
    "backs": kernel.BACK,
}
