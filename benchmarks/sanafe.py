"""Spikes, energy and time of one mapped network here and in SANA-FE: net A on 128 cores."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import neurochip as nc
from benchmarks.nets import A_NEURONS, net_a
from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.table import Table
from neurochip.chip.account import INFERENCE
from neurochip.data import Split
from neurochip.deploy import sanafe
from neurochip.hardware import cost_table

STEPS = 200
#: Net A lies on all 32 tiles of 4 cores.
PER_CORE, CORES, HARDWARE = 8, 128, "loihi_calibrated"
TIMINGS = ("simple", "detailed", "cycle")
#: SANA-FE's model that ours are held against.
REFERENCE = "SANA-FE detailed"
SILENT = Split(np.zeros((1, 1)), np.zeros(1, np.int64))


@dataclass
class Run:
    """What one simulator says: spikes by step, joules, seconds of each step, steps a CPU-second."""

    spikes: list[list[int]]
    joules: float
    times: NDArray[np.float64]
    speed: float


def measure(_: str | None) -> Table:
    """Run net A here and, where it's installed, in SANA-FE under its three timing models."""
    table = Table(
        f"Net A, {A_NEURONS} neurons on {CORES} cores, {STEPS} steps, here and in SANA-FE",
        (
            "simulator",
            "spikes",
            "differing",
            "energy, nJ",
            "time, us",
            "to SANA-FE detailed",
            "less barriers, us",
            "to SANA-FE detailed",
            "largest difference of a step to SANA-FE cycle",
            "steps/CPU-s",
        ),
    )
    chip = chip_of(STEPS)
    runs = {f"neurochip {name}": run for name, run in ours(chip).items()}
    try:
        with Peer("sanafe", "sanafe_chip") as peer:
            runs |= {f"SANA-FE {timing}": theirs(peer, chip, timing) for timing in TIMINGS}
            table.notes.append(f"SANA-FE {peer.version}, its network and costs exported from ours.")
        absent: list[str] = []
    except PeerMissingError as missing:
        absent = [f"not installed: {missing}", *["-"] * (len(table.header) - 2)]
    for name, run in runs.items():
        table.add(name, *_facts(run, runs, barriers(chip)))
    if absent:
        table.add("SANA-FE", *absent)
    table.notes += [
        "Differing: (step, neuron) pairs whose spikes differ from ours. A step's time includes the "
        "barrier of 1.8 us. Energy, `analytic` and `cycle` are those of a chip's account, "
        "`chip.costs`, or of its steps. Energy is counted alike: what is left is rounding.",
        "Time, from the least to the most: `simple` is the slowest pipeline of all cores, sending "
        "or reading. `analytic` adds the way of the first message to each core that reads, and "
        "stays a bound: no message waits. Both `cycle` route message by message; `detailed` "
        "estimates contention from the messages under way, and comes to more than SANA-FE's own "
        "routing.",
        "Speed: all that a step takes; 1,000 steps a CPU-second under `cycle` are asked for. "
        "`analytic` counts inside the kernels, in a longer run; "
        "`cycle` looks at the network step by step and routes each message. SANA-FE's times under "
        "`detailed` and `cycle` vary by about 1 % between loads of the same network within one "
        "process. The time that a message keeps a link busy is that of SANA-FE's network "
        "simulator, whose settings (src/schedule.hpp) are packets of one flit and a clock of 1 ns; "
        "`loihi_calibrated` has it from there. But it was first chosen among 12 settings of links "
        "with SANA-FE's answers in view and traced to those settings afterwards, so the times show "
        "that the model can match, not that it predicts.",
    ]
    return table


def _facts(run: Run, runs: dict[str, Run], barriers: float) -> list[str]:
    own = runs["neurochip cycle"].spikes
    differing = sum(len(set(a) ^ set(b)) for a, b in zip(own, run.spikes, strict=True))
    routed, detailed = runs.get("SANA-FE cycle"), runs.get(REFERENCE)
    off = "-" if routed is None else f"{np.abs(run.times / routed.times - 1).max():.1%}"
    total, spikes = run.times.sum(), sum(len(step) for step in run.spikes)
    cells = [f"{spikes:,}", str(differing), f"{run.joules * 1e9:,.2f}"]
    for taken in (0.0, barriers):
        share = "-"
        if detailed is not None:
            share = f"{(total - taken) / (detailed.times.sum() - taken) - 1:+.1%}"
        cells += [f"{(total - taken) * 1e6:,.2f}", share]
    return [*cells, off, f"{run.speed:,.1f}"]


def chip_of(steps: int) -> nc.Chip:
    """Net A on the chip, which nothing drives but its biases."""
    net, parameters = net_a(steps)
    return nc.Chip(
        net, HARDWARE, encoding="spikes", parameters=parameters, neurons_per_core=PER_CORE
    )


def barriers(chip: nc.Chip) -> float:
    """Seconds of the barriers of all steps."""
    return float(cost_table(chip.hardware).barrier[chip.map.n_tiles]) * STEPS * 1e-9


def ours(chip: nc.Chip) -> dict[str, Run]:
    """Both timings of this project."""
    told = chip.costs(SILENT)
    energy = told.energy(slice(INFERENCE + 1)).value
    assert energy is not None
    spikes = chip.observe(SILENT.x[0], 0).signal[1]
    fired = [np.flatnonzero(step).tolist() for step in spikes]
    routed, speed = _cycle(chip)
    return {
        "analytic": Run(fired, energy, _analytic(chip), _speed()),
        "cycle": Run(fired, energy, routed, speed),
    }


def _analytic(chip: nc.Chip) -> NDArray[np.float64]:
    """Seconds of every step."""
    chip.start(SILENT.x[0])
    times = [chip.step().duration.value for _ in range(STEPS)]
    return np.array(times, np.float64)


def _speed(steps: int = 20_000) -> float:
    """Steps a CPU-second of a long run, counters, energy and analytic time on."""
    chip = chip_of(steps)
    chip.evaluate(SILENT)  # compiles
    start = time.process_time()
    chip.evaluate(SILENT).account.energy()
    return steps / (time.process_time() - start)


def _cycle(chip: nc.Chip) -> tuple[NDArray[np.float64], float]:
    """Seconds of every step, and steps a CPU-second."""
    clock = chip.clock()
    clock.sample(SILENT.x[0], 0)  # compiles
    start = time.process_time()
    told = clock.sample(SILENT.x[0], 0)
    taken = time.process_time() - start
    return np.array([step.seconds for step in told.steps]), STEPS / taken


def theirs(peer: Peer, chip: nc.Chip, timing: str) -> Run:
    """One of SANA-FE's timing models on the same network, mapping and costs."""
    with tempfile.TemporaryDirectory() as folder:
        architecture, network, _ = sanafe.write(chip, SILENT.x[0], folder)
        answer = peer.ask(
            architecture=str(architecture),
            network=str(network),
            steps=sanafe.steps(chip),
            timing=timing,
        )
    times = np.array(answer["times"])
    return Run(answer["spikes"], answer["energy"]["total"], times, STEPS / answer["seconds"])
