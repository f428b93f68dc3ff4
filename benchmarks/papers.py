"""Accuracy of the papers' rules off the chip, on whole data sets: resumable, a file a training.

`python -m benchmarks.papers NAME...` trains some of the rows and prints no table, so that several
processes can share the work; `python -m benchmarks papers` trains what is left, then prints it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sources import cifar10, fashion_mnist, mnist, nmnist_frames
from benchmarks.table import Table
from neurochip import training
from neurochip.config import TrainConfig
from neurochip.data import Dataset, Split
from neurochip.network import Network, initialise, presets
from neurochip.reference import Epoch, Progress, Stage, fit
from neurochip.reference.optimisers import SGD, Adam, AdamW, Optimiser
from neurochip.rules import BPTT, OTTT, TET, TSSLBP, Rule
from neurochip.training import TrainEntry, Training

Floats = np.ndarray[tuple[int, ...], np.dtype[Any]]

RUNS = Path(__file__).with_name("runs")
#: Test samples that are looked at together.
TEST_BATCH = 500
SEED = 0
CNN = "15C5-P2-40C5-P2-300"
IMAGE = (1, 28, 28)
#: A quarter of the channels of OTTT's VGG; 0 is a pool.
QUARTER_VGG = (16, 32, 0, 64, 64, 0, 128, 128, 0, 128, 128)
#: Of its training images, by channel.
CIFAR_MEAN, CIFAR_DEVIATION = (0.4885, 0.4777, 0.4426), (0.2456, 0.2422, 0.2597)
#: CPU minutes of the training that is only started.
START_MINUTES = 12.0
#: Parts of the N-MNIST subset; each is the test set of one training.
FOLDS = 10


@dataclass(frozen=True)
class Job:
    """One training: all of `fit`'s options but the samples.

    Attributes:
        data: loads the samples.
        net: makes the network for T time steps.
        rule: how it learns.
        stages: T and epochs.
        lr: learning rate at the start; it falls along a cosine.
        batch: samples of an update.
        optimiser: which of the three.
        clip_norm: bound of the gradients' norm.
        clamp: bound of the weights.
        inputs: what is made of samples before the network sees them.
        minutes: of CPU time, after which no other epoch begins.
    """

    data: Callable[[], Dataset]
    net: Callable[[int], Network]
    rule: Rule
    stages: tuple[Stage, ...]
    lr: float
    batch: int
    optimiser: Optimiser
    clip_norm: float | None = None
    clamp: float | None = None
    inputs: Callable[[Floats], Floats] | None = None
    minutes: float = math.inf

    @property
    def epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)


def _tssl(
    data: Callable[[], Dataset],
    net: Callable[[int], Network],
    stage: Stage,
    batch: int,
    rule: TSSLBP | None = None,
    lr: float = 5e-4,
) -> Job:
    """TSSL-BP with its paper's optimiser (Zhang and Li, NeurIPS 2020)."""
    return Job(data, net, rule or TSSLBP(), (stage,), lr, batch, AdamW(), 1.0, 4.0)


def _tssl_net(text: str, in_shape: tuple[int, ...], padding: int = 0) -> Callable[[int], Network]:
    return lambda timesteps: presets.tssl(text, in_shape, timesteps=timesteps, padding=padding)


def _nmnist_net(timesteps: int) -> Network:
    return presets.tssl("12C5-P2-64C5-P2", (2, 34, 34), timesteps=timesteps, tau_m=8.0, tau_s=4.0)


def _cnn(timesteps: int) -> Network:
    return Network.conv(CNN, IMAGE, 10, timesteps)


def _tet_cnn(timesteps: int) -> Network:
    return Network.conv(CNN, IMAGE, 10, timesteps, neuron=presets.TET_NEURON)


def _vgg(timesteps: int) -> Network:
    return presets.vgg_sws(timesteps=timesteps, plan=QUARTER_VGG)


def _ottt(data: Callable[[], Dataset], *stages: Stage) -> Job:
    return Job(data, _cnn, OTTT("accumulate"), stages, 0.1, 64, SGD(momentum=0.9))


def _tet(data: Callable[[], Dataset], *stages: Stage) -> Job:
    return Job(data, _tet_cnn, TET(), stages, 1e-3, 64, Adam())


def _cifar(rule: Rule, lr: float) -> Job:
    """The same network, optimiser, batch, T and epochs for every rule."""
    optimiser = SGD(momentum=0.9)
    return Job(cifar10, _vgg, rule, (Stage(6, 3),), lr, 64, optimiser, inputs=_whitened)


