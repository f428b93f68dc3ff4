"""What a step takes, counted while it happens: few numbers that depend on data, all else in tables.

A counter is one such number, summed over steps: spikes of a group of neurons that go the same ways,
neurons of a slice that are active, errors of a slice that aren't 0, products of factors and errors.
Every event of every core is a multiple of counters, so events are worked out from the sums, when
somebody asks (`chip.meter`). Only time can't wait, because a phase lasts as long as its slowest
core: ``start``, ``place`` and ``ticks`` say what a counter costs which core, in whole ticks.

Time is the least that the routing of every message (`kernels.transit`) could give. In each phase a
core has two pipelines that overlap: outward, where it scans and sends, and inward, where it reads
what it hears. The inward one can't begin before a message has come, which takes ``leads`` or more.
A phase lasts as long as the slowest pipeline of all cores, and phases follow each other.

A weight layer's target neurons lie in parts, each on one core. A meter without parts counts nothing
and costs next to nothing.

Spikes are counted where they start, once for all that they do: as messages, and at every synapse
that they reach. Synapses that lead back are read with the others, when the message is there, though
their neurons gather the sums a step later. Where listed synapses lead, spikes leave marks, one bit
a neuron, so that a neuron that several of them reach is active once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import layout
from neurochip.kernels.bits import LANES, NO_BITS, count_nonzero, nonzero, ones
from neurochip.kernels.jit import kernel, pipeline, unit, view
from neurochip.kernels.windows import add_up, area, in_window

Ints = NDArray[np.int64]
ALL_BITS = ~NO_BITS
#: Words of bits that the processor's lanes take in one turn of a loop; the rest of a loop is slow.
WORDS_A_TURN = 16

_SETTING_FIELDS = (
    "update "  # as in `layout`, of the learning that is charged
    # Counters of each kind lie side by side; these are the first of each:
    "spikes "  # of a unit of neurons
    "scanned reached "  # of a layer: steps; steps in which all its neurons have input
    "active fired "  # neurons of a part: active where not all have input; that fire
    "changed "  # traces of a run of axons
    "operations read_back "  # of a part's errors: synapses backwards; steps with an error
    "sent "  # of the parts on one core: steps with an error
    "products words "  # of a part: changes of weights or sums, and words for them
    "applied applied_rows"  # of a part, where sums become weights
).split()
_LAYER_FIELDS = (
    "part part_end run run_end back back_end sender sender_end pairs "
    "marked reached"  # whether spikes leave marks on the neurons above, and the first of their bits
)
_FIELDS_OF_A_SOURCE = (
    "unit "  # the first of its units
    "group group_end "  # where a unit is a group: their spans
    "parted part "  # whether they are the parts of these neurons, and the first of these
    "single place pooled "  # where it's a neuron: its list
    "link link_end"  # listed synapses that its spikes go through
)
_FIELDS_OF_A_LINK = "place pooled row reached"
_FIELDS_OF_A_RUN = "first last row row_end"
_FIELDS_OF_A_BACK = "first last sender"


def _record(fields: list[str]) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in fields])


#: One record: the first counter of each kind.
SETTINGS = _record(_SETTING_FIELDS)
#: One record a weight layer: what of the tables below is its own.
LAYER = _record(_LAYER_FIELDS.split())
#: One record a population: who is counted together when they send, as one unit.
SOURCE = _record(_FIELDS_OF_A_SOURCE.split())
#: Listed synapses: the list of the axons with a spike, the first row, the target's first bits.
LINK = _record(_FIELDS_OF_A_LINK.split())
#: Neurons or axons in a core's arrays.
SPAN = _record(["first", "last"])
#: A run of axons whose synapses take the same words in every part; its rows.
RUN = _record(_FIELDS_OF_A_RUN.split())
#: Words that one axon of a run has in one part.
ROW = _record(["part", "words"])
#: Neurons whose errors are read backwards, on one core.
BACK = _record(_FIELDS_OF_A_BACK.split())
#: Columns of `Meter.elapsed`.
INFERENCE_TICKS, LEARNING_TICKS, STEPS = range(3)


class Meter(NamedTuple):
    """K counters, C cores with a part of the network, L weight layers, P parts."""

    settings: NDArray[np.void]  # (1,) SETTINGS
    layers: NDArray[np.void]  # (L,) LAYER
    sources: NDArray[np.void]  # (L + 1,) SOURCE
    groups: NDArray[np.void]  # SPAN of neurons that send
    links: NDArray[np.void]  # LINK, by source
    parts: NDArray[np.void]  # (P,) SPAN of neurons
    runs: NDArray[np.void]  # RUN of axons
    rows: NDArray[np.void]  # ROW
    backs: NDArray[np.void]  # BACK
    totals: Ints  # (K,) sums of counters
    start: Ints  # (K + 1,) counter k costs time in the entries start[k] : start[k + 1]
    place: Ints  # (E,) pipeline: core, C more where it's inward, 2 C more where it's learning
    ticks: Ints  # (E,) for each unit of the counter
    work: Ints  # (4 C,) ticks of the pipelines in the phase at hand
    leads: Ints  # ((2 L + 1) C,) least way of a message to each core: `spikes_phase` and others
    elapsed: Ints  # (3,) ticks of the phases of inference, and of learning; steps
    fired: Ints  # (P,) neurons of a part that fire
    errors: Ints  # (P,) scratch: errors of a part that aren't 0
    words: Ints  # (P,) scratch: words of its rows
    sending: Ints  # scratch: whether the parts of a layer on one core have an error
    summed: Ints  # (P,) whether a part of a convolution has sums that wait
    pairs: NDArray[np.uint64]  # bit i of column j: weight (i, j) has a sum that waits
    row_bits: NDArray[np.uint64]  # scratch: axons with a factor
    mark_rows: Ints  # row r of listed synapses leaves the runs mark_rows[r] : mark_rows[r + 1]
    mark_words: NDArray[np.int32]  # of a run: its first word of the bits of the layer
    mark_firsts: Ints  # run k marks the bits mark_firsts[k] : mark_firsts[k + 1]
    mark_bits: NDArray[np.uint64]  # words, run after run
    reached: NDArray[np.uint64]  # a bit for each neuron that a spike has reached in this step
    map: Ints  # scratch: of the largest map of a convolution (`kernels.windows`)


def silent(n_layers: int) -> Meter:
    """A meter of no part, of no layer."""
    return make(n_layers, {})


def make(n_layers: int, arrays: dict[str, NDArray[np.generic]]) -> Meter:
    """A meter whose arrays are given by name; those that aren't are empty, layers have nothing."""
    records = {"groups": SPAN, "parts": SPAN, "runs": RUN, "rows": ROW, "backs": BACK}
    records |= {"links": LINK}
    bits = dict.fromkeys(("pairs", "row_bits", "mark_bits", "reached"), np.dtype(np.uint64))
    places = {"mark_words": np.dtype(np.int32)}
    given = {
        "settings": np.zeros(1, SETTINGS),
        "layers": np.zeros(n_layers, LAYER),
        "sources": np.zeros(n_layers + 1, SOURCE),
        "start": np.zeros(1, np.int64),
        "elapsed": np.zeros(3, np.int64),
        **arrays,
    }
    kinds = {name: np.dtype(np.int64) for name in Meter._fields} | records | bits | places
    empty = {name: np.zeros(0, kind) for name, kind in kinds.items() if name not in given}
    whole: dict[str, Any] = {**given, **empty}
    for name in ("settings", "layers", "sources", *records):
        whole[name] = whole[name].view(np.recarray)
    return Meter(**whole)


