"""Random chips that Lava can express, with their integers set directly, and samples for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from neurochip import fixed, hardware
from neurochip.chip import Chip
from neurochip.deploy.lava.player.network import LavaLayer, LavaNetwork
from neurochip.deploy.states import LayerStates, Recording
from neurochip.mapping import Integers
from neurochip.network import (
    LI,
    LIF,
    AvgPool,
    Conv2d,
    Dense,
    Flatten,
    Network,
    Parameters,
    SumPool,
)

from ...naive import lava as naive


@dataclass(frozen=True)
class Case:
    """What a random chip is made of."""

    sizes: tuple[int, ...]
    weight_bits: int = 8
    exponent: int = 0
    threshold: int = 64
    lam: float = 0.5
    current_lam: float = 0.0
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
            tuple(np.ones(layer.weight_shape) for layer in network.weight_layers),
            tuple(np.zeros(layer.n_out) for layer in network.weight_layers),
        )
        chip = Chip(network, model, encoding="spikes", parameters=ones)
        chip.load(self.integers(), epoch=0, n_learned=0, rate_shifts=None)
        return chip

    def network(self, v_th: float = 1.0) -> Network:
        lif = LIF(self.lam, v_th, reset=self.reset, fires=">", current_lam=self.current_lam)
        layers = self.below_dense(lif)
        for n_in, n_out in pairwise(self.dense_sizes()):
            layers += [Dense(n_in, n_out), lif]
        ends: dict[str, list[Any]] = {"linear": [], "leaky": [LI(self.lam)], "spiking": [lif]}
        return Network((*layers[:-1], *ends[self.readout]), self.timesteps, self.in_shape())

    def below_dense(self, lif: LIF) -> list[Any]:
        """The layers below the first Dense."""
        return []

    def dense_sizes(self) -> tuple[int, ...]:
        """Inputs and outputs of the Dense layers."""
        return self.sizes

    def in_shape(self) -> tuple[int, ...]:
        return self.sizes[:1]

    def integers(self) -> Integers:
        rng = np.random.default_rng(self.seed)
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        layers = self.network().weight_layers
        weights = [
            rng.integers(low, high, (layer.fan_in, layer.n_out), endpoint=True, dtype=np.int8)
            for layer in layers
        ]
        if self.extreme:
            weights[0][:] = rng.choice([low, high], weights[0].shape[1])
        biases = tuple(
            rng.integers(-4096, 4095, layer.n_out, endpoint=True, dtype=np.int32)
            for layer in layers
        )
        return Integers(tuple(weights), (), biases, ())

    def samples(self, n: int = 2) -> np.ndarray:
        rng = np.random.default_rng(self.seed + 1)
        shape = (n, self.timesteps, math.prod(self.in_shape()))
        return (rng.random(shape) < self.density).astype(np.uint8)


@dataclass(frozen=True)
class Stage:
    """A convolution and its neurons, behind a pool of the spikes below."""

    c_out: int
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    pool: AvgPool | SumPool | None = None

    def layers(self, shape: tuple[int, ...], lif: LIF) -> list[Any]:
        """As a network has them, on a population of this shape."""
        pools = [self.pool] if self.pool else []
        convolution = Conv2d(shape[0], self.c_out, self.kernel, self.stride, self.padding)
        return [*pools, convolution, lif]


@dataclass(frozen=True)
class ImageCase(Case):
    """Convolutions below the Dense layers, of which ``sizes`` are the outputs."""

    shape: tuple[int, int, int] = (1, 4, 4)
    stages: tuple[Stage, ...] = ()
    last_pool: AvgPool | SumPool | None = None
    """Between the last convolution and the first Dense."""

    def below_dense(self, lif: LIF) -> list[Any]:
        layers: list[Any] = []
        for stage in self.stages:
            layers += stage.layers(self.shape_above(layers), lif)
        if self.last_pool:
            layers.append(self.last_pool)
        return [*layers, Flatten()]

    def shape_above(self, layers: list[Any]) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.shape
        for layer in layers:
            shape = layer.out_shape(shape)
        return shape

    def dense_sizes(self) -> tuple[int, ...]:
        return (*self.shape_above(self.below_dense(LIF())), *self.sizes)

    def in_shape(self) -> tuple[int, ...]:
        return self.shape


def current_decays(lam: float) -> Any:
    """What neurons may keep of their currents: nothing where they keep nothing of membranes."""
    some = st.one_of(st.sampled_from([0.0, 0.0, 0.5]), st.floats(0.0, 0.9998))
    return some if lam > 1 / 4096 else st.just(0.0)


@st.composite
def cases(draw: Any) -> Case:
    """Small networks of every width, exponent, threshold, leak, reset and read-out."""
    hidden = draw(st.lists(st.integers(1, 6), max_size=2))
    lam = draw(st.one_of(st.sampled_from([0.0, 0.5]), st.floats(0.0, 0.9997)))
    return Case(
        sizes=(draw(st.integers(1, 12)), *hidden, draw(st.integers(1, 4))),
        weight_bits=draw(st.integers(2, 8)),
        exponent=draw(st.integers(0, 4)),
        threshold=draw(st.one_of(st.integers(1, 400), st.integers(1, 131071))),
        lam=lam,
        current_lam=draw(current_decays(lam)),
        reset=draw(st.sampled_from(["hard", "soft"])),
        readout=draw(st.sampled_from(["linear", "leaky", "spiking"])),
        timesteps=draw(st.integers(1, 12)),
        seed=draw(st.integers(0, 2**32 - 2)),
        density=draw(st.sampled_from([0.1, 0.5, 1.0])),
    )


POOLS = [None, None, AvgPool(2), SumPool(2), AvgPool(4), SumPool(3)]


@st.composite
def image_cases(draw: Any) -> ImageCase:
    """Small networks of one or two convolutions with every side, stride, padding and pool."""
    channels, height, width = (
        draw(st.integers(1, 3)),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 8)),
    )
    stages: list[Stage] = []
    lam = draw(st.sampled_from([0.0, 0.5, 0.9]))
    case = ImageCase((), shape=(channels, height, width))
    for number in range(draw(st.integers(1, 2))):
        shape = case.shape_above(case.below_dense(LIF())[:-1])
        pool = draw(fitting_pools(shape)) if number else None
        _, *sides = pool.out_shape(shape) if pool else shape
        padding = draw(st.integers(0, 2))
        kernel = draw(st.integers(1, min(4, min(sides) + 2 * padding)))
        stage = Stage(draw(st.integers(1, 3)), kernel, draw(st.integers(1, 3)), padding, pool)
        stages.append(stage)
        case = replace(case, stages=tuple(stages))
    return replace(
        case,
        last_pool=draw(fitting_pools(case.shape_above(case.below_dense(LIF())[:-1]))),
        sizes=(*draw(st.lists(st.integers(1, 5), max_size=1)), draw(st.integers(1, 4))),
        weight_bits=draw(st.integers(2, 8)),
        exponent=draw(st.integers(0, 3)),
        threshold=draw(st.one_of(st.integers(1, 400), st.integers(1, 131071 >> 4))),
        lam=lam,
        current_lam=draw(current_decays(lam)),
        reset=draw(st.sampled_from(["hard", "soft"])),
        readout=draw(st.sampled_from(["linear", "leaky", "spiking"])),
        timesteps=draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 2**32 - 2)),
        density=draw(st.sampled_from([0.1, 0.5, 1.0])),
    )


def fitting_pools(shape: tuple[int, ...]) -> Any:
    """Pools whose squares fit a population."""
    return st.sampled_from([p for p in POOLS if p is None or p.kernel <= min(shape[1:])])


@st.composite
def wrapping_image_cases(draw: Any) -> ImageCase:
    """Convolutions of many channels whose currents leave 24 bits, and membranes that saturate."""
    return ImageCase(
        sizes=(2,),
        shape=(draw(st.integers(6, 15)), 6, 5),
        stages=(Stage(draw(st.integers(1, 3)), 5, 1, draw(st.integers(0, 2))),),
        exponent=3,
        threshold=draw(st.sampled_from([1, 5000, 131071])),
        lam=draw(st.sampled_from([0.0, 0.5, 0.99])),
        reset=draw(st.sampled_from(["hard", "soft"])),
        timesteps=draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 2**32 - 2)),
        extreme=True,
        density=draw(st.sampled_from([0.9, 1.0])),
    )


@st.composite
def wrapping_cases(draw: Any) -> Case:
    """Wide networks whose first currents leave 24 bits, and whose membranes saturate."""
    current_lam = draw(st.sampled_from([0.0, 0.7]))
    return Case(
        sizes=(draw(st.integers(131, 250 if current_lam else 380)), draw(st.integers(1, 4)), 2),
        exponent=3,
        threshold=draw(st.sampled_from([1, 5000, 131071])),
        lam=draw(st.sampled_from([0.5, 0.99] if current_lam else [0.0, 0.5, 0.99])),
        current_lam=current_lam,
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
    synapses = [naive_synapses(layer) for layer in network.layers]
    neurons = [
        naive.LIF(
            n=math.prod(layer.shape),
            du=layer.current_decay,
            dv=layer.decay,
            bias_mant=layer.biases.ravel().tolist(),
            bias_exp=layer.bias_exponent,
            vth=layer.threshold,
            interval=network.period if layer.keeps else 1,
            offset=number + 2,
            soft=layer.reset == "soft",
        )
        for number, layer in enumerate(network.layers)
    ]
    history: list[dict[str, list]] = [{"u": [], "v": [], "s": []} for _ in neurons]
    silence = [[0] * network.n_in] * len(network.layers)
    source = [row for sample in inputs.tolist() for row in (*sample, *silence)]
    for step in range(steps):
        spikes = source[step]
        for stages, population, states in zip(synapses, neurons, history, strict=True):
            for stage in stages:
                spikes = stage.step(spikes)
            spikes = population.step(spikes)
            for state, values in (("u", population.u), ("v", population.v), ("s", spikes)):
                states[state].append(list(values))
    layers = tuple(
        LayerStates(
            layer.name,
            {state: by_sample(network, n, np.array(rows)) for state, rows in states.items()},
        )
        for n, (layer, states) in enumerate(zip(network.layers, history, strict=True))
    )
    return Recording(inputs, layers)


def naive_synapses(layer: LavaLayer) -> list[Any]:
    """The twins of a layer's processes below its neurons."""
    graded, weights = layer.pool > 1, layer.weights.tolist()
    pools: list[Any] = [naive.Pool(layer.below, layer.pool)] if graded else []
    if layer.is_convolution:
        scaled = (layer.weights << layer.exponent).tolist()
        conv = naive.Conv(scaled, layer.axons, layer.stride, layer.padding, graded)
        return [*pools, conv]
    lift = 9 - layer.weight_bits
    lifted = [[w << lift for w in row] for row in weights]
    dense = naive.Dense(lifted, layer.exponent - lift, layer.weight_bits, graded=graded)
    return [*pools, dense]


