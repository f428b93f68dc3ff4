"""Small runs to draw."""

from __future__ import annotations

from dataclasses import dataclass

from neurochip import experiment
from neurochip.config import make
from neurochip.data import Dataset


@dataclass(frozen=True)
class Case:
    """A run and its data."""

    run: experiment.Run
    data: Dataset


def learned(epochs: int, **options: object) -> Case:
    config = make({"train_samples": 160, "test_samples": 40, "hidden": (24,), **options})
    data = experiment.load_data(config)
    run = experiment.build(config, data)
    if epochs:
        experiment.learn(run, data, epochs, None)
    return Case(run, data)
