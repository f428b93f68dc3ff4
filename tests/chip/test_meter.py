"""The chip's meter against every event followed along every synapse, and against its own parts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurochip.chip import Chip
from neurochip.chip.account import PHASES, Account
from neurochip.chip.core import UPDATES
from neurochip.chip.meter import TICKS_PER_NANOSECOND
from neurochip.data import Split
from neurochip.hardware import EVENTS, Hardware, cost_table
from neurochip.mapping import CHIP_WIDTHS, Widths, plan_of
from neurochip.mapping.formats import FEEDBACK_BITS
from neurochip.mapping.plan import chip_order
from neurochip.network import (
    LIF,
    AvgPool,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    Network,
    Reshape,
    Sparse,
)
from neurochip.rules import OTTT
from tests.mapping.nets import chip as small_chip
from tests.mapping.nets import core_of_neurons
from tests.naive import connections as naive
from tests.naive.account import Events, Follower, Layer, Loop, Sample, Shape, Work
from tests.naive.connections import hops

SAMPLES = 3
TIMESTEPS = 3


def dense(*sizes: int) -> tuple[Network, list[Layer]]:
    layers = [
        Layer(naive.full(n, m), [[i] for i in range(n)], False, []) for n, m in pairwise(sizes)
    ]
    return Network.mlp(sizes, timesteps=TIMESTEPS), layers


def convolutional() -> tuple[Network, list[Layer]]:
    """2 x 5 x 5 - 3 channels of 3x3, padded - pool of 2, which leaves a border out - 4 of 2x2 with
    stride 2 - 3.
    """
    layers = (
        *(Conv2d(2, 3, 3, padding=1), LIF(), AvgPool(2)),
        *(Conv2d(3, 4, 2, stride=2, padding=1), LIF(), Flatten(), Dense(16, 3)),
    )
    first = naive.convolution((2, 5, 5), (3, 5, 5), 3, 1, 1)
    second = naive.convolution((3, 2, 2), (4, 2, 2), 2, 2, 1)
    square = naive.pool((3, 5, 5), 2)
    pooled = [[i for i, row in enumerate(square) if row[neuron]] for neuron in range(75)]
    return Network(layers, TIMESTEPS, (2, 5, 5)), [
        Layer(first, [[i] for i in range(50)], True, []),
        Layer(second, pooled, True, []),
        Layer(naive.full(16, 3), [[i] for i in range(16)], False, []),
    ]


NETS = {"mlp": dense(7, 9, 5, 4), "one layer": dense(6, 5), "conv": convolutional()}
#: Network, neurons a core, rule and encoding.
CASES = [
    ("mlp", 4, OTTT("online"), "graded"),
    ("mlp", 1024, OTTT("accumulate"), "bernoulli"),
    ("mlp", 3, OTTT("accumulate", feedback="sign"), "spikes"),
    ("mlp", 4, OTTT("last", feedback="random"), "rate"),
    ("mlp", 2, OTTT("online", feedback="direct"), "rate"),
    ("one layer", 2, OTTT("accumulate"), "rate"),
    ("conv", 20, OTTT("online"), "bernoulli"),
    ("conv", 1024, OTTT("accumulate"), "graded"),
    ("conv", 7, OTTT("last"), "rate"),
]


def hardware(neurons: int) -> Hardware:
    """A mesh of 4 x 4 tiles of 2 cores, and a word of 20 bits, in which rows don't end evenly."""
    values = {"limits.cores_per_tile": 2, "limits.weight_word": 20}
    limits = {"neurons_per_core": neurons}
    return small_chip(cores=32, width=4, height=4, **limits).with_values(values)


def chip_of(case: tuple[str, int, OTTT, Any], schedule: Any = "layered") -> Chip:
    name, neurons, rule, encoding = case
    network, _ = NETS[name]
    rule = replace(rule, rate_shifts=(1,) * len(network.weight_layers))
    widths = Widths((5, 8, 3)) if (name, neurons) == ("mlp", 4) else CHIP_WIDTHS
    return Chip(
        network, hardware(neurons), rule, 5, encoding=encoding, schedule=schedule, widths=widths
    )


