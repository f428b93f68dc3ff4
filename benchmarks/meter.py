"""What the chip's counters cost: the same steps with the meter on and with a silent one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

import neurochip as nc
from benchmarks.nets import chip_of, net_a, net_b
from benchmarks.table import Table
from neurochip.chip.core import apart
from neurochip.data import Split
from neurochip.kernels.meter import Meter, silent
from neurochip.mapping import plan_of
from neurochip.network import Network
from neurochip.rules import OTTT
from neurochip.rules.ottt import Update

MUST = "3 %"
STEPS, PAIRS = 10_000, 41
#: Learning: 784-800-10, so many samples at a time.
SIZES, TIMESTEPS, BLOCK, INPUT_DENSITY = (784, 800, 10), 6, 300, 0.19

#: Works through one piece with a meter.
Work = Callable[[Meter], None]


def measure(_: str | None) -> Table:
    """Inference of nets A and B, learning by both rules."""
    table = Table(
        "What counters cost",
        ("work", "us a step", "counters add, median", "quartiles", "must"),
    )
    network, parameters, spikes = net_b(STEPS)
    table.add("net B, inference", *_cells(*_inference(chip_of(network, parameters), spikes)))
    silence = np.zeros((1, 1), np.uint8)
    table.add("net A, inference", *_cells(*_inference(chip_of(*net_a(STEPS)), silence)))
    rules: tuple[tuple[Update, str], ...] = (("online", "OTTT-O"), ("accumulate", "OTTT-A"))
    for update, name in rules:
        table.add(f"784-800-10, learning by {name}", *_cells(*_learning(update)))
    table.notes.append(
        f"Pairs of equal pieces of work in one process, CPU time, one of each pair with a meter "
        f"that counts nothing, in turn the first and the second: {PAIRS} ratios. Events and "
        f"analytic time are counted per core. Learning is of {BLOCK} samples of {TIMESTEPS} "
        f"steps at a time, random pictures of which {INPUT_DENSITY:.0%} of the pixels aren't 0."
    )
    return table


def _cells(steps: int, ratios: list[float], seconds: float) -> tuple[str, ...]:
    low, middle, high = (100 * (ratio - 1) for ratio in statistics.quantiles(ratios, n=4))
    return f"{seconds / steps * 1e6:.2f}", f"{middle:.1f} %", f"{low:.1f} to {high:.1f} %", MUST


def _inference(chip: nc.Chip, x: NDArray[np.uint8]) -> tuple[int, list[float], float]:
    frames, which = chip.encode(x), np.arange(1)
    core, meter = apart(chip._core), chip._meter("online").arrays

    def work(meter: Meter) -> None:
        chip._predict(core, meter, frames, which)

    return STEPS, *_ratios(work, work, meter, chip)


def _learning(update: Update) -> tuple[int, list[float], float]:
    """Two chips learn the same samples, one with its meter on."""
    rng = np.random.default_rng(0)
    n = BLOCK * (PAIRS + 2)
    x = rng.random((n, SIZES[0])) * (rng.random((n, SIZES[0])) < INPUT_DENSITY)
    data = Split(x, rng.integers(SIZES[-1], size=n))
    chips = [nc.Chip(Network.mlp(SIZES, TIMESTEPS), rule=OTTT(update)) for _ in range(2)]
    works = []
    for chip in chips:
        chip.learn(data[:BLOCK])
        works.append(_blocks(chip, data))
    return BLOCK * TIMESTEPS, *_ratios(*works, chips[0]._meter(update).arrays, chips[0])


def _blocks(chip: nc.Chip, data: Split) -> Work:
    inputs, blocks = chip.encode(data.x), _numbers(len(data))

    def work(meter: Meter) -> None:
        chip._learn_chunk(meter, inputs, data.y, next(blocks))

    return work


def _numbers(n: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, n, BLOCK):
        yield np.arange(first, first + BLOCK)


def _ratios(one: Work, other: Work, meter: Meter, chip: nc.Chip) -> tuple[list[float], float]:
    """Ratios of CPU times with the meter on and off, and the median with it on.

    Of two works, which do the same elsewhere in memory, each has the meter in turn.
    """
    quiet = silent(len(plan_of(chip.network)))
    one(meter)
    other(quiet)
    ratios, times = [], []
    for pair in range(PAIRS):
        works = (one, other) if pair % 2 else (other, one)
        jobs = list(zip(works, (meter, quiet), strict=True))
        order = jobs if pair % 4 < 2 else jobs[::-1]
        spent = {id(own): _seconds(work, own) for work, own in order}
        ratios.append(spent[id(meter)] / spent[id(quiet)])
        times.append(spent[id(meter)])
    return ratios, statistics.median(times)


def _seconds(work: Work, meter: Meter) -> float:
    start = time.process_time()
    work(meter)
    return time.process_time() - start
