"""Joules and seconds: what the chip's meter tells, a sample, and never a guess."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from neurochip.chip.account import TRACES
from neurochip.errors import StudyError
from neurochip.plot.study import Goal
from neurochip.study.costs import INFERENCE, LEARNING, check_known
from neurochip.study.objectives import OBJECTIVES, available
from neurochip.study.table import shown_value
from neurochip.study.work import Bench, Unit
from tests.study.small import small

RUN = {"epochs": 1, "train_samples": 80, "hidden": [8], "timesteps": 4}
UNIT = Unit({"lam": 0.5}, 0)


def bench(objectives: list[str], workflow: str = "chip", **options: Any) -> Bench:
    knobs = {"lam": [0.5]}
    return Bench(
        small(objectives=objectives, workflow=workflow, run={**RUN, **options}, knobs=knobs)
    )


def test_a_sample_costs_what_the_meters_of_inference_and_of_learning_say() -> None:
    told = bench([*INFERENCE, *LEARNING])
    trained = told.chip_of(UNIT)
    assert trained.last is not None
    seen, learned = trained.judged.account, trained.last.account
    assert learned is not None
    energy, latency, learning_energy, learning_latency = told.do(UNIT).values
    assert energy == seen.energy(slice(TRACES)).value
    assert latency == seen.inference_time.value
    assert learning_energy == learned.energy().value
    assert learning_energy > energy > 0
    assert learning_latency == (learned.inference_time + learned.learning_time).value
    assert learning_latency > latency > 0


def test_a_network_that_is_quantised_takes_energy_and_time_of_inference_only() -> None:
    told = bench(list(INFERENCE), "ptq").do(UNIT)
    assert told.reason is None
    assert min(told.values) > 0
    assert not {*LEARNING} & {*available("ptq")}


def test_cycle_timing_takes_no_less_and_leaves_the_energy() -> None:
    goals = [*INFERENCE, *LEARNING]
    bound, cycles = (
        bench(goals, timing=timing, neurons_per_core=4).do(UNIT).values
        for timing in ("analytic", "cycle")
    )
    assert (cycles[0], cycles[2]) == (bound[0], bound[2])
    assert cycles[1] > bound[1]
    assert cycles[3] > bound[3]


@pytest.mark.parametrize(
    ("objective", "events"),
    [
        ("energy", "message out, message in"),
        (
            "learning_latency",
            "message out, message in, trace update, error message, error operation",
        ),
    ],
)
def test_an_unknown_cost_is_the_reason_why_a_trial_fails(objective: str, events: str) -> None:
    told = bench([objective], hardware="loihi").do(UNIT)
    assert told.reason == (
        f"objective '{objective}' isn't told, because the file of chip 'loihi' leaves the cost of "
        f"{events} unknown; give it in a file that extends 'loihi', take another chip, or leave "
        f"the objective out"
    )


def test_what_is_known_of_inference_is_told_where_learning_is_unknown() -> None:
    assert bench(["energy"], hardware="loihi_calibrated").do(UNIT).reason is None
    reason = bench(["learning_energy"], hardware="loihi_calibrated").do(UNIT).reason
    assert reason is not None and "trace update, error message" in reason


def test_unknown_costs_are_found_before_anything_is_learned() -> None:
    there = bench(["accuracy"], hardware="loihi")
    trained = there.chip_of(UNIT)
    data = there.data(there.spec.config(UNIT.setting, UNIT.seed))
    check_known(trained.chip, data, "analytic", ["accuracy"])
    with pytest.raises(StudyError, match=re.escape("objective 'energy' isn't told")):
        check_known(trained.chip, data, "analytic", ["accuracy", "energy"])


def test_what_lavas_engine_takes_is_not_told() -> None:
    trained = bench(["accuracy"]).chip_of(UNIT)
    assert trained.last is not None
    by_engine = replace(trained, last=replace(trained.last, account=None))
    sentence = (
        "objective 'learning_energy' isn't told, because what learned is Lava's engine and what it "
        "takes isn't modelled; choose engine 'chip', or leave the objective out"
    )
    with pytest.raises(StudyError, match=f"^{re.escape(sentence)}$"):
        OBJECTIVES["learning_energy"].measure(by_engine)


def test_joules_and_seconds_are_read_with_a_prefix() -> None:
    assert shown_value(OBJECTIVES["energy"], 32.62e-9) == "32.62 nJ"
    assert shown_value(OBJECTIVES["latency"], 6.917e-6) == "6.917 us"
    assert Goal("energy", "J", False).text(32.62e-9) == "32.62 nJ"
