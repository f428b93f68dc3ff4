"""Two chips on two threads against the same two one after the other: wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import neurochip as nc
from benchmarks.table import Table
from neurochip.data import Encoding, Split
from neurochip.network import Network
from neurochip.rules import OTTT

SIZES, TIMESTEPS, INPUT_DENSITY = (784, 800, 10), 6, 0.19
ENCODINGS: tuple[Encoding, ...] = ("bernoulli", "rate")
THREADS, SAMPLES, REPEATS, MUST = 2, 20_000, 9, ">= 1.7x"


def measure(_: str | None) -> Table:
    """Learn the same samples both ways, in turn."""
    table = Table(
        f"Learning 784-800-10, T = {TIMESTEPS}, by {THREADS} chips on {THREADS} threads",
        ("encoding", "one after the other, s", "at once, s", "ratio (quartiles)", "must"),
    )
    for encoding in ENCODINGS:
        pairs = in_turn_and_at_once(encoding)
        one, other = (statistics.median(times) for times in zip(*pairs, strict=True))
        low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4)
        ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})"
        table.add(encoding, f"{one:.2f}", f"{other:.2f}", ratio, MUST)
    table.notes.append(
        f"{SAMPLES:,} samples a chip, {REPEATS} pairs; a shuffled epoch with counters on, encoding "
        "included. What the threads can't share is Python between chunks, and the memory bus."
    )
    return table


def in_turn_and_at_once(encoding: Encoding) -> list[tuple[float, float]]:
    """Wall seconds of both ways, pair by pair."""
    chips = [
        nc.Chip(Network.mlp(SIZES, TIMESTEPS), rule=OTTT(), seed=seed, encoding=encoding)
        for seed in range(THREADS)
    ]
    data = _samples()
    with ThreadPoolExecutor(THREADS) as pool:
        _at_once(pool, chips, data[:1000])  # compiles, if nothing did before
        return [(_in_turn(chips, data), _at_once(pool, chips, data)) for _ in range(REPEATS)]


def _samples() -> Split:
    rng = np.random.default_rng(0)
    shape = (SAMPLES, SIZES[0])
    x = rng.random(shape) * (rng.random(shape) < INPUT_DENSITY)
    return Split(x, rng.integers(SIZES[-1], size=SAMPLES))


def _in_turn(chips: Sequence[nc.Chip], data: Split) -> float:
    start = time.perf_counter()
    for chip in chips:
        chip.learn(data)
    return time.perf_counter() - start


def _at_once(pool: ThreadPoolExecutor, chips: Sequence[nc.Chip], data: Split) -> float:
    start = time.perf_counter()
    for done in [pool.submit(chip.learn, data) for chip in chips]:
        done.result()
    return time.perf_counter() - start
