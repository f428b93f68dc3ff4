"""Random small cores, over every mode and over widths at which registers do overflow."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from .arithmetic import Register, nearest
from .config import Convolution, CoreConfig, LayerConfig, Pool
from .core import NaiveCore

MAX_NEURONS = 12
MAX_SIDE = 5
MAX_T = 5
NO_SPREAD, SMALL, FULL, ENDS = "zero", "small", "full", "ends"
"""How parameters are spread over their registers."""


@dataclass(frozen=True)
class Case:
    """A core and what it is given; indexed as NaiveCore's arguments are."""

    config: CoreConfig
    weights: list[list[list[int]]]
    biases: list[list[int]]
    feedback: list[list[list[int]]] | None
    shadows: list[list[list[int]]] | None
    samples: list[Any]
    """n_in integers each, or T lists of n_in zeros and ones for encoding "spikes"."""
    labels: list[int]
    learned_before: int
    """Samples learned before the first one."""
    epoch: int
    indices: list[int]

    def core(self) -> NaiveCore:
        """A fresh core."""
        return NaiveCore(self.config, self.weights, self.biases, self.feedback, self.shadows)


def registers(least: int, most: int) -> st.SearchStrategy[Register]:
    """Signed registers with every way to overflow, narrow ones more often."""
    bits = st.one_of(st.integers(least, min(least + 4, most)), st.integers(least, most))
    overflow = st.sampled_from(["saturate", "wrap"])
    return st.builds(Register, bits=bits, overflow=overflow, symmetric=st.booleans())


DECAYS = st.one_of(st.sampled_from([1, 410, 1024, 2048, 4096]), st.integers(1, 4096))
SHIFTS = st.one_of(st.integers(-2, 7), st.integers(-2, 20))
ENTRIES = st.one_of(
    st.just(CoreConfig.entries),
    st.lists(st.integers(0, 16), min_size=16, max_size=16).map(tuple),
)


@st.composite
def layer_configs(
    draw: st.DrawFn, n_in: int, n_out: int, membrane: Register, trace_bits: int
) -> LayerConfig:
    """One weight layer; trace_d is set by the network."""
    theta = draw(st.integers(1, min(membrane.maximum, 2**14)))
    return LayerConfig(
        n_in=n_in,
        n_out=n_out,
        fw=draw(st.integers(-1, 14)),
        fv=draw(st.integers(0, 14)),
        bias_exp=draw(st.integers(0, 7)),
        bias_learned=draw(st.booleans()),
        d=draw(DECAYS),
        theta=theta,
        fires=draw(st.sampled_from([">=", ">"])),
        reset=draw(st.sampled_from(["soft", "hard"])),
        v_reset=draw(st.integers(-theta + 1, theta)),
        win=draw(st.integers(1, 2 * theta)),
        fx=draw(st.integers(max(0, trace_bits - 6), trace_bits)),
        fd=draw(st.integers(0, 10)),
        fb=draw(st.integers(0, 8)),
        f_sign=draw(st.integers(0, 8)),
        k=draw(SHIFTS),
        kb=draw(SHIFTS),
        pg=draw(st.integers(0, 8)),
    )


