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
from neurochip.deploy.netx_reading import BIAS_SHIFT, FORGETS, MOST_BIAS, as_read, read
from neurochip.deploy.recording import record
from neurochip.deploy.states import Verdict
from neurochip.errors import ExportError

__all__ = ["as_read", "compare", "read", "write"]

#: Width of the texts in the layout.
TEXT = "S10"


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
    if mantissa.min() < -MOST_BIAS - 1 or mantissa.max() > MOST_BIAS:
        worst = max(mantissa.tolist(), key=abs)
        raise ExportError(
            f"{layer.name} has a bias of {worst} * 2^{BIAS_SHIFT}, but Loihi's mantissas are "
            f"{-MOST_BIAS - 1} to {MOST_BIAS}; use smaller biases"
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
