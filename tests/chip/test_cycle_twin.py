"""Phases timed message by message against plain Python, cycle for cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.chip import Chip
from neurochip.chip.cycle import Clock, links_of
from neurochip.data import Split
from neurochip.hardware import EVENTS, Hardware, cost_table
from neurochip.network import Network
from neurochip.rules import OTTT
from tests.chip.test_meter import LOOPED, NETS, hardware, sample_of, samples, shape_of
from tests.naive.account import Follower, Layer, Loop
from tests.naive.cycle import Links, PhaseTimes

KINDS = ("row", "column", "in", "out")
CORES, WIDTH, HEIGHT = 32, 4, 4
#: Every event takes another time, and a link holds two messages.
TIMES: dict[str, object] = {
    "costs.time.synaptic_operation_sparse": 2.9,
    "costs.time.synaptic_operation_convolution": 4.3,
    "costs.time.word_read": 1.7,
    "costs.time.word_written": 2.3,
    "costs.time.learning_word": 0.9,
    "costs.time.neuron_fired": 3.1,
    "mesh.link_buffer": 2,
    "mesh.link_gap": 3.0,
}
#: Network, neurons a core, rule and encoding.
CASES = [
    ("mlp", 3, OTTT("online"), "graded"),
    ("mlp", 4, OTTT("accumulate", feedback="sign"), "spikes"),
    ("mlp", 4, OTTT("last", feedback="random"), "rate"),
    ("mlp", 2, OTTT("online", feedback="direct"), "rate"),
    ("conv", 20, OTTT("online"), "bernoulli"),
    ("conv", 1024, OTTT("accumulate"), "graded"),
    ("conv", 7, OTTT("last"), "rate"),
]


def slow(neurons: int) -> Hardware:
    return hardware(neurons).with_values(TIMES)


def twin_of(chip: Chip, layers: list[Layer], loops: list[Loop], data: Split) -> PhaseTimes:
    """The twin of the first sample."""
    sample = sample_of(chip, data.x[0], int(data.y[0]), 0)
    followed = Follower(shape_of(chip, layers, loops), sample)
    ns = cost_table(chip.hardware).time
    ticks = {event: round(1000 * time) for event, time in zip(EVENTS, ns, strict=True)}
    links = links_of(chip.hardware)
    by_kind = [dict(zip(KINDS, of, strict=True)) for of in (links.hop, links.gap, links.slots)]
    return PhaseTimes(followed, ticks, Links(*by_kind), (WIDTH, HEIGHT), CORES)


def same_phases(chip: Chip, layers: list[Layer], loops: list[Loop]) -> Clock:
    """Hold the first sample's phases to the twin's; return the chip's clock."""
    data, clock = samples(chip), chip.clock()
    twin = twin_of(chip, layers, loops, data)
    told = clock.sample(data.x[0], int(data.y[0]))
    for t, step in enumerate(told.steps):
        phases = [(phase.phase.name, phase.ticks) for phase in step.phases]
        assert phases == list(twin.step(t))
    assert np.sum([p.ticks for s in told.steps for p in s.phases]) > 0
    return clock


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2].update}-{case[3]}")
def test_every_phase_of_learning(case: tuple[str, int, OTTT, Any]) -> None:
    name, neurons, rule, encoding = case
    network, layers = NETS[name]
    same_phases(Chip(network, slow(neurons), rule, 5, encoding=encoding), layers, [])


@pytest.mark.parametrize(
    ("name", "neurons"), [("listed", 1024), ("listed", 7), ("convolution", 20)]
)
def test_every_phase_of_listed_synapses_and_loops(name: str, neurons: int) -> None:
    network, layers, loops = LOOPED[name]
    chip = Chip(network, slow(neurons), seed=5, encoding="spikes")
    same_phases(chip, layers, loops)


def test_traffic_where_synapses_lead_back() -> None:
    """Every message that the account counts is on the mesh, and learning takes nothing."""
    network: Network = LOOPED["listed"][0]
    chip = Chip(network, slow(7), seed=5, encoding="spikes")
    data = samples(chip)
    told = chip.costs(data, samples=1, timing="cycle")
    steps = chip.clock().sample(data.x[0], int(data.y[0])).steps
    sent = sum(p.phase.messages.target.size for step in steps for p in step.phases)
    assert sent == told.counts[..., EVENTS.index("message_in")].sum()
    assert told.learning_time.known == 0
