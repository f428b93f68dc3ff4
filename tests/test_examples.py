"""Every example runs, on less data than it shows."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_learn_digits_learns() -> None:
    names = runpy.run_path(str(EXAMPLES / "learn_digits.py"))
    assert names["main"](epochs=2, train_samples=300) > 0.5
