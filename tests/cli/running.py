"""What the tests of the commands share: how a command ends, and what makes it quick."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from neurochip import hardware

#: Options that make learning quick.
QUICK = ("--train-samples", "200", "--test-samples", "60", "--hidden", "16", "--timesteps", "4")


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]
CHIPS = ", ".join(hardware.available())
KINDS = "an .npz, .h5 or .hdf5 file, or a folder of IDX files"


def refused(said: Said, sentence: str) -> None:
    """Exit 2, one sentence on standard error and nothing on standard output."""
    assert said.err == f"neurochip: {sentence}\n"
    assert said.out == ""
    assert said.status == 2


def other_data(here: Path, features: int = 64, classes: int = 10) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((200, features), np.float32), np.arange(200) % classes
    np.savez(here / "other.npz", x_train=x, y_train=y, x_test=x, y_test=y)


def adds_up(profile: Any) -> None:
    """Rows add up to the whole, and nothing is faster than the machine by more than its clock."""
    rows = profile["rows"]
    assert sum(row["seconds"] for row in rows) == pytest.approx(profile["seconds"])
    assert all(row["seconds"] > 0 for row in rows)
    named = [row for row in rows if row["name"] not in ("rest", "calls")]
    assert {row["name"] for row in named} >= {"encode", "synapse", "neuron", "accounting", "clock"}
    for row in rows:
        if row["least_seconds"]:
            assert row["times_the_least"] == row["seconds"] / row["least_seconds"]
    assert all(number > 0 for number in profile["machine"].values())


@contextmanager
def process(here: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is ended and collected whatever the test finds."""
    command = [sys.executable, "-m", "neurochip", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=here, stdout=pipe, stderr=pipe, text=True) as running:
        try:
            yield running
        finally:
            running.kill()
