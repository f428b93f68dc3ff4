"""Counts times costs: single events against published numbers, and unknown that stays unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neurochip import hardware
from neurochip.chip.counts import count_inference, count_update
from neurochip.chip.energy import (
    Amount,
    busy_time,
    energy_by_core,
    energy_of,
    static_energy,
    total,
)
from neurochip.hardware import EVENTS, cost_table
from neurochip.mapping import ChipMap, map_network
from neurochip.network import Network

LOIHI = hardware.load("loihi")
TABLE = cost_table(LOIHI)


def one(event: str, n: int = 1) -> NDArray[np.int64]:
    counts = np.zeros((1, len(EVENTS)), np.int64)
    counts[0, EVENTS.index(event)] = n
    return counts


@pytest.mark.parametrize(
    ("event", "pj", "ns"),
    [
        ("synaptic_operation", 23.6, 3.5),
        ("synaptic_update", 120.0, 6.1),
        ("neuron_active", 81.0, 8.4),
        ("neuron_inactive", 52.0, 5.3),
        ("spike_in_tile", 1.7, 2.1),
        ("hop_east_west", 3.0, 4.1),
        ("hop_north_south", 4.0, 6.5),
    ],
)
def test_single_events_of_table_2(event: str, pj: float, ns: float) -> None:
    """Davies et al., IEEE Micro 38(1), 2018, table 2."""
    assert energy_of(one(event), TABLE).value == pytest.approx(pj * 1e-12)
    assert busy_time(one(event), TABLE).value == pytest.approx(ns * 1e-9)
    assert energy_of(one(event, 1000), TABLE).known == pytest.approx(1000 * pj)


def placed(tmp_path: Path, core: int) -> ChipMap:
    """One neuron on core 0 that sends to one neuron on another core of Loihi."""
    path = tmp_path / "cores.csv"
    path.write_text(f"layer,core\n0,0\n1,{core}\n", encoding="utf-8")
    return map_network(Network.mlp([1, 1, 1]), LOIHI, placer=str(path))


@pytest.mark.parametrize(
    ("core", "travel"),
    [
        (1, 1.7),  # the same tile
        (4, 1.7 + 3.0),  # the tile to the east
        (32, 1.7 + 4.0),  # the tile to the south
        (127, 1.7 + 7 * 3.0 + 3 * 4.0),  # the opposite corner of 8 x 4 tiles
    ],
)
def test_one_spike_across_loihi(tmp_path: Path, core: int, travel: float) -> None:
    """Travel, one synapse, an active neuron at its end, one at its start: 23.6 + 81 + 81 pJ.

    What a message costs its two cores isn't in table 2.
    """
    sends, active = np.array([False, True, False]), np.array([False, True, True])
    energy = energy_of(count_inference(placed(tmp_path, core), sends, active), TABLE)
    assert energy.known == pytest.approx(travel + 23.6 + 81.0 + 81.0)
    assert energy.unknown == ("message_out", "message_in")


def test_a_silent_step_of_loihi_scans_its_neurons(tmp_path: Path) -> None:
    still = np.zeros(3, np.bool_)
    counts = count_inference(placed(tmp_path, 1), still, still)
    assert energy_of(counts, TABLE) == Amount(104.0)
    by_core = energy_by_core(counts, TABLE)
    assert [entry.known for entry in by_core[:3]] == [52.0, 52.0, 0.0]


def test_one_weight_changed_on_loihi(tmp_path: Path) -> None:
    factors, deltas = np.array([True, False, False]), np.array([False, True, False])
    counts = count_update(placed(tmp_path, 1), factors, deltas)
    assert energy_of(counts, TABLE) == Amount(120.0)


# --- unknown stays unknown


def test_an_unknown_cost_of_events_that_happened_is_named() -> None:
    counts = one("message_out") + one("synaptic_operation", 100) + one("trace_update", 3)
    energy = energy_of(counts, TABLE)
    assert energy.unknown == ("message_out", "trace_update")
    assert energy.value is None
    assert not energy.is_known
    assert str(energy) == "at least 2.36 nJ plus unknown message out, trace update"


def test_an_unknown_cost_of_events_that_did_not_happen_is_nothing() -> None:
    assert str(energy_of(one("synaptic_operation"), TABLE)) == "23.6 pJ"


def test_a_sum_of_unknown_terms_alone_is_unknown() -> None:
    unknown = cost_table(hardware.load("loihi2"))
    assert str(energy_of(one("synaptic_operation"), unknown)) == "unknown (synaptic operation)"
    assert energy_of(one("synaptic_operation"), unknown).value is None
    assert str(busy_time(one("neuron_active"), unknown)) == "unknown (neuron active)"


def test_sums_keep_what_is_unknown() -> None:
    known, lower = Amount(1.0), Amount(2.0, ("trace_update",))
    both = known + lower + lower
    assert both == Amount(5.0, ("trace_update",))
    assert total([known, lower]) == known + lower
    assert total([]) == Amount(0.0)


def test_static_energy() -> None:
    """104 mW for 1 ms are 104 uJ."""
    assert static_energy(1e-3, TABLE).value == pytest.approx(104e-6)
    nobody_knows = static_energy(1e-3, cost_table(hardware.load("neurochip")))
    assert str(nobody_knows) == "unknown (static power)"


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0.0, "0 pJ"),
        (0.5, "0.5 pJ"),
        (999.0, "999 pJ"),
        (1e3, "1 nJ"),
        (2.5e6, "2.5 uJ"),
        (1.25e9, "1.25 mJ"),
        (3e12, "3 J"),
    ],
)
def test_prefixes(pico: float, text: str) -> None:
    assert str(Amount(pico)) == text


def test_time_in_seconds() -> None:
    assert str(busy_time(one("synaptic_update", 1000), TABLE)) == "6.1 us"
