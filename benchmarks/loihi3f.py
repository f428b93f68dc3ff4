"""Digits, learned by Lava's stock learning engine and by the chip's own: what the engine costs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchmarks.table import Table
from neurochip import data
from neurochip.chip import Chip
from neurochip.chip.loihi_learner import LoihiLearner, loihi3f
from neurochip.chip.loihi_limits import MOST_SHIFT
from neurochip.hardware import Hardware
from neurochip.network import Network
from neurochip.rules import OTTT
from neurochip.rules.surrogates import Surrogate

SEEDS, EPOCHS, TAU = range(3), 8, 2
SIZES, TIMESTEPS = (64, 128, 10), 8


def measure(_: str | None) -> Table:
    """Learn digits from rate-coded spikes with every learner and seed."""
    table = Table(
        f"The profile loihi3f on digits: {'-'.join(map(str, SIZES))}, T = {TIMESTEPS}, decay "
        f"exp(-1/{TAU}), {EPOCHS} epochs, test accuracy after the last",
        ("learner", "mean %", "deviation", "seeds 0-2, %"),
    )
    learners: dict[str, Callable[[int], Chip]] = {
        "loihi3f: Lava's engine, direct feedback, its slowest rates": _by_engine,
        "ottt, the same feedback and rates": lambda seed: _by_chip(seed, "loihi", "direct", True),
        "ottt, the same feedback, its own rates": lambda seed: _by_chip(
            seed, "loihi", "direct", False
        ),
        "ottt, symmetric feedback, its own rates": lambda seed: _by_chip(
            seed, "loihi", "symmetric", False
        ),
    }
    test = data.load("digits").test
    for name, learn in learners.items():
        scores = 100 * np.array([learn(seed).evaluate(test).accuracy for seed in SEEDS])
        each = " ".join(f"{score:.1f}" for score in scores)
        table.add(name, f"{scores.mean():.2f}", f"{scores.std(ddof=1):.2f}", each)
    table.notes.append(NOTE)
    return table


NOTE = ""


def _by_engine(seed: int) -> Chip:
    chip = _chip(seed, loihi3f(), "direct", None)
    chip = _chip(seed, loihi3f(), "direct", _slowest(chip))
    LoihiLearner(chip).learn(data.load("digits").train, EPOCHS)
    return chip


def _by_chip(seed: int, hardware: str, feedback: str, engine_rates: bool) -> Chip:
    shifts = _slowest(_chip(seed, loihi3f(), "direct", None)) if engine_rates else None
    chip = _chip(seed, hardware, feedback, shifts)
    chip.learn(data.load("digits").train, EPOCHS)
    return chip


def _slowest(chip: Chip) -> tuple[int, ...]:
    """The smallest rates that the exponents of Lava's rules can express."""
    return tuple(MOST_SHIFT - layer.update_shift(0) for layer in chip.formats.layers)


def _chip(
    seed: int, hardware: str | Hardware, feedback: str, shifts: tuple[int, ...] | None
) -> Chip:
    lam = math.exp(-1 / TAU)
    network = Network.mlp(SIZES, timesteps=TIMESTEPS, lam=lam, reset="hard", fires=">")
    rule = OTTT(
        feedback=feedback,  # type: ignore[arg-type]
        surrogate=Surrogate("boxcar"),
        rate_shifts=shifts,
    )
    return Chip(network, hardware, rule, seed, encoding="rate", schedule="pipelined")
