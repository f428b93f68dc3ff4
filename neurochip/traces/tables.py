"""What happened on the mesh as CSV tables: by core, by link, by message. Times are picoseconds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from neurochip.chip.traffic import PhaseTiming, StepTiming
from neurochip.files import write_text_atomic
from neurochip.kernels.mesh import DIRECTIONS, NONE

TIMES = ("ready_ps", "sent_ps", "arrived_ps", "taken_ps", "done_ps")
WORK = ("sending_ps", "stalled_ps", "reading_ps", "sender_end_ps", "reader_end_ps")
CORES = ("step", "phase", "core", "tile", *WORK)
LINKS = "step phase link from_tile direction core messages waited_ps deepest".split()
MESSAGES = ("step", "phase", "kind", "message", "source", "target", "neuron", *TIMES)
DIRECTION_NAMES = ("east", "west", "north", "south")

Row = Sequence[object]


def write_cores(path: str | Path, steps: Sequence[StepTiming]) -> None:
    """Write a row for each core, phase and step: work, stalls, ends since the phase began.

    Raises:
        OutputError: the file can't be written.
    """
    _write(path, CORES, (row for at, phase in _phases(steps) for row in _cores(at, phase)))


def write_links(path: str | Path, steps: Sequence[StepTiming]) -> None:
    """Write a row for each link that carried something, in each phase and step.

    Raises:
        OutputError: the file can't be written.
    """
    _write(path, LINKS, (row for at, phase in _phases(steps) for row in _links(at, phase)))


def write_messages(path: str | Path, steps: Sequence[StepTiming]) -> None:
    """Write a row for each message, with its times since the phase began.

    Raises:
        OutputError: the file can't be written.
    """
    _write(path, MESSAGES, (row for at, phase in _phases(steps) for row in _messages(at, phase)))


def _write(path: str | Path, header: Sequence[str], rows: Iterable[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text_atomic(path, text.getvalue())


def _phases(steps: Sequence[StepTiming]) -> Iterator[tuple[int, PhaseTiming]]:
    for number, step in enumerate(steps):
        for phase in step.phases:
            yield number, phase


def _cores(step: int, timing: PhaseTiming) -> Iterator[Row]:
    columns = (
        timing.mesh.tile,
        timing.sending,
        timing.stalled,
        timing.reading,
        timing.passage.sender_end,
        timing.passage.reader_end,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for core, row in enumerate(rows):
        yield (step, timing.phase.name, core, *row)


def _links(step: int, timing: PhaseTiming) -> Iterator[Row]:
    mesh, passage = timing.mesh, timing.passage
    cores = mesh.tile.size
    between = mesh.ends.size - 2 * cores
    for link in passage.passed.nonzero()[0].tolist():
        if link < between:
            tile, direction = divmod(link, DIRECTIONS)
            where: Row = (tile, DIRECTION_NAMES[direction], "")
        else:
            way, core = divmod(link - between, cores)
            where = (int(mesh.tile[core]), ("in", "out")[way], core)
        counted = (passage.passed[link], passage.waited[link], passage.deepest[link])
        yield (step, timing.phase.name, link, *where, *(int(n) for n in counted))


def _messages(step: int, timing: PhaseTiming) -> Iterator[Row]:
    phase = timing.phase
    ends = (phase.source, phase.messages.target, phase.neuron)
    rows = zip(*(end.tolist() for end in ends), timing.passage.journeys.tolist(), strict=True)
    for m, (source, target, neuron, times) in enumerate(rows):
        known = "" if neuron == NONE else neuron
        yield (step, phase.name, phase.kind, m, source, target, known, *times)
