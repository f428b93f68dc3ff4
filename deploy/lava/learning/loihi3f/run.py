"""One epoch, learned here and in Lava from the same state."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy import states
from neurochip.deploy.lava import NETWORK_FILE
from neurochip.deploy.lava.learning.loihi3f.folder import write_job
from neurochip.deploy.lava.learning.loihi3f.plan import Job
from neurochip.deploy.lava.learning.loihi3f.player.build import build
from neurochip.deploy.lava.learning.loihi3f.player.started import session
from neurochip.deploy.lava.learning.loihi3f.simulated import Held, recorded, steps_of
from neurochip.deploy.lava.learning.threads import step_together
from neurochip.deploy.states import Difference, Verdict

__all__ = ["in_lockstep", "through_models", "through_session"]


class _Tally:
    """How often a register of a layer differed, and where first."""

    def __init__(self) -> None:
        self.steps, self.mismatches = 0, 0
        self.first: Difference | None = None

    def add(self, at: tuple[int, int], expected: NDArray[Any], found: NDArray[Any]) -> None:
        self.steps += 1
        (where,) = np.nonzero(expected != found)
        self.mismatches += where.size
        if where.size and self.first is None:
            one = int(where[0])
            self.first = Difference(*at, one, int(expected[one]), int(found[one]))


def in_lockstep(job: Job) -> tuple[Verdict, ...]:
    """Step the simulator and Lava's process models together, and compare after every step."""
    here = steps_of(job)
    tallies: dict[tuple[int, str], _Tally] = {}

    def look(found: list[Held]) -> None:
        at, expected = next(here)
        for number, (ours, theirs) in enumerate(zip(expected, found, strict=True)):
            for state, values in ours.items():
                tally = tallies.setdefault((number, state), _Tally())
                tally.add(at, values, theirs[state])

    through_models(job, look)
    return tuple(
        Verdict(f"layer {number}", state, tally.steps, tally.mismatches, tally.first)
        for (number, state), tally in tallies.items()
    )


def through_models(job: Job, look: Callable[[list[Held]], None]) -> None:
    """Step Lava's process models; show what the layers hold after every step."""
    processes = build(job.lesson)

    def told(models: dict[int, Any]) -> None:
        pairs = zip(processes.synapses, processes.populations, strict=True)
        look(
            [
                {
                    **models[above.id].held,
                    "x1": models[below.id].x1,
                    "weights": models[below.id].weights.ravel(),
                }
                for below, above in pairs
            ]
        )

    step_together(processes.all, job.lesson.clock.steps, told)


def through_session(job: Job, limit_s: float) -> tuple[Verdict, ...]:
    """Learn in Lava's runtime, in a process of its own, and compare what was held."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NETWORK_FILE
        expected = recorded(job)
        write_job(file, job, expected)
        return states.compare(expected, session(file, job.lesson.learner, limit_s))