def _whitened(x: Floats) -> Floats:
    """Pictures of CIFAR-10, each channel less its mean and by its deviation."""
    mean, deviation = (np.reshape(row, (3, 1, 1)) for row in (CIFAR_MEAN, CIFAR_DEVIATION))
    return ((x - mean) / deviation).astype(np.float32)


def _fold(number: int) -> Dataset:
    """The N-MNIST subset with every FOLDS-th sample, from ``number`` on, as the test set."""
    x, y = nmnist_frames(30)
    is_test = np.arange(len(y)) % FOLDS == number
    parts = (Split(x[where], y[where], temporal=True) for where in (~is_test, is_test))
    return Dataset("N-MNIST subset", *parts, 10)


JOBS: dict[str, Job] = {
    "mnist-tssl": _tssl(mnist, _tssl_net(CNN, IMAGE), Stage(5, 20), 50),
    "mnist-ottt": _ottt(mnist, Stage(6, 20)),
    "mnist-tet": _tet(mnist, Stage(6, 20)),
    "fashion-tssl": _tssl(fashion_mnist, _tssl_net("400-400", (784,)), Stage(5, 40), 100),
    "fashion-conv-tssl": replace(
        _tssl(fashion_mnist, _tssl_net("32C5-P2-64C5-P2-1024", IMAGE, 2), Stage(5, 20), 50),
        minutes=START_MINUTES,
    ),
    **{
        f"nmnist-fold-{number}": _tssl(
            *(lambda number=number: _fold(number), _nmnist_net, Stage(30, 8), 10),
            TSSLBP("count", desired=15.0, undesired=3.0),
            1e-3,
        )
        for number in range(FOLDS)
    },
    "cifar-ottt-a": _cifar(OTTT("accumulate", loss_lambda=0.05), 0.1),
    "cifar-ottt-o": _cifar(OTTT("online", loss_lambda=0.05), 0.02),
    "cifar-bptt": _cifar(BPTT(loss_lambda=0.05), 0.1),
    "cifar-tet": _cifar(TET(loss_lambda=0.05), 0.1),
    "fashion-tit": _tet(fashion_mnist, Stage(2, 6), Stage(6, 3)),
    "fashion-direct": _tet(fashion_mnist, Stage(6, 9)),
}

#: One line of the table: what, network, reported by the paper, must, jobs.
LINES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("MNIST, TSSL-BP", CNN, "99.53", ">= 99.2", ("mnist-tssl",)),
    ("MNIST, OTTT-A", CNN, "-", ">= 99.2", ("mnist-ottt",)),
    ("MNIST, TET", CNN, "-", ">= 99.2", ("mnist-tet",)),
    ("Fashion-MNIST, TSSL-BP", "400-400", "89.80", ">= 88.8", ("fashion-tssl",)),
    (
        *("Fashion-MNIST, TSSL-BP", "32C5-P2-64C5-P2-1024, padding 2", "92.83"),
        *("a start, >= 90", ("fashion-conv-tssl",)),
    ),
    (
        *("N-MNIST subset, TSSL-BP, 10-fold", "12C5-P2-64C5-P2", "99.40 (full set)"),
        *("measured (linear: 83)", tuple(f"nmnist-fold-{number}" for number in range(FOLDS))),
    ),
    ("CIFAR-10 (20,000), OTTT-A", "VGG-sWS / 4", "93.52 (full)", "measured", ("cifar-ottt-a",)),
    ("CIFAR-10 (20,000), OTTT-O", "VGG-sWS / 4", "93.49 (full)", "measured", ("cifar-ottt-o",)),
    ("CIFAR-10 (20,000), BPTT", "VGG-sWS / 4", "92.78 (full)", "measured", ("cifar-bptt",)),
    ("CIFAR-10 (20,000), TET", "VGG-sWS / 4", "-", "measured", ("cifar-tet",)),
    ("Fashion-MNIST, TET by TIT", CNN, "-", "as direct", ("fashion-tit",)),
    ("Fashion-MNIST, TET, direct", CNN, "-", "twice TIT's time", ("fashion-direct",)),
)


