"""Surrogate derivatives psi(u): what stands for the derivative of a spike by its membrane.

Distances from the threshold are D = |u - v_th|. Every psi here is at most 1, apart from the
sigmoid's, whose peak is alpha / 4, and the tent's, whose peak is one over its reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import RuleError

Floats: TypeAlias = NDArray[np.floating[Any]]
SurrogateKind: TypeAlias = Literal["sigmoid", "table", "boxcar", "triangle", "tent"]

# The chip holds psi in sixteenths: 16 stands for 1.0.
PSI_ONE = 16
# The chip's table has this many entries, over D in [0, 2 * v_th).
TABLE_ENTRIES = 16
ENTRIES_PER_THRESHOLD = TABLE_ENTRIES // 2

_DEFAULT_WIDTHS: dict[str, float] = {"boxcar": 0.5, "triangle": 1.0, "tent": 1.0}


@dataclass(frozen=True)
class Surrogate:
    """One surrogate derivative, as a function of the membrane before the reset.

    sigmoid:  psi = alpha * sg * (1 - sg), sg = 1 / (1 + exp(-alpha * (u - v_th)))
              (Xiao et al., NeurIPS 2022, with alpha = 4).
    table:    psi = entries()[i] / 16, i = floor(8 * D / v_th), and 0 where i >= 16: the sigmoid's
              psi divided by its peak, as the chip holds it.
    boxcar:   psi = 1 where D < width * v_th, else 0.
    triangle: psi = max(0, 16 - floor(16 * D / (width * v_th))) / 16.
    tent:     psi = max(0, g - D) / g^2, g = width * v_th (Deng et al., ICLR 2022, with g = 1).

    Attributes:
        kind: which of the five.
        alpha: steepness of the sigmoid and of the table, above 0.
        width: reach of the boxcar, the triangle and the tent in units of v_th, above 0; None takes
            0.5 for the boxcar and 1.0 for the others. Sigmoid and table have none.
    """

    kind: SurrogateKind
    alpha: float = 4.0
    width: float | None = None

    def __post_init__(self) -> None:
        """Check every value and fill in the default width."""
        kinds = get_args(SurrogateKind)
        if self.kind not in kinds:
            listed = ", ".join(repr(kind) for kind in kinds)
            raise RuleError(f"surrogate kind is {self.kind!r}; it must be one of {listed}.")
        if not _is_positive(self.alpha):
            raise RuleError(f"surrogate alpha is {self.alpha!r}; it must be a number above 0.")
        if self.kind not in _DEFAULT_WIDTHS and self.width is not None:
            raise RuleError(
                f"surrogate width is {self.width!r} but a {self.kind} has no width; leave it out "
                f"or use a boxcar, a triangle or a tent."
            )
        if self.kind in _DEFAULT_WIDTHS:
            if self.width is None:
                object.__setattr__(self, "width", _DEFAULT_WIDTHS[self.kind])
            if not _is_positive(self.width):
                raise RuleError(f"surrogate width is {self.width!r}; it must be a number above 0.")

    def derivative(self, u: Floats, v_th: float, out: Floats | None = None) -> Floats:
        """Psi of membranes.

        Args:
            u: membranes before the reset, any shape, float32 or float64.
            v_th: their threshold, in the same unit.
            out: where to put the result, of u's shape and dtype; a new array if None.

        Returns:
            psi, of u's shape and dtype.
        """
        psi = np.empty_like(u) if out is None else out
        np.subtract(u, v_th, out=psi)
        np.abs(psi, out=psi)
        _SHAPES[self.kind](self, psi, v_th)
        return psi

    def entries(self) -> tuple[int, ...]:
        """The chip's table: 16 whole numbers 0..16, psi over its peak in sixteenths.

        Entry i is taken at the middle of its interval, D = (i + 1/2) * v_th / 8 with v_th = 1, and
        rounded to the nearest, ties up.
        """
        return _entries(self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """The surrogate as a dictionary that JSON and TOML can hold."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Surrogate:
        """The surrogate that `to_dict` described."""
        allowed = tuple(cls.__dataclass_fields__)
        unknown = sorted(set(description) - set(allowed))
        if unknown:
            listed = ", ".join(repr(name) for name in allowed)
            raise RuleError(f"surrogate has the unknown key {unknown[0]!r}; it may hold {listed}.")
        if "kind" not in description:
            raise RuleError("surrogate has no 'kind'; add it.")
        return cls(**description)


def _sigmoid(surrogate: Surrogate, distance: Floats, v_th: float) -> None:
    # sg * (1 - sg) is even in u - v_th; exp of a number that is never above 0 can't overflow.
    distance *= -surrogate.alpha
    np.exp(distance, out=distance)
    numerator = surrogate.alpha * distance
    distance += 1.0
    distance *= distance
    np.divide(numerator, distance, out=distance)


def _table(surrogate: Surrogate, distance: Floats, v_th: float) -> None:
    distance *= ENTRIES_PER_THRESHOLD
    distance /= v_th
    np.minimum(distance, TABLE_ENTRIES, out=distance)
    levels = _levels(surrogate.alpha, distance.dtype)
    np.take(levels, distance.astype(np.intp), out=distance, mode="clip")


def _boxcar(surrogate: Surrogate, distance: Floats, v_th: float) -> None:
    np.less(distance, _reach(surrogate, v_th), out=distance, casting="unsafe")


def _triangle(surrogate: Surrogate, distance: Floats, v_th: float) -> None:
    distance *= PSI_ONE
    distance /= _reach(surrogate, v_th)
    np.floor(distance, out=distance)
    np.subtract(PSI_ONE, distance, out=distance)
    np.maximum(distance, 0.0, out=distance)
    distance /= PSI_ONE


def _tent(surrogate: Surrogate, distance: Floats, v_th: float) -> None:
    reach = _reach(surrogate, v_th)
    np.subtract(reach, distance, out=distance)
    np.maximum(distance, 0.0, out=distance)
    distance /= reach * reach


def _reach(surrogate: Surrogate, v_th: float) -> float:
    width = surrogate.width
    return v_th if width is None else width * v_th


@cache
def _entries(alpha: float) -> tuple[int, ...]:
    middles = ((i + 0.5) / ENTRIES_PER_THRESHOLD for i in range(TABLE_ENTRIES))
    peak_one = (4.0 * _logistic_slope(alpha * middle) for middle in middles)
    return tuple(math.floor(PSI_ONE * value + 0.5) for value in peak_one)


@cache
def _levels(alpha: float, dtype: np.dtype[np.floating[Any]]) -> Floats:
    # One more than the entries: psi is 0 beyond the table.
    return np.array([*_entries(alpha), 0], dtype=dtype) / PSI_ONE


def _logistic_slope(z: float) -> float:
    e = math.exp(-z)
    return e / (1.0 + e) ** 2


def _is_positive(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )


# Each turns distances |u - v_th| into psi, in place.
_SHAPES: dict[str, Callable[[Surrogate, Floats, float], None]] = {
    "sigmoid": _sigmoid,
    "table": _table,
    "boxcar": _boxcar,
    "triangle": _triangle,
    "tent": _tent,
}
