"""From numbers in [0, 1] to what a chip's axons carry."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from neurochip.data.split import check_unit_range
from neurochip.errors import DataError

__all__ = ["ENCODINGS", "Encoding", "to_graded"]

Encoding: TypeAlias = Literal["graded", "rate", "bernoulli", "spikes"]
#: How inputs reach the chip: as numbers, as evenly spaced spikes, as random spikes of that rate,
#: or as spike trains that the data set already holds.
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

_MOST_BITS = 8
_BLOCK = 1 << 20  # numbers that are scaled at once


def to_graded(x: NDArray[Any], bits: int = _MOST_BITS) -> NDArray[np.uint8]:
    """Return graded inputs: min(floor(x * 2^bits + 1/2), 2^bits - 1).

    Args:
        x: (n, features...) float in [0, 1].
        bits: width of an input, 1 to 8.

    Returns:
        (n, n_features) uint8, Q0.bits.

    Raises:
        DataError: x is out of range, or the width is.
    """
    if not 1 <= bits <= _MOST_BITS:
        raise DataError(f"graded inputs have 1 to {_MOST_BITS} bits, not {bits}; choose as many")
    x = np.asarray(x)
    if x.dtype.kind != "f" or x.ndim < 1 or x.size == 0:
        raise DataError(
            f"graded inputs are made of floats (samples, features...), not of {x.dtype} of shape"
            f" {x.shape}; convert them"
        )
    check_unit_range(x, "graded inputs")
    at_least_float32 = np.promote_types(x.dtype, np.float32)
    rows = x.reshape(len(x), -1)
    graded = np.empty(rows.shape, np.uint8)
    # In blocks, as x may be large.
    step = max(1, _BLOCK // rows.shape[1])
    for first in range(0, len(rows), step):
        block = slice(first, first + step)
        scaled = np.multiply(rows[block], 1 << bits, dtype=at_least_float32)
        scaled += 0.5
        np.minimum(scaled, (1 << bits) - 1, out=scaled)
        graded[block] = scaled.astype(np.uint8)  # the cast floors, as nothing is negative
    return graded
