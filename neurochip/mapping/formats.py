"""Which power of two every register of every layer stands for (datapath: number formats)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurochip import fixed
from neurochip.data import ENCODINGS, Encoding
from neurochip.errors import ConfigError
from neurochip.hardware import Hardware
from neurochip.mapping.plan import Projection, loops_of, plan_of
from neurochip.mapping.widths import CHIP_WIDTHS, Widths
from neurochip.network import Network, Parameters
from neurochip.rules import OTTT
from neurochip.rules.feedback import draw

#: A learned bias can reach this many thresholds.
BIAS_REACH = 4.0
#: Learned or fixed feedback is held in signed words of this width.
FEEDBACK_BITS = 8
#: Fraction bits of the surrogate.
PSI_FRACTION = 4


@dataclass(frozen=True)
class LayerFormats:
    """Fractions and shifts of one weight layer: integer n stands for n * 2^-fraction.

    Attributes:
        weight: fraction fw of the weights.
        membrane: fraction fv of the membranes that the layer drives.
        factor: fraction fx of the presynaptic factor (trace, or raw input).
        factor_bits: width of that factor, unsigned.
        bias_exponent: biases are mantissa * 2^bias_exponent, in units of the membrane.
        delta: fraction fd of the errors at the layer's outputs.
        delta_bits: width of those errors, signed.
        gradient_shift: p, by which products are shifted into the gradient accumulator.
        feedback: fraction of the feedback weights that carry the error down from this layer, or
            of the one magnitude of sign feedback; 0 where the weights themselves do.
        weight_bits: width of the weights; 0: the chip's own.
        membrane_bits: width of the membranes that the layer drives; 0: the chip's own.
    """

    weight: int
    membrane: int
    factor: int
    factor_bits: int
    bias_exponent: int
    delta: int
    delta_bits: int
    gradient_shift: int
    feedback: int
    weight_bits: int = 0
    membrane_bits: int = 0

    @property
    def bias(self) -> int:
        """Fraction of a bias mantissa."""
        return self.membrane - self.bias_exponent

    def update_shift(self, rate_shift: int) -> int:
        """k of a weight's update: product * 2^-k is the change, for a rate of 2^-rate_shift."""
        return self.delta + self.factor - self.weight + rate_shift

    def bias_shift(self, rate_shift: int) -> int:
        """k of a bias's update."""
        return self.delta - self.bias + rate_shift


@dataclass(frozen=True)
class Formats:
    """The formats of a whole network on one chip.

    Attributes:
        encoding: how inputs arrive.
        input_fraction: fraction of an input's signal: the input's bits if graded, 0 for spikes.
        traced_input: whether the first layer's factor is a trace of the input.
        layers: one entry a weight layer.
    """

    encoding: Encoding
    input_fraction: int
    traced_input: bool
    layers: tuple[LayerFormats, ...]

    @property
    def widths(self) -> Widths:
        """Those of single layers."""
        weights = tuple(layer.weight_bits for layer in self.layers)
        return Widths(weights if any(weights) else (), self.layers[-1].membrane_bits or None)


def check_encoding(encoding: str) -> None:
    """Raise ConfigError unless ``encoding`` is known."""
    if encoding not in ENCODINGS:
        raise ConfigError(f"encoding {encoding!r} is unknown; choose one of {', '.join(ENCODINGS)}")


def choose_formats(
    network: Network,
    parameters: Parameters,
    hardware: Hardware,
    rule: OTTT,
    encoding: Encoding,
    seed: int,
    widths: Widths = CHIP_WIDTHS,
) -> Formats:
    """Choose every exponent for a network's weights as they are at the start.

    Weights get the largest fraction that leaves the chip's headroom above their largest magnitude,
    one for all that reach the same neurons.

    Args:
        network: what is mapped.
        parameters: its float weights and biases.
        hardware: widths and fixed fractions.
        rule: which factors and errors it needs.
        encoding: how inputs arrive.
        seed: of the feedback weights.
        widths: of single layers.
    """
    check_encoding(encoding)
    graded = encoding == "graded"
    traced = (not graded) if rule.trace_input is None else rule.trace_input
    input_fraction = hardware.registers.input.bits.value if graded else 0
    feedback = _feedback_fractions(network, rule, seed)
    layers = tuple(
        _layer_formats(
            network,
            projection,
            parameters,
            hardware,
            rule,
            number,
            traced,
            input_fraction,
            feedback,
            widths,
        )
        for number, projection in enumerate(plan_of(network))
    )
    return Formats(encoding, input_fraction, traced, layers)


def decay_factor(lam: float) -> int:
    """The 12-bit d of a decay v * (4096 - d) / 4096 that comes nearest to lam."""
    return round((1.0 - lam) * (1 << fixed.DECAY_BITS))


def trace_sum(lam: float, timesteps: int) -> float:
    """Most that a trace of one signal a step sums up to: 1 / (1 - lam), or T where nothing decays.

    Where it decays the sum is that of steps without end: formats don't depend on T.
    """
    return 1.0 / (1.0 - lam) if lam < 1 else float(timesteps)


def trace_fraction(bits: int, largest: float) -> int:
    """Fraction of a trace: headroom for the largest that it gets to.

    That is `trace_sum` times the peak of a signal: 1 of a spike and of the mean of a square.
    """
    return bits - max(1, math.ceil(math.log2(largest)))


