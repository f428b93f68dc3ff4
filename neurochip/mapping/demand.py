"""What neurons need of a core: one row of numbers for any slice of a population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurochip.hardware import Hardware
from neurochip.mapping.limits import synapse_bits
from neurochip.mapping.topology import Topology
from neurochip.mapping.widths import CHIP_WIDTHS, Widths
from neurochip.rules import OTTT

Counts = NDArray[np.int64]

#: What a core has, in the order of every array of needs; the last depends on all slices together.
RESOURCES = (
    "neurons",
    "synapse memory",
    "accumulator memory",
    "trace memory",
    "axons in",
    "axons out",
)
#: What a number of each is called in a sentence.
PHRASES = (
    "neurons",
    "bits of synapse memory",
    "bits of accumulator memory",
    "bits of trace memory",
    "axons in",
    "axons out",
)
NEURONS, SYNAPSES, ACCUMULATORS, TRACES, AXONS_IN, AXONS_OUT = range(len(RESOURCES))
#: The limit of a resource of which the chip doesn't say how much it has.
UNKNOWN = -1
_NO_LIMIT = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Demand:
    """What synapses and traces take on one chip for one rule.

    Attributes:
        synapses: bits of one synapse in the weight memory, of each weight layer that has its own
            width; of all others the last.
        word: bits of a word of that memory; where unknown, the bits of one synapse.
        accumulator: bits of one gradient accumulator in a memory of its own; 0 without.
        trace: bits of the trace of one axon; 0 without learning.
        limits: (len(RESOURCES),) int64, what a core has, UNKNOWN where nobody says.
    """

    synapses: tuple[int, ...]
    word: int
    accumulator: int
    trace: int
    limits: Counts

    @classmethod
    def of(cls, hardware: Hardware, rule: OTTT | None, widths: Widths = CHIP_WIDTHS) -> Demand:
        """The demand on a chip; without a rule it only infers."""
        limits, registers = hardware.limits, hardware.registers
        apart = limits.accumulator_memory_per_core.value
        sums = registers.gradient.bits.value if rule and rule.update == "accumulate" else 0
        weights = widths.weights or (registers.weight.bits.value,)
        bits = tuple(synapse_bits(hardware, rule, width) for width in weights)
        room = (
            limits.neurons_per_core.value,
            limits.synapse_memory_per_core.value,
            apart,
            limits.trace_memory_per_core.value,
            limits.axons_in_per_core.value,
            limits.axons_out_per_core.value,
        )
        return cls(
            synapses=bits,
            word=limits.weight_word.value or max(bits),
            accumulator=sums if apart is not None else 0,
            trace=registers.trace.bits.value if rule else 0,
            limits=np.array([UNKNOWN if n is None else n for n in room]),
        )

    def synapse(self, target: int) -> int:
        """Bits of one synapse that leads to a population; the inputs are population 0."""
        return self.synapses[min(target, len(self.synapses)) - 1]

    @property
    def ceilings(self) -> Counts:
        """The limits, where unknown ones are never reached."""
        return np.where(self.limits == UNKNOWN, _NO_LIMIT, self.limits)

    def of_slice(self, topology: Topology, population: int, first: int, last: int) -> Counts:
        """Needs of neurons first .. last-1 of a population, (len(RESOURCES),) int64; no axons out.

        A source neuron that several projections bring to the slice is one axon.
        """
        need = np.zeros(len(RESOURCES), np.int64)
        need[NEURONS] = last - first
        heard: dict[int, NDArray[np.bool_]] = {}
        for projection in topology.into(population):
            sizes = projection.cell_sizes(first, last)
            need[SYNAPSES] += projection.memory(
                sizes, first, last, self.synapse(population), self.word
            )
            if self.accumulator:
                need[ACCUMULATORS] += projection.weights(sizes, first, last) * self.accumulator
            row = projection.row_sizes(sizes) > 0
            heard[projection.source] = heard.get(projection.source, False) | row
        need[AXONS_IN] = sum(int(np.count_nonzero(rows)) for rows in heard.values())
        need[TRACES] = need[AXONS_IN] * self.trace
        return need
