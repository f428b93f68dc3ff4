"""From a naive core's configuration to the arrays of the kernels, and back to lists.

Only `fast_lifts` is taken from neurochip.chip: which layers may use the 16-bit lanes, and how far
their operands are shifted, is part of what is tested.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from neurochip.chip.core import fast_lifts, long_shift
from neurochip.kernels import layout
from neurochip.kernels.shared_weights import copy_forward

from ..naive.arithmetic import Register
from ..naive.config import CoreConfig
from ..naive.core import EXP2, NaiveCore
from ..naive.strategies import Case

CODES = {
    "floor": layout.FLOOR,
    "toward_zero": layout.TOWARD_ZERO,
    "nearest": layout.NEAREST,
    "stochastic": layout.STOCHASTIC,
    "graded": layout.GRADED,
    "rate": layout.RATE,
    "bernoulli": layout.BERNOULLI,
    "spikes": layout.SPIKES,
    "soft": layout.SOFT,
    "hard": layout.HARD,
    "table": layout.TABLE,
    "boxcar": layout.BOXCAR,
    "triangle": layout.TRIANGLE,
    "linear": layout.LINEAR,
    "leaky": layout.LEAKY,
    "spiking": layout.SPIKING,
    "ce": layout.CROSS_ENTROPY,
    "mse": layout.SQUARED,
    "symmetric": layout.SYMMETRIC,
    "sign": layout.SIGN,
    "random": layout.RANDOM,
    "direct": layout.DIRECT,
    "online": layout.ONLINE,
    "accumulate": layout.ACCUMULATE,
    "last": layout.LAST,
}
"""The numbers of all modes; no two modes of different meaning share a name."""


def build(naive: NaiveCore, *, fast: bool = True, count: bool = False) -> layout.Core:
    """A core in the state of the twin; ``fast`` allows the shortcuts: 16-bit lanes where they fit,
    no look at accumulators that can't overflow.
    """
    core = allocate(naive.config)
    fill_settings(core.settings[0], naive.config, count)
    for ell in range(naive.config.L):
        fill_layer(core.layers[ell], naive.config, ell, fast=fast and not count)
        fill_connections(core, naive.config, ell)
    load(core, naive)
    core.psi_table[:] = naive.config.entries
    core.exp2_table[:] = EXP2
    return core


def is_narrow(c: CoreConfig) -> bool:
    """Whether weights are kept in 8 bits. Only two sets of types are compiled, not all eight."""
    return c.weight_bits <= 8 and c.gradient_bits <= 16


def allocate(c: CoreConfig) -> layout.Core:
    n, classes = places(c)[-1][0], c.layers[-1].n_out
    n_weights = sum(layer.rows * layer.columns for layer in c.layers)
    shared = [layer for layer in c.layers if layer.convolution is not None]
    n_shared = sum(layer.rows * layer.columns for layer in shared)
    most_rows = max((layer.rows for layer in shared), default=0)
    narrow = is_narrow(c)
    weight_dtype: Any = np.int8 if narrow else np.int16
    gradient_dtype: Any = np.int16 if narrow else np.int32
    sum_dtype: Any = np.int32 if narrow else np.int64
    feedback = {"random": [y.n_in * y.n_out for y in c.layers[1:]]}
    feedback["direct"] = [y.n_in * classes for y in c.layers[1:]]

    def neurons(dtype: Any) -> np.ndarray:
        return np.zeros(n, dtype)

    return layout.Core(
        settings=np.zeros(1, layout.SETTINGS).view(np.recarray),
        layers=np.zeros(c.L, layout.LAYER).view(np.recarray),
        weights=np.zeros(n_weights, weight_dtype),
        shadow=np.zeros(n_weights if c.shadow_bits else 0, np.int16),
        gradient=np.zeros(n_weights if c.update == "accumulate" else 0, gradient_dtype),
        loops=np.zeros(0, layout.LAYER).view(np.recarray),
        offsets=np.zeros(0, np.int64),
        targets=np.zeros(0, np.int32),
        forward=np.zeros(n_shared, weight_dtype),
        bias=neurons(np.int32),
        bias_gradient=neurons(np.int64),
        feedback=np.zeros(sum(feedback.get(c.feedback, [])), np.int8),
        psi_table=np.zeros(16, np.int64),
        exp2_table=np.zeros(16, np.int64),
        signal=neurons(np.int16),
        active=neurons(np.int32),
        n_active=np.zeros(c.L + 1, np.int64),
        n_spikes=np.zeros(c.L + 1, np.int64),
        trace=neurons(np.int32),
        accumulator=neurons(sum_dtype),
        current=neurons(np.int32),
        exact=neurons(np.int64),
        v=neurons(np.int32),
        v_pre=neurons(np.int32),
        psi=neurons(np.int16),
        error=np.zeros(classes, np.int64),
        delta=neurons(np.int16),
        output_trace=np.zeros(classes, np.int64),
        output_sum=np.zeros(classes, np.int64),
        changed=neurons(np.uint8),
        touched=neurons(np.uint8),
        rows=neurons(np.int32),
        lifted=neurons(np.int16),
        words=neurons(np.int16),
        pool=neurons(np.int32),
        fan_out=neurons(np.int32),
        sums=np.zeros(n_shared, sum_dtype),
        patch=np.zeros(most_rows, sum_dtype),
        factors=np.zeros(most_rows, np.int32),
        changes=np.zeros(most_rows, np.int64),
        row_words=np.zeros(most_rows, np.int16),
        counters=np.zeros((c.T, c.L, len(layout.COUNTERS)), np.int64),
        saturations=np.zeros((c.T, c.L, len(layout.SATURATIONS)), np.int64),
    )


RANDOM_WORDS = {
    "separable": layout.SEPARABLE,
    "synapse": layout.EACH_SYNAPSE,
    "step": layout.EACH_STEP,
}


def fill_settings(s: Any, c: CoreConfig, count: bool) -> None:
    s.timesteps, s.n_layers = c.T, c.L
    s.seed = c.seed - (c.seed >> 63 << 64)  # the same 64 bits, signed
    s.encoding, s.in_bits, s.in_fraction = CODES[c.encoding], c.in_bits, c.f_in
    s.trace_input, s.count_saturations = c.trace_input, count
    for name in ("readout", "loss", "feedback", "update", "surrogate"):
        s[name] = CODES[getattr(c, name)]
    fill_register(s, "accumulator", c.accumulator)
    s.membrane_wraps = c.membrane.overflow == "wrap"
    if c.current is not None:
        s.current_bits = c.current.bits
        fill_register(s, "current", c.current)
    s.trace_high, s.trace_rounding = 2**c.trace_bits - 1, CODES[c.trace_rounding]
    s.error_fraction, s.delta_rounding = c.fe, CODES[c.delta_rounding]
    for name in ("error", "delta", "gradient", "shadow", "bias"):
        bits = getattr(c, f"{name}_bits")
        if bits:
            s[f"{name}_low"], s[f"{name}_high"] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    s.weight_rounding = CODES[c.rounding]
    s.random_words = RANDOM_WORDS[c.random_words]
    # In a run all layers fire by one rule; see `with_one_way_to_fire`.
    s.fires_at_threshold = c.layers[0].fires == ">="
    s.narrow_weights = c.weight_bits <= 8
    s.output_decay = c.output_d


def fill_register(s: Any, name: str, register: Register) -> None:
    s[f"{name}_low"], s[f"{name}_high"] = register.minimum, register.maximum
    s[f"{name}_wraps"] = register.overflow == "wrap"


def fill_layer(layer: Any, c: CoreConfig, ell: int, *, fast: bool) -> None:
    given, above = c.layers[ell], c.layers[:ell]
    layer.n_in, layer.n_out = given.n_in, given.n_out
    layer.rows, layer.columns = given.rows, given.columns
    layer.weight_start = sum(y.rows * y.columns for y in above)
    layer.pre, layer.post = places(c)[ell]
    layer.population = ell
    layer.pooled = given.pool is not None
    layer.signal_fraction, layer.signal_high = c.fraction_in(ell), largest_signal(c, ell)
    if given.convolution is not None:
        layer.kind = layout.CONVOLUTION
        layer.forward_start = sum(y.rows * y.columns for y in above if y.convolution is not None)
        for name in ("c_in", "h_in", "w_in", "h_out", "w_out", "kernel", "stride", "padding"):
            layer[name] = getattr(given.convolution, name)
        layer.short_products = fast and c.weight_bits <= 8 and layer.signal_high < 64
    layer.sums_may_overflow = not fast or largest_sum(c, ell) > c.accumulator.maximum + 1
    weight, membrane = c.weight_register(ell), c.membrane_register(ell)
    layer.weight_low, layer.weight_high = weight.minimum, weight.maximum
    layer.membrane_low, layer.membrane_high = membrane.minimum, membrane.maximum
    layer.shadow_shift = c.shadow_shift(ell) if c.shadow_bits else 0
    layer.current_shift = given.fv - given.fw - c.fraction_in(ell)
    layer.current_decay = given.current_d
    layer.membrane_decay, layer.membrane_fraction = given.d, given.fv
    layer.threshold = given.theta
    is_power = given.theta & (given.theta - 1) == 0
    layer.threshold_log2 = given.theta.bit_length() - 1 if is_power else -1
    layer.reset, layer.reset_value = CODES[given.reset], given.v_reset
    layer.surrogate_width = given.win
    layer.trace_fraction, layer.trace_decay = given.fx, given.trace_d
    layer.delta_fraction = c.fraction_delta(ell)
    layer.gradient_shift, layer.update_shift, layer.bias_shift = given.pg, given.k, given.kb
    layer.bias_exponent, layer.bias_learned = given.bias_exp, given.bias_learned
    if ell > 0:
        fill_transport(layer, c, ell)
    if fast:
        choose_lanes(layer, c, ell)


def places(c: CoreConfig) -> list[tuple[int, int]]:
    """First axon and first neuron of each layer, and the end of all twice.

    Neurons are the axons of the layer above unless that pools: then its axons follow them.
    """
    found, below, end = [], 0, c.layers[0].n_in
    for layer in c.layers:
        if layer.pool is not None:
            below, end = end, end + layer.n_in
        found.append((below, end))
        below, end = end, end + layer.n_out
    return [*found, (end, end)]


def fill_connections(core: layout.Core, c: CoreConfig, ell: int) -> None:
    layer, given = core.layers[ell], c.layers[ell]
    axons = [i for i, *_ in given.connections]
    core.fan_out[layer.pre : layer.pre + layer.n_in] = np.bincount(axons, minlength=layer.n_in)
    if given.pool is not None:
        below = core.layers[ell - 1]
        squares = [given.pool.square_of(j) for j in range(below.n_out)]
        at = slice(below.post, below.post + below.n_out)
        core.pool[at] = [-1 if square is None else square for square in squares]


def largest_signal(c: CoreConfig, ell: int) -> int:
    pool = c.layers[ell].pool
    if ell == 0 and c.encoding == "graded":
        return 2**c.in_bits - 1
    return 1 if pool is None else pool.side**2


def largest_sum(c: CoreConfig, ell: int) -> int:
    """Magnitude of the sum of a neuron whose synapses are all at the lower end of their range."""
    return c.layers[ell].rows * 2 ** (c.weight_bits - 1) * largest_signal(c, ell)


def fill_transport(layer: Any, c: CoreConfig, ell: int) -> None:
    given = c.layers[ell]
    carried = {"symmetric": given.fw, "sign": given.f_sign}.get(c.feedback, given.fb)
    arriving = c.fe if c.feedback == "direct" else c.fraction_delta(ell)
    layer.transport_shift = carried + arriving + given.f_pool + 4 - c.layers[ell - 1].fd
    classes = c.layers[-1].n_out
    layer.feedback_start = sum(
        y.n_in * (classes if c.feedback == "direct" else y.n_out) for y in c.layers[1:ell]
    )


def choose_lanes(layer: Any, c: CoreConfig, ell: int) -> None:
    """Allow the fast path wherever products fit, as the chip does for its formats."""
    raw_bits = max(1, c.f_in)
    entry: Any = SimpleNamespace(
        delta_bits=c.error_bits if ell == c.L - 1 else c.delta_bits,
        factor_bits=c.trace_bits if c.traced(ell) else raw_bits,
    )
    below = c.shadow_shift(ell) if c.shadow_bits else 0
    shift = c.layers[ell].k - below
    long = 0 if below else long_shift(shift)
    lifts = fast_lifts(entry, shift - long)
    if lifts is not None and c.weight_bits <= 8 and c.rounding != "toward_zero":
        layer.fast_update, layer.long_shift = True, long
        layer.delta_lift, layer.trace_lift = lifts
    lifts = fast_lifts(entry, c.layers[ell].pg)
    if lifts is not None and is_narrow(c):
        layer.fast_gradient = True
        layer.gradient_delta_lift, layer.gradient_trace_lift = lifts
    rest = c.layers[ell].k - c.layers[ell].pg - below
    in_lanes = is_narrow(c) and c.weight_bits <= 8 and c.rounding != "toward_zero"
    layer.fast_apply = in_lanes and 1 <= rest - (0 if below else long_shift(rest)) <= 16


def load(core: layout.Core, naive: NaiveCore) -> None:
    """Copy what the twin has learned."""
    for ell, layer in enumerate(core.layers):
        part = slice(layer.weight_start, layer.weight_start + layer.rows * layer.columns)
        core.weights[part] = as_stored(layer, naive.w[ell])
        if naive.shadow is not None:
            core.shadow[part] = as_stored(layer, naive.shadow[ell])
        neurons = slice(layer.post, layer.post + layer.n_out)
        core.bias[neurons] = np.resize(naive.bias[ell], layer.n_out)
        if layer.kind == layout.CONVOLUTION:
            copy_forward(core, ell)
        if naive.feedback is not None and ell > 0:
            b = np.ravel(naive.feedback[ell])
            core.feedback[layer.feedback_start : layer.feedback_start + b.size] = b


def as_stored(layer: Any, matrix: list[list[int]]) -> np.ndarray:
    """[row][column] in the order of the memory: a convolution's channel by channel."""
    values = np.array(matrix)
    return (values.T if layer.kind == layout.CONVOLUTION else values).ravel()


