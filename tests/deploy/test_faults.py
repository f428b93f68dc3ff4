"""Exports are of sound chips; a chip with faults is refused before anything is written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from neurochip import hardware
from neurochip.chip import Chip
from neurochip.chip.epoch import next_epoch
from neurochip.data import Split
from neurochip.deploy import netx, nir, sanafe
from neurochip.deploy.lava.plan import plan
from neurochip.errors import ExportError, LimitError
from neurochip.hardware import Faults
from neurochip.network import Network
from neurochip.parity import compare_with_float

DATA = Split(np.zeros((2, 6)), np.zeros(2, int))


@pytest.fixture
def chip() -> Chip:
    network = Network.mlp((6, 4, 2), timesteps=3, reset="hard", fires=">")
    broken = Faults(stuck_bits=0.1, read_flips=1e-4)
    return Chip(network, hardware.load("loihi"), encoding="rate", faults=broken)


def sentence(what: str) -> str:
    told = f"the chip has faults (stuck_bits 0.1, read_flips 0.0001), but {what} is of a sound chip"
    return f"^{re.escape(told)}; use a run without faults$"


def test_lava(chip: Chip) -> None:
    with pytest.raises(ExportError, match=sentence("an export to Lava")):
        plan(chip)


def test_netx(chip: Chip, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=sentence("an export to Lava")):
        netx.write(chip, tmp_path / "chip.net")
    assert not list(tmp_path.iterdir())


def test_nir(chip: Chip, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=sentence("an export to NIR")):
        nir.write(chip, tmp_path / "chip.nir")
    assert not list(tmp_path.iterdir())


def test_sanafe(chip: Chip, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=sentence("an export to SANA-FE")):
        sanafe.write(chip, DATA.x[0], tmp_path / "chip")
    assert not list(tmp_path.iterdir())


def test_learning_in_lava(chip: Chip) -> None:
    with pytest.raises(LimitError, match=sentence("learning in Lava")):
        next_epoch(chip, DATA)


def test_parity_with_float(chip: Chip) -> None:
    with pytest.raises(LimitError, match=sentence("the float reference")):
        compare_with_float(chip, DATA)


def test_a_drift_is_over_and_goes_along(chip: Chip) -> None:
    chip.inject(Faults(weight_drift=0.1))
    assert np.array_equal(plan(chip).layers[0].weights, chip.integers.weights[0].T)
