"""What learning takes, counted while it happens: phases 4, 6 and 7 of a step."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.bits import LANES, NO_BITS, bits_between, count_nonzero, nonzero, ones
from neurochip.kernels.jit import kernel, pipeline, unit
from neurochip.kernels.meter import charge
from neurochip.kernels.windows import add_up, area, in_window


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
    if s.update == layout.ACCUMULATE and layer.kind == layout.DENSE and own.part < own.part_end:
        note_used(core, meter, own, layer)
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
    if s.update != layout.ACCUMULATE and shared:
        apply_shared(meter, own)


@kernel
def note_used(core, meter, own, layer):  # type: ignore[no-untyped-def]
    """Note which rows of a dense layer have a factor, and which columns have an error."""
    note_nonzero(core.trace[layer.pre : layer.pre + layer.n_in], meter.used[own.used_rows :])
    note_nonzero(core.delta[layer.post : layer.post + layer.n_out], meter.used[own.used_columns :])


@kernel
def note_nonzero(values, bits):  # type: ignore[no-untyped-def]
    """Set the bit of each value that isn't 0."""
    for first in range(0, values.size, LANES):
        bits[first // LANES] |= nonzero(values, first)


@kernel
def used_between(bits, first, last):  # type: ignore[no-untyped-def]
    """How many of the bits first .. last-1 are set."""
    n = np.int64(0)
    for word in range(first // LANES, (last + LANES - 1) // LANES):
        n += ones(bits[word] & bits_between(word, first, last))
    return n


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
    rows, columns = meter.used[own.used_rows :], meter.used[own.used_columns :]
    n_rows = used_between(rows, 0, layer.n_in)
    for part in range(own.part, own.part_end):
        span = meter.parts[part]
        n = used_between(columns, span.first - layer.post, span.last - layer.post)
        if n:
            charge(meter, s.applied + part, n_rows * n)
            charge(meter, s.applied_rows + part, n_rows)
    rows[: (layer.n_in + LANES - 1) // LANES] = NO_BITS
    columns[: (layer.n_out + LANES - 1) // LANES] = NO_BITS


@pipeline
def meter_memory(core, meter):  # type: ignore[no-untyped-def]
    """Phase 4 of a whole step."""
    for number in range(meter.layers.size):
        if number > 0 or core.settings[0].trace_input:
            meter_traces(core, meter, number)


@pipeline
def meter_learning(core, meter, last):  # type: ignore[no-untyped-def]
    """Phases 6 and 7 of a whole step, the ``last`` of a sample or not, before weights change."""
    for number in range(meter.layers.size - 1, 0, -1):
        meter_errors(core, meter, number)
    for number in range(meter.layers.size):
        meter_updates(core, meter, number)
        if last and meter.settings[0].update == layout.ACCUMULATE:
            meter_sums(core, meter, number)
