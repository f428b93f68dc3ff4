"""What inference takes, counted while it happens: phases 1 to 3 of a step.

Spikes are counted where they start, once for all that they do: as messages, and at every synapse
that they reach. Synapses that lead back are read with the others, when the message is there, though
their neurons gather the sums a step later. Where listed synapses lead, spikes leave marks, one bit
a neuron, so that a neuron that several of them reach is active once.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.bits import LANES, NO_BITS, bits_between, count_nonzero, nonzero, ones
from neurochip.kernels.jit import kernel, pipeline, unit, view
from neurochip.kernels.ledger import enter_ones, enter_ones_at
from neurochip.kernels.meter import charge
from neurochip.kernels.windows import add_up, in_window


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
def meter_spikes(core, meter, population):  # type: ignore[no-untyped-def]
    """Phases 1 and 2: what the spikes of a population send and read; where its parts are its
    groups, they were counted when they fired.
    """
    source, s = meter.sources[population], meter.settings[0]
    fired = fired_of(core, source)[population]
    if fired == 0:
        return
    if source.single:
        own = core.active[source.place : source.place + fired]
        if source.row >= 0:
            enter_ones_at(meter.ledger, s.singles + source.unit, source.row, own)
        else:
            enter_ones(meter.ledger, s.singles + source.unit, own)
        mark_links(core, meter, source, population)
    elif not source.parted:
        meter_groups(core, meter, source, fired)


@kernel
def meter_late_spikes(core, meter, population):  # type: ignore[no-untyped-def]
    """The same of the `pipelined` schedule, where spikes are read a step after they were fired."""
    source = meter.sources[population]
    if source.parted:
        for group in range(source.group_end - source.group):
            n = meter.fired[source.part + group]
            charge(meter, meter.settings[0].spikes + source.unit + group, n)
    else:
        meter_spikes(core, meter, population)


@kernel
def meter_groups(core, meter, source, fired):  # type: ignore[no-untyped-def]
    """Of a population ``fired`` neurons fire: how many in each group."""
    left, first = fired, meter.settings[0].spikes + source.unit - source.group
    for group in range(source.group, source.group_end - 1):
        span = meter.groups[group]
        n = count_nonzero(core.signal[span.first : span.last])
        charge(meter, first + group, n)
        left -= n
    if source.group < source.group_end:
        charge(meter, first + source.group_end - 1, left)


@kernel
def mark_links(core, meter, source, population):  # type: ignore[no-untyped-def]
    """Mark what the spikes of a population reach through listed synapses, where it matters."""
    for k in range(source.link, source.link_end):
        link = meter.links[k]
        if meter.driven[link.target]:
            continue
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
        begin = word * LANES
        found = bits[word] | nonzero(biases, begin) | nonzero(membranes, begin)
        n += ones(found & bits_between(word, first, last))
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
def meter_fired(core, meter, own, fired):  # type: ignore[no-untyped-def]
    """Of the neurons above a weight layer ``fired`` fire: how many in each part."""
    left, first = fired, meter.settings[0].fired
    for part in range(own.part, own.part_end - 1):
        span = meter.parts[part]
        n = count_nonzero(core.signal[span.first : span.last])
        meter.fired[part] = n
        charge(meter, first + part, n)
        left -= n
    meter.fired[own.part_end - 1] = left
    charge(meter, first + own.part_end - 1, left)


@unit
def meter_active(core, meter, number):  # type: ignore[no-untyped-def]
    """Neurons above weight layer ``number`` that have something to update, in each part."""
    first, parts, layer = meter.settings[0].active, meter.layers[number], core.layers[number]
    neurons = slice(layer.post, layer.post + layer.n_out)
    biases, membranes = core.bias[neurons], core.v_pre[neurons]
    bits = meter.reached[parts.reached :][: (layer.n_out + LANES - 1) // LANES]
    shared = layer.kind == layout.CONVOLUTION
    if shared:
        add_up(core.signal[layer.pre : layer.pre + layer.n_in], layer, meter.map)
    for part in range(parts.part, parts.part_end):
        begin, end = meter.parts[part].first - layer.post, meter.parts[part].last - layer.post
        if shared:
            n = active_in_windows(layer, bits, biases, membranes, begin, end, meter.map)
        else:
            n = active_between(bits, biases, membranes, begin, end)
        charge(meter, first + part, n)


@kernel
def unmark(meter, own, n_out):  # type: ignore[no-untyped-def]
    """Forget the marks of the neurons above a weight layer."""
    meter.reached[own.reached :][: (n_out + LANES - 1) // LANES] = NO_BITS


@kernel
def meter_neurons(core, meter, number):  # type: ignore[no-untyped-def]
    """Phase 3: the neurons above weight layer ``number``."""
    s, own = meter.settings[0], meter.layers[number]
    if own.part == own.part_end:
        return
    charge(meter, s.scanned + number, 1)
    meter_fired(core, meter, own, fired_of(core, meter.sources[number + 1])[number + 1])
    dense = core.layers[number].kind == layout.DENSE
    if meter.driven[number] or (dense and core.n_active[number] > 0):
        charge(meter, s.reached + number, 1)
    else:
        meter_active(core, meter, number)
    if own.marked:
        unmark(meter, own, core.layers[number].n_out)


@pipeline
def meter_inference(core, meter):  # type: ignore[no-untyped-def]
    """Phases 1 to 3 of a whole step."""
    n_layers = meter.layers.size
    for number in range(n_layers + 1):
        meter_spikes(core, meter, number)
        if number < n_layers:
            meter_neurons(core, meter, number)
