"""The built-in hardware models: their numbers are those of their sources, or unknown."""

from __future__ import annotations

import pytest

from neurochip import hardware
from neurochip.hardware import EVENTS, Hardware

#: Davies et al., IEEE Micro 38(1), 2018, table 2: pJ and ns.
TABLE_2 = {
    "synaptic_operation": (23.6, 3.5),
    "synaptic_update": (120.0, 6.1),
    "neuron_active": (81.0, 8.4),
    "neuron_inactive": (52.0, 5.3),
    "spike_in_tile": (1.7, 2.1),
    "hop_east_west": (3.0, 4.1),
    "hop_north_south": (4.0, 6.5),
}
#: What table 2 and the rest of the paper say nothing of.
NOT_IN_TABLE_2 = {"message_out", "message_in", "trace_update", "error_message", "error_operation"}
#: The fit of SANA-FE 2.2.9 to Loihi 1 (loihi.yaml): pJ and ns.
SANA_FE = {
    "spike_in_tile": (0.0, 0.0),
    "message_out": (111.0, 5.1),
    "message_in": (0.0, 16.0),
    "hop_east_west": (3.0, 4.1),
    "hop_north_south": (4.2, 6.5),
    "synaptic_operation": (35.5, 3.8),
    "synaptic_operation_sparse": (33.6, 4.7),
    "synaptic_operation_convolution": (24.0, 3.1),
    "neuron_inactive": (51.2, 6.0),
    "neuron_active": (51.2 + 21.6, 6.0 + 3.7),
    "neuron_fired": (69.3, 30.0),
}


def costs(hw: Hardware, event: str) -> tuple[float | None, float | None]:
    energy, time = getattr(hw.costs.energy, event), getattr(hw.costs.time, event)
    return energy.value, time.value


def unknown_costs(hw: Hardware) -> set[str]:
    return {event for event in EVENTS if None in costs(hw, event)}


def test_five_chips_are_shipped() -> None:
    assert hardware.available() == ["loihi", "loihi2", "loihi_calibrated", "neurochip", "odin"]


@pytest.mark.parametrize("name", hardware.available())
def test_shipped_files_leave_nothing_out(name: str) -> None:
    assert hardware.check(name).left_out == ()


def test_loihi_has_the_costs_of_table_2_and_no_others() -> None:
    loihi = hardware.load("loihi")
    for event, published in TABLE_2.items():
        assert costs(loihi, event) == published
    assert unknown_costs(loihi) == NOT_IN_TABLE_2
    assert (loihi.costs.time.barrier.tiles, loihi.costs.time.barrier.value) == ((1, 32), (113, 465))


def test_loihi_has_the_sizes_of_the_paper() -> None:
    limits = hardware.load("loihi").limits
    assert (limits.cores.value, limits.cores_per_tile.value) == (128, 4)
    assert limits.neurons_per_core.value == 1024
    assert limits.synapse_memory_per_core.value == 128 * 1024 * 8
    assert (limits.axons_in_per_core.value, limits.axons_out_per_core.value) == (4096, 4096)
    assert limits.delay.value == limits.learning_epoch.value == 63


def test_calibrated_loihi_has_the_fitted_costs_and_learns_as_loihi_does() -> None:
    calibrated, loihi = hardware.load("loihi_calibrated"), hardware.load("loihi")
    for event, fitted in SANA_FE.items():
        assert costs(calibrated, event) == pytest.approx(fitted)
    assert calibrated.costs.time.barrier.tiles == (1, 2, 4, 29)
    assert calibrated.costs.time.barrier.value == (600, 1000, 1400, 1800)
    assert calibrated.costs.energy.synaptic_update == loihi.costs.energy.synaptic_update
    assert unknown_costs(calibrated) == {"trace_update", "error_message", "error_operation"}
    assert (calibrated.registers, calibrated.limits) == (loihi.registers, loihi.limits)


def test_loihi2_has_no_published_cost() -> None:
    loihi2 = hardware.load("loihi2")
    assert unknown_costs(loihi2) == set(EVENTS)
    assert loihi2.costs.power.static.value is None
    assert loihi2.limits.neurons_per_core.value == 8192
    assert loihi2.limits.synapse_memory_per_core.value == 192 * 1024 * 8


def test_loihi2_claims_nothing_measured_of_loihi_1() -> None:
    assert "measured" not in {row.basis for row in hardware.rows(hardware.load("loihi2"))}


def test_odin_counts_cycles_and_learns_by_its_own_rule() -> None:
    odin = hardware.load("odin")
    assert odin.learning.rules == ("sdsp",)
    assert odin.neuron.leak == "linear"
    assert costs(odin, "synaptic_operation") == (12.7, 2)
    assert odin.costs.time.synaptic_operation.unit == "cycle"
    # A spike visits 256 neurons in 512 cycles, and 256 x 256 synapses of 4 bits fill its memory.
    assert 512 / odin.limits.neurons_per_core.value == 2
    per_synapse = odin.registers.weight.bits.value
    assert odin.limits.synapse_memory_per_core.value == 256 * 256 * per_synapse


def test_the_default_chip_has_every_cost_but_static_power() -> None:
    default = hardware.load("neurochip")
    assert unknown_costs(default) == set()
    assert default.costs.power.static.value is None


@pytest.mark.parametrize("name", hardware.available())
def test_what_is_free_says_of_what_it_is_a_part(name: str) -> None:
    hw = hardware.load(name)
    for row in hardware.rows(hw):
        if row.key.startswith("costs.") and row.value == 0:
            assert "art of" in row.source or "SANA-FE" in row.source, row.key


def test_no_chip_inherits_what_was_borrowed_from_another() -> None:
    for name in ("loihi", "loihi_calibrated", "loihi2", "odin"):
        assert not {"borrowed", "alike"} & hardware.load(name).sources.keys()
