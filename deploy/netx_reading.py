"""netx files in: what lava-dl's reader makes of one, and why some aren't read here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurochip import files
from neurochip.deploy.lava.player.network import LavaLayer, LavaNetwork
from neurochip.errors import ExportError, RunFileError

__all__ = ["BIAS_SHIFT", "FORGETS", "MOST_BIAS", "as_read", "read"]

#: The reader shifts biases left by this.
BIAS_SHIFT = 6
#: The largest mantissa of a bias; the smallest is one further from 0.
MOST_BIAS = (1 << 12) - 1
#: iDecay and vDecay of a register that forgets everything in each step.
FORGETS = 4096
#: Ranges of a neuron's numbers.
NEURON = {"iDecay": FORGETS, "vDecay": FORGETS, "vThMant": (1 << 17) - 1}
#: Names of the neurons whose equations are those here.
CURRENT_BASED = ("CUBA", "LOIHI")
#: The reader's weights: 8 bits and a sign.
WEIGHT_BITS, WEIGHT_MIN, WEIGHT_MAX = 8, -256, 255
#: The largest weight beside negative ones; the reader clips to it.
MIXED_MAX = 254
#: Types of the layer at the input and of those above it.
FIRST, LATER = ("input",), ("dense", "conv", "flatten")
#: What a convolution has besides its weights, each a number or (y, x).
GEOMETRY = ("stride", "padding", "dilation", "groups")
#: What lava-dl heeds and a network here can't say.
UNSAID = {"delay": "delays", "weight_rec": "weights back to itself"}


def read(path: str | Path) -> LavaNetwork:
    """The network that lava-dl's reader makes of a file.

    Raises:
        ExportError: it isn't a netx file of convolutions and dense layers, or has neurons that
            Lava's can't be here.
    """
    # Damage shows in exceptions of many kinds, h5py's and numpy's.
    try:
        files.check_is_hdf5(path, "netx")
        with h5py.File(path, "r", locking=False) as file:
            timesteps = int(file["simulation/tSample"][()])
            _check_within(f"{str(path)!r}", "tSample", timesteps, 1, np.iinfo(np.int32).max)
            groups = [file[f"layer/{number}"] for number in range(len(file["layer"]))]
            _check_kinds(path, [_text(group["type"]) for group in groups])
            layers = _layers(path, groups)
    except ExportError:
        raise
    except RunFileError as error:
        raise ExportError(str(error)) from None
    except Exception as error:
        reason = " ".join(str(error).split()).strip("'\"")
        raise ExportError(
            f"{str(path)!r} can't be read as a netx file ({reason}); write it with "
            f"'neurochip deploy netx'"
        ) from None
    return LavaNetwork(timesteps, tuple(layers))


def as_read(weights: NDArray[Any]) -> NDArray[np.int64]:
    """The weights that act in Lava after lava-dl's reader has chosen a width and an exponent.

    The reader shifts a matrix up until it fills 9 bits if it thinks its signs mixed, else 8; Lava
    judges the signs once more, clips to [-256, 255] or to 8 bits of one sign, and drops the bits
    below the width that the reader found sufficient.

    Args:
        weights: (n_out, n_in) integers, not all 0.
    """
    low, high = int(weights.min()), int(weights.max())
    mixed = low < 0 <= high
    if mixed:
        weights = np.clip(weights, WEIGHT_MIN, MIXED_MAX)
        low, high = int(weights.min()), int(weights.max())
    shift = _shift_up(low, high) + mixed
    width = WEIGHT_BITS - shift - (_common_zeros(weights) - mixed)
    lifted = np.left_shift(weights.astype(np.int64), shift) if shift >= 0 else weights >> -shift
    return _held(lifted, width) >> shift if shift >= 0 else _held(lifted, width) << -shift


def _shift_up(low: int, high: int) -> int:
    """How far lava-dl shifts a matrix of these ends up; negative: down."""
    if high < 0:
        scale = -256 / low
    elif low >= 0:
        scale = 255 / high
    else:
        scale = min(127 / high if high else math.inf, -128 / low)
    return math.floor(math.log2(scale))


def _common_zeros(weights: NDArray[Any]) -> int:
    """How many of the lowest bits are 0 in all weights, at most 8."""
    bits = int(np.bitwise_or.reduce(np.abs(weights.astype(np.int64)), axis=None))
    return min(WEIGHT_BITS, (bits & -bits).bit_length() - 1)


def _held(weights: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Weights as Lava's Dense holds them, when it's left to judge their signs itself."""
    if weights.min() >= 0 or weights.max() > 0:
        mixed = bool(weights.min() < 0)
        drop = WEIGHT_BITS - width + mixed
        return _cut(np.clip(weights, WEIGHT_MIN if mixed else 0, WEIGHT_MAX), drop)
    return -_cut(np.clip(-weights, 0, WEIGHT_MAX), WEIGHT_BITS - width)


def _cut(weights: NDArray[np.int64], drop: int) -> NDArray[np.int64]:
    return weights >> drop << drop


def _text(dataset: Any) -> str:
    return str(np.ravel(dataset[()])[0].decode())


def _check_kinds(path: str | Path, kinds: list[str]) -> None:
    for number, kind in enumerate(kinds):
        if kind not in (LATER if number else FIRST):
            wanted = " or ".join(map(repr, LATER if number else FIRST))
            raise ExportError(
                f"layer {number} of {str(path)!r} is of type {kind!r} where {wanted} is needed; "
                f"choose a file of convolutions and dense layers"
            )


