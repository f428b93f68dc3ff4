"""Where listed synapses lead, sixty-four neurons at a time: the marks that a spike leaves there.

A neuron is active once, however many spikes reach it. To mark all that a row of synapses reaches
costs an OR for each word of bits that it leads to, and takes at most twelve bytes a synapse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import layout
from neurochip.kernels.bits import LANES

__all__ = ["Link", "Marks", "links_of", "marks_of"]


class Link(NamedTuple):
    """Listed synapses from one population to the neurons above a weight layer."""

    population: int
    number: int  # of the weight layer
    place: int  # where the axons are listed that have a spike
    pooled: bool  # whether neurons are listed, and axons elsewhere
    record: Any  # `layout.LAYER`, of the layer or the loop


class Marks(NamedTuple):
    """Marks of the rows of one link, or of several."""

    starts: NDArray[np.int64]  # (rows + 1,) row r leaves starts[r] : starts[r + 1]
    words: NDArray[np.int32]  # (marks,) which neurons of the layer, by sixty-four
    bits: NDArray[np.uint64]  # (marks,) those that the row reaches


def links_of(core: layout.Core) -> list[Link]:
    """All listed synapses, by the population that sends."""
    return sorted(_links(core), key=lambda link: link.population)


def _links(core: layout.Core) -> Iterator[Link]:
    for number, layer in enumerate(core.layers):
        if layer.kind == layout.LISTED:
            yield Link(number, number, int(layer.pre), pooled=False, record=layer)
        for loop in core.loops[layer.loop_first : layer.loop_last]:
            pooled = bool(loop.pooled)
            yield Link(int(loop.population), number, int(loop.pre), pooled, loop)


def marks_of(core: layout.Core, link: Link) -> Marks:
    """The marks of a link's rows; neighbours in a row that share a word share a mark."""
    record = link.record
    offsets = core.offsets[record.row_start : record.row_start + record.n_in + 1]
    targets = core.targets[record.target_start : record.target_start + offsets[-1]]
    words = targets // np.int32(LANES)
    begins = np.ones(targets.size, np.bool_)
    begins[1:] = words[1:] != words[:-1]
    begins[offsets[:-1][np.diff(offsets) > 0]] = True
    first = np.flatnonzero(begins)
    bits = np.uint64(1) << (targets % np.int32(LANES)).astype(np.uint64)
    both = np.bitwise_or.reduceat(bits, first) if first.size else bits
    return Marks(np.searchsorted(first, offsets), words[first], both)
