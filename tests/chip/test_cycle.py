"""Time message by message: by hand, against the counts, and against the analytic time."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip import data as data_sets
from neurochip.chip import Chip
from neurochip.chip.account import ERRORS, INFERENCE, Timing
from neurochip.chip.cycle import SampleTiming
from neurochip.chip.error_links import error_links
from neurochip.chip.traffic import ERROR, SPIKE
from neurochip.data import Split
from neurochip.errors import ConfigError, HardwareError, LimitError
from neurochip.hardware import EVENTS
from neurochip.kernels.mesh import DIRECTIONS
from neurochip.network import LIF, Conv2d, Dense, Feedback, Flatten, Network, Parameters
from neurochip.rules import OTTT
from neurochip.rules.feedback import FeedbackMode
from neurochip.rules.ottt import Update

DIGITS = data_sets.load("digits").test
ONE = Split(np.ones((1, 2)), np.zeros(1, np.int64))


def tiny(update: Update = "online") -> Chip:
    """Two spiking inputs, two hidden neurons on core 0 that then fire, two outputs on core 1."""
    weights = (np.full((2, 2), 0.6), np.array([[0.5, 0.5], [-0.5, -0.5]]))
    start = Parameters(weights, (np.zeros(2), np.zeros(2)))
    network = Network.mlp([2, 2, 2], timesteps=1)
    return Chip(network, rule=OTTT(update), encoding="spikes", parameters=start)


def clocked(chip: Chip, samples: Split = DIGITS, number: int = 0) -> SampleTiming:
    return chip.clock().sample(samples.x[number], int(samples.y[number]), number)


def nanoseconds(told: SampleTiming) -> dict[str, float]:
    return {phase.phase.name: phase.ticks / 1000 for phase in told.steps[0].phases}


def test_one_message_takes_what_the_analytic_time_says() -> None:
    """One input, two outputs on one core. Nothing waits, so the message's way and work are added:
    2.1 + 16 + 2 * 3.5 = 25.1 ns, then two neurons, 2 * 8.4 = 16.8 ns, and the barrier, 113 ns.
    Learning: one trace, 3.5 ns, and two weights, 2 * 6.1 = 12.2 ns.
    """
    chip = Chip(Network.mlp([1, 2], timesteps=1), encoding="spikes")
    part = Split(np.ones((1, 1)), np.zeros(1, np.int64))
    analytic, cycle = (chip.costs(part, timing=timing) for timing in ("analytic", "cycle"))
    assert (analytic.timing, cycle.timing) == ("analytic", "cycle")
    assert cycle.inference_time.known == pytest.approx(25_100 + 16_800 + 113_000)
    assert cycle.learning_time.known == pytest.approx(3_500 + 12_200)
    assert analytic.inference_time.known == pytest.approx(cycle.inference_time.known)
    assert analytic.learning_time.known == pytest.approx(cycle.learning_time.known)
    assert nanoseconds(clocked(chip, part)) == pytest.approx(
        {"spikes 0": 25.1, "readout": 16.8, "traces": 3.5, "updates": 12.2}
    )


def test_a_sample_by_hand() -> None:
    """Costs of chip 'neurochip' in ns; both cores lie in tile 0, a link takes a message a ns.

    Inputs: both are at the port at 0, the second enters at 1. They arrive at 2.1 and 3.1, and core
    0 reads each for 16 + 2 * 3.5 = 23: until 2.1 + 2 * 23 = 48.1.
    Hidden: core 0 looks at a neuron and sends its spike in 8.4 + 5.1 = 13.5, so that they leave at
    13.5 and 27 and arrive at 15.6 and 29.1. The first is read until 38.6, the second until 61.6.
    Read-out: 2 * 8.4 = 16.8. Traces: 2 * 3.5 = 7 on each core.
    Errors: core 1 reads a row of 2 weights and sends the sum in 2 * 3.5 + 5.1 = 12.1: they leave at
    12.1 and 24.2 and arrive at 14.2 and 26.3; core 0 reads the first until 30.2, the second until
    46.2. Updates: 4 * 6.1 = 24.4 on each core.
    """
    told = clocked(tiny(), ONE)
    assert nanoseconds(told) == pytest.approx(
        {
            "spikes 0": 48.1,
            "spikes 1": 61.6,
            "readout": 16.8,
            "traces": 7.0,
            "errors 1": 46.2,
            "updates": 24.4,
        }
    )
    assert told.inference_ticks == 48_100 + 61_600 + 16_800 + 113_000
    assert told.learning_ticks == 7_000 + 46_200 + 24_400


def test_a_convolution_by_hand() -> None:
    """Four spikes reach one position of two channels, whose neurons then fire, as above.

    Inputs: they enter at 0, 1, 2 and 3; core 0 reads each for 16 + 2 * 3.5 = 23: until
    2.1 + 4 * 23 = 94.1. Spikes, read-out and errors are as above. Traces: 4 * 3.5 = 14 on core 0.
    Updates: 2 errors times 4 factors are summed, 8 * 6.1, and then all 8 weights of both kernels
    change, 8 * 6.1: 97.6.
    """
    weights = (np.full((2, 1, 2, 2), 0.3), np.array([[0.5, 0.5], [-0.5, -0.5]]))
    layers = (Conv2d(1, 2, 2), LIF(), Flatten(), Dense(2, 2))
    start = Parameters(weights, (np.zeros(2), np.zeros(2)))
    chip = Chip(Network(layers, 1, (1, 2, 2)), encoding="spikes", parameters=start)
    part = Split(np.ones((1, 4)), np.zeros(1, np.int64))
    assert nanoseconds(clocked(chip, part)) == pytest.approx(
        {
            "spikes 0": 94.1,
            "spikes 1": 61.6,
            "readout": 16.8,
            "traces": 14.0,
            "errors 1": 46.2,
            "updates": 97.6,
        }
    )


def test_a_loop_by_hand() -> None:
    """One input, one neuron on core 0 that hears itself, one output on core 1; nothing is learned.

    The input arrives at 2.1 and is read for 16 + 3.5. The neuron is looked at, 8.4, and sends its
    spike to its own core, 5.1 more, and to core 1, another 5.1: they leave at 13.5 and 18.6. Core 0
    reads its own from 15.6 for 19.5, until 35.1, core 1 from 20.7 for as long, until 40.2.
    """
    back = Feedback(1, 0, (Dense(1, 1, bias=False),))
    network = Network((Dense(1, 1), LIF(), Dense(1, 1)), 2, feedback=(back,))
    weights = (np.full((1, 1), 1.5),) * 3
    start = Parameters(weights, (np.zeros(1),) * 3)
    chip = Chip(network, encoding="spikes", parameters=start)
    told = clocked(chip, Split(np.ones((1, 1)), np.zeros(1, np.int64)))
    for step in told.steps:
        assert {p.phase.name: p.ticks / 1000 for p in step.phases} == pytest.approx(
            {"spikes 0": 21.6, "spikes 1": 40.2, "readout": 8.4}
        )
    assert told.learning_ticks == 0
    assert told.inference_ticks == 2 * (21_600 + 40_200 + 8_400 + 113_000)


def test_a_core_far_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The outputs lie in the opposite corner of 8 x 4 tiles: 7 hops of 4.1 and 3 of 6.5 ns more,
    48.2, for the last spike, and for the first error; the second error waits for the first as it
    did.
    """
    path = tmp_path_factory.mktemp("far") / "cores.csv"
    path.write_text("layer,core\n0,0\n1,127\n", encoding="utf-8")
    near = tiny()
    far = Chip(near.network, encoding="spikes", parameters=near.parameters, placer=str(path))
    close, apart = nanoseconds(clocked(near, ONE)), nanoseconds(clocked(far, ONE))
    more = 7 * 4.1 + 3 * 6.5
    moved = {"spikes 1": close["spikes 1"] + more, "errors 1": close["errors 1"] + more}
    assert apart == pytest.approx({**close, **moved})


