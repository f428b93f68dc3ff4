"""Faults as a description: what can be asked for, and what messages say of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from neurochip.errors import ConfigError
from neurochip.hardware import Faults


def test_a_sound_chip_has_none() -> None:
    assert not Faults().any
    assert Faults().told == ""
    assert not Faults(stuck_at_one=1.0, seed=3).any


@pytest.mark.parametrize(
    "name", ["stuck_bits", "dead_neurons", "dead_cores", "threshold_mismatch", "read_flips"]
)
def test_each_kind_is_one(name: str) -> None:
    assert Faults(**{name: 1}).any
    assert Faults(**{name: 1}).told == f"{name} 1"


def test_a_drift_is_over_when_it_has_happened() -> None:
    assert not Faults(weight_drift=0.1).any


def test_several_are_told_together() -> None:
    assert Faults(read_flips=1e-4, stuck_bits=0.1).told == "stuck_bits 0.1, read_flips 0.0001"


def test_they_come_back_from_a_file() -> None:
    faults = Faults(0.1, 0.25, 0.2, 3, 0.05, 0.02, 1e-4, 2**63 - 1)
    assert Faults(**faults.to_dict()) == faults


NUMBERS: list[tuple[dict[str, Any], str]] = [
    ({"stuck_bits": 1.5}, "stuck_bits is 1.5; it must be a share from 0 to 1"),
    ({"stuck_at_one": -0.1}, "stuck_at_one is -0.1; it must be a share from 0 to 1"),
    ({"dead_neurons": 2.0}, "dead_neurons is 2.0; it must be a share from 0 to 1"),
    ({"read_flips": float("nan")}, "read_flips is nan; it must be a share from 0 to 1"),
    (
        {"threshold_mismatch": -1.0},
        "threshold_mismatch is -1.0; it must be a relative deviation from 0 to 10.0",
    ),
    (
        {"weight_drift": 11.0},
        "weight_drift is 11.0; it must be a relative deviation from 0 to 10.0",
    ),
    ({"dead_cores": -1}, "dead_cores is -1; it must be 0 or more"),
    ({"dead_cores": 1.5}, "dead_cores is 1.5; it must be a whole number"),
    (
        {"seed": 2**63},
        f"seed of faults {2**63} is out of range; choose one of 0 to {2**63 - 1}",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), NUMBERS)
def test_numbers_out_of_range_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        Faults(**given)
