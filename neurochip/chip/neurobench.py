"""NeuroBench's metrics of complexity, from what neurons do on the chip.

    told = neurobench(chip, firing(chip, data.test))
    told.effective_acs  # a sample

The definitions are those of Yik et al., "The neurobench framework for benchmarking neuromorphic
computing algorithms and systems", Nature Communications 16, 1545 (2025), algorithm track; each
attribute of `NeuroBench` repeats its own. What they leave to a chip is said here:

- An input that is graded is a number, so its operations are multiply-accumulates (MACs). A spike
  is 0 or 1: accumulates (ACs). So is an input that is encoded as spikes.
- Pooling is not counted, as in NeuroBench's harness. Weights above a pool read the number of
  spikes of a square, which isn't binary: MACs, one for each square with a spike.
- A sample is one execution: all its time steps together.
- A connection beside the layers carries spikes: ACs. One that leads back hears each step's spikes
  in the step after, so the last step's reach nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.account import SAMPLES
from neurochip.errors import ConfigError
from neurochip.mapping import weight_memory
from neurochip.mapping.plan import Loop, Projection, chip_order, loops_of, plan_of
from neurochip.network import Conv2d, Sparse

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip
    from neurochip.data import Split
    from neurochip.network import Network

Counts = NDArray[np.int64]

_BITS = 8
#: What each metric is, in the words of a report.
DEFINITIONS = {
    "footprint_bytes": (
        "memory that represents the model at the width of its registers: weights, those that are "
        "zero too, biases and membranes; each shared weight once"
    ),
    "connection_sparsity": "share of weights that are zero",
    "activation_sparsity": (
        "share of neurons and time steps, of all samples, in which a neuron does not spike"
    ),
    "dense": "synaptic operations if no zero were skipped, neither of activations nor of weights",
    "effective_macs": (
        "synaptic operations of an activation that isn't binary (graded inputs, counts of pooled "
        "spikes), where neither it nor the weight is zero"
    ),
    "effective_acs": "the same of spikes",
}
SOURCE = "Yik et al., Nature Communications 16, 1545 (2025)"


@dataclass(frozen=True, eq=False)
class Firing:
    """How often everything was active, summed over samples and time steps.

    Attributes:
        samples: how many were shown.
        neurons: for each population, inputs first, how often each neuron sent, (n,) int64, in the
            network's order.
        axons: for each weight layer, how often what its weights read was not zero, (n_in,) int64:
            the neurons below, or squares of them.
        loops: for each connection beside the layers, how often each of its neurons was heard, (n,)
            int64, in the chip's order.
    """

    samples: int
    neurons: tuple[Counts, ...]
    axons: tuple[Counts, ...]
    loops: tuple[Counts, ...] = ()

    def on_chip(self, network: Network) -> Counts:
        """`neurons` of all populations in the order of a chip's topology, (N,)."""
        plan = plan_of(network)
        shapes = (plan[0].below, *(entry.neurons for entry in plan))
        pairs = zip(self.neurons, shapes, strict=True)
        return np.concatenate([sent[chip_order(shape)] for sent, shape in pairs])


@dataclass(frozen=True)
class NeuroBench:
    """NeuroBench's metrics; operations are means of one sample.

    Attributes:
        footprint_bytes: bytes that represent the model: weights, biases and membranes.
        connection_sparsity: zero weights among all weights, 0..1.
        activation_sparsity: mean over all spiking neurons and steps of not spiking, 0..1; None
            of a network without any.
        dense: synaptic operations with all zeros.
        effective_macs: those of activations that aren't binary, without any zeros.
        effective_acs: those of binary activations, without any zeros.
        samples: how many were shown.
    """

    footprint_bytes: float
    connection_sparsity: float
    activation_sparsity: float | None
    dense: float
    effective_macs: float
    effective_acs: float
    samples: int


def firing(chip: Chip, data: Split, samples: int = SAMPLES) -> Firing:
    """Show the first samples of a set and count who is active; nothing is learned.

    Raises:
        ConfigError: no sample was asked for, or there is none.
    """
    shown = min(samples, len(data))
    if shown < 1:
        raise ConfigError(
            f"activity was asked for of {samples} samples of {len(data)}; it needs 1 or more"
        )
    plan, loops = plan_of(chip.network), loops_of(chip.network)
    neurons = [np.zeros(n, np.int64) for n in chip.network.sizes]
    axons = [np.zeros(entry.n_in, np.int64) for entry in plan]
    beside = [np.zeros(loop.layer.n_in, np.int64) for loop in loops]
    for sample in range(shown):
        seen = chip.observe(data.x[sample], int(data.y[sample]), sample)
        for total, signal in zip(neurons, seen.signal, strict=True):
            total += np.count_nonzero(signal, axis=0)
        for total, entry, signal in zip(axons, plan, seen.signal, strict=False):
            total += np.count_nonzero(_squared(entry, signal), axis=0)
        for total, loop in zip(beside, loops, strict=True):
            heard = np.count_nonzero(_heard(loop, seen.signal[loop.source + 1]), axis=0)
            total += heard[plan[loop.source].neuron_order]
    return Firing(shown, tuple(neurons), tuple(axons), tuple(beside))