def test_a_narrow_link_holds_messages_up() -> None:
    """A link that takes a message every 100 ns: the second input enters at 100 and is read until
    100 + 2.1 + 23 = 125.1.
    """
    chip = tiny()
    slow = chip.hardware.with_values({"mesh.port_gap": 100.0})
    narrow = Chip(chip.network, slow, encoding="spikes", parameters=chip.parameters)
    assert nanoseconds(clocked(narrow, ONE))["spikes 0"] == pytest.approx(125.1)


@pytest.mark.parametrize("update", get_args(Update))
@pytest.mark.parametrize("cut", [None, 5])
def test_what_travels_is_what_the_account_counts(update: Update, cut: int | None) -> None:
    """Every spike and every error is on the mesh, and goes as many hops as it's charged for."""
    network = Network.mlp([64, 20, 12, 10], timesteps=3)
    chip = Chip(network, rule=OTTT(update), neurons_per_core=cut)
    told, timed = chip.costs(DIGITS, samples=1), clocked(chip)
    for kind, phase, event in ((SPIKE, INFERENCE, "message_in"), (ERROR, ERRORS, "error_message")):
        phases = [p for s in timed.steps for p in s.phases if p.phase.kind == kind]
        counted = told.counts[phase].sum(axis=(0, 1))
        assert sum(p.phase.messages.target.size for p in phases) == counted[EVENTS.index(event)]
        hops = np.sum([p.hops for p in phases], axis=0).tolist()
        ways = ("hop_east_west", "hop_north_south")
        assert hops == [counted[EVENTS.index(way)] for way in ways]


