"""Parity: a chip against other executions, register by register, with a verdict."""

from __future__ import annotations

from neurochip.parity.against_export import ExportParity, compare_with_lava
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
    "ExportParity",
    "FloatParity",
    "LayerParity",
    "compare_with_float",
    "compare_with_lava",
]
