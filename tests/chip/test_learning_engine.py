"""Chips that can't learn, or not by this rule, and chips whose neurons differ in kind."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip import hardware
from neurochip.chip import Chip
from neurochip.data import Split
from neurochip.errors import LimitError
from neurochip.hardware import Hardware
from neurochip.network import LIF, Dense, Network

NET = Network((Dense(4, 6), LIF(reset="hard"), Dense(6, 2)), 4)
SAMPLES = Split(np.ones((3, 4), np.float64), np.zeros(3, np.int64))


def fails(sentence: str) -> Any:
    return pytest.raises(LimitError, match=f"^{re.escape(sentence)}$")


def able(*rules: str) -> Hardware:
    return hardware.load("neurochip").with_values({"learning.rules": rules})


def test_a_chip_without_learning_infers_but_does_not_learn() -> None:
    chip = Chip(NET, able())
    assert len(chip.predict(SAMPLES.x)) == 3
    with fails(
        "hardware 'neurochip' can't learn, but was asked to learn by ottt; choose a chip that has "
        "it, or run what another chip has learned"
    ):
        chip.learn(SAMPLES)


def test_a_chip_that_learns_otherwise() -> None:
    with fails(
        "hardware 'neurochip' learns by sdsp and stdp only, but was asked to learn by ottt; choose "
        "a chip that has it, or run what another chip has learned"
    ):
        Chip(NET, able("sdsp", "stdp")).learn(SAMPLES)


def test_a_linear_leak_is_not_simulated() -> None:
    with fails(
        "neurons of hardware 'odin' have a linear leak, but a network's is exponential; map it "
        "onto this chip, or run it on another"
    ):
        Chip(NET, "odin")


def test_rows_name_the_rules() -> None:
    rules = {row.key: row.value for row in hardware.rows(able("sdsp", "ottt"))}
    assert rules["learning.rules"] == "sdsp, ottt"
    assert {row.key: row.value for row in hardware.rows(able())}["learning.rules"] == "none"


def test_every_limit_of_a_core_is_checked_before_anything_runs() -> None:
    small = hardware.load("neurochip").with_values({"limits.axons_in_per_core": 5})
    with fails(
        "one neuron of the read-out (neuron 0) needs 6 axons in, but a core of hardware "
        "'neurochip' has 5; make the layer below smaller or choose a larger chip"
    ):
        Chip(NET, small)
    assert Chip(NET).map.core.tolist() == [0, 1]
