"""Losses against their definitions, and their gradients against differences of the loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.rules import losses
from neurochip.rules.losses import StepLoss

STEP = 1e-6


def batches() -> st.SearchStrategy[tuple[Any, Any]]:
    def draw(seed: int, batch: int, classes: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        return rng.normal(0, 2, (batch, classes)), rng.integers(0, classes, batch)

    return st.builds(draw, st.integers(0, 2**32), st.integers(1, 5), st.integers(2, 7))


ALL: dict[str, Any] = {
    "cross_entropy": losses.cross_entropy,
    "mean_squared": losses.mean_squared,
    "squared_error": losses.squared_error,
    "ce, lambda 0": StepLoss("ce", 0.0, 4),
    "ce, lambda 0.3": StepLoss("ce", 0.3, 4),
    "ce, lambda 1": StepLoss("ce", 1.0, 4),
    "mse": StepLoss("mse", 0.0, 4),
}


@pytest.mark.parametrize("name", ALL)
@given(batch=batches())
def test_gradient(name: str, batch: tuple[Any, Any]) -> None:
    loss_of = ALL[name]
    o, y = batch
    before = o.copy()
    _, gradient = loss_of(o, y)
    assert np.array_equal(o, before)
    for index in np.ndindex(*o.shape):
        up, down = o.copy(), o.copy()
        up[index] += STEP
        down[index] -= STEP
        difference = (loss_of(up, y)[0] - loss_of(down, y)[0]) / (2 * STEP)
        assert gradient[index] == pytest.approx(difference, abs=1e-7)


@given(batches(), st.floats(0, 1), st.integers(1, 60))
def test_values(batch: tuple[Any, Any], share: float, timesteps: int) -> None:
    o, y = batch
    n, c = o.shape
    onehot = np.eye(c)[y]
    ce = -sum(math.log(np.exp(row)[k] / np.exp(row).sum()) for row, k in zip(o, y, strict=True)) / n
    square = float(((o - onehot) ** 2).sum())
    expected = ((1 - share) * ce + share * square / (n * c)) / timesteps
    assert StepLoss("ce", share, timesteps)(o, y)[0] == pytest.approx(expected)
    assert StepLoss("mse", 0.0, timesteps)(o, y)[0] == pytest.approx(0.5 * square / n / timesteps)


def test_large_logits() -> None:
    o = np.array([[1000.0, 0.0], [0.0, -1000.0]])
    loss, gradient = losses.cross_entropy(o, np.array([1, 0]))
    assert loss == 500.0
    assert np.array_equal(gradient, [[0.5, -0.5], [0.0, 0.0]])


def test_float32_stays() -> None:
    o = np.ones((2, 3), np.float32)
    for loss_of in ALL.values():
        assert loss_of(o, np.array([0, 2]))[1].dtype == np.float32
