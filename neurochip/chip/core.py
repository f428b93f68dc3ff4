"""A core's arrays, made from a mapping: what the kernels read, filled in field by field."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed
from neurochip.chip.memory import Loops, Plan, load_integers
from neurochip.hardware import Hardware
from neurochip.kernels import layout
from neurochip.kernels.convolution import GROUP
from neurochip.mapping import Formats, Integers, Projection, loops_of, plan_of
from neurochip.mapping.formats import PSI_FRACTION, LayerFormats, decay_factor, lam_below
from neurochip.mapping.plan import chip_order
from neurochip.network import LI, LIF, Conv2d, LowPass, Network, Sparse
from neurochip.rules import OTTT

ROUNDINGS = {
    "floor": layout.FLOOR,
    "toward_zero": layout.TOWARD_ZERO,
    "nearest": layout.NEAREST,
    "stochastic": layout.STOCHASTIC,
}
ENCODINGS = {
    "graded": layout.GRADED,
    "rate": layout.RATE,
    "bernoulli": layout.BERNOULLI,
    "spikes": layout.SPIKES,
}
SURROGATES = {"table": layout.TABLE, "boxcar": layout.BOXCAR, "triangle": layout.TRIANGLE}
READOUTS = {"linear": layout.LINEAR, "leaky": layout.LEAKY, "spiking": layout.SPIKING}
LOSSES = {"ce": layout.CROSS_ENTROPY, "mse": layout.SQUARED}
FEEDBACKS = {
    "symmetric": layout.SYMMETRIC,
    "sign": layout.SIGN,
    "random": layout.RANDOM,
    "direct": layout.DIRECT,
}
UPDATES = {"online": layout.ONLINE, "accumulate": layout.ACCUMULATE, "last": layout.LAST}
RANDOM_WORDS = {
    "separable": layout.SEPARABLE,
    "synapse": layout.EACH_SYNAPSE,
    "step": layout.EACH_STEP,
}
RESETS = {"soft": layout.SOFT, "hard": layout.HARD}

#: Width of one lane of the fast update.
LANE_BITS = 16
#: Widest weight of the fast update.
NARROW_BITS = 8
#: Beyond this an accumulator is simulated in 64 bits, so that its exact sum never overflows.
INT32_MAX = (1 << 31) - 1
#: No membrane is further than this from its threshold.
WIDEST_SURROGATE = 1 << 40
#: Largest entry of the table of 2^-fraction: 8 bits.
EXP2_ONE = 255
#: Registers whose saturations are counted, in the order of the counts.
SATURATED_REGISTERS = layout.SATURATIONS
#: Events that are counted, in the order of the counts.
COUNTED_EVENTS = layout.COUNTERS
#: What a core holds of the sample at hand, beside sums that wait for its end.
_REGISTERS = (
    *("signal", "active", "n_active", "n_spikes", "trace", "accumulator", "current"),
    *("v", "v_pre", "psi", "error", "delta", "output_trace", "output_sum", "changed"),
)
#: How a plain (linear) read-out appears among the neurons.
PLAIN = LIF()


def ends(
    bits: int, overflow: str = "saturate", symmetric: bool = False, signed: bool = True
) -> tuple[int, int]:
    """The smallest and largest integer of a register."""
    register = fixed.Format(
        bits, signed=signed, overflow=fixed.Overflow(overflow), symmetric=symmetric
    )
    return register.minimum, register.maximum


def apart(core: layout.Core) -> layout.Core:
    """A core with the same memories, but registers of a sample and counters of its own: what is
    shown to it leaves no mark on a sample in the other.
    """
    registers = {name: getattr(core, name).copy() for name in _REGISTERS}
    counted = {name: np.zeros_like(getattr(core, name)) for name in ("counters", "saturations")}
    return core._replace(**registers, **counted)


def build(
    network: Network,
    hardware: Hardware,
    rule: OTTT,
    formats: Formats,
    integers: Integers,
    seed: int,
    count_saturations: bool,
) -> layout.Core:
    """Allocate a core and fill in everything but the learning rates (`set_rates`)."""
    plan, loops = plan_of(network), loops_of(network)
    core = _allocate(network, plan, loops, hardware, rule, formats, integers)
    _fill_settings(core.settings[0], network, hardware, rule, formats, seed, count_saturations)
    for number in range(len(plan)):
        _fill_layer(core.layers[number], network, plan, loops, hardware, rule, formats, number)
        _fill_connections(core, plan, number)
    fill_listed(core, plan, loops)
    load_integers(core, plan, loops, integers)
    core.psi_table[:] = rule.surrogate.entries()
    return core


def set_rates(core: layout.Core, formats: Formats, rate_shifts: tuple[int, ...]) -> None:
    """Set every layer's learning rate to 2^-rate_shift and choose the kernels that can apply it."""
    settings = core.settings[0]
    for layer, entry, rate in zip(core.layers, formats.layers, rate_shifts, strict=True):
        layer.update_shift = entry.update_shift(rate)
        layer.bias_shift = entry.bias_shift(rate)
        lifts, shift = None, layer.update_shift - layer.shadow_shift
        long = 0 if layer.shadow_shift else long_shift(shift)
        if settings.narrow_weights and not settings.count_saturations:
            lifts = fast_lifts(entry, shift - long)
        rounds_in_lanes = settings.weight_rounding != layout.TOWARD_ZERO
        layer.fast_update = lifts is not None and rounds_in_lanes
        layer.delta_lift, layer.trace_lift = lifts or (0, 0)
        layer.long_shift = long if layer.fast_update else 0
        layer.short_shift = short_shift(entry, layer.update_shift) if layer.fast_update else 0
        narrow = core.gradient.dtype == np.int16 and not settings.count_saturations
        lifts = fast_lifts(entry, entry.gradient_shift) if narrow else None
        layer.fast_gradient = lifts is not None
        layer.gradient_delta_lift, layer.gradient_trace_lift = lifts or (0, 0)
        shift = layer.update_shift - entry.gradient_shift - layer.shadow_shift
        narrow = narrow and settings.narrow_weights
        within = 1 <= shift - (0 if layer.shadow_shift else long_shift(shift)) <= LANE_BITS
        layer.fast_apply = narrow and rounds_in_lanes and within


