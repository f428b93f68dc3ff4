"""What a chip can't hold or do, said before anything runs."""

from __future__ import annotations

import numpy as np

from neurochip.errors import LimitError, RuleError
from neurochip.fixed import DECAY_BITS
from neurochip.hardware import Hardware
from neurochip.mapping.formats import Formats, decay_factor, lam_below, trace_sum
from neurochip.mapping.plan import loops_of, plan_of
from neurochip.mapping.quantise import Integers
from neurochip.mapping.widths import CHIP_WIDTHS, Widths
from neurochip.network import LIF, Dense, Network, Parameters
from neurochip.rules import OTTT, Rule

#: Rate shifts beyond these would leave no change, or overflow the products.
RATE_SHIFT_LOW, RATE_SHIFT_HIGH = -8, 24
#: The largest shift of a product that the update unit has.
MAX_UPDATE_SHIFT = 40
#: Steps of a sample: a counter of each is kept.
MAX_TIMESTEPS = 1 << 16
#: A trace keeps at least this many fraction bits, so that a spike outlives its own step.
MIN_TRACE_FRACTION = 1
#: The largest decay that is told from no leak.
LARGEST_LAM = 1.0 - 1.0 / (1 << DECAY_BITS)


def check_supported(network: Network, hardware: Hardware, rule: Rule) -> None:
    """Raise LimitError or RuleError where the chip's neurons or learning differ in kind."""
    if not isinstance(rule, OTTT):
        raise RuleError(
            f"rule {rule.name!r} has no binding to a chip's integers; learn with OTTT, or train "
            f"off the chip and map the result"
        )
    planned, loops = plan_of(network), loops_of(network)
    other = [p.layer for p in planned if not isinstance(p.layer, Dense)] + [p.layer for p in loops]
    if rule.feedback != "symmetric" and other:
        raise RuleError(
            f"feedback {rule.feedback!r} needs Dense layers, but the network has a "
            f"{type(other[0]).__name__}; set feedback to 'symmetric'"
        )
    if hardware.neuron.leak != "exponential":
        raise LimitError(
            f"neurons of hardware {hardware.name!r} have a {hardware.neuron.leak} leak, but a "
            "network's is exponential; map it onto this chip, or run it on another"
        )
    for number, neuron in enumerate(_spiking(network)):
        if neuron.reset not in hardware.neuron.resets:
            raise LimitError(
                f"neurons of layer {number} have a {neuron.reset} reset, but hardware "
                f"{hardware.name!r} has {' and '.join(hardware.neuron.resets)}; "
                f"set reset = {hardware.neuron.resets[0]!r}"
            )
        if neuron.current_lam and not hardware.registers.current.bits.value:
            raise LimitError(
                f"neurons of layer {number} keep their synaptic current (current_lam is "
                f"{neuron.current_lam:.6g}), but hardware {hardware.name!r} has no register for "
                f"it; choose one that has, such as 'loihi'"
            )
        if neuron.fires != hardware.neuron.fires:
            raise LimitError(
                f"neurons of layer {number} fire at v {neuron.fires} v_th, but hardware "
                f"{hardware.name!r} fires at v {hardware.neuron.fires} v_th; "
                f"set fires = {hardware.neuron.fires!r}"
            )
    if rule.surrogate.kind == "sigmoid":
        raise RuleError(
            "surrogate 'sigmoid' needs a real exponential, which a chip hasn't; "
            "choose 'table', its 16-entry form, or 'boxcar' or 'triangle'"
        )
    if rule.surrogate.kind == "tent":
        raise RuleError(
            "surrogate 'tent' needs real numbers, which a chip hasn't; "
            "choose 'triangle', its form in sixteenths, or 'table' or 'boxcar'"
        )
    if rule.loss_lambda:
        raise RuleError(
            f"loss_lambda is {rule.loss_lambda}, but a chip computes one error, not a mixture; "
            "set it to 0, or the loss to 'mse'"
        )


