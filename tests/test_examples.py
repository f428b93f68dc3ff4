"""Every example runs, on less data than it shows."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_learn_digits_learns() -> None:
    names = runpy.run_path(str(EXAMPLES / "learn_digits.py"))
    assert names["main"](epochs=2, train_samples=300) > 0.5


def test_spike_trains_come_nearer(tmp_path: Path) -> None:
    names = runpy.run_path(str(EXAMPLES / "teach_spike_trains.py"))
    picture = tmp_path / "trains.png"
    before, after = names["main"](updates=100, picture=str(picture))
    assert after < 0.8 * before
    assert picture.stat().st_size > 0
