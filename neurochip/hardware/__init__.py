"""Hardware models: hw_models/*.toml read into frozen, validated objects.

A hardware model is data: register widths, rounding, limits and costs of one chip.  Every number is
a `Quantity` that carries its unit, its basis and its source, so that a report can say where a joule
comes from, and "unknown" where nobody knows.

    hw = hardware.load("neurochip").with_values({"registers.weight.bits": 4})
    hw.registers.weight.bits.value      # 4, basis "assumed", source "override"
    hardware.cost_table(hw).energy      # pJ an event as an array, NaN where unknown
"""

from __future__ import annotations

from neurochip.hardware.costs import EVENTS
from neurochip.hardware.defaults import UNSTATED
from neurochip.hardware.faults import Faults
from neurochip.hardware.loading import Checked, available, check, from_toml, load
from neurochip.hardware.model import Hardware
from neurochip.hardware.quantities import Curve, MaybeReal, MaybeWhole, Quantity, Real, Whole
from neurochip.hardware.rows import Row, rows
from neurochip.hardware.table import CostTable, LinkTable, cost_table, link_table

__all__ = [
    "EVENTS",
    "UNSTATED",
    "Checked",
    "CostTable",
    "Curve",
    "Faults",
    "Hardware",
    "LinkTable",
    "MaybeReal",
    "MaybeWhole",
    "Quantity",
    "Real",
    "Row",
    "Whole",
    "available",
    "check",
    "cost_table",
    "from_toml",
    "link_table",
    "load",
    "rows",
]
