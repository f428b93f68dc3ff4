"""Sessions of Lava behind a time limit: results, failures, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurochip.deploy import lava as export
from neurochip.deploy import states
from neurochip.deploy.lava.player.limited import SessionError, end_group, run_limited
from neurochip.deploy.lava.player.network import read
from neurochip.deploy.lava.player.started import session
from neurochip.network import AvgPool

from .networks import Case, ImageCase, Stage

CASE = Case(sizes=(12, 9, 3), timesteps=10, threshold=100, lam=0.9)
CONV = ImageCase(
    sizes=(5, 3),
    shape=(2, 6, 5),
    stages=(Stage(4, 3, 1, 1), Stage(3, 2, 2, 1, AvgPool(2))),
    timesteps=70,
    threshold=200,
    lam=0.9,
)
#: More than a session needs on a machine that does much else.
LIMIT_S = 300.0
#: Seconds that a killed process may take to be gone.
GONE_S = 10.0
needs_lava = pytest.mark.skipif(
    not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="needs /proc to see other processes"
)

FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(float(sys.argv[2]))
"""


def running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def assert_all_end(told: Path) -> None:
    """What was killed may take a moment to be gone."""
    pids = [int(pid) for pid in told.read_text().split()]
    deadline = time.monotonic() + LIMIT_S
    while any(running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(running(pid) for pid in pids)


def test_a_failure_is_told_in_its_own_words():
    with pytest.raises(SessionError, match=r"^the session of Lava failed with status 3: oh dear$"):
        run_limited([sys.executable, "-c", "print('oh dear'); raise SystemExit(3)"], LIMIT_S)
    with pytest.raises(SessionError, match=r"failed with status 4: it said nothing$"):
        run_limited([sys.executable, "-c", "raise SystemExit(4)"], LIMIT_S)


@needs_proc
def test_whatever_a_command_started_ends_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("neurochip.deploy.lava.player.limited.GRACE_S", 0.5)
    told = tmp_path / "pids"
    run_limited([sys.executable, "-c", FAMILY, str(told), "0"], LIMIT_S)
    assert_all_end(told)


@needs_proc
def test_a_command_that_refuses_to_end_is_killed_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("neurochip.deploy.lava.player.limited.GRACE_S", 0.5)
    told = tmp_path / "pids"
    # How long it takes until they are there depends on what else the machine does.
    for limit_s in (2, 10, 60):
        sentence = rf"^the session of Lava didn't end within {limit_s} s and was"
        with pytest.raises(SessionError, match=sentence):
            run_limited([sys.executable, "-c", FAMILY, str(told), "600"], limit_s)
        if told.exists():
            break
    assert_all_end(told)


DENSE = Case(sizes=(12, 9, 7, 3), timesteps=70, threshold=300, lam=0.9)


@needs_lava
@pytest.mark.parametrize(
    "case", [DENSE, replace(DENSE, reset="soft"), CONV], ids=["hard", "soft", "conv"]
)
def test_lavas_runtime_holds_what_its_models_hold(tmp_path, case):
    export.write(case.chip(), case.samples(3), tmp_path)
    network, expected = read(tmp_path / "network.h5")
    assert expected.layers[1].states["s"].any()
    begin = shared_memory()
    verdicts = states.compare(expected.layers, session(tmp_path / "network.h5", network, LIMIT_S))
    layers = len(network.layers)
    assert [(v.steps, v.mismatches) for v in verdicts] == [(210, 0)] * (3 * layers)
    assert not left_of(begin)


def test_a_process_is_collected_however_busy_the_machine_is(monkeypatch):
    monkeypatch.setattr("neurochip.deploy.lava.player.limited.GRACE_S", 0.0)
    monkeypatch.setattr("neurochip.deploy.lava.player.limited.KILL_S", 0.0)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(command, start_new_session=True)
    end_group(process)
    assert process.returncode in (-signal.SIGTERM, -signal.SIGKILL)


@needs_lava
@needs_proc
def test_a_model_that_fails_leaves_no_process_behind(tmp_path):
    export.write(CASE.chip(), CASE.samples(1), tmp_path)
    recorder = tmp_path / "player" / "processes" / "recorder.py"
    broken = "        raise ValueError('broken on purpose')\n"
    marker = '        """Write down the spikes of this step."""\n'
    source = recorder.read_text()
    assert marker in source
    recorder.write_text(source.replace(marker, marker + broken))
    begin = shared_memory()
    command = [sys.executable, "-c", BROKEN_SESSION, str(tmp_path)]
    with pytest.raises(SessionError):
        run_limited(command, 8)
    assert not left_of(begin)
    assert not left_in(tmp_path)


@needs_lava
@needs_proc
def test_an_interrupted_script_leaves_no_process_behind(tmp_path):
    export.write(CASE.chip(), CASE.samples(1), tmp_path)
    script = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), "--limit", str(LIMIT_S)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + LIMIT_S
    while not sessions_in(tmp_path, "player.session") and time.monotonic() < deadline:
        time.sleep(0.01)
    script.send_signal(signal.SIGINT)
    assert script.communicate(timeout=LIMIT_S) == ("", "interrupted\n")
    assert script.returncode == 130
    assert not left_in(tmp_path)


BROKEN_SESSION = """
import os, sys
os.chdir(sys.argv[1])
sys.path.insert(0, sys.argv[1])
from player.session import main
main([sys.argv[1] + "/network.h5", sys.argv[1]])
"""


def left_in(folder: Path) -> list[str]:
    """Processes of a folder that go on: one that was killed takes a moment to be gone."""
    deadline = time.monotonic() + GONE_S
    while (found := sessions_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def sessions_in(folder: Path, word: str = "") -> list[str]:
    """Processes whose commands name the folder, and the word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        named = str(folder).encode() in words and word.encode() in words
        if named and int(path.parent.name) != os.getpid():
            found.append(path.parent.name)
    return [pid for pid in found if running(int(pid))]


def shared_memory() -> set[str]:
    """Pieces of shared memory that are there now, anyone's."""
    folder = Path("/dev/shm")
    return {path.name for path in folder.glob("psm_*")} if folder.exists() else set()


def left_of(before: set[str]) -> set[str]:
    """New pieces that stay: those of others who run Lava at the same time pass with them."""
    left, end = shared_memory() - before, time.monotonic() + LIMIT_S
    while left and time.monotonic() < end:
        time.sleep(0.1)
        left &= shared_memory()
    return left


def test_samples_are_cut_out_of_the_run(tmp_path):
    export.write(CASE.chip(), CASE.samples(2), tmp_path)
    network, _ = read(tmp_path / "network.h5")
    clock = np.arange(1, 2 * network.period + 1)
    assert network.by_sample(0, clock)[1, 0] == network.period + 2
