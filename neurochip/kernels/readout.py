"""Phase 5, read-out and error: outputs, an integer softmax, the third factor."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.arithmetic import (
    copy_all,
    count_outside,
    decay,
    first_largest,
    fit,
    shift,
    shift_round,
    sum_all,
)
from neurochip.kernels.jit import kernel, view
from neurochip.kernels.neuron import NO_MEMORY, integrate, neurons, surrogates

#: Largest shift of a softmax numerator (8 bits): more leaves nothing.
MAX_WHOLE = 31
#: log2 of the entries of the table of 2^-fraction.
EXP2_LOG2 = 4


@view
def outputs(core):  # type: ignore[no-untyped-def]
    """The read-out's o[t], a view of (C,) int32 in units of v."""
    layer = core.layers[core.layers.size - 1]
    return core.v_pre[layer.post : layer.post + layer.n_out]


@kernel
def read_out(core, t):  # type: ignore[no-untyped-def]
    """Compute o[t] and add it, or a trace of the spikes, to the sum that predicts."""
    if core.settings[0].readout == layout.SPIKING:
        neurons(core, core.layers.size - 1, t)
    else:
        integrate_outputs(core, t)
    sum_outputs(core)


@kernel
def integrate_outputs(core, t):  # type: ignore[no-untyped-def]
    """o[t] of a read-out that doesn't spike, also kept in v."""
    number = core.layers.size - 1
    layer = core.layers[number]
    leaky = core.settings[0].readout == layout.LEAKY
    integrate(core, number, t, layer.membrane_decay if leaky else NO_MEMORY)
    o = outputs(core)
    copy_all(o, core.v[layer.post : layer.post + layer.n_out])


@kernel
def sum_outputs(core):  # type: ignore[no-untyped-def]
    """Add o[t], or a trace of the spikes, to the sum that predicts."""
    s, layer = core.settings[0], core.layers[core.layers.size - 1]
    if s.readout == layout.SPIKING:
        spikes = core.signal[layer.post : layer.post + layer.n_out]
        trace = core.output_trace
        for c in range(spikes.size):
            spike = np.int64(spikes[c]) << layer.membrane_fraction
            trace[c] = decay(trace[c], s.output_decay) + spike
            core.output_sum[c] += trace[c]
        return
    o = outputs(core)
    for c in range(o.size):
        core.output_sum[c] += o[c]


@view
def output_values(core):  # type: ignore[no-untyped-def]
    """o[t] as int64 in units of v: a spiking read-out's spike counts as 1.0."""
    s, layer = core.settings[0], core.layers[core.layers.size - 1]
    first, last = layer.post, layer.post + layer.n_out
    values = core.exact[first:last]
    if s.readout == layout.SPIKING:
        for c in range(values.size):
            values[c] = np.int64(core.signal[first + c]) << layer.membrane_fraction
    else:
        copy_all(core.v_pre[first:last], values)
    return values


@kernel
def softmax_numerators(o, fraction, table):  # type: ignore[no-untyped-def]
    """Replace o by the numerators of its softmax, 8 bits: 2^-D', D' = D * 1.4375 (log2 e)."""
    peak = o[first_largest(o)]
    for c in range(o.size):
        d = peak - o[c]
        d2 = d + (d >> 1) - (d >> 4)
        entry = shift(d2, EXP2_LOG2 - fraction) & (layout.PSI_ENTRIES - 1)
        o[c] = table[entry] >> min(d2 >> fraction, MAX_WHOLE)


@kernel
def cross_entropy_error(core, label):  # type: ignore[no-untyped-def]
    """e = softmax(o) - onehot, exact before its register; Q error_fraction."""
    s, layer = core.settings[0], core.layers[core.layers.size - 1]
    numerators = output_values(core)
    softmax_numerators(numerators, layer.membrane_fraction, core.exp2_table)
    total = sum_all(numerators)
    for c in range(numerators.size):
        p = ((numerators[c] << (s.error_fraction + 1)) + total) // (2 * total)
        core.error[c] = p - ((1 << s.error_fraction) if c == label else 0)


@kernel
def squared_error(core, label):  # type: ignore[no-untyped-def]
    """e = o - onehot, exact before its register; Q error_fraction."""
    s, layer = core.settings[0], core.layers[core.layers.size - 1]
    o = output_values(core)
    drop = layer.membrane_fraction - s.error_fraction
    for c in range(o.size):
        target = (1 << layer.membrane_fraction) if c == label else 0
        core.error[c] = shift_round(o[c] - target, drop, layout.NEAREST, 0)


@kernel
def error_in(core, label, t):  # type: ignore[no-untyped-def]
    """Phase 5: the error, and the read-out's delta."""
    s = core.settings[0]
    number = core.layers.size - 1
    layer = core.layers[number]
    if s.loss == layout.CROSS_ENTROPY:
        cross_entropy_error(core, label)
    else:
        squared_error(core, label)
    low, high = s.error_low, s.error_high
    if s.count_saturations:
        core.saturations[t, number, layout.SAT_ERROR] += count_outside(core.error, low, high)
    delta = core.delta[layer.post : layer.post + layer.n_out]
    for c in range(delta.size):
        core.error[c] = fit(core.error[c], low, high, False)
        delta[c] = core.error[c]
    if s.readout == layout.SPIKING:
        surrogates(core, number)
        psi = core.psi[layer.post : layer.post + layer.n_out]
        for c in range(delta.size):
            d = shift_round(core.error[c] * psi[c], layout.PSI_FRACTION, layout.NEAREST, 0)
            delta[c] = fit(d, low, high, False)


@kernel
def predicted(core):  # type: ignore[no-untyped-def]
    """The class with the largest sum of o over the sample so far; the first of equals."""
    return first_largest(core.output_sum)
