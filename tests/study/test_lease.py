"""One command at a time writes a study, also where the system locks no file."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from neurochip import study
from neurochip.errors import StudyError
from neurochip.study import lease
from neurochip.study.store import Store
from neurochip.study.work import Outcome
from tests.study.small import opened_at_once, small, url

#: Opens a study as a command does, says so, and waits to be killed.
HOLDING = """
import sys, time
from neurochip import study
from tests.study.small import small
with study.open_store(small(), sys.argv[1]):
    print("open", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def where(tmp_path: Path) -> str:
    """A database that, as one of a server, no file's lock protects."""
    return url(tmp_path).replace("sqlite://", "sqlite+pysqlite://")


def changed(where: str, statement: str) -> None:
    """What another machine writes into the row of a study's lease."""
    with sqlite3.connect(where.partition(":///")[2], timeout=30) as database:
        assert database.execute(f"UPDATE neurochip_running SET {statement}").rowcount == 1
    database.close()


def row(where: str) -> tuple[object, ...] | None:
    with sqlite3.connect(where.partition(":///")[2], timeout=30) as database:
        found = database.execute("SELECT token, beat FROM neurochip_running").fetchone()
    database.close()
    return None if found is None else tuple(found)


def refused(where: str) -> str:
    with pytest.raises(StudyError) as caught, study.open_store(small(), where):
        pass
    return str(caught.value)


def killed_while_holding(where: str) -> None:
    command = [sys.executable, "-c", HOLDING, where]
    root = Path(__file__).parents[2]  # where it finds these tests
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        process.send_signal(signal.SIGKILL)


def test_a_second_command_is_refused_until_the_first_one_ends(where: str) -> None:
    for _ in range(2):
        with study.open_store(small(), where):
            assert re.fullmatch(
                rf"study 'small' is being run by another command \(process {os.getpid()} on .+, "
                rf"heard of \d+ s ago\) with the database {re.escape(where)}; wait for it, or give "
                "another --storage; if it was killed, its study is free after 180 s of silence",
                refused(where),
            )
            with study.open_existing(where) as store:  # which may be looked at
                assert store.trials() == []
        assert row(where) is None


def test_another_study_of_the_same_database_is_free(where: str) -> None:
    with study.open_store(small("one"), where), study.open_store(small("two"), where):
        pass


def test_of_commands_that_start_at_once_one_wins(where: str) -> None:
    with study.open_store(small(), where):
        pass
    n_commands = 4
    said = opened_at_once([small()] * n_commands, where)
    assert said.count("open") == 1
    assert sum("is being run by another command" in words for words in said) == n_commands - 1


@pytest.mark.skipif(not lease._place(), reason="the system doesn't say which process is which")
def test_a_command_that_was_killed_on_this_machine_is_not_waited_for(where: str) -> None:
    killed_while_holding(where)
    assert row(where) is not None
    with study.open_store(small(), where):
        pass


def test_a_command_that_was_killed_elsewhere_is_waited_for(where: str) -> None:
    killed_while_holding(where)
    changed(where, "place = 'elsewhere', host = 'there', beat = datetime('now', '-100 seconds')")
    assert re.search(r"process \d+ on there, heard of 10\d s ago", refused(where))
    changed(where, "beat = datetime('now', '-200 seconds')")
    with study.open_store(small(), where):
        assert "heard of 0 s ago" in refused(where)


def test_a_command_says_again_that_it_is_there(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.02)
    with study.open_store(small(), where):
        changed(where, "beat = '2000-01-01 00:00:00'")
        deadline = time.monotonic() + 30
        while "2000" in str(row(where)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "heard of 0 s ago" in refused(where)


def test_one_that_was_taken_for_dead_writes_nothing(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small()
    with study.open_store(spec, where) as first:
        first.add([0])
        changed(where, "place = 'elsewhere', beat = datetime('now', '-200 seconds')")
        with study.open_store(spec, where) as second:
            second.add([1])
            clock = time.time
            monkeypatch.setattr(time, "time", lambda: clock() + 100)  # its machine had slept
            for write in (
                lambda: first.add([2]),
                lambda: first.put(0, 0, Outcome((0.5, 8.0), 1.0)),
                lambda: first.finish(0, (0.5, 8.0)),
                lambda: first.fail(0, "no reason"),
                lambda: first.check_data("mark"),
            ):
                with pytest.raises(StudyError) as caught:
                    write()
                assert str(caught.value) == (
                    f"study 'small' with the database {where} was taken over by another command, "
                    "because this one was not heard of for 180 s; wait for that one: what is done "
                    "is kept"
                )
            second.put(1, 0, Outcome((0.5, 8.0), 1.0))
            assert [len(trial.outcomes) for trial in second.trials()] == [0, 1]
            assert second.origin() == ("", ())


def added_behind(store: Store, numbers: list[int]) -> None:
    """What a command does that nothing holds back."""
    with study.open_existing(store.url) as other:
        other.add(numbers)


@pytest.mark.parametrize("search", ["grid", "random"])
def test_a_number_that_was_given_twice_is_refused(search: str, tmp_path: Path) -> None:
    other: dict[str, Any] = {} if search == "grid" else {"trials": 4}
    spec = small(search=search, **other)
    where = url(tmp_path)
    with study.open_store(spec, where) as store:
        store.add([0])
        added_behind(store, [1])
        with pytest.raises(StudyError) as caught:
            store.add([1])
    assert str(caught.value) == (
        f"study 'small' in the database {where} is not as one command writes it (trial 1 was "
        "stored as trial 2): another command or program wrote it at the same time; start a new "
        "study with another --storage"
    )
    for opened in (study.open_store(spec, where), study.open_existing(where)):
        with pytest.raises(StudyError) as again, opened:
            pass
        assert str(again.value) == str(caught.value)


def test_a_study_with_too_many_trials_is_refused(tmp_path: Path) -> None:
    with study.open_store(small(), url(tmp_path)) as store:
        store.add([0, 1, 2, 3])
        store._study.add_trial(store._study.trials[0])
    assert "(it holds 5 trials, but the study has 4)" in refused(url(tmp_path))


def test_a_setting_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    with study.open_store(small(), url(tmp_path)) as store:
        store.add([0, 1, 2, 3])
    with sqlite3.connect(tmp_path / "small.db") as database:
        database.execute("UPDATE trial_params SET param_value = 1 - param_value WHERE trial_id = 3")
    database.close()
    assert "(trial 2 has another setting than in the grid)" in refused(url(tmp_path))


def test_the_last_bits_of_a_step_are_no_other_setting(tmp_path: Path) -> None:
    spec = small(knobs={"lam": {"low": 0.1, "high": 0.5, "step": 0.1}})
    with study.open_store(spec, url(tmp_path)) as store:
        store.add([0, 1, 2])
    with sqlite3.connect(tmp_path / "small.db") as database:
        changed = "UPDATE trial_params SET param_value = 0.3 WHERE trial_id = 3"
        assert database.execute(changed).rowcount == 1
    database.close()
    with study.open_store(spec, url(tmp_path)) as store:
        assert store.trials()[2].setting == {"lam": 0.3}