def check_synapses(network: Network) -> None:
    """Raise LimitError where synapses are listed or lead back, by which a chip doesn't learn."""
    for number, projection in enumerate(plan_of(network)):
        if projection.is_listed:
            raise LimitError(
                f"weight layer {number} is a Sparse, whose listed synapses a chip can't learn; "
                f"make it a Dense, or train the network off the chip and run it here"
            )
    for loop in loops_of(network):
        raise LimitError(
            f"weight layer {loop.target} hears spikes from beside the layers, and a chip can't "
            f"learn in such a network; take the feedback out, or train the network off the chip "
            f"and run it here"
        )


def check_learns(hardware: Hardware, rule: OTTT) -> None:
    """Raise LimitError where the chip has no learning engine for a rule."""
    rules = hardware.learning.rules
    if rule.name not in rules:
        able = f"learns by {' and '.join(rules)} only" if rules else "can't learn"
        raise LimitError(
            f"hardware {hardware.name!r} {able}, but was asked to learn by {rule.name}; choose a "
            "chip that has it, or run what another chip has learned"
        )


def check_currents(network: Network) -> None:
    """Raise LimitError where neurons keep their current, whose traces a chip doesn't learn by."""
    for number, neuron in enumerate(_spiking(network)):
        if neuron.current_lam:
            raise LimitError(
                f"neurons of layer {number} keep their synaptic current (current_lam is "
                f"{neuron.current_lam:.6g}), but OTTT's traces are of spikes that don't; run this "
                f"network, or learn with neurons without it"
            )


def check_fits(
    network: Network, hardware: Hardware, rule: OTTT, widths: Widths = CHIP_WIDTHS
) -> None:
    """Raise LimitError where the network, or the registers of a single layer, exceed the chip."""
    limits = hardware.limits
    widths.check(len(plan_of(network)), hardware)
    if network.timesteps > MAX_TIMESTEPS:
        raise LimitError(
            f"timesteps is {network.timesteps}, but a chip shows a sample for at most "
            f"{MAX_TIMESTEPS} steps; set fewer"
        )
    check_epoch(network, hardware, rule)
    _check_neurons(network, hardware)
    for number, layer in enumerate(network.weight_layers):
        if layer.fan_in > limits.fan_in.value:
            raise LimitError(
                f"weight layer {number} has a fan-in of {layer.fan_in}, but a neuron of hardware "
                f"{hardware.name!r} hears at most {limits.fan_in.value}; "
                f"make the layer below smaller or choose a larger chip"
            )
    _check_memory(network, hardware, rule, widths)


def check_epoch(network: Network, hardware: Hardware, rule: OTTT) -> None:
    """Raise LimitError where a rule sums gradients over more steps than a learning epoch has."""
    most, steps = hardware.limits.learning_epoch.value, network.timesteps
    if rule.update == "accumulate" and most is not None and steps > most:
        raise LimitError(
            f"every layer sums its gradients over the {steps} steps of a sample, but a learning "
            f"epoch of hardware {hardware.name!r} has at most {most}; set timesteps up to {most}, "
            "or update to 'online' or 'last'"
        )


def check_traces(network: Network, hardware: Hardware, rule: OTTT, formats: Formats) -> None:
    """Raise LimitError where a leak or the sum of a trace can't be told from nothing."""
    bits = hardware.registers.trace.bits.value
    for number, neuron in enumerate(network.neurons):
        if 0 < neuron.lam < 1 and decay_factor(neuron.lam) == 0:
            raise LimitError(
                f"lam of layer {number} is {neuron.lam}, but the chip's decay factor of "
                f"{DECAY_BITS} bits rounds it to 1.0, no leak; choose lam up to {LARGEST_LAM:.4f}, "
                f"or 1"
            )
    for number, (layer, projection) in enumerate(
        zip(formats.layers, plan_of(network), strict=True)
    ):
        least = max(MIN_TRACE_FRACTION, projection.signal_fraction)
        if (number > 0 or formats.traced_input) and layer.factor < least:
            lam = lam_below(network, rule, number)
            need = bits + least - layer.factor
            steps = f"{trace_sum(lam, network.timesteps):.6g}"
            each = f", each a count of 2^-{least}," if projection.pools else ""
            raise LimitError(
                f"the trace that feeds weight layer {number} has {bits} bits, but with lam = {lam} "
                f"it sums up to {steps} spikes{each} and needs {need}; widen trace_bits or lower "
                f"lam"
            )