@pytest.mark.parametrize(
    ("conv", "feedback"), [(False, "symmetric"), (False, "direct"), (True, "symmetric")]
)
def test_errors_cross_the_links_that_the_account_says(conv: bool, feedback: FeedbackMode) -> None:
    """Of the links of 8 x 4 tiles, those between tiles."""
    network = Network.mlp([64, 20, 12, 10], timesteps=3)
    if conv:
        network = Network.conv("4C3-P2-12", (1, 8, 8), 10, timesteps=3)
    chip = Chip(network, rule=OTTT(feedback=feedback), neurons_per_core=3)
    timed = clocked(chip)
    passed = [p.passage.passed for s in timed.steps for p in s.phases if p.phase.kind == ERROR]
    between = np.sum(passed, axis=0)[: DIRECTIONS * 32].reshape(4, 8, DIRECTIONS)
    told = error_links(chip.costs(DIGITS, samples=1), feedback)
    assert np.array_equal(told, np.moveaxis(between, 2, 0))
    assert told.any()


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=2),
    cut=st.integers(1, 12),
    update=st.sampled_from(get_args(Update)),
    sample=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_never_faster_than_the_analytic_time(
    sizes: list[int], cut: int, update: Update, sample: int
) -> None:
    """The analytic time is the least, however neurons are spread."""
    network = Network.mlp([64, *sizes, 10], timesteps=2)
    chip = Chip(network, rule=OTTT(update), neurons_per_core=cut)
    part = DIGITS[sample : sample + 1]
    least, cycle = (chip.costs(part, timing=timing) for timing in ("analytic", "cycle"))
    assert cycle.inference_time.known >= least.inference_time.known - 1e-3
    assert cycle.learning_time.known >= least.learning_time.known - 1e-3


def test_barriers_are_whole_ticks_in_both_timings() -> None:
    """13 cores on 4 tiles: a barrier of 113 + 3 * 352 / 31 = 147.0645... ns is 147.065 ns. Nobody
    sends: in each step a core looks at its one inactive neuron, 5.3 ns.
    """
    chip = Chip(Network.mlp([2, 13], timesteps=3), "neurochip", neurons_per_core=1)
    nothing = Split(np.zeros((1, 2)), np.zeros(1, np.int64))
    for timing in get_args(Timing):
        told = chip.costs(nothing, timing=timing)
        assert told.inference_time.known == 3 * (147_065 + 5_300)


def test_the_same_for_any_number_of_threads() -> None:
    chip = Chip(Network.mlp([64, 20, 10], timesteps=2), neurons_per_core=3)
    clock = chip.clock()
    seen = [clock.watch(DIGITS.x[n], int(DIGITS.y[n]), n) for n in range(4)]
    alone = [chip.clock().time(one) for one in seen]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(clock.time, seen))
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(one.steps, other.steps, strict=True):
            assert a.ticks == b.ticks
            for p, q in zip(a.phases, b.phases, strict=True):
                assert np.array_equal(p.passage.journeys, q.passage.journeys)


def test_energy_does_not_depend_on_the_timing() -> None:
    chip = Chip(Network.mlp([64, 20, 10], timesteps=2))
    analytic, cycle = (chip.costs(DIGITS, 2, timing=timing) for timing in ("analytic", "cycle"))
    assert np.array_equal(analytic.counts, cycle.counts)
    assert analytic.energy() == cycle.energy()


def test_an_unknown_cost_stays_unknown() -> None:
    network = Network.mlp([64, 8, 10], timesteps=2, reset="hard", fires=">")
    told = Chip(network, "loihi_calibrated").costs(DIGITS, samples=1, timing="cycle")
    assert told.inference_time.is_known
    assert told.learning_time.unknown == ("trace_update", "error_message", "error_operation")
    assert told.learning_time.known > 0


def test_chips_of_unknown_links_are_refused() -> None:
    network = Network.mlp([64, 8, 10], timesteps=2, reset="hard", fires=">")
    sentence = (
        "hardware 'loihi': mesh.link_gap is unknown, but cycle timing needs it; give it in a file "
        "that extends 'loihi', or use analytic timing"
    )
    with pytest.raises(HardwareError, match=re.escape(sentence)):
        Chip(network, "loihi").costs(DIGITS, samples=1, timing="cycle")


def test_the_pipelined_schedule_is_refused() -> None:
    sentence = (
        "schedule is 'pipelined', but cycle timing is of layers one after the other in each step; "
        "set schedule to 'layered', or use analytic timing"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        Chip(Network.mlp([2, 2, 2]), schedule="pipelined").clock()


def test_an_unknown_timing_is_refused() -> None:
    chip = Chip(Network.mlp([64, 10]))
    with pytest.raises(ConfigError, match="timing 'exact' is unknown; choose one of analytic, cyc"):
        chip.costs(DIGITS, timing="exact")  # type: ignore[arg-type]
