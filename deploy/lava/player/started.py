"""A session of Lava, started in a process of its own, and what it leaves."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from neurochip.deploy.lava.player.limited import run_limited
from neurochip.deploy.lava.player.network import LavaNetwork
from neurochip.deploy.states import LayerStates

__all__ = ["session"]


def session(path: str | Path, network: LavaNetwork, limit_s: float) -> tuple[LayerStates, ...]:
    """Run the samples of an exported file in Lava's runtime.

    Args:
        path: the file.
        network: what it holds.
        limit_s: seconds after which the session is ended.

    Returns:
        u, v and s of every layer in every step.

    Raises:
        SessionError: the session failed or reached the limit.
    """
    with tempfile.TemporaryDirectory() as folder:
        module = f"{__package__}.session"
        command = [sys.executable, "-m", module, str(Path(path).resolve()), folder]
        run_limited(command, limit_s)
        layers = []
        for number, layer in enumerate(network.layers):
            with np.load(Path(folder) / f"layer{number}.npz") as saved:
                states = {name: network.by_sample(number, saved[name]) for name in saved.files}
            layers.append(LayerStates(layer.name, states))
        return tuple(layers)
