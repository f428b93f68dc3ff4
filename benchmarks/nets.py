"""The two networks that simulators of Loihi are compared on, and what a chip's integers say.

Net A: 1024 neurons that drive each other through a tenth of all synapses, about 1.9 % firing.
Net B: 784-800-10, fully connected, a tenth of the inputs spiking. Both have Loihi's neurons.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurochip as nc
from benchmarks.peers.process import Peer
from neurochip.mapping import loops_of, plan_of
from neurochip.mapping.formats import decay_factor
from neurochip.network import LIF, Dense, Feedback, Network, Parameters, Sparse

#: Net A: neurons, share of synapses, ends of weights and biases, threshold, decay.
A_NEURONS, A_DENSITY, A_WEIGHT, A_BIAS, A_THRESHOLD, A_LAM = 1024, 0.1, 8, 7, 150.0, 63 / 64
#: Net B: sizes, share of inputs that spike, threshold, decay.
B_SIZES, B_DENSITY, B_THRESHOLD, B_LAM = (784, 800, 10), 0.1, 16.0, 0.75

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Projection:
    """Synapses as another simulator takes them; populations are numbered, the inputs 0."""

    source: int
    target: int
    offsets: list[int]
    targets: list[int]
    weights: list[int]


@dataclass(frozen=True)
class Neurons:
    """A population as another simulator takes it: integers in units of the membrane."""

    bias: list[int]
    threshold: int
    decay: int
    current_decay: int


def net_a(
    timesteps: int, n: int = A_NEURONS, seed: int = 0, current_lam: float = 0.0
) -> tuple[Network, Parameters]:
    """Net A, or one of n neurons like it; its only input is silent, for biases drive it.

    With `current_lam` its neurons keep their synaptic currents, as Nengo's filters do.
    """
    rng = np.random.default_rng(seed)
    back = Sparse.random(n, n, A_DENSITY, seed, bias=False)
    weights = rng.integers(-A_WEIGHT, A_WEIGHT + 1, back.n_synapses)
    weights[weights == 0] = 1
    layers = (Sparse.between([], [], 1, n), LIF(A_LAM, A_THRESHOLD, "hard", 0.0, ">", current_lam))
    net = Network(layers, timesteps, feedback=(Feedback(1, 0, (back,)),))
    bias = rng.integers(1, A_BIAS + 1, n).astype(np.float64)
    return net, Parameters((np.zeros(0), weights.astype(np.float64)), (bias, np.zeros(n)))


def net_b(
    timesteps: int, sizes: tuple[int, ...] = B_SIZES, seed: int = 0
) -> tuple[Network, Parameters, NDArray[np.uint8]]:
    """Net B, or one of other sizes like it, and spikes for it, (1, timesteps, n_in)."""
    rng = np.random.default_rng(seed)
    lif = LIF(B_LAM, B_THRESHOLD, "hard", 0.0, ">")
    layers: list[Any] = []
    weights = []
    for n_in, n_out in pairwise(sizes):
        layers += [Dense(n_in, n_out, bias=False), lif]
        weights.append(rng.integers(-A_WEIGHT, A_WEIGHT + 1, (n_out, n_in)).astype(np.float64))
    spikes = (rng.random((1, timesteps, sizes[0])) < B_DENSITY).astype(np.uint8)
    net = Network(tuple(layers), timesteps)
    return net, Parameters(tuple(weights), tuple(np.zeros(n) for n in sizes[1:])), spikes


def chip_of(net: Network, parameters: Parameters) -> nc.Chip:
    """The network on Loihi; these weights are exact there."""
    return nc.Chip(net, hardware="loihi", parameters=parameters, encoding="spikes")


def integers_of(chip: nc.Chip) -> tuple[list[Neurons], list[Projection]]:
    """What the chip computes with, in units of its membranes (Loihi shifts weights left by 6)."""
    plan, loops, held = plan_of(chip.network), loops_of(chip.network), chip.integers
    neurons, projections = [], []
    for number, (entry, formats) in enumerate(zip(plan, chip.formats.layers, strict=True)):
        lif = entry.neuron
        assert isinstance(lif, LIF)
        bias = held.biases[number].astype(np.int64) << formats.bias_exponent
        threshold = round(lif.v_th * 2.0**formats.membrane)
        neurons.append(
            Neurons(bias.tolist(), threshold, decay_factor(lif.lam), decay_factor(lif.current_lam))
        )
        w = held.weights[number].astype(np.int64) << formats.membrane - formats.weight
        if isinstance(entry.layer, Sparse):
            offsets, targets = entry.layer.offsets, entry.layer.targets
        else:
            offsets = np.arange(entry.n_in + 1) * entry.n_out
            targets = np.tile(np.arange(entry.n_out), entry.n_in)
        rows = (offsets.tolist(), targets.tolist(), w.ravel().tolist())
        projections.append(Projection(number, number + 1, *rows))
    for number, loop in enumerate(loops, start=len(plan)):
        formats = chip.formats.layers[loop.target]
        w = held.weights[number].astype(np.int64) << formats.membrane - formats.weight
        rows = (loop.layer.offsets.tolist(), loop.layer.targets.tolist(), w.tolist())
        projections.append(Projection(loop.source + 1, loop.target + 1, *rows))
    return neurons, projections


def spikes_of(
    peer: Peer, chip: nc.Chip, inputs: NDArray[np.uint8]
) -> tuple[list[NDArray[np.bool_]], float]:
    """What NengoLoihi's emulator makes of a chip's integers.

    There a spike reaches the next population a step later, here within the step: what population l
    does at t here it does at t + l there. Biases know nothing of that: give the neurons above the
    first population none, and the first ones too where there are inputs.

    Args:
        peer: the emulator.
        chip: whose network and integers are run.
        inputs: spikes, (1, T, n_in).

    Returns:
        Spikes of each population above the inputs, (T, n), at the steps when they happen here, and
        the emulator's CPU seconds a step.
    """
    neurons, projections = integers_of(chip)
    timesteps = inputs.shape[1]
    first = 1 if inputs.any() else 0
    steps = timesteps + first + len(neurons) - 1
    answer = peer.ask(
        n_in=chip.network.n_in,
        inputs=[np.flatnonzero(frame).tolist() for frame in inputs[0]],
        neurons=[asdict(entry) for entry in neurons],
        projections=[asdict(entry) for entry in projections],
        steps=steps,
    )
    spikes = [np.zeros((timesteps, len(entry.bias)), np.bool_) for entry in neurons]
    for number, fired in enumerate(spikes):
        for t in range(timesteps):
            fired[t, answer["spikes"][t + first + number][number]] = True
    return spikes, answer["seconds"] / steps
