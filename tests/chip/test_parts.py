"""Parts of a sample's costs add up to the account, and a core's to the sample's time."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip.chip import Chip
from neurochip.chip.account import INFERENCE
from neurochip.chip.neurobench import firing
from neurochip.chip.parts import MESSAGES, NEURONS, PARTS, SYNAPSES, by_part, core_times
from neurochip.hardware import EVENTS
from neurochip.mapping.links import EAST, NORTH, SOUTH, WEST, link_traffic
from neurochip.network import Network
from tests.mapping.nets import chip as small_chip

DIGITS = data_sets.load("digits").test
CHIP = Chip(Network.mlp([64, 20, 10], timesteps=3), hardware=small_chip(neurons_per_core=2))
TOLD = CHIP.costs(DIGITS, samples=2)


def test_parts_are_the_account() -> None:
    parts = by_part(TOLD)
    assert parts.shape == (len(PARTS), *TOLD.counts.shape[1:])
    assert np.array_equal(parts[:3].sum(axis=0), TOLD.counts[INFERENCE])
    assert np.array_equal(parts[3:], TOLD.counts[1:])
    for part, event in (
        (MESSAGES, "hop_north_south"),
        (SYNAPSES, "word_read"),
        (NEURONS, "neuron_active"),
    ):
        column = EVENTS.index(event)
        assert parts[part, ..., column].any()
        assert np.array_equal(parts[part, ..., column], TOLD.counts[INFERENCE, ..., column])


def test_time_of_a_core_is_the_time_of_a_sample() -> None:
    """By hand: barriers of 3 steps; what a core neither works nor waits at a barrier, it waits."""
    whole = (TOLD.inference_time + TOLD.learning_time).value
    busy = TOLD.busy_by_core()
    times = core_times(TOLD, 3)
    assert sorted(one.core for one in times) == np.unique(CHIP.map.core).tolist()
    assert times[0].busy.known == max(one.busy.known for one in times)
    for one in times:
        assert one.busy.known == pytest.approx(busy[one.core].known)
        assert one.barrier is not None and one.waiting is not None
        spent = (one.busy.value or 0.0) + one.barrier + one.waiting
        assert spent == pytest.approx(whole)
        assert one.parts[PARTS.index(one.bound)].known == max(part.known for part in one.parts)


def test_unknown_times_are_not_waited_for() -> None:
    network = Network.mlp([64, 8, 10], timesteps=2, fires=">")
    told = Chip(network, "loihi2", encoding="rate").costs(DIGITS, 1)
    (first, *_) = core_times(told, 2)
    assert first.barrier is first.waiting is first.busy.value is None
    assert "synaptic_operation" in first.busy.unknown


def test_hops_of_the_account_cross_the_links() -> None:
    links = link_traffic(CHIP.map, firing(CHIP, DIGITS, 2).on_chip(CHIP.network))
    for ways, event in (([EAST, WEST], "hop_east_west"), ([NORTH, SOUTH], "hop_north_south")):
        counted = TOLD.counts[INFERENCE, ..., EVENTS.index(event)].sum()
        assert links[ways].sum() == counted > 0
