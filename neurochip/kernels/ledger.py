"""What happened in the last steps, and what it took: counters by step, priced some steps at a time.

A row of the ledger is a counter, or time that is known already; a column is a step, until all
columns are used. Then the ledger is settled: counters are added to their sums, and each step's time
is worked out of its column, all columns at once, side by side in the processor's lanes.

A step is a row of phases, as its schedule says. In each, pipelines work side by side on what their
entries say, ticks for each unit of a row. One that works at all can't begin before its lead; the
phase lasts as long as the slowest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.arithmetic import sum_all
from neurochip.kernels.jit import kernel, unit, view

Ints = NDArray[np.int64]

#: Steps of a ledger.
SLOTS = 32
#: What `Ledger.elapsed` holds: ticks of phases of inference, and of learning; steps.
INFERENCE_TICKS, LEARNING_TICKS, STEPS = range(3)


def _record(fields: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in fields.split()])


#: Schedules of a step: as `layered`, without and with learning; as `pipelined`.
INFERENCE, LAYERED, PIPELINED = range(3)
#: Its phases, and how many rows of counters they use.
SCHEDULE = _record("phase phase_end rows")
#: Where its ticks go (`INFERENCE_TICKS` or `LEARNING_TICKS`), its pipelines.
PHASE = _record("kind pipe pipe_end")
#: Its entries, its lead in ticks.
PIPE = _record("entry entry_end lead")


class Ledger(NamedTuple):
    """Of K counters, the first R with a row; D more rows are ticks; E entries."""

    slot: Ints  # (1,) the step at hand, 0 .. SLOTS - 1
    cells: Ints  # ((R + D) * SLOTS,) row after row
    totals: Ints  # (K,) sums of the counters
    elapsed: Ints  # (3,)
    schedules: NDArray[np.void]  # (3,) SCHEDULE
    phases: NDArray[np.void]  # PHASE
    pipes: NDArray[np.void]  # PIPE, phase after phase
    rows: Ints  # (E,) what an entry prices
    ticks: Ints  # (E,) for each unit of the row
    start: Ints  # (K - R + 1,) a counter without row takes ticks start[c] : start[c + 1] a unit
    row: NDArray[np.int32]  # the row of D that these go to
    price: Ints  # how many
    time: Ints  # (2, SLOTS) scratch: of a pipeline, of a phase


def make(n_rows: int, arrays: dict[str, NDArray[np.generic]]) -> Ledger:
    """A ledger with nothing in it, of so many rows; tables that aren't given are empty."""
    kinds: dict[str, Any] = dict.fromkeys(Ledger._fields, np.dtype(np.int64))
    kinds |= {"phases": PHASE, "pipes": PIPE, "row": np.dtype(np.int32)}
    whole: dict[str, Any] = {name: np.zeros(0, kind) for name, kind in kinds.items()}
    whole |= {
        "slot": np.zeros(1, np.int64),
        "schedules": np.zeros(3, SCHEDULE),
        "cells": np.zeros(n_rows * SLOTS, np.int64),
        "elapsed": np.zeros(3, np.int64),
        "start": np.zeros(1, np.int64),
        "time": np.zeros((2, SLOTS), np.int64),
        **arrays,
    }
    for name in ("schedules", "phases", "pipes"):
        whole[name] = whole[name].view(np.recarray)
    return Ledger(**whole)


@kernel
def enter(ledger, counter, n):  # type: ignore[no-untyped-def]
    """Add n to a counter with a row."""
    ledger.cells[counter * SLOTS + ledger.slot[0]] += n


@kernel
def enter_ones(ledger, first, spikes):  # type: ignore[no-untyped-def]
    """Add 1 to the counters without row, from ``first`` on, of the neurons that are listed."""
    start = ledger.start[first - ledger.totals.size + ledger.start.size - 1 :]
    add_ones(ledger.totals[first:], spikes)
    price_each(ledger.cells[ledger.slot[0] :], start, ledger.row, ledger.price, spikes)


@kernel
def enter_ones_at(ledger, first, row, spikes):  # type: ignore[no-untyped-def]
    """The same of a population whose spikes take time in one row only, one price a neuron."""
    begin = ledger.start[first - ledger.totals.size + ledger.start.size - 1]
    totals, price, time = ledger.totals[first:], ledger.price[begin:], np.int64(0)
    for k in range(spikes.size):
        neuron = np.uint32(spikes[k])
        totals[neuron] += 1
        time += price[neuron]
    enter(ledger, row, time)


@kernel
def add_ones(totals, spikes):  # type: ignore[no-untyped-def]
    """Count each neuron that is listed."""
    for k in range(spikes.size):
        totals[np.uint32(spikes[k])] += 1


@unit
def price_each(column, start, row, price, spikes):  # type: ignore[no-untyped-def]
    """Add the prices of each neuron that is listed to their rows, in the column at hand."""
    for k in range(spikes.size):
        neuron = np.uint32(spikes[k])
        for e in range(start[neuron], start[neuron + np.uint32(1)]):
            column[np.uint32(row[e]) * np.uint32(SLOTS)] += price[e]


@kernel
def end_step(ledger, schedule):  # type: ignore[no-untyped-def]
    """Count the step; settle what fills the ledger."""
    ledger.elapsed[STEPS] += 1
    ledger.slot[0] += 1
    if ledger.slot[0] == SLOTS:
        settle(ledger, schedule)


@kernel
def settle(ledger, schedule):  # type: ignore[no-untyped-def]
    """Work out sums and times of all steps in the ledger, which then is empty."""
    own = ledger.schedules[schedule]
    phases = ledger.phases[own.phase : own.phase_end]
    entries = (ledger.rows, ledger.ticks)
    add_time(ledger.elapsed, ledger.cells, phases, ledger.pipes, *entries, *time_rows(ledger))
    add_up(ledger.totals, ledger.cells, own.rows)
    ledger.slot[0] = 0


@view
def time_rows(ledger):  # type: ignore[no-untyped-def]
    """Scratch: ticks of a pipeline, and of a phase, in each step."""
    return ledger.time[0], ledger.time[1]


@unit
def add_time(elapsed, cells, phases, pipes, rows, ticks, works, lasts):  # type: ignore[no-untyped-def]
    """Add what the phases of each step last."""
    for p in range(phases.size):
        phase = phases[p]
        lasts[:] = 0
        for q in range(phase.pipe, phase.pipe_end):
            pipe = pipes[q]
            works[:] = 0
            for e in range(pipe.entry, pipe.entry_end):
                add_scaled(works, cells[rows[e] * SLOTS :], ticks[e])
            take_longer(lasts, works, pipe.lead)
        elapsed[phase.kind] += sum_all(lasts)


# Loops over as many slots as an array has: those over SLOTS were unrolled before they could run in
# lanes.


@kernel
def add_scaled(works, row, each):  # type: ignore[no-untyped-def]
    """Add a row times the ticks of each unit."""
    for s in range(works.size):
        works[s] += row[s] * each


@kernel
def take_longer(lasts, works, lead):  # type: ignore[no-untyped-def]
    """A phase isn't over before a pipeline that works, and began after its lead."""
    for s in range(lasts.size):
        lasts[s] = max(lasts[s], works[s] + lead * (works[s] > 0))


@unit
def add_up(totals, cells, n_rows):  # type: ignore[no-untyped-def]
    """Add the rows of counters to their sums, and empty all rows."""
    for r in range(n_rows):
        totals[r] += sum_all(cells[r * SLOTS : (r + 1) * SLOTS])
    cells[:] = 0
