"""Processes that do units of work, one at a time each.

A worker that dies takes nothing with it: its unit is given to a new one, and fails only when that
dies of it too. Workers end with the process that started them, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Protocol

from neurochip.study.spec import Spec, make
from neurochip.study.work import Bench, Outcome, Unit

#: How often a unit is given to a worker that then dies before it counts as the unit's own fault.
ATTEMPTS = 2
#: Seconds that a worker gets to end by itself.
_PATIENCE = 5.0


class Crew(Protocol):
    """Who does units: processes here, or others elsewhere."""

    @property
    def free(self) -> int:
        """How many more units can be given now."""

    def give(self, unit: Unit) -> None:
        """Hand out a unit; only while there is someone free."""

    def wait(self) -> list[tuple[Unit, Outcome]]:
        """Wait until a unit is done; return all that are."""


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    unit: Unit | None = None
    attempt: int = 0


class Processes:
    """Workers on this machine.

    Args:
        spec: the study.
        n_workers: how many processes.
    """

    def __init__(self, spec: Spec, n_workers: int) -> None:
        self._spec = spec
        # A fresh interpreter: a fork of one with threads, such as a progress bar's, may hang.
        self._context = get_context("spawn")
        self._workers = [self._start() for _ in range(n_workers)]

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()  # which an idle worker takes as its end
            if worker.unit is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return sum(worker.unit is None for worker in self._workers)

    def give(self, unit: Unit) -> None:
        """Give a unit to a worker that has none."""
        worker = next(worker for worker in self._workers if worker.unit is None)
        self._give(worker, unit, attempt=1)

    def wait(self) -> list[tuple[Unit, Outcome]]:
        """Wait until a unit is done; return all that are."""
        done: list[tuple[Unit, Outcome]] = []
        while not done:
            busy = {worker.pipe: worker for worker in self._workers if worker.unit is not None}
            for pipe in connection.wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                outcome = self._hear(worker)
                if outcome is not None and worker.unit is not None:
                    done.append((worker.unit, outcome))
                    worker.unit = None
        return done

    def _hear(self, worker: _Worker) -> Outcome | None:
        """What a worker says; None where it died and another one tries again."""
        try:
            outcome: Outcome = worker.pipe.recv()
        except (EOFError, OSError):
            return self._replace(worker)
        return outcome

    def _replace(self, worker: _Worker) -> Outcome | None:
        unit, attempt = worker.unit, worker.attempt
        worker.pipe.close()
        worker.process.join()
        code = worker.process.exitcode
        fresh = self._start()
        worker.process, worker.pipe = fresh.process, fresh.pipe
        if unit is not None and attempt < ATTEMPTS:
            self._give(worker, unit, attempt + 1)
            return None
        return Outcome((), 0.0, f"its process ended {ATTEMPTS} times, at last with {_ending(code)}")

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(self._spec.told, self._spec.name, theirs), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _give(self, worker: _Worker, unit: Unit, attempt: int) -> None:
        worker.unit, worker.attempt = unit, attempt
        with contextlib.suppress(OSError):  # it died; `wait` finds its pipe closed
            worker.pipe.send(unit)


def default_workers() -> int:
    """As many as there are cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code} ({signal.Signals(-code).name}; was there enough memory?)"
    return f"exit status {code}"


def _serve(told: dict[str, object], name: str, pipe: Connection) -> None:
    """A worker's life: units in, outcomes out, until the pipe closes."""
    # Ctrl-C goes to the whole group; the process that reads the study decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    bench = Bench(make(told, name))
    while True:
        try:
            unit = pipe.recv()
            pipe.send(bench.do(unit))
        except (EOFError, OSError):
            return


def _end_with_parent() -> None:
    """End at once when the parent is gone: nobody would store what is done from then on."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
