"""Binning of events, event by event, in exact fractions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import floor
from typing import Any

Event = tuple[Any, tuple[int, ...]]
"""Time and place."""
Cell = tuple[int, int, tuple[int, ...]]
"""Sample, frame and place."""


def frame_of(t: Any, span: Any, timesteps: int) -> int:
    """The frame of a time where T frames share a span, whose end is in the last one."""
    if span == 0:
        return 0
    return min(floor(Fraction(t) * timesteps / Fraction(span)), timesteps - 1)


def bin_events(
    samples: list[list[Event]], timesteps: int, by: str, duration: Any | None
) -> Counter[Cell]:
    """How many events each cell has."""
    cells: Counter[Cell] = Counter()
    for number, events in enumerate(samples):
        kept = [event for event in events if duration is None or event[0] < duration]
        for position, (t, place) in enumerate(kept):
            if by == "count":
                frame = position * timesteps // len(kept)
            else:
                frame = frame_of(t, kept[-1][0] if duration is None else duration, timesteps)
            cells[number, frame, place] += 1
    return cells
