"""`neurochip demo` from learning to its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurochip.deploy import lava
from tests.cli.running import Command


def test_demo(neurochip: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurochip.cli.demo.DEMO_EPOCHS", 1)
    said = neurochip("demo", "--out", "shown")
    assert (said.status, said.err) == (0, "")
    assert "test accuracy" in said.out
    assert "the chip agrees with the float reference" in said.out
    written = {"run.h5", "loihi.h5", "report.html"}
    assert {path.name for path in (here / "shown").iterdir()} == written
    same = "every integer of 20 samples is the same on the chip and in lava"
    assert (same if lava.is_installed() else "Lava is not installed here") in said.out
    said = neurochip("demo", "--json")
    assert said.status == 0
    assert 0 <= said.json["accuracy"] <= 1
    assert said.json["parity"]["agrees"] is True
    told = said.json["loihi"]["lava"]
    assert told["agrees"] is True if lava.is_installed() else "Python 3.10" in told["missing"]
