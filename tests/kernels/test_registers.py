"""Sums of rows in registers, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from neurochip.kernels.jit import kernel
from neurochip.kernels.registers import COLUMNS, add_rows


@kernel
def add(target: Any, rows: Any, numbers: Any, values: Any, count: Any) -> None:
    """The intrinsic, called by a kernel."""
    add_rows(target, rows, numbers, values, count)


def exactly(target: Any, rows: Any, numbers: Any, values: Any) -> Any:
    """Each product is added in its turn, without a rounding of its own."""
    sums = target.copy()
    for value, number in zip(values, numbers, strict=True):
        for k in range(COLUMNS):
            factors = (Fraction(float(value)), Fraction(float(rows[number, k])))
            # A sum in single precision may only be rounded once: not to double on its way.
            sums[k] = once(factors[0] * factors[1] + Fraction(float(sums[k])), sums.dtype)
    return sums


def once(number: Fraction, dtype: Any) -> Any:
    """The nearest number of the type, to even in the middle."""
    near = dtype.type(float(number))
    places = [np.nextafter(near, dtype.type(-np.inf)), near, np.nextafter(near, dtype.type(np.inf))]
    return min(
        places,
        key=lambda p: (abs(Fraction(float(p)) - number), int(p.view(f"i{dtype.itemsize}")) & 1),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_every_product_is_rounded_once_with_its_sum(count: int, dtype: Any) -> None:
    random = np.random.default_rng(count)
    rows = random.standard_normal((12, COLUMNS)).astype(dtype)
    numbers = random.integers(12, size=count + 2).astype(np.int32)
    values = random.standard_normal(count + 2).astype(dtype) / 3
    around = random.standard_normal(COLUMNS + 4).astype(dtype)
    before, target = around.copy(), around[2:-2]
    expected = exactly(target, rows, numbers[:count], values[:count])
    add(target, rows, numbers, values, count)
    assert target.tolist() == expected.tolist()
    assert around[:2].tolist() + around[-2:].tolist() == before[:2].tolist() + before[-2:].tolist()
