"""Commands run in an empty folder, a run that was learned once, a file of events."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from neurochip import cli
from tests.cli.declared import EVENTS
from tests.cli.running import QUICK, Command, Said


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def neurochip(here: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in the folder."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs. Tests must not write to it."""
    path = tmp_path_factory.mktemp("learned") / "run.h5"
    assert cli.main(["learn", *QUICK, "--epochs", "2", "--out", str(path), "--json"]) == 0
    return path


@pytest.fixture
def events(here: Path) -> Path:
    """A file of events."""
    np.savez(here / "events.npz", **EVENTS)
    return here / "events.npz"


@pytest.fixture
def importable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), *([path] if path else [])]))
