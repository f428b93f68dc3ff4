"""What an iteration of training off the chip costs, and the same in torch where there is a peer."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.peers.process import Peer
from benchmarks.table import Table
from neurochip.network import Network, initialise, presets
from neurochip.reference import Trainer
from neurochip.reference.optimisers import AdamW
from neurochip.rules import BPTT, OTTT, TET, TSSLBP, Rule, Surrogate

ROUNDS, ITERATIONS = 9, 4
#: Variable that gives numpy one thread; it is read when numpy is imported.
THREADS = "OPENBLAS_NUM_THREADS"
#: Share of MNIST's pixels that are not black, and their mean.
LIT, BRIGHTNESS = 0.19, 0.69
SIGMOID = Surrogate("sigmoid")
AT_ONCE = OTTT("accumulate", SIGMOID)
DENSE = Network.mlp([784, 800, 10], timesteps=6)
TEXT = "15C5-P2-40C5-P2-300"
CONV = Network.conv(TEXT, (1, 28, 28), 10, timesteps=6)
FILTERED = presets.tssl(TEXT, (1, 28, 28), 10, timesteps=6)


@dataclass(frozen=True)
class Work:
    """One kind of iteration; `peer` is torch's learner that does the like."""

    name: str
    network: Network
    rule: Rule
    batch: int
    are_spikes: bool
    must: str
    peer: str | None = None


WORK = (
    Work("784-800-10, OTTT-A, images", DENSE, AT_ONCE, 128, False, ">= 3x", "hand-images"),
    Work("784-800-10, OTTT-A, images", DENSE, AT_ONCE, 128, False, ">= 4x", "autograd-images"),
    Work("784-800-10, OTTT-A, spikes", DENSE, AT_ONCE, 128, True, ">= 3x", "hand-spikes"),
    Work("784-800-10, OTTT-A, spikes", DENSE, AT_ONCE, 128, True, ">= 4x", "autograd-spikes"),
    Work(f"{TEXT}-10, OTTT-A, images", CONV, AT_ONCE, 64, False, ">= 1.5x", "autograd-conv"),
    Work(f"{TEXT}-10, BPTT, images", CONV, BPTT(SIGMOID), 64, False, "-"),
    Work(f"{TEXT}-10, TET, images", CONV, TET(), 64, False, "-"),
    Work(f"{TEXT}-10, TSSL-BP, images", FILTERED, TSSLBP("count"), 64, False, "<= 200 ms"),
)


def measure(mnist: str | None) -> Table:
    """CPU milliseconds an iteration, in turns with torch."""
    check_threads()
    table = Table(
        "Training off the chip, T = 6, float32, one thread each: CPU ms an iteration",
        ("work", "batch", "neurochip, ms", "torch", "torch, ms", "ratio", "must"),
    )
    with Peer("torch", "torch_ottt") as torch:
        for work in WORK:
            rounds = in_turns(work, torch)
            ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
            cells = ["-", "-", "-"]
            if work.peer is not None:
                cells = [work.peer, f"{theirs:.1f}", f"{theirs / ours:.1f}"]
            table.add(work.name, work.batch, f"{ours:.1f}", *cells, work.must)
        table.notes.append(
            f"torch {torch.version}, scripts in benchmarks/peers; the first current of an image, "
            f"and its gradient, are computed once a batch by both. Spikes are drawn "
            f"beforehand by both. Medians of {ROUNDS - 1} rounds in which the two take "
            f"turns. {THREADS}=1. TSSL-BP's published code takes 640 ms on two "
            f"threads."
        )
    return table


def check_threads() -> None:
    """Both sides have one thread."""
    if os.environ.get(THREADS) != "1":
        raise SystemExit(f"both sides have one thread here: set {THREADS}=1 and run it again")


def in_turns(work: Work, torch: Peer) -> list[tuple[float, float]]:
    """CPU milliseconds an iteration, ours and torch's, round by round; the first warms both up."""
    learn = _learner(work)
    return [_round(learn, torch, work) for _ in range(ROUNDS)][1:]


def _round(learn: Callable[[], float], torch: Peer, work: Work) -> tuple[float, float]:
    if work.peer is None:
        return learn(), 0.0
    answer = torch.ask(learner=work.peer, batch=work.batch, iterations=ITERATIONS)
    return learn(), 1e3 * answer["seconds"] / ITERATIONS


def _learner(work: Work) -> Callable[[], float]:
    """A function that learns some batches and gives CPU milliseconds a batch."""
    options: dict[str, Any] = {"lr": 0.01}
    if isinstance(work.rule, TSSLBP):
        options = {"lr": 5e-4, "optimiser": AdamW(), "clip_norm": 1.0, "clamp": 4.0}
    params = initialise(work.network, 0)
    trainer = Trainer(work.network, params, work.rule, dtype=np.float32, **options)
    rng = np.random.default_rng(0)

    def learn() -> float:
        shape = (ITERATIONS, work.batch, *work.network.in_shape)
        images = ((rng.random(shape) < LIT) * BRIGHTNESS).astype(np.float32)
        y = rng.integers(0, 10, shape[:2])
        shown = [_shown(image, work, rng) for image in images]
        start = time.process_time()
        for x, labels in zip(shown, y, strict=True):
            trainer.learn_batch(x, labels)
        return 1e3 * (time.process_time() - start) / ITERATIONS

    return learn


def _shown(image: np.ndarray, work: Work, rng: np.random.Generator) -> np.ndarray:
    if not work.are_spikes:
        return image
    return (rng.random((work.network.timesteps, *image.shape)) < image).astype(np.uint8)
