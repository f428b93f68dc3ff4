"""Workers of a Dask cluster: units go there as tasks, outcomes come back one by one.

Every worker gets the study and the data set that this machine has loaded; what a knob makes it load
otherwise is looked for under the same path there. A worker that dies takes nothing with it: Dask
gives its units to others, and this machine sends what was lost again. A unit's values depend on
the study, its setting and its seed, not on the worker: each thread of one has a `Bench` of its own.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from neurochip.errors import StudyError
from neurochip.study.spec import make
from neurochip.study.work import Bench, Loaded, Outcome, Unit

if TYPE_CHECKING:
    from distributed import Client, Future

#: Seconds in which a scheduler must answer, and in which a cluster must show a first worker.
CONNECT = 5.0
#: Seconds that a study waits for a cluster that lost its last worker.
WITHOUT_WORKERS = 60.0
#: Units that a thread of a worker has: the one at work, and the next.
_PLACES = 2
#: Seconds between two looks at the cluster.
_TICK = 1.0
#: Seconds in which an outcome must come from the worker that has it; then it is asked for again.
_FETCH = 10.0
#: How often a unit is sent again because what it needs was lost.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Sent:
    """What every worker has of a study.

    Attributes:
        token: of this sending.
        told: the study file's contents.
        name: of the study.
        loaded: the data set that this machine has loaded.
    """

    token: str
    told: dict[str, Any]
    name: str
    loaded: Loaded | None


class Cluster:
    """A Dask cluster as a crew.

    Args:
        bench: with the study, and with the data set that the workers get.
        address: of the scheduler.

    Raises:
        StudyError: `distributed` is missing, nothing answers at the address, or it has no workers.
    """

    def __init__(self, bench: Bench, address: str) -> None:
        _check_installed()
        self._bench = bench
        self._address = address
        self._client = self._connected()
        self._token = uuid.uuid4().hex
        self._n_sent = 0
        self._units: dict[Future, tuple[Unit, int]] = {}
        # Dask's own thread puts futures here as they end; this one takes them out.
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._n_threads = 0
        self._looked = self._seen = time.monotonic()
        try:
            self._check_workers()
            self._sent = self._scatter()
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def size(self) -> int:
        """Threads of all workers: units that can be at work at once."""
        return self._n_threads

    @property
    def free(self) -> int:
        """How many more units the workers have a place for."""
        return max(0, _PLACES * self._n_threads - len(self._units))

    def give(self, unit: Unit) -> None:
        """Send a unit."""
        self._submit(unit, attempt=1)

    def wait(self) -> list[tuple[Unit, Outcome]]:
        """Wait until a unit is done; return all that are.

        Raises:
            StudyError: the cluster is gone, or its workers can't do units at all.
        """
        done: list[tuple[Unit, Outcome]] = []
        while not done:
            for future in self._take():
                unit, attempt = self._units.pop(future)
                outcome = self._outcome(future, unit, attempt)
                if outcome is not None:
                    done.append((unit, outcome))
            self._look()
        return done

    def _take(self) -> list[Future]:
        """Futures that have ended, at least one unless a tick passes."""
        ended: list[Future] = []
        with contextlib.suppress(queue.Empty):
            ended.append(self._ended.get(timeout=_TICK))
            while True:
                ended.append(self._ended.get_nowait())
        return ended

    def _outcome(self, future: Future, unit: Unit, attempt: int) -> Outcome | None:
        """What an ended future says; None where its unit was sent again."""
        if future.status == "finished":
            try:
                outcome: Outcome = future.result(timeout=_FETCH)
            except Exception:  # whatever it was, the outcome was lost on its way
                self._again(unit, attempt)
                return None
            return outcome
        if future.status != "error":
            self._again(unit, attempt)
            return None
        error = future.exception(timeout=_FETCH)
        if type(error).__name__ == "KilledWorker":
            reason = "every worker that it was given to died (was there memory?)"
            return Outcome((), 0.0, reason, "unit")
        raise StudyError(
            f"the workers of the Dask cluster at {self._address!r} can't do the study's units "
            f"({type(error).__name__}: {error}); install the same neurochip, numpy and distributed "
            f"there as here, then run the same command again: what is done is kept"
        )

    def _again(self, unit: Unit, attempt: int) -> None:
        """Send a unit again, with the study and the data, which are lost with all who had them."""
        self._check_alive()
        if attempt >= _ATTEMPTS:
            raise self._gone(f"a unit was lost {attempt} times")
        if self._sent.status != "finished":
            self._sent = self._scatter()
        self._submit(unit, attempt + 1)

    def _submit(self, unit: Unit, attempt: int) -> None:
        self._n_sent += 1
        key = f"neurochip-{self._token}-{self._n_sent}"
        future = self._client.submit(do, self._sent, unit, key=key, pure=False)
        self._units[future] = (unit, attempt)
        future.add_done_callback(self._ended.put)

    def _scatter(self) -> Future:
        spec = self._bench.spec
        sent = Sent(uuid.uuid4().hex, spec.told, spec.name, self._bench.loaded)
        try:
            return self._client.scatter(sent, broadcast=True, hash=False, timeout=_FETCH)
        except Exception as error:  # Dask has many, and none of its own kind above them
            raise self._gone(_words(error)) from None

    def _look(self) -> None:
        """Count the workers now and then; stop where there are none for long, or no scheduler."""
        self._check_alive()
        now = time.monotonic()
        if now - self._looked < _TICK:
            return
        self._looked = now
        self._count()
        if self._n_threads:
            self._seen = now
        elif now - self._seen > WITHOUT_WORKERS:
            raise self._gone(f"it has had no worker for {WITHOUT_WORKERS:.0f} s")

    def _count(self) -> None:
        # While the connection is lost there is nothing to count, whatever Dask calls it;
        # `_check_alive` decides.
        with contextlib.suppress(Exception):
            self._n_threads = sum(self._client.nthreads().values())

    def _check_alive(self) -> None:
        if self._client.status in ("closing", "closed"):
            raise self._gone("its scheduler ended the connection")

    def _gone(self, reason: str) -> StudyError:
        return StudyError(
            f"the Dask cluster at {self._address!r} can't be used any more ({reason}); see whether "
            f"its scheduler and workers run, then run the same command again, with --dask or "
            f"without: what is done is kept"
        )

    def _connected(self) -> Client:
        try:
            return _quiet_client(
                self._address, timeout=CONNECT, set_as_default=False, name="neurochip"
            )
        except Exception as error:  # as many kinds as there are ways to be no address
            raise StudyError(
                f"no Dask scheduler answers at {self._address!r} (tried for {CONNECT:.0f} s: "
                f"{_words(error)}); check that one runs there (dask scheduler), that address and "
                f"port are right and that this machine can reach it; nothing was run"
            ) from None

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=CONNECT)
        except Exception:  # a kind of its own, which is no TimeoutError everywhere
            raise StudyError(
                f"the Dask cluster at {self._address!r} has no worker (waited for {CONNECT:.0f} "
                f"s); start one or more there (dask worker {self._address}); nothing was run"
            ) from None
        self._count()

    def _close(self) -> None:
        """Take back what isn't done, and leave; a cluster that is gone can't be told."""
        with contextlib.suppress(Exception):
            if self._client.status == "running":
                self._client.cancel(list(self._units), force=True)
        with contextlib.suppress(Exception):
            self._client.close(timeout=_TICK)


_own = threading.local()


def do(sent: Sent, unit: Unit) -> Outcome:
    """Do a unit on a worker: with this thread's bench, which lasts as long as the study."""
    if getattr(_own, "token", None) != sent.token:
        from distributed import get_worker

        _own.bench = Bench(make(sent.told, sent.name), sent.loaded, get_worker().address)
        # For good: several threads that each took it back would undo each other's.
        _own.blas = _own.bench.one_thread()
        _own.token = sent.token
    bench: Bench = _own.bench
    return bench.do(unit)


def _check_installed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise StudyError(
            "--dask needs Dask's distributed, which isn't installed; install it with pip install "
            "'neurochip[dask]', here and on every worker"
        ) from None
    # Its own words about lost connections would stand among ours.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


def _quiet_client(*args: Any, **options: Any) -> Client:
    """A client that, where it can't start, is closed at once and says nothing more of itself."""
    from distributed import Client

    class Quiet(Client):  # type: ignore[misc]
        def start(self, **options: Any) -> None:
            try:
                super().start(**options)
            except BaseException:
                with contextlib.suppress(Exception):
                    self.close(timeout=_TICK)
                raise

        def __del__(self) -> None:
            with contextlib.suppress(Exception):
                super().__del__()

    return Quiet(*args, **options)


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200].rstrip(". ")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