def below(core: layout.Core, name: str) -> list[list[int]]:
    """A per-neuron array, cut into the populations below each weight layer."""
    values = getattr(core, name)
    return [values[k.pre : k.pre + k.n_in].tolist() for k in core.layers]


def above(core: layout.Core, name: str) -> list[list[int]]:
    """The same for the populations above each weight layer."""
    values = getattr(core, name)
    return [values[k.post : k.post + k.n_out].tolist() for k in core.layers]


def matrices(core: layout.Core, name: str) -> list[list[list[int]]] | None:
    """A per-synapse array as [layer][i][j]; None where it's unused."""
    values = getattr(core, name)
    if not values.size:
        return None
    return [matrix_of(layer, values) for layer in core.layers]


def matrix_of(layer: Any, values: np.ndarray) -> list[list[int]]:
    part = values[layer.weight_start : layer.weight_start + layer.rows * layer.columns]
    if layer.kind == layout.CONVOLUTION:
        return part.reshape(layer.columns, layer.rows).T.tolist()
    return part.reshape(layer.rows, layer.columns).tolist()


def channels(core: layout.Core, name: str) -> list[list[int]]:
    """A per-channel array: of each layer as many as its weights have columns."""
    values = getattr(core, name)
    return [values[k.post : k.post + k.columns].tolist() for k in core.layers]


def frames(c: CoreConfig, sample: list[Any]) -> np.ndarray:
    """One sample as the kernels take it: (T, n_in) spikes, or (1, n_in) integers."""
    return np.array(sample if c.encoding == "spikes" else [sample], dtype=np.uint8)


def stream(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, labels, and the places in them of the case's samples, last one first."""
    inputs = np.array([frames(case.config, sample) for sample in case.samples])[::-1].copy()
    labels = np.array(case.labels, dtype=np.int64)[::-1].copy()
    return inputs, labels, np.arange(len(labels) - 1, -1, -1, dtype=np.int64)
