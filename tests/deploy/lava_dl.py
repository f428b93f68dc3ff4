"""lava-dl's own reader, where it's installed beside lava-nc: pip install --no-deps lava-dl==0.6.0

Its dependencies would bring torch, which this reader doesn't need.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurochip.chip import Chip
from neurochip.deploy import lava
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.recording import record


def is_installed() -> bool:
    """Whether it can be imported here, with stand-ins for what it needs torch for."""
    try:
        found = importlib.util.find_spec("lava.lib.dl.netx")
    except ModuleNotFoundError:
        return False
    return lava.is_installed() and found is not None


@contextlib.contextmanager
def reader() -> Iterator[Any]:
    """Its class `Network` and how it optimises the bits of weights."""
    names = ("slayer", "slayer.neuron", "slayer.neuron.rf", "netx.sequential_modules")
    stand_ins = {f"lava.lib.dl.{name}": types.ModuleType(name) for name in names}
    stand_ins["lava.lib.dl.slayer.neuron.rf"].neuron_params = None  # type: ignore[attr-defined]
    for module in stand_ins.values():
        module.__file__ = __file__
    sys.modules.update(stand_ins)
    try:
        from lava.lib.dl.netx import hdf5, utils

        yield types.SimpleNamespace(Network=hdf5.Network, optimize=utils.optimize_weight_bits)
    finally:
        for name in stand_ins:
            sys.modules.pop(name)


def weights_read(lava_dl: Any, weights: np.ndarray) -> np.ndarray:
    """What it and then Lava's Dense make of a matrix."""
    from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights

    with np.errstate(divide="ignore"):
        lifted, width, exponent, _ = lava_dl.optimize(weights)
    mode = determine_sign_mode(lifted)
    held = truncate_weights(clip_weights(lifted, mode, num_bits=8), mode, width)
    return held << exponent if exponent > 0 else held >> -exponent


def states_held(
    lava_dl: Any, chip: Chip, path: Path, samples: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """u, v and s of every layer, (samples, T, n_out), of the processes that it makes of a file."""
    from lava.proc.io.source import RingBuffer

    from neurochip.deploy.lava.drive import step_models

    network, inputs = plan(chip), record(chip, samples).inputs
    net = lava_dl.Network(str(path), reset_interval=network.period, reset_offset=1)
    source = RingBuffer(data=network.spikes(inputs))
    source.s_out.connect(net.inp)
    processes = [part for layer in net.layers for part in (layer.synapse, layer.neuron)]
    neurons = tuple(layer.neuron for layer in net.layers)
    history = step_models((source, *processes), neurons, len(inputs) * network.period)
    return [
        {state: network.by_sample(number, held) for state, held in states.items()}
        for number, states in enumerate(history)
    ]