def samples(chip: Chip, n: int = SAMPLES) -> Split:
    """Samples with silent inputs, the last one all silent."""
    random = np.random.default_rng(1)
    x = random.random((n, chip.network.n_in)) * (random.random((n, chip.network.n_in)) < 0.4)
    x[-1] = 0
    if chip.encoding == "spikes":
        x = np.ceil(x)
    return Split(x, random.integers(chip.network.n_out, size=n))


def shape_of(chip: Chip, layers: list[Layer], loops: list[Loop]) -> Shape:
    slices, registers = chip.map.slices, chip.hardware.registers
    parts = [
        list(zip(slices.first[own].tolist(), slices.last[own].tolist(), strict=True))
        for own in map(slices.of, range(len(layers) + 1))
    ]
    for layer, projection, own in zip(layers, plan_of(chip.network), parts[1:], strict=True):
        layer.weights = [min(b - a, projection.columns) * projection.rows for a, b in own]
    return Shape(
        layers,
        core_of_neurons(chip.map),
        parts,
        chip.rule.update,
        chip.rule.feedback,
        bool(chip.formats.traced_input),
        20,
        [chip.map.demand.synapse(number + 1) for number in range(len(layers))],
        registers.gradient.bits.value,
        FEEDBACK_BITS,
        2,
        4,
        loops,
    )


def sample_of(chip: Chip, x: NDArray[Any], label: int, index: int) -> Sample:
    seen, plan = chip.observe(x, label, index), plan_of(chip.network)
    below = [chip_order(projection.axons) for projection in plan]
    above = [chip_order(projection.neurons) for projection in plan]

    def placed(parts: Any, orders: list[Any]) -> Any:
        flags = [part[:, order] != 0 for part, order in zip(parts, orders, strict=True)]
        return [[part[t].tolist() for part in flags] for t in range(TIMESTEPS)]

    sends = placed(seen.signal, [below[0], *above])
    held = [
        (v[:, order] != 0) | (np.resize(biases, v.shape[1]) != 0)
        for v, order, biases in zip(seen.v_pre, above, chip.integers.biases, strict=True)
    ]
    holds = [[part[t].tolist() for part in held] for t in range(TIMESTEPS)]
    return Sample(sends, placed(seen.factor, below), placed(seen.delta, above), holds)


def events_of(counts: NDArray[np.int64]) -> dict[Any, dict[str, int]]:
    return {
        (PHASES[phase], layer, core): {EVENTS[k]: int(n) for k, n in enumerate(row) if n}
        for phase, of_phase in enumerate(counts)
        for layer, of_layer in enumerate(of_phase)
        for core, row in enumerate(of_layer)
        if row.any()
    }


def summed(steps: list[Events]) -> dict[Any, dict[str, int]]:
    total: Events = {}
    for step in steps:
        for where, events in step.items():
            total.setdefault(where, type(events)()).update(events)
    return {where: dict(events) for where, events in total.items() if events}


def picoseconds(chip: Chip, shape: Shape, works: list[Work], *, learning: bool) -> int:
    """The phases of all steps, each as long as its slowest pipeline."""
    ns = dict(zip(EVENTS, cost_table(chip.hardware).time.tolist(), strict=True))
    ps = {event: round(n * TICKS_PER_NANOSECOND) for event, n in ns.items()}
    total = 0
    for work in works:
        lasts: dict[str, int] = {}
        for (moment, core, pipeline), events in work.items():
            ends = sum(n * ps[event] for event, n in events.items())
            if pipeline == "in" and ends:
                ends += lead(shape, ps, moment, core)
            lasts[moment] = max(lasts.get(moment, 0), ends)
        total += sum(n for moment, n in lasts.items() if learning or moment.startswith("spikes"))
    return total


def barrier_of(chip: Chip) -> int:
    """Picoseconds, whole ones."""
    return round(cost_table(chip.hardware).barrier[chip.map.n_tiles] * TICKS_PER_NANOSECOND)


def lead(shape: Shape, ps: dict[str, int], moment: str, core: int) -> int:
    """The first message that could be at a core."""
    kind, number = moment.split()
    population = int(number)
    sent: tuple[str, ...] = ()
    if population:
        sent = ("neuron_active", "neuron_fired", "message_out")
    if kind == "errors":
        population, sent = population + 1, ("error_message",)
        if shape.feedback == "direct":
            population = len(shape.layers)
    homes = {max(home, 0) for home in shape.homes[population]}
    ways = [hops(home, core, shape.cores_a_tile, shape.width) for home in homes]
    hop = min(x * ps["hop_east_west"] + y * ps["hop_north_south"] for x, y in ways)
    return sum(ps[event] for event in sent) + hop + ps["spike_in_tile"]


