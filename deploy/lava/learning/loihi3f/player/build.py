"""Lava's learning synapses between neurons of our own, connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.proc.dense.process import LearningDense
from lava.proc.io.source import RingBuffer

from neurochip.deploy.lava.learning.loihi3f.player.network import Lesson, Plastic
from neurochip.deploy.lava.learning.loihi3f.player.processes.third_factor import Neurons, ReadOut
from neurochip.deploy.lava.learning.loihi3f.player.processes.watcher import Watcher

__all__ = ["Processes", "build", "watch"]

#: Bits of weights as a session begins with them; with fewer Lava clears the lowest, which it may
#: have learned in the session before.
ALL_BITS = 9


class Processes(NamedTuple):
    """All processes; those that hold what is compared apart."""

    sources: tuple[Any, ...]
    synapses: tuple[Any, ...]
    populations: tuple[Any, ...]

    @property
    def all(self) -> tuple[Any, ...]:
        """Every process."""
        return (*self.sources, *self.synapses, *self.populations)


def build(lesson: Lesson, folder: Path | None = None) -> Processes:
    """Make and connect the processes that learn all samples, one after the other.

    Args:
        lesson: what is learned.
        folder: where neurons leave what they held; None leaves nothing.
    """
    clock, learner, last = lesson.clock, lesson.learner, len(lesson.learner.layers) - 1
    inputs = RingBuffer(data=lesson.spread())
    shown = np.repeat(lesson.labels, clock.period)
    labels = RingBuffer(data=shown[np.newaxis].astype(np.int32))
    synapses = tuple(map(_synapses, learner.layers))
    populations: tuple[Any, ...] = tuple(
        (Neurons if number < last else ReadOut)(
            learner=learner,
            clock=clock,
            number=number,
            path="" if folder is None else str(folder / f"neurons{number}.npz"),
        )
        for number in range(last + 1)
    )
    *neurons, read_out = populations
    labels.s_out.connect(read_out.label_in)
    silences = []
    for below, layer, above in zip((inputs, *neurons), synapses, populations, strict=True):
        below.s_out.connect(layer.s_in)
        layer.a_out.connect(above.a_in)
        above.y_out.connect(layer.s_in_y1)
        silences.append(RingBuffer(data=np.zeros((len(layer.weights.init), 1), np.int32)))
        for port in (layer.s_in_bap, layer.s_in_y2, layer.s_in_y3):
            silences[-1].s_out.connect(port)
    for population in neurons:
        read_out.e_out.connect(population.e_in)
    return Processes((inputs, labels, *silences), synapses, populations)


def watch(processes: Processes, lesson: Lesson, folder: Path) -> None:
    """Let what the synapses hold be left in a folder."""
    for number, layer in enumerate(processes.synapses):
        watcher = Watcher(
            shape=layer.weights.shape,
            clock=lesson.clock,
            path=str(folder / f"synapses{number}.npz"),
        )
        watcher.weights_ref.connect_var(layer.weights)
        watcher.traces_ref.connect_var(layer.x1)


def _synapses(layer: Plastic) -> Any:
    rule = Loihi3FLearningRule(
        dw=layer.rule,
        x1_impulse=layer.impulse,
        x1_tau=layer.tau,
        t_epoch=layer.t_epoch,
        rng_seed=layer.seed,
    )
    return LearningDense(weights=layer.weights, learning_rule=rule, num_weight_bits=ALL_BITS)