@st.composite
def core_configs(draw: st.DrawFn, max_hidden: int = 3) -> CoreConfig:
    """A core with one to three hidden layers of 1..12 neurons, over all modes."""
    sizes = draw(st.lists(st.integers(1, MAX_NEURONS), min_size=3, max_size=max_hidden + 2))
    membrane = draw(registers(6, 32))
    trace_bits = draw(st.integers(3, 16))
    layers = [
        draw(layer_configs(n_in, n_out, membrane, trace_bits)) for n_in, n_out in pairwise(sizes)
    ]
    decays = [layers[0].d] + [layer.d for layer in layers[:-1]]
    weight_bits = draw(st.integers(2, 16))
    shadows = st.just(0)
    if weight_bits < 16:
        shadows = st.one_of(shadows, st.integers(weight_bits + 1, 16))
    current = draw(st.one_of(st.none(), registers(8, 32)))
    currents = DECAYS if current is not None else st.just(4096)
    narrower = st.builds(replace, st.just(membrane), bits=st.integers(6, membrane.bits))
    membranes = st.one_of(st.none(), narrower)
    modes = st.sampled_from
    return CoreConfig(
        layers=tuple(
            replace(
                layer,
                trace_d=d,
                current_d=draw(st.one_of(st.just(4096), currents)),
                weight_bits=draw(st.one_of(st.just(0), st.integers(2, weight_bits))),
                membrane=draw(membranes) if ell == len(layers) - 1 else None,
            )
            for ell, (layer, d) in enumerate(zip(layers, decays, strict=True))
        ),
        T=draw(st.integers(1, MAX_T)),
        seed=draw(st.integers(0, 2**64 - 1)),
        encoding=draw(modes(["graded", "rate", "bernoulli", "spikes"])),
        in_bits=draw(st.integers(1, 8)),
        trace_input=draw(st.booleans()),
        accumulator=replace(draw(registers(8, 32)), symmetric=False),
        current=current,
        membrane=membrane,
        surrogate=draw(modes(["boxcar", "triangle", "table"])),
        entries=draw(ENTRIES),
        trace_bits=trace_bits,
        trace_rounding=draw(modes(["floor", "nearest", "stochastic"])),
        readout=draw(modes(["linear", "leaky", "spiking"])),
        output_d=draw(DECAYS),
        loss=draw(modes(["ce", "mse"])),
        error_bits=draw(st.integers(2, 8)),
        feedback=draw(modes(["symmetric", "sign", "random", "direct"])),
        delta_bits=draw(st.integers(3, 8)),
        delta_rounding=draw(modes(["nearest", "stochastic"])),
        update=draw(modes(["online", "accumulate", "last"])),
        gradient_bits=draw(st.one_of(st.integers(8, 12), st.integers(8, 32))),
        weight_bits=weight_bits,
        shadow_bits=draw(shadows),
        rounding=draw(modes(["floor", "toward_zero", "nearest", "stochastic"])),
        random_words=draw(modes(["separable", "synapse", "step"])),
        bias_bits=draw(st.integers(2, 16)),
    )


