"""What a chip has room for, and the mesh that its cores lie on."""

from __future__ import annotations

from typing import Annotated

from neurochip.hardware.quantities import MaybeWhole, Part, Whole, bits, count

#: A larger chip, or a wider memory, than these is a slip of the unit.
MOST_CORES = 1 << 20
_MOST_NEURONS = 1 << 24
_MOST_MEMORY_BITS = 1 << 40
_MOST_WORD_BITS = 1 << 12
_MOST_MESSAGES = 1 << 20

_MaybeMemory = Annotated[MaybeWhole, bits(1, _MOST_MEMORY_BITS)]


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
    go east or west first, then north or south.  `link_buffer` messages wait at each input of a
    router.
    """

    width: Annotated[Whole, count(MOST_CORES, "tile")]
    height: Annotated[Whole, count(MOST_CORES, "tile")]
    link_buffer: Annotated[MaybeWhole, count(_MOST_MESSAGES, "message")]
