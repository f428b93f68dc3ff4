"""What a sample costs, by phase, layer and core: by hand, and against the chip's own counters."""

from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip.chip import COUNTED_EVENTS, Chip
from neurochip.chip.account import (
    ERRORS,
    INFERENCE,
    PHASES,
    TIMINGS,
    TRACES,
    UPDATES,
    Account,
    Timing,
)
from neurochip.data import Split
from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import EVENTS
from neurochip.network import LIF, Conv2d, Dense, Flatten, Network, Parameters
from neurochip.rules import OTTT
from neurochip.rules.feedback import FeedbackMode
from neurochip.rules.ottt import Update
from tests.mapping.nets import chip as small_chip

DIGITS = data_sets.load("digits").test
ONE = Split(np.ones((1, 2)), np.zeros(1, np.int64))
WEIGHTS = (np.full((2, 2), 0.6), np.array([[0.5, 0.5], [-0.5, -0.5]]))


def tiny(update: Update = "online") -> Account:
    """Two spiking inputs, two hidden neurons that then fire (0.6 + 0.6 > 1), two outputs."""
    start = Parameters(WEIGHTS, (np.zeros(2), np.zeros(2)))
    network = Network.mlp([2, 2, 2], timesteps=1)
    return Chip(network, rule=OTTT(update), encoding="spikes", parameters=start).costs(ONE)


def events(told: Account, phase: int) -> dict[str, int]:
    sums = told.counts[phase].sum(axis=(0, 1))
    return {name: int(n) for name, n in zip(EVENTS, sums, strict=True) if n}


def test_a_sample_by_hand() -> None:
    """Hidden neurons are on core 0, outputs on core 1 of the same tile; a row of 2 weights is a
    word. Costs of chip 'neurochip' in pJ and ns.

    Inference: 2 messages to each core, 2 of them from core 0; 8 operations, 4 active neurons:
    2 * 111 + 4 * 1.7 + 8 * 23.6 + 4 * 81 = 741.6 pJ. Core 0 sends and receives, so it's slowest:
    2 * (16 + 2.1) + 4 * 3.5 + 2 * 8.4 + 2 * 5.1 = 77.2 ns; the barrier of one tile is 113 ns.
    Learning: 4 traces, 2 rows of 2 weights read backwards, 2 errors from core 1 to core 0,
    8 updates: 4 * 23.6 + 4 * 23.6 + 2 * 111 + 2 * 1.7 + 8 * 120 = 1374.2 pJ.
    Core 0 then works 77.2 + 2 * 3.5 + 2 * (16 + 2.1) + 4 * 6.1 = 144.8 ns, core 1
    67 + 2 * 3.5 + 4 * 3.5 + 2 * 5.1 + 4 * 6.1 = 122.6 ns: 67.6 ns more than without learning.
    """
    told = tiny()
    assert told.energy(slice(TRACES)).known == pytest.approx(741.6)
    assert told.energy(slice(TRACES, None)).known == pytest.approx(1374.2)
    assert told.inference_time.known == pytest.approx(190_200.0)
    assert told.learning_time.known == pytest.approx(67_600.0)
    assert told.share("energy") == pytest.approx(1374.2 / (741.6 + 1374.2))
    assert told.share("words") == pytest.approx(10 / 14)
    assert events(told, TRACES) == {"trace_update": 4}
    assert told.static().unknown == ("static power",)


def test_sums_are_applied_to_the_weights_at_the_end() -> None:
    """OTTT-A: 8 sums change, 4 words of sums are read and written. At the end 4 words of weights
    and 4 of sums are, and 8 weights change.
    """
    told = tiny("accumulate")
    assert events(told, ERRORS) == events(tiny(), ERRORS)
    assert events(told, UPDATES) == {
        "word_read": 12,
        "word_written": 12,
        "synaptic_update": 16,
        "learning_word": 4,
    }


@pytest.mark.parametrize("update", get_args(Update))
def test_layers_add_up_and_agree_with_the_counters(update: Update) -> None:
    """The compiled chip counts synaptic operations of its own; here they're counted by routes."""
    chip = Chip(Network.mlp([64, 20, 12, 10], timesteps=4), rule=OTTT(update))
    part = DIGITS.take(5)
    told = chip.costs(part)
    counters = chip.evaluate(part).counters.sum(axis=0)
    by_layer = told.counts[INFERENCE, ..., EVENTS.index("synaptic_operation")].sum(axis=1)
    assert by_layer.tolist() == counters[:, COUNTED_EVENTS.index("synaptic_ops")].tolist()
    assert len(told.counts) == len(PHASES)
    total = sum(told.energy(layers=slice(k, k + 1)).known for k in range(3))
    assert total == pytest.approx(sum(core.known for core in told.energy_by_core()))


