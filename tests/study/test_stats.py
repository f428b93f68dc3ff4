"""Intervals over seeds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.study.stats import Summary, summarise, t_below, t_quantile


# Abramowitz and Stegun, table 26.10
@pytest.mark.parametrize(
    ("degrees", "probability", "t"),
    [
        (1, 0.975, 12.706),
        (2, 0.975, 4.303),
        (3, 0.975, 3.182),
        (4, 0.975, 2.776),
        (9, 0.975, 2.262),
        (30, 0.975, 2.042),
        (120, 0.975, 1.980),
        (5, 0.95, 2.015),
        (6, 0.995, 3.707),
    ],
)
def test_quantiles_are_those_of_the_table(degrees: int, probability: float, t: float) -> None:
    assert t_quantile(probability, degrees) == pytest.approx(t, abs=6e-4)


@given(st.floats(0.5, 0.999), st.integers(1, 40))
def test_a_quantile_has_its_probability_below(probability: float, degrees: int) -> None:
    assert t_below(t_quantile(probability, degrees), degrees) == pytest.approx(probability)


def test_mean_deviation_and_interval() -> None:
    found = summarise([0.96, 0.97, 0.98])
    assert found.mean == pytest.approx(0.97)
    assert found.deviation == pytest.approx(0.01)
    assert found.half_width == pytest.approx(4.303 * 0.01 / math.sqrt(3), rel=1e-3)


def test_one_seed_has_no_interval() -> None:
    found = summarise([0.5])
    assert found.mean == 0.5
    assert math.isnan(found.deviation)
    assert math.isnan(found.half_width)


def test_equal_values_have_no_deviation() -> None:
    value = 0.1
    assert math.fsum([value] * 3) / 3 != value
    assert summarise([value] * 3) == Summary(value, 0.0, 0.0, 3)
