"""Mapping: a float network becomes formats, exponents and integers that a chip can hold.

Every limit is checked here, before anything runs.
"""

from __future__ import annotations

from neurochip.mapping.formats import ENCODINGS, Encoding, Formats, LayerFormats, choose_formats
from neurochip.mapping.limits import (
    check_fits,
    check_supported,
    check_thresholds,
    check_traces,
    check_weights,
)
from neurochip.mapping.plan import Projection, plan_of
from neurochip.mapping.quantise import Integers, dequantise, quantise

__all__ = [
    "ENCODINGS",
    "Encoding",
    "Formats",
    "Integers",
    "LayerFormats",
    "Projection",
    "check_fits",
    "check_supported",
    "check_thresholds",
    "check_traces",
    "check_weights",
    "choose_formats",
    "dequantise",
    "plan_of",
    "quantise",
]