def check_weights(
    parameters: Parameters, integers: Integers, hardware: Hardware, widths: Widths = CHIP_WIDTHS
) -> None:
    """Raise LimitError where every weight of a layer is lost in rounding."""
    for number, w in enumerate(parameters.weights):
        if np.any(w) and not np.any(integers.weights[number]):
            headroom = hardware.registers.weight.headroom.value
            bits = widths.weight(hardware, number)
            raise LimitError(
                f"all weights of layer {number} round to 0 with "
                f"{'layer_bits' if widths.weights else 'weight_bits'} = {bits} and headroom = "
                f"{headroom:g}; use more bits or a smaller headroom"
            )


def check_thresholds(network: Network, hardware: Hardware, formats: Formats) -> None:
    """Raise LimitError where a threshold is no positive number of its membrane's register."""
    register = hardware.registers.membrane
    for number, neuron in enumerate(_spiking(network)):
        bits = formats.layers[number].membrane_bits or register.bits.value
        highest = (1 << (bits - 1)) - 1
        fraction = formats.layers[number].membrane
        threshold = round(neuron.v_th * 2.0**fraction)
        if not 1 <= threshold <= highest:
            raise LimitError(
                f"the threshold of layer {number} is {neuron.v_th} = {threshold:.15g} * "
                f"2^-{fraction}, but a membrane of {bits} bits holds 1 to "
                f"{highest}; change v_th, the membrane's bits or its fraction"
            )


def synapse_bits(hardware: Hardware, rule: OTTT | None, weight_bits: int) -> int:
    """Weight memory of one synapse: weight, and for a rule shadow and gradient accumulator.

    Accumulators have no place there where the chip has a memory of their own for them.
    """
    registers = hardware.registers
    if rule is None:
        return weight_bits
    here = hardware.limits.accumulator_memory_per_core.value is None
    sums = registers.gradient.bits.value if rule.update == "accumulate" and here else 0
    return weight_bits + registers.shadow.bits.value + sums


def _check_neurons(network: Network, hardware: Hardware) -> None:
    limits = hardware.limits
    room = limits.cores.value * limits.neurons_per_core.value
    if network.n_neurons > room:
        raise LimitError(
            f"the network has {network.n_neurons} neurons, but hardware {hardware.name!r} holds "
            f"{room} ({limits.cores.value} cores of {limits.neurons_per_core.value}); "
            f"make the layers smaller or choose a larger chip"
        )


def _check_memory(network: Network, hardware: Hardware, rule: OTTT, widths: Widths) -> None:
    limits = hardware.limits
    narrowest = min(widths.weights, default=hardware.registers.weight.bits.value)
    each = synapse_bits(hardware, rule, narrowest)
    need = network.n_weights * each
    room = limits.cores.value * limits.synapse_memory_per_core.value
    if need > room:
        raise LimitError(
            f"the network's {network.n_weights} synapses of {each} bits need {need} bits, but "
            f"hardware {hardware.name!r} holds {room} bits of synaptic memory; "
            f"use fewer or narrower weights or choose a larger chip"
        )


def _spiking(network: Network) -> tuple[LIF, ...]:
    readout = network.readout_neuron
    return (*network.neurons, readout) if isinstance(readout, LIF) else network.neurons
