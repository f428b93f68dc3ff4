"""Every example runs, on less data than it shows."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment
from neurochip.config import make, read
from neurochip.hardware import load
from neurochip.mapping import check_supported, map_network
from neurochip.mapping.absorb import absorbed
from neurochip.network import initialise, presets
from neurochip.rules import OTTT

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_learn_digits_learns() -> None:
    names = runpy.run_path(str(EXAMPLES / "learn_digits.py"))
    assert names["main"](epochs=2, train_samples=300) > 0.5


def test_spike_trains_come_nearer(tmp_path: Path) -> None:
    names = runpy.run_path(str(EXAMPLES / "teach_spike_trains.py"))
    picture = tmp_path / "trains.png"
    before, after = names["main"](updates=100, picture=str(picture))
    assert after < 0.8 * before
    assert picture.stat().st_size > 0


@pytest.mark.parametrize(
    ("chip", "network"),
    [("neurochip", "vgg_sws/4"), ("loihi", "vggsnn/8"), ("loihi", "resnet19/8")],
)
def test_the_large_chips_have_room_for_the_papers_networks(chip: str, network: str) -> None:
    hardware = load(str(EXAMPLES / "chips" / f"large_{chip}.toml"))
    trained = presets.published(network, 10, (3, 32, 32), 6)
    plain, _ = absorbed(trained, initialise(trained, 0))
    check_supported(plain, hardware, OTTT())
    assert map_network(plain, hardware).core.max() > 1


RNG = np.random.default_rng(0)
SPIKES: dict[str, Any] = {
    "t": np.sort(RNG.integers(0, 300, (12, 40)), axis=1).ravel(),
    "unit": RNG.integers(0, 40, 480),
    "offsets": np.arange(0, 481, 40),
    "label": np.arange(12) % 2,
}
CAMERA: dict[str, Any] = {
    **SPIKES,
    "dt": RNG.integers(0, 9000, 480, np.uint16),
    **{axis: RNG.integers(0, 34, 480, np.uint8) for axis in "xy"},
    "p": RNG.integers(0, 2, 480, np.uint8),
}
BEATS: dict[str, Any] = {"dx": RNG.integers(-9, 9, (12, 128), np.int16), "y": np.arange(12) % 2}
#: Files of the structure that each configuration declares.
FILES: dict[str, dict[str, Any]] = {
    "nmnist": {f"{split}_{key}": a for split in ("train", "test") for key, a in CAMERA.items()},
    "spoken_digits": {**SPIKES, "is_test": np.arange(12) % 3 == 0},
    "cue_accumulation": {
        f"{split}_{key}": a for split in ("train", "test") for key, a in SPIKES.items()
    },
    "heartbeats": {f"{key}_{split}": a for split in ("train", "test") for key, a in BEATS.items()},
}
INPUTS = {"nmnist": 2 * 34 * 34, "spoken_digits": 64, "cue_accumulation": 40, "heartbeats": 128}


def test_every_configuration_is_tested() -> None:
    assert FILES.keys() == INPUTS.keys() == {path.stem for path in EXAMPLES.glob("*.toml")}


@pytest.mark.parametrize("name", FILES)
def test_a_configuration_learns(name: str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **FILES[name])
    options = read(EXAMPLES / f"{name}.toml")
    config = make({**options, "data": str(path), "epochs": 1, "hidden": [8]})
    data = experiment.load_data(config)
    assert data.train.n_features == INPUTS[name]
    run = experiment.learn(experiment.build(config, data), data, 1, tmp_path / "run.h5")
    assert run.accuracy is not None
    assert experiment.load_run(tmp_path / "run.h5").accuracy == run.accuracy