@kernel
def charge(meter, counter, n):  # type: ignore[no-untyped-def]
    """Add n to a counter, and its time to the cores."""
    add_time(meter.totals, meter.start, meter.place, meter.ticks, meter.work, counter, n)


@kernel
def add_time(totals, start, place, ticks, work, counter, n):  # type: ignore[no-untyped-def]
    """The same, of the arrays that it takes."""
    totals[counter] += n
    for e in range(start[counter], start[counter + 1]):
        work[place[e]] += n * ticks[e]


@unit
def add_each(totals, start, place, ticks, work, first, spikes):  # type: ignore[no-untyped-def]
    """Add 1 to the counter of each neuron that is listed."""
    for k in range(spikes.size):
        add_time(totals, start, place, ticks, work, first + spikes[k], 1)


@unit
def mark(rows, starts, words, firsts, bits, reached):  # type: ignore[no-untyped-def]
    """Mark the neurons that the listed rows reach."""
    for r in range(rows.size):
        for run in range(starts[rows[r]], starts[rows[r] + 1]):
            own = bits[firsts[run] : firsts[run + 1]]
            hit = reached[np.uint32(words[run]) :][: own.size]
            for k in range(own.size):
                hit[k] |= own[k]


@view
def fired_of(core, source):  # type: ignore[no-untyped-def]
    """How many neurons of each population fired, told as it is for one of them."""
    return core.n_spikes if source.pooled else core.n_active


