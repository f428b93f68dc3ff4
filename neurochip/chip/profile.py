"""Where a command's time went, row by row, and the least time that each could take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurochip.chip.limits import Machine, machine, of_phases
from neurochip.chip.stages import KERNELS, REST, Stages

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip

#: Rows, in groups: stages in Python, and phases of the pipeline.
GROUPS = {
    "input": ("input",),
    "encode": ("encode",),
    "forward": ("axon in", "synapse", "neuron", "read-out"),
    "backward": ("trace", "error", "transport"),
    "update": ("update",),
    "accounting": ("accounting", "pricing"),
    "output": ("output",),
    "other": ("calls", "clock", REST),
}
#: What rows are that their names don't tell.
MEANINGS = {
    "input": "files and data sets, and the chip built from them",
    "accounting": "events and time counted in every step",
    "pricing": "energy and time from these counts, costs, complexity",
    "output": "run files",
    "calls": "from Python into kernels, which are loaded at the first",
    "clock": "reading it at the end of each phase",
    REST: "between samples, and whatever no other row names",
}


@dataclass(frozen=True)
class Row:
    """One row: a stage or a phase.

    Attributes:
        group: forward, update and so on.
        name: of the stage.
        seconds: that it took.
        least: seconds that it could take at least; None where it isn't mostly arithmetic.
    """

    group: str
    name: str
    seconds: float
    least: float | None

    @property
    def times(self) -> float | None:
        """How many times the least it took; None where that is unknown, or nothing was done."""
        return self.seconds / self.least if self.least else None


@dataclass(frozen=True)
class Profile:
    """All rows; their seconds add up to the whole.

    Attributes:
        rows: in the order of `GROUPS`, those that took no time left out.
        machine: what the least times come from.
        steps: time steps in which the pipeline was watched.
    """

    rows: tuple[Row, ...]
    machine: Machine
    steps: int

    @property
    def whole(self) -> float:
        """Seconds of all rows."""
        return sum(row.seconds for row in self.rows)


def profile(stages: Stages, chip: Chip) -> Profile:
    """What stages tell by now, whose chip's kernels they watched."""
    stages.count()
    seconds = dict(stages.seconds)
    phases, clock = stages.phases()
    within = seconds.pop(KERNELS, 0.0)
    seconds |= phases
    seconds |= {"clock": clock, "calls": max(within - sum(phases.values()) - clock, 0.0)}
    core = chip._core
    own = machine(core.weights.nbytes)
    work = np.broadcast_to(stages.work, core.counters.shape[1:])
    least = of_phases(core, own, work, stages.steps, stages.learned_steps, stages.error_steps)
    rows = [
        Row(group, name, seconds[name], least.get(name))
        for group, names in GROUPS.items()
        for name in names
        if seconds.get(name)
    ]
    return Profile(tuple(rows), own, stages.steps)
