"""A watched pipeline does what an unwatched one does, and its phases add up to the whole."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings

from neurochip.kernels import layout, stopwatch
from neurochip.kernels.jit import INTERPRETED
from neurochip.kernels.meter import silent
from neurochip.kernels.pipelined import delay_lines, late_view, learn_stream_pipelined
from neurochip.kernels.stopwatch import PHASES, Watch
from neurochip.kernels.stream import infer_stream, learn_stream
from tests.naive.strategies import Case

from . import bridge
from .test_twin import cases, memories_of


def learned(case: Case, *watch: Watch) -> tuple[dict[str, object], list[int], list[int]]:
    """What memories, outputs and counters hold after learning."""
    core = bridge.build(case.core())
    inputs, labels, order = bridge.stream(case)
    position = (inputs, labels, order, case.epoch, case.learned_before)
    learn_stream(core, silent(core.layers.size), *position, *watch)
    return memories_of(core), core.output_sum.tolist(), core.counters.tolist()


@given(case=cases)
@settings(max_examples=20)
def test_watching_changes_nothing(case: Case) -> None:
    watch = stopwatch.new_watch()
    before = time.monotonic_ns()
    watched = learned(case, watch)
    took = time.monotonic_ns() - before
    assert watched == learned(case)
    assert 0 < stopwatch.spent(watch).sum() <= took
    marks = dict(zip(PHASES, stopwatch.marks(watch).tolist(), strict=True))
    steps, layers = len(case.samples) * case.config.T, case.config.L
    assert marks["synapse"] == steps * layers
    assert marks["neuron"] == steps * (layers - 1)
    assert marks["read-out"] == steps
    assert marks["update"] == (len(case.samples) if case.config.update == "last" else steps)


@given(case=cases)
@settings(max_examples=20)
def test_watched_predictions(case: Case) -> None:
    inputs, _, order = bridge.stream(case)
    seen = []
    for watch in ((), (stopwatch.new_watch(),)):
        core = bridge.build(case.core())
        predictions = np.full(len(order), -1, np.int64)
        meter = silent(core.layers.size)
        infer_stream(core, meter, inputs, order, layout.EVALUATION_EPOCH, predictions, *watch)
        seen.append((predictions.tolist(), core.counters.tolist()))
    assert seen[0] == seen[1]


@pytest.mark.skipif(not INTERPRETED, reason="it takes minutes to compile one more pipeline")
@given(case=cases)
@settings(max_examples=20)
def test_the_other_schedule(case: Case) -> None:
    held = []
    for watch in ((), (stopwatch.new_watch(),)):
        core = bridge.build(case.core())
        inputs, labels, order = bridge.stream(case)
        waiting = late_view(core), delay_lines(core)
        position = (inputs, labels, order, case.epoch, case.learned_before)
        learn_stream_pipelined(core, silent(core.layers.size), *waiting, *position, *watch)
        held.append(memories_of(core))
        if watch:
            assert stopwatch.marks(watch[0])[stopwatch.READ_OUT] == len(order) * case.config.T
    assert held[0] == held[1]


def test_marks_are_cheap() -> None:
    """Some nanoseconds compiled; the interpreter takes longer."""
    assert 0 < stopwatch.cost_of_marks() < (20_000 if INTERPRETED else 1_000)


def test_what_is_spent_goes_to_its_phase() -> None:
    watch = stopwatch.new_watch()
    stopwatch.begin(watch)
    stopwatch.mark(watch, stopwatch.SYNAPSE)
    time.sleep(0.002)
    stopwatch.mark(watch, stopwatch.UPDATE)
    spent = dict(zip(PHASES, stopwatch.spent(watch).tolist(), strict=True))
    assert spent["update"] >= 2_000_000
    assert spent["synapse"] > 0
    assert stopwatch.marks(watch).tolist() == [name in ("synapse", "update") for name in PHASES]