def by_sample(network: LavaNetwork, number: int, history: np.ndarray) -> np.ndarray:
    """(steps, n) in the network's order as (samples, T, n)."""
    begins = np.arange(0, len(history), network.period) + network.first_step(number) - 1
    return history[begins[:, np.newaxis] + np.arange(network.timesteps)]


#: Cases whose outcome in Lava is kept in tests/vectors/lava.npz.
GOLDEN: dict[str, Case] = {
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
    "keeps currents": Case(
        sizes=(12, 9, 7, 3), timesteps=40, threshold=900, lam=0.8, current_lam=0.6
    ),
    "conv": ImageCase(
        sizes=(6, 3),
        shape=(2, 6, 5),
        stages=(Stage(4, 3, 1, 1), Stage(3, 2, 2, 1, AvgPool(2))),
        timesteps=40,
        threshold=200,
        lam=0.8,
    ),
    "conv, soft": ImageCase(
        sizes=(3,),
        shape=(1, 5, 7),
        stages=(Stage(3, 3, 1, 1),),
        last_pool=SumPool(2),
        weight_bits=4,
        exponent=2,
        timesteps=30,
        threshold=40,
        reset="soft",
        readout="spiking",
    ),
    "conv wraps": ImageCase(
        sizes=(2,),
        shape=(6, 6, 5),
        stages=(Stage(2, 5, 1, 1),),
        exponent=3,
        timesteps=12,
        threshold=5000,
        extreme=True,
        density=1.0,
    ),
}
