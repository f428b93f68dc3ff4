"""Objectives: each number by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.study.objectives import OBJECTIVES, available
from neurochip.study.work import Bench, Unit
from tests.study.small import small


def measured(name: str, workflow: str = "chip", **options: Any) -> tuple[float, Any]:
    run = {"epochs": 1, "train_samples": 80, "hidden": [8], "timesteps": 4, **options}
    knobs = {"weight_bits": [6]}
    spec = small(objectives=[name], run=run, knobs=knobs, workflow=workflow)
    trained = Bench(spec).chip_of(Unit({"weight_bits": 6}, 0))
    return OBJECTIVES[name].measure(trained), trained


# 64 * 8 + 8 * 10 = 592 synapses, 18 neurons; 16-bit biases and 16-bit membranes; 8 traces of 7 bits
NEURONS = 18 * (16 + 16)


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        ({}, 592 * 6 + NEURONS + 8 * 7),
        ({"shadow_bits": 12}, 592 * (6 + 12) + NEURONS + 8 * 7),
        ({"update": "accumulate", "gradient_bits": 16}, 592 * (6 + 16) + NEURONS + 8 * 7),
        ({"encoding": "rate"}, 592 * 6 + NEURONS + (64 + 8) * 7),
    ],
)
def test_memory_is_every_bit_that_is_kept(options: dict[str, Any], bits: int) -> None:
    widths: dict[str, Any] = {"bias_bits": 16, "membrane_bits": 16, "trace_bits": 7}
    assert measured("memory_bits", **widths, **options)[0] == bits


def test_a_chip_that_does_not_learn_keeps_no_trace_and_no_shadow() -> None:
    widths: dict[str, Any] = {"bias_bits": 16, "membrane_bits": 16, "shadow_bits": 12}
    assert measured("memory_bits", "ptq", **widths)[0] == 592 * 6 + NEURONS


def test_accuracy_is_the_share_right_of_the_samples_held_out() -> None:
    value, trained = measured("accuracy")
    assert value == trained.judged.accuracy
    assert len(trained.judged.predictions) == 16


def test_saturations_are_counted_a_learned_sample() -> None:
    value, trained = measured("saturation_rate", membrane_bits=8)
    assert value == trained.last.saturations.sum() / 64
    assert value > 0


def test_operations_are_spikes_times_the_synapses_behind_them() -> None:
    value, trained = measured("synaptic_operations", encoding="rate")
    spikes_in = trained.judged.counters[..., 0].sum(axis=0)
    assert value == np.dot(spikes_in, [8, 10]) / 16


def test_what_needs_learning_is_not_there_without() -> None:
    assert "weight_updates" in available("chip")
    assert "weight_updates" not in available("ptq")
