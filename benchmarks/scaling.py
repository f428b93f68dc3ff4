"""How the cost of learning grows with time steps, neurons, synapses, depth, sparsity and batch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import neurochip as nc
from benchmarks.table import Table
from neurochip.data import Split
from neurochip.network import Network, initialise
from neurochip.reference import Trainer
from neurochip.rules import OTTT

N_IN, HIDDEN, N_OUT, TIMESTEPS, DENSITY = 784, 800, 10, 6, 0.2
#: The default chip with room for ten times as many neurons.
LARGE = Path(__file__).parents[1] / "examples" / "chips" / "large_neurochip.toml"
#: Samples that are learned in one measurement, and measurements.
SAMPLES, REPEATS = 200, 7
PANELS = (2, 4)

#: What is done once; how many samples were learned.
Work = Callable[[], int]


@dataclass(frozen=True)
class Sweep:
    """One thing that grows.

    Attributes:
        name: of it, with its unit.
        values: smallest first, to ten times the usual one.
        work: makes what is timed.
        grows: how the cost of a sample should grow.
    """

    name: str
    values: tuple[float, ...]
    work: Callable[[float], Work]
    grows: str


def _learner(
    sizes: Sequence[int] = (N_IN, HIDDEN, N_OUT),
    timesteps: int = TIMESTEPS,
    density: float = DENSITY,
    per_core: int | None = None,
) -> Work:
    """Learning of random pictures on the chip, one at a time, by OTTT-O.

    New ones in every round, with random labels: what a chip knows has no error and costs less.
    """
    rng = np.random.default_rng(0)
    shape = (SAMPLES, sizes[0])
    network = Network.mlp(sizes, timesteps)
    chip = nc.Chip(network, LARGE, rule=OTTT(), encoding="bernoulli", neurons_per_core=per_core)
    x = rng.random(shape) * (rng.random(shape) < density)

    def work() -> int:
        rng.shuffle(x, axis=1)
        data = Split(x, rng.integers(sizes[-1], size=SAMPLES))
        return sum(record.samples for record in chip.learn(data))

    return work


def _trainer(batch: float) -> Work:
    """As many pictures off the chip by OTTT-A, in batches."""
    rng = np.random.default_rng(0)
    x = rng.random((int(batch), N_IN)).astype(np.float32)
    y = rng.integers(N_OUT, size=int(batch))
    network = Network.mlp((N_IN, HIDDEN, N_OUT), TIMESTEPS)
    rule = OTTT("accumulate")
    trainer = Trainer(network, initialise(network, 0), rule, 0.1, dtype="float32")

    def work() -> int:
        times = max(1, SAMPLES // len(y))
        for _ in range(times):
            trainer.learn_batch(x, y)
        return times * len(y)

    return work


TIME_STEPS = Sweep(
    "time steps",
    (3, 6, 12, 24, 60),
    lambda t: _learner(timesteps=int(t)),
    "in proportion",
)
SWEEPS = (
    TIME_STEPS,
    Sweep(
        "hidden neurons (and synapses)",
        (80, 200, 400, 800, 2000, 8000),
        lambda n: _learner((N_IN, int(n), N_OUT)),
        "in proportion",
    ),
    Sweep(
        "inputs (and synapses), as many neurons",
        (80, 200, 400, 800, 2000, 8000),
        lambda n: _learner((int(n), HIDDEN, N_OUT)),
        "in proportion",
    ),
    Sweep(
        "hidden layers of 400",
        (1, 2, 4, 8, 16),
        lambda n: _learner((400, *(400,) * int(n), N_OUT)),
        "in proportion",
    ),
    Sweep(
        "inputs that spike, share",
        (0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
        lambda share: _learner(density=share),
        "less than in proportion: what doesn't spike costs little",
    ),
    Sweep(
        "cores",
        (1, 2, 4, 8, 16, 32, 63),
        lambda n: _learner(per_core=-(-(HIDDEN + N_OUT) // int(n))),
        "hardly at all",
    ),
    Sweep(
        "batch, off the chip",
        (1, 4, 16, 64, 256, 1280),
        _trainer,
        "less a sample",
    ),
)


def measure(_: str | None) -> Table:
    """Measure every sweep, its values in turn."""
    table = Table(
        f"How learning scales: {N_IN}-{HIDDEN}-{N_OUT}, T = {TIMESTEPS}, batch 1, OTTT-O",
        ("what grows", "values", "CPU us a sample", "last / first", "of the value", "should grow"),
    )
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    panels = figure.subplots(*PANELS).ravel()
    for axes in panels[len(SWEEPS) :]:
        axes.set_axis_off()
    for sweep, axes in zip(SWEEPS, panels, strict=False):
        costs = _costs(sweep)
        values = sweep.values
        table.add(
            sweep.name,
            " / ".join(f"{value:g}" for value in values),
            " / ".join(f"{cost:.1f}" for cost in costs),
            f"{costs[-1] / costs[0]:.2f}",
            f"{values[-1] / values[0]:.1f}",
            sweep.grows,
        )
        axes.loglog(values, costs, marker="o")
        axes.set(xlabel=sweep.name, ylabel="CPU us a sample")
        axes.set_ylim(min(costs) / 3, max(costs) * 3)
        axes.grid(visible=True, which="major", linewidth=0.4)
    table.notes.append(
        f"Medians of {REPEATS} rounds in which the values of a row take turns, {SAMPLES} new "
        "random pictures with random labels each, so that every step has an error; "
        f"{DENSITY:.0%} of the pixels aren't 0, Bernoulli spikes, counters on, after compilation, "
        "on the default chip with larger limits. Weights beyond the second-level cache cost more "
        "each: 16 hidden layers of 400 have 2.6 MB. Off the chip: OTTT-A in float32, images."
    )
    table.figures["scaling"] = figure
    return table


def _costs(sweep: Sweep) -> list[float]:
    """CPU microseconds a sample, value by value."""
    return [statistics.median(times) * 1e6 for times in rounds_of(sweep, sweep.values)]


def rounds_of(sweep: Sweep, values: Sequence[float]) -> list[list[float]]:
    """CPU seconds a sample, round by round, of each value; the values take turns."""
    works = [sweep.work(value) for value in values]
    for work in works:
        work()
    spent: list[list[float]] = [[] for _ in works]
    for _repeat in range(REPEATS):
        for times, work in zip(spent, works, strict=True):
            start = time.process_time()
            samples = work()
            times.append((time.process_time() - start) / samples)
    return spent
