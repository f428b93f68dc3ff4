"""The neuron and the registers of a learning core: widths, rounding, what happens at the ends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, model_validator

from neurochip.hardware.quantities import NO_UNIT, Allowed, Part, Real, Whole, bits, conflict

Overflow = Literal["saturate", "wrap"]
Rounding = Literal["floor", "toward_zero", "nearest", "stochastic"]
TraceRounding = Literal["floor", "nearest", "stochastic"]
DeltaRounding = Literal["nearest", "stochastic"]
RandomWords = Literal["separable", "synapse", "step"]
FractionRule = Literal["fixed", "weight"]
Reset = Literal["soft", "hard"]
Fires = Literal[">=", ">"]
Leak = Literal["exponential", "linear"]

_MOST_MEMBRANE_BITS = 32
_MOST_SHADOW_BITS = 16

_Bits2to8 = Annotated[Whole, bits(2, 8)]
_Bits8to32 = Annotated[Whole, bits(8, 32)]
_Bits2to16 = Annotated[Whole, bits(2, 16)]


class Neuron(Part):
    """How a neuron fires and what it does then; the first of `resets` is the default.

    An exponential leak multiplies the membrane in every step; a linear one subtracts a constant,
    which no network of this program can ask for: such a chip is mapped and costed, not run.
    """

    fires: Fires
    resets: Annotated[tuple[Reset, ...], Field(min_length=1)]
    decay_bits: Annotated[Whole, bits(12, 12)]
    leak: Leak = "exponential"


class Weight(Part):
    """Weights: signed integers, in a format that leaves `headroom` times the largest weight.

    `random_words` says what stochastic rounding of an update draws: a word for each row and one for
    each column, added for each synapse ("separable"), a word for each synapse, or a single one for
    all synapses of a layer in a step.
    """

    bits: _Bits2to16
    max_bits: _Bits2to16
    rounding: Rounding
    headroom: Annotated[Real, AfterValidator(Allowed(1.0, 256.0, NO_UNIT))]
    random_words: RandomWords = "separable"

    @model_validator(mode="after")
    def _fits_the_chip(self) -> Weight:
        if self.bits.value > self.max_bits.value:
            raise conflict(
                f".bits is {self.bits.value} but must be 2 to {self.max_bits.value} bit, the"
                " most that this chip's weights have; choose fewer bits or another chip"
            )
        return self


class Shadow(Part):
    """Shadow weights that learning writes instead of the weights; 0 bits: there are none."""

    bits: Annotated[Whole, bits(3, _MOST_SHADOW_BITS, or_zero=True)]
    rounding: Rounding


class Input(Part):
    """Graded inputs: unsigned, fraction = bits."""

    bits: Annotated[Whole, bits(1, 8)]


class Accumulator(Part):
    """The sum of a neuron's synapses."""

    bits: _Bits8to32
    overflow: Overflow


class Current(Part):
    """The synaptic current after its shift to the membrane's format; 0 bits: no register.

    Where `symmetric`, the range is (-2^(bits-1), 2^(bits-1)].
    """

    bits: Annotated[Whole, bits(8, 32, or_zero=True)]
    overflow: Overflow
    symmetric: StrictBool


class Bias(Part):
    """Biases: a signed mantissa and an exponent that a layer shares."""

    bits: _Bits2to16
    max_exponent: Annotated[Whole, bits(0, 15)]


class Membrane(Part):
    """Membranes: signed; `fraction` bits, or as many more than the weights' ("weight").

    Where `symmetric`, the range is [-(2^(bits-1) - 1), 2^(bits-1) - 1] if it saturates, and
    (-2^(bits-1), 2^(bits-1)] if it wraps.
    """

    bits: Annotated[Whole, bits(6, _MOST_MEMBRANE_BITS)]
    fraction: Annotated[Whole, bits(0, 30)]
    fraction_rule: FractionRule
    overflow: Overflow
    symmetric: StrictBool

    @model_validator(mode="after")
    def _fits_simulation(self) -> Membrane:
        if self.bits.value == _MOST_MEMBRANE_BITS and self.symmetric and self.overflow == "wrap":
            raise conflict(
                f".bits is {self.bits.value} but must be below {_MOST_MEMBRANE_BITS} where a"
                " symmetric membrane wraps, because its range then reaches 2^31; narrow it"
            )
        return self

    @model_validator(mode="after")
    def _holds_one(self) -> Membrane:
        most = self.bits.value - 2
        if self.fraction.value > most:
            raise conflict(
                f".fraction is {self.fraction.value} but must be 0 to {most} bit so that a"
                f" membrane of {self.bits.value} bit can hold 1.0; lower it or widen the membrane"
            )
        return self


class Trace(Part):
    """Presynaptic traces: unsigned."""

    bits: Annotated[Whole, bits(3, 16)]
    rounding: TraceRounding


class Error(Part):
    """Errors of the read-out: signed, fraction = bits - 1."""

    bits: _Bits2to8


class Delta(Part):
    """Errors of the hidden neurons: signed."""

    bits: Annotated[Whole, bits(3, 8)]
    fraction: Annotated[Whole, bits(0, 15)]
    rounding: DeltaRounding


class Gradient(Part):
    """Accumulators of gradients, one a weight: signed."""

    bits: _Bits8to32
    rounding: Literal["nearest"]


class Registers(Part):
    """The registers of a learning core."""

    weight: Weight
    shadow: Shadow
    input: Input
    accumulator: Accumulator
    current: Current
    bias: Bias
    membrane: Membrane
    trace: Trace
    error: Error
    delta: Delta
    gradient: Gradient

    @model_validator(mode="after")
    def _shadow_is_wider(self) -> Registers:
        shadow, weight = self.shadow.bits.value, self.weight.bits.value
        if shadow and weight == _MOST_SHADOW_BITS:
            raise conflict(
                f".shadow.bits is {shadow} but must be 0 with weights of {weight} bit, which leave"
                " a shadow no room; set it to 0 or use narrower weights"
            )
        if shadow and shadow <= weight:
            raise conflict(
                f".shadow.bits is {shadow} but must be 0 or {weight + 1} to 16 bit, wider than the"
                f" weights' {weight} bit; widen it or set it to 0"
            )
        return self