def fast_lifts(entry: LayerFormats, shift: int) -> tuple[int, int] | None:
    """How far delta and factor are shifted up so that their product's upper half is the change.

    None where the two don't fit 16-bit lanes.
    """
    total = LANE_BITS - shift
    most_delta = LANE_BITS - entry.delta_bits
    most_factor = LANE_BITS - 1 - entry.factor_bits
    if not 0 <= total <= most_delta + most_factor or most_factor < 0:
        return None
    delta_lift = min(most_delta, total)
    return delta_lift, total - delta_lift


def long_shift(shift: int) -> int:
    """How far a shift goes beyond a lane, as far as lanes follow, else 0."""
    beyond = shift - LANE_BITS
    return beyond if 1 <= beyond <= LANE_BITS - 2 else 0


def short_shift(entry: LayerFormats, shift: int) -> int:
    """The update's shift if product plus random word stay inside a lane, else 0."""
    product_bits = entry.delta_bits - 1 + entry.factor_bits
    fits = product_bits <= LANE_BITS - 2 and 1 <= shift <= LANE_BITS - 2
    return shift if fits else 0


def _allocate(
    network: Network,
    plan: Plan,
    loops: Loops,
    hardware: Hardware,
    rule: OTTT,
    formats: Formats,
    integers: Integers,
) -> layout.Core:
    n, n_layers, classes = _places(plan)[-1][0], len(plan), network.n_out
    n_weights = network.n_weights
    listed = listed_layers(plan, loops)
    shared = [projection for projection in plan if _is_shared(projection)]
    n_shared = sum(projection.n_weights for projection in shared)
    most_rows = max((projection.rows for projection in shared), default=0)
    accumulates = rule.update == "accumulate"
    sum_dtype: Any = np.int64 if _needs_wide_sums(plan, loops, hardware, formats) else np.int32
    narrow_gradient = hardware.registers.gradient.bits.value <= LANE_BITS
    gradient_dtype: Any = np.int16 if narrow_gradient else np.int32
    has_memory = any(isinstance(k.neuron, LIF) and k.neuron.current_lam for k in plan)

    def neurons(dtype: Any) -> NDArray[Any]:
        return np.zeros(n, dtype)

    steps = (network.timesteps, n_layers)
    return layout.Core(
        settings=np.zeros(1, layout.SETTINGS).view(np.recarray),
        layers=np.zeros(n_layers, layout.LAYER).view(np.recarray),
        weights=np.zeros(n_weights, integers.weights[0].dtype),
        shadow=np.zeros(n_weights if integers.shadow else 0, np.int16),
        gradient=np.zeros(n_weights if accumulates else 0, gradient_dtype),
        loops=np.zeros(len(loops), layout.LAYER).view(np.recarray),
        offsets=np.zeros(sum(layer.n_in + 1 for layer in listed), np.int64),
        targets=np.zeros(sum(layer.n_synapses for layer in listed), np.int32),
        forward=np.zeros(n_shared, integers.weights[0].dtype),
        bias=neurons(np.int32),
        bias_gradient=neurons(np.int64),
        feedback=np.zeros(sum(b.size for b in integers.feedback), np.int8),
        psi_table=np.zeros(layout.PSI_ENTRIES, np.int64),
        exp2_table=np.floor(EXP2_ONE * 2.0 ** (-np.arange(16) / 16) + 0.5).astype(np.int64),
        signal=neurons(np.int16),
        active=neurons(np.int32),
        n_active=np.zeros(n_layers + 1, np.int64),
        n_spikes=np.zeros(n_layers + 1, np.int64),
        trace=neurons(np.int32),
        accumulator=neurons(sum_dtype),
        current=neurons(np.int32) if has_memory else np.zeros(0, np.int32),
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
        counters=np.zeros((*steps, len(layout.COUNTERS)), np.int64),
        saturations=np.zeros((*steps, len(layout.SATURATIONS)), np.int64),
    )


