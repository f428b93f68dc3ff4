"""Listed synapses against their naive twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels.rows import (
    add_listed,
    add_listed_spikes,
    arrive_through_listed,
    transpose,
)
from neurochip.network import Sparse

from ..naive import listed as naive


@st.composite
def synapses(draw: st.DrawFn) -> Sparse:
    n_in, n_out = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    density = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return Sparse.random(n_in, n_out, density, draw(st.integers(0, 99)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Sparse, np.ndarray, np.ndarray, np.ndarray]:
    """Synapses, weights from end to end of int8, rows and values from end to end of int16."""
    layer = draw(synapses())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.choice([-128, -1, 0, 1, 127], layer.n_synapses).astype(np.int8)
    values = rng.choice([-(2**15), -1, 1, 255, 2**15 - 1], layer.n_in).astype(np.int16)
    rows = np.flatnonzero(rng.random(layer.n_in) < 0.6).astype(np.int32)
    return layer, weights, rows, values


@given(cases())
@settings(max_examples=40, deadline=None)
def test_rows_are_added_where_they_lead(case):
    layer, weights, rows, values = case
    acc = np.arange(layer.n_out, dtype=np.int64)
    expected = acc.tolist()
    count = add_listed(acc, weights, layer.targets, layer.offsets, rows, values)
    lists = (weights.tolist(), layer.targets.tolist(), layer.offsets.tolist())
    assert count == naive.add_rows(expected, *lists, rows.tolist(), values.tolist())
    assert acc.tolist() == expected


@pytest.mark.parametrize("lift", [0, 8])
@given(case=cases())
@settings(max_examples=30, deadline=None)
def test_spikes_count_a_power_of_two(case, lift):
    layer, weights, rows, _ = case
    acc = np.zeros(layer.n_out, np.int64)
    expected = acc.tolist()
    count = add_listed_spikes(acc, weights, layer.targets, layer.offsets, rows, lift)
    lists = (weights.tolist(), layer.targets.tolist(), layer.offsets.tolist())
    assert count == naive.add_rows(expected, *lists, rows.tolist(), [2**lift] * layer.n_in)
    assert acc.tolist() == expected


@given(cases())
@settings(max_examples=30, deadline=None)
def test_errors_come_down_the_rows(case):
    layer, weights, _, _ = case
    above = np.arange(-3, layer.n_out - 3, dtype=np.int16)
    a = np.full(layer.n_in, 7, np.int64)
    arrive_through_listed(weights, layer.targets, layer.offsets, above, a)
    expected = [0] * layer.n_in
    for i, j, w in zip(layer.sources, layer.targets, weights.tolist(), strict=True):
        expected[i] += w * int(above[j])
    assert a.tolist() == expected


@given(synapses())
@settings(max_examples=30, deadline=None)
def test_by_target(layer):
    columns = np.zeros(layer.n_out + 1, np.int64)
    sources = np.empty(layer.n_synapses, np.int32)
    transpose(layer.offsets, layer.targets, columns, sources)
    expected = naive.by_target(layer.offsets.tolist(), layer.targets.tolist(), layer.n_out)
    assert (columns.tolist(), sources.tolist()) == expected