@st.composite
def convolutional_configs(draw: st.DrawFn) -> CoreConfig:
    """A core with one to three hidden layers, convolutions first, with and without pools."""
    config = draw(core_configs())
    side = st.integers(1, MAX_SIDE)
    shape: tuple[int, ...] = (draw(st.integers(1, 3)), draw(side), draw(side))
    layers: list[LayerConfig] = []
    for number, layer in enumerate(config.layers):
        pool = None
        if number > 0 and len(shape) == 3 and min(shape[1:]) > 1 and draw(st.booleans()):
            pool = Pool(*shape, side=draw(st.integers(2, min(shape[1:]))))
            shape = (pool.channels, pool.height // pool.side, pool.width // pool.side)
        is_last = number == config.L - 1
        if is_last or len(shape) == 1 or (number > 0 and draw(st.integers(0, 3)) == 0):
            n_in = math.prod(shape)
            shape = (layer.n_out,)
            layer = replace(layer, n_in=n_in, pool=pool)
        else:
            convolution = draw(convolutions(shape))
            shape = (convolution.c_out, convolution.h_out, convolution.w_out)
            layer = replace(
                layer,
                n_in=convolution.n_in,
                n_out=convolution.n_out,
                convolution=convolution,
                pool=pool,
            )
        layers.append(replace(layer, f_pool=0 if pool is None else draw(st.integers(0, 5))))
    return replace(config, layers=tuple(layers), feedback="symmetric")


@st.composite
def convolutions(draw: st.DrawFn, shape: tuple[int, ...]) -> Convolution:
    """One that fits the shape (channels, height, width)."""
    padding = draw(st.integers(0, 2))
    channels, height, width = shape
    return Convolution(
        channels,
        height,
        width,
        c_out=draw(st.integers(1, 3)),
        kernel=draw(st.integers(1, min(4, min(shape[1:]) + 2 * padding))),
        stride=draw(st.integers(1, 3)),
        padding=padding,
    )


def spread(rng: random.Random, register: Register, style: str) -> int:
    """A number of a register."""
    low, high = register.minimum, register.maximum
    if style == NO_SPREAD:
        return 0
    if style == ENDS:
        return rng.choice([low, high, 0])
    if style == SMALL:
        low, high = -(-low // 4), high // 4
    return rng.randint(low, high)


def matrix(
    rng: random.Random, rows: int, columns: int, register: Register, style: str
) -> list[list[int]]:
    return [[spread(rng, register, style) for _ in range(columns)] for _ in range(rows)]


def make_sample(rng: random.Random, config: CoreConfig, density: float) -> list[Any]:
    """One input, about the given share of it not 0."""
    full_scale = 2**config.in_bits - 1

    def value(largest: int) -> int:
        return rng.randint(1, largest) if rng.random() < density else 0

    n_in = config.layers[0].n_in
    if config.encoding == "spikes":
        return [[value(1) for _ in range(n_in)] for _ in range(config.T)]
    return [value(full_scale) for _ in range(n_in)]


@st.composite
def core_cases(draw: st.DrawFn, max_samples: int = 3, max_hidden: int = 3) -> Case:
    """A random core with parameters, samples, labels, and a place in a run of learning.

    Sizes, modes and widths are drawn by hypothesis and shrink; the numbers in the arrays come from
    one drawn seed, so that a case stays small to draw.
    """
    return draw(cases_of(core_configs(max_hidden), max_samples))


@st.composite
def cases_of(draw: st.DrawFn, configs: st.SearchStrategy[CoreConfig], max_samples: int = 3) -> Case:
    """The same for any configurations."""
    config = draw(configs)
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    style = draw(st.sampled_from([FULL, SMALL, ENDS, FULL, SMALL, NO_SPREAD]))
    registers = [config.weight_register(ell) for ell in range(config.L)]
    weights = [
        matrix(rng, y.rows, y.columns, register, style)
        for y, register in zip(config.layers, registers, strict=True)
    ]
    shadows = None
    if config.shadow_bits and draw(st.booleans()):
        shadow_register = Register(config.shadow_bits)
        shadows = [matrix(rng, y.rows, y.columns, shadow_register, style) for y in config.layers]
        weights = [
            [
                [register.fit(nearest(h, config.shadow_bits - register.bits)) for h in row]
                for row in m
            ]
            for m, register in zip(shadows, registers, strict=True)
        ]
    bias_register = Register(config.bias_bits)
    bias_style = draw(st.sampled_from([SMALL, FULL, NO_SPREAD]))
    biases = [matrix(rng, 1, y.columns, bias_register, bias_style)[0] for y in config.layers]
    classes = config.layers[-1].n_out
    samples = range(draw(st.integers(1, max_samples)))
    density = draw(st.sampled_from([0.3, 0.9, 1.0]))
    return Case(
        config=config,
        weights=weights,
        biases=biases,
        feedback=make_feedback(rng, config),
        shadows=shadows,
        samples=[make_sample(rng, config, density) for _ in samples],
        labels=[rng.randrange(classes) for _ in samples],
        learned_before=draw(st.one_of(st.integers(0, 3), st.integers(0, 2**40))),
        epoch=draw(st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1))),
        indices=[draw(st.integers(0, 2**32 - 1)) for _ in samples],
    )


def make_feedback(rng: random.Random, config: CoreConfig) -> list[list[list[int]]] | None:
    """B_l, int8, for l >= 1 where the mode has it; B_0 is empty."""
    if config.feedback not in ("random", "direct"):
        return None
    classes = config.layers[-1].n_out
    return [[]] + [
        matrix(rng, y.n_in, classes if config.feedback == "direct" else y.n_out, Register(8), FULL)
        for y in config.layers[1:]
    ]
