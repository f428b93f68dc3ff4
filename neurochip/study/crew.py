"""Processes that do units of work, one at a time each.

A worker that dies takes nothing with it: its unit is given to a new one, and left only when that
dies of it too. Workers end with the process that started them, however that ends. Where units are
short, each worker has its next one at hand, so that it never waits for a disk to keep the last.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Protocol

from neurochip.study.spec import Spec, make
from neurochip.study.work import Bench, Outcome, Unit

#: How often a unit is given to a worker that then dies before it is left.
ATTEMPTS = 2
#: Units shorter than these seconds are worth having the next one at hand; behind a longer one it
#: could wait while another worker has nothing to do.
SHORT = 2.0
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
    """A process, and the units that it has, the one at work first, each with its attempt."""

    process: SpawnProcess
    pipe: Connection
    units: deque[tuple[Unit, int]] = field(default_factory=deque)


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
        self._places = 1

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
            if worker.units:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    @property
    def free(self) -> int:
        """How many more units the workers have a place for."""
        return sum(max(0, self._places - len(worker.units)) for worker in self._workers)

    def give(self, unit: Unit) -> None:
        """Give a unit to the worker that has least to do."""
        self._give(min(self._workers, key=lambda worker: len(worker.units)), unit, attempt=1)

    def wait(self) -> list[tuple[Unit, Outcome]]:
        """Wait until a unit is done; return all that are."""
        done: list[tuple[Unit, Outcome]] = []
        while not done:
            busy = {worker.pipe: worker for worker in self._workers if worker.units}
            for pipe in connection.wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                unit, attempt = worker.units[0]
                outcome = self._hear(worker, attempt)
                if outcome is not None:
                    done.append((unit, outcome))
        taken = [outcome.seconds for _, outcome in done if outcome.seconds]
        if taken:
            self._places = 2 if max(taken) < SHORT else 1
        return done

    def _hear(self, worker: _Worker, attempt: int) -> Outcome | None:
        """What a worker says; None where it died and another one tries again."""
        try:
            outcome: Outcome = worker.pipe.recv()
        except (EOFError, OSError):
            return self._replace(worker, attempt)
        worker.units.popleft()
        return outcome

    def _replace(self, worker: _Worker, attempt: int) -> Outcome | None:
        """Put a new process in the place of one that died, with all units that it had."""
        worker.pipe.close()
        worker.process.join()
        code = worker.process.exitcode
        (unit, _), *others = worker.units
        fresh = self._start()
        worker.process, worker.pipe, worker.units = fresh.process, fresh.pipe, deque()
        failed = attempt >= ATTEMPTS
        for kept, tries in others if failed else [(unit, attempt + 1), *others]:
            self._give(worker, kept, tries)
        if not failed:
            return None
        reason = f"its process ended {ATTEMPTS} times, at last with {_ending(code)}"
        return Outcome((), 0.0, reason, "unit")

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(self._spec.told, self._spec.name, theirs), daemon=True
        )
        with _ctrl_c_held_back():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _give(self, worker: _Worker, unit: Unit, attempt: int) -> None:
        worker.units.append((unit, attempt))
        with contextlib.suppress(OSError):  # it died; `wait` finds its pipe closed
            worker.pipe.send(unit)


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Processes that start in here never hear Ctrl-C, not even while they import; this one hears it
    at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # as on Windows
        yield
        return
    # It starts with the first process, and would let Ctrl-C in again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
