"""The agenda against a sorted list."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels.agenda import EMPTY, RING, next_tick, put, shift_for, take
from neurochip.kernels.jit import INTERPRETED, kernel

EXAMPLES = 20 if INTERPRETED else 100


@kernel
def play(delays, furthest, live, out):
    """Keep ``live`` events due; each one that comes due is put back, by the next delay.

    Writes (tick, event) of each, those of one tick sorted by event.
    """
    ring, events = np.full(RING, EMPTY, np.int64), np.empty((live, 2), np.int64)
    due = np.empty(live, np.int64)
    shift = shift_for(furthest)
    tick, used, done = np.int64(0), live, 0
    for event in range(live):
        put(ring, events, event, delays[event], shift)
    while done < out.shape[0]:
        tick = next_tick(ring, events, tick, shift)
        found = take(ring, events, tick, shift, due)
        for event in np.sort(due[:found]):
            if done < out.shape[0]:
                out[done, 0], out[done, 1] = tick, event
                done += 1
            put(ring, events, event, tick + delays[used % delays.size], shift)
            used += 1


def expected(delays, live, n):
    due = [(delays[event], event) for event in range(live)]
    used = live
    found: list[tuple[int, int]] = []
    while len(found) < n:
        tick = min(due)[0]
        for event in sorted(event for at, event in due if at == tick):
            due.remove((tick, event))
            due.append((tick + delays[used % len(delays)], event))
            found.append((tick, event))
            used += 1
    return found[:n]


@given(
    delays=st.lists(st.integers(1, 3000) | st.integers(1, 10**12), min_size=8, max_size=40),
    live=st.integers(1, 8),
)
@settings(max_examples=EXAMPLES)
def test_events_come_in_order(delays, live):
    out = np.zeros((60, 2), np.int64)
    play(np.array(delays, np.int64), max(delays), live, out)
    assert [tuple(row) for row in out.tolist()] == expected(delays, live, 60)


def test_buckets_are_as_small_as_the_ring_allows():
    assert [shift_for(n) for n in (0, RING - 2, RING - 1, 2 * RING, 10**12)] == [0, 0, 1, 2, 30]
