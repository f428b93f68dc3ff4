"""A study that is killed at any moment goes on with the same command."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurochip import study
from neurochip.errors import StudyError
from neurochip.study.store import Trial
from tests.study.small import Alone, url
from tests.study.test_conduct import conducted, values

#: They wait for processes that are killed and started again.
pytestmark = pytest.mark.slow

STUDY = """\
search = "{search}"
{trials}
seeds = [0, 1]
objectives = ["accuracy", "memory_bits"]

[run]
epochs = 30
train_samples = 300
hidden = [16]
timesteps = 4

[knobs]
weight_bits = [4, 8]
trace_bits = [4, 5, 6, 8]
"""
KILLS = 6


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def in_database(where: str) -> list[Trial]:
    try:
        with study.open_existing(where) as store:
            return store.trials()
    except StudyError:  # killed before there was any
        return []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills by signals")
@pytest.mark.parametrize("search", ["grid", "nsga2"])
def test_killed_at_random_points_nothing_is_lost_or_done_twice(search: str, tmp_path: Path) -> None:
    trials = "" if search == "grid" else "trials = 8\nbatch = 4"
    path = tmp_path / "killed.toml"
    path.write_text(STUDY.format(search=search, trials=trials))
    where = url(tmp_path, "killed.db")
    command = [sys.executable, "-m", "neurochip", "study", "run", str(path), "--storage", where]
    draw = random.Random(search)
    kept: dict[tuple[int, int], object] = {}
    for _ in range(KILLS):
        process = subprocess.Popen(
            [*command, "--workers", "2"], stdout=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(draw.uniform(0.3, 5.0))
        process.send_signal(signal.SIGKILL)  # the command alone: its workers must notice
        process.wait()
        deadline = time.monotonic() + 120  # seconds of a machine that does much else
        while alive(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(process.pid), "a worker outlived its study"
        now = {(t.number, s): o for t in in_database(where) for s, o in t.outcomes.items()}
        assert kept.items() <= now.items()  # seconds included: nothing was measured again
        kept = dict(now)
    subprocess.run([*command, "--workers", "2"], check=True, stdout=subprocess.DEVNULL)
    trials_now = in_database(where)
    assert (
        kept.items()
        <= {(t.number, s): o for t in trials_now for s, o in t.outcomes.items()}.items()
    )
    spec = study.read(path)
    assert values(trials_now) == values(conducted(spec, url(tmp_path, "whole.db"), Alone(spec)))


def workers_of(pid: int) -> list[int]:
    """Processes that a command has started, but for the one that keeps its semaphores."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True
    )
    lines = found.stdout.decode().splitlines()
    return [int(line.split()[0]) for line in lines if "spawn_main" in line]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes as Linux has them")
def test_ctrl_c_while_workers_start_ends_quietly(tmp_path: Path) -> None:
    path = tmp_path / "killed.toml"
    path.write_text(STUDY.format(search="grid", trials=""))
    command = [sys.executable, "-m", "neurochip", "study", "run", str(path), "--workers", "2"]
    with subprocess.Popen(
        [*command, "--storage", url(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 120
        while len(workers_of(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # a worker imports for longer than that
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "what is done is kept; the same command goes on from here" in err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes as Linux has them")
def test_workers_that_are_killed_at_random_points_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "killed.toml"
    path.write_text(STUDY.format(search="grid", trials=""))
    where = url(tmp_path, "killed.db")
    command = [sys.executable, "-m", "neurochip", "study", "run", str(path), "--storage", where]
    draw = random.Random(0)
    victims: list[int] = []
    with subprocess.Popen(
        [*command, "--workers", "2"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            assert "failed" not in line
            if number == 0:  # each of them once: a unit is left when it loses two workers
                victims = workers_of(process.pid)
                assert len(victims) == 2
                draw.shuffle(victims)
            if number in (0, 3):
                time.sleep(draw.uniform(0.0, 0.2))
                os.kill(victims.pop(), signal.SIGKILL)
    assert process.returncode == 0
    assert not victims
    spec = study.read(path)
    expected = conducted(spec, url(tmp_path, "whole.db"), Alone(spec))
    assert values(in_database(where)) == values(expected)
