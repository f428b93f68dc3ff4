"""Products of matrices whose rounding doesn't depend on the processor: fused, and in one order."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from numba import types
from numba.extending import intrinsic

from neurochip.kernels.jit import INTERPRETED, unit


def _fused(typingctx: Any, x: Any, w: Any, total: Any) -> Any:
    if not (isinstance(x, types.Float) and x == w == total):
        return None  # no such signature

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return total(x, w, total), codegen


if INTERPRETED:

    def fused(x: Any, w: Any, total: Any) -> Any:
        """The same in Python, by exact fractions."""
        return type(total)(Fraction(float(x)) * Fraction(float(w)) + Fraction(float(total)))

else:
    #: x * w + total, rounded once.
    fused = intrinsic(_fused)


@unit
def add_products(rows, columns, totals):  # type: ignore[no-untyped-def]
    """Add rows (n, k) times columns (k, m) to totals (n, m), from the first k to the last."""
    for r in range(totals.shape[0]):
        sums = totals[r]
        for k in range(columns.shape[0]):
            x, weights = rows[r, k], columns[k]
            for j in range(sums.size):
                sums[j] = fused(x, weights[j], sums[j])
