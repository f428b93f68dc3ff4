"""The agenda: events come when they are due, the earliest first, and none is lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels.agenda import EMPTY, RING, next_tick, put, shift_for, take
from neurochip.kernels.jit import INTERPRETED, kernel

EXAMPLES = 20 if INTERPRETED else 100


@kernel
def play(delays, shift, ring, events, due, out):
    """Put every event back when it comes due, event e by delays[e, 0], delays[e, 1] and so on.

    Writes (tick, event) of each, and returns how many those are: all of the same tick, or none.
    """
    live, times = delays.shape
    tick, done = np.int64(0), 0
    for event in range(live):
        put(ring, events, event, delays[event, 0], shift)
    while done + live <= out.shape[0]:
        tick = next_tick(ring, events, tick, shift)
        found = take(ring, events, tick, shift, due)
        for k in range(found):
            event = due[k]
            out[done, 0], out[done, 1] = tick, event
            done += 1
            put(ring, events, event, tick + delays[event, done % times], shift)
    return done


def left_over(found, delays):
    """Check that each event came when due, the earliest first; when the next ones are due."""
    live, times = delays.shape
    due = {event: int(delays[event, 0]) for event in range(live)}
    for done, (tick, event) in enumerate(found, 1):
        assert tick == min(due.values())
        assert tick == due[event]
        due[event] = tick + int(delays[event, done % times])
    return due


@given(
    delays=st.lists(
        st.lists(st.integers(1, 3000) | st.integers(1, 10**12), min_size=5, max_size=5),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=EXAMPLES)
def test_events_come_in_order(delays):
    table = np.array(delays, np.int64)
    live, size = table.shape[0], 60
    ring, events = np.full(RING, EMPTY, np.int64), np.empty((live, 2), np.int64)
    out, due = np.zeros((size, 2), np.int64), np.empty(live, np.int64)
    done = play(table, shift_for(int(table.max())), ring, events, due, out)
    assert size - live < done <= size
    left = left_over(out[:done].tolist(), table)
    assert min(left.values()) > out[done - 1, 0]


def test_buckets_are_as_small_as_the_ring_allows():
    assert [shift_for(n) for n in (0, RING - 2, RING - 1, 2 * RING, 10**12)] == [0, 0, 1, 2, 30]
