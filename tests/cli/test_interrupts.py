"""Ctrl-C leaves the file of the last finished epoch, or none, and says which."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from neurochip import experiment
from neurochip.cli import progress
from neurochip.errors import RunFileError
from tests.cli.running import QUICK, Command, process


def epochs_of(path: Path) -> int:
    try:
        return experiment.load_run(path).chip.epoch
    except RunFileError:
        return 0


@pytest.mark.usefixtures("importable", "learned")  # the second has compiled the kernels
def test_ctrl_c_leaves_the_last_finished_epoch(here: Path) -> None:
    path = here / "run.h5"
    with process(here, "learn", *QUICK, "--epochs", "100000") as running:
        deadline = time.monotonic() + 300
        while epochs_of(path) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=300)
    assert running.returncode == 130
    finished = experiment.load_run(path)
    assert finished.config.epochs == 100000
    assert len(finished.history) == finished.chip.epoch >= 2
    assert finished.chip.n_learned == 200 * finished.chip.epoch
    assert err == f"neurochip: interrupted; run.h5 holds the first {finished.chip.epoch} epochs\n"
    assert "Traceback" not in out
    assert list(here.iterdir()) == [path]


@pytest.mark.parametrize("command", ["learn", "resume"])
def test_ctrl_c_before_an_epoch_is_finished(
    neurochip: Command,
    learned: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Lines, "__call__", stop)
    words = QUICK if command == "learn" else ("--resume", str(learned), "--epochs", "1")
    said = neurochip("learn", *words, "--out", "new.h5")
    assert said.status == 130
    assert said.err == "neurochip: interrupted; nothing was saved\n"
    assert not list(here.iterdir())


def test_ctrl_c_in_the_first_epoch_of_a_run_that_goes_on_in_place(
    neurochip: Command, learned: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    shutil.copy2(learned, here / "run.h5")
    monkeypatch.setattr(progress.Lines, "__call__", stop)
    said = neurochip("learn", "--resume", "run.h5", "--epochs", "1")
    assert said.err == "neurochip: interrupted; run.h5 holds the first 2 epochs\n"


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_while_a_run_is_saved(
    neurochip: Command, here: Path, monkeypatch: pytest.MonkeyPatch, presses: int
) -> None:
    """The first waits for the next samples, which come after the file is in place."""
    save = experiment.save_run

    def interrupted(*arguments: Any) -> None:
        for _ in range(presses):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        save(*arguments)

    monkeypatch.setattr(experiment, "save_run", interrupted)
    before = signal.getsignal(signal.SIGINT)
    said = neurochip("learn", *QUICK, "--epochs", "5", "--out", "run.h5")
    kept = "run.h5 holds the first 1 epochs" if presses == 1 else "nothing was saved"
    assert (said.status, said.err) == (130, f"neurochip: interrupted; {kept}\n")
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_elsewhere(
    neurochip: Command, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "evaluate", stop)
    said = neurochip("run", learned)
    assert said.status == 130
    assert said.err.strip() == "neurochip: interrupted"
