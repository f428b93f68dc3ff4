"""What a chip itself holds while it is shown samples: what every export is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.chip import Chip
from neurochip.deploy.states import LayerStates, Recording

__all__ = ["layer_names", "predictions", "record"]


def record(chip: Chip, x: ArrayLike) -> Recording:
    """What the chip itself holds while it is shown some samples; nothing is learned.

    Args:
        chip: as it is.
        x: (n, ...) samples as `Chip.encode` takes them.
    """
    network, names = chip.network, layer_names(chip)
    seen = [chip.observe(sample, 0, index) for index, sample in enumerate(np.asarray(x))]
    layers = []
    for number, name in enumerate(names):
        is_readout = number == len(names) - 1
        silent = is_readout and network.readout != "spiking"
        v = np.array([shot.v[number] for shot in seen], np.int32)
        states = {"u": np.array([shot.current[number] for shot in seen], np.int32), "v": v}
        spikes = [shot.signal[number + 1] for shot in seen]
        states["s"] = np.zeros_like(v) if silent else np.array(spikes, np.int32)
        layers.append(LayerStates(name, states))
    inputs = np.array([shot.signal[0] for shot in seen], np.uint8)
    return Recording(inputs, tuple(layers))


def predictions(readout: str, last: LayerStates) -> NDArray[np.int64]:
    """Classes (n,) that the read-out's registers stand for: the largest sum over the steps."""
    register = "s" if readout == "spiking" else "v"
    totals: NDArray[np.int64] = last.states[register].sum(axis=1, dtype=np.int64)
    classes: NDArray[np.int64] = totals.argmax(axis=1)
    return classes


def layer_names(chip: Chip) -> tuple[str, ...]:
    """What tables call the layers."""
    hidden = tuple(f"layer {number}" for number in range(len(chip.network.neurons)))
    return (*hidden, "read-out")
