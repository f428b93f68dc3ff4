"""The rooms call downwards only: pyproject.toml's contracts hold, and notice a breach."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BREACHES = {
    "rules/breach.py": "import neurochip.chip",
    "neurochip/kernels/breach.py": "import neurochip.network",
    "neurochip/mapping/breach.py": "import numba",
    "neurochip/reference/breach.py": "import matplotlib",
    "neurochip/unlisted.py": "",
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the sources in ``folder``."""
    code = "from importlinter.cli import lint_imports as lint; exit(lint(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_rooms_call_downwards_only(root: Path) -> None:
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout + result.stderr


def test_breaches_are_noticed(tree: Path) -> None:
    for path, text in BREACHES.items():
        (tree / path).write_text(text + "\n")
    result = lint_imports(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "neurochip.rules.breach -> neurochip.chip" in result.stdout
    assert "neurochip.kernels.breach -> neurochip.network" in result.stdout
    assert "neurochip.mapping.breach -> numba" in result.stdout
    assert "neurochip.reference.breach -> matplotlib" in result.stdout
    assert "unlisted" in result.stdout
