"""How long a command takes to start, everything compiled before: wall time."""

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
        "Start-up, wall seconds",
        ("command", "median", "fastest", "must"),
    )
    with tempfile.TemporaryDirectory() as folder:
        learn = ("learn", "--data", "digits", *ONE_SAMPLE, "--out", str(Path(folder) / "run.h5"))
        _seconds(learn)  # compiles, if nothing did before
        for arguments, must in ((("--help",), "<= 0.4"), (learn, "<= 1.2")):
            taken = [_seconds(arguments) for _ in range(REPEATS)]
            name = "neurochip " + " ".join(arguments[:1])
            table.add(name, f"{statistics.median(taken):.2f}", f"{min(taken):.2f}", must)
    table.notes.append(
        "To the first line of output: for `learn`, that is when the first sample has been learned."
    )
    return table


def _seconds(arguments: tuple[str, ...]) -> float:
    """From the start of the process to its first line of output."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "neurochip", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        taken = time.perf_counter() - start
        process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return taken
