"""Learning speed against torch: the chip one sample at a time, torch by hand and by autograd."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.sources import mnist_path
from benchmarks.table import Table
from neurochip import experiment
from neurochip.config import make
from neurochip.data import Split

#: Measurements of each learner; the two of a pair take turns.
ROUNDS = 9
#: Samples of the chip in one measurement.
BLOCK = 2000
#: Samples that the chip has learned before: errors are then those of the middle of an epoch.
BEFORE = 4000
#: Share of MNIST's pixels that are not black, and their mean.
LIT, BRIGHTNESS = 0.19, 0.69
#: learner, batch, iterations of torch in one measurement, must, aim.
PEERS = (
    ("hand", 1, 150, 25, 50),
    ("autograd", 1, 60, 100, 150),
    ("published", 1, 60, 100, 150),
    ("hand", 128, 12, 4, 8),
    ("autograd", 128, 12, 4, 8),
)
HEADER = ("torch, us", "chip, us", "ratio (quartiles)")
#: What the chip learns. Torch takes the same time whatever it is shown.
MNIST, RANDOM = KINDS = ("MNIST", "random")
SKIPS = (
    f"MNIST: the first epoch from sample {BEFORE:,} on. Steps without an error change nothing, and "
    "the chip skips their update; torch does all of them. Random: pictures as bright and labels "
    "drawn, as torch is shown, so that every step has an error and nothing is skipped."
)
#: Iterations by learner and batch.
ITERATIONS = {(learner, batch): iterations for learner, batch, iterations, _, _ in PEERS}


def measure(mnist: str | None) -> Table:
    """Ratios of CPU seconds a sample, torch over the chip, in turns."""
    table = Table(
        "Learning on-line, 784-800-10, T = 6, one thread each: CPU time a sample",
        ("torch", "batch", "the chip's samples", *HEADER, "must", "aim"),
    )
    try:
        peer = Peer("torch", "torch_ottt")
    except PeerMissingError as missing:
        table.add(f"not installed: {missing}", *["-"] * (len(table.header) - 1))
        return table
    with peer as torch:
        for learner, batch, iterations, must, aim in PEERS:
            for kind in KINDS:
                learn = chip_learner(mnist, kind)
                pairs = in_turns(torch, learn, learner, batch, iterations)
                table.add(learner, batch, kind, *_summary(pairs), f">= {must}", f">= {aim}")
        table.notes.append(
            f"torch {torch.version}; OTTT-O on Bernoulli spikes with a traced input, scripts in "
            f"benchmarks/peers. Medians of {ROUNDS - 1} rounds in which the two take turns, a new "
            "chip in every row, at batch 1, with 8-bit weights, stochastic rounding and counters."
        )
        table.notes.append(SKIPS)
    return table


def in_turns(
    torch: Peer, learn: Callable[[], float], learner: str, batch: int, iterations: int
) -> list[tuple[float, float]]:
    """CPU seconds a sample of torch and of the chip, round by round; the first warms both up."""
    pairs = []
    for _ in range(ROUNDS):
        answer = torch.ask(learner=learner, batch=batch, iterations=iterations)
        pairs.append((answer["seconds"] / (batch * iterations), learn()))
    return pairs[1:]


def seconds_of(work: Callable[[], object]) -> float:
    """CPU seconds of something."""
    start = time.process_time()
    work()
    return time.process_time() - start


def chip_learner(mnist: str | None, kind: str = MNIST) -> Callable[[], float]:
    """A function that learns the next block and returns its CPU seconds a sample."""
    data = experiment.load_data(make({"data": mnist_path(mnist)}))
    options = make({"hidden": (800,), "timesteps": 6, "encoding": "bernoulli"})
    chip = experiment.build(options, data).chip
    train = data.train if kind == MNIST else _random()
    chip.learn(train[:BEFORE], 1)
    position = BEFORE

    def learn() -> float:
        nonlocal position
        block = train[position : position + BLOCK]
        position += BLOCK
        if position + BLOCK > len(train):
            position = 0
        return seconds_of(lambda: chip.learn(block, 1)) / len(block)

    return learn


def _random() -> Split:
    """Pictures and labels as benchmarks/peers/torch_ottt.py draws them."""
    rng, n = np.random.default_rng(0), BEFORE + ROUNDS * BLOCK
    return Split((rng.random((n, 784)) < LIT) * BRIGHTNESS, rng.integers(10, size=n))


def _summary(pairs: list[tuple[float, float]]) -> tuple[str, str, str]:
    theirs, ours = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4)
    return f"{theirs:,.0f}", f"{ours:,.1f}", f"{middle:.1f} ({low:.1f} to {high:.1f})"
