"""Export to netx: the HDF5 layout that lava-dl's `netx.hdf5.Network` turns into Lava processes.

    nc.deploy.netx.write(chip, "network.net")
    lava.lib.dl.netx.hdf5.Network("network.net", reset_interval=T + L, reset_offset=1)

The file holds integer weights as they are, so lava-dl gives them a width and an exponent by rules
of its own, under which some come back changed. The writer applies the same rules and refuses a
network that wouldn't come back as it is; weights of convolutions do, for the reader leaves them as
they are. Samples last T + L steps for L weight layers (as in `deploy.lava`).
"""

from __future__ import annotations

import math
import secrets
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip import files
from neurochip.chip import Chip
from neurochip.deploy import lava, states
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.lava.player.network import LavaLayer, LavaNetwork
from neurochip.deploy.recording import record
from neurochip.deploy.states import Verdict
from neurochip.errors import ExportError

__all__ = ["as_read", "compare", "read", "write"]

#: The reader shifts biases left by this.
BIAS_SHIFT = 6
BIAS_MIN, BIAS_MAX = -(1 << 12), (1 << 12) - 1
#: iDecay and vDecay of a register that forgets everything in each step.
FORGETS = 4096
#: The reader's weights: 8 bits and a sign.
WEIGHT_BITS, WEIGHT_MIN, WEIGHT_MAX = 8, -256, 255
#: The largest weight beside negative ones; the reader clips to it.
MIXED_MAX = 254
#: Width of the texts in the layout.
TEXT = "S10"
#: Types of the layer at the input and of those above it.
FIRST, LATER = ("input",), ("dense", "conv", "flatten")
#: What a convolution has besides its weights, each a number or (y, x).
GEOMETRY = ("stride", "padding", "dilation", "groups")


def write(chip: Chip, path: str | Path) -> None:
    """Write the network of a chip, weights as they are now.

    Raises:
        ExportError: something of it can't be expressed exactly, or would be read otherwise.
        OutputError: the file can't be written.
    """
    network = plan(chip)
    for layer in network.layers:
        _check_kind(layer)
    # A mantissa of fewer bits has a larger exponent.
    least = min(layer.bias_exponent for layer in network.layers)
    bias_bits = chip.hardware.registers.bias.bits.value - max(0, BIAS_SHIFT - least)
    for layer in network.layers:
        _check_bias(layer, bias_bits)
        if not layer.is_convolution:
            _check_matrix(layer)
    files.write_bytes_atomic(path, _image(network))


def compare(chip: Chip, x: ArrayLike, path: str | Path) -> tuple[Verdict, ...]:
    """Run samples on the chip and, as a netx file says, through Lava's process models.

    Args:
        chip: what the file was written from; it isn't changed.
        x: (n, ...) samples as `Chip.encode` takes them.
        path: the file.

    Returns:
        One verdict for u, v and s of every layer, over all steps.
    """
    network = read(path)
    lava.require()
    from neurochip.deploy.lava.drive import drive

    expected = record(chip, x)
    return states.compare(expected.layers, drive(network, expected.inputs).layers)


