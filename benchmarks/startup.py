"""How long a command takes to start, everything compiled before: wall time."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Table
from neurochip.kernels.jit import CACHE_VARIABLE

REPEATS = 7
ONE_SAMPLE = ("--epochs", "1", "--train-samples", "1", "--test-samples", "1")
#: What is started, the seconds that it must take at most, and those that it aims at.
COMMANDS = ((("--help",), 0.3, None), (("learn", "--data", "digits", *ONE_SAMPLE), 1.0, 0.6))


def measure(_: str | None) -> Table:
    """Start each command several times."""
    table = Table(
        "Start-up, wall seconds",
        ("command", "median", "fastest", "must"),
    )
    for arguments, must, _aim in COMMANDS:
        taken = seconds(arguments)
        name = "neurochip " + " ".join(arguments[:1])
        table.add(name, f"{statistics.median(taken):.2f}", f"{min(taken):.2f}", f"<= {must}")
    cold = _cold()
    table.add("neurochip learn, nothing compiled", f"{cold:.0f}", f"{cold:.0f}", "stated")
    table.notes.append(
        "To the first line of output: for `learn`, that is when the first sample has been learned."
    )
    return table


def seconds(arguments: tuple[str, ...]) -> list[float]:
    """Wall seconds from the start of a command to its first line of output, several times."""
    with tempfile.TemporaryDirectory() as folder:
        out = ("--out", str(Path(folder) / "run.h5")) if arguments[0] == "learn" else ()
        _seconds((*arguments, *out))  # compiles, if nothing did before
        return [_seconds((*arguments, *out)) for _ in range(REPEATS)]


def _cold() -> float:
    """The same of the first command after an installation."""
    with tempfile.TemporaryDirectory() as folder:
        out = ("--out", str(Path(folder) / "run.h5"))
        return _seconds((*COMMANDS[-1][0], *out), {CACHE_VARIABLE: str(Path(folder) / "cache")})


def _seconds(arguments: tuple[str, ...], variables: dict[str, str] | None = None) -> float:
    """From the start of the process to its first line of output."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "neurochip", *arguments]
    environment = {**os.environ, **(variables or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation's modules are compiled
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        taken = time.perf_counter() - start
        process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return taken
