"""A session of Lava, started in a process of its own, and what it leaves."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.lava.learning.loihi3f.player.network import Learner
from neurochip.deploy.lava.player.limited import run_limited
from neurochip.deploy.states import LayerStates

__all__ = ["session"]


def session(path: str | Path, learner: Learner, limit_s: float) -> tuple[LayerStates, ...]:
    """Learn the samples of an exported file in Lava's runtime.

    Args:
        path: the file.
        learner: what it holds.
        limit_s: seconds after which the session is ended.

    Returns:
        Of every layer u, v, s, y1, x1 after every step, and weights after every sample.

    Raises:
        SessionError: the session failed or reached the limit.
    """
    with tempfile.TemporaryDirectory() as folder:
        module = f"{__package__}.session"
        run_limited([sys.executable, "-m", module, str(Path(path).resolve()), folder], limit_s)
        return tuple(
            LayerStates(
                layer.name, {**_saved(folder, "neurons", n), **_saved(folder, "synapses", n)}
            )
            for n, layer in enumerate(learner.layers)
        )


def _saved(folder: str, what: str, number: int) -> dict[str, NDArray[Any]]:
    with np.load(Path(folder) / f"{what}{number}.npz") as saved:
        return dict(saved)
