"""Surrogate derivatives: their shapes against the formulas, one membrane at a time."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.errors import RuleError
from neurochip.rules import Surrogate

KINDS = ("sigmoid", "table", "boxcar", "triangle", "tent")
membranes = st.integers(-(2**14), 2**14).map(lambda n: n / 2**12)
thresholds = st.sampled_from([0.25, 0.75, 1.0, 2.0])


def psi(surrogate: Surrogate, u: float, v_th: float) -> float:
    return float(surrogate.derivative(np.array([u]), v_th)[0])


@given(membranes, thresholds, st.floats(0.5, 8))
def test_sigmoid(u: float, v_th: float, alpha: float) -> None:
    sg = 1 / (1 + math.exp(-alpha * (u - v_th)))
    assert psi(Surrogate("sigmoid", alpha), u, v_th) == pytest.approx(alpha * sg * (1 - sg))


def test_sigmoid_peaks_at_a_quarter_of_alpha_and_never_overflows() -> None:
    surrogate = Surrogate("sigmoid", 4.0)
    assert psi(surrogate, 1.0, 1.0) == 1.0
    assert psi(surrogate, 1e6, 1.0) == psi(surrogate, -1e6, 1.0) == 0.0


def test_entries() -> None:
    expected = []
    for i in range(16):
        sg = 1 / (1 + math.exp(-4 * (i + 0.5) / 8))
        expected.append(round(16 * 4 * sg * (1 - sg) / (4 / 4)) if i else 16)
    assert Surrogate("table").entries() == tuple(expected)
    assert Surrogate("table").entries() == (16, 14, 11, 8, 6, 4, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0)
    assert all(0 <= entry <= 16 for entry in Surrogate("table", 0.1).entries())


@given(membranes, thresholds)
def test_table(u: float, v_th: float) -> None:
    surrogate = Surrogate("table")
    i = math.floor(abs(Fraction(u) - Fraction(v_th)) * 8 / Fraction(v_th))
    expected = surrogate.entries()[i] / 16 if i < 16 else 0.0
    assert psi(surrogate, u, v_th) == expected


@given(membranes, thresholds, st.sampled_from([None, 0.25, 1.0]))
def test_boxcar(u: float, v_th: float, width: float | None) -> None:
    expected = 1.0 if abs(u - v_th) < (width or 0.5) * v_th else 0.0
    assert psi(Surrogate("boxcar", width=width), u, v_th) == expected


@given(membranes, thresholds, st.sampled_from([None, 0.5, 2.0]))
def test_triangle(u: float, v_th: float, width: float | None) -> None:
    distance = abs(Fraction(u) - Fraction(v_th))
    levels = 16 - math.floor(16 * distance / (Fraction(width or 1.0) * Fraction(v_th)))
    assert psi(Surrogate("triangle", width=width), u, v_th) == max(0, levels) / 16


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_keep_shape_and_dtype(kind: Any, dtype: Any) -> None:
    u = np.linspace(-1, 3, 24, dtype=dtype).reshape(2, 3, 4)
    before = u.copy()
    surrogate = Surrogate(kind)
    result = surrogate.derivative(u, 1.0)
    out = np.empty_like(u)
    assert surrogate.derivative(u, 1.0, out=out) is out
    assert (result.shape, result.dtype) == (u.shape, u.dtype)
    assert np.array_equal(result, out)
    assert np.array_equal(u, before)
    each = [psi(surrogate, float(value), 1.0) for value in u.ravel()]
    assert np.allclose(result.ravel(), each, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: Any) -> None:
    for surrogate in (Surrogate(kind), Surrogate(kind, alpha=2.5)):
        assert Surrogate.from_dict(surrogate.to_dict()) == surrogate
    assert Surrogate("boxcar").to_dict() == {"kind": "boxcar", "alpha": 4.0, "width": 0.5}


LISTED = "'sigmoid', 'table', 'boxcar', 'triangle', 'tent'"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "step"}, f"surrogate kind is 'step'; it must be one of {LISTED}."),
        ({"kind": "table", "alpha": 0}, "surrogate alpha is 0; it must be a number above 0."),
        (
            {"kind": "boxcar", "width": -1.0},
            "surrogate width is -1.0; it must be a number above 0.",
        ),
        (
            {"kind": "table", "width": 1.0},
            "surrogate width is 1.0 but a table has no width; leave it out or use a boxcar, "
            "a triangle or a tent.",
        ),
        ({"alpha": 4.0}, "surrogate has no 'kind'; add it."),
        (
            {"kind": "table", "beta": 4.0},
            "surrogate has the unknown key 'beta'; it may hold 'kind', 'alpha', 'width'.",
        ),
    ],
)
def test_refusals(values: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        Surrogate.from_dict(values)
