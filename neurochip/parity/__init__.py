"""Parity: a chip against the float reference, register by register, with a verdict."""

from __future__ import annotations

from neurochip.parity.against_float import (
    MAX_PREDICTIONS,
    MAX_SPIKES,
    MIN_COSINE,
    FloatParity,
    LayerParity,
    compare_with_float,
)

__all__ = [
    "MAX_PREDICTIONS",
    "MAX_SPIKES",
    "MIN_COSINE",
    "FloatParity",
    "LayerParity",
    "compare_with_float",
]