def _is_shared(projection: Projection) -> bool:
    return isinstance(projection.layer, Conv2d)


def _places(plan: Plan) -> list[tuple[int, int]]:
    """First axon and first neuron of each layer; at last, twice, the end of all.

    Neurons are themselves the axons of the layer above, unless that pools their spikes: then its
    axons have places of their own, behind the neurons.
    """
    places, below, end = [], 0, plan[0].n_in
    for projection in plan:
        if projection.pools:
            below, end = end, end + projection.n_in
        places.append((below, end))
        below, end = end, end + projection.n_out
    return [*places, (end, end)]


def _signal_fraction(plan: Plan, formats: Formats, number: int) -> int:
    return formats.input_fraction if number == 0 else plan[number].signal_fraction


def _largest_signal(plan: Plan, formats: Formats, number: int) -> int:
    if number == 0:
        return max(1, (1 << formats.input_fraction) - 1)
    return plan[number].area


def _largest_sum(
    plan: Plan, loops: Loops, hardware: Hardware, formats: Formats, number: int
) -> int:
    """Largest magnitude that layer ``number`` could accumulate: full-scale weights and inputs."""
    weight = 1 << (hardware.registers.weight.bits.value - 1)
    back = sum(loop.layer.fan_in for loop in loops if loop.target == number)
    spike = 1 << _signal_fraction(plan, formats, number)
    return weight * (plan[number].rows * _largest_signal(plan, formats, number) + back * spike)


def _needs_wide_sums(plan: Plan, loops: Loops, hardware: Hardware, formats: Formats) -> bool:
    """Whether any exact sum, of currents or of a convolution's errors or products, could overflow
    32 bits.
    """
    weight = 1 << (hardware.registers.weight.bits.value - 1)
    sums = [ends(hardware.registers.accumulator.bits.value)[1]]
    for number, (projection, entry) in enumerate(zip(plan, formats.layers, strict=True)):
        sums.append(_largest_sum(plan, loops, hardware, formats, number))
        if _is_shared(projection):
            delta = 1 << (entry.delta_bits - 1)
            sums.append(projection.columns * weight * delta)
            sums.append(projection.positions * delta << entry.factor_bits)
    return max(sums) > INT32_MAX


