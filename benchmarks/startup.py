"""How long a command takes to start: wall time of whole processes, everything compiled before."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Table

REPEATS = 7
ONE_SAMPLE = ("--epochs", "1", "--train-samples", "1", "--test-samples", "1")


def measure(_: str | None) -> Table:
    """Start each command several times."""
    table = Table(
        "Start-up, wall seconds of the whole process",
        ("command", "median", "fastest", "must"),
    )
    with tempfile.TemporaryDirectory() as folder:
        learn = ("learn", "--data", "digits", *ONE_SAMPLE, "--out", str(Path(folder) / "run.h5"))
        _seconds(learn)  # compiles, if nothing did before
        for arguments, must in ((("--help",), "<= 0.4"), (learn, "<= 1.2")):
            taken = [_seconds(arguments) for _ in range(REPEATS)]
            name = "neurochip " + " ".join(arguments[:1])
            table.add(name, f"{statistics.median(taken):.2f}", f"{min(taken):.2f}", must)
    table.notes.append("`learn` here learns one sample, tests one, and writes the run file.")
    return table


def _seconds(arguments: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "neurochip", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start
