"""Where a command's time goes: stages in Python, and the pipeline's phases within its kernels.

stages = Stages()
with stages("encode"):
    ...
stages.watch_kernels()          # from here on the pipeline's phases are told apart too
chip.stages = stages
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import layout, stopwatch
from neurochip.kernels.stopwatch import PHASES, Watch

#: The stage in which compiled kernels are at work.
KERNELS = "kernels"
#: What no stage names.
REST = "rest"

_NANOSECOND = 1e-9


class Stages:
    """Seconds of wall time by stage; a stage within another is taken out of it.

    Attributes:
        seconds: by name of the stage.
        watch: what kernels are given: nothing, or a watch.
        work: events that kernels counted while they were watched, (layers, len(COUNTERS)).
        learned_steps: time steps of them in which traces were kept.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.watch: tuple[Watch, ...] = ()
        self.work: NDArray[np.int64] | int = 0
        self.learned_steps = 0
        self._within, self._last = [REST], time.perf_counter()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Spend time in a stage."""
        self.count()
        self._within.append(stage)
        try:
            yield
        finally:
            self.count()
            self._within.pop()

    def count(self) -> None:
        """Give what went by since the last count to the stage at work."""
        now = time.perf_counter()
        self.seconds[self._within[-1]] += now - self._last
        self._last = now

    @contextmanager
    def kernels(self, core: layout.Core, learned: int = 0) -> Iterator[tuple[Watch, ...]]:
        """Let kernels work on a core; gives the watch that they take.

        Args:
            core: whose counters tell what was done.
            learned: how many time steps are learned from.
        """
        if not self.watch:
            yield ()
            return
        before = core.counters.sum(axis=0)
        with self(KERNELS):
            yield self.watch
        self.work = self.work + core.counters.sum(axis=0) - before
        self.learned_steps += learned

    def watch_kernels(self) -> None:
        """Tell the pipeline's phases apart from now on: other code, which does the same."""
        self.watch = (stopwatch.new_watch(),)

    def phases(self) -> tuple[dict[str, float], float]:
        """Seconds of each phase of the pipeline without those of the clock, and the clock's."""
        if not self.watch:
            return {}, 0.0
        marks = stopwatch.marks(self.watch[0]) * stopwatch.cost_of_marks() * _NANOSECOND
        spent = stopwatch.spent(self.watch[0]) * _NANOSECOND
        own = np.maximum(spent - marks, 0.0)
        return dict(zip(PHASES, own.tolist(), strict=True)), float((spent - own).sum())

    @property
    def steps(self) -> int:
        """Time steps that were watched."""
        return int(stopwatch.marks(self.watch[0])[stopwatch.READ_OUT]) if self.watch else 0

    @property
    def error_steps(self) -> int:
        """Those of them in which errors were computed."""
        return int(stopwatch.marks(self.watch[0])[stopwatch.ERROR]) if self.watch else 0
