"""What a chip can't hold or do, said before anything runs."""

from __future__ import annotations

from neurochip.errors import LimitError, RuleError
from neurochip.hardware import Hardware
from neurochip.mapping.formats import Formats
from neurochip.network import LIF, Network
from neurochip.rules import OTTT

#: Rate shifts beyond these would leave no change, or overflow the products.
RATE_SHIFT_LOW, RATE_SHIFT_HIGH = -8, 24
#: The largest shift of a product that the update unit has.
MAX_UPDATE_SHIFT = 40


def check_supported(network: Network, hardware: Hardware, rule: OTTT) -> None:
    """Raise LimitError or RuleError where the chip's neurons or learning differ in kind."""
    for number, neuron in enumerate(_spiking(network)):
        if neuron.reset not in hardware.neuron.resets:
            raise LimitError(
                f"neurons of layer {number} have a {neuron.reset} reset, but hardware "
                f"{hardware.name!r} has {' and '.join(hardware.neuron.resets)}; "
                f"set reset = {hardware.neuron.resets[0]!r}"
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
    if rule.loss_lambda:
        raise RuleError(
            f"loss_lambda is {rule.loss_lambda}, but a chip computes one error, not a mixture; "
            "set it to 0, or the loss to 'mse'"
        )


def check_fits(network: Network, hardware: Hardware, rule: OTTT) -> None:
    """Raise LimitError where the network is larger than the chip."""
    limits = hardware.limits
    _check_neurons(network, hardware)
    for number, layer in enumerate(network.dense):
        if layer.n_in > limits.fan_in.value:
            raise LimitError(
                f"weight layer {number} has a fan-in of {layer.n_in}, but a neuron of hardware "
                f"{hardware.name!r} hears at most {limits.fan_in.value}; "
                f"make the layer below smaller or choose a larger chip"
            )
    _check_memory(network, hardware, rule)


def check_thresholds(network: Network, hardware: Hardware, formats: Formats) -> None:
    """Raise LimitError where a threshold is no positive number of its membrane's register."""
    register = hardware.registers.membrane
    highest = (1 << (register.bits.value - 1)) - 1
    for number, neuron in enumerate(_spiking(network)):
        fraction = formats.layers[number].membrane
        threshold = round(neuron.v_th * 2.0**fraction)
        if not 1 <= threshold <= highest:
            raise LimitError(
                f"the threshold of layer {number} is {neuron.v_th} = {threshold} * 2^-{fraction}, "
                f"but a membrane of {register.bits.value} bits holds 1 to {highest}; change v_th, "
                f"the membrane's bits or its fraction"
            )


def bits_per_synapse(hardware: Hardware, rule: OTTT) -> int:
    """Memory of one synapse: weight, shadow and gradient accumulator where there are such."""
    registers = hardware.registers
    accumulator = registers.gradient.bits.value if rule.update == "accumulate" else 0
    return registers.weight.bits.value + registers.shadow.bits.value + accumulator


def _check_neurons(network: Network, hardware: Hardware) -> None:
    limits = hardware.limits
    room = limits.cores.value * limits.neurons_per_core.value
    if network.n_neurons > room:
        raise LimitError(
            f"the network has {network.n_neurons} neurons, but hardware {hardware.name!r} holds "
            f"{room} ({limits.cores.value} cores of {limits.neurons_per_core.value}); "
            f"make the layers smaller or choose a larger chip"
        )


def _check_memory(network: Network, hardware: Hardware, rule: OTTT) -> None:
    limits = hardware.limits
    each = bits_per_synapse(hardware, rule)
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
