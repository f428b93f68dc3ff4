"""The costs of a chip as plain arrays, for kernels and for sums; unknown is NaN."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.hardware.costs import EVENTS, Time
from neurochip.hardware.model import Hardware
from neurochip.hardware.quantities import Curve

_NS_OF_A_MEGAHERTZ = 1e3


class CostTable(NamedTuple):
    """Costs of E events (`EVENTS` names them in order); what is unknown is NaN."""

    energy: NDArray[np.float64]  # (E,) pJ an event
    time: NDArray[np.float64]  # (E,) ns an event
    barrier: NDArray[np.float64]  # (tiles + 1,) ns, by the number of tiles that take part
    static_power: float  # mW


class LinkTable(NamedTuple):
    """What contention on the mesh needs besides the costs of events; what is unknown is NaN."""

    buffer: float  # messages
    link_gap: float  # ns
    port_gap: float  # ns
    router_entry: float  # ns


def cost_table(hardware: Hardware) -> CostTable:
    """Return what events cost on a chip; cycles are turned into ns by its clock."""
    energy, time = hardware.costs.energy, hardware.costs.time
    scale = _scale(hardware)
    return CostTable(
        energy=np.array([_number(getattr(energy, name).value) for name in EVENTS]),
        time=np.array([_scaled(getattr(time, name), scale) for name in EVENTS]),
        barrier=_barrier(time, hardware.n_tiles) * scale[time.barrier.unit],
        static_power=_number(hardware.costs.power.static.value),
    )


def link_table(hardware: Hardware) -> LinkTable:
    """Return the times and buffers of a chip's links; cycles are turned into ns by its clock."""
    mesh, scale = hardware.mesh, _scale(hardware)
    return LinkTable(
        buffer=_number(mesh.link_buffer.value),
        link_gap=_scaled(mesh.link_gap, scale),
        port_gap=_scaled(mesh.port_gap, scale),
        router_entry=_scaled(mesh.router_entry, scale),
    )


def _scale(hardware: Hardware) -> dict[str, float]:
    """Factors by which a cost's unit becomes pJ or ns."""
    frequency = hardware.costs.clock.frequency.value
    cycle = np.nan if frequency is None else _NS_OF_A_MEGAHERTZ / frequency
    return {"pJ": 1.0, "ns": 1.0, "cycle": cycle}


def _scaled(quantity: object, scale: dict[str, float]) -> float:
    return _number(getattr(quantity, "value", None)) * scale[str(getattr(quantity, "unit", ""))]


def _barrier(time: Time, n_tiles: int) -> NDArray[np.float64]:
    curve: Curve = time.barrier
    counts = np.arange(n_tiles + 1)
    if curve.value is None:
        ends = np.full(n_tiles + 1, np.nan)
    elif curve.between == "step":
        last = np.searchsorted(curve.tiles, counts, side="right") - 1
        ends = np.array(curve.value)[np.maximum(last, 0)]
    else:
        ends = np.interp(counts, curve.tiles, curve.value)
    ends[0] = 0.0  # nobody to wait for
    return ends


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
