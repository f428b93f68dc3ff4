"""From a chip to a network in Lava's terms: every range is checked before anything is built."""

from __future__ import annotations

import math

import numpy as np

from neurochip.chip import Chip
from neurochip.chip.faults import check_sound
from neurochip.deploy.lava.player.network import NO_CURRENT_MEMORY, LavaLayer, LavaNetwork
from neurochip.deploy.recording import layer_names
from neurochip.errors import ExportError
from neurochip.hardware.registers import Current, Membrane
from neurochip.mapping import Projection, plan_of
from neurochip.mapping.formats import decay_factor
from neurochip.network import LI, LIF, Conv2d

__all__ = ["plan"]

#: Lava shifts the synaptic sum and the threshold's mantissa left by this.
ALIGNMENT = 6
#: u and v have 24 bits; v is kept within +-MEMBRANE_MAX, u wraps around once beyond 2^23.
STATE_BITS = 24
MEMBRANE_MAX = (1 << (STATE_BITS - 1)) - 1
#: The largest sum that one turn around brings back into u's range, and below the smallest; and
#: where u may already be at the end of its range.
LARGEST_SUM = 3 << (STATE_BITS - 1 - ALIGNMENT)
LARGEST_ADDED = 2 << (STATE_BITS - 1 - ALIGNMENT)
#: Loihi's ranges (Lava's process models don't check them).
WEIGHT_BITS = (2, 8)
MOST_EXPONENT = 7
BIAS_MIN, BIAS_MAX = -(1 << 12), (1 << 12) - 1
MOST_BIAS_EXPONENT = 7
MOST_DECAY = 4095
#: A leak that keeps nothing of v; Lava has it as a reset in every step.
FORGETS = 4096
MOST_THRESHOLD = (1 << 17) - 1
#: A read-out that never fires has the largest threshold, and must stay at or below it.
SILENT_BELOW = MOST_THRESHOLD << ALIGNMENT


def plan(chip: Chip) -> LavaNetwork:
    """The network of a chip in Lava's terms, weights as they are now.

    Raises:
        ExportError: something of it can't be expressed exactly; the sentence says what to change.
    """
    _check_chip(chip)
    layers = tuple(
        _layer(chip, projection, number) for number, projection in enumerate(plan_of(chip.network))
    )
    network = LavaNetwork(chip.network.timesteps, layers)
    for layer in layers:
        _check_layer(layer)
        _check_sums(chip, layer)
    _check_readout(chip, layers[-1])
    return network


def _layer(chip: Chip, projection: Projection, number: int) -> LavaLayer:
    formats, integers = chip.formats.layers[number], chip.integers
    name, neuron, layer = layer_names(chip)[number], projection.neuron, projection.layer
    decay = FORGETS if neuron is None else decay_factor(neuron.lam)
    keeps = decay <= MOST_DECAY
    current = decay_factor(neuron.current_lam) if isinstance(neuron, LIF) else FORGETS
    convolution = layer if isinstance(layer, Conv2d) else None
    flat_input = number == 0 and convolution is None
    return LavaLayer(
        name=name,
        weights=projection.weights(integers.weights[number]).astype(np.int32),
        weight_bits=chip.hardware.registers.weight.bits.value,
        exponent=formats.membrane - formats.weight - projection.signal_fraction - ALIGNMENT,
        below=(projection.n_in,) if flat_input else projection.below,
        pool=math.prod(projection.pools),
        stride=convolution.stride if convolution else 1,
        padding=convolution.padding if convolution else 0,
        shape=projection.neurons,
        bias=integers.biases[number],
        bias_exponent=formats.bias_exponent,
        current_decay=current - 1,
        decay=decay if keeps else 0,
        threshold=_threshold(neuron, name, formats.membrane),
        reset=neuron.reset if isinstance(neuron, LIF) else "hard",
        keeps=keeps,
    )


def _threshold(neuron: LIF | LI | None, name: str, fraction: int) -> int:
    if not isinstance(neuron, LIF):
        return MOST_THRESHOLD
    if neuron.v_reset:
        raise ExportError(
            f"{name} resets to {neuron.v_reset:g}, but Lava's neurons reset to 0; set v_reset to 0"
        )
    threshold = math.floor(neuron.v_th * 2.0**fraction + 0.5)
    mantissa, rest = divmod(threshold, 1 << ALIGNMENT)
    step = 2.0 ** (ALIGNMENT - fraction)
    if rest:
        raise ExportError(
            f"{name} has the threshold {neuron.v_th:g} = {threshold} * 2^-{fraction}, but Lava's "
            f"thresholds are multiples of 2^{ALIGNMENT}; choose v_th as a multiple of {step:g}"
        )
    return mantissa


def _check_chip(chip: Chip) -> None:
    check_sound(chip, "an export to Lava", ExportError)
    hardware, registers = chip.hardware, chip.hardware.registers
    if chip.network.unlike_feedforward is not None:
        raise ExportError(
            f"the network has {chip.network.unlike_feedforward}, but only Dense, Conv2d, pools and "
            f"LIF in turn are exported as Lava processes; learn a network of these"
        )
    if chip.encoding == "graded":
        raise ExportError(
            "encoding is 'graded', but Lava's neurons hear spikes; learn or map with encoding "
            "'rate' or 'bernoulli', on hardware 'loihi'"
        )
    if hardware.neuron.fires != ">":
        raise ExportError(
            f"hardware {hardware.name!r} fires at v {hardware.neuron.fires} v_th, but Lava's "
            f"neurons at v > v_th; learn or map on hardware 'loihi'"
        )
    _check_register(hardware.name, "current", registers.current, "wrap")
    _check_register(hardware.name, "membrane", registers.membrane, "saturate")
    if chip.formats.widths.readout is not None:
        raise ExportError(
            f"the read-out has membranes of {chip.formats.widths.readout} bits, but all of Lava's "
            f"have {STATE_BITS}; leave readout_bits out"
        )


