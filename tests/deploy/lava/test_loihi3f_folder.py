"""A folder in which Lava's own synapses learn, where there is no neurochip."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from neurochip.chip.loihi_learner import LoihiLearner
from neurochip.deploy import lava as export
from neurochip.deploy.lava.learning import loihi3f as profile
from neurochip.deploy.lava.learning.loihi3f.plan import Job
from neurochip.deploy.lava.learning.loihi3f.player.network import read
from neurochip.deploy.lava.learning.loihi3f.simulated import recorded

from .elsewhere import STANDING_ALONE, imported, run
from .loihi3f_chips import TRAIN, chip_of

SAMPLES, T_EPOCH = TRAIN.take(6), 4
needs_lava = pytest.mark.skipif(
    not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a chip that has learned before."""
    chip = chip_of((64, 12, 10), timesteps=6, shifts=(1, 2), surrogate="table")
    LoihiLearner(chip, T_EPOCH).learn(TRAIN.take(10))
    profile.write(chip, SAMPLES, tmp_path / "exported", T_EPOCH)
    return tmp_path / "exported"


def test_only_lava_numpy_and_h5py_are_imported(folder):
    assert imported(folder) <= STANDING_ALONE


@pytest.mark.parametrize("sizes", [(64, 12, 10), (64, 10)])
def test_the_file_gives_the_lesson_back(tmp_path, sizes):
    chip = chip_of(sizes, shifts=(2,) * (len(sizes) - 1))
    profile.write(chip, SAMPLES, tmp_path, T_EPOCH)
    job = Job(chip, SAMPLES, T_EPOCH)
    lesson, expected = read(tmp_path / "network.h5")
    assert np.array_equal(lesson.signals, job.lesson.signals)
    assert np.array_equal(lesson.labels, job.lesson.labels)
    for name, value in vars(job.lesson.learner).items():
        assert name == "layers" or np.array_equal(getattr(lesson.learner, name), value), name
    for found, layer in zip(lesson.learner.layers, job.lesson.learner.layers, strict=True):
        for name, value in vars(layer).items():
            assert np.array_equal(getattr(found, name), value), name
    for kept, held in zip(expected, recorded(job), strict=True):
        assert kept.name == held.name
        assert kept.states.keys() == held.states.keys()
        for state, values in held.states.items():
            assert np.array_equal(kept.states[state], values)


@needs_lava
def test_it_learns_and_agrees_without_neurochip(folder, elsewhere):
    said = run(elsewhere, folder, "--limit", "300")
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[-1] == "6 samples learned: every integer in Lava is the simulator's"
    table = [line.split() for line in lines[1:-1]]
    assert [tuple(row) for row in table] == [
        ("layer", number, state, "6" if state == "weights" else "48", "0", "none")
        for number in "01"
        for state in ("s", "u", "v", "weights", "x1", "y1")
    ]


@needs_lava
def test_a_difference_is_told_and_exits_with_1(folder, elsewhere):
    with h5py.File(folder / "network.h5", "r+") as file:
        values = file["expected/layer1/weights"]
        before = int(values[4, 0, 17])
        values[4, 0, 17] = before + 1
    said = run(elsewhere, folder, "--limit", "300")
    assert (said.returncode, said.stderr) == (1, "")
    told = f"sample 4, step 0, neuron 17: {before + 1} expected, {before} found"
    assert told in said.stdout
    assert said.stdout.endswith("they DIFFER\n")


@needs_lava
def test_a_session_that_lasts_too_long_exits_with_2(folder, elsewhere):
    said = run(elsewhere, folder, "--limit", "0.05")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("the session of Lava didn't end within 0.05 s and was ended; ")


@needs_lava
def test_a_damaged_file_exits_with_2(folder, elsewhere):
    (folder / "network.h5").write_bytes((folder / "network.h5").read_bytes()[:1000])
    said = run(elsewhere, folder)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("network.h5 can't be read (")