@kernel
def begin_sample(meter):  # type: ignore[no-untyped-def]
    """Nothing of one sample reaches the next."""
    meter.reached[:] = NO_BITS


@kernel
def meter_spikes(core, meter, population):  # type: ignore[no-untyped-def]
    """Phases 1 and 2: what the spikes of a population send and read."""
    source, s = meter.sources[population], meter.settings[0]
    fired = fired_of(core, source)[population]
    left = fired
    for group in range(source.group, source.group_end):
        n = left
        if source.parted:
            n = meter.fired[source.part + group - source.group]
        elif group < source.group_end - 1:
            span = meter.groups[group]
            n = count_nonzero(core.signal[span.first : span.last])
        left -= n
        if n:
            charge(meter, s.spikes + source.unit + group - source.group, n)
    if source.single:
        costs = (meter.totals, meter.start, meter.place, meter.ticks, meter.work)
        add_each(*costs, s.spikes + source.unit, core.active[source.place : source.place + fired])
    for k in range(source.link, source.link_end):
        link = meter.links[k]
        rows = core.active[link.place : link.place + fired_of(core, link)[population]]
        runs = (meter.mark_rows[link.row :], meter.mark_words, meter.mark_firsts)
        mark(rows, *runs, meter.mark_bits, meter.reached[link.reached :])