def read(path: str | Path) -> LavaNetwork:
    """The network that lava-dl's reader makes of a file.

    Raises:
        ExportError: it isn't a netx file of convolutions and dense layers, or has neurons that
            Lava's can't be here.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            timesteps = int(file["simulation/tSample"][()])
            groups = [file[f"layer/{number}"] for number in range(len(file["layer"]))]
            _check_kinds(path, [_text(group["type"]) for group in groups])
            layers = _layers(path, groups)
    except (OSError, KeyError) as error:
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


def _check_kind(layer: LavaLayer) -> None:
    if layer.pool > 1:
        raise ExportError(
            f"{layer.name} reads a pool of {layer.pool} x {layer.pool} neurons, but lava-dl reads "
            f"no pools; use a convolution with a stride of {layer.pool} in its place"
        )
    if layer.reset != "hard":
        raise ExportError(
            f"{layer.name} has a soft reset, but lava-dl reads neurons with a hard one only; set "
            f"reset to 'hard'"
        )


def _check_matrix(layer: LavaLayer) -> None:
    weights = layer.weights.astype(np.int64) << layer.exponent
    if not weights.any():
        raise ExportError(
            f"{layer.name} has no weight but 0, which lava-dl can't read; let it learn, or leave "
            f"it out"
        )
    found = as_read(weights)
    differs = np.argwhere(found != weights)
    if len(differs):
        at = tuple(differs[0])
        raise ExportError(
            f"{layer.name} has the weight {weights[at]}, but lava-dl would read it as {found[at]}; "
            f"{_remedy(weights)}"
        )


def _remedy(weights: NDArray[np.int64]) -> str:
    if weights.max() <= 0:
        return "give the layer a positive weight, without which the signs are misjudged"
    return (
        "beside negative weights it takes even ones up to 254 and odd ones up to 127: use weights "
        "of 8 bits and a membrane fraction of 6"
    )


def _check_bias(layer: LavaLayer, bits: int) -> None:
    bias = layer.bias.astype(np.int64) << layer.bias_exponent
    odd = bias[bias % (1 << BIAS_SHIFT) != 0]
    if odd.size:
        raise ExportError(
            f"{layer.name} has a bias of {odd[0]}, but lava-dl reads multiples of "
            f"{1 << BIAS_SHIFT}; use bias_bits of {bits} or less, or no bias"
        )
    mantissa = bias >> BIAS_SHIFT
    if mantissa.min() < BIAS_MIN or mantissa.max() > BIAS_MAX:
        worst = max(mantissa.tolist(), key=abs)
        raise ExportError(
            f"{layer.name} has a bias of {worst} * 2^{BIAS_SHIFT}, but Loihi's mantissas are "
            f"{BIAS_MIN} to {BIAS_MAX}; use smaller biases"
        )


def _image(network: LavaNetwork) -> bytes:
    """The bytes of the file, made in memory."""
    with h5py.File(secrets.token_hex(8), "w", driver="core", backing_store=False) as file:
        file["simulation/Ts"] = 1
        file["simulation/tSample"] = network.timesteps
        _write_kind(file.create_group("layer/0"), "input", network.layers[0].below)
        for layer in network.layers:
            _write_layer(file["layer"], layer)
        file.flush()
        return bytes(file.id.get_file_image())


def _write_kind(group: Any, kind: str, shape: tuple[int, ...]) -> None:
    group["type"] = np.array([kind.encode()], TEXT)
    group["shape"] = np.array(shape)


def _write_layer(layers: Any, layer: LavaLayer) -> None:
    if len(layer.axons) > 1 and not layer.is_convolution:
        _write_kind(layers.create_group(str(len(layers))), "flatten", (math.prod(layer.axons),))
    group = layers.create_group(str(len(layers)))
    weights = layer.weights << layer.exponent
    if layer.is_convolution:
        _write_kind(group, "conv", layer.shape)
        group["weight"] = weights[..., np.newaxis]
        _write_geometry(group, layer)
    else:
        _write_kind(group, "dense", layer.shape)
        group["weight"] = weights
    group["bias"] = (layer.bias << layer.bias_exponent) >> BIAS_SHIFT
    group["neuron/type"] = np.array([b"CUBA"], TEXT)
    group["neuron/iDecay"] = layer.current_decay + 1
    group["neuron/vDecay"] = layer.decay if layer.keeps else FORGETS
    group["neuron/vThMant"] = layer.threshold
    group["neuron/refDelay"] = 1
    group["neuron/gradedSpike"] = 0


def _write_geometry(group: Any, layer: LavaLayer) -> None:
    """Pairs are (y, x)."""
    c_out, c_in, *kernel = layer.weights.shape
    group["inChannels"], group["outChannels"], group["groups"] = c_in, c_out, 1
    group["kernelSize"] = np.array(kernel)
    group["stride"] = np.array([layer.stride] * 2)
    group["padding"] = np.array([layer.padding] * 2)
    group["dilation"] = np.array([1, 1])


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
    below = tuple(int(n) for n in groups[0]["shape"][()])
    layers: list[LavaLayer] = []
    for place, group in enumerate(groups[1:], start=1):
        if _text(group["type"]) != "flatten":
            layers.append(_layer(path, place, f"layer {len(layers)}", below, group))
            below = layers[-1].shape
    return layers


def _layer(
    path: str | Path, place: int, name: str, below: tuple[int, ...], group: Any
) -> LavaLayer:
    neuron = {name: int(group["neuron"][name][()]) for name in ("iDecay", "vDecay", "vThMant")}
    keeps, forgets_currents = neuron["vDecay"] < FORGETS, neuron["iDecay"] == FORGETS
    if neuron["iDecay"] < 1 or not (keeps or forgets_currents):
        raise ExportError(
            f"layer {place} of {str(path)!r} has iDecay {neuron['iDecay']} and vDecay "
            f"{neuron['vDecay']}, but here currents lose 1/{FORGETS} or more in a step, and all "
            f"where membranes do; choose a file with iDecay {FORGETS}"
        )
    if _text(group["type"]) == "conv":
        exponent, weights = 0, group["weight"][()].reshape(group["weight"].shape[:4])
        stride, padding = _geometry(path, place, group)
    else:
        effective = as_read(group["weight"][()])
        exponent, stride, padding = _common_zeros(effective), 1, 0
        weights = effective >> exponent
    return LavaLayer(
        name=name,
        weights=weights.astype(np.int32),
        weight_bits=max(2, 1 + max(int(n).bit_length() for n in (weights.max(), ~weights.min()))),
        exponent=exponent,
        below=below,
        pool=1,
        stride=stride,
        padding=padding,
        shape=tuple(int(n) for n in group["shape"][()]),
        bias=_bias(group),
        bias_exponent=BIAS_SHIFT,
        current_decay=neuron["iDecay"] - 1,
        decay=neuron["vDecay"] % FORGETS,
        threshold=neuron["vThMant"],
        reset="hard",
        keeps=keeps,
    )


def _bias(group: Any) -> NDArray[np.int32]:
    """Mantissas, one a row of the weights; a file may leave them out."""
    given = group["bias"][()] if "bias" in group else np.zeros(len(group["weight"]))
    biases: NDArray[np.int32] = given.astype(np.int32)
    return biases


def _geometry(path: str | Path, place: int, group: Any) -> tuple[int, int]:
    """Stride and padding of a convolution, which are the same in both directions here."""
    found = {name: np.ravel(group[name][()]).tolist() for name in GEOMETRY}
    shown = ", ".join(f"{name} {found[name]}" for name in GEOMETRY)
    kernel = list(group["weight"].shape[2:4])
    uneven = any(len(set(found[name])) > 1 for name in GEOMETRY) or kernel[0] != kernel[1]
    if uneven or set(found["dilation"] + found["groups"]) != {1}:
        raise ExportError(
            f"layer {place} of {str(path)!r} has kernels of {kernel}, {shown}, but here kernels "
            f"are square, strides and paddings the same in both directions, dilation and groups 1; "
            f"choose a file of such convolutions"
        )
    return int(found["stride"][0]), int(found["padding"][0])
