"""Mapped networks as SANA-FE's YAML, so that its timing and energy can be set beside ours.

SANA-FE (J. A. Boyle et al., IEEE TCAD, 2025) simulates time and energy of inference on chips of
many cores. It counts tiles column by column (``x * height + y``), we count them row by row; its
neurons are Loihi's leaky ones: potentials in 64ths, a leak that rounds toward zero, firing above
the threshold, a hard reset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import LimitError

Ints = NDArray[np.int64]

#: Potentials are kept in units of 2^-6.
POTENTIAL_FRACTION = 6


class Cost(NamedTuple):
    """What one event costs."""

    joules: float
    seconds: float


@dataclass(frozen=True)
class Costs:
    """What a chip's events cost.

    Attributes:
        message_in: a core receives a message.
        synapse: a weight is read and accumulated.
        access: a neuron is scanned.
        update: on top of that, its potential changes.
        fire: on top of both, it fires.
        message_out: a core sends a message.
        east_west: a message goes on to the next tile in its row.
        north_south: the same in its column.
        barrier: seconds that end a step, by the number of tiles in use, from which on they hold.
    """

    message_in: Cost
    synapse: Cost
    access: Cost
    update: Cost
    fire: Cost
    message_out: Cost
    east_west: Cost
    north_south: Cost
    barrier: Mapping[int, float]


@dataclass(frozen=True)
class Chip:
    """A mesh of equal tiles.

    Attributes:
        width: tiles in a row.
        height: rows.
        cores: cores in a tile.
        slots: messages that a link buffers.
        neurons: neurons that a core holds.
        costs: of its events.
    """

    width: int
    height: int
    cores: int
    slots: int
    neurons: int
    costs: Costs


@dataclass(frozen=True, eq=False)
class Neurons:
    """N recurrent neurons: v = (leak * v) toward zero + bias + weights, fire where v > threshold.

    Attributes:
        weights: (N, N) integers, from row to column; 0 is no synapse.
        bias: (N,) integers.
        threshold: (N,) integers.
        leak: factor of the potential in each step, 0..1.
    """

    weights: Ints
    bias: Ints
    threshold: Ints
    leak: float


def architecture(chip: Chip, name: str = "neurochip") -> str:
    """A chip as the text of SANA-FE's architecture file."""
    costs = chip.costs
    barrier = ", ".join(f"{tiles}: {seconds!r}" for tiles, seconds in costs.barrier.items())
    lines = [
        "architecture:",
        f"  name: {name}",
        "  attributes:",
        "    topology: mesh",
        f"    width: {chip.width}",
        f"    height: {chip.height}",
        f"    link_buffer_size: {chip.slots}",
        "    sync_model: table",
        f"    latency_sync: {{{barrier}}}",
        "  tile:",
        f"    - name: tile[0..{chip.width * chip.height - 1}]",
        "      attributes:",
        *_hops("north", costs.north_south),
        *_hops("east", costs.east_west),
        *_hops("south", costs.north_south),
        *_hops("west", costs.east_west),
        "      core:",
        f"        - name: core[0..{chip.cores - 1}]",
        "          attributes:",
        "            buffer_position: soma",
        "            buffer_inside_unit: false",
        f"            max_neurons_supported: {chip.neurons}",
        *_unit("axon_in", "axons_in", None, message_in=costs.message_in),
        *_unit(
            "soma",
            "lif",
            "leaky_integrate_fire",
            access_neuron=costs.access,
            update_neuron=costs.update,
            spike_out=costs.fire,
        ),
        *_unit("dendrite", "dendrites", "accumulator", update=Cost(0.0, 0.0)),
        *_unit("synapse", "synapses", "current_based", process_spike=costs.synapse),
        *_unit("axon_out", "axons_out", None, message_out=costs.message_out),
    ]
    return "\n".join(lines) + "\n"


def _hops(direction: str, cost: Cost) -> Iterator[str]:
    yield f"        energy_{direction}_hop: {cost.joules!r}"
    yield f"        latency_{direction}_hop: {cost.seconds!r}"


def _unit(kind: str, name: str, model: str | None, **costs: Cost) -> Iterator[str]:
    yield f"          {kind}:"
    yield f"            - name: {name}"
    yield "              attributes:"
    if model is not None:
        yield f"                model: {model}"
    for event, cost in costs.items():
        yield f"                energy_{event}: {cost.joules!r}"
        yield f"                latency_{event}: {cost.seconds!r}"


def network(neurons: Neurons, chip: Chip, tile: Sequence[int], core: Sequence[int]) -> str:
    """Neurons on a chip as the text of SANA-FE's network file.

    Args:
        neurons: the network.
        chip: that it lies on.
        tile: (C,) tile of each core, ``y * width + x``; cores of a tile in the order given here.
        core: (N,) core of each neuron; a core scans its neurons in the order of their numbers.

    Raises:
        LimitError: a tile has more cores than the chip's.
    """
    names = core_names(chip, tile)
    lines = ["network:", "  name: network", "  groups:", "    - name: n", "      attributes: []"]
    lines += ["      neurons:"]
    for i, (bias, threshold) in enumerate(zip(neurons.bias, neurons.threshold, strict=True)):
        soma = f"threshold: {threshold}, leak_decay: {neurons.leak!r}, bias: {bias}"
        lines.append(f"        - {i}: [soma: {{{soma}, reset_mode: hard}}, log_spikes: true]")
    lines.append("  edges:")
    for i, j in zip(*np.nonzero(neurons.weights), strict=True):
        lines.append(f"    - n.{i} -> n.{j}: [weight: {neurons.weights[i, j]}]")
    lines.append("mappings:")
    units = "soma: lif, dendrite: dendrites, synapse: synapses"
    lines += [f"  - n.{i}: [core: {names[c]}, {units}]" for i, c in enumerate(core)]
    return "\n".join(lines) + "\n"


def core_names(chip: Chip, tile: Sequence[int]) -> list[str]:
    """SANA-FE's name of each core: its tile, column by column, and its place in there.

    Raises:
        LimitError: a tile has more cores than the chip's.
    """
    used: dict[int, int] = {}
    names = []
    for number, own in enumerate(tile):
        place = used.get(own, 0)
        if place == chip.cores:
            raise LimitError(
                f"core {number} is core {place + 1} of tile {own}, but a tile of the chip has "
                f"{chip.cores}; spread the cores over more tiles"
            )
        used[own] = place + 1
        y, x = divmod(own, chip.width)
        names.append(f"{x * chip.height + y}.{place}")
    return names
