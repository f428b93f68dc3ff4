"""Parity: a chip against other executions, register by register, with a verdict."""

from __future__ import annotations

from neurochip.parity.against_export import (
    EXPORTS,
    ExportParity,
    compare_engine_with_lava,
    compare_learning_with_lava,
    compare_with_lava,
    compare_with_netx,
    compare_with_nir,
)
from neurochip.parity.against_float import (
    MAX_PREDICTIONS,
    MAX_SPIKES,
    MIN_COSINE,
    FloatParity,
    LayerParity,
    compare_with_float,
)

__all__ = [
    "EXPORTS",
    "MAX_PREDICTIONS",
    "MAX_SPIKES",
    "MIN_COSINE",
    "ExportParity",
    "FloatParity",
    "LayerParity",
    "compare_engine_with_lava",
    "compare_learning_with_lava",
    "compare_with_float",
    "compare_with_lava",
    "compare_with_netx",
    "compare_with_nir",
]
