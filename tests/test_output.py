"""Standard output that takes no more: one sentence and exit 2 on a full disk, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

FULL = Path("/dev/full")
SENTENCE = (
    "neurochip: standard output can't be written (No space left on device); send it to a file with "
    "room or to a program that reads all of it\n"
)


def chips(root: Path, stdout: int | TextIO) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "neurochip", "chips", "neurochip"]
    return subprocess.Popen(command, cwd=root, stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk(root: Path) -> None:
    with FULL.open("w") as full, chips(root, stdout=full) as running:
        _, err = running.communicate()
    assert (running.returncode, err) == (2, SENTENCE)


def test_a_reader_that_went_away_ends_a_command_as_sigpipe_would(root: Path) -> None:
    with chips(root, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        err = running.stderr.read()
    assert (running.returncode, err) == (141, "")
