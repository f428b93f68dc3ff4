"""What a step takes, counted while it happens: few numbers that depend on data, all else in tables.

A counter is one such number, summed over steps: spikes of a group of neurons that go the same ways,
neurons of a slice that are active, errors of a slice that aren't 0, products of factors and errors.
Every event of every core is a multiple of counters, so events are worked out from the sums, when
somebody asks (`chip.meter`). Only time needs each step's own numbers, because a phase lasts as long
as its slowest core: the ledger works it out, some steps at a time (`kernels.ledger`).

Time is the least that the routing of every message (`kernels.transit`) could give. In each phase a
core has two pipelines that overlap: outward, where it scans and sends, and inward, where it reads
what it hears. The inward one can't begin before a message has come, which takes its lead or more.
A phase lasts as long as the slowest pipeline of all cores, and phases follow each other; those of
the `pipelined` schedule's layers are one.

A weight layer's target neurons lie in parts, each on one core. A meter without parts counts nothing
and costs next to nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import ledger as ledgers
from neurochip.kernels.bits import NO_BITS, count_nonzero
from neurochip.kernels.jit import kernel
from neurochip.kernels.ledger import Ledger, enter

Ints = NDArray[np.int64]

_SETTING_FIELDS = (
    "update "  # as in `layout`, of the learning that is charged
    # Counters of each kind lie side by side; these are the first of each:
    "spikes "  # of a group of neurons; where it's a part, of the `pipelined` schedule
    "scanned reached "  # of a layer: steps; steps in which all its neurons have input
    "active fired "  # neurons of a part: active where not all have input; that fire
    "changed "  # traces of a run of axons
    "operations read_back "  # of a part's errors: synapses backwards; steps with an error
    "sent "  # of the parts on one core: steps with an error
    "products words "  # of a part: changes of weights or sums, and words for them
    "applied applied_rows "  # of a part, where sums become weights
    "singles"  # spikes of one neuron
).split()
_LAYER_FIELDS = (
    "part part_end run run_end back back_end sender sender_end "
    "used_rows used_columns "  # the first of their bits
    "marked reached"  # whether spikes leave marks on the neurons above, and the first of their bits
)
_FIELDS_OF_A_SOURCE = (
    "unit "  # the first of its units
    "group group_end "  # where a unit is a group: their spans
    "parted part "  # whether they are the parts of these neurons, and the first of these
    "single row place pooled "  # where it's a neuron: the ledger's row if it's one, or -1; its list
    "link link_end"  # listed synapses that its spikes go through
)
_FIELDS_OF_A_LINK = "place pooled row target reached"
_FIELDS_OF_A_RUN = "first last row row_end"
_FIELDS_OF_A_BACK = "first last sender"


def _record(fields: list[str]) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in fields])


#: One record: the first counter of each kind.
SETTINGS = _record(_SETTING_FIELDS)
#: One record a weight layer: what of the tables below is its own.
LAYER = _record(_LAYER_FIELDS.split())
#: One record a population: who is counted together when they send, as one unit.
SOURCE = _record(_FIELDS_OF_A_SOURCE.split())
#: Listed synapses: the list of the axons with a spike, the first row; the weight layer that they
#: reach and its first bits.
LINK = _record(_FIELDS_OF_A_LINK.split())
#: Neurons or axons in a core's arrays.
SPAN = _record(["first", "last"])
#: A run of axons whose synapses take the same words in every part; its rows.
RUN = _record(_FIELDS_OF_A_RUN.split())
#: Words that one axon of a run has in one part.
ROW = _record(["part", "words"])
#: Neurons whose errors are read backwards, on one core.
BACK = _record(_FIELDS_OF_A_BACK.split())


class Meter(NamedTuple):
    """L weight layers, P parts."""

    settings: NDArray[np.void]  # (1,) SETTINGS
    layers: NDArray[np.void]  # (L,) LAYER
    sources: NDArray[np.void]  # (L + 1,) SOURCE
    groups: NDArray[np.void]  # SPAN of neurons that send
    links: NDArray[np.void]  # LINK, by source
    parts: NDArray[np.void]  # (P,) SPAN of neurons
    runs: NDArray[np.void]  # RUN of axons
    rows: NDArray[np.void]  # ROW
    backs: NDArray[np.void]  # BACK
    ledger: Ledger  # all counters
    fired: Ints  # (P,) neurons of a part that fire
    errors: Ints  # (P,) scratch: errors of a part that aren't 0
    words: Ints  # (P,) scratch: words of its rows
    sending: Ints  # scratch: whether the parts of a layer on one core have an error
    summed: Ints  # (P,) whether a part of a convolution has sums that wait
    used: NDArray[np.uint64]  # a bit for each axon with a factor, each neuron with an error, so far
    mark_rows: Ints  # row r of listed synapses leaves the runs mark_rows[r] : mark_rows[r + 1]
    mark_words: NDArray[np.int32]  # of a run: its first word of the bits of the layer
    mark_firsts: Ints  # run k marks the bits mark_firsts[k] : mark_firsts[k + 1]
    mark_bits: NDArray[np.uint64]  # words, run after run
    reached: NDArray[np.uint64]  # a bit for each neuron that a spike has reached in this step
    driven: Ints  # (L,) whether all neurons above a layer have a bias, throughout a sample
    map: Ints  # scratch: of the largest map of a convolution (`kernels.windows`)


def silent(n_layers: int) -> Meter:
    """A meter of no part, of no layer."""
    return make(n_layers, ledgers.make(0, {}), {})


def make(n_layers: int, ledger: Ledger, arrays: dict[str, NDArray[np.generic]]) -> Meter:
    """A meter whose arrays are given by name; those that aren't are empty, layers have nothing."""
    records = {"groups": SPAN, "parts": SPAN, "runs": RUN, "rows": ROW, "backs": BACK}
    records |= {"links": LINK}
    bits = dict.fromkeys(("used", "mark_bits", "reached"), np.dtype(np.uint64))
    places = {"mark_words": np.dtype(np.int32)}
    given = {
        "settings": np.zeros(1, SETTINGS),
        "layers": np.zeros(n_layers, LAYER),
        "sources": np.zeros(n_layers + 1, SOURCE),
        "driven": np.zeros(n_layers, np.int64),
        **arrays,
    }
    own = [name for name in Meter._fields if name != "ledger"]
    kinds = {name: np.dtype(np.int64) for name in own} | records | bits | places
    empty = {name: np.zeros(0, kind) for name, kind in kinds.items() if name not in given}
    whole: dict[str, Any] = {**given, **empty}
    for name in ("settings", "layers", "sources", *records):
        whole[name] = whole[name].view(np.recarray)
    return Meter(ledger=ledger, **whole)


@kernel
def charge(meter, counter, n):  # type: ignore[no-untyped-def]
    """Add n to a counter, in the step at hand."""
    enter(meter.ledger, counter, n)


@kernel
def begin_inference(core, meter):  # type: ignore[no-untyped-def]
    """Nothing of one sample reaches the next; biases stay what they are."""
    meter.reached[:] = NO_BITS
    for number in range(meter.layers.size):
        layer = core.layers[number]
        biases = core.bias[layer.post : layer.post + layer.n_out]
        meter.driven[number] = count_nonzero(biases) == biases.size


@kernel
def begin_learning(meter):  # type: ignore[no-untyped-def]
    """Nothing of one sample reaches the next; biases may change."""
    meter.reached[:] = NO_BITS
    meter.used[:] = NO_BITS
    meter.driven[:] = 0


@kernel
def end_step(meter, schedule):  # type: ignore[no-untyped-def]
    """A step of a ledger's schedule is over."""
    ledgers.end_step(meter.ledger, schedule)


@kernel
def settle(meter, schedule):  # type: ignore[no-untyped-def]
    """Bring all sums up to date after steps of a schedule."""
    ledgers.settle(meter.ledger, schedule)
