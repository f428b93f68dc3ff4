"""Phase 6, error transport: the delta of every hidden population, from the layer above."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.arithmetic import count_outside, fit_all
from neurochip.kernels.convolution import arrive_through_convolution
from neurochip.kernels.jit import kernel
from neurochip.kernels.neuron import surrogates
from neurochip.kernels.random import round_all, step_key
from neurochip.kernels.rows import arrive_through_listed
from neurochip.kernels.synapse import listed_rows, listed_targets, listed_weights

#: Layers of at most this many columns are worked through column by column.
FEW_COLUMNS = 32


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
def any_nonzero(delta):  # type: ignore[no-untyped-def]
    """Whether there is an error at all: zeros arrive as zeros and change nothing."""
    found = np.int64(0)
    for j in range(delta.size):
        found |= delta[j]
    return found != 0


@kernel
def add_column(column, d, a):  # type: ignore[no-untyped-def]
    """a_j += w_jk d_k for one k."""
    for j in range(a.size):
        a[j] += np.int64(column[j]) * d


@kernel
def arriving_errors(core, number, a):  # type: ignore[no-untyped-def]
    """Fill a (n_in,) with the exact sums that reach the axons of a weight layer."""
    s, layer = core.settings[0], core.layers[number]
    if layer.kind == layout.CONVOLUTION:
        arrive_through_convolution(core, layer, a)
        return
    if layer.kind == layout.LISTED:
        above = core.delta[layer.post : layer.post + layer.n_out]
        weights, targets = listed_weights(core, layer), listed_targets(core, layer)
        arrive_through_listed(weights, targets, listed_rows(core, layer), above, a)
        return
    source = core.layers[core.layers.size - 1] if s.feedback == layout.DIRECT else layer
    above = core.delta[source.post : source.post + source.n_out]
    size = layer.n_in * source.n_out
    shape = (layer.n_in, source.n_out)
    own = core.weights[layer.weight_start : layer.weight_start + layer.n_in * layer.n_out]
    fixed = core.feedback[layer.feedback_start : layer.feedback_start + size]
    if s.feedback == layout.RANDOM or s.feedback == layout.DIRECT:
        arrive_through(fixed.reshape(shape), above, a)
    elif s.feedback == layout.SYMMETRIC:
        arrive_through(own.reshape((layer.n_in, layer.n_out)), above, a)
    else:
        signs = own.reshape((layer.n_in, layer.n_out))
        for j in range(a.size):
            a[j] = dot_signs(signs[j], above)


@kernel
def arrive_through(weights, above, a):  # type: ignore[no-untyped-def]
    """a_j = sum_k w_jk d_k, exact: few columns one by one where there is an error, many by rows."""
    if above.size > FEW_COLUMNS:
        for j in range(a.size):
            a[j] = dot(weights[j], above)
        return
    a[:] = 0
    for k in range(above.size):
        if above[k] != 0:
            add_column(weights[:, k], np.int64(above[k]), a)


@kernel
def deltas_below(core, number, t, step):  # type: ignore[no-untyped-def]
    """d_j = fit(round(a_j * psi_j * 2^-shift)) of the population below weight layer ``number``."""
    surrogates(core, number - 1)
    deltas_by_psi(core, number, t, step)


@kernel
def deltas_by_psi(core, number, t, step):  # type: ignore[no-untyped-def]
    """The same for surrogates that are there.

    Where spikes are pooled, what reaches an axon goes to all neurons of its square.
    """
    s, layer, below = core.settings[0], core.layers[number], core.layers[number - 1]
    first, last = below.post, below.post + below.n_out
    a, psi, delta = core.exact[first:last], core.psi[first:last], core.delta[first:last]
    arriving_errors(core, number, core.exact[layer.pre : layer.pre + layer.n_in])
    low, high = s.delta_low, s.delta_high
    if layer.pooled:
        axons = core.pool[first:last]
        for j in range(a.size):
            a[j] = core.exact[layer.pre + axons[j]] * psi[j] if axons[j] >= 0 else 0
    else:
        for j in range(a.size):
            a[j] *= psi[j]
    stream = step_key(s.seed, layout.FOR_DELTA, number - 1, step)
    round_all(a, layer.transport_shift, s.delta_rounding, stream)
    if s.count_saturations:
        core.saturations[t, number - 1, layout.SAT_DELTA] += count_outside(a, low, high)
    fit_all(a, low, high, False, delta)


@kernel
def transport(core, t, step):  # type: ignore[no-untyped-def]
    """Bring the error from the read-out down to the first hidden population.

    Where the read-out has none, surrogates aren't needed and keep their last values.
    """
    last = core.layers[core.layers.size - 1]
    if not any_nonzero(core.delta[last.post : last.post + last.n_out]):
        core.delta[core.layers[0].post : last.post] = 0
        return
    for number in range(core.layers.size - 1, 0, -1):
        deltas_below(core, number, t, step)
