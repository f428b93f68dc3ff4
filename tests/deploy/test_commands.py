"""The commands `deploy` and `parity --against` for exports."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import pytest

from neurochip import cli
from neurochip.deploy import lava

QUICK = ("--train-samples", "100", "--test-samples", "30", "--timesteps", "4")
needs_lava = pytest.mark.skipif(
    not lava.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def neurochip(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return Said(status, *capsys.readouterr())

    return run


def learned(tmp_path_factory, *options: str, hidden: tuple[str, ...] = ("--hidden", "16")) -> Path:
    path = tmp_path_factory.mktemp("learned") / "run.h5"
    words = ("learn", *QUICK, *hidden, *options, "--epochs", "1", "--out", str(path), "--json")
    assert cli.main([*words]) == 0
    return path


@pytest.fixture(scope="module")
def loihi(tmp_path_factory) -> Path:
    """A run on the chip that Lava models. Tests must not write to it."""
    return learned(tmp_path_factory, "--hardware", "loihi", "--encoding", "rate")


@needs_lava
def test_parity_against_lava(neurochip, loihi):
    said = neurochip("parity", loihi, "--against", "lava", "--samples", 5)
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "layer     state  steps  mismatches  first difference",
        "--------  -----  -----  ----------  ----------------",
        "layer 0   u      20     0           none",
        "layer 0   v      20     0           none",
        "layer 0   s      20     0           none",
        "read-out  u      20     0           none",
        "read-out  v      20     0           none",
        "read-out  s      20     0           none",
        "every integer of 5 samples is the same on the chip and in lava",
    ]
    said = neurochip("parity", loihi, "--against", "lava", "--json")
    assert (said.status, said.err) == (0, "")
    assert (said.json["agrees"], said.json["samples"]) == (True, 30)
    assert said.json["states"][0] == {
        "layer": "layer 0",
        "state": "u",
        "steps": 120,
        "mismatches": 0,
        "first": None,
    }


@needs_lava
def test_parity_of_convolutions_against_lava(neurochip, tmp_path_factory):
    run = learned(
        tmp_path_factory,
        *("--hardware", "loihi", "--encoding", "rate", "--conv", "3C3-P2-6"),
        hidden=(),
    )
    for options in ((), ("--learn",)):
        said = neurochip("parity", run, "--against", "lava", "--samples", 5, *options)
        assert (said.status, said.err) == (0, "")
        ends = "every integer of 5 samples is the same on the chip and in lava\n"
        assert said.out.endswith(ends)


@needs_lava
def test_parity_that_fails_exits_with_1(neurochip, loihi, monkeypatch):
    from neurochip.deploy.lava import drive

    honest = drive.drive

    def lying(network, inputs):
        result = honest(network, inputs)
        result.layers[0].states["v"][1, 2, 3] = 1 << 22
        return result

    monkeypatch.setattr(drive, "drive", lying)
    said = neurochip("parity", loihi, "--against", "lava", "--samples", 2)
    assert (said.status, said.err) == (1, "")
    assert said.out.endswith("they DISAGREE\n")
    assert "1           sample 1, step 2, neuron 3: " in said.out
    assert "expected, 4194304 found" in said.out


def test_deploy_lava_writes_a_folder(neurochip, loihi):
    said = neurochip("deploy", "lava", loihi, "out", "--samples", 3)
    assert (said.status, said.err) == (0, "")
    assert said.out == "written to out; there, python run.py runs it in Lava and compares\n"
    assert Path("out/run.py").exists()
    said = neurochip("deploy", "lava", loihi, "out", "--json")
    assert (said.status, said.err) == (0, "")
    assert "out/network.h5" in said.json["written"]
    said = neurochip("deploy", "lava", loihi, "out", "--samples", 1000)
    assert (said.status, said.err) == (0, "")
    with h5py.File("out/network.h5", "r") as file:
        assert len(file["inputs"]) == len(file["predictions"]) == 30


def test_what_lava_cannot_express_is_refused(neurochip, tmp_path_factory):
    graded = learned(tmp_path_factory, "--hardware", "loihi")
    for words in (("parity", graded, "--against", "lava"), ("deploy", "lava", graded, "out")):
        said = neurochip(*words)
        assert (said.status, said.out) == (2, "")
        assert said.err == (
            "neurochip: encoding is 'graded', but Lava's neurons hear spikes; learn or map with "
            "encoding 'rate' or 'bernoulli', on hardware 'loihi'\n"
        )


def test_a_python_without_lava_says_so(neurochip, loihi, monkeypatch):
    find = importlib.util.find_spec

    def without_lava(name, *rest):
        return None if name.split(".")[0] == "lava" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without_lava)
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = neurochip("parity", loihi, "--against", "lava")
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "neurochip: Lava is not installed here (lava-nc 0.10.0 needs Python 3.10, and this is "
        f"{running}); use Python 3.10 and install 'neurochip[lava]'\n"
    )


@pytest.fixture(scope="module")
def even(tmp_path_factory) -> Path:
    """A run whose biases netx can hold. Tests must not write to it."""
    return learned(
        tmp_path_factory, "--hardware", "loihi", "--encoding", "rate", "--bias-bits", "10"
    )


@needs_lava
def test_parity_against_netx(neurochip, even):
    said = neurochip("parity", even, "--against", "netx", "--samples", 5)
    assert (said.status, said.err) == (0, "")
    assert said.out.endswith("every integer of 5 samples is the same on the chip and in netx\n")


def test_parity_against_nir(neurochip, loihi):
    pytest.importorskip("nir", reason="needs the package nir (the extra 'nir')")
    said = neurochip("parity", loihi, "--against", "nir", "--samples", 5, "--json")
    assert (said.status, said.err) == (0, "")
    assert (said.json["against"], said.json["agrees"], len(said.json["states"])) == ("nir", True, 6)


def test_deploy_netx_and_nir_write_files(neurochip, even):
    said = neurochip("deploy", "netx", even, "network.net")
    assert (said.status, said.out, said.err) == (0, "written to network.net\n", "")
    assert neurochip("deploy", "netx", even, "network.net", "--json").json == {
        "command": "deploy netx",
        "written": ["network.net"],
    }
    pytest.importorskip("nir", reason="needs the package nir (the extra 'nir')")
    said = neurochip("deploy", "nir", even, "network.nir")
    assert (said.status, said.out, said.err) == (0, "written to network.nir\n", "")
    assert {path.name for path in Path().iterdir()} == {"network.net", "network.nir"}


def test_deploy_sanafe_writes_a_folder(neurochip, tmp_path_factory, loihi):
    calibrated = learned(tmp_path_factory, "--hardware", "loihi_calibrated", "--encoding", "rate")
    said = neurochip("deploy", "sanafe", calibrated, "out", "--sample", 2)
    assert (said.status, said.err) == (0, "")
    assert said.out == "written to out; out/README says how SANA-FE runs its 6 steps\n"
    assert {path.name for path in Path("out").iterdir()} == {"chip.yaml", "network.yaml", "README"}
    assert "as in sample 2." in Path("out/README").read_text(encoding="utf-8")
    assert neurochip("deploy", "sanafe", calibrated, "out", "--json").json == {
        "command": "deploy sanafe",
        "written": ["out/chip.yaml", "out/network.yaml", "out/README"],
        "steps": 6,
        "exact": False,
    }
    for sample in (30, -1):
        said = neurochip("deploy", "sanafe", calibrated, "out", "--sample", sample)
        assert (said.status, said.out) == (2, "")
        assert said.err == (
            f"neurochip: sample is {sample}, but the test set has samples 0 to 29; give one of "
            f"those\n"
        )
    said = neurochip("deploy", "sanafe", loihi, "other")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("neurochip: hardware 'loihi' leaves open what SANA-FE needs (")


@pytest.mark.parametrize("kind", ["netx", "nir"])
def test_an_export_never_replaces_the_run(neurochip, even, kind):
    before = even.read_bytes()
    said = neurochip("deploy", kind, even, even)
    assert (said.status, said.out) == (2, "")
    assert "is the run file that is read and would be replaced" in said.err
    assert even.read_bytes() == before


def test_a_file_that_cannot_be_written_is_refused(neurochip, even):
    said = neurochip("deploy", "netx", even, "missing/network.net")
    assert (said.status, said.out) == (2, "")
    assert "missing/network.net can't be written because the directory" in said.err


@needs_lava
def test_parity_of_learning_in_lava(neurochip, loihi):
    said = neurochip("parity", loihi, "--against", "lava", "--learn", "--samples", 5)
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert [line.split()[2] for line in lines[2:-1]] == ["weights", "biases", "trace"] * 2
    assert lines[-1] == "every integer of 5 samples is the same on the chip and in lava"


def test_learning_is_compared_with_lava_only(neurochip, loihi):
    said = neurochip("parity", loihi, "--learn")
    assert (said.status, said.out) == (2, "")
    assert said.err == ("neurochip: --learn is for --against lava, not for 'float'; leave it out\n")
