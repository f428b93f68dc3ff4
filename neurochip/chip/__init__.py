"""The chip: cores that hold integers, a step that reads as their pipeline, and learning."""

from __future__ import annotations

from neurochip.chip.chip import Chip
from neurochip.chip.core import COUNTED_EVENTS, SATURATED_REGISTERS
from neurochip.chip.observe import Observation
from neurochip.chip.records import EpochRecord, Result

__all__ = ["COUNTED_EVENTS", "SATURATED_REGISTERS", "Chip", "EpochRecord", "Observation", "Result"]
