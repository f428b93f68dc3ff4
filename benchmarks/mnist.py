"""Accuracy on MNIST, 784-800-10, T = 6: resumable, one run file a row in benchmarks/runs/."""

from __future__ import annotations

from pathlib import Path

from benchmarks.sources import mnist_path
from benchmarks.table import Table
from neurochip import experiment
from neurochip.config import make

EPOCHS = 8
#: 60 % and 85 % of the epochs.
HALVE_AT = (5, 7)
RUNS = Path(__file__).with_name("runs")
ROWS: dict[str, tuple[dict[str, object], str]] = {
    "graded, 8 bits stochastic": ({}, ">= 97.0"),
    "graded, 16-bit shadow, nearest": ({"shadow_bits": 16, "rounding": "nearest"}, ">= 97.5"),
    "bernoulli spikes, 8 bits stochastic": ({"encoding": "bernoulli"}, ">= 97.0"),
}


def measure(mnist: str | None) -> Table:
    """Train each row to its last epoch, going on from where an earlier call was ended."""
    table = Table(
        f"MNIST, 784-800-10, T = 6, OTTT-O, {EPOCHS} epochs, seed 0: test accuracy",
        ("learner", "after 1 epoch %", "final epoch %", "must (1 epoch: >= 95.0)"),
    )
    RUNS.mkdir(exist_ok=True)
    for name, (options, must) in ROWS.items():
        history = _accuracies(name, {"data": mnist_path(mnist), **options})
        table.add(f"chip: {name}", f"{history[0]:.2f}", f"{history[-1]:.2f}", must)
    table.notes.append("No augmentation; the whole test set; the final epoch, not the best one.")
    return table


def _accuracies(name: str, options: dict[str, object]) -> list[float]:
    path = RUNS / f"mnist-{name.replace(',', '').replace(' ', '-')}.h5"
    config = make({"hidden": (800,), "timesteps": 6, "halve_at": HALVE_AT, **options})
    data = experiment.load_data(config)
    run = experiment.load_run(path) if path.exists() else experiment.build(config, data)
    if run.chip.epoch < EPOCHS:
        experiment.learn(run, data, EPOCHS - run.chip.epoch, path)
    return [100 * entry.test_accuracy for entry in run.history]
