"""A convolutional network that learns MNIST on the chip: accuracy by epoch, and speed."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.sources import mnist_path
from benchmarks.table import Table
from neurochip import experiment
from neurochip.chip import Chip
from neurochip.config import make
from neurochip.data import Split

NETWORK = "15C5-P2-40C5-P2-300"
TIMESTEPS = 6
EPOCHS = 5
#: 40 %, 60 % and 80 % of the epochs.
HALVE_AT = (2, 3, 4)
RUNS = Path(__file__).with_name("runs")
#: Samples that are learned, or shown, in one measurement of speed.
BLOCK = 1000
REPEATS = 5
#: Samples of torch in one measurement.
TORCH_SAMPLES = 60
ROWS: dict[str, tuple[dict[str, object], str]] = {
    "OTTT-O, 8 bits stochastic": ({}, ">= 98.5"),
    "OTTT-A, 16-bit accumulator": ({"update": "accumulate"}, "-"),
    "last step only, 8 bits stochastic": ({"update": "last"}, "-"),
}


def measure(mnist: str | None) -> Table:
    """Train each row to its last epoch, going on from where an earlier call was ended."""
    table = Table(
        f"MNIST, {NETWORK}-10, T = {TIMESTEPS}, batch 1, graded input, seed 0",
        (
            "learner",
            *(f"epoch {number + 1}, %" for number in range(EPOCHS)),
            "must, final",
            "learning, us a step",
            "samples/s",
            "inference, us a step",
        ),
    )
    RUNS.mkdir(exist_ok=True)
    for name, (options, must) in ROWS.items():
        row = {"data": mnist_path(mnist), **options}
        learning, inference = _seconds(row)
        table.add(
            name,
            *(f"{accuracy:.2f}" for accuracy in _accuracies(name, row)),
            must,
            f"{1e6 * learning / TIMESTEPS:.0f}",
            f"{1 / learning:,.0f}",
            f"{1e6 * inference / TIMESTEPS:.0f}",
        )
    table.notes.append(_against_torch(mnist))
    table.notes.append(
        "Test accuracy, no augmentation; rates are the chip's own choice, halved at "
        f"{', '.join(map(str, HALVE_AT))} epochs; their numerator was chosen with the last 10,000 "
        f"training samples as validation. Speed: CPU time, medians of {REPEATS} blocks of "
        f"{BLOCK} samples from a new chip."
    )
    return table


def _against_torch(mnist: str | None) -> str:
    """Learning on-line at batch 1, in turns with torch's autograd."""
    try:
        peer = Peer("torch", "torch_ottt")
    except PeerMissingError as missing:
        return f"Against torch: not installed: {missing}"
    with peer as torch:
        ratios = [theirs / ours for theirs, ours in in_turns(mnist, torch)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return (
        f"OTTT-O at batch 1 by torch {torch.version}'s autograd takes {middle:.0f} times the CPU "
        f"time of the chip (quartiles {low:.1f}, {high:.1f}; must: 8)."
    )


def in_turns(mnist: str | None, torch: Peer) -> list[tuple[float, float]]:
    """CPU seconds a sample, torch's and the chip's, round by round; the first warms both up."""
    config = make(_config({"data": mnist_path(mnist)}))
    data = experiment.load_data(config)
    chip = experiment.build(config, data).chip
    chip.learn(data.train.take(8), 1)
    pairs = []
    for number in range(REPEATS + 1):
        answer = torch.ask(learner="autograd-conv-online", batch=1, iterations=TORCH_SAMPLES)
        block = data.train[slice(number * BLOCK, (number + 1) * BLOCK)]
        pairs.append((answer["seconds"] / TORCH_SAMPLES, _seconds_of(chip, block, learns=True)))
    return pairs[1:]


def _config(options: dict[str, object]) -> dict[str, object]:
    return {"conv": NETWORK, "timesteps": TIMESTEPS, "halve_at": HALVE_AT, **options}


def _accuracies(name: str, options: dict[str, object]) -> list[float]:
    path = RUNS / f"convolution-{name.replace(',', '').replace(' ', '-')}.h5"
    config = make(_config(options))
    data = experiment.load_data(config)
    run = experiment.load_run(path) if path.exists() else experiment.build(config, data)
    if run.chip.epoch < EPOCHS:
        experiment.learn(run, data, EPOCHS - run.chip.epoch, path)
    return [100 * entry.test_accuracy for entry in run.history]


def _seconds(options: dict[str, object]) -> tuple[float, float]:
    """CPU seconds a sample of learning and of inference."""
    config = make(_config(options))
    data = experiment.load_data(config)
    chip = experiment.build(config, data).chip
    chip.learn(data.train.take(8), 1)
    chip = experiment.build(config, data).chip
    blocks = [data.train[slice(i * BLOCK, (i + 1) * BLOCK)] for i in range(REPEATS)]
    learning = [_seconds_of(chip, block, learns=True) for block in blocks]
    inference = [_seconds_of(chip, block, learns=False) for block in blocks]
    return statistics.median(learning), statistics.median(inference)


def _seconds_of(chip: Chip, block: Split, *, learns: bool) -> float:
    start = time.process_time()
    if learns:
        chip.learn(block, 1)
    else:
        chip.predict(block.x)
    return (time.process_time() - start) / len(block)