def _layers(path: str | Path, groups: list[Any]) -> list[LavaLayer]:
    """The weight layers of a file, which may have a flatten between them."""
    if "neuron" in groups[0]:
        raise ExportError(
            f"layer 0 of {str(path)!r} has neurons of its own, which make spikes of numbers, but "
            f"inputs here are spikes; choose a file whose input has none"
        )
    below = tuple(int(n) for n in groups[0]["shape"][()])
    layers: list[LavaLayer] = []
    for place, group in enumerate(groups[1:], start=1):
        if _text(group["type"]) != "flatten":
            where = f"layer {place} of {str(path)!r}"
            layers.append(_layer(where, f"layer {len(layers)}", below, group))
            below = layers[-1].shape
    return layers


def _layer(where: str, name: str, below: tuple[int, ...], group: Any) -> LavaLayer:
    for key, what in UNSAID.items():
        if key in group:
            raise ExportError(f"{where} has {what}, which aren't read; choose a file without them")
    neuron = _neuron(where, group["neuron"])
    weights = group["weight"][()]
    if not np.issubdtype(weights.dtype, np.integer):
        raise ExportError(
            f"{where} has weights of type {weights.dtype}, but chips hold whole numbers; choose a "
            f"file of those"
        )
    convolution = _text(group["type"]) == "conv"
    stride, padding = _geometry(where, group) if convolution else (1, 0)
    weights, exponent = (weights[..., 0], 0) if convolution else _effective(where, weights)
    layer = LavaLayer(
        name=name,
        weights=weights.astype(np.int32),
        weight_bits=max(2, 1 + max(int(n).bit_length() for n in (weights.max(), ~weights.min()))),
        exponent=exponent,
        below=below,
        pool=1,
        stride=stride,
        padding=padding,
        shape=tuple(int(n) for n in group["shape"][()]),
        bias=_bias(where, group, len(weights)),
        bias_exponent=BIAS_SHIFT,
        current_decay=neuron["iDecay"] - 1,
        decay=neuron["vDecay"] % FORGETS,
        threshold=neuron["vThMant"],
        reset="hard",
        keeps=neuron["vDecay"] < FORGETS,
    )
    _check_shapes(where, layer)
    return layer


def _neuron(where: str, group: Any) -> dict[str, int]:
    """The numbers of a layer's neurons."""
    kind = _text(group["type"])
    if kind not in CURRENT_BASED:
        raise ExportError(
            f"{where} has neurons of type {kind!r}, but those here are "
            f"{' or '.join(map(repr, CURRENT_BASED))}; choose a file of such neurons"
        )
    if "messageBits" in group:
        raise ExportError(
            f"{where} has messages of several bits, but neurons here send spikes; choose a file "
            f"without messageBits"
        )
    neuron = {name: int(group[name][()]) for name in NEURON}
    for name, most in NEURON.items():
        _check_within(where, name, neuron[name], 0, most)
    keeps, forgets_currents = neuron["vDecay"] < FORGETS, neuron["iDecay"] == FORGETS
    if neuron["iDecay"] < 1 or not (keeps or forgets_currents):
        raise ExportError(
            f"{where} has iDecay {neuron['iDecay']} and vDecay {neuron['vDecay']}, but here "
            f"currents lose 1/{FORGETS} or more in a step, and all where membranes do; choose a "
            f"file with iDecay {FORGETS}"
        )
    return neuron


def _effective(where: str, weights: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """The weights of a matrix that act in Lava, without their common power of two."""
    if not weights.any():
        raise ExportError(
            f"{where} has no weight but 0, which lava-dl can't read; choose a file without it"
        )
    effective = as_read(weights)
    exponent = _common_zeros(effective) if effective.any() else 0
    return effective >> exponent, exponent


def _bias(where: str, group: Any, rows: int) -> NDArray[np.int32]:
    """Mantissas, one a row of the weights; a file may leave them out."""
    given = group["bias"][()] if "bias" in group else np.zeros(rows, np.int32)
    _check_within(where, "bias", int(np.min(given)), -MOST_BIAS - 1, MOST_BIAS)
    _check_within(where, "bias", int(np.max(given)), -MOST_BIAS - 1, MOST_BIAS)
    biases: NDArray[np.int32] = np.broadcast_to(given, rows).astype(np.int32)
    return biases


def _geometry(where: str, group: Any) -> tuple[int, int]:
    """Stride and padding of a convolution, which are the same in both directions here."""
    found = {name: np.ravel(group[name][()]).tolist() for name in GEOMETRY}
    shown = ", ".join(f"{name} {found[name]}" for name in GEOMETRY)
    kernel = list(group["weight"].shape[2:4])
    uneven = any(len(set(found[name])) > 1 for name in GEOMETRY) or kernel[0] != kernel[1]
    if uneven or set(found["dilation"] + found["groups"]) != {1}:
        raise ExportError(
            f"{where} has kernels of {kernel}, {shown}, but here kernels are square, strides and "
            f"paddings the same in both directions, dilation and groups 1; choose a file of such "
            f"convolutions"
        )
    return int(found["stride"][0]), int(found["padding"][0])


def _check_shapes(where: str, layer: LavaLayer) -> None:
    """Weights must be those between the populations below and above."""
    if layer.is_convolution:
        c_out, c_in, side, _ = layer.weights.shape
        reached = (n + 2 * layer.padding - side for n in layer.below[1:])
        fitting = layer.below[0] == c_in
        shape = (c_out, *(n // layer.stride + 1 for n in reached))
    else:
        fitting = layer.weights.shape[1] == math.prod(layer.below)
        shape = (len(layer.weights),)
    if not fitting or layer.shape != shape:
        raise ExportError(
            f"{where} has weights of shape {layer.weights.shape}, which don't lead from a "
            f"population of {layer.below} to one of {layer.shape}; choose an undamaged file"
        )


def _check_within(where: str, name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ExportError(
            f"{where} has the {name} {value}, but it must be {low} to {high}; choose another file"
        )
