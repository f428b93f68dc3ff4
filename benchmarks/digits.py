"""Accuracy on digits: the chip's modes and the float reference, same seeds, final epoch."""

from __future__ import annotations

import numpy as np

from benchmarks.table import Table
from neurochip import experiment
from neurochip.chip.order import shuffled
from neurochip.config import RunConfig, make
from neurochip.data import Dataset
from neurochip.reference import Trainer

SEEDS = range(5)
MODES: dict[str, dict[str, object]] = {
    "O, 8 bits stochastic": {},
    "A, 16-bit accumulator": {"update": "accumulate"},
    "O, 16-bit shadow, nearest": {"shadow_bits": 16, "rounding": "nearest"},
    "last step only, 8 bits stochastic": {"update": "last"},
}


def measure(_: str | None) -> Table:
    """Train every mode and the float reference with every seed."""
    table = Table(
        "Digits, 64-128-10, T = 8, 15 epochs: test accuracy after the final epoch",
        ("learner", "mean %", "deviation", "seeds 0-4, %", "must"),
    )
    data = experiment.load_data(make({}))
    for name, options in MODES.items():
        scores = [_chip(make({**options, "seed": seed}), data) for seed in SEEDS]
        _add(table, f"chip: {name}", scores, ">= 97.5" if "last" not in name else "-")
    scores = [_float(make({"seed": seed}), data) for seed in SEEDS]
    _add(table, "float64 reference, OTTT-O, batch 1", scores, "chip O within 0.5")
    table.notes.append(
        "The float reference has the chip's initial weights, order of samples, surrogate, inputs "
        "and rates, and no rounding. The rate and the gains were chosen on a validation split of "
        "the training samples; a first sweep over the rate had been scored on the test set, so a "
        "few tenths may be optimistic."
    )
    return table


def _add(table: Table, name: str, scores: list[float], must: str) -> None:
    percent = 100 * np.array(scores)
    each = " ".join(f"{score:.1f}" for score in percent)
    table.add(name, f"{percent.mean():.2f}", f"{percent.std(ddof=1):.2f}", each, must)


def _chip(config: RunConfig, data: Dataset) -> float:
    run = experiment.build(config, data)
    experiment.learn(run, data, config.epochs, None)
    return run.history[-1].test_accuracy


def _float(config: RunConfig, data: Dataset) -> float:
    """OTTT-O in float64, batch 1, plain SGD, at the rates that the chip would use."""
    run = experiment.build(config, data)
    chip = run.chip
    shifts = chip.choose_rates(chip.encode(data.train.x))
    x = chip.encode(data.train.x)[:, 0] * 2.0**-chip.formats.input_fraction
    trainer = Trainer(chip.network, chip.initial, chip.rule, 1.0)
    for epoch in range(config.epochs):
        halvings = sum(epoch >= at for at in chip.rule.halve_at)
        # The float loss is a mean over T steps; the chip's update is not divided by T.
        trainer.lr = [chip.network.timesteps * 2.0 ** -(m + halvings) for m in shifts]
        for sample in shuffled(len(x), chip.seed, epoch):
            trainer.learn_batch(x[sample : sample + 1], data.train.y[sample : sample + 1])
    test = chip.encode(data.test.x)[:, 0] * 2.0**-chip.formats.input_fraction
    return float(np.mean(trainer.predict(test) == data.test.y))
