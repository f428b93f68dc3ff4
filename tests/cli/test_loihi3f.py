"""Learning by Lava's engine from the command line: `--engine loihi3f`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from neurochip import cli, experiment
from neurochip.deploy import lava
from neurochip.deploy.lava.learning.loihi3f.player.network import read
from neurochip.experiment import Run
from tests.cli.running import QUICK, Command, refused

#: They need kernels that little else compiles, which takes a minute.
pytestmark = pytest.mark.slow

needs_lava = pytest.mark.skipif(
    not lava.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)
ENGINE = ("--engine", "loihi3f", "--t-epoch", 4)


@pytest.fixture(scope="module")
def by_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch, of engine loihi3f. Tests must not write to it."""
    path = tmp_path_factory.mktemp("loihi3f") / "run.h5"
    words = ["learn", *QUICK, *map(str, ENGINE), "--epochs", "1", "--out", str(path), "--json"]
    assert cli.main(words) == 0
    return path


def same(first: Run, second: Run) -> None:
    for ours, theirs in zip(first.chip.integers.weights, second.chip.integers.weights, strict=True):
        assert np.array_equal(ours, theirs)
    assert first.accuracy == second.accuracy
    for before, after in zip(first.history, second.history, strict=True):
        assert before.record.running_error == after.record.running_error
        assert np.array_equal(before.record.counters, after.record.counters)


def test_an_engine_brings_what_it_needs(by_engine: Path) -> None:
    run = experiment.load_run(by_engine)
    config, chip = run.config, run.chip
    assert (config.engine, config.t_epoch, config.hardware) == ("loihi3f", 4, "loihi")
    assert (config.lam, config.encoding, config.feedback) == (math.exp(-1 / 2), "rate", "direct")
    assert chip.hardware.registers.weight.bits.value == 9
    assert any((weights % 2).any() for weights in chip.integers.weights)


def test_a_run_goes_on_bit_for_bit(neurochip: Command, by_engine: Path) -> None:
    assert neurochip("learn", "--resume", by_engine, "--epochs", 1, "--out", "b.h5").status == 0
    assert neurochip("learn", *QUICK, *ENGINE, "--epochs", 2, "--out", "c.h5").status == 0
    same(experiment.load_run("b.h5"), experiment.load_run("c.h5"))


def test_costs_of_learning_are_not_those_of_the_chip(neurochip: Command, by_engine: Path) -> None:
    lines = neurochip("run", by_engine).out.splitlines()
    assert lines[-2].startswith("  inference: ")
    assert lines[-1] == ("  learning by engine 'loihi3f' is not told: what it takes isn't modelled")
    told = json.loads(neurochip("run", by_engine, "--json").out)["costs"]["learning"]
    assert told == {"untold": "engine 'loihi3f': what it takes isn't modelled"}


@needs_lava
def test_parity_against_lava(neurochip: Command, by_engine: Path) -> None:
    said = neurochip("parity", by_engine, "--against", "lava", "--samples", 25)
    assert (said.status, said.err) == (0, "")
    header, _, *rows, end = said.out.splitlines()
    assert header.split() == ["layer", "state", "steps", "mismatches", "first", "difference"]
    assert [row.split() for row in rows] == [
        ["layer", number, state, "150", "0", "none"]
        for number in "01"
        for state in ("u", "v", "s", "y1", "x1", "weights")
    ]
    assert end == "every integer of 25 samples is the same on the chip and in lava"


