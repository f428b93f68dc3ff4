"""Timelines that open in Perfetto (ui.perfetto.dev) and in chrome://tracing.

Written in the Trace Event Format: a process for each tile, and three tracks for each core of it.
The first has one slice a phase; the other two show its pipelines, which work side by side: a slice
for each piece of work before a message and for each stall, and a slice for each message read. An
arrow (a flow) leads from where a message leaves its core to where it's taken up.

Format: "Trace Event Format", Google, 2016, doc id 1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neurochip.chip.traffic import PhaseTiming, StepTiming
from neurochip.files import write_text_atomic
from neurochip.kernels.mesh import DONE, READY, SENT, TAKEN, Mesh

#: Ticks in a microsecond, which is what the format counts in.
TICKS_PER_MICROSECOND = 10**6
#: Tracks of a core.
PHASES, SENDS, READS = range(3)
TRACKS = ("{}", "{} sends", "{} reads")

Event = dict[str, Any]


def write_timeline(
    path: str | Path, steps: Sequence[StepTiming], names: Mapping[int, str] | None = None
) -> None:
    """Write what the cores did in some steps, one after the other, as a timeline.

    Cores that never do anything have no tracks. Events are in the order of their times.

    Args:
        path: the file, usually ``*.json``.
        steps: as `neurochip.chip.traffic.time_step` returns them.
        names: of senders that aren't called "core" and their number.

    Raises:
        OutputError: the file can't be written.
    """
    events = sorted(timeline(steps, names or {}), key=lambda event: event.get("ts", -1))
    write_text_atomic(path, json.dumps({"displayTimeUnit": "ns", "traceEvents": events}))


def timeline(steps: Sequence[StepTiming], names: Mapping[int, str]) -> Iterator[Event]:
    """The events of such a file, tracks first."""
    phases = [phase for step in steps for phase in step.phases]
    if phases:
        yield from _tracks(phases[0].mesh, _in_use(phases), names)
    start, sent = 0, 0
    for number, step in enumerate(steps):
        for phase in step.phases:
            yield from _phase(phase, f"{phase.phase.name} {number}", start + phase.start, sent)
            sent += phase.phase.messages.target.size
        start += step.ticks


def _in_use(phases: Sequence[PhaseTiming]) -> list[int]:
    """Cores that do something in one of the phases."""
    ends = [end for p in phases for end in (p.passage.sender_end, p.passage.reader_end)]
    return [int(core) for core in np.flatnonzero(np.max(ends, axis=0))]


def _tracks(mesh: Mesh, cores: Sequence[int], names: Mapping[int, str]) -> Iterator[Event]:
    """Names of processes and tracks, in the order of tiles and cores."""
    for tile in sorted({int(mesh.tile[core]) for core in cores}):
        name = f"tile {tile} (x {tile % mesh.width}, y {tile // mesh.width})"
        yield {"ph": "M", "name": "process_name", "pid": tile, "args": {"name": name}}
    for core in cores:
        for track, title in enumerate(TRACKS):
            where = {"pid": int(mesh.tile[core]), "tid": len(TRACKS) * core + track}
            name = title.format(names.get(core, f"core {core}"))
            yield {"ph": "M", "name": "thread_name", **where, "args": {"name": name}}


def _phase(timing: PhaseTiming, title: str, start: int, sent: int) -> Iterator[Event]:
    """All slices and flows of one phase that begins at tick ``start`` after ``sent`` messages."""
    tile = timing.mesh.tile.tolist()

    def slice_of(core: int, track: int, name: str, begin: int, end: int, **more: Any) -> Event:
        event = _at(tile, core, track, start + begin)
        return {**event, "ph": "X", "name": name, "dur": _microseconds(end - begin), **more}

    passage, cores = timing.passage, range(len(tile))
    ends = zip(passage.sender_end.tolist(), passage.reader_end.tolist(), strict=True)
    lasts = ((core, max(end)) for core, end in enumerate(ends) if any(end))
    whole = (slice_of(core, PHASES, title, 0, end) for core, end in lasts)
    return chain(
        whole,
        chain.from_iterable(_sending(timing, core, slice_of) for core in cores),
        _reading(timing, slice_of),
        _flows(timing, tile, start, sent),
    )


def _sending(timing: PhaseTiming, core: int, slice_of: Any) -> Iterator[Event]:
    """What an outward pipeline did: work for each message, stalls, and what it did last."""
    messages, journeys = timing.phase.messages, timing.passage.journeys
    begin = 0
    for m in range(messages.first[core], messages.first[core + 1]):
        ready, left = int(journeys[m, READY]), int(journeys[m, SENT])
        args = {
            "message": m,
            "target": int(messages.target[m]),
            "neuron": int(timing.phase.neuron[m]),
        }
        yield slice_of(core, SENDS, "work", begin, ready, args=args)
        if left > ready:
            yield slice_of(core, SENDS, "stall", ready, left)
        begin = left
    end = int(timing.passage.sender_end[core])
    if end > begin:
        yield slice_of(core, SENDS, "work", begin, end)


def _reading(timing: PhaseTiming, slice_of: Any) -> Iterator[Event]:
    """What the inward pipelines did: a slice for every message."""
    journeys, source = timing.passage.journeys, timing.phase.source
    for m, core in enumerate(timing.phase.messages.target.tolist()):
        args = {"message": m, "source": int(source[m])}
        begin, end = int(journeys[m, TAKEN]), int(journeys[m, DONE])
        yield slice_of(core, READS, timing.phase.kind, begin, end, args=args)


def _flows(timing: PhaseTiming, tile: list[int], start: int, sent: int) -> Iterator[Event]:
    """An arrow for every message: from where it leaves to where it's taken up."""
    phase = timing.phase
    ends = zip(phase.source.tolist(), phase.messages.target.tolist(), strict=True)
    for m, (source, target) in enumerate(ends):
        same: Event = {"name": "message", "cat": phase.kind, "id": sent + m}
        left, taken = timing.passage.journeys[m, [SENT, TAKEN]].tolist()
        yield {**_at(tile, source, SENDS, start + left), "ph": "s", **same}
        yield {**_at(tile, target, READS, start + taken), "ph": "f", "bp": "e", **same}


def _at(tile: list[int], core: int, track: int, tick: int) -> Event:
    return {"pid": tile[core], "tid": len(TRACKS) * core + track, "ts": _microseconds(tick)}


def _microseconds(ticks: int) -> float:
    """Exact to the tick for runs of up to two hours, which is more than any file holds."""
    return ticks / TICKS_PER_MICROSECOND