def _fill_settings(
    s: Any,
    network: Network,
    hardware: Hardware,
    rule: OTTT,
    formats: Formats,
    seed: int,
    count_saturations: bool,
) -> None:
    r = hardware.registers
    s.timesteps, s.n_layers, s.seed = network.timesteps, len(formats.layers), seed
    s.encoding, s.in_bits = ENCODINGS[formats.encoding], r.input.bits.value
    s.in_fraction, s.trace_input = formats.input_fraction, formats.traced_input
    s.readout, s.loss = READOUTS[network.readout], LOSSES[rule.loss]
    s.feedback, s.update = FEEDBACKS[rule.feedback], UPDATES[rule.update]
    s.surrogate = SURROGATES[rule.surrogate.kind]
    s.count_saturations = count_saturations
    accumulator, current, membrane = r.accumulator, r.current, r.membrane
    s.accumulator_low, s.accumulator_high = ends(accumulator.bits.value, accumulator.overflow)
    s.accumulator_wraps = accumulator.overflow == "wrap"
    s.current_bits = current.bits.value
    if s.current_bits:
        s.current_low, s.current_high = ends(s.current_bits, current.overflow, current.symmetric)
        s.current_wraps = current.overflow == "wrap"
    s.membrane_wraps = membrane.overflow == "wrap"
    _, s.trace_high = ends(r.trace.bits.value, signed=False)
    s.trace_rounding, s.delta_rounding = ROUNDINGS[r.trace.rounding], ROUNDINGS[r.delta.rounding]
    s.error_low, s.error_high = ends(r.error.bits.value)
    s.error_fraction = r.error.bits.value - 1
    s.delta_low, s.delta_high = ends(r.delta.bits.value)
    s.gradient_low, s.gradient_high = ends(r.gradient.bits.value)
    s.bias_low, s.bias_high = ends(r.bias.bits.value)
    s.weight_rounding = ROUNDINGS[r.weight.rounding]
    s.random_words = RANDOM_WORDS[r.weight.random_words]
    if r.shadow.bits.value:
        s.weight_rounding = ROUNDINGS[r.shadow.rounding]
        s.shadow_low, s.shadow_high = ends(r.shadow.bits.value)
    s.fires_at_threshold = hardware.neuron.fires == ">="
    s.narrow_weights = r.weight.bits.value <= NARROW_BITS
    last = network.layers[-1]
    s.output_decay = decay_factor(1.0 - 1.0 / last.tau if isinstance(last, LowPass) else 0.0)


def _fill_layer(
    layer: Any,
    network: Network,
    plan: Plan,
    loops: Loops,
    hardware: Hardware,
    rule: OTTT,
    formats: Formats,
    number: int,
) -> None:
    entry, projection = formats.layers[number], plan[number]
    layer.n_in, layer.n_out = projection.n_in, projection.n_out
    layer.rows, layer.columns = projection.rows, projection.columns
    layer.weight_start = sum(k.n_weights for k in plan[:number])
    layer.pre, layer.post = _places(plan)[number]
    layer.population = number
    end = ends(hardware.registers.accumulator.bits.value)[1]
    layer.sums_may_overflow = _largest_sum(plan, loops, hardware, formats, number) > end
    layer.pooled = bool(projection.pools)
    layer.signal_high = _largest_signal(plan, formats, number)
    layer.signal_fraction = _signal_fraction(plan, formats, number)
    if isinstance(projection.layer, Conv2d):
        _fill_convolution(layer, projection, projection.layer, hardware)
        layer.forward_start = sum(k.n_weights for k in plan[:number] if _is_shared(k))
    _fill_widths(layer, hardware, entry)
    layer.current_shift = entry.membrane - entry.weight - layer.signal_fraction
    layer.membrane_fraction = entry.membrane
    _fill_neuron(layer, projection.neuron, entry.membrane, rule)
    layer.trace_fraction = entry.factor
    layer.trace_decay = decay_factor(lam_below(network, rule, number))
    layer.delta_fraction = entry.delta
    layer.gradient_shift = entry.gradient_shift
    layer.bias_exponent, layer.bias_learned = entry.bias_exponent, projection.layer.bias
    _fill_transport(layer, plan, rule, formats, number)


def _fill_widths(layer: Any, hardware: Hardware, entry: LayerFormats) -> None:
    registers = hardware.registers
    bits = entry.weight_bits or registers.weight.bits.value
    layer.weight_low, layer.weight_high = ends(bits)
    shadow = registers.shadow.bits.value
    layer.shadow_shift = shadow - bits if shadow else 0
    membrane = registers.membrane
    layer.membrane_low, layer.membrane_high = ends(
        entry.membrane_bits or membrane.bits.value, membrane.overflow, membrane.symmetric
    )


def _fill_convolution(
    layer: Any, projection: Projection, convolution: Conv2d, hardware: Hardware
) -> None:
    layer.kind = layout.CONVOLUTION
    layer.c_in, layer.h_in, layer.w_in = projection.axons
    _, layer.h_out, layer.w_out = projection.neurons
    layer.kernel, layer.stride = convolution.kernel, convolution.stride
    layer.padding = convolution.padding
    weight_bits = hardware.registers.weight.bits.value
    largest = GROUP * int(layer.signal_high) << (weight_bits - 1)
    layer.short_products = weight_bits <= NARROW_BITS and largest < 1 << (LANE_BITS - 1)


