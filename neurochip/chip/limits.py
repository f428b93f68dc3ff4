"""The least time that the chip's work could take on this machine, by what it must do and move.

A phase can't take less than its products over the machine's products a second, nor less than its
bytes over the machine's bytes a second, both measured here, on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import layout, limits
from neurochip.kernels.layout import Core

#: Wall seconds of one measurement, and measurements: the fastest counts.
_LONG_ENOUGH, _REPEATS = 2e-3, 9
#: int16 numbers that are multiplied and added: they stay in the first-level cache.
_NUMBERS = 2048
#: Bytes of a word, of a listed synapse's target.
_WORD, _TARGET = 8, 4
#: Fewest bytes that bandwidth is measured with: less would measure the loop.
_FEWEST_BYTES = 1 << 14
#: Bytes that one call of a kernel works on, at least.
_BYTES_A_CALL = 1 << 20

#: Bytes that a step must read or write: of a neuron its accumulator, bias, membrane before and
#: after, potential before the reset, and spike; of an axon its trace before and after, and its
#: signal; of an input its number and its signal.
NEURON_BYTES, TRACE_BYTES, INPUT_BYTES = 4 + 4 + 4 + 4 + 4 + 2, 4 + 4 + 2, 1 + 2


@dataclass(frozen=True)
class Machine:
    """What one thread does at most.

    Attributes:
        products: of 16-bit integers, multiplied and added, a second.
        read: bytes a second.
        changed: bytes read and bytes written a second, added up.
        size: bytes that both of these were measured with.
    """

    products: float
    read: float
    changed: float
    size: int

    def least(self, products: float = 0, read: float = 0, changed: float = 0) -> float:
        """Seconds of so many products and bytes, the two at once; `changed` counts both ways."""
        return max(products / self.products, read / self.read + changed / self.changed)


def machine(size: int) -> Machine:
    """Measure this machine.

    Args:
        size: bytes that are worked on; how fast they come depends on the cache that holds them.
    """
    words = np.zeros(max(size, _FEWEST_BYTES) // _WORD, np.int64)
    sums, factor = np.ones(_NUMBERS, np.int16), np.int16(3)
    # So often in one call that calling a kernel from Python, 0.2 us, counts for nothing.
    times = max(1, _BYTES_A_CALL // words.nbytes)
    products = _NUMBERS * limits.PRODUCTS * times
    return Machine(
        products=_rate(products, lambda: limits.multiply_and_add(sums, factor, times)),
        read=_rate(times * words.nbytes, lambda: limits.read_words(words, times)),
        changed=_rate(2 * times * words.nbytes, lambda: limits.change_words(words, 1, times)),
        size=words.nbytes,
    )


def _rate(amount: int, work: Callable[[], object]) -> float:
    """So much a second, at the best of some measurements."""
    work()
    start = time.perf_counter()
    work()
    times = max(1, int(_LONG_ENOUGH / max(time.perf_counter() - start, 1e-9)))
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - start) / times)
    return amount / best


def of_phases(
    core: Core, own: Machine, work: NDArray[np.int64], steps: int, learned: int, errors: int
) -> dict[str, float]:
    """Least seconds of each phase that is mostly arithmetic.

    Weight updates count where the chip's update unit visits a weight. Those of a step without an
    error are skipped here, so that learning can take less than the time of all.

    Args:
        core: the chip's state.
        own: the machine.
        work: events, (layers, len(COUNTERS)).
        steps: time steps.
        learned: of them those in which traces were kept.
        errors: of them those in which errors were computed.
    """
    layers = core.layers
    neurons = int(layers["n_out"].sum())
    axons = int(layers["n_in"].sum())
    return {
        "axon in": own.least(read=steps * int(layers[0]["n_in"]) * INPUT_BYTES),
        "synapse": sum(_synapse(core, own, k, int(n)) for k, n in _events(work, "synaptic_ops")),
        "neuron": own.least(read=steps * neurons * NEURON_BYTES),
        "trace": own.least(changed=learned * axons * TRACE_BYTES),
        "transport": sum(_transport(core, own, k) for k in range(1, layers.size)) * errors,
        "update": sum(_update(core, own, k, int(n)) for k, n in _events(work, "weight_updates")),
    }


def _events(work: NDArray[np.int64], name: str) -> list[tuple[int, int]]:
    """Number of each layer and its events."""
    return list(enumerate(work[:, layout.COUNTERS.index(name)].tolist()))


def _synapse(core: Core, own: Machine, number: int, operations: int) -> float:
    """A weight is read and added; those of a convolution are read from the first-level cache."""
    kind = int(core.layers[number]["kind"])
    each = core.weights.itemsize + (_TARGET if kind == layout.LISTED else 0)
    read = 0 if kind == layout.CONVOLUTION else operations * each
    return own.least(products=operations, read=read)


def _transport(core: Core, own: Machine, number: int) -> float:
    """Each weight is read and multiplied by an error."""
    layer = core.layers[number]
    synapses = int(layer["rows"]) * int(layer["columns"])
    return own.least(products=synapses, read=synapses * core.weights.itemsize)


def _update(core: Core, own: Machine, number: int, visits: int) -> float:
    """A product a visit; a weight, its shadow or its accumulator is read and written, but for those
    of convolutions, whose sums stay in registers.
    """
    if core.layers[number]["kind"] == layout.CONVOLUTION:
        return own.least(products=visits)
    if core.gradient.size:
        each = core.gradient.itemsize
    else:
        each = core.weights.itemsize + (core.shadow.itemsize if core.shadow.size else 0)
    return own.least(products=visits, changed=2 * visits * each)