def measure(_: str | None) -> Table:
    """Train each row to its last epoch, going on from where an earlier call was ended."""
    table = Table(
        f"The papers' rules off the chip, float32, seed {SEED}: test accuracy, final epoch",
        ("work", "network", "T", "epochs", "%", "CPU min", "reported", "must"),
    )
    for work, net, reported, must, names in LINES:
        runs = [train(name) for name in names]
        stages = JOBS[names[0]].stages
        steps = ", then ".join(str(stage.timesteps) for stage in stages)
        epochs = ", then ".join(str(stage.epochs) for stage in stages)
        if (done := len(runs[0].seconds)) < JOBS[names[0]].epochs:
            epochs = f"{done} of {epochs}"
        minutes = sum(sum(run.seconds) for run in runs) / 60
        table.add(work, net, steps, epochs, _percent(runs), f"{minutes:.0f}", reported, must)
    table.notes.append(
        "No augmentation. Time: CPU minutes of training and of a test after each epoch, of all "
        "folds together. Reported: the paper's own figure, with its epochs and augmentation. "
        "CIFAR-10: the first two of five training parts; equal epochs and settings for the four "
        "rules, but OTTT-O steps six times a batch and has a smaller rate. N-MNIST's batches of "
        "10 were chosen after a first look at four folds with batches of 50."
        f" The larger network of Fashion-MNIST is started: {START_MINUTES:.0f} CPU minutes, after "
        "which the epoch at hand is the last."
    )
    return table


@dataclass(frozen=True)
class Run:
    """What a training came to: test accuracy and CPU seconds of each epoch."""

    accuracy: list[float]
    seconds: list[float]


def train(name: str, tell: Callable[[str], None] = lambda text: None) -> Run:
    """Train one job from where its file ends to its end, or until its time is up."""
    job = JOBS[name]
    RUNS.mkdir(exist_ok=True)
    path, times = RUNS / f"papers-{name}.h5", RUNS / f"papers-{name}.json"
    done = training.load(path) if path.exists() else _begun(job)
    seconds: list[float] = json.loads(times.read_text()) if path.exists() else []
    if done.progress.number < job.epochs and not _is_late(job, seconds):
        data = job.data()
        start = time.process_time()
        for epoch in _epochs(job, done, data):
            accuracy = _accuracy(job, epoch, data.test)
            seconds.append(time.process_time() - start)
            start = time.process_time()
            entry = TrainEntry(epoch.number, epoch.timesteps, epoch.rate, epoch.loss, accuracy)
            done = replace(done, progress=epoch.progress, history=(*done.history, entry))
            times.write_text(json.dumps(seconds))
            training.save(done, path)
            tell(f"{name}: epoch {epoch.number}, loss {epoch.loss:.4f}, {100 * accuracy:.2f}%")
            if _is_late(job, seconds):
                break
    return Run([100 * entry.test_accuracy for entry in done.history], seconds)


def _is_late(job: Job, seconds: list[float]) -> bool:
    return sum(seconds) >= 60 * job.minutes


def _begun(job: Job) -> Training:
    network = job.net(job.stages[-1].timesteps)
    return Training(TrainConfig(), network, Progress(0, initialise(network, SEED), ()))


def _epochs(job: Job, done: Training, data: Dataset) -> Iterator[Epoch]:
    return fit(
        done.network,
        done.progress.params,
        job.rule,
        _shaped(job, done.network, data.train),
        data.train.y,
        job.stages,
        job.lr,
        job.batch,
        optimiser=job.optimiser,
        clip_norm=job.clip_norm,
        clamp=job.clamp,
        seed=SEED,
        after=done.progress if done.progress.number else None,
    )


def _accuracy(job: Job, epoch: Epoch, test: Split) -> float:
    samples = _shaped(job, epoch.network, test)
    right = 0
    for start in range(0, len(test), TEST_BATCH):
        part = samples[start : start + TEST_BATCH]
        guesses = epoch.trainer.predict(np.moveaxis(part, 1, 0) if test.temporal else part)
        right += int(np.sum(guesses == test.y[start : start + TEST_BATCH]))
    return right / len(test)


def _shaped(job: Job, network: Network, split: Split) -> Floats:
    lead = split.x.shape[: 2 if split.temporal else 1]
    x = split.x.reshape(*lead, *network.in_shape)
    return job.inputs(x) if job.inputs else x


def _percent(runs: list[Run]) -> str:
    final = [run.accuracy[-1] for run in runs]
    if len(final) == 1:
        return f"{final[0]:.2f}"
    return f"{statistics.mean(final):.2f} +- {statistics.stdev(final):.2f}"


def main() -> int:
    """Train the named rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.papers", description=__doc__)
    parser.add_argument("names", nargs="+", choices=tuple(JOBS), metavar="NAME")
    for name in parser.parse_args().names:
        train(name, tell=lambda text: print(text, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
