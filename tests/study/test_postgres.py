"""Studies in a real PostgreSQL, started for these tests where its programs and a driver are."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurochip import study
from neurochip.errors import StudyError
from tests.study.small import Alone, opened_at_once, small, url
from tests.study.test_conduct import conducted, values

psycopg2 = pytest.importorskip("psycopg2", reason="needs PostgreSQL's driver psycopg2-binary")

#: A user that exists everywhere: the server refuses to run as root.
NOBODY = 65534
STUDY = small("two", knobs={"weight_bits": [4, 5, 6, 7, 8], "rounding": ["nearest", "stochastic"]})


def program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        pytest.skip(f"needs PostgreSQL's server: there is no {name}")
    return str(found)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a database of its own on this machine."""
    initdb, postgres = program("initdb"), program("postgres")
    # Not pytest's own folder, into which no other user may look.
    with tempfile.TemporaryDirectory() as folder:
        run: dict[str, Any] = {"cwd": folder, "stderr": subprocess.DEVNULL}
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            run |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        made = [initdb, "-D", f"{folder}/data", "-U", "neuro", "--auth=trust", "--no-sync"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, **run)
        port = free_port()
        where = f"-k {folder} -h 127.0.0.1 -p {port} -F".split()
        with subprocess.Popen([postgres, "-D", f"{folder}/data", *where], **run) as process:
            try:
                wait_for(port, process)
                yield f"postgresql://neuro:secret@127.0.0.1:{port}/postgres"
            finally:
                process.send_signal(signal.SIGINT)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user="neuro", dbname="postgres").close()
            return
        except psycopg2.OperationalError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)


def command(folder: Path, where: str) -> list[str]:
    path = folder / f"{STUDY.name}.toml"
    path.write_text(STUDY.to_toml())
    program = [sys.executable, "-m", "neurochip", "study", "run", str(path)]
    return [*program, "--storage", where, "--workers", "1"]


@pytest.mark.slow
def test_of_two_commands_at_once_one_is_refused_and_the_other_right(
    server: str, tmp_path: Path
) -> None:
    with study.open_store(small("other"), server):  # so that none has to make the tables
        pass
    both = [
        subprocess.Popen(
            command(tmp_path, server), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = sorted((process.communicate(), process.returncode) for process in both)
    (out, err), status = next((said, status) for said, status in said if status)
    assert sorted(process.returncode for process in both) == [0, 2]
    assert (status, out) == (2, "")
    assert err.startswith("neurochip: study 'two' is being run by another command (process ")
    assert "neuro:***@127.0.0.1" in err
    with study.open_existing(server, STUDY.name) as store:
        trials = store.trials()
    expected = conducted(STUDY, url(tmp_path, "alone.db"), Alone(STUDY))
    assert values(trials) == values(expected)


@pytest.mark.slow
def test_a_killed_command_is_followed_by_the_next_at_once(server: str, tmp_path: Path) -> None:
    spec = small("killed")
    (tmp_path / "killed.toml").write_text(spec.to_toml())
    program = [sys.executable, "-m", "neurochip", "study", "run", "killed.toml"]
    words = [*program, "--storage", server, "--workers", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"trial 0 done")
        process.kill()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=tmp_path)
    with study.open_existing(server, "killed") as store:
        trials = store.trials()
    assert values(trials) == values(conducted(spec, url(tmp_path, "alone.db"), Alone(spec)))


def test_of_two_that_find_an_empty_database_one_wins(server: str) -> None:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    said: list[str] = []
    for number in range(3):
        connection.cursor().execute(f"CREATE DATABASE empty{number}")
        where = server.replace("/postgres", f"/empty{number}")
        said += opened_at_once([small()] * 2, where)
    connection.close()
    assert said.count("open") == 3
    assert sum("is being run by another command" in words for words in said) == 3


def test_one_of_another_machine_is_heard_of_by_the_clock_of_the_server(server: str) -> None:
    with study.open_store(small("far"), server):
        with (
            pytest.raises(StudyError, match=r"heard of 0 s ago"),
            study.open_store(small("far"), server),
        ):
            pass
        connection = psycopg2.connect(server)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "UPDATE neurochip_running SET place = 'elsewhere', "
                "beat = now() - interval '170 seconds'"
            )
        with (
            pytest.raises(StudyError, match=r"heard of 17\d s ago"),
            study.open_store(small("far"), server),
        ):
            pass
        with connection, connection.cursor() as cursor:
            cursor.execute("UPDATE neurochip_running SET beat = now() - interval '200 seconds'")
        connection.close()
        with study.open_store(small("far"), server) as store:
            assert store.trials() == []


def test_a_driver_does_not_tell_the_end_of_a_password(server: str) -> None:
    where = server.replace("secret@", "p@ss@")
    with pytest.raises(StudyError) as caught, study.open_store(small(), where):
        pass
    assert "neuro:***@127.0.0.1" in str(caught.value)
    assert "ss@" not in str(caught.value)
