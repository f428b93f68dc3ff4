"""The ledger against plain sums: each step by itself, each pipeline, no lanes, nothing put off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurochip.kernels import ledger as kernel
from neurochip.kernels.ledger import LAYERED, PHASE, PIPE, PIPELINED, SCHEDULE, SLOTS, STEPS

#: Counters with a row, and counters of single neurons.
ROWS, SINGLES = 5, 7
#: Rows of the ledger where the time of single neurons goes.
LUMPS = 2


@dataclass
class Case:
    """Prices, and what happens in each step."""

    phases: list[
        tuple[int, list[tuple[dict[int, int], int]]]
    ]  # kind; entries and lead of each pipe
    n_layered: int  # so many phases are `layered`, the others `pipelined`
    prices: list[list[tuple[int, int]]]  # of each single neuron: row, ticks
    steps: list[tuple[dict[int, int], list[int]]]  # counts; single neurons that fire
    schedule: int


entries = st.dictionaries(st.integers(0, ROWS + LUMPS - 1), st.integers(0, 2**40), max_size=4)
pipes = st.lists(st.tuples(entries, st.integers(0, 2**40)), max_size=4)
price = st.lists(st.tuples(st.integers(ROWS, ROWS + LUMPS - 1), st.integers(0, 999)), max_size=3)
step = st.tuples(
    st.dictionaries(st.integers(0, ROWS - 1), st.integers(0, 2**20), max_size=ROWS),
    st.lists(st.integers(0, SINGLES - 1), unique=True, max_size=SINGLES),
)
cases = st.builds(
    Case,
    phases=st.lists(st.tuples(st.integers(0, 1), pipes), max_size=4),
    n_layered=st.integers(0, 4),
    prices=st.lists(price, min_size=SINGLES, max_size=SINGLES),
    steps=st.lists(step, max_size=2 * SLOTS + 1),
    schedule=st.sampled_from([LAYERED, PIPELINED]),
)


def ledger_of(case: Case) -> kernel.Ledger:
    n_layered, n = min(case.n_layered, len(case.phases)), len(case.phases)
    phases: list[tuple[int, int, int]] = []
    pipe_rows: list[tuple[int, int, int]] = []
    rows: list[int] = []
    ticks: list[int] = []
    for kind, own in case.phases:
        begin = len(pipe_rows)
        for priced, lead in own:
            first = len(rows)
            rows += list(priced)
            ticks += list(priced.values())
            pipe_rows.append((first, len(rows), lead))
        phases.append((kind, begin, len(pipe_rows)))
    flat = [entry for own in case.prices for entry in own]
    arrays: dict[str, Any] = {
        "totals": np.zeros(ROWS + SINGLES, np.int64),
        "schedules": np.array([(0, 0, 0), (0, n_layered, ROWS), (n_layered, n, ROWS)], SCHEDULE),
        "phases": np.array(phases, PHASE),
        "pipes": np.array(pipe_rows, PIPE),
        "rows": np.array(rows, np.int64),
        "ticks": np.array(ticks, np.int64),
        "start": np.cumsum([0, *map(len, case.prices)]),
        "row": np.array([row for row, _ in flat], np.int32),
        "price": np.array([ticks for _, ticks in flat], np.int64),
    }
    return kernel.make(ROWS + LUMPS, arrays)


def expected(case: Case) -> tuple[list[int], list[int]]:
    """Sums of all counters; ticks of inference and of learning."""
    totals, elapsed = [0] * (ROWS + SINGLES), [0, 0]
    n_layered = min(case.n_layered, len(case.phases))
    own = slice(0, n_layered) if case.schedule == LAYERED else slice(n_layered, None)
    for counts, fired in case.steps:
        column = [counts.get(row, 0) for row in range(ROWS)] + [0] * LUMPS
        for row, n in counts.items():
            totals[row] += n
        for neuron in fired:
            totals[ROWS + neuron] += 1
            for row, ticks in case.prices[neuron]:
                column[row] += ticks
        for kind, works in case.phases[own]:
            times = [
                (sum(column[row] * each for row, each in priced.items()), lead)
                for priced, lead in works
            ]
            elapsed[kind] += max((time + lead for time, lead in times if time), default=0)
    return totals, elapsed


@given(cases)
def test_sums_and_times_of_steps_put_off(case: Case) -> None:
    ledger = ledger_of(case)
    for counts, fired in case.steps:
        for row, n in counts.items():
            kernel.enter(ledger, row, n)
        kernel.enter_ones(ledger, ROWS, np.array(fired, np.int32))
        kernel.end_step(ledger, case.schedule)
    kernel.settle(ledger, case.schedule)
    totals, elapsed = expected(case)
    assert ledger.totals.tolist() == totals
    assert ledger.elapsed.tolist() == [*elapsed, len(case.steps)]
    assert not ledger.cells.any()


@given(
    st.lists(st.integers(0, 2**40), min_size=SINGLES, max_size=SINGLES),
    st.lists(st.integers(2, SINGLES - 1), unique=True),
)
def test_neurons_whose_time_goes_to_one_row(prices: list[int], fired: list[int]) -> None:
    """The same as one by one, of a population that begins at the third neuron."""
    at = [[(ROWS + 1, ticks)] for ticks in prices]
    case = Case([], 0, at, [], LAYERED)
    one, other = ledger_of(case), ledger_of(case)
    own = np.array(fired, np.int32) - 2
    kernel.enter_ones(one, ROWS + 2, own)
    kernel.enter_ones_at(other, ROWS + 2, ROWS + 1, own)
    assert one.totals.tolist() == other.totals.tolist()
    assert one.cells.tolist() == other.cells.tolist()
    assert one.cells[(ROWS + 1) * SLOTS] == sum(prices[neuron] for neuron in fired)


def test_steps_are_counted_before_they_are_settled() -> None:
    ledger = ledger_of(Case([], 0, [[] for _ in range(SINGLES)], [], LAYERED))
    kernel.enter(ledger, 3, 2)
    kernel.end_step(ledger, LAYERED)
    assert (ledger.elapsed[STEPS], ledger.totals[3], ledger.slot[0]) == (1, 0, 1)
    kernel.settle(ledger, LAYERED)
    assert (ledger.totals[3], ledger.slot[0]) == (2, 0)