def followed(
    chip: Chip, layers: list[Layer], data: Split, loops: list[Loop] | None = None
) -> tuple[Shape, list[Events], list[Work]]:
    """The mapped network, and the events and the work of every step of some samples."""
    shape = shape_of(chip, layers, loops or [])
    followers = [
        Follower(shape, sample_of(chip, x, int(y), index))
        for index, (x, y) in enumerate(zip(data.x, data.y, strict=True))
    ]
    steps = [step for follower in followers for step in follower.steps]
    return shape, steps, [work for follower in followers for work in follower.works]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2].update}-{case[3]}")
def test_every_event_and_tick(case: tuple[str, int, OTTT, Any]) -> None:
    chip, layers = chip_of(case), NETS[case[0]][1]
    data = samples(chip)
    shape, steps, works = followed(chip, layers, data)
    told = chip.costs(data)
    assert events_of(told.counts) == summed(steps)
    barrier = barrier_of(chip)
    without = picoseconds(chip, shape, works, learning=False) / SAMPLES + TIMESTEPS * barrier
    both = picoseconds(chip, shape, works, learning=True) / SAMPLES + TIMESTEPS * barrier
    assert told.inference_time.known == pytest.approx(without, rel=1e-12)
    assert (told.inference_time + told.learning_time).known == pytest.approx(both, rel=1e-12)
    inference = chip.evaluate(data).account
    assert not inference.counts[1:].any()
    assert np.array_equal(inference.counts[0], told.counts[0])
    assert inference.inference_time == told.inference_time


def by_steps(chip: Chip, data: Split, order: list[int]) -> tuple[NDArray[np.int64], float]:
    """Learn samples step by step; the sums of counts, and of durations in ps."""
    counts, duration = np.zeros((), np.int64), 0.0
    for sample in order:
        chip.start(data.x[sample], int(data.y[sample]), sample)
        for t in range(TIMESTEPS):
            step = chip.step()
            assert step.t == t
            counts, duration = counts + step.counts, duration + step.duration.known
    return counts, duration


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2].update}-{case[3]}")
def test_steps_are_those_of_a_stream(case: tuple[str, int, OTTT, Any]) -> None:
    """Learning step by step gives the weights, events and time of an epoch."""
    from neurochip.chip.order import shuffled

    stream, single = chip_of(case), chip_of(case)
    data = samples(stream, 5)
    (record,) = stream.learn(data)
    assert isinstance(record.account, Account)
    counts, duration = by_steps(single, data, shuffled(5, 5, 0).tolist())
    for a, b in zip(stream.integers.weights, single.integers.weights, strict=True):
        assert np.array_equal(a, b)
    assert stream.n_learned == single.n_learned
    assert np.array_equal(record.account.counts, counts)
    time = record.account.inference_time + record.account.learning_time
    assert 5 * time.known == pytest.approx(duration)


def test_steps_of_inference() -> None:
    """Spikes as `observe` sees them, and a prediction as `predict` gives it."""
    chip = chip_of(CASES[6])
    data = samples(chip)
    before = chip.integers.weights
    seen = chip.observe(data.x[0], 0)
    chip.start(data.x[0])
    for t in range(TIMESTEPS):
        step = chip.step()
        for population, spikes in enumerate(step.spikes[:-1]):
            assert np.array_equal(spikes, seen.signal[population][t])
        assert not step.counts[1:].any()
    assert step.predicted == chip.predict(data.x[:1])[0]
    assert all(np.array_equal(a, b) for a, b in zip(before, chip.integers.weights, strict=True))


@pytest.mark.parametrize("update", UPDATES)
def test_pipelined_learning_takes_the_same_events(update: Any) -> None:
    """With errors from the last step or sums, weights are those of the layered schedule."""
    case = ("mlp", 4, OTTT(update), "rate")
    layered, pipelined = chip_of(case), chip_of(case, "pipelined")
    data = samples(layered, 1 if update == "online" else 4)
    (one,), (other,) = layered.learn(data), pipelined.learn(data)
    assert isinstance(one.account, Account)
    assert isinstance(other.account, Account)
    if update == "online":
        assert np.array_equal(one.account.counts[0, 0], other.account.counts[0, 0])
    else:
        assert np.array_equal(one.account.counts, other.account.counts)
    assert other.account.inference_time.known > one.account.inference_time.known


