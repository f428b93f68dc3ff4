"""The kernels as plain Python: the same tests without the compiler, every warning an error.

numpy then warns of every integer that leaves its type, where machine code wraps in silence.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neurochip.kernels.jit import INTERPRETED

MODULES = (
    "test_twin",
    "test_rows",
    "test_pipelined",
    "test_loihi_engine",
    "test_lanes",
    "test_stopwatch",
    "test_limits",
    "test_bits",
    "test_fused",
    "test_registers",
    "test_ledger",
    "test_random",
    "test_arithmetic",
    "test_agenda",
    "test_mesh",
    "test_timing",
    "test_float",
    "test_faults",
)


@pytest.mark.skipif(INTERPRETED, reason="this is the interpreted run")
def test_kernels_without_the_compiler(root):
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    paths = [f"tests/kernels/{name}.py" for name in MODULES]
    run = subprocess.run(
        [*command, *paths],
        cwd=root,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
