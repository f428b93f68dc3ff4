"""One command at a time writes a study.

An SQLite file is locked by the system. Any other database has a row that says who writes a study,
since the locks of servers have no common form: it is taken by one statement, which only one command
can win, and renewed every `BEAT` seconds by the server's clock. The row of a command that was
killed is taken over: at once where it ran on this machine, elsewhere after `HELD` seconds.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurochip.errors import StudyError
from neurochip.study.databases import CONNECT, SQLITE, blamed, sentence, shown

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine, Table

#: Seconds after which a command says again that it is there.
BEAT = 20.0
#: Seconds after which one that hasn't is no longer waited for.
HELD = 180.0
_NAME = "neurochip_running"


@contextmanager
def alone(url: str, name: str) -> Iterator[None]:
    """Keep a second command from running the same SQLite study.

    The lock is an open transaction on an empty database beside it: the system gives it back when
    the process ends, however it ends. For other databases there is `leased`.

    Raises:
        StudyError: another command has it, or the lock's file can't be written.
    """
    if not url.startswith(SQLITE):
        yield
        return
    path = f"{url.removeprefix(SQLITE)}.lock"
    try:
        lock = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    except sqlite3.Error as error:
        raise StudyError(sentence(url, "written", error)) from None
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if "locked" not in str(error):
                raise StudyError(sentence(url, "written", error)) from None
            raise StudyError(
                f"study {name!r} is being run by another command with the database "
                f"{url.removeprefix(SQLITE)!r}; wait for it, or give another --storage"
            ) from None
        yield
    finally:
        lock.close()


@contextmanager
def leased(engine: Engine, url: str, study_id: int, name: str) -> Iterator[Lease | None]:
    """Keep a second command from running the same study of a server; None for an SQLite file.

    Raises:
        StudyError: another command has it, or the database fails.
    """
    if url.startswith(SQLITE):
        yield None
        return
    lease = Lease(engine, url, study_id, name)
    lease.take()
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(lease, ended), daemon=True)
    beating.start()
    try:
        yield lease
    finally:
        ended.set()
        beating.join(CONNECT)
        lease.give_back()


class Lease:
    """The right to write one study.

    Args:
        engine: of the database.
        url: where it is.
        study_id: Optuna's.
        name: of the study.
    """

    def __init__(self, engine: Engine, url: str, study_id: int, name: str) -> None:
        self._engine = engine
        self._url = url
        self._study_id = study_id
        self._name = name
        self._token = uuid.uuid4().hex
        self._table = _table()
        self._renewed = 0.0

    def take(self) -> None:
        """Become the one who writes.

        Raises:
            StudyError: another command is.
        """
        from sqlalchemy.exc import IntegrityError

        with blamed(self._url, "written"):
            self._make_table()
            try:
                holder = self._tried()
            except IntegrityError:  # another command was there between two statements
                holder = self._tried()
        if holder is not None:
            raise StudyError(
                f"study {self._name!r} is being run by another command ({holder}) with the "
                f"database {shown(self._url)}; wait for it, or give another --storage; if it was "
                f"killed, its study is free after {HELD:.0f} s of silence"
            )
        self._renewed = time.time()

    def check(self) -> None:
        """Make sure before writing: a process that was stopped, or a machine that slept, may have
        been taken for dead.

        Raises:
            StudyError: another command has taken over.
        """
        # By the clock on the wall, since the other one stands while a machine sleeps.
        if 0.0 <= time.time() - self._renewed < 2 * BEAT:
            return
        with blamed(self._url, "written"):
            self.renew()
        if not self._renewed:
            raise StudyError(
                f"study {self._name!r} with the database {shown(self._url)} was taken over by "
                f"another command, because this one was not heard of for {HELD:.0f} s; wait for "
                f"that one: what is done is kept"
            )

    def renew(self) -> None:
        """Say that this command is still there, unless another one has taken over."""
        from sqlalchemy import func, update

        now = time.time()
        beat = update(self._table).where(*self._mine()).values(beat=func.current_timestamp())
        with self._engine.begin() as connection:
            kept = connection.execute(beat).rowcount == 1
        self._renewed = now if kept else 0.0

    def give_back(self) -> None:
        """Let the next command write at once; where the database is gone, it has to wait."""
        from sqlalchemy import delete
        from sqlalchemy.exc import SQLAlchemyError

        with contextlib.suppress(SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(delete(self._table).where(*self._mine()))

    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        columns = self._table.c
        return columns.study_id == self._study_id, columns.token == self._token

    def _make_table(self) -> None:
        from sqlalchemy import inspect
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self._table.create(self._engine, checkfirst=True)
        except SQLAlchemyError:
            if not inspect(self._engine).has_table(_NAME):  # or another command made it just now
                raise

    def _tried(self) -> str | None:
        """Take the row where it is free; who has it where it isn't."""
        from sqlalchemy import func, insert, select, update

        table, now = self._table, func.current_timestamp()
        own = {
            "token": self._token,
            "host": platform.node()[:255],
            "pid": os.getpid(),
            "place": _place(),
            "beat": now,
        }
        with self._engine.begin() as connection:
            found = connection.execute(
                select(table, now.label("now")).where(table.c.study_id == self._study_id)
            ).one_or_none()
            if found is None:
                connection.execute(insert(table).values(study_id=self._study_id, **own))
                return None
            holder = found._mapping
            silent = _seconds(holder["beat"], holder["now"])
            if silent < HELD and not _ended(holder["place"], holder["pid"]):
                return f"process {holder['pid']} on {holder['host']}, heard of {silent:.0f} s ago"
            taken = connection.execute(
                update(table)
                .where(table.c.study_id == self._study_id, table.c.token == holder["token"])
                .values(**own)
            )
            return None if taken.rowcount == 1 else "started just now"


def _table() -> Table:
    from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table

    return Table(
        _NAME,
        MetaData(),
        Column("study_id", Integer, primary_key=True, autoincrement=False),
        Column("token", String(32), nullable=False),
        Column("host", String(255), nullable=False),
        Column("pid", Integer, nullable=False),
        Column("place", String(255), nullable=False),
        Column("beat", DateTime(timezone=True), nullable=False),
    )


def _beat(lease: Lease, ended: threading.Event) -> None:
    """Renew a lease until it ends; a server that is away for a while is asked again."""
    from sqlalchemy.exc import SQLAlchemyError

    while not ended.wait(BEAT):
        with contextlib.suppress(SQLAlchemyError):
            lease.renew()


def _seconds(since: Any, now: Any) -> float:
    """Between two times of one server; a database that keeps no zones gives one of them without."""
    times: tuple[datetime, datetime] = (since, now)
    if None in (times[0].tzinfo, times[1].tzinfo):
        times = (times[0].replace(tzinfo=None), times[1].replace(tzinfo=None))
    return (times[1] - times[0]).total_seconds()


def _place() -> str:
    """Where a process's number means that process: this boot of this machine, and its container.

    "" where the system doesn't say.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _ended(place: str, pid: int) -> bool:
    """Whether a process ran here and doesn't any more."""
    if not place or place != _place():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False
