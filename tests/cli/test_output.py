"""What is printed on the way, and that no result replaces what it is made from."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from neurochip import experiment, hardware
from neurochip.config import make
from tests.cli.running import QUICK, Command


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("report", "run.h5", "--out", "run.h5"), "run file"),
        (("report", "run.h5", "--data", "set.npz", "--out", "./set.npz"), "data set"),
        (("learn", "--data", "set.npz", "--out", "set.npz"), "data set"),
        (("learn", "--resume", "run.h5", "--data", "set.npz", "--out", "set.npz"), "data set"),
        (("learn", "run.toml", "--out", "run.toml"), "configuration"),
        (("train", "--data", "set.npz", "--net", "10", "--out", "set.npz"), "data set"),
        (("train", "run.toml", "--out", "run.toml"), "configuration"),
        (("learn", "--hardware", "chip.toml", "--out", "chip.toml"), "hardware model"),
    ],
)
def test_a_result_replaces_nothing_that_it_is_made_from(
    neurochip: Command, here: Path, learned: Path, words: tuple[str, ...], what: str
) -> None:
    shutil.copy2(learned, here / "run.h5")
    (here / "run.toml").write_text("epochs = 1\n")
    (here / "chip.toml").write_text(hardware.load("neurochip").to_toml())
    samples = experiment.load_data(make({}))
    test = samples.test
    np.savez(here / "set.npz", x_train=test.x, y_train=test.y, x_test=test.x, y_test=test.y)
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    said = neurochip(*words)
    assert said.status == 2
    assert said.err == (
        f"neurochip: {str(Path(words[-1]))!r} is the {what} that is read and would be replaced; "
        f"choose another path\n"
    )
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_a_first_run_says_why_it_takes_long(
    neurochip: Command, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert neurochip("run", learned).err == ""
    monkeypatch.setattr("neurochip.kernels.jit.is_cold", lambda _: True)
    said = neurochip("run", learned, "--json")
    assert said.err == "compiling the kernels: needed once, takes one to three minutes\n"
    assert said.json["command"] == "run"


def test_a_bar_on_a_terminal(neurochip: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    said = neurochip("learn", *QUICK, "--epochs", 2)
    assert said.status == 0
    assert "epoch 2/2" in said.out
    assert re.search(r"\d+ samples/s, running error \d+\.\d\d%", said.out)
