"""Options of a run: each has a flag and a key in a TOML file, and the same meaning in both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment
from neurochip.config import RunConfig, make
from tests.cli.declared import (
    CHANGED,
    OF_ENGINES,
    OF_FAULTS,
    OF_IMAGES,
    OF_NUMBERS,
    OF_WIDTHS,
    flags,
    toml,
)
from tests.cli.running import QUICK, Command


def test_every_option_has_a_test_value() -> None:
    options = {**CHANGED, **OF_NUMBERS, **OF_IMAGES, **OF_FAULTS, **OF_ENGINES, **OF_WIDTHS}
    assert options.keys() == RunConfig.model_fields.keys()
    same = {"hardware", "rule"}
    for name, field in RunConfig.model_fields.items():
        assert name in same or field.default != options[name]


@pytest.mark.usefixtures("events")
def test_every_option_has_a_flag(neurochip: Command) -> None:
    said = neurochip("learn", *flags(CHANGED), "--json")
    assert (said.status, said.err) == (0, "")
    assert make(said.json["config"]) == make(CHANGED)
    registers = experiment.load_run("run.h5").chip.hardware.registers
    assert registers.shadow.bits.value == 12
    assert registers.weight.rounding == registers.shadow.rounding == "nearest"


def test_options_of_numbers(neurochip: Command, here: Path) -> None:
    x = np.linspace(-1, 2.5, 24).reshape(6, 4)
    np.savez(here / "s.npz", x_train=x, y_train=np.arange(6) % 2, x_test=x, y_test=np.arange(6) % 2)
    options = {"data": "s.npz", "timesteps": 4, "hidden": (3,), "epochs": 1, **OF_NUMBERS}
    said = neurochip("learn", *flags(options), "--json")
    assert (said.status, said.err) == (0, "")
    assert make(said.json["config"]) == make(options)
    assert experiment.load_run("run.h5").chip.network.sizes == (1, 3, 2)
    (here / "c.toml").write_text(toml(options))
    assert neurochip("learn", "c.toml", "--out", "toml.h5").status == 0
    assert (here / "toml.h5").read_bytes() == (here / "run.h5").read_bytes()


@pytest.mark.parametrize(
    "own",
    [OF_IMAGES, OF_FAULTS, OF_ENGINES, OF_WIDTHS],
    ids=["images", "faults", "engines", "widths"],
)
def test_options_of_some(neurochip: Command, here: Path, own: dict[str, Any]) -> None:
    options = {"train_samples": 60, "test_samples": 20, "timesteps": 3, "epochs": 1, **own}
    said = neurochip("learn", *flags(options), "--json")
    assert (said.status, said.err) == (0, "")
    assert make(said.json["config"]) == make(options)
    (here / "c.toml").write_text(toml(options))
    assert neurochip("learn", "c.toml", "--out", "toml.h5").status == 0
    assert (here / "toml.h5").read_bytes() == (here / "run.h5").read_bytes()


@pytest.mark.usefixtures("events")
def test_every_option_has_a_key(neurochip: Command, here: Path) -> None:
    (here / "c.toml").write_text(toml(CHANGED))
    said = neurochip("learn", "c.toml", "--json", "--out", "toml.h5")
    assert (said.status, said.err) == (0, "")
    assert make(said.json["config"]) == make(CHANGED)
    neurochip("learn", *flags(CHANGED), "--out", "flags.h5")
    assert (here / "toml.h5").read_bytes() == (here / "flags.h5").read_bytes()


@pytest.mark.usefixtures("events")
def test_flags_override_a_file(neurochip: Command, here: Path) -> None:
    (here / "c.toml").write_text(toml({**CHANGED, "data": "none.npz", "trace_input": False}))
    given = {"data": "events.npz", "seed": 3, "bias": True, "hidden": (5, 6), "trace_input": True}
    said = neurochip("learn", "c.toml", *flags(given), "--json")
    assert (said.status, said.err) == (0, "")
    assert make(said.json["config"]) == make({**CHANGED, **given})


def test_empty_lists(neurochip: Command) -> None:
    said = neurochip("learn", *QUICK, "--epochs", 1, "--halve-at", "", "--hidden", "", "--json")
    assert (said.status, said.err) == (0, "")
    assert said.json["config"]["halve_at"] == said.json["config"]["hidden"] == []


def test_whole_numbers_where_numbers_are_wanted(neurochip: Command, here: Path) -> None:
    (here / "c.toml").write_text("lam = 0\nv_th = 1\nalpha = 4\nepochs = 1\n")
    assert neurochip("learn", "c.toml", *QUICK).status == 0
