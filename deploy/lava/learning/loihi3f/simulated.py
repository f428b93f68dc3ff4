"""What the simulator holds in a session: what Lava is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.loihi_session import Session
from neurochip.deploy.lava.learning.loihi3f.plan import Job
from neurochip.deploy.states import LayerStates

__all__ = ["Held", "recorded", "steps_of"]

#: Registers of one layer by name, each (n,), after one step.
Held: TypeAlias = dict[str, NDArray[Any]]


def steps_of(job: Job) -> Iterator[tuple[tuple[int, int], list[Held]]]:
    """Every step of a session: its sample and place, and what each layer then holds.

    The arrays of traces and weights are the simulator's own, which the next step changes.
    """
    session, lesson = Session(job.chip, job.plasticity), job.lesson
    inputs, period = lesson.spread(), lesson.clock.period
    for now in range(lesson.clock.steps):
        sample, place = divmod(now, period)
        heard = [layer.sums for layer in session.layers]
        session.step(inputs[:, now], int(lesson.labels[sample]), place)
        yield (sample, place), [_held(session, number, sums) for number, sums in enumerate(heard)]


def _held(session: Session, number: int, heard: NDArray[Any]) -> Held:
    """Sums, membranes after the reset (of a read-out its outputs), spikes, and what learns."""
    layer, core = session.layers[number], session.core
    own = core.layers[number]
    above = slice(own.post, own.post + own.n_out)
    return {
        "u": heard,
        "v": core.v[above].copy(),
        "s": core.signal[above].copy(),
        "y1": layer.factors,
        "x1": layer.traces,
        "weights": layer.weights.ravel(),
    }


def recorded(job: Job) -> tuple[LayerStates, ...]:
    """Of every layer u, v, s, y1, x1 after every step, and weights after every sample."""
    samples, period = job.lesson.clock.samples, job.lesson.clock.period
    layers = job.lesson.learner.layers
    history: list[dict[str, list[NDArray[Any]]]] = [{} for _ in layers]
    for (_, place), held in steps_of(job):
        for of_layer, states in zip(history, held, strict=True):
            for name, values in states.items():
                if name != "weights" or place == period - 1:
                    of_layer.setdefault(name, []).append(values.astype(np.int32))
    return tuple(
        LayerStates(
            layer.name,
            {
                name: np.array(rows).reshape(samples, -1, rows[0].size)
                for name, rows in told.items()
            },
        )
        for layer, told in zip(layers, history, strict=True)
    )