def _check_register(hardware: str, name: str, register: Current | Membrane, overflow: str) -> None:
    bits = register.bits.value
    if (bits, register.overflow, register.symmetric) != (STATE_BITS, overflow, True):
        symmetric = "is symmetric and " if register.symmetric else ""
        raise ExportError(
            f"hardware {hardware!r} has a {name} of {bits} bits that {symmetric}"
            f"{register.overflow}s, but Lava's has {STATE_BITS} bits, is symmetric and "
            f"{overflow}s; learn or map on hardware 'loihi'"
        )


def _check_layer(layer: LavaLayer) -> None:
    low, high = WEIGHT_BITS
    if not low <= layer.weight_bits <= high:
        raise ExportError(
            f"{layer.name} has weights of {layer.weight_bits} bits, but Loihi's have {low} to "
            f"{high}; set weight_bits to {high} or less"
        )
    if not 0 <= layer.exponent <= MOST_EXPONENT:
        fraction = layer.exponent + ALIGNMENT
        raise ExportError(
            f"{layer.name} shifts its sums left by {fraction} bits, but Lava can by {ALIGNMENT} to "
            f"{ALIGNMENT + MOST_EXPONENT}; set membrane_fraction to {ALIGNMENT}"
        )
    if layer.bias.min() < BIAS_MIN or layer.bias.max() > BIAS_MAX:
        worst = max(layer.bias.tolist(), key=abs)
        raise ExportError(
            f"{layer.name} has a bias mantissa of {worst}, but Loihi's are {BIAS_MIN} to "
            f"{BIAS_MAX}; set bias_bits to 13"
        )
    if layer.bias_exponent > MOST_BIAS_EXPONENT:
        raise ExportError(
            f"{layer.name} has a bias exponent of {layer.bias_exponent}, but Loihi's are 0 to "
            f"{MOST_BIAS_EXPONENT}; use smaller biases or a smaller membrane fraction"
        )
    if layer.current_decay < 0:
        raise ExportError(
            f"{layer.name} keeps all of its currents, but Lava's lose 1/4096 or more in a step; "
            f"lower current_lam"
        )
    if not layer.keeps and layer.current_decay < NO_CURRENT_MEMORY:
        raise ExportError(
            f"{layer.name} keeps its currents and not its membranes, but Lava's membranes keep "
            f"1/4096 or more; set lam to {1 / FORGETS:.6f} or more, or current_lam to 0"
        )
    if layer.threshold > MOST_THRESHOLD:
        raise ExportError(
            f"{layer.name} has a threshold mantissa of {layer.threshold}, but Loihi's are 0 to "
            f"{MOST_THRESHOLD}; lower v_th"
        )


def _bounds(layer: LavaLayer) -> tuple[int, int]:
    """Smallest and largest sum that a neuron of the layer can hear in a step, times 2^exponent."""
    rows = layer.weights.reshape(len(layer.weights), -1)
    positive = np.where(rows > 0, rows, 0).sum(axis=1, dtype=np.int64)
    negative = np.where(rows < 0, rows, 0).sum(axis=1, dtype=np.int64)
    scale = layer.largest_count << layer.exponent
    return int(negative.min()) * scale, int(positive.max()) * scale


def _check_sums(chip: Chip, layer: LavaLayer) -> None:
    smallest, largest = _bounds(layer)
    most = LARGEST_SUM if layer.current_decay == NO_CURRENT_MEMORY else LARGEST_ADDED
    if not -most < smallest <= largest <= most:
        worst = max(smallest, largest, key=abs)
        raise ExportError(
            f"{layer.name} can sum its weights to {worst}, but beyond {most} Lava's current "
            f"no longer wraps as a 24-bit register does; use smaller weights or fewer inputs"
        )
    bits = chip.hardware.registers.accumulator.bits.value
    end = 1 << (bits - 1)
    if not -end <= smallest >> layer.exponent <= largest >> layer.exponent < end:
        raise ExportError(
            f"{layer.name} can sum its weights beyond the accumulator's {bits} bits, which Lava "
            f"hasn't; set accumulator_bits to 32"
        )


def _check_readout(chip: Chip, layer: LavaLayer) -> None:
    if chip.network.readout == "spiking":
        return
    smallest, largest = _bounds(layer)
    bias = layer.bias.astype(np.int64) << layer.bias_exponent
    reach = max(
        (largest << ALIGNMENT) + int(bias.max()), -((smallest << ALIGNMENT) + int(bias.min()))
    )
    if layer.keeps:
        reach *= _steps_kept(layer.decay, chip.network.timesteps)
    if reach > SILENT_BELOW:
        raise ExportError(
            f"the read-out can reach {reach} in units of v, but Lava's fires above {SILENT_BELOW}; "
            f"use smaller weights or fewer inputs, or a spiking read-out"
        )


def _steps_kept(decay: int, timesteps: int) -> int:
    """How many full-scale steps a membrane can hold at once: those of a sample, or 1 / leak."""
    return min(timesteps, math.ceil(FORGETS / decay)) if decay else timesteps
