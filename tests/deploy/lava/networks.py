"""Random chips that Lava can express, with their integers set directly, and samples for them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from neurochip import fixed, hardware
from neurochip.chip import Chip
from neurochip.deploy.lava.player.network import LavaNetwork
from neurochip.deploy.states import LayerStates, Recording
from neurochip.mapping import Integers
from neurochip.network import LI, LIF, Dense, Network, Parameters

from ...naive import lava as naive


@dataclass(frozen=True)
class Case:
    """What a random chip is made of."""

    sizes: tuple[int, ...]
    weight_bits: int = 8
    exponent: int = 0
    threshold: int = 64
    lam: float = 0.5
    reset: Any = "hard"
    readout: str = "linear"
    timesteps: int = 4
    seed: int = 0
    extreme: bool = False
    """All weights of the first layer at one end of their range, so that u wraps around."""
    density: float = 0.4

    def chip(self) -> Chip:
        model = hardware.load("loihi").with_values(
            {
                "registers.weight.bits": self.weight_bits,
                "registers.membrane.fraction": 6 + self.exponent,
                "registers.trace.bits": 16,
                "neuron.resets": ("hard", "soft"),
            }
        )
        # Float weights of 1.0 set the format; the integers below replace them.
        fraction = fixed.fraction_for(1.0, self.weight_bits, 2.0) + self.exponent
        network = self.network(self.threshold * 2.0**-fraction)
        ones = Parameters(
            tuple(np.ones((n_out, n_in)) for n_in, n_out in pairwise(self.sizes)),
            tuple(np.zeros(n_out) for n_out in self.sizes[1:]),
        )
        chip = Chip(network, model, encoding="spikes", parameters=ones)
        chip.load(self.integers(), epoch=0, n_learned=0, rate_shifts=None)
        return chip

    def network(self, v_th: float) -> Network:
        lif = LIF(self.lam, v_th, reset=self.reset, fires=">")
        layers: list[Any] = []
        for n_in, n_out in pairwise(self.sizes):
            layers += [Dense(n_in, n_out), lif]
        ends: dict[str, list[Any]] = {"linear": [], "leaky": [LI(self.lam)], "spiking": [lif]}
        return Network((*layers[:-1], *ends[self.readout]), self.timesteps)

    def integers(self) -> Integers:
        rng = np.random.default_rng(self.seed)
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        weights = [
            rng.integers(low, high, (n_in, n_out), endpoint=True, dtype=np.int8)
            for n_in, n_out in pairwise(self.sizes)
        ]
        if self.extreme:
            weights[0][:] = rng.choice([low, high], weights[0].shape[1])
        biases = tuple(
            rng.integers(-4096, 4095, n_out, endpoint=True, dtype=np.int32)
            for n_out in self.sizes[1:]
        )
        return Integers(tuple(weights), (), biases, ())

    def samples(self, n: int = 2) -> np.ndarray:
        rng = np.random.default_rng(self.seed + 1)
        shape = (n, self.timesteps, self.sizes[0])
        return (rng.random(shape) < self.density).astype(np.uint8)


@st.composite
def cases(draw: Any) -> Case:
    """Small networks of every width, exponent, threshold, leak, reset and read-out."""
    hidden = draw(st.lists(st.integers(1, 6), max_size=2))
    return Case(
        sizes=(draw(st.integers(1, 12)), *hidden, draw(st.integers(1, 4))),
        weight_bits=draw(st.integers(2, 8)),
        exponent=draw(st.integers(0, 4)),
        threshold=draw(st.one_of(st.integers(1, 400), st.integers(1, 131071))),
        lam=draw(st.one_of(st.sampled_from([0.0, 0.5]), st.floats(0.0, 0.9997))),
        reset=draw(st.sampled_from(["hard", "soft"])),
        readout=draw(st.sampled_from(["linear", "leaky", "spiking"])),
        timesteps=draw(st.integers(1, 12)),
        seed=draw(st.integers(0, 2**32 - 2)),
        density=draw(st.sampled_from([0.1, 0.5, 1.0])),
    )


@st.composite
def wrapping_cases(draw: Any) -> Case:
    """Wide networks whose first currents leave 24 bits, and whose membranes saturate."""
    return Case(
        sizes=(draw(st.integers(131, 380)), draw(st.integers(1, 4)), 2),
        exponent=3,
        threshold=draw(st.sampled_from([1, 5000, 131071])),
        lam=draw(st.sampled_from([0.0, 0.5, 0.99])),
        reset=draw(st.sampled_from(["hard", "soft"])),
        readout=draw(st.sampled_from(["linear", "spiking"])),
        timesteps=draw(st.integers(1, 8)),
        seed=draw(st.integers(0, 2**32 - 2)),
        extreme=True,
        density=draw(st.sampled_from([0.9, 1.0])),
    )


def naive_run(network: LavaNetwork, inputs: np.ndarray) -> Recording:
    """The network on the twin of Lava, as `drive` runs it on Lava."""
    steps = len(inputs) * network.period
    synapses, neurons = [], []
    for number, layer in enumerate(network.layers):
        lift = 9 - layer.weight_bits
        weights = [[w << lift for w in row] for row in layer.weights.tolist()]
        synapses.append(naive.Dense(weights, layer.exponent - lift, layer.weight_bits))
        neurons.append(
            naive.LIF(
                n=len(weights),
                du=4095,
                dv=layer.decay,
                bias_mant=layer.bias.tolist(),
                bias_exp=layer.bias_exponent,
                vth=layer.threshold,
                interval=network.period if layer.keeps else 1,
                offset=number + 2,
                soft=layer.reset == "soft",
            )
        )
    history: list[dict[str, list]] = [{"u": [], "v": [], "s": []} for _ in neurons]
    source = network.spikes(inputs).T.tolist()
    for step in range(steps):
        spikes = source[step]
        for dense, population, states in zip(synapses, neurons, history, strict=True):
            spikes = population.step(dense.step(spikes))
            for state, values in (("u", population.u), ("v", population.v), ("s", spikes)):
                states[state].append(list(values))
    layers = tuple(
        LayerStates(
            layer.name,
            {state: network.by_sample(n, np.array(rows)) for state, rows in states.items()},
        )
        for n, (layer, states) in enumerate(zip(network.layers, history, strict=True))
    )
    return Recording(inputs, layers)


#: Cases whose outcome in Lava is kept in tests/vectors/lava.npz.
GOLDEN = {
    "hard": Case(sizes=(12, 9, 7, 3), timesteps=40, threshold=256, lam=0.8),
    "soft": Case(sizes=(12, 9, 3), timesteps=40, threshold=100, reset="soft", readout="spiking"),
    "leaky": Case(sizes=(8, 6, 3), weight_bits=4, timesteps=40, threshold=8, readout="leaky"),
    "forgets": Case(sizes=(8, 6, 3), weight_bits=2, timesteps=20, threshold=2, lam=0.0),
    "wraps": Case(
        sizes=(150, 4, 2), exponent=3, timesteps=12, threshold=5000, extreme=True, density=1.0
    ),
    "saturates": Case(
        sizes=(120, 4, 2),
        exponent=3,
        timesteps=12,
        threshold=131071,
        lam=0.99,
        extreme=True,
        density=1.0,
    ),
}