def _fill_connections(core: layout.Core, plan: Plan, number: int) -> None:
    """How many synapses each axon has, and which one counts a neuron's spikes."""
    layer, projection = core.layers[number], plan[number]
    fan_out = projection.fan_out()
    core.fan_out[layer.pre : layer.pre + layer.n_in] = fan_out[projection.axon_order]
    if projection.pools:
        below = core.layers[number - 1]
        place_of = np.append(np.argsort(projection.axon_order), -1)  # the last: counted nowhere
        squares = place_of[projection.squares()[chip_order(projection.below)]]
        core.pool[below.post : below.post + below.n_out] = squares


def listed_layers(plan: Plan, loops: Loops) -> list[Sparse]:
    """The listed synapses in the order of the memories: of layers, then of loops."""
    layers = [projection.layer for projection in plan]
    return [k for k in layers if isinstance(k, Sparse)] + [loop.layer for loop in loops]


def fill_listed(core: layout.Core, plan: Plan, loops: Loops) -> None:
    """Where listed synapses lead, of layers and loops."""
    records = [k for k, p in zip(core.layers, plan, strict=True) if p.is_listed]
    order = sorted(range(len(loops)), key=lambda number: loops[number].target)
    weights = sum(projection.n_weights for projection in plan)
    starts = np.cumsum([weights, *(loop.layer.n_synapses for loop in loops)])
    places = np.argsort(order)
    for number, loop in enumerate(loops):
        record, source = core.loops[places[number]], core.layers[loop.source]
        record.pre, record.population = source.post, loop.source + 1
        record.pooled = loop.source + 1 < len(plan) and bool(plan[loop.source + 1].pools)
        record.n_in, record.n_out = loop.layer.n_in, loop.layer.n_out
        record.weight_start = starts[number]
        records.append(record)
    targets = [loops[number].target for number in order]
    for number, layer in enumerate(core.layers):
        layer.loop_first, layer.loop_last = np.searchsorted(targets, [number, number + 1])
    row, target = 0, 0
    for record, sparse in zip(records, listed_layers(plan, loops), strict=True):
        record.kind, record.row_start, record.target_start = layout.LISTED, row, target
        core.offsets[row : row + sparse.offsets.size] = sparse.offsets
        core.targets[target : target + sparse.n_synapses] = sparse.targets
        row, target = row + sparse.offsets.size, target + sparse.n_synapses


def _fill_neuron(layer: Any, neuron: LIF | LI | None, fraction: int, rule: OTTT) -> None:
    scale = 2.0**fraction
    layer.membrane_decay = decay_factor(neuron.lam) if neuron is not None else 0
    lif = neuron if isinstance(neuron, LIF) else PLAIN
    layer.current_decay = decay_factor(lif.current_lam)
    layer.threshold = max(1, int(np.floor(lif.v_th * scale + 0.5)))
    power = int(layer.threshold).bit_length() - 1
    layer.threshold_log2 = power if layer.threshold == 1 << power else -1
    layer.reset = RESETS[lif.reset]
    layer.reset_value = int(np.floor(lif.v_reset * scale + 0.5))
    width = rule.surrogate.width or 0.0
    reach = min(np.floor(width * lif.v_th * scale + 0.5), WIDEST_SURROGATE)
    layer.surrogate_width = max(1, int(reach))


def _fill_transport(layer: Any, plan: Plan, rule: OTTT, formats: Formats, number: int) -> None:
    if number == 0:
        return
    entry, below = formats.layers[number], formats.layers[number - 1]
    arriving = entry.weight + entry.delta
    if rule.feedback != "symmetric":
        arriving = entry.feedback + entry.delta
    if rule.feedback == "direct":
        arriving = entry.feedback + formats.layers[-1].delta
    arriving += plan[number].signal_fraction
    layer.transport_shift = arriving + PSI_FRACTION - below.delta
    n_above = [plan[-1].n_out if rule.feedback == "direct" else k.n_out for k in plan]
    layer.feedback_start = sum(
        k.n_in * n for k, n in zip(plan[1:number], n_above[1:number], strict=True)
    )
