"""What a sample costs: events, energy and time of inference and of learning, layer by layer.

    told = chip.costs(data.test)  # by the weights as they are now; nothing is learned
    told.share("energy")  # of learning, 0..1
    record.account, result.account  # of an epoch of learning, of an evaluation

Counts are those of the chip's own meter (`neurochip.chip.meter`), costs those of the chip's file,
each with its source there. Not counted, because no chip's file has a cost for it: the read-out's
softmax, errors of the read-out, biases, and bringing together the sums of a kernel that lies on
several cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.energy import Amount, busy_time, energy_by_core, energy_of, static_energy
from neurochip.chip.meter import (
    ERRORS,
    INFERENCE,
    PHASES,
    TICKS_PER_NANOSECOND,
    TRACES,
    UPDATES,
    Reading,
)
from neurochip.chip.pace import worked
from neurochip.hardware import EVENTS, CostTable, cost_table
from neurochip.mapping.chipmap import ChipMap
from neurochip.rules.ottt import Update

Counts = NDArray[np.int64]
Quantity: TypeAlias = Literal["time", "energy", "words"]
#: How the time of a step is found: the least by its counts, or message by message.
Timing: TypeAlias = Literal["analytic", "cycle"]
TIMINGS: tuple[Timing, ...] = get_args(Timing)

__all__ = ["ERRORS", "INFERENCE", "PHASES", "SAMPLES", "TIMINGS", "TRACES", "UPDATES"]
__all__ += ["Account", "Timing", "account"]

#: Samples that are watched unless someone asks for more.
SAMPLES = 32
_WORDS = [EVENTS.index(name) for name in ("word_read", "word_written")]


@dataclass(frozen=True, eq=False)
class Account:
    """What some samples cost; every amount is the mean of one sample.

    Attributes:
        update: when weights change: "online" (OTTT-O), "accumulate" (OTTT-A) or "last".
        samples: how many were shown.
        counts: (phases, layers, cores, len(EVENTS)) int64, summed over the samples; a layer's
            events are those of the spikes into it, its weights and its neurons.
        chip_map: which core holds what.
        inference_time: of a sample without learning (see `time`).
        learning_time: what learning adds to it.
        timing: how both were found, "analytic" or "cycle".
    """

    update: Update
    samples: int
    counts: Counts
    chip_map: ChipMap
    inference_time: Amount
    learning_time: Amount
    timing: Timing = "analytic"

    @property
    def cores(self) -> int:
        """Cores that hold a part of the network."""
        return len(np.unique(self.chip_map.core))

    def energy(self, phases: slice = slice(None), layers: slice = slice(None)) -> Amount:
        """Energy of events of some phases and layers, J a sample, without static power."""
        table = cost_table(self.chip_map.hardware)
        return _mean(energy_of(self.counts[phases, layers], table), self.samples)

    def energy_by_core(self) -> list[Amount]:
        """Energy of the events at each core, J a sample."""
        table = cost_table(self.chip_map.hardware)
        by_core = energy_by_core(self.counts.sum(axis=(0, 1)), table)
        return [_mean(amount, self.samples) for amount in by_core]

    def busy(self, phases: slice = slice(None), layers: slice = slice(None)) -> Amount:
        """Time that both pipelines of all cores together work on some phases and layers, s a
        sample.
        """
        table = cost_table(self.chip_map.hardware)
        return _mean(busy_time(worked(self.counts[phases, layers]), table), self.samples)

    def busy_by_core(self) -> list[Amount]:
        """Time that each core works, s a sample."""
        table = cost_table(self.chip_map.hardware)
        by_core = worked(self.counts.sum(axis=(0, 1)))
        return [_mean(busy_time(row, table), self.samples) for row in by_core]

    def words(self, phases: slice = slice(None), layers: slice = slice(None)) -> float:
        """Words of the weight and accumulator memories that are read or written, a sample."""
        moved = self.counts[phases, layers][..., _WORDS]
        return float(moved.sum()) / self.samples

    def static(self) -> Amount:
        """What the chip draws whatever happens during a sample that is learned, J."""
        seconds = (self.inference_time + self.learning_time).value
        table = cost_table(self.chip_map.hardware)
        return static_energy(0.0 if seconds is None else seconds, table) + Amount(
            0.0, () if seconds is not None else ("time",)
        )

    def share(self, of: Quantity, layer: int | None = None) -> float | None:
        """Share of learning in all that a sample takes, 0..1; None where a cost is unknown.

        Args:
            of: "time" (of the chip, or of the cores that work on the layer), "energy" (without
                static power) or "words" of memory.
            layer: a weight layer, from 0; None: all.
        """
        layers = slice(None) if layer is None else slice(layer, layer + 1)
        learning = self._amount(of, slice(TRACES, None), layers)
        inference = self._amount(of, slice(TRACES), layers)
        if learning is None or inference is None:
            return None
        both = learning + inference
        return learning / both if both else 0.0

    def _amount(self, of: Quantity, phases: slice, layers: slice) -> float | None:
        if of == "words":
            return self.words(phases, layers)
        if of == "energy":
            return self.energy(phases, layers).value
        if layers != slice(None):
            return self.busy(phases, layers).value
        time = self.inference_time if phases == slice(TRACES) else self.learning_time
        return time.value


def account(reading: Reading, chip_map: ChipMap, update: Update, samples: int) -> Account:
    """Price what a meter read.

    Time is analytic, a bound: no sample is faster by `chip.cycle`, which has the same phases and
    the same events. In each phase the cores work side by side, and each core's two pipelines too,
    which send and which read; a core begins to read when the first message could be there; and
    messages wait for nothing. A phase lasts as long as its slowest pipeline, a step as long as its
    phases and the barrier. What `chip.cycle` adds is the rest of the way: gaps between messages on
    a link, full buffers, and readers without work between two messages. By the pipelined schedule
    all layers are at work at once, and a step has one phase for all their spikes.

    OTTT-A's products are charged as `synaptic_update` on words of the accumulators, and once more
    at the sample's end for each weight with a product that isn't 0.

    Args:
        reading: what was counted.
        chip_map: of the chip where it was.
        update: when weights changed.
        samples: how many were shown.
    """
    table = cost_table(chip_map.hardware)
    # Whole ticks, as all times.
    barrier = np.round(table.barrier[chip_map.n_tiles] * TICKS_PER_NANOSECOND)
    barriers = reading.steps / samples * float(barrier)
    of_inference, of_learning = reading.counts[INFERENCE], reading.counts[TRACES:]
    without, more = reading.inference_ticks / samples, reading.learning_ticks / samples
    return Account(
        update=update,
        samples=samples,
        counts=reading.counts,
        chip_map=chip_map,
        inference_time=_time(of_inference, without, barriers, table),
        learning_time=_time(of_learning, more, 0.0, table),
    )


def _time(counts: Counts, picoseconds: float, barriers: float, table: CostTable) -> Amount:
    """Cores and barriers of a sample, ps; names every event that happened at an unknown cost."""
    unknown = busy_time(counts, table).unknown
    if np.isnan(barriers):
        barriers, unknown = 0.0, (*unknown, "barrier")
    return Amount(picoseconds + barriers, unknown, "s")


def _mean(amount: Amount, samples: int) -> Amount:
    return Amount(amount.known / samples, amount.unknown, amount.unit)
