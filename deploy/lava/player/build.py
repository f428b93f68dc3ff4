"""From a network's integers to connected Lava processes: spikes, Dense, neurons, Dense, ..."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIFReset
from lava.utils.weightutils import SignMode
from numpy.typing import NDArray

from neurochip.deploy.lava.player.network import LavaLayer, LavaNetwork
from neurochip.deploy.lava.player.processes.soft_lif import SoftLIF

__all__ = ["Processes", "build"]

#: Bits of a weight as Lava holds it where both signs occur; the lowest is always 0.
MIXED_BITS = 9
#: dv, du of this value plus Lava's offset of 1 for u leave nothing of u: the current has no memory.
NO_CURRENT_MEMORY = 4095


class Processes(NamedTuple):
    """The processes of a network, in the order in which a spike passes them."""

    source: Any
    synapses: tuple[Any, ...]
    neurons: tuple[Any, ...]

    @property
    def in_order(self) -> tuple[Any, ...]:
        """All of them, each after those that it hears."""
        pairs = zip(self.synapses, self.neurons, strict=True)
        return (self.source, *(process for pair in pairs for process in pair))


def build(network: LavaNetwork, inputs: NDArray[Any]) -> Processes:
    """Make the processes that show all samples, one after the other.

    Args:
        network: what is built.
        inputs: (n, T, n_in) of 0 and 1.
    """
    source = RingBuffer(data=network.spikes(inputs))
    synapses = tuple(_dense(layer) for layer in network.layers)
    neurons = tuple(_neurons(network, number) for number in range(len(network.layers)))
    spikes = source.s_out
    for dense, population in zip(synapses, neurons, strict=True):
        spikes.connect(dense.s_in)
        dense.a_out.connect(population.a_in)
        spikes = population.s_out
    return Processes(source, synapses, neurons)


def _dense(layer: LavaLayer) -> Any:
    # A signed number of b bits sits at the top of Lava's nine; the exponent takes that back.
    lift = MIXED_BITS - layer.weight_bits
    return Dense(
        weights=layer.weights.astype(np.int32) << lift,
        weight_exp=layer.exponent - lift,
        num_weight_bits=layer.weight_bits,
        sign_mode=SignMode.MIXED,
    )


def _neurons(network: LavaNetwork, number: int) -> Any:
    layer = network.layers[number]
    process = {"hard": LIFReset, "soft": SoftLIF}[layer.reset]
    return process(
        shape=(layer.weights.shape[0],),
        du=NO_CURRENT_MEMORY,
        dv=layer.decay,
        bias_mant=layer.bias,
        bias_exp=layer.bias_exponent,
        vth=layer.threshold,
        reset_interval=network.period if layer.keeps else 1,
        reset_offset=network.first_step(number) if layer.keeps else 0,
    )
