"""What all tests share: how hypothesis runs, the reference vectors, a copy of the sources."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# A shell's background jobs ignore Ctrl-C, and so would the programs that tests interrupt.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "neurochip",
    deadline=None,  # a kernel's first call compiles it
    derandomize="CI" in os.environ,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("neurochip")


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Folder of the reference vectors: NEUROCHIP_GOLDEN, or else the few in tests/vectors."""
    return Path(os.environ.get("NEUROCHIP_GOLDEN") or ROOT / "tests" / "vectors")


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the repository's sources that a test may change and build in."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy2(ROOT / name, copy)
    caches = shutil.ignore_patterns("__pycache__")
    for name in ("neurochip", "rules", "hw_models", "deploy"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=caches)
    return copy