def matrix_of(layer: Sparse | Dense) -> naive.Matrix:
    """Synapses as they're listed, or all."""
    if isinstance(layer, Dense):
        return naive.full(layer.n_in, layer.n_out)
    matrix = [[0] * layer.n_in for _ in range(layer.n_out)]
    for source, target in zip(layer.sources.tolist(), layer.targets.tolist(), strict=True):
        matrix[target][source] += 1
    return matrix


def each(n: int) -> list[list[int]]:
    """The axons of neurons that are read as they are."""
    return [[i] for i in range(n)]


def sparse(n_in: int, n_out: int, seed: int, density: float = 0.3) -> Sparse:
    return Sparse.random(n_in, n_out, density, seed, bias=False)


def looped() -> tuple[Network, list[Layer], list[Loop]]:
    """8 - 70 - 9 - 5: listed and dense layers; loops to the same neurons, back, up, and over two
    layers; the last neurons hear themselves.
    """
    lif = LIF(0.5, 0.3)
    forward: list[Sparse | Dense] = [sparse(8, 70, 0), Dense(70, 9), sparse(9, 5, 1)]
    loops: list[tuple[int, int, Sparse | Dense]] = [
        (1, 0, sparse(70, 70, 2, 0.1)),
        (3, 0, Dense(9, 70, bias=False)),
        (1, 4, sparse(70, 5, 3)),
        (5, 4, sparse(5, 5, 4, 0.5)),
        (5, 2, sparse(5, 9, 5)),
    ]
    layers = (forward[0], lif, forward[1], lif, forward[2], LIF(0.5, 0.2))
    back = tuple(Feedback(source, target, (layer,)) for source, target, layer in loops)
    return (
        Network(layers, TIMESTEPS, feedback=back),
        [Layer(matrix_of(k), each(k.n_in), False, [], isinstance(k, Sparse)) for k in forward],
        [
            Loop(matrix_of(k), source // 2 + 1, target // 2, isinstance(k, Sparse))
            for source, target, k in loops
        ],
    )


def looped_convolution() -> tuple[Network, list[Layer], list[Loop]]:
    """The convolution above, whose neurons, before the pool, hear themselves and those above."""
    network, layers = convolutional()
    path = (Flatten(), Dense(75, 75, bias=False), Reshape((3, 5, 5)))
    back = (Feedback(1, 0, path),)
    looped = Network(network.layers, TIMESTEPS, network.in_shape, feedback=back)
    return looped, layers, [Loop(naive.full(75, 75), 1, 0, False)]


LOOPED = {"listed": looped(), "convolution": looped_convolution()}


@pytest.mark.parametrize(
    ("name", "neurons"), [("listed", 1024), ("listed", 7), ("convolution", 20)]
)
def test_every_event_of_listed_synapses_and_loops(name: str, neurons: int) -> None:
    """Spikes that lead back are sent and read once; nothing is learned."""
    network, layers, loops = LOOPED[name]
    chip = Chip(network, hardware(neurons), seed=5, encoding="spikes")
    data = samples(chip)
    shape, steps, works = followed(chip, layers, data, loops)
    told = chip.costs(data)
    assert events_of(told.counts) == summed(steps)
    barrier = barrier_of(chip)
    time = picoseconds(chip, shape, works, learning=False) / SAMPLES + TIMESTEPS * barrier
    assert told.inference_time.known == pytest.approx(time, rel=1e-12)
    evaluated = chip.evaluate(data).account
    assert np.array_equal(evaluated.counts, told.counts)
    assert evaluated.inference_time == told.inference_time
    assert told.learning_time.known == 0


def test_steps_of_a_network_with_loops() -> None:
    network, layers, loops = LOOPED["listed"]
    chip = Chip(network, hardware(7), seed=5, encoding="spikes")
    data = samples(chip, 1)
    chip.start(data.x[0])
    for expected in followed(chip, layers, data, loops)[1]:
        assert events_of(chip.step().counts) == summed([expected])