def test_one_step_of_learning_agrees_with_the_counters() -> None:
    """One step sees the weights that it changes: the chip counts visits, so errors of 0 too."""
    chip = Chip(Network.mlp([64, 20, 10], timesteps=1), rule=OTTT())
    told = chip.costs(DIGITS, samples=1)
    (record,) = chip.learn(DIGITS.take(1))
    counted = record.counters.sum(axis=0)
    traced = told.counts[TRACES, ..., EVENTS.index("trace_update")].sum(axis=1)
    assert traced.tolist() == counted[:, COUNTED_EVENTS.index("trace_updates")].tolist()
    updated = told.counts[UPDATES, ..., EVENTS.index("synaptic_update")].sum(axis=1)
    assert (updated <= counted[:, COUNTED_EVENTS.index("weight_updates")]).all()


def test_unknown_costs_have_no_share() -> None:
    network = Network.mlp([64, 8, 10], timesteps=2, reset="hard", fires=">")
    told = Chip(network, "loihi").costs(DIGITS, samples=2)
    assert "trace_update" in told.energy(slice(TRACES, None)).unknown
    assert told.share("energy") is told.share("time") is told.share("time", 0) is None
    assert told.static().unknown == ("time",)


def test_nothing_is_learned_by_looking() -> None:
    chip = Chip(Network.mlp([64, 8, 10], timesteps=2))
    before = chip.integers.weights
    chip.costs(DIGITS)
    assert all(np.array_equal(a, b) for a, b in zip(before, chip.integers.weights, strict=True))


@pytest.mark.parametrize("feedback", ["sign", "random"])
def test_feedback_of_the_same_rows_costs_the_same(feedback: FeedbackMode) -> None:
    """Random numbers of 8 bits lie beside weights of 8 bits: 64 of 8 neurons are read, and sent."""
    network = Network.mlp([64, 8, 10], timesteps=1)
    told = events(Chip(network, rule=OTTT(feedback=feedback)).costs(DIGITS, samples=1), ERRORS)
    assert told == events(Chip(network).costs(DIGITS, samples=1), ERRORS)


def test_a_convolution_by_hand() -> None:
    """4 inputs reach one position of two channels, whose kernels of 4 weights are one word.

    Both channels have an input; the two synapses of each input are a word, which is read for the
    spike. The read-out's two neurons have no input, and errors that come down to both channels,
    which have no surrogate's worth: nothing of the convolution changes.
    """
    layers = (Conv2d(1, 2, 2), LIF(), Flatten(), Dense(2, 2))
    start = Parameters((np.zeros((2, 1, 2, 2)), np.zeros((2, 2))), (np.zeros(2), np.zeros(2)))
    chip = Chip(Network(layers, 1, (1, 2, 2)), encoding="spikes", parameters=start)
    told = chip.costs(Split(np.ones((1, 4)), np.zeros(1, np.int64)))
    assert events(told, INFERENCE) == {
        "message_in": 4,
        "spike_in_tile": 4,
        "word_read": 4,
        "synaptic_operation_convolution": 8,
        "neuron_active": 2,
        "neuron_inactive": 2,
    }
    assert events(told, TRACES) == {"trace_update": 4}
    assert events(told, UPDATES) == {}


@pytest.mark.parametrize("timing", TIMINGS)
def test_sums_that_have_no_room_are_refused(timing: Timing) -> None:
    """64 x 8 weights of 8 bits fill a core; OTTT-A's sums of 16 bits would lie beside each."""
    little = small_chip(synapse_memory_per_core=64 * 8 * 8)
    chip = Chip(Network.mlp([64, 8, 10], timesteps=2), little)
    assert chip.costs(DIGITS, samples=1, timing=timing).update == "online"
    sentence = (
        "update 'accumulate' doesn't fit this map: core 0 would hold layer 0 with 12288 bits of "
        "synapse memory, but a core of hardware 'neurochip' has 4096; spread them over more cores"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.costs(DIGITS, samples=1, update="accumulate", timing=timing)


def test_sums_in_a_memory_of_their_own_are_refused_too() -> None:
    apart = small_chip(accumulator_memory_per_core=64 * 8 * 16 - 1)
    chip = Chip(Network.mlp([64, 8, 10], timesteps=2), apart)
    sentence = (
        "update 'accumulate' doesn't fit this map: core 0 would hold layer 0 with 8192 bits of "
        "accumulator memory, but a core of hardware 'neurochip' has 8191; spread them over more "
        "cores"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        chip.costs(DIGITS, samples=1, update="accumulate")


def test_no_samples_are_refused() -> None:
    with pytest.raises(ConfigError, match="asked for 0 samples; it needs 1 or more"):
        Chip(Network.mlp([64, 8, 10])).costs(DIGITS, samples=0)
