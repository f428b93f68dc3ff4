"""Comparison with an array of a file of reference vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.reference.golden import Vectors

# Networks of Dense layers agree to rounding; standardised weights, whose gradients are differences
# of large sums, and others with them, to a little less.
OF_MLPS = 1e-12
OF_OTHERS = 1e-11


def check(
    vectors: Vectors,
    name: str,
    value: Any,
    required: bool = False,
    of: Callable[[Any], Any] = np.asarray,
) -> None:
    """Compare with the file's array of that name, where it has one."""
    if name not in vectors.arrays:
        assert not required, f"the file has no {name}"
        return
    wanted = of(vectors.arrays[name])
    found = np.asarray(value)
    if found.shape != wanted.shape:
        # Published gains have axes of length one beside their own.
        assert found.size == wanted.size, f"{name} has shape {found.shape}, not {wanted.shape}"
        found = found.reshape(wanted.shape)
    error = np.abs(found - wanted).max(initial=0.0)
    is_mlp = vectors.network.unlike_mlp is None
    assert error <= (OF_MLPS if is_mlp else OF_OTHERS), f"{name} differs by {error}"
