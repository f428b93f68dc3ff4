"""The pipelined schedule against its naive twin, and against the layered schedule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels import layout
from neurochip.kernels.jit import INTERPRETED
from neurochip.kernels.meter import silent
from neurochip.kernels.pipelined import delay_lines, late_view, learn_stream_pipelined
from neurochip.kernels.stream import learn_stream

from ..naive.pipelined import PipelinedCore
from ..naive.strategies import Case
from . import bridge
from .test_twin import (
    EXAMPLES,
    LARGE,
    SIZES,
    cases,
    counted,
    large_case,
    memories_of,
    saturated,
    shared,
)

#: They need kernels that little else compiles, which takes a minute.
pytestmark = pytest.mark.slow


def twin_of(case: Case) -> PipelinedCore:
    return PipelinedCore(case.config, case.weights, case.biases, case.feedback, case.shadows)


def learn(case: Case, core: layout.Core) -> None:
    inputs, labels, order = bridge.stream(case)
    late, lines = late_view(core), delay_lines(core)
    meter = silent(core.layers.size)
    learn_stream_pipelined(
        core, meter, late, lines, inputs, labels, order, case.epoch, case.learned_before
    )


def learned_layered(case: Case) -> layout.Core:
    core = bridge.build(case.core())
    inputs, labels, order = bridge.stream(case)
    meter = silent(core.layers.size)
    learn_stream(core, meter, inputs, labels, order, case.epoch, case.learned_before)
    return core


def assert_twin_agrees(case: Case) -> None:
    naive, c = twin_of(case), case.config
    fast, counting = bridge.build(naive), bridge.build(naive, count=True)
    counters = np.zeros((c.T, c.L, len(layout.COUNTERS)), np.int64)
    saturations = np.zeros((c.T, c.L, len(layout.SATURATIONS)), np.int64)
    _, _, places = bridge.stream(case)
    for k, (sample, place) in enumerate(zip(case.samples, places, strict=True)):
        naive.learn(sample, case.labels[k], case.learned_before + k, case.epoch, int(place))
        counters += [[counted(layer) for layer in step] for step in naive.counters]
        saturations += [[saturated(layer) for layer in step] for step in naive.counters]
    for name, core in {"fast": fast, "counting": counting}.items():
        learn(case, core)
        assert memories_of(core) == {
            "weights": naive.w,
            "shadow": naive.shadow,
            "bias": naive.bias,
        }, name
        assert core.output_sum.tolist() == naive.sum_o, name
        assert core.counters.tolist() == counters.tolist(), name
    assert counting.saturations.tolist() == saturations.tolist()


@given(case=cases)
@settings(max_examples=EXAMPLES)
def test_streams_agree_with_the_twin(case):
    assert_twin_agrees(case)


@given(case=shared)
@settings(max_examples=EXAMPLES // 2)
def test_convolutions_and_pools_agree_with_the_twin(case):
    assert_twin_agrees(case)


@pytest.mark.parametrize("name", LARGE)
def test_larger_layers(name):
    modes = LARGE[name]
    sizes = modes.get("sizes", SIZES)
    if INTERPRETED:
        sizes = tuple(n // 2 + 1 for n in sizes)
    assert_twin_agrees(large_case(len(name), **{**modes, "sizes": sizes}))


@given(case=st.one_of(cases, shared))
@settings(max_examples=EXAMPLES)
def test_accumulated_updates_are_those_of_the_layered_schedule(case):
    case = replace(case, config=replace(case.config, update="accumulate"))
    layered, pipelined = learned_layered(case), bridge.build(case.core())
    learn(case, pipelined)
    for name in ("weights", "shadow", "bias", "trace", "v", "v_pre", "output_sum", "counters"):
        assert np.array_equal(getattr(layered, name), getattr(pipelined, name)), name


@given(case=st.one_of(cases, shared))
@settings(max_examples=EXAMPLES)
def test_the_last_steps_error_alone_gives_the_same_too(case):
    """Where only the last step's error is used, no weight changes while the sample is shown."""
    case = replace(case, config=replace(case.config, update="last"))
    layered, pipelined = learned_layered(case), bridge.build(case.core())
    learn(case, pipelined)
    assert memories_of(layered) == memories_of(pipelined)


def test_online_updates_of_hidden_layers_land_later():
    case = large_case(3, sizes=(20, 15, 12, 6), T=6)
    layered, pipelined = learned_layered(case), bridge.build(case.core())
    learn(case, pipelined)
    assert not np.array_equal(layered.weights, pipelined.weights)


def test_a_read_out_alone_has_no_pipeline():
    case = large_case(3, sizes=(20, 6), T=6)
    layered, pipelined = learned_layered(case), bridge.build(case.core())
    learn(case, pipelined)
    assert memories_of(layered) == memories_of(pipelined)
