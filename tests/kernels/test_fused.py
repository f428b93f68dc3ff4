"""Fused products in one order, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from neurochip.kernels.fused import add_products


def exactly(rows: Any, columns: Any, totals: Any) -> Any:
    """Each product is added in its turn, without a rounding of its own."""
    sums = totals.copy()
    for r, k, j in np.ndindex(rows.shape[0], rows.shape[1], columns.shape[1]):
        x, w, total = (Fraction(float(v)) for v in (rows[r, k], columns[k, j], sums[r, j]))
        sums[r, j] = float(x * w + total)
    return sums


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 17, 9), (4, 2, 33), (2, 0, 3)])
def test_every_product_is_rounded_once_with_its_sum(shape: tuple[int, int, int]) -> None:
    n, k, m = shape
    random = np.random.default_rng(0)
    rows, columns = random.standard_normal((n, k)) / 3, random.standard_normal((k, m))
    totals = random.standard_normal((n, m))
    expected = exactly(rows, columns, totals)
    add_products(rows, columns, totals)
    assert totals.tolist() == expected.tolist()


def test_what_two_roundings_would_lose() -> None:
    x = 1.0 + 2.0**-30
    totals = np.array([[-(1.0 + 2.0**-29)]])
    add_products(np.array([[x]]), np.array([[x]]), totals)
    assert totals[0, 0] == 2.0**-60
