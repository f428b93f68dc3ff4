"""Kernels of the float engine against their definitions: patches, events, TSSL-BP's neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.kernels import patches, sparse, tssl
from neurochip.kernels.registers import COLUMNS
from tests.naive import float_tssl as naive

sizes = st.integers(1, 5)


@st.composite
def geometries(draw: Any) -> Any:
    """Images, side, stride, padding, and how many patches there are."""
    side, stride, padding = (
        draw(st.integers(1, 4)),
        draw(st.integers(1, 3)),
        draw(st.integers(0, 3)),
    )
    least = max(1, side - 2 * padding)
    h, w = draw(st.integers(least, 7)), draw(st.integers(least, 7))
    images = np.random.default_rng(draw(sizes)).normal(size=(draw(sizes), h, w, draw(sizes)))
    height, width = ((n + 2 * padding - side) // stride + 1 for n in (h, w))
    return images, side, stride, padding, height, width


def patches_of(images: Any, side: int, stride: int, padding: int, height: int, width: int) -> Any:
    framed = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    return np.array(
        [
            framed[n, stride * y : stride * y + side, stride * x : stride * x + side].ravel()
            for n in range(len(images))
            for y in range(height)
            for x in range(width)
        ]
    )


@given(geometries())
def test_gathered_patches(geometry: Any) -> None:
    images, side, stride, padding, height, width = geometry
    wanted = patches_of(*geometry)
    rows = np.full_like(wanted, np.nan)
    patches.gather_patches(images, side, stride, padding, rows, height, width)
    assert np.array_equal(rows, wanted)


@given(geometries())
def test_scattering_is_the_transpose_of_gathering(geometry: Any) -> None:
    images, side, stride, padding, height, width = geometry
    rows = np.random.default_rng(1).normal(size=patches_of(*geometry).shape)
    scattered = np.full_like(images, np.nan)
    patches.scatter_patches(rows, side, stride, padding, scattered, height, width)
    assert np.vdot(scattered, images) == pytest.approx(np.vdot(rows, patches_of(*geometry)))


@given(sizes, sizes, sizes, st.floats(0, 1), st.sampled_from([np.float32, np.float64]))
def test_events(batch: int, n_in: int, n_out: int, density: float, dtype: Any) -> None:
    rng = np.random.default_rng([batch, n_in, n_out])
    x = (rng.normal(size=(batch, n_in)) * (rng.random((batch, n_in)) < density)).astype(dtype)
    weights = rng.normal(size=(n_in, n_out)).astype(dtype)
    delta = rng.normal(size=(batch, n_out)).astype(dtype)
    assert sparse.count_events(x) == np.count_nonzero(x)
    targets = delta.copy()
    blocks = np.full((sparse.blocks_of(n_out), n_in, COLUMNS), np.nan, dtype)
    sparse.lay_out_blocks(weights, blocks)
    room = np.empty(x.shape, np.int32), np.empty_like(x), np.empty(batch, np.int64)
    sparse.add_products_of_events(x, blocks, targets, *room, np.empty(COLUMNS, dtype))
    assert np.allclose(targets, delta + x @ weights, atol=1e-5)


@given(
    st.integers(1, 6),
    st.sampled_from([1.0, 2.0, 5.0]),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_tssl(steps: int, tau_m: float, tau_s: float, has_warm_up: bool, seed: int) -> None:
    """Quarters meet the threshold, the bound of the currents and that of 1 / delta_u exactly."""
    rng = np.random.default_rng(seed)
    current = rng.integers(-4, 9, (steps, 5)) / 4
    current[rng.random((steps, 5)) < 0.2] = 0.0
    g = rng.normal(size=(steps, 5))
    delta_u, u, s, psc, g_current = (np.full_like(current, np.nan) for _ in range(5))
    tssl.tssl_forward(current, tau_m, tau_s, 1.0, delta_u, u, s, psc)
    later, theta = np.empty(5), np.empty(5)
    states = (delta_u, u, s, psc)
    tssl.tssl_backward(g, *states, tau_m, tau_s, 1.0, has_warm_up, later, theta, g_current)
    for j in range(5):
        neuron = naive.forward(current[:, j].tolist(), tau_m, tau_s, 1.0)
        for array, wanted in zip(
            states, (neuron.delta_u, neuron.u, neuron.s, neuron.psc), strict=True
        ):
            assert array[:, j].tolist() == wanted
        wanted = naive.backward(neuron, g[:, j].tolist(), tau_m, tau_s, 1.0, has_warm_up)
        assert np.allclose(g_current[:, j], wanted, rtol=1e-12, atol=1e-12)
