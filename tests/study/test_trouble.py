"""Databases that are out of reach, full, damaged or somebody else's: one sentence, nothing lost."""

from __future__ import annotations

import builtins
import importlib.util
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from neurochip import study
from neurochip.errors import StudyError
from neurochip.study.conduct import Desk, Progress, Told, conduct
from neurochip.study.databases import sentence
from neurochip.study.store import Trial
from neurochip.study.work import Unit
from tests.study.small import Invented, small, url

resource = pytest.importorskip("resource")


def values(unit: Unit) -> tuple[float, ...]:
    return unit.setting["weight_bits"] / 10, float(unit.seed)


def conducted(where: str, progress: Progress | None = None) -> list[Trial]:
    spec = small(knobs={"weight_bits": list(range(2, 10)), "trace_bits": [4, 6]})
    with study.open_store(spec, where) as store:
        conduct(Desk(spec, store), Invented(spec, values), 1, progress)
        return store.trials()


def refused(where: str) -> str:
    with pytest.raises(StudyError) as caught, study.open_store(small(), where):
        pass
    return str(caught.value)


def test_on_a_full_disk_nothing_is_lost(tmp_path: Path) -> None:
    whole = conducted(url(tmp_path, "whole.db"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(told: Told) -> None:
        if told.done == 5:  # from now on there is room for the beginning of a journal only
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))

    try:
        with pytest.raises(StudyError) as caught:
            conducted(url(tmp_path, "full.db"), fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert re.fullmatch(
        rf"database {re.escape(url(tmp_path, 'full.db'))} can't be written \(.*(full|I/O).*\); "
        "check that it is there, that there is room and that you may write, then run the same "
        "command again: nothing is lost",
        str(caught.value),
    )
    with study.open_existing(url(tmp_path, "full.db")) as store:
        kept = store.trials()
    assert sum(trial.state == "complete" for trial in kept) >= 5
    assert conducted(url(tmp_path, "full.db")) == whole


def test_on_a_full_disk_no_half_database_is_left(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        said = refused(url(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.startswith(f"database {url(tmp_path)} can't be ")
    assert said.endswith("that you may write, then run the same command again: nothing is lost")
    assert {path.name for path in tmp_path.iterdir()} <= {"small.db.lock"}
    with study.open_store(small(), url(tmp_path)) as store:
        assert store.trials() == []


def test_a_folder_that_takes_no_file_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path / "no" / "folder", Path("/proc")):
        assert refused(url(folder)) == (
            f"database {url(folder)} can't be written (unable to open database file); check that "
            "it is there, that there is room and that you may write, then run the same command "
            "again: nothing is lost"
        )


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    assert "can't be written (unable to open database file)" in refused(url(folder))


def test_a_damaged_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "small.db"
    conducted(url(tmp_path))
    content = path.read_bytes()
    page = 4096
    for damaged in (b"no database at all" * 1000, content[: page // 2], content[: 3 * page]):
        path.write_bytes(damaged)
        for said in (refused(url(tmp_path)), _unread(url(tmp_path))):
            assert said.startswith(f"database {url(tmp_path)} can't be ")
            assert said.endswith(
                "; it is damaged, or no study's database: put a copy of it back, or start a new "
                "study with another --storage"
            )
        assert path.read_bytes() == damaged


def _unread(where: str) -> str:
    with pytest.raises(StudyError) as caught, study.open_existing(where) as store:
        store.trials()
    return str(caught.value)


def test_a_database_that_another_program_holds_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurochip.study.databases._PATIENCE", 0)
    conducted(url(tmp_path))
    other = sqlite3.connect(tmp_path / "small.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert "(database is locked); check that it is there" in refused(url(tmp_path))
    finally:
        other.close()


@pytest.mark.skipif(importlib.util.find_spec("psycopg2") is not None, reason="the driver is there")
def test_a_missing_driver_is_named() -> None:
    where = "postgresql+psycopg2://someone:secret@localhost:1/db"
    assert refused(where) == (
        "database postgresql+psycopg2://someone:***@localhost:1/db can't be opened (No module "
        "named 'psycopg2'); install that driver with pip install psycopg2-binary, or give a path "
        "as --storage, which needs none"
    )


@pytest.mark.parametrize(
    ("kind", "module", "package"),
    [
        ("mysql", "MySQLdb", "mysqlclient"),
        ("mysql+pymysql", "pymysql", "pymysql"),
        ("mysql+mysqlconnector", "mysql", "mysql-connector-python"),
        ("postgresql+psycopg2", "psycopg2", "psycopg2-binary"),
        ("postgresql+psycopg", "psycopg", "'psycopg[binary]'"),
    ],
)
def test_the_package_of_a_driver_is_named(
    kind: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = builtins.__import__

    def without(
        name: str, globals_: Any = None, locals_: Any = None, names: Any = (), level: int = 0
    ) -> Any:
        if level == 0 and name.split(".")[0] == module:  # not a package's own of that name
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return find(name, globals_, locals_, names, level)

    monkeypatch.setattr(builtins, "__import__", without)
    assert refused(f"{kind}://someone@localhost:1/db").endswith(
        f"install that driver with pip install {package}, or give a path as --storage, which needs "
        "none"
    )


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("postgresql://neuro:secret@host:1/db", "postgresql://neuro:***@host:1/db"),
        ("postgresql://neuro:sec@ret@host/db", "postgresql://neuro:***@host/db"),
        ("postgresql://neuro:s@c/r?t@host/db?x=1", "postgresql://neuro:***@host/db?x=1"),
        (
            "postgresql://host/db?user=neuro&password=secret&x=1",
            "postgresql://host/db?user=neuro&password=***&x=1",
        ),
        ("mysql://host/db?passwd=se=cret", "mysql://host/db?passwd=***"),
        ("mysql://host/db?ssl_PWD=secret", "mysql://host/db?ssl_PWD=***"),
        ("mysql://neuro@host:1/db", "mysql://neuro@host:1/db"),
        ("sqlite:////folder/of@me:too/a.db", "sqlite:////folder/of@me:too/a.db"),
    ],
)
def test_a_password_is_never_shown(where: str, said: str) -> None:
    assert study.shown(where) == said


def test_a_driver_that_tells_the_end_of_a_password_is_not_quoted() -> None:
    error = OSError('could not translate host name "t@ret@host" to address')
    said = sentence("postgresql://neuro:secret@t@ret@host/db", "opened", error)
    assert '(could not translate host name "***@host" to address)' in said


def test_a_port_that_is_no_number_is_said() -> None:
    assert refused("postgresql://neuro:pw@127.0.0.1:abc/nodb") == (
        "database postgresql://neuro:***@127.0.0.1:abc/nodb can't be opened (its port is not a "
        "number); check that its server runs, that name, port, user and password in the URL are "
        "right and that this machine can reach it, then run the same command again: nothing is lost"
    )


def test_what_is_no_url_is_said_without_its_password() -> None:
    for where in ("nosuch://user:secret@host/db", "sqlite://x"):
        said = refused(where)
        assert "can't be opened" in said
        assert "secret" not in said
        assert said.endswith(
            "; check that its server runs, that name, port, user and password in the URL are right "
            "and that this machine can reach it, then run the same command again: nothing is lost"
        )
