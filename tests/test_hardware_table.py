"""The costs as arrays: in the order of the events, unknown as NaN, cycles in ns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurochip import hardware
from neurochip.errors import HardwareError
from neurochip.hardware import EVENTS, cost_table, link_table
from neurochip.hardware.costs import Energy, Time


def test_energy_and_time_know_the_same_events() -> None:
    assert (*Energy.model_fields, "barrier") == tuple(Time.model_fields)


@pytest.mark.parametrize("name", hardware.available())
def test_known_costs_are_copied_and_unknown_ones_are_nan(name: str) -> None:
    hw = hardware.load(name)
    table = cost_table(hw)
    assert table.energy.shape == table.time.shape == (len(EVENTS),)
    for event, energy, time in zip(EVENTS, table.energy, table.time, strict=True):
        own = getattr(hw.costs.energy, event).value
        assert np.isnan(energy) if own is None else energy == own
        assert np.isnan(time) == (getattr(hw.costs.time, event).value is None)


def test_the_barrier_is_a_line_between_its_points() -> None:
    """Davies et al.: 113 ns for one tile to 465 ns for all 32."""
    barrier = cost_table(hardware.load("loihi")).barrier
    assert barrier.shape == (33,)
    assert barrier[[0, 1, 17, 32]] == pytest.approx([0, 113, 113 + 16 * 352 / 31, 465])


def test_the_barrier_may_have_steps() -> None:
    """SANA-FE takes the value of the next lower count."""
    barrier = cost_table(hardware.load("loihi_calibrated")).barrier
    assert barrier[[0, 1, 2, 3, 4, 28, 29, 32]].tolist() == [
        *(0, 600, 1000, 1000, 1400),
        *(1400, 1800, 1800),
    ]


def test_an_unknown_barrier() -> None:
    barrier = cost_table(hardware.load("loihi2")).barrier
    assert barrier[0] == 0
    assert np.isnan(barrier[1:]).all()


def test_cycles_are_turned_into_ns() -> None:
    odin = hardware.load("odin").with_values({"costs.clock.frequency": 100.0})
    table = cost_table(odin)
    assert table.time[EVENTS.index("synaptic_operation")] == 20.0
    assert table.time[EVENTS.index("message_in")] == 10.0


def test_static_power() -> None:
    assert cost_table(hardware.load("loihi")).static_power == 104.0
    assert np.isnan(cost_table(hardware.load("neurochip")).static_power)


def test_links() -> None:
    """SANA-FE's network passes a message a clock of 1 ns; of Loihi itself nobody says it."""
    calibrated = link_table(hardware.load("loihi_calibrated"))
    assert calibrated == (16, 1.0, 1.0, 0.0)
    assert np.isnan(link_table(hardware.load("loihi"))).tolist() == [False, True, True, True]
    assert link_table(hardware.load("neurochip")) == calibrated
    assert np.isnan(link_table(hardware.load("odin"))).all()


def test_gaps_in_cycles_need_a_clock(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    gap = '{ value = 2.0, unit = "cycle", basis = "assumed", source = "design" }'
    own = f'name = "mine"\ntitle = "Mine"\nextends = "loihi"\n[mesh]\nlink_gap = {gap}\n'
    file.write_text(own, encoding="utf-8")
    with pytest.raises(HardwareError, match=r"mesh\.link_gap is in cycles, but costs\.clock\.freq"):
        hardware.load(file)
    clock = '{ value = 100.0, unit = "MHz", basis = "assumed", source = "design" }'
    file.write_text(f"{own}[costs.clock]\nfrequency = {clock}\n", encoding="utf-8")
    assert link_table(hardware.load(file)).link_gap == 20.0
