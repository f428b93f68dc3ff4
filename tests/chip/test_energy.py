"""Counts times costs: single events against published numbers, and unknown that stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neurochip import hardware
from neurochip.chip.energy import (
    Amount,
    busy_time,
    energy_of,
    static_energy,
    total,
)
from neurochip.hardware import EVENTS, cost_table

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