def lam_below(network: Network, rule: OTTT, number: int) -> float:
    """Decay of the trace that feeds weight layer ``number``: its neurons', or the input's."""
    return rule.input_decay(network) if number == 0 else network.neurons[number - 1].lam


def _layer_formats(
    network: Network,
    projection: Projection,
    parameters: Parameters,
    hardware: Hardware,
    rule: OTTT,
    number: int,
    traced: bool,
    input_fraction: int,
    feedback: tuple[int, ...],
    widths: Widths,
) -> LayerFormats:
    registers = hardware.registers
    weight = fixed.fraction_for(
        _largest_weight(network, parameters, number),
        widths.weight(hardware, number),
        registers.weight.headroom.value,
    )
    is_readout = projection.layer is network.layers[network.readout_index]
    membrane = registers.membrane.fraction.value
    if is_readout and widths.readout_fraction is not None:
        membrane = widths.readout_fraction
    if registers.membrane.fraction_rule == "weight":
        # It's sums that are shifted by the register's fraction: of weights, or of their multiples.
        membrane += weight + projection.signal_fraction
    delta_register = registers.error if is_readout else registers.delta
    delta_bits = delta_register.bits.value
    peak = projection.area * 2.0**-projection.signal_fraction
    factor, factor_bits = _factor(network, hardware, rule, number, traced, input_fraction, peak)
    return LayerFormats(
        weight=weight,
        membrane=membrane,
        factor=factor,
        factor_bits=factor_bits,
        bias_exponent=_bias_exponent(network, parameters, hardware, number, membrane),
        delta=delta_bits - 1
        if is_readout
        else _delta_fraction(network, parameters, hardware, rule, number, widths),
        delta_bits=delta_bits,
        gradient_shift=_gradient_shift(
            network.timesteps * math.sqrt(projection.positions),
            delta_bits,
            factor_bits,
            registers.gradient.bits.value,
        ),
        feedback=feedback[number],
        weight_bits=widths.weight(hardware, number) if widths.weights else 0,
        membrane_bits=(widths.readout or 0) if is_readout else 0,
    )


def _largest_weight(network: Network, parameters: Parameters, number: int) -> float:
    """Largest magnitude of a layer's weights and of those that come back to its neurons."""
    loops = loops_of(network)
    backward = parameters.weights[len(parameters.weights) - len(loops) :]
    arrays = [w for loop, w in zip(loops, backward, strict=True) if loop.target == number]
    return max(
        float(max(w.max(initial=0.0), -w.min(initial=0.0)))
        for w in (parameters.weights[number], *arrays)
    )


def _delta_fraction(
    network: Network,
    parameters: Parameters,
    hardware: Hardware,
    rule: OTTT,
    number: int,
    widths: Widths,
) -> int:
    """The chip's own, plus what a pool above scales errors down by; where the weights above reach
    beyond 1.0 and so scale errors up, less that reach and a bit for what learning adds.
    """
    registers = hardware.registers
    own = registers.delta.fraction.value + plan_of(network)[number + 1].signal_fraction
    if rule.feedback != "symmetric":
        return own
    bits = widths.weight(hardware, number + 1)
    largest = _largest_weight(network, parameters, number + 1)
    above = fixed.fraction_for(largest, bits, registers.weight.headroom.value)
    reach = bits - 1 - above
    return max(0, own - reach - 1) if reach > 0 else own


def _factor(
    network: Network,
    hardware: Hardware,
    rule: OTTT,
    number: int,
    traced: bool,
    input_fraction: int,
    peak: float,
) -> tuple[int, int]:
    if number == 0 and not traced:
        return input_fraction, max(1, input_fraction)
    bits = hardware.registers.trace.bits.value
    largest = peak * trace_sum(lam_below(network, rule, number), network.timesteps)
    return trace_fraction(bits, largest), bits


def _bias_exponent(
    network: Network, parameters: Parameters, hardware: Hardware, number: int, membrane: int
) -> int:
    register = hardware.registers.bias
    neuron = network.neurons[number] if number < len(network.neurons) else None
    reach = BIAS_REACH * (neuron.v_th if neuron is not None else 1.0)
    largest = max(reach, float(np.abs(parameters.biases[number]).max(initial=0.0)))
    mantissa = largest * 2.0**membrane / ((1 << (register.bits.value - 1)) - 1)
    return min(max(0, math.ceil(math.log2(mantissa))), register.max_exponent.value)


def _gradient_shift(products: float, delta_bits: int, factor_bits: int, bits: int) -> int:
    """So that as many full-scale products fit; n of them that share a weight count as sqrt(n).

    Errors of a convolution's positions have both signs: all at full scale is not to be expected,
    and room for it would cost the small ones.
    """
    full_scale = products * (1 << (delta_bits - 1)) * ((1 << factor_bits) - 1)
    return max(0, math.ceil(math.log2(full_scale / ((1 << (bits - 1)) - 1))))


def _feedback_fractions(network: Network, rule: OTTT, seed: int) -> tuple[int, ...]:
    drawn = draw(rule.feedback, network.sizes, seed)
    if drawn is None:
        return (0,) * len(network.weight_layers)
    if rule.feedback == "sign":
        return (0, *(-round(math.log2(float(magnitude))) for magnitude in drawn))
    return (
        0,
        *(fixed.fraction_for(float(np.abs(b).max()), FEEDBACK_BITS, 1.0) for b in drawn),
    )
