"""Net B, 784-800-10 with a tenth of its inputs spiking, in inference: steps a CPU-second."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import numpy as np

from benchmarks.nets import B_DENSITY, chip_of, net_b
from benchmarks.table import Table
from neurochip.chip import Chip, Result
from neurochip.chip.energy import Amount
from neurochip.data import Split

TIMESTEPS, SAMPLES, REPEATS, MUST, AIM = 100, 200, 15, 100_000, 250_000
STEPS = SAMPLES * TIMESTEPS


def measure(_given: str | None) -> Table:
    """Run net B for a while, with events, energy and analytic time."""
    table = Table(f"Net B in inference, {STEPS:,} steps", ("what", "measured", "must"))
    speeds, result = measured()
    told = result.account
    table.add(
        "steps a CPU-second, counters, energy and analytic time on",
        f"{statistics.median(speeds):,.0f}",
        f"{MUST:,}",
    )
    table.add("cores", told.cores, "")
    table.add("energy of a step's events", _of_a_step(told.energy()), "")
    table.add("time of a step", _of_a_step(told.inference_time), "")
    table.notes.append(
        f"Median of {REPEATS} runs; {B_DENSITY:.0%} of the inputs spike in a step. Energy and time "
        "are those of the chip `loihi`, and name what its sources don't tell."
    )
    return table


def measured() -> tuple[list[float], Result]:
    """Steps a CPU-second, run by run, and what one run tells."""
    network, parameters, _ = net_b(TIMESTEPS)
    spikes = np.random.default_rng(0).random((SAMPLES, network.n_in)) < B_DENSITY
    chip = chip_of(network, parameters)
    data = Split(spikes.astype(np.float64), np.zeros(SAMPLES, np.int64))
    result = chip.evaluate(data)
    return [STEPS / _seconds(chip, data) for _ in range(REPEATS)], result


def _of_a_step(amount: Amount) -> Amount:
    return replace(amount, known=amount.known / TIMESTEPS)


def _seconds(chip: Chip, data: Split) -> float:
    start = time.process_time()
    told = chip.evaluate(data).account
    told.energy()
    return time.process_time() - start
