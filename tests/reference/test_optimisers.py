"""Optimisers against their equations, one number at a time."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.errors import RuleError
from neurochip.reference import optimisers
from neurochip.reference.optimisers import SGD, Adam, AdamW, clip, cosine

gradients = st.lists(
    st.floats(-3, 3).filter(lambda g: g == 0 or abs(g) > 1e-3), min_size=1, max_size=6
)


def course(optimiser: Any, start: float, slopes: list[float], lr: float) -> list[float]:
    w = np.array([start])
    stepper = optimiser.begin([w])
    seen = []
    for g in slopes:
        stepper.step([np.array([g])], [lr])
        seen.append(float(w[0]))
    return seen


@given(gradients, st.floats(0, 0.99))
def test_sgd(slopes: list[float], momentum: float) -> None:
    w, buf, wanted = 1.0, 0.0, []
    for g in slopes:
        buf = momentum * buf + g
        w -= 0.1 * buf
        wanted.append(w)
    assert course(SGD(momentum), 1.0, slopes, 0.1) == pytest.approx(wanted)


@given(gradients, st.sampled_from([0.0, 0.01, 0.5]))
def test_adam(slopes: list[float], decay: float) -> None:
    w, m, v, wanted = 1.0, 0.0, 0.0, []
    for n, g in enumerate(slopes, start=1):
        w -= 0.1 * decay * w
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**n)) / (math.sqrt(v / (1 - 0.999**n)) + 1e-8)
        wanted.append(w)
    optimiser = AdamW(weight_decay=decay) if decay else Adam()
    assert course(optimiser, 1.0, slopes, 0.1) == pytest.approx(wanted, abs=1e-9)


def test_clipping_keeps_the_direction() -> None:
    arrays = [np.array([3.0, 0.0]), np.array([[4.0]])]
    assert clip(arrays, 1.0) == 5.0
    assert np.allclose(arrays[0], [0.6, 0.0]) and np.allclose(arrays[1], 0.8)
    small = [np.array([0.3, 0.4])]
    assert clip(small, 1.0) == pytest.approx(0.5)
    assert small[0].tolist() == [0.3, 0.4]


def test_cosine() -> None:
    assert [cosine(0.1, epoch, 4) for epoch in (0, 2, 4)] == pytest.approx([0.1, 0.05, 0.0])
    assert cosine(0.1, 4, 4, end=0.01) == pytest.approx(0.01)
    falling = [cosine(1.0, epoch, 50) for epoch in range(51)]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(1.0), "momentum is 1.0; it must be a number from 0 up and below 1."),
        (lambda: Adam(beta2=1.0), "beta2 is 1.0; it must be a number from 0 up and below 1."),
        (lambda: Adam(eps=0.0), "eps is 0.0; it must be a number above 0."),
        (
            lambda: AdamW(weight_decay=-1.0),
            "weight_decay is -1.0; it must be a number from 0 up.",
        ),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        make()


def test_the_rate_of_each_array() -> None:
    arrays = [np.ones(2), np.ones(2)]
    optimisers.SGD().begin(arrays).step([np.ones(2), np.ones(2)], [0.5, 0.0])
    assert arrays[0].tolist() == [0.5, 0.5] and arrays[1].tolist() == [1.0, 1.0]
