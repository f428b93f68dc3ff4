"""Net A, 1024 recurrent neurons, in inference: steps a CPU-second beside those of other tools."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.nets import A_NEURONS, chip_of, net_a
from benchmarks.table import Table
from neurochip.chip import COUNTED_EVENTS, Chip
from neurochip.data import Split

STEPS, REPEATS = 20_000, 7
MUST, AIM = 50_000, 130_000
#: Steps a CPU-second of other simulators with this network, as measured once on another machine of
#: two cores.
PEERS = {
    "SANA-FE 2.2.9, simple / detailed / cycle": "2,704 / 2,411 / 2.7",
    "NengoLoihi's emulator": "1,095 to 1,522",
    "Lava, fixed_pt": "278",
    "XyloSim": "2,861",
    "a plain loop over numpy's integers": "14,000 to 19,000",
    "a plain numba kernel with counters": "134,000",
}


def measure(_: str | None) -> Table:
    """Run net A for a while, with events, energy and analytic time."""
    table = Table(f"Net A in inference, {STEPS:,} steps", ("simulator", "steps a CPU-second"))
    speeds, events = measured()
    table.add(
        "neurochip, counters, energy and analytic time on", f"{statistics.median(speeds):,.0f}"
    )
    for name, speed in PEERS.items():
        table.add(name, speed)
    table.notes.append(
        f"It must reach {MUST:,} and aims at {AIM:,}; median of {REPEATS} runs. In a step "
        f"{events['spikes_out']:.1f} neurons fire ({events['spikes_out'] / A_NEURONS:.1%}), which "
        f"drives {events['synaptic_ops']:,.0f} synapses. The other tools' figures were measured "
        "once, on another machine of two cores: read them as orders of magnitude. "
        "`benchmarks nengo_loihi`, `sanafe` and `brian2loihi` run three of them beside ours."
    )
    return table


def measured() -> tuple[list[float], dict[str, float]]:
    """Steps a CPU-second, run by run, and the events of a step."""
    chip = chip_of(*net_a(STEPS))
    silent = Split(np.zeros((1, 1), np.uint8), np.zeros(1, np.int64))
    counters = chip.evaluate(silent).counters.sum(axis=0)[0] / STEPS
    speeds = [STEPS / _seconds(chip, silent) for _ in range(REPEATS)]
    return speeds, dict(zip(COUNTED_EVENTS, counters.tolist(), strict=True))


def _seconds(chip: Chip, data: Split) -> float:
    start = time.process_time()
    chip.evaluate(data).account.energy()
    return time.process_time() - start
