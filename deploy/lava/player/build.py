"""From a network's integers to connected Lava processes: spikes, Conv, neurons, Pool, Dense, ..."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from lava.proc.conv.process import Conv
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIFReset
from lava.utils.weightutils import SignMode
from numpy.typing import NDArray

from neurochip.deploy.lava.player.network import LavaLayer, LavaNetwork, to_lava
from neurochip.deploy.lava.player.processes.pool import Pool
from neurochip.deploy.lava.player.processes.soft_lif import SoftLIF

__all__ = ["Processes", "build"]

#: Bits of a weight as Lava holds it where both signs occur; the lowest is always 0.
MIXED_BITS = 9


class Processes(NamedTuple):
    """The processes of a network: all, each after those that it hears, and the neurons apart."""

    in_order: tuple[Any, ...]
    neurons: tuple[Any, ...]

    @property
    def source(self) -> Any:
        """What sends the inputs."""
        return self.in_order[0]


def build(network: LavaNetwork, inputs: NDArray[Any]) -> Processes:
    """Make the processes that show all samples, one after the other.

    Args:
        network: what is built.
        inputs: (n, T, n_in) of 0 and 1.
    """
    source = RingBuffer(data=network.spikes(inputs))
    in_order, neurons = [source], []
    spikes = source.s_out
    for number, layer in enumerate(network.layers):
        if layer.pool > 1:
            pool = Pool(shape=spikes.shape, side=layer.pool)
            spikes.connect(pool.s_in)
            in_order.append(pool)
            spikes = pool.s_out
        synapses = _conv(layer) if layer.is_convolution else _dense(layer)
        population = _neurons(network, number)
        if layer.is_convolution or len(layer.axons) == 1:
            spikes.connect(synapses.s_in)
        else:
            # From (width, height, channels) to the order of the weights.
            spikes.transpose([2, 1, 0]).flatten().connect(synapses.s_in)
        synapses.a_out.connect(population.a_in)
        in_order += [synapses, population]
        neurons.append(population)
        spikes = population.s_out
    return Processes(tuple(in_order), tuple(neurons))


def _dense(layer: LavaLayer) -> Any:
    # A signed number of b bits sits at the top of Lava's nine; the exponent takes that back.
    lift = MIXED_BITS - layer.weight_bits
    return Dense(
        weights=layer.weights.astype(np.int32) << lift,
        weight_exp=layer.exponent - lift,
        num_weight_bits=layer.weight_bits,
        num_message_bits=_message_bits(layer),
        sign_mode=SignMode.MIXED,
    )


def _conv(layer: LavaLayer) -> Any:
    # Lava's Conv turns kernels round, takes (c_out, width, height, c_in), and scales by nothing.
    turned = layer.weights[:, :, ::-1, ::-1]
    return Conv(
        weight=np.ascontiguousarray(to_lava(turned, len(layer.axons))).astype(np.int32)
        << layer.exponent,
        input_shape=tuple(reversed(layer.axons)),
        stride=layer.stride,
        padding=layer.padding,
        num_message_bits=_message_bits(layer),
    )


def _message_bits(layer: LavaLayer) -> int:
    """Bits of a count of spikes; 0 where messages are spikes."""
    return layer.largest_count.bit_length() if layer.pool > 1 else 0


def _neurons(network: LavaNetwork, number: int) -> Any:
    layer = network.layers[number]
    process = {"hard": LIFReset, "soft": SoftLIF}[layer.reset]
    return process(
        shape=tuple(reversed(layer.shape)),
        du=layer.current_decay,
        dv=layer.decay,
        bias_mant=np.ascontiguousarray(to_lava(layer.biases, len(layer.shape))),
        bias_exp=layer.bias_exponent,
        vth=layer.threshold,
        reset_interval=network.period if layer.keeps else 1,
        reset_offset=network.first_step(number) if layer.keeps else 0,
    )
