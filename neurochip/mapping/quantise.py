"""Float weights to the integers of a mapping, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed
from neurochip.hardware import Hardware
from neurochip.mapping.formats import FEEDBACK_BITS, Formats
from neurochip.mapping.plan import loops_of, plan_of
from neurochip.mapping.widths import Widths
from neurochip.network import Network, Parameters
from neurochip.rules import OTTT
from neurochip.rules.feedback import draw

#: Weights of this width or less are stored in bytes.
NARROW_BITS = 8
#: Weights that are rounded at a time: what that needs for a moment stays in the cache.
PART = 1 << 14


@dataclass(frozen=True, eq=False)
class Integers:
    """What a chip's memories hold.

    Attributes:
        weights: one (rows, columns) array a layer, int8 or int16, Q fw: (n_in, n_out), and of a
            convolution (c_in * kernel * kernel, c_out); of listed synapses (synapses,). Those of
            loops come last, listed, in the format of the layer that they reach.
        shadow: one int16 array a layer, of the same shape, with more fraction bits; empty without.
        biases: one (columns,) int32 array of mantissas a layer, none for loops.
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


def weight_widths(network: Network, hardware: Hardware, widths: Widths) -> tuple[int, ...]:
    """Bits of a weight of each array of `Integers.weights`: of layers, then of loops."""
    layers = [*range(len(plan_of(network))), *(loop.target for loop in loops_of(network))]
    return tuple(widths.weight(hardware, number) for number in layers)


def weight_memory(network: Network, hardware: Hardware, widths: Widths) -> int:
    """Bits of all weights."""
    sizes = [k.n_weights for k in plan_of(network)]
    sizes += [loop.layer.n_synapses for loop in loops_of(network)]
    bits = weight_widths(network, hardware, widths)
    return sum(n * width for n, width in zip(sizes, bits, strict=True))


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
    shadow_bits, dtype = registers.shadow.bits.value, weight_dtype(hardware)
    weights: list[NDArray[np.signedinteger[Any]]] = []
    shadow = []
    for number, matrix, fraction in _matrices(network, parameters, formats):
        bits = formats.widths.weight(hardware, number)
        if shadow_bits:
            extra = shadow_bits - bits
            fine = fixed.Format(shadow_bits, fraction=fraction + extra)
            shadow.append(_in_parts(fine.quantise, matrix, np.int16))
            coarse = partial(_coarse, fixed.Format(bits), extra)
            weights.append(_in_parts(coarse, shadow[-1], dtype))
        else:
            register = fixed.Format(bits, fraction=fraction)
            weights.append(_in_parts(register.quantise, matrix, dtype))
    biases = tuple(
        fixed.Format(registers.bias.bits.value, fraction=layer.bias).quantise(b).astype(np.int32)
        for b, layer in zip(parameters.biases, formats.layers, strict=False)
    )
    return Integers(tuple(weights), tuple(shadow), biases, _feedback(network, rule, formats, seed))


def _coarse(register: fixed.Format, extra: int, fine: NDArray[Any]) -> NDArray[np.int64]:
    return register.fit(fixed.shift_round(fine, extra, fixed.Rounding.NEAREST))


def _in_parts(
    quantised: Callable[[NDArray[Any]], NDArray[np.int64]], matrix: NDArray[Any], dtype: Any
) -> NDArray[Any]:
    """What a function makes of every number, without its 64-bit integers of all at once."""
    integers = np.empty(matrix.shape, dtype)
    step = max(1, PART // max(1, math.prod(matrix.shape[1:])))
    for first in range(0, len(matrix), step):
        integers[first : first + step] = quantised(matrix[first : first + step])
    return integers


def _matrices(
    network: Network, parameters: Parameters, formats: Formats
) -> Iterator[tuple[int, NDArray[np.float64], int]]:
    """Weights as `Integers` has them, but float, with their layer before and their fraction after:
    of loops those of the layer that they reach.
    """
    plan, loops = plan_of(network), loops_of(network)
    arrays = zip(plan, parameters.weights, formats.layers, strict=False)
    for number, (projection, w, layer) in enumerate(arrays):
        yield number, projection.matrix(w), layer.weight
    for loop, w in zip(loops, parameters.weights[len(plan) :], strict=True):
        yield loop.target, loop.listed(w), formats.layers[loop.target].weight


def dequantise(network: Network, integers: Integers, formats: Formats) -> Parameters:
    """The numbers that integers stand for, float64, in the shapes of the network's parameters."""
    plan, loops = plan_of(network), loops_of(network)
    arrays = zip(plan, integers.weights, formats.layers, strict=False)
    weights = [projection.weights(w * 2.0**-layer.weight) for projection, w, layer in arrays]
    for loop, w in zip(loops, integers.weights[len(plan) :], strict=True):
        weights.append(loop.weights(w * 2.0 ** -formats.layers[loop.target].weight))
    biases = [
        b * 2.0**-layer.bias for b, layer in zip(integers.biases, formats.layers, strict=True)
    ]
    biases += [np.zeros(loop.layer.n_out) for loop in loops]
    return Parameters(tuple(weights), tuple(biases))


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
