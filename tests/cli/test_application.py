"""What all commands share: help, usage, files and data that do not fit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import pytest

from neurochip import files
from neurochip.config import RunConfig
from tests.cli.running import CHIPS, QUICK, Command, other_data, process, refused


def test_help_names_every_option(neurochip: Command) -> None:
    text = neurochip("learn", "--help").out
    for name in RunConfig.model_fields:
        assert f"--{name.replace('_', '-')}" in text
    assert "the TOML" not in text


def test_no_command_shows_the_help(neurochip: Command) -> None:
    said = neurochip()
    assert said.status == 2
    for command in ("learn", "run", "parity", "chips", "report", "demo"):
        assert re.search(rf"^  {command} ", said.out, re.M)


@pytest.mark.parametrize(
    "words",
    ["frobnicate", "learn --colour 1", "learn a.toml b.toml", "run", "learn --epochs", "--json"],
)
def test_bad_usage_is_one_sentence(neurochip: Command, here: Path, words: str) -> None:
    said = neurochip(*words.split())
    assert said.status == 2
    assert said.out == ""
    assert re.fullmatch(r"neurochip: .*; see neurochip( learn| run)? --help\n", said.err)
    assert not list(here.iterdir())


def test_bad_words(neurochip: Command, learned: Path, here: Path) -> None:
    refused(neurochip("parity", learned, "--against", "bptt"), "--against is 'bptt'; it must be "
            "one of 'float', 'lava', 'netx', 'nir'")  # fmt: skip
    refused(
        neurochip("parity", learned, "--samples", 0),
        "parity was asked for 0 samples; it needs 1 or more",
    )
    refused(
        neurochip("parity", learned, "--samples", "x"),
        "--samples is 'x'; it must be a whole number",
    )
    refused(
        neurochip("report", learned, "--sample", "first"),
        "--sample is 'first'; it must be a whole number",
    )
    refused(
        neurochip("report", learned, "--neurons", "1;2"),
        "--neurons is '1;2'; it must be whole numbers with commas between them, such as 128,64",
    )
    refused(
        neurochip("chips", "foo"),
        f"hardware model 'foo' is unknown; built in are {CHIPS}, or give the path of a .toml file",
    )
    refused(
        neurochip("report", learned, "--out", "none/page.html"),
        f"none/page.html can't be written because the directory {here}/none does not exist; make "
        f"it first or choose another path",
    )
    (here / "file").write_text("")
    said = neurochip("demo", "--out", "file")
    refused(said, "file can't be written (File exists); mend that or choose another path")


@pytest.mark.parametrize(
    "words", [("learn", "--resume"), ("run",), ("parity",), ("report",)], ids=lambda w: w[0]
)
def test_bad_run_files(
    neurochip: Command, learned: Path, here: Path, words: tuple[str, ...]
) -> None:
    again = "restore it from a copy or make it again"
    tree = files.read_tree(learned)

    def newer() -> None:
        files.write_tree("r.h5", tree, version=2)

    def broken() -> None:
        Path("r.h5").write_bytes(learned.read_bytes())
        with h5py.File("r.h5", "r+") as file:
            file["state/n_learned"][()] = 7

    def cut() -> None:
        Path("r.h5").write_bytes(learned.read_bytes()[:3000])

    def empty() -> None:
        Path("r.h5").write_bytes(b"")

    def other() -> None:
        Path("r.h5").write_text("hello")

    def lacking() -> None:
        files.write_tree("r.h5", {key: item for key, item in tree.items() if key != "state"})

    said_of = {
        newer: "r.h5 has version 2 of neurochip-run but this neurochip reads versions up to 1; "
        "update neurochip or make the file again",
        broken: f"r.h5 is damaged: its contents don't match its checksum; {again}",
        cut: f"r.h5 is damaged: parts of it can't be read; {again}",
        empty: f"r.h5 is empty; {again}",
        other: "r.h5 is not an HDF5 file; give the path of a neurochip-run file",
        lacking: "run file 'r.h5' lacks 'state', so it was not written by this program; make it "
        "again",
    }
    for spoil, sentence in said_of.items():
        spoil()
        before = Path("r.h5").read_bytes()
        refused(neurochip(*words, "r.h5"), sentence)
        assert Path("r.h5").read_bytes() == before
        assert [path.name for path in here.iterdir()] == ["r.h5"]
        Path("r.h5").unlink()
    sentence = "r.h5 does not exist; give the path of a neurochip-run file"
    refused(neurochip(*words, "r.h5"), sentence)


@pytest.mark.parametrize(("command", "label"), [("run", 11), ("parity", 10), ("report", 11)])
def test_data_that_do_not_fit_a_run(
    neurochip: Command, learned: Path, here: Path, command: str, label: int
) -> None:
    other_data(here, features=60)
    refused(
        neurochip(command, learned, "--data", "other.npz"),
        "samples of shape (60,) hold 60 numbers, but the network has 64 inputs; give 64 numbers a "
        "sample",
    )
    other_data(here, classes=12)
    words = ["--sample", "11"] if command == "report" else []
    refused(
        neurochip(command, learned, "--data", "other.npz", *words),
        f"label {label} is out of range, because the network has 10 outputs; give labels from 0 to "
        f"9, or a network of more outputs",
    )
    assert [path.name for path in here.iterdir()] == ["other.npz"]


@pytest.mark.usefixtures("importable", "learned")  # the second has compiled the kernels
def test_a_process(here: Path) -> None:
    with process(here, "learn", *QUICK, "--epochs", "1", "--json") as done:
        out, err = done.communicate(timeout=300)
    assert (done.returncode, err) == (0, "")
    assert 0 <= json.loads(out)["accuracy"] <= 1
    with process(here, "run", "run.h5", "--data", "digitz") as done:
        out, err = done.communicate(timeout=300)
    assert (done.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("neurochip: data set 'digitz' is unknown; ")
