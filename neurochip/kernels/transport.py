"""Phase 6, error transport: the delta of every hidden population, from the layer above."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.arithmetic import count_outside, fit_all
from neurochip.kernels.jit import kernel
from neurochip.kernels.neuron import surrogates
from neurochip.kernels.random import round_all, step_key


@kernel
def dot(row, delta):  # type: ignore[no-untyped-def]
    """Exact sum of products of one row of synapses with the deltas it reaches."""
    total = np.int64(0)
    for k in range(row.size):
        total += np.int64(row[k]) * np.int64(delta[k])
    return total


@kernel
def dot_signs(row, delta):  # type: ignore[no-untyped-def]
    """The same with every weight's sign in its place."""
    total = np.int64(0)
    for k in range(row.size):
        sign = np.int64(row[k] > 0) - np.int64(row[k] < 0)
        total += sign * np.int64(delta[k])
    return total


@kernel
def arriving_errors(core, number, a):  # type: ignore[no-untyped-def]
    """Fill a (n_in,) with the exact sums that reach the population below weight layer."""
    s, layer = core.settings[0], core.layers[number]
    n_above = layer.n_out
    above = core.delta[layer.post : layer.post + layer.n_out]
    if s.feedback == layout.DIRECT:
        last = core.layers[core.layers.size - 1]
        n_above = last.n_out
        above = core.delta[last.post : last.post + last.n_out]
    for j in range(a.size):
        if core.psi[layer.pre + j] == 0:
            a[j] = 0
            continue
        if s.feedback == layout.RANDOM or s.feedback == layout.DIRECT:
            at = layer.feedback_start + j * n_above
            a[j] = dot(core.feedback[at : at + n_above], above)
            continue
        at = layer.weight_start + j * n_above
        row = core.weights[at : at + n_above]
        a[j] = dot_signs(row, above) if s.feedback == layout.SIGN else dot(row, above)


@kernel
def deltas_below(core, number, t, step):  # type: ignore[no-untyped-def]
    """d_j = fit(round(a_j * psi_j * 2^-shift)) of the population below weight layer ``number``."""
    s, layer = core.settings[0], core.layers[number]
    first, last = layer.pre, layer.pre + layer.n_in
    a, psi, delta = core.exact[first:last], core.psi[first:last], core.delta[first:last]
    surrogates(core, number - 1)
    arriving_errors(core, number, a)
    low, high = s.delta_low, s.delta_high
    for j in range(a.size):
        a[j] *= psi[j]
    stream = step_key(s.seed, layout.FOR_DELTA, number - 1, step)
    round_all(a, layer.transport_shift, s.delta_rounding, stream)
    if s.count_saturations:
        core.saturations[t, number - 1, layout.SAT_DELTA] += count_outside(a, low, high)
    fit_all(a, low, high, False, delta)


@kernel
def transport(core, t, step):  # type: ignore[no-untyped-def]
    """Bring the error from the read-out down to the first hidden population."""
    for number in range(core.layers.size - 1, 0, -1):
        deltas_below(core, number, t, step)