def neurobench(chip: Chip, fired: Firing) -> NeuroBench:
    """The metrics of a chip's network, by the weights as they are now.

    Args:
        chip: whose network.
        fired: what `firing` returned for it.
    """
    weights, network = chip.integers.weights, chip.network
    plan, loops = plan_of(network), loops_of(network)
    connections: tuple[Projection | Loop, ...] = (*plan, *loops)
    heard = (*fired.axons, *fired.loops)
    operations = [
        int(axons @ fan_out(entry, held))
        for entry, held, axons in zip(connections, weights, heard, strict=True)
    ]
    graded = chip.encoding == "graded"
    macs = sum(
        n
        for entry, n in zip(plan, operations, strict=False)
        if entry.pools or (entry is plan[0] and graded)
    )
    synapses = sum(int(entry.fan_out().sum()) for entry in plan)
    synapses += sum(loop.layer.n_synapses for loop in loops)
    n_weights = sum(held.size for held in weights)
    return NeuroBench(
        footprint_bytes=_footprint_bits(chip) / _BITS,
        connection_sparsity=1 - sum(map(np.count_nonzero, weights)) / n_weights,
        activation_sparsity=_activation_sparsity(chip, fired),
        dense=float(network.timesteps * synapses),
        effective_macs=macs / fired.samples,
        effective_acs=(sum(operations) - macs) / fired.samples,
        samples=fired.samples,
    )


def fan_out(projection: Projection | Loop, weights: NDArray[Any]) -> Counts:
    """Weights that aren't zero in all that one axon drives, (n_in,) int64.

    Args:
        projection: the weight layer, or the connection beside the layers.
        weights: its integers, (rows, columns), of listed synapses (synapses,).

    Returns:
        In network order, of a connection beside the layers in the chip's.
    """
    layer = projection.layer
    if isinstance(layer, Sparse):
        driving = layer.sources[weights != 0]
        return np.bincount(driving, minlength=layer.n_in).astype(np.int64)
    by_row: Counts = np.count_nonzero(weights, axis=1).astype(np.int64)
    if isinstance(projection, Loop) or not isinstance(layer, Conv2d):
        return by_row
    kernels = by_row.reshape(layer.c_in, layer.kernel, layer.kernel)
    (rows, columns), pad, stride = projection.axons[1:], layer.padding, layer.stride
    high, wide = projection.neurons[1:]
    around = np.zeros((layer.c_in, rows + 2 * pad, columns + 2 * pad), np.int64)
    for i in range(layer.kernel):
        for j in range(layer.kernel):
            down, right = i + stride * (high - 1) + 1, j + stride * (wide - 1) + 1
            around[:, i:down:stride, j:right:stride] += kernels[:, i, j, np.newaxis, np.newaxis]
    inside: Counts = around[:, pad : pad + rows, pad : pad + columns].ravel()
    return inside


def _heard(loop: Loop, signal: Counts) -> Counts:
    """Spikes of a loop's source, (T, n), without those that come too late to be heard."""
    return signal if loop.source < loop.target else signal[:-1]


def _squared(projection: Projection, signal: Counts) -> Counts:
    """What weights read in each step, (T, n_in): signals, or their counts in each square."""
    if not projection.pools:
        return signal
    axon = projection.squares()
    counts = np.zeros((len(signal), projection.n_in), np.int64)
    inside = axon >= 0
    np.add.at(counts.T, axon[inside], signal[:, inside].T)
    return counts


def _footprint_bits(chip: Chip) -> int:
    registers = chip.hardware.registers
    biases = sum(entry.columns for entry in plan_of(chip.network) if entry.layer.bias)
    neurons = sum(chip.network.sizes[1:])
    return (
        weight_memory(chip.network, chip.hardware, chip.formats.widths)
        + biases * registers.bias.bits.value
        + neurons * registers.membrane.bits.value
    )


def _activation_sparsity(chip: Chip, fired: Firing) -> float | None:
    last = None if chip.network.readout == "spiking" else -1
    spiking = fired.neurons[1:last]
    places = fired.samples * chip.network.timesteps * sum(sent.size for sent in spiking)
    return 1 - sum(int(sent.sum()) for sent in spiking) / places if places else None
