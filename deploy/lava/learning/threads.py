"""Lava's process models, each in a thread of this process, stepped together.

Within a step these processes answer each other, so none can finish before the others begin: unlike
those of `deploy.lava.drive`, they can't take turns.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.lava.drive import make_models

__all__ = ["step_together"]

#: Seconds for which a model waits for a message before it gives up, because another has failed.
PATIENCE_S = 60.0


class _Inbox:
    """An input port that waits for what is sent to it."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[NDArray[Any]] = queue.SimpleQueue()

    def put(self, data: NDArray[Any]) -> None:
        self.waiting.put(data)

    def recv(self) -> NDArray[Any]:
        return self.waiting.get(timeout=PATIENCE_S)


def _look_away(models: dict[int, Any]) -> None:
    """Nothing is written down."""


def step_together(
    processes: tuple[Any, ...],
    steps: int,
    after: Callable[[dict[int, Any]], None] = _look_away,
) -> dict[int, Any]:
    """Step connected processes, the spiking phase of all before the learning phase of any.

    Args:
        processes: all of them, in any order.
        steps: how many.
        after: called after every step, with the models by their processes' numbers.

    Returns:
        The models after the last step, by their processes' numbers.
    """
    models = make_models(processes, _Inbox)
    with ThreadPoolExecutor(len(models)) as pool:
        for step in range(1, steps + 1):
            for model in models.values():
                model.time_step = np.int64(step).item()
            list(pool.map(lambda model: model.run_spk(), models.values()))
            for model in models.values():
                if model.lrn_guard():
                    model.run_lrn()
            after(models)
    return models
