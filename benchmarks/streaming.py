"""Speed of learning MNIST one sample at a time on one core, after compilation, counters on."""

from __future__ import annotations

import statistics
import time

from benchmarks.sources import mnist_path
from benchmarks.table import Table
from neurochip import experiment
from neurochip.chip import Chip
from neurochip.config import make
from neurochip.data import Dataset, Split

#: Samples that are learned in one measurement.
BLOCK = 4000
REPEATS = 5
ROWS: dict[str, dict[str, object]] = {
    "bernoulli spikes, traced input, 8 bits stochastic": {"encoding": "bernoulli"},
    "rate-coded spikes, traced input, 8 bits stochastic": {"encoding": "rate"},
    "graded input, 8 bits stochastic": {},
    "graded input, last step only": {"update": "last"},
    "graded input, 16-bit shadow, nearest": {"shadow_bits": 16, "rounding": "nearest"},
}


def measure(mnist: str | None) -> Table:
    """Measure learning in file order, block by block, and a whole shuffled epoch."""
    table = Table(
        "MNIST, 784-800-10, T = 6, learning one sample at a time: samples per CPU-second",
        ("learner", "first 20,000 samples", "the next 20,000", "a whole first epoch", "must"),
    )
    data = experiment.load_data(make({"data": mnist_path(mnist)}))
    for name, options in ROWS.items():
        rates = _rates(options, data)
        must = ">= 15,000" if "bernoulli" in name else "-"
        table.add(name, *(f"{rate:,.0f}" for rate in rates), must)
    table.notes.append(
        f"Medians of {REPEATS} blocks of {BLOCK} samples, CPU time of the one thread that works. "
        f"The whole epoch is {len(data.train):,} samples in the order that learning shuffles them "
        "into, from a new chip. Steps whose error is zero skip their update, so learning gets "
        "faster as it succeeds."
    )
    return table


def blocks(options: dict[str, object], data: Dataset) -> list[float]:
    """Samples a CPU-second of a new chip, block by block: twice REPEATS of them."""
    chip = _chip(options, data)
    chip.learn(data.train.take(BLOCK // 10), 1)
    chip = _chip(options, data)
    learned = [data.train[slice(i * BLOCK, (i + 1) * BLOCK)] for i in range(2 * REPEATS)]
    return [_samples_per_second(chip, block) for block in learned]


def _chip(options: dict[str, object], data: Dataset) -> Chip:
    config = make({"hidden": (800,), "timesteps": 6, **options})
    return experiment.build(config, data).chip


def _rates(options: dict[str, object], data: Dataset) -> tuple[float, float, float]:
    rates = blocks(options, data)
    first, second = statistics.median(rates[:REPEATS]), statistics.median(rates[REPEATS:])
    return first, second, _samples_per_second(_chip(options, data), data.train)


def _samples_per_second(chip: Chip, block: Split) -> float:
    start = time.process_time()
    chip.learn(block, 1)
    return len(block) / (time.process_time() - start)
