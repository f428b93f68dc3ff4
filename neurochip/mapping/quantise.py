"""Float weights to the integers of a mapping, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed
from neurochip.hardware import Hardware
from neurochip.mapping.formats import FEEDBACK_BITS, Formats
from neurochip.mapping.plan import plan_of
from neurochip.network import Network, Parameters
from neurochip.rules import OTTT
from neurochip.rules.feedback import draw

#: Weights of this width or less are stored in bytes.
NARROW_BITS = 8


@dataclass(frozen=True, eq=False)
class Integers:
    """What a chip's memories hold.

    Attributes:
        weights: one (rows, columns) array a layer, int8 or int16, Q fw: (n_in, n_out), and of a
            convolution (c_in * kernel * kernel, c_out).
        shadow: one int16 array a layer, of the same shape, with more fraction bits; empty without.
        biases: one (columns,) int32 array of mantissas a layer.
        feedback: one (n_below, n_above or C) int8 array for each weight layer above the first that
            has fixed feedback weights; empty without.
    """

    weights: tuple[NDArray[np.signedinteger[Any]], ...]
    shadow: tuple[NDArray[np.int16], ...]
    biases: tuple[NDArray[np.int32], ...]
    feedback: tuple[NDArray[np.int8], ...]


def weight_dtype(hardware: Hardware) -> type[np.int8] | type[np.int16]:
    """The storage of one weight."""
    return np.int8 if hardware.registers.weight.bits.value <= NARROW_BITS else np.int16


def quantise(
    network: Network,
    parameters: Parameters,
    hardware: Hardware,
    rule: OTTT,
    formats: Formats,
    seed: int,
) -> Integers:
    """Round float parameters to the nearest integers of their formats, saturating."""
    registers = hardware.registers
    bits, shadow_bits = registers.weight.bits.value, registers.shadow.bits.value
    weights: list[NDArray[np.signedinteger[Any]]] = []
    shadow = []
    arrays = zip(plan_of(network), parameters.weights, formats.layers, strict=True)
    for projection, w, layer in arrays:
        matrix = projection.matrix(w)
        if shadow_bits:
            extra = shadow_bits - bits
            fine = fixed.Format(shadow_bits, fraction=layer.weight + extra).quantise(matrix)
            coarse = fixed.Format(bits).fit(fixed.shift_round(fine, extra, fixed.Rounding.NEAREST))
            shadow.append(np.ascontiguousarray(fine, dtype=np.int16))
        else:
            coarse = fixed.Format(bits, fraction=layer.weight).quantise(matrix)
        weights.append(np.ascontiguousarray(coarse, dtype=weight_dtype(hardware)))
    biases = tuple(
        fixed.Format(registers.bias.bits.value, fraction=layer.bias).quantise(b).astype(np.int32)
        for b, layer in zip(parameters.biases, formats.layers, strict=True)
    )
    return Integers(tuple(weights), tuple(shadow), biases, _feedback(network, rule, formats, seed))


def dequantise(network: Network, integers: Integers, formats: Formats) -> Parameters:
    """The numbers that integers stand for, float64, in the shapes of the network's parameters."""
    arrays = zip(plan_of(network), integers.weights, formats.layers, strict=True)
    weights = tuple(projection.weights(w * 2.0**-layer.weight) for projection, w, layer in arrays)
    biases = tuple(
        b * 2.0**-layer.bias for b, layer in zip(integers.biases, formats.layers, strict=True)
    )
    return Parameters(weights, biases)


def _feedback(
    network: Network, rule: OTTT, formats: Formats, seed: int
) -> tuple[NDArray[np.int8], ...]:
    if rule.feedback not in ("random", "direct"):
        return ()
    drawn = draw(rule.feedback, network.sizes, seed)
    return tuple(
        fixed.Format(FEEDBACK_BITS, fraction=layer.feedback).quantise(b).astype(np.int8)
        for b, layer in zip(drawn or (), formats.layers[1:], strict=True)
    )
