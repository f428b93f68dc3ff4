"""What inference and learning cost: counted by hand, and in the commands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip.chip import Chip
from neurochip.chip.account import Account, account
from neurochip.data import Split
from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import EVENTS
from neurochip.network import LIF, Conv2d, Dense, Flatten, Network, Parameters
from neurochip.rules import OTTT

ONE = Split(np.ones((1, 2)), np.zeros(1, np.int64))
WEIGHTS = (np.full((2, 2), 0.6), np.array([[0.5, 0.5], [-0.5, -0.5]]))


def tiny(hardware: str = "loihi", **rule: Any) -> Chip:
    """Two inputs that spike, two hidden neurons that then fire (0.6 + 0.6 > 1), two outputs."""
    neurons: Any = {"reset": "hard", "fires": ">"} if hardware == "loihi" else {}
    network = Network.mlp([2, 2, 2], timesteps=1, **neurons)
    start = Parameters(WEIGHTS, (np.zeros(2), np.zeros(2)))
    return Chip(network, hardware, OTTT(**rule), encoding="spikes", parameters=start)


def events(counts: Any) -> dict[str, int]:
    sums = counts.sum(axis=(0, 1))
    return {name: int(n) for name, n in zip(EVENTS, sums, strict=True) if n}


def test_inference_by_hand() -> None:
    """Two input messages reach the hidden core, two hidden ones leave it and reach the read-out's
    core, in the same tile: 4 in, 2 out, 4 within a tile. Each reads a row of 2 weights, which fit a
    word of 64 bits: 4 words, 8 synaptic operations. All 4 neurons are active, 2 fire.
    Davies 2018, table 2: 8 * 23.6 + 4 * 81 + 4 * 1.7 = 519.6 pJ.
    """
    told = account(tiny(), ONE)
    assert events(told.inference) == {
        "message_out": 2,
        "message_in": 4,
        "spike_in_tile": 4,
        "word_read": 4,
        "synaptic_operation": 8,
        "neuron_active": 4,
        "neuron_fired": 2,
    }
    energy = told.energy(told.inference)
    assert energy.known == pytest.approx(519.6)
    assert energy.unknown == ("message_out", "message_in")
    assert (told.cores, told.memory_words(told.inference)) == (2, 4.0)


def test_learning_by_hand() -> None:
    """Traces of 2 inputs and 2 hidden neurons. Both outputs have errors: the read-out's core reads
    2 rows of 2 weights backwards (2 words) and sends 2 sums to the hidden core. Both layers change
    2 x 2 weights, in 2 words that are read, worked on and written: 8 * 120 + 2 * 1.7 = 963.4 pJ.
    """
    told = account(tiny(), ONE)
    assert events(told.learning) == {
        "message_in": 2,
        "spike_in_tile": 2,
        "word_read": 6,
        "word_written": 4,
        "trace_update": 4,
        "error_message": 2,
        "error_operation": 4,
        "synaptic_update": 8,
        "learning_word": 4,
    }
    energy = told.energy(told.learning)
    assert energy.known == pytest.approx(963.4)
    assert set(energy.unknown) == {"message_in", "trace_update", "error_message", "error_operation"}
    assert told.memory_words(told.learning) == 10.0


def test_the_time_of_a_step_is_that_of_its_busiest_core() -> None:
    """The hidden core takes 2 messages, 4 operations, 2 neurons and sends; the read-out's the same
    without sending. Davies 2018, table 2: 4 * 3.5 + 2 * 8.4 + 2 * 2.1 = 35 ns.
    """
    told = account(tiny(), ONE)
    assert told.time(told.inference).known == pytest.approx(35_000.0)


def told_of(update: str, steps: int = 4) -> Account:
    network = Network.mlp([2, 2, 2], timesteps=steps)
    rng = np.random.default_rng(0)
    data = Split(rng.random((6, 2)), rng.integers(0, 2, 6))
    return account(Chip(network, rule=OTTT(update)), data, samples=5)  # type: ignore[arg-type]


def test_the_last_step_alone_costs_less() -> None:
    every, last = told_of("online"), told_of("last")
    assert every.samples == last.samples == 5
    assert events(every.inference) == events(last.inference)
    assert last.energy(last.learning).known < every.energy(every.learning).known
    updates = last.learning[..., EVENTS.index("synaptic_update")].reshape(5, 4, -1)
    assert not updates[:, :3].any()
    assert updates[:, 3].any()


def test_nothing_is_learned_by_looking() -> None:
    chip = tiny("neurochip")
    before = chip.integers.weights
    account(chip, ONE)
    assert all(np.array_equal(a, b) for a, b in zip(before, chip.integers.weights, strict=True))


@pytest.mark.parametrize("feedback", ["sign", "random", "direct"])
def test_other_feedback_is_refused(feedback: str) -> None:
    sentence = (
        f"feedback is {feedback!r}, but the account of energy and time is of errors that come down "
        f"through the weights; set feedback to 'symmetric'"
    )
    with pytest.raises(LimitError, match=re.escape(sentence)):
        account(tiny("neurochip", feedback=feedback), ONE)


def test_convolutions_and_no_samples_are_refused() -> None:
    network = Network((Conv2d(1, 2, 2), LIF(), Flatten(), Dense(2, 2)), 1, (1, 2, 2))
    sentence = (
        "the network has a Conv2d as layer 0, but the account of energy and time is of Dense and "
        "LIF layers in turn; use Network.mlp"
    )
    with pytest.raises(LimitError, match=re.escape(sentence)):
        account(Chip(network), Split(np.ones((1, 4)), np.zeros(1, np.int64)))
    with pytest.raises(ConfigError, match="asked for 0 samples; it needs 1 or more"):
        account(tiny(), ONE, samples=0)
