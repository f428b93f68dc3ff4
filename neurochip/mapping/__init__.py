"""Mapping: a float network becomes formats, exponents and integers that a chip can hold.

Its populations are cut into slices (`partition`) that are placed on cores (`place`, `manual`), and
where spikes then go is written down in arrays from which a step is accounted core by core
(`routes`). Every limit is checked here, before anything runs.
"""

from __future__ import annotations

from neurochip.mapping.chipmap import ChipMap, check_room, map_network
from neurochip.mapping.formats import Formats, LayerFormats, choose_formats
from neurochip.mapping.limits import (
    check_currents,
    check_fits,
    check_learns,
    check_supported,
    check_synapses,
    check_thresholds,
    check_traces,
    check_weights,
)
from neurochip.mapping.manual import Manual
from neurochip.mapping.place import PLACERS
from neurochip.mapping.plan import Loop, Projection, loops_of, plan_of
from neurochip.mapping.quantise import (
    Integers,
    dequantise,
    quantise,
    weight_memory,
    weight_widths,
)
from neurochip.mapping.widths import CHIP_WIDTHS, Widths

__all__ = [
    "CHIP_WIDTHS",
    "PLACERS",
    "ChipMap",
    "Formats",
    "Integers",
    "LayerFormats",
    "Loop",
    "Manual",
    "Projection",
    "Widths",
    "check_currents",
    "check_fits",
    "check_learns",
    "check_room",
    "check_supported",
    "check_synapses",
    "check_thresholds",
    "check_traces",
    "check_weights",
    "choose_formats",
    "dequantise",
    "loops_of",
    "map_network",
    "plan_of",
    "quantise",
    "weight_memory",
    "weight_widths",
]
