"""The same bits on every processor: kernels compiled for its lanes, for others, and for none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurochip.kernels.jit import CACHE_VARIABLE, INTERPRETED

#: A processor without AVX-512, by LLVM's name for it, and the instructions that it has.
NARROWER, INSTRUCTIONS = "haswell", "avx2"

#: Dense layers whose rows end within a lane, Bernoulli spikes, stochastic rounding.
LEARN = """
import hashlib
import numpy as np
import neurochip as nc
from neurochip.data import Split
from neurochip.network import Network
from neurochip.rules import OTTT
rng = np.random.default_rng(0)
data = Split(rng.random((24, 37)), rng.integers(5, size=24))
network, digest = Network.mlp((37, 45, 5), 5), hashlib.sha256()
for update in ("online", "accumulate"):
    chip = nc.Chip(network, rule=OTTT(update), seed=1, encoding="bernoulli")
    (record,) = chip.learn(data)
    digest.update(chip.evaluate(data).predictions.tobytes() + record.counters.tobytes())
    for weights in chip.integers.weights:
        digest.update(weights.tobytes())
print(digest.hexdigest())
"""


def instructions() -> set[str]:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    return {word for line in lines if line.startswith("flags") for word in line.split()}


def learned(**environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", LEARN],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason="there is no machine code in an interpreted run")
def test_what_is_learned_does_not_depend_on_the_processor(tmp_path):
    """This processor by itself, which may have AVX-512; as one that only has AVX2; Python."""
    if INSTRUCTIONS not in instructions():
        pytest.skip(f"this processor has no {INSTRUCTIONS}, so it can't act as {NARROWER}")
    interpreted = learned(NUMBA_DISABLE_JIT="1")
    assert learned() == interpreted
    folder = str(tmp_path)
    other = {CACHE_VARIABLE: folder, "NUMBA_CPU_NAME": NARROWER, "NUMBA_CPU_FEATURES": ""}
    assert learned(**other) == interpreted
