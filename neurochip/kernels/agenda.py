"""What is due when: a bucket queue (R. Dial, Communications of the ACM 12(11), 1969).

Ticks are gathered into buckets of 2^shift, and the buckets lie in a ring. No event is further ahead
than the ring is long, so a bucket never holds events of two rounds of the ring. Putting an event
there and finding the next ones take a few steps each, however many there are.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels.jit import kernel

#: Buckets in the ring.
RING = 1024
#: Columns of the table of events, (events, 2): its tick, and the next event of its bucket.
TICK, NEXT = range(2)
#: No event.
EMPTY = -1


def shift_for(furthest: int) -> int:
    """Smallest shift for which no event, ``furthest`` ticks ahead at most, laps the ring."""
    shift = 0
    while (furthest >> shift) >= RING - 1:
        shift += 1
    return shift


@kernel
def put(ring, events, event, tick, shift):  # type: ignore[no-untyped-def]
    """Note that an event, which isn't there yet, is due at a tick."""
    bucket = (tick >> shift) & (RING - 1)
    events[event, TICK] = tick
    events[event, NEXT] = ring[bucket]
    ring[bucket] = event


@kernel
def next_tick(ring, events, tick, shift):  # type: ignore[no-untyped-def]
    """The earliest tick of any event, from ``tick`` on; there must be one."""
    bucket = (tick >> shift) & (RING - 1)
    while ring[bucket] == EMPTY:
        bucket = (bucket + 1) & (RING - 1)
    event = ring[bucket]
    earliest = events[event, TICK]
    while event != EMPTY:
        earliest = min(earliest, events[event, TICK])
        event = events[event, NEXT]
    return earliest


@kernel
def take(ring, events, tick, shift, due):  # type: ignore[no-untyped-def]
    """Move the events of a tick to ``due``; their number."""
    bucket = (tick >> shift) & (RING - 1)
    event, kept, found = ring[bucket], np.int64(EMPTY), 0
    while event != EMPTY:
        after = events[event, NEXT]
        if events[event, TICK] == tick:
            due[found] = event
            found += 1
        else:
            events[event, NEXT] = kept
            kept = event
        event = after
    ring[bucket] = kept
    return found