@kernel
def active_between(bits, biases, membranes, first, last):  # type: ignore[no-untyped-def]
    """Neurons first .. last-1 with a mark, a bias, or a membrane that isn't 0 before the reset, as
    that of a neuron that fires.
    """
    n = np.int64(0)
    for word in range(first // LANES, (last + LANES - 1) // LANES):
        begin, end = word * LANES, word * LANES + LANES
        found = bits[word] | nonzero(biases, begin) | nonzero(membranes, begin)
        if begin < first:
            found &= ALL_BITS << np.uint64(first - begin)
        if end > last:
            found &= ALL_BITS >> np.uint64(end - last)
        n += ones(found)
    return n


@unit
def active_in_windows(layer, bits, biases, membranes, first, last, reached):  # type: ignore[no-untyped-def]
    """Neurons first .. last-1 of a convolution that are active, or in whose window a spike is."""
    n, c = np.int64(0), layer.columns
    for position in range(first // c, (last + c - 1) // c):
        begin, end = max(first, position * c), min(last, (position + 1) * c)
        if in_window(reached, layer, position) > 0:
            n += end - begin
        else:
            n += active_between(bits, biases, membranes, begin, end)
    return n


@kernel
def meter_neurons(core, meter, number):  # type: ignore[no-untyped-def]
    """Phase 3: the neurons above weight layer ``number``."""
    s, parts, layer = meter.settings[0], meter.layers[number], core.layers[number]
    if parts.part == parts.part_end:
        return
    charge(meter, s.scanned + number, 1)
    neurons = slice(layer.post, layer.post + layer.n_out)
    spikes, biases, membranes = core.signal[neurons], core.bias[neurons], core.v_pre[neurons]
    bits = meter.reached[parts.reached :][: (layer.n_out + LANES - 1) // LANES]
    shared = layer.kind == layout.CONVOLUTION
    everyone = layer.kind == layout.DENSE and core.n_active[number] > 0
    if everyone:
        charge(meter, s.reached + number, 1)
    elif shared:
        add_up(core.signal[layer.pre : layer.pre + layer.n_in], layer, meter.map)
    left = fired_of(core, meter.sources[number + 1])[number + 1]
    for part in range(parts.part, parts.part_end):
        n, span = left, meter.parts[part]
        first, last = span.first - layer.post, span.last - layer.post
        if part < parts.part_end - 1:
            n = count_nonzero(spikes[first:last])
        left -= n
        meter.fired[part] = n
        if n:
            charge(meter, s.fired + part, n)
        if everyone:
            continue
        if shared:
            n = active_in_windows(layer, bits, biases, membranes, first, last, meter.map)
        else:
            n = active_between(bits, biases, membranes, first, last)
        if n:
            charge(meter, s.active + part, n)
    if parts.marked:
        bits[:] = NO_BITS


@kernel
def meter_traces(core, meter, number):  # type: ignore[no-untyped-def]
    """Phase 4: the traces below weight layer ``number`` that change, on each core that has them."""
    layer, first = meter.layers[number], meter.settings[0].changed
    for run in range(layer.run, layer.run_end):
        axons = meter.runs[run]
        n = count_nonzero(core.changed[axons.first : axons.last])
        if n:
            charge(meter, first + run, n)


@unit
def synapses_of_errors(layer, delta, first):  # type: ignore[no-untyped-def]
    """Synapses of a convolution into the neurons, from ``first`` on, that have an error."""
    n, c = np.int64(0), layer.columns
    for position in range(first // c, (first + delta.size + c - 1) // c):
        begin, end = max(first, position * c), min(first + delta.size, (position + 1) * c)
        n += count_nonzero(delta[begin - first : end - first]) * area(layer, position)
    return n


@kernel
def meter_errors(core, meter, number):  # type: ignore[no-untyped-def]
    """Phase 6: errors that come down from weight layer ``number``, and the messages they make."""
    s, own, layer = meter.settings[0], meter.layers[number], core.layers[number]
    for back in range(own.back, own.back_end):
        part = meter.backs[back]
        delta = core.delta[part.first : part.last]
        n = count_nonzero(delta)
        if n == 0:
            continue
        if layer.kind == layout.CONVOLUTION:
            n = synapses_of_errors(layer, delta, part.first - layer.post)
        charge(meter, s.operations + back, n)
        charge(meter, s.read_back + back, 1)
        meter.sending[part.sender] = 1
    for sender in range(own.sender, own.sender_end):
        if meter.sending[sender]:
            meter.sending[sender] = 0
            charge(meter, s.sent + sender, 1)


@unit
def products_of_errors(layer, delta, first, factors):  # type: ignore[no-untyped-def]
    """Products that aren't 0 of the errors of neurons, from ``first`` on, of a convolution."""
    n, c = np.int64(0), layer.columns
    for position in range(first // c, (first + delta.size + c - 1) // c):
        begin, end = max(first, position * c), min(first + delta.size, (position + 1) * c)
        errors = count_nonzero(delta[begin - first : end - first])
        if errors:
            n += errors * in_window(factors, layer, position)
    return n


@kernel
def count_errors(core, meter, own):  # type: ignore[no-untyped-def]
    """Count the errors of every part of a weight layer, and return the sum."""
    total = np.int64(0)
    for part in range(own.part, own.part_end):
        span = meter.parts[part]
        n = count_nonzero(core.delta[span.first : span.last])
        meter.errors[part] = n
        meter.words[part] = 0
        total += n
    return total


@kernel
def count_factors(core, meter, own):  # type: ignore[no-untyped-def]
    """Factors below a weight layer that aren't 0; their words for every part with an error."""
    total = np.int64(0)
    for run in range(own.run, own.run_end):
        axons = meter.runs[run]
        n = count_nonzero(core.trace[axons.first : axons.last])
        total += n
        if n:
            for r in range(axons.row, axons.row_end):
                row = meter.rows[r]
                if meter.errors[row.part]:
                    meter.words[row.part] += n * row.words
    return total


@kernel
def meter_updates(core, meter, number):  # type: ignore[no-untyped-def]
    """Phase 7, every step: weights, or sums of products, with a factor and an error."""
    s, own, layer = meter.settings[0], meter.layers[number], core.layers[number]
    if count_errors(core, meter, own) == 0:
        return
    factors = count_factors(core, meter, own)
    shared = layer.kind == layout.CONVOLUTION
    if shared:
        add_up(core.trace[layer.pre : layer.pre + layer.n_in], layer, meter.map)
    for part in range(own.part, own.part_end):
        if meter.errors[part] == 0:
            continue
        products = meter.errors[part] * factors
        if shared:
            span = meter.parts[part]
            delta = core.delta[span.first : span.last]
            products = products_of_errors(layer, delta, span.first - layer.post, meter.map)
            meter.summed[part] |= products > 0
        charge(meter, s.products + part, products)
        charge(meter, s.words + part, meter.words[part])
    if s.update == layout.ACCUMULATE and not shared:
        note_pairs(core, meter, own, layer)
    elif s.update != layout.ACCUMULATE and shared:
        apply_shared(meter, own)


@kernel
def column_words(n_in):  # type: ignore[no-untyped-def]
    """Words of a column of `Meter.pairs`: as many as one turn of a loop takes, or some turns."""
    return (n_in + LANES * WORDS_A_TURN - 1) // (LANES * WORDS_A_TURN) * WORDS_A_TURN


@unit
def note_pairs(core, meter, own, layer):  # type: ignore[no-untyped-def]
    """Note which weights of a dense layer have a product in this step."""
    x = core.trace[layer.pre : layer.pre + layer.n_in]
    length = column_words(x.size)
    bits = meter.row_bits[:length]
    bits[:] = NO_BITS
    for first in range(0, x.size, LANES):
        bits[first // LANES] = nonzero(x, first)
    delta = core.delta[layer.post : layer.post + layer.n_out]
    for j in range(delta.size):
        if delta[j]:
            column = meter.pairs[own.pairs + j * length :][:length]
            for k in range(length):
                column[k] |= bits[k]


@kernel
def apply_shared(meter, own):  # type: ignore[no-untyped-def]
    """The sums of a convolution become weights, part by part."""
    for part in range(own.part, own.part_end):
        if meter.summed[part]:
            meter.summed[part] = 0
            charge(meter, meter.settings[0].applied_rows + part, 1)


@unit
def meter_sums(core, meter, number):  # type: ignore[no-untyped-def]
    """Phase 7, end of a sample: sums that waited become weights."""
    s, own, layer = meter.settings[0], meter.layers[number], core.layers[number]
    if layer.kind == layout.CONVOLUTION:
        apply_shared(meter, own)
        return
    length = column_words(layer.n_in)
    bits = meter.row_bits[:length]
    for part in range(own.part, own.part_end):
        span, summed = meter.parts[part], np.int64(0)
        bits[:] = 0
        for j in range(span.first - layer.post, span.last - layer.post):
            column = meter.pairs[own.pairs + j * length :][:length]
            for k in range(length):
                summed += ones(column[k])
                bits[k] |= column[k]
                column[k] = NO_BITS
        rows = np.int64(0)
        for k in range(length):
            rows += ones(bits[k])
        charge(meter, s.applied + part, summed)
        charge(meter, s.applied_rows + part, rows)


@kernel
def spikes_phase(meter, population):  # type: ignore[no-untyped-def]
    """End the phase in which a population looks at its neurons and sends, and others read it."""
    end_phase(meter, INFERENCE_TICKS, population)


@kernel
def errors_phase(meter, number):  # type: ignore[no-untyped-def]
    """End the phase in which errors come down from weight layer ``number``, 1 or more."""
    end_phase(meter, LEARNING_TICKS, meter.layers.size + number)


@kernel
def local_phase(meter, kind):  # type: ignore[no-untyped-def]
    """End a phase, of inference or learning, of whose messages nothing is known."""
    end_phase(meter, kind, 2 * meter.layers.size)


@kernel
def end_phase(meter, kind, row):  # type: ignore[no-untyped-def]
    """A phase lasts until each core has sent all, and has read all that it was sent."""
    cores, lasts = meter.work.size // 4, np.int64(0)
    outward = meter.work[2 * cores * kind :][:cores]
    inward = meter.work[2 * cores * kind + cores :][:cores]
    leads = meter.leads[row * cores :][:cores]
    for c in range(cores):
        lasts = max(lasts, outward[c])
        if inward[c]:
            lasts = max(lasts, inward[c] + leads[c])
    outward[:] = 0
    inward[:] = 0
    meter.elapsed[kind] += lasts


@kernel
def end_step(meter):  # type: ignore[no-untyped-def]
    """Count the step."""
    meter.elapsed[STEPS] += 1


@pipeline
def meter_inference(core, meter):  # type: ignore[no-untyped-def]
    """Phases 1 to 3 of a whole step."""
    n_layers = meter.layers.size
    for number in range(n_layers + 1):
        meter_spikes(core, meter, number)
        spikes_phase(meter, number)
        if number < n_layers:
            meter_neurons(core, meter, number)


@pipeline
def meter_memory(core, meter):  # type: ignore[no-untyped-def]
    """Phase 4 of a whole step."""
    for number in range(meter.layers.size):
        if number > 0 or core.settings[0].trace_input:
            meter_traces(core, meter, number)
    local_phase(meter, LEARNING_TICKS)


@pipeline
def meter_learning(core, meter, last):  # type: ignore[no-untyped-def]
    """Phases 6 and 7 of a whole step, the ``last`` of a sample or not, before weights change."""
    for number in range(meter.layers.size - 1, 0, -1):
        meter_errors(core, meter, number)
        errors_phase(meter, number)
    for number in range(meter.layers.size):
        meter_updates(core, meter, number)
        if last and meter.settings[0].update == layout.ACCUMULATE:
            meter_sums(core, meter, number)
    local_phase(meter, LEARNING_TICKS)
