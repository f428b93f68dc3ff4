"""The pipeline of a chip with faults against its naive twin, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels import layout
from neurochip.kernels.faults import (
    Damage,
    faulty_error_in,
    faulty_sense_step,
    faulty_surrogates,
    faulty_transport,
    faulty_update,
    hold_all,
    infer_faulty_stream,
    learn_faulty_stream,
)
from neurochip.kernels.flips import as_read
from neurochip.kernels.jit import INTERPRETED, kernel, unfused
from neurochip.kernels.meter import silent
from neurochip.kernels.stream import frame_of, infer_stream, learn_stream, start_sample

from ..naive import faulty
from ..naive.faulty import FaultyCore, damages
from ..naive.strategies import Case
from . import bridge
from .test_twin import (
    cases,
    learn_naively,
    memories_of,
    memories_of_twin,
    registers_of,
    shared,
)

#: They need kernels that little else compiles, which takes a minute.
pytestmark = pytest.mark.slow

EXAMPLES = 8 if INTERPRETED else 60


def build(naive: FaultyCore, **how: Any) -> tuple[layout.Core, Damage]:
    """A core in the state of the twin, and what is broken of it."""
    core = bridge.build(naive, **how)
    broken = naive.damage
    ones = np.zeros_like(core.weights)
    others = np.full_like(core.weights, -1)
    for (ell, row, column), bits in broken.stuck.items():
        layer = core.layers[ell]
        is_shared = layer.kind == layout.CONVOLUTION
        at = column * layer.rows + row if is_shared else row * layer.columns + column
        for bit, value in bits.items():
            is_sign = bit == naive.bits(ell) - 1
            mask = core.weights.dtype.type(-(1 << bit) if is_sign else 1 << bit)
            if value:
                ones[layer.weight_start + at] |= mask
            else:
                others[layer.weight_start + at] &= ~mask
    alive = np.ones(core.v.size, np.uint8)
    threshold = np.ones(core.v.size, np.int64)
    for ell, layer in enumerate(core.layers):
        for j in range(layer.n_out):
            alive[layer.post + j] = not naive.is_dead(ell, j)
            threshold[layer.post + j] = naive.theta(ell, j)
    flips = np.array(broken.flips, np.int64)
    return core, Damage(ones, others, alive, threshold, flips, np.array([broken.seed], np.int64))


@st.composite
def damaged(draw: st.DrawFn, healthy: st.SearchStrategy[Case]) -> tuple[Case, faulty.Damage]:
    case = draw(healthy)
    return case, draw(damages(case))


@given(both=damaged(cases), fast=st.booleans())
@settings(max_examples=EXAMPLES)
def test_every_register_of_every_step(both, fast):
    case, broken = both
    assert_registers_agree(case, broken, fast)


@given(both=damaged(shared), fast=st.booleans())
@settings(max_examples=EXAMPLES)
def test_every_register_of_convolutions(both, fast):
    case, broken = both
    assert_registers_agree(case, broken, fast)


def assert_registers_agree(case: Case, broken: faulty.Damage, fast: bool) -> None:
    naive = FaultyCore(broken, case)
    core, damage = build(naive, fast=fast)
    c = case.config
    for k, sample in enumerate(case.samples):
        naive.start_sample()
        unfused(start_sample)(core)
        for t in range(c.T):
            learned = case.learned_before + k
            twin = naive.step(t, sample, case.labels[k], learned, case.epoch, case.indices[k])
            learn_step(core, damage, case, k, t, learned * c.T + t)
            found = registers_of(core, twin, c)
            assert found == {name: twin[name] for name in found}
            assert memories_of(core) == memories_of_twin(naive)


def learn_step(core, damage, case: Case, k: int, t: int, step: int) -> None:
    s = core.settings[0]
    frame = unfused(frame_of)(bridge.frames(case.config, case.samples[k]), t)
    unfused(faulty_sense_step)(core, damage, frame, case.indices[k], case.epoch, t, step)
    if s.update == layout.LAST and t < s.timesteps - 1:
        return
    faulty_error_in(core, damage, case.labels[k], t)
    faulty_transport(core, damage, t, step)
    for ell in range(core.layers.size - 1):
        faulty_surrogates(core, damage, ell)  # left out where there is no error
    for ell in range(core.layers.size):
        faulty_update(core, damage, ell, t, step)


@given(both=damaged(cases))
@settings(max_examples=EXAMPLES)
def test_streams(both):
    assert_streams_agree(*both)


@given(both=damaged(shared))
@settings(max_examples=EXAMPLES)
def test_streams_of_convolutions(both):
    assert_streams_agree(*both)


def assert_streams_agree(case: Case, broken: faulty.Damage) -> None:
    """Fast and counting kernels learn what the twin learns, and predict what it does."""
    naive = FaultyCore(broken, case)
    cores = {"fast": build(naive), "counting": build(naive, count=True)}
    counters, saturations = learn_naively(case, naive)
    inputs, labels, order = bridge.stream(case)
    for name, (core, damage) in cores.items():
        meter = silent(core.layers.size)
        learn_faulty_stream(
            core, meter, damage, inputs, labels, order, case.epoch, case.learned_before
        )
        assert memories_of(core) == memories_of_twin(naive), name
        assert core.output_sum.tolist() == naive.sum_o, name
        assert core.counters.tolist() == counters.tolist(), name
        if name == "counting":
            assert core.saturations.tolist() == saturations.tolist()
    core, damage = cores["fast"]
    predictions = np.full(len(order), -1, np.int64)
    meter = silent(core.layers.size)
    infer_faulty_stream(core, meter, damage, inputs, order, layout.EVALUATION_EPOCH, predictions)
    twins = [naive.predict(sample, int(k)) for sample, k in zip(case.samples, order, strict=True)]
    assert predictions.tolist() == twins
    assert memories_of(core) == memories_of_twin(naive)


@given(case=st.one_of(cases, shared))
@settings(max_examples=EXAMPLES)
def test_a_chip_where_nothing_is_broken_is_a_sound_one(case):
    core, sound = build(FaultyCore(faulty.Damage(), case))[0], bridge.build(case.core())
    none: Any = np.zeros(0, core.weights.dtype)
    damage = build(FaultyCore(faulty.Damage(), case))[1]._replace(ones=none, others=none)
    inputs, labels, order = bridge.stream(case)
    meter, place = silent(core.layers.size), (case.epoch, case.learned_before)
    learn_faulty_stream(core, meter, damage, inputs, labels, order, *place)
    learn_stream(sound, meter, inputs, labels, order, *place)
    assert memories_of(core) == memories_of(sound)
    assert core.counters.tolist() == sound.counters.tolist()
    ours, theirs = np.zeros((2, len(order)), np.int64)
    infer_faulty_stream(core, meter, damage, inputs, order, 7, ours)
    infer_stream(sound, meter, inputs, order, 7, theirs)
    assert ours.tolist() == theirs.tolist()
    assert core.output_sum.tolist() == sound.output_sum.tolist()


# Words


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_words_are_held_bit_by_bit(dtype):
    weights = np.array([-128, -1, 0, 1, 85, 127], dtype)
    ones, others = np.full(6, 0b0000_0101, dtype), np.full(6, ~0b0001_0000, dtype)
    expected = [(w | 0b101) & ~0b10000 for w in weights.tolist()]
    assert hold_all(weights, ones, others)
    assert weights.tolist() == expected
    assert not hold_all(weights, ones, others)
    assert weights.tolist() == expected


@kernel
def read_all(w, flips, stream, out):
    for number in range(out.size):
        out[number] = as_read(w, flips, stream, number)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
@pytest.mark.parametrize("p", [0.01, 0.25, 1.0])
def test_each_bit_flips_with_its_probability(bits, p):
    """And no two together more often than by chance; a read stays within the weight's width."""
    n = 2_000 if INTERPRETED else 100_000
    out, w = np.zeros(n, np.int64), -(2 ** (bits - 1)) + 1
    read_all(w, np.array(faulty.flip_table(p, bits), np.int64), np.uint64(99), out)
    assert out.min() >= -(2 ** (bits - 1))
    assert out.max() < 2 ** (bits - 1)
    flipped = ((out ^ w)[:, np.newaxis] >> np.arange(bits)) & 1
    slack = 5 * np.sqrt(p * (1 - p) / n)
    assert np.abs(flipped.mean(axis=0) - p).max() <= slack
    pairs = (flipped[:, 0] & flipped[:, -1]).mean()
    assert abs(pairs - p * p) <= 5 * np.sqrt(p * p * (1 - p * p) / n)


def test_a_weight_that_is_read_twice_in_a_step_flips_apart():
    """Two axons, two neurons, one weight everywhere: all four reads are drawn for themselves."""
    from ..naive.config import CoreConfig, LayerConfig

    config = CoreConfig((LayerConfig(2, 2),), T=1)
    case = Case(config, [[[5, 5], [5, 5]]], [[0, 0]], None, None, [[1, 0]], [0], 0, 0, [0])
    broken = faulty.Damage(flips=faulty.flip_table(0.5, 8))
    core, damage = build(FaultyCore(broken, case))
    reads = set()
    for inputs in ([1, 0], [0, 1]):
        moved = replace(case, samples=[inputs])
        frame = bridge.frames(config, moved.samples[0])[0]
        unfused(faulty_sense_step)(core, damage, frame, 0, 0, 0, 0)
        reads |= set(core.accumulator[2:].tolist())
    assert len(reads) == 4
