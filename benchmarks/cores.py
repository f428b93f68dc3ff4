"""What cores cost: inference of the same network on each of 4 to 64, and learning on sixteen."""

from __future__ import annotations

import statistics
import time

import numpy as np

import neurochip as nc
from benchmarks.nets import A_LAM, A_THRESHOLD
from benchmarks.table import Table
from neurochip.chip import COUNTED_EVENTS
from neurochip.data import Split
from neurochip.network import LIF, Feedback, Network, Parameters, Sparse
from neurochip.rules import OTTT

#: Neurons of a core and synapses of each, all to neurons of the same core.
CORES, PER_CORE, EACH = (4, 8, 16, 32, 64), 256, 26
LARGEST_WEIGHT, LARGEST_BIAS = 8, 7
STEPS, REPEATS = 2_000, 9
LINEAR = 0.15
#: Learning: hidden neurons a core, so that both layers take sixteen cores.
SIZES, TIMESTEPS, HIDDEN_PER_CORE = (784, 800, 10), 6, 54
SAMPLES, INPUT_DENSITY, MUST = 1_000, 0.19, 2.0
SILENCE = Split(np.zeros((1, 1), np.uint8), np.zeros(1, np.int64))


def measure(_: str | None) -> Table:
    """Measure both, events and analytic time counted."""
    table = Table("What cores cost", ("what", "cores", "measured", "must"))
    chips = {n: _alike(n) for n in CORES}
    for chip in chips.values():
        chip.evaluate(SILENCE)
    times: dict[int, list[float]] = {n: [] for n in CORES}
    for _repeat in range(REPEATS):
        for n, chip in chips.items():
            times[n].append(_inference_seconds(chip) / STEPS / n)
    costs = {n: statistics.median(own) for n, own in times.items()}
    mean = statistics.mean(costs.values())
    for n, seconds in costs.items():
        table.add("a step of inference, us a core", n, f"{seconds * 1e6:.3f}", "")
    furthest = max(abs(seconds / mean - 1) for seconds in costs.values())
    most = f"{LINEAR:.0%}"
    table.add("furthest from their mean", f"{CORES[0]} to {CORES[-1]}", f"{furthest:.0%}", most)
    speed, cores = _updates_a_second()
    table.add("learning, G weight updates a CPU-second", cores, f"{speed:.2f}", f"{MUST:.1f}")
    table.notes.append(
        f"Counters, energy and analytic time on. Inference: {PER_CORE} neurons a core, each with "
        f"{EACH} synapses to neurons of the same core, biases that drive them. Learning: "
        f"{'-'.join(map(str, SIZES))}, 8-bit weights, OTTT-O, Bernoulli spikes of random pictures "
        f"of which {INPUT_DENSITY:.0%} of the pixels aren't 0."
    )
    return table


def _alike(cores: int) -> nc.Chip:
    """The same network on each core."""
    rng = np.random.default_rng(0)
    chosen = [rng.choice(PER_CORE, EACH, replace=False) for _ in range(PER_CORE)]
    within = np.sort(np.stack(chosen), axis=1)
    firsts = np.repeat(np.arange(cores) * PER_CORE, PER_CORE)
    targets = np.tile(within, (cores, 1)) + firsts[:, np.newaxis]
    n = cores * PER_CORE
    offsets = np.arange(n + 1) * EACH
    back = Sparse(n, n, offsets, targets.ravel().astype(np.int32), bias=False)
    weights = rng.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1, within.size)
    bias = rng.integers(1, LARGEST_BIAS + 1, PER_CORE).astype(np.float64)
    lif = LIF(A_LAM, A_THRESHOLD, "hard", 0.0, ">")
    layers = (Sparse.between([], [], 1, n), lif)
    network = Network(layers, STEPS, feedback=(Feedback(1, 0, (back,)),))
    parameters = Parameters(
        (np.zeros(0), np.tile(weights.astype(np.float64), cores)),
        (np.tile(bias, cores), np.zeros(n)),
    )
    return nc.Chip(
        network,
        "loihi",
        parameters=parameters,
        encoding="spikes",
        neurons_per_core=PER_CORE,
    )


def _inference_seconds(chip: nc.Chip) -> float:
    start = time.process_time()
    chip.evaluate(SILENCE).account.energy()
    return time.process_time() - start


def _updates_a_second() -> tuple[float, int]:
    """G weight updates a CPU-second, and on how many cores."""
    network = Network.mlp(SIZES, TIMESTEPS)
    rule = OTTT("online")
    chip = nc.Chip(network, rule=rule, encoding="bernoulli", neurons_per_core=HIDDEN_PER_CORE)
    rng = np.random.default_rng(0)
    shape = (SAMPLES, SIZES[0])
    x = rng.random(shape) * (rng.random(shape) < INPUT_DENSITY)
    data = Split(x, rng.integers(SIZES[-1], size=SAMPLES))
    chip.learn(data[:10])
    speeds = []
    for _repeat in range(REPEATS):
        start = time.process_time()
        (record,) = chip.learn(data)
        seconds = time.process_time() - start
        updates = record.counters[..., COUNTED_EVENTS.index("weight_updates")].sum()
        speeds.append(updates / seconds / 1e9)
    return statistics.median(speeds), int(np.unique(chip.map.core).size)
