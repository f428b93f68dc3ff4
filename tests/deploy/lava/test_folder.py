"""The exported folder stands alone: it runs with lava-nc where there is no neurochip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurochip.deploy import lava as export
from neurochip.deploy.lava.learning import loihi3f
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.lava.player.network import read
from neurochip.deploy.recording import record
from neurochip.errors import OutputError
from neurochip.network import AvgPool, SumPool

from .elsewhere import STANDING_ALONE, imported, run
from .loihi3f_chips import TRAIN, chip_of
from .networks import Case, ImageCase, Stage

CASE = Case(sizes=(12, 9, 7, 3), timesteps=10, threshold=100, reset="soft")
CONV = ImageCase(
    sizes=(5, 3),
    shape=(2, 6, 5),
    stages=(Stage(4, 3, 1, 1), Stage(3, 2, 2, 1, AvgPool(2))),
    last_pool=SumPool(2),
    timesteps=10,
    threshold=100,
)
needs_lava = pytest.mark.skipif(
    not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "exported"
    export.write(CASE.chip(), CASE.samples(3), out)
    return out


def test_only_lava_numpy_and_h5py_are_imported(folder):
    assert imported(folder) <= STANDING_ALONE


@pytest.mark.parametrize("case", [CASE, CONV], ids=["dense", "conv"])
def test_the_file_gives_the_network_back(tmp_path, case):
    export.write(case.chip(), case.samples(3), tmp_path)
    network, recording = read(tmp_path / "network.h5")
    planned, expected = plan(case.chip()), record(case.chip(), case.samples(3))
    assert network.timesteps == planned.timesteps
    for found, layer in zip(network.layers, planned.layers, strict=True):
        for name, value in vars(layer).items():
            assert np.array_equal(getattr(found, name), value), name
    assert np.array_equal(recording.inputs, expected.inputs)
    for kept, layer_states in zip(recording.layers, expected.layers, strict=True):
        assert kept.name == layer_states.name
        for state, values in layer_states.states.items():
            assert np.array_equal(kept.states[state], values)


def test_predictions_go_along(folder):
    with h5py.File(folder / "network.h5", "r") as file:
        found = file["predictions"][()]
    assert found.tolist() == CASE.chip().predict(CASE.samples(3)).tolist()


@needs_lava
def test_it_runs_and_agrees_without_neurochip(folder, elsewhere):
    absent = subprocess.run([elsewhere, "-c", "import neurochip"], cwd="/", capture_output=True)
    assert b"No module named 'neurochip'" in absent.stderr
    said = run(elsewhere, folder, "--limit", "300")
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[-1] == "3 samples: every integer in Lava is the chip's"
    table = [line.split() for line in lines[1:-1]]
    assert len(table) == 9
    assert {tuple(row[-3:]) for row in table} == {("30", "0", "none")}


@needs_lava
def test_convolutions_and_pools_run_and_agree_without_neurochip(tmp_path, elsewhere):
    export.write(CONV.chip(), CONV.samples(3), tmp_path / "exported")
    said = run(elsewhere, tmp_path / "exported", "--limit", "300")
    assert (said.returncode, said.stderr) == (0, "")
    table = [line.split() for line in said.stdout.splitlines()[1:-1]]
    assert [tuple(row[-3:]) for row in table] == [("30", "0", "none")] * 12


@needs_lava
def test_a_difference_is_told_and_exits_with_1(folder, elsewhere):
    with h5py.File(folder / "network.h5", "r+") as file:
        values = file["expected/layer1/v"]
        before = int(values[2, 4, 1])
        values[2, 4, 1] = before + 1
    said = run(elsewhere, folder, "--limit", "300")
    assert (said.returncode, said.stderr) == (1, "")
    told = f"sample 2, step 4, neuron 1: {before + 1} expected, {before} found"
    assert told in said.stdout
    assert said.stdout.endswith("they DIFFER\n")


@needs_lava
def test_a_session_that_lasts_too_long_exits_with_2(folder, elsewhere):
    said = run(elsewhere, folder, "--limit", "0.05")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "the session of Lava didn't end within 0.05 s and was ended; give it more time, or show it "
        "fewer samples\n"
    )


def test_writing_twice_replaces(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*.py")}
    export.write(CASE.chip(), CASE.samples(1), folder)
    assert {path: path.read_bytes() for path in folder.rglob("*.py")} == before
    assert len(read(folder / "network.h5")[1].inputs) == 1


@pytest.mark.parametrize("name", ["README", "run.py", "player/build.py", "network.h5"])
def test_files_of_no_export_are_not_replaced(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError) as caught:
        export.write(CASE.chip(), CASE.samples(1), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds a {name} that is of no exported network and would be replaced; choose "
        f"another folder"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_text() == "mine"


def test_no_module_of_another_export_stays_where_lava_would_execute_it(tmp_path):
    def package() -> set[Path]:
        return set((tmp_path / "player").rglob("*.py"))

    export.write(CASE.chip(), CASE.samples(1), tmp_path)
    before = package()
    learner = chip_of((64, 10), shifts=(2,))
    loihi3f.write(learner, TRAIN.take(1), tmp_path)
    assert package() - before
    export.write(CASE.chip(), CASE.samples(1), tmp_path)
    assert package() == before


def test_other_files_in_the_folder_stay(tmp_path):
    mine = [tmp_path / "notes.txt", tmp_path / "plot.py"]
    for path in mine:
        path.write_text("mine")
    for _ in range(2):
        export.write(CASE.chip(), CASE.samples(1), tmp_path)
    assert [path.read_text() for path in mine] == ["mine"] * 2


def test_a_damaged_file_exits_with_2(folder):
    """1 would say that Lava's integers differ."""
    damaged = (folder / "network.h5").read_bytes()[:1000]
    (folder / "network.h5").write_bytes(damaged)
    said = run(sys.executable, folder)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("network.h5 can't be read (")
    assert said.stderr.endswith("); export it again\n")
    assert said.stderr.count("\n") == 1


@needs_lava
def test_a_file_that_lacks_a_register_does_not_pass(folder):
    with h5py.File(folder / "network.h5", "r+") as file:
        del file["expected/layer1/v"]
    said = run(sys.executable, folder, "--limit", "300")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("registers of layer 1 can't be compared: ")
