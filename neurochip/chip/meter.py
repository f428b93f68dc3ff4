"""The chip's own meter: what the kernels' counters come to in events and time.

meter = charging.build(chip_map, core, layout.ONLINE, "symmetric")
learn_stream(core, meter.arrays, ...)  # counts while the chip works (`kernels.meter`)
read(meter).counts  # (phases, layers, cores, events)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import meter as kernel
from neurochip.kernels.ledger import Ledger

Ints = NDArray[np.int64]

__all__ = ["PHASES", "Meter", "Reading", "between", "read"]

#: Phases 1 to 3, 4, 6 and 7 of a step; all but the first are learning.
PHASES = ("inference", "traces", "errors", "updates")
INFERENCE, TRACES, ERRORS, UPDATES = range(len(PHASES))
#: Times are whole ticks of a picosecond, as those of `chip.traffic`.
TICKS_PER_NANOSECOND = 1000
#: What a ledger fills, and what a meter keeps of a sample; all else are tables.
_COUNTED = ("slot", "cells", "totals", "elapsed", "time")
_OF_A_SAMPLE = ("fired", "errors", "words", "sending", "summed", "used", "reached", "driven", "map")
_Arrays = TypeVar("_Arrays", Ledger, kernel.Meter)


class Reading(NamedTuple):
    """What a meter counted.

    Attributes:
        counts: (phases, layers, cores, len(EVENTS)) int64; a layer's events are those of the spikes
            into it, its weights and its neurons.
        inference_ticks: sum over steps of the phases of inference, ps.
        learning_ticks: the same of learning's.
        steps: how many were counted.
    """

    counts: Ints
    inference_ticks: int
    learning_ticks: int
    steps: int


@dataclass(frozen=True, eq=False)
class Meter:
    """A kernel's meter, and what its counters mean.

    Attributes:
        arrays: what the kernels fill.
        effects: (E, 6): counter, phase, layer, core, event, how many for each unit of the counter.
        shape: of the counts.
    """

    arrays: kernel.Meter
    effects: NDArray[np.int32]
    shape: tuple[int, ...]

    def apart(self) -> Meter:
        """The same tables, with counters of its own at zero."""
        ledger = _emptied(self.arrays.ledger, _COUNTED)
        return replace(self, arrays=_emptied(self.arrays._replace(ledger=ledger), _OF_A_SAMPLE))


def _emptied(arrays: _Arrays, names: tuple[str, ...]) -> _Arrays:
    """The same arrays, but zeros in place of some."""
    given = ((name, getattr(arrays, name)) for name in names)
    zeros: dict[str, Any] = {name: np.zeros(own.shape, own.dtype) for name, own in given}
    return arrays._replace(**zeros)


def between(before: Reading, after: Reading) -> Reading:
    """What was counted after one reading and before another."""
    return Reading(
        after.counts - before.counts,
        after.inference_ticks - before.inference_ticks,
        after.learning_ticks - before.learning_ticks,
        after.steps - before.steps,
    )


def read(meter: Meter) -> Reading:
    """Events and time since the meter began."""
    counter, *where, amount = meter.effects.T
    counts = np.zeros(meter.shape, np.int64)
    np.add.at(counts, tuple(where), amount * meter.arrays.ledger.totals[counter])
    without, more, steps = meter.arrays.ledger.elapsed.tolist()
    return Reading(counts, without, more, steps)