def test_a_folder_for_lava(neurochip: Command, by_engine: Path, here: Path) -> None:
    said = neurochip("deploy", "lava", by_engine, "out", "--samples", 3)
    assert (said.status, said.err) == (0, "")
    assert said.out == "written to out; there, python run.py runs it in Lava and compares\n"
    lesson, _ = read("out/network.h5")
    run = experiment.load_run(by_engine)
    for layer, weights in zip(lesson.learner.layers, run.chip.integers.weights, strict=True):
        assert np.array_equal(layer.weights, weights.T)
        assert layer.t_epoch == 4
    said = neurochip("deploy", "lava", by_engine, "again", "--profile", "loihi3f", "--json")
    assert said.json["profile"] == "loihi3f"
    assert {Path(name).relative_to("again") for name in said.json["written"]} == {
        path.relative_to(here / "out") for path in (here / "out").rglob("*") if path.is_file()
    }


def test_a_report_tells_the_engine(neurochip: Command, by_engine: Path, here: Path) -> None:
    said = neurochip("report", by_engine, "--out", "report.html")
    assert (said.status, said.err) == (0, "")
    told = "with the rule OTTT (by Lava&#x27;s learning engine, every 4 steps) and seed 0."
    assert told in (here / "report.html").read_text()


def test_profiles_that_a_run_cannot_have_are_refused(
    neurochip: Command, by_engine: Path, learned: Path, here: Path
) -> None:
    refused(
        neurochip("deploy", "lava", by_engine, "out", "--profile", "ottt"),
        "the run learned by engine 'loihi3f', whose weights of nine bits only Lava's learning "
        "synapses hold; leave --profile out, or choose 'loihi3f'",
    )
    refused(
        neurochip("deploy", "lava", learned, "out", "--profile", "loihi3f"),
        "the neurons above layer 0 have a soft reset, but Loihi's a hard one; set reset to 'hard'",
    )
    refused(
        neurochip("deploy", "lava", learned, "out", "--profile", "netx"),
        "--profile is 'netx'; it must be one of 'ottt', 'loihi3f'",
    )
    refused(
        neurochip("deploy", "lava", by_engine, "out", "--samples", 0),
        "--samples is 0; it must be 1 or more",
    )
    assert not list(here.iterdir())


def test_other_engines_learn_otherwise(neurochip: Command, by_engine: Path) -> None:
    neurochip("learn", *QUICK, "--engine", "loihi3f", "--epochs", 1)
    learned = [experiment.load_run(path).chip.integers.weights for path in ("run.h5", by_engine)]
    assert not np.array_equal(learned[0][0], learned[1][0])


#: What is refused before anything is learned: options, and the sentence.
REFUSED = {
    "epochs of the chip": (
        ("--t-epoch", 4),
        "options: t_epoch is 4 but engine 'chip' has no such option; leave it out, or choose "
        "engine 'loihi3f'",
    ),
    "long epochs": (
        ("--engine", "loihi3f", "--t-epoch", 64),
        "t_epoch is 64, but an epoch of Lava's learning engine has 1 to 63 steps; choose one of "
        "these",
    ),
    "schedule": (
        (*ENGINE, "--schedule", "layered"),
        "options: schedule is 'layered' but with engine 'loihi3f' spikes pass one layer a step; "
        "leave it out",
    ),
    "decay": (
        (*ENGINE, "--lam", 0.5),
        "the input has traces that decay by 0.5, but Lava's by exp(-1/tau) with a whole tau of 1 "
        "to 64; set lam to 0.367879 (tau 1)",
    ),
    "weights": (
        (*ENGINE, "--weight-bits", 8),
        "hardware 'loihi' has weights of 8 bits, but Lava's learning engine has 9; map the network "
        "to loihi3f(), or let engine 'loihi3f' do so and leave weight_bits out",
    ),
    "rates": (
        (*ENGINE, "--rate-shifts", "5,9"),
        "layer 1 has the learning rate 2^-9, a change of 2^-14 for trace times error, but Lava's "
        "exponents give 2^-10 to 2^-6; set its entry of rate_shifts to 1 to 5",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_engine_cannot_learn_is_refused(neurochip: Command, here: Path, name: str) -> None:
    options, sentence = REFUSED[name]
    refused(neurochip("learn", *QUICK, *options), sentence)
    assert not list(here.iterdir())
