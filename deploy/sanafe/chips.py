"""Chips as the text of SANA-FE's architecture files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neurochip.errors import ExportError
from neurochip.hardware import EVENTS, Hardware, cost_table
from neurochip.mapping.place import PORT, tiles_of

__all__ = ["KINDS", "Cost", "architecture", "core_name", "costs_of", "port_name"]

_PICO, _NANO = 1e-12, 1e-9
KINDS = {
    "dense": "synaptic_operation",
    "sparse": "synaptic_operation_sparse",
}
#: Events of inference that SANA-FE's chips have no cost for.
_UNPRICED = ("word_read",)


class Cost(NamedTuple):
    """What one event costs, in J and s."""

    energy: float
    latency: float


_FREE = Cost(0.0, 0.0)


def architecture(hardware: Hardware, inputs: int = 0) -> str:
    """A chip as the text of SANA-FE's architecture file.

    Args:
        hardware: the chip.
        inputs: neurons of its port; 0: it has none.

    Raises:
        ExportError: a cost or a buffer is unknown, or an event costs what it can't there.
    """
    costs = costs_of(hardware)
    mesh, limits = hardware.mesh, hardware.limits
    width, height = mesh.width.value, mesh.height.value
    barrier = ", ".join(f"{n}: {seconds!r}" for n, seconds in _barrier(hardware).items())
    lines = [
        "architecture:",
        f"  name: {hardware.name}",
        "  attributes:",
        "    topology: mesh",
        f"    width: {width}",
        f"    height: {height}",
        f"    link_buffer_size: {mesh.link_buffer.value}",
        "    sync_model: table",
        f"    latency_sync: {{{barrier}}}",
        "  tile:",
    ]
    each = (limits.cores_per_tile.value, limits.neurons_per_core.value)
    spans = [(0, 0, inputs), (1, width * height - 1, 0)] if inputs else [(0, width * height - 1, 0)]
    for first, last, port in spans:
        if first <= last:
            lines += _tiles(first, last, port, each, costs)
    return "\n".join(lines) + "\n"


def _tiles(
    first: int, last: int, port: int, each: tuple[int, int], costs: dict[str, Cost]
) -> Iterator[str]:
    """Equal tiles; the port, a core of so many inputs, is in each of them if there are any."""
    cores, neurons = each
    yield f"    - name: tile[{first}..{last}]"
    yield "      attributes:"
    for direction in ("north", "east", "south", "west"):
        cost = costs["hop_east_west" if direction in ("east", "west") else "hop_north_south"]
        yield f"        energy_{direction}_hop: {cost.energy!r}"
        yield f"        latency_{direction}_hop: {cost.latency!r}"
    yield "      core:"
    yield from _core(f"core[0..{cores - 1}]", neurons)
    yield from _unit("axon_in", "axons_in", None, message_in=costs["message_in"])
    yield from _unit(
        "soma",
        "lif",
        "leaky_integrate_fire",
        access_neuron=costs["access"],
        update_neuron=costs["update"],
        spike_out=costs["fire"],
    )
    yield from _unit("dendrite", "dendrites", "accumulator", update=_FREE)
    yield "          synapse:"
    for kind in KINDS:
        yield from _entry(kind, "current_based", process_spike=costs[kind])
    yield from _unit("axon_out", "axons_out", None, message_out=costs["message_out"])
    if port:
        yield from _core("port", port)
        yield from _unit("axon_in", "port_in", None, message_in=_FREE)
        free = dict.fromkeys(("access_neuron", "update_neuron", "spike_out"), _FREE)
        # A unit of inputs has one row of spikes, which all of its neurons would share.
        yield from _unit("soma", f"source[0..{port - 1}]", "input", **free)
        yield from _unit("dendrite", "port_dendrites", "accumulator", update=_FREE)
        yield from _unit("synapse", "port_synapses", "current_based", process_spike=_FREE)
        yield from _unit("axon_out", "port_out", None, message_out=_FREE)


def _core(name: str, neurons: int) -> Iterator[str]:
    yield f"        - name: {name}"
    yield "          attributes:"
    yield "            buffer_position: soma"
    yield "            buffer_inside_unit: false"
    yield f"            max_neurons_supported: {neurons}"


def _unit(part: str, name: str, model: str | None, **costs: Cost) -> Iterator[str]:
    yield f"          {part}:"
    yield from _entry(name, model, **costs)


def _entry(name: str, model: str | None, **costs: Cost) -> Iterator[str]:
    yield f"            - name: {name}"
    yield "              attributes:"
    if model is not None:
        yield f"                model: {model}"
    for event, cost in costs.items():
        yield f"                energy_{event}: {cost.energy!r}"
        yield f"                latency_{event}: {cost.latency!r}"


def costs_of(hardware: Hardware) -> dict[str, Cost]:
    """What SANA-FE charges, by its words where they differ from ours."""
    table = cost_table(hardware)
    pairs = np.stack([table.energy * _PICO, table.time * _NANO], axis=1)
    ours = dict(zip(EVENTS, pairs, strict=True))
    for event in _UNPRICED:
        if np.nan_to_num(ours[event]).any():
            raise ExportError(
                f"{event} of hardware {hardware.name!r} costs something, but SANA-FE's chips have "
                f"no such event; set costs.energy.{event} and costs.time.{event} to 0"
            )
    arrival = ours["message_in"] + ours["spike_in_tile"]
    update = ours["neuron_active"] - ours["neuron_inactive"]
    theirs = {
        **{name: ours[name] for name in ("hop_east_west", "hop_north_south", "message_out")},
        **{kind: ours[event] for kind, event in KINDS.items()},
        "message_in": arrival,
        "access": ours["neuron_inactive"],
        "update": update,
        "fire": ours["neuron_fired"],
    }
    unknown = [name.replace("_", " ") for name, pair in theirs.items() if np.isnan(pair).any()]
    unknown += [event.replace("_", " ") for event in _UNPRICED if np.isnan(ours[event]).any()]
    if np.isnan(table.barrier).any():
        unknown.append("barrier")
    if hardware.mesh.link_buffer.value is None:
        unknown.append("link buffer")
    if unknown:
        raise ExportError(
            f"hardware {hardware.name!r} leaves open what SANA-FE needs ({', '.join(unknown)}); "
            f"give it in a file that extends {hardware.name!r}, or use 'loihi_calibrated'"
        )
    return {name: Cost(*(float(f"{n:.9g}") for n in pair)) for name, pair in theirs.items()}


def _barrier(hardware: Hardware) -> dict[int, float]:
    """Seconds of the barrier, by the number of tiles from which on they hold."""
    ns = cost_table(hardware).barrier
    return {n: float(f"{ns[n] * _NANO:.9g}") for n in range(1, ns.size) if ns[n] != ns[n - 1]}


def core_name(hardware: Hardware, core: int) -> str:
    """SANA-FE's name of a core: its tile, column by column, and its place in there."""
    return f"{_tile(hardware, core)}.{core % hardware.limits.cores_per_tile.value}"


def port_name(hardware: Hardware) -> str:
    """The same of the port, which follows the cores of its tile."""
    return f"{_tile(hardware, PORT)}.{hardware.limits.cores_per_tile.value}"


def _tile(hardware: Hardware, core: int) -> int:
    (x,), (y,) = tiles_of(hardware, np.array([core], np.int32))
    return int(x) * hardware.mesh.height.value + int(y)
