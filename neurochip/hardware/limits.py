"""What a chip has room for, and the mesh that its cores lie on."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from neurochip.hardware.quantities import Allowed, MaybeReal, MaybeWhole, Part, Whole, bits, count

#: A larger chip, or a wider memory, than these is a slip of the unit.
MOST_CORES = 1 << 20
_MOST_NEURONS = 1 << 24
_MOST_MEMORY_BITS = 1 << 40
_MOST_WORD_BITS = 1 << 12
_MOST_MESSAGES = 1 << 20
_MOST_NS = 1e6

_MaybeMemory = Annotated[MaybeWhole, bits(1, _MOST_MEMORY_BITS)]
_Duration = Annotated[MaybeReal, AfterValidator(Allowed(0.0, _MOST_NS, "ns", "cycle"))]


class Limits(Part):
    """What a core has room for; where a limit is unknown, nothing is checked against it.

    `fan_in` counts the axons that one neuron can hear, `axons_in_per_core` the source neurons that
    a core hears, `axons_out_per_core` the messages that its neurons send when all of them fire.
    Weights lie in words of `weight_word`, each row of a source neuron from a new word on.
    Accumulators of gradients lie in `accumulator_memory_per_core`, and where that is unknown beside
    their weights in the synaptic memory. A rule that sums gradients over a sample needs all of its
    steps in one `learning_epoch`. `delay` is how long a chip can hold a spike back before it takes
    effect; networks have no delays, so nothing is checked against it: it's there for readers of the
    model and for tools that take it.
    """

    cores: Annotated[Whole, count(MOST_CORES, "core")]
    cores_per_tile: Annotated[Whole, count(MOST_CORES, "core")]
    neurons_per_core: Annotated[Whole, count(_MOST_NEURONS, "neuron")]
    synapse_memory_per_core: Annotated[Whole, bits(1, _MOST_MEMORY_BITS)]
    weight_word: Annotated[MaybeWhole, bits(1, _MOST_WORD_BITS)]
    trace_memory_per_core: _MaybeMemory
    accumulator_memory_per_core: _MaybeMemory
    fan_in: Annotated[Whole, count(_MOST_NEURONS, "axon")]
    axons_in_per_core: Annotated[Whole, count(_MOST_NEURONS, "axon")]
    axons_out_per_core: Annotated[Whole, count(_MOST_NEURONS, "axon")]
    delay: Annotated[MaybeWhole, count(_MOST_NEURONS, "step")]
    learning_epoch: Annotated[MaybeWhole, count(_MOST_NEURONS, "step")]


class Mesh(Part):
    """Tiles in `height` rows of `width`, cores in tiles, numbered along the rows from one corner.

    Core c lies in tile c // cores_per_tile, tile k at x = k mod width, y = k // width.  Messages
    go east or west first, then north or south.

    How long a message is under way is in `costs.time`: `hop_east_west` and `hop_north_south`
    between routers, `spike_in_tile` from the last router into the core.  What contention needs
    besides is here, and only the timing `cycle` needs it.

    Attributes:
        width: tiles in a row.
        height: rows.
        link_buffer: messages that wait at the end of each link.
        link_gap: time from when a link between two routers takes a message until it takes the next.
        port_gap: the same of the links between a router and the cores of its tile.
        router_entry: time of a message from its core into the router of that core's tile.
    """

    width: Annotated[Whole, count(MOST_CORES, "tile")]
    height: Annotated[Whole, count(MOST_CORES, "tile")]
    link_buffer: Annotated[MaybeWhole, count(_MOST_MESSAGES, "message")]
    link_gap: _Duration
    port_gap: _Duration
    router_entry: _Duration
