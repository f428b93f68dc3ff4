"""Objectives: each number by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.chip import COUNTED_EVENTS
from neurochip.errors import StudyError
from neurochip.hardware import EVENTS
from neurochip.study.objectives import OBJECTIVES, available
from neurochip.study.work import Bench, Unit
from tests.study.small import small

WORDS = [EVENTS.index("word_read"), EVENTS.index("word_written")]
SPIKES_OUT = COUNTED_EVENTS.index("spikes_out")


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
        ({"layer_bits": [6, 3]}, 512 * 6 + 80 * 3 + NEURONS + 8 * 7),
        ({"readout_bits": 12}, 592 * 6 + NEURONS - 10 * 4 + 8 * 7),
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


@pytest.mark.parametrize("update", ["online", "accumulate", "last"])
def test_traffic_is_the_words_that_learning_a_sample_moves(update: str) -> None:
    value, trained = measured("memory_traffic", update=update)
    moved = trained.last.account.counts[..., WORDS].sum()
    assert value == moved / 64
    assert moved > trained.judged.account.counts[..., WORDS].sum() / 16 * 64 / 2


def test_traffic_without_learning_is_that_of_inference() -> None:
    value, trained = measured("memory_traffic", "ptq")
    assert value == trained.judged.account.counts[..., WORDS].sum() / 16


def test_last_step_moves_less_than_every_step() -> None:
    every, last = (measured("memory_traffic", update=update)[0] for update in ("online", "last"))
    assert last < every


def test_drift_is_how_far_rates_moved_layer_by_layer() -> None:
    value, trained = measured("firing_drift", hidden=[8, 4])
    rates = [
        [
            int(seen.counters[:, layer, SPIKES_OUT].sum()) / (16 * 4 * n)
            for layer, n in ((0, 8), (1, 4))
        ]
        for seen in (trained.before, trained.judged)
    ]
    apart = [abs(after - before) for before, after in zip(*rates, strict=True)]
    assert value == pytest.approx(sum(apart) / 2)
    assert value > 0


def test_drift_of_a_quantised_network_is_from_its_widest_weights() -> None:
    assert measured("firing_drift", "ptq")[0] > 0
    spec = small(
        objectives=["firing_drift"],
        run={"epochs": 1, "train_samples": 80, "hidden": [8], "timesteps": 4},
        knobs={"weight_bits": [16]},
        workflow="ptq",
    )
    trained = Bench(spec).chip_of(Unit({"weight_bits": 16}, 0))
    assert OBJECTIVES["firing_drift"].measure(trained) == 0


def test_drift_needs_hidden_neurons() -> None:
    with pytest.raises(
        StudyError, match=r"^firing drift needs a hidden layer, and the network has"
    ):
        measured("firing_drift", hidden=[])


def test_what_needs_learning_is_not_there_without() -> None:
    assert "weight_updates" in available("chip")
    assert "weight_updates" not in available("ptq")
