"""`neurochip run`: inference on the chip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurochip import experiment
from tests.cli.declared import CHANGED, EVENTS, flags
from tests.cli.running import KINDS, Command, adds_up, other_data, refused


def test_run(neurochip: Command, learned: Path, here: Path) -> None:
    said = neurochip("run", learned, "--data", "digits", "--json")
    assert (said.status, said.err) == (0, "")
    assert len(said.out.splitlines()) == 1
    facts = said.json
    assert facts["accuracy"] == experiment.load_run(learned).accuracy
    assert (facts["command"], facts["data"], facts["samples"]) == ("run", "digits", 60)
    assert facts["events_per_sample"][0]["synaptic_ops"] > 0
    said = neurochip("run", learned)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"test accuracy {facts['accuracy']:.2%} on 60 samples of digits\n")
    assert not list(here.iterdir())


def test_faults_come_on_top(neurochip: Command, learned: Path, here: Path) -> None:
    before = learned.read_bytes()
    said = neurochip("run", learned, "--stuck-bits", 0.3, "--fault-seed", 4, "--json")
    assert (said.status, said.err) == (0, "")
    run = experiment.load_run(learned)
    sound = run.accuracy
    experiment.inject(run, {"stuck_bits": 0.3, "fault_seed": 4})
    data = experiment.load_data(run.config)
    assert said.json["accuracy"] == experiment.evaluate(run, data).accuracy != sound
    assert said.json["faults"] == run.chip.faults.to_dict()
    experiment.inject(run, {"read_flips": 0.01})
    assert run.chip.faults.told == "stuck_bits 0.3, read_flips 0.01"
    said = neurochip("run", learned, "--stuck-bits", 0.3)
    assert "  the chip has faults: stuck_bits 0.3\n" in said.out
    assert learned.read_bytes() == before
    sentence = "dead_neurons is 3.0; it must be a share from 0 to 1"
    refused(neurochip("run", learned, "--dead-neurons", 3), sentence)


@pytest.mark.slow
def test_a_profile(neurochip: Command, learned: Path) -> None:
    said = neurochip("run", learned, "--profile", "--json")
    assert (said.status, said.err) == (0, "")
    plain = neurochip("run", learned, "--json").json
    told = said.json.pop("profile")
    facts = {key: value for key, value in said.json.items() if key != "profile"}
    assert facts == plain
    assert told["steps"] == 60 * experiment.load_run(learned).chip.network.timesteps
    adds_up(told)
    groups = {row["group"] for row in told["rows"]}
    assert groups >= {"input", "encode", "forward", "accounting", "other"}
    assert not groups & {"backward", "update", "output"}
    said = neurochip("run", learned, "--profile")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    (first,) = (number for number, line in enumerate(lines) if line.startswith("where "))
    assert f" s went, {told['steps']:,} time steps of the chip among them:" in lines[first]
    assert any(line.startswith("  forward    synapse ") and "limit" in line for line in lines)
    assert lines[-1].startswith("  limits of one thread here: ")
    sentence = (
        "--profile tells the phases of a sound chip, but this one has faults (stuck_bits 0.3); "
        "leave it out"
    )
    refused(neurochip("run", learned, "--profile", "--stuck-bits", 0.3), sentence)


def test_other_data_that_fit_a_run(neurochip: Command, learned: Path, here: Path) -> None:
    other_data(here, classes=3)
    said = neurochip("run", learned, "--data", "other.npz", "--json")
    # Cut is the run's own data set, not another one.
    assert (said.status, said.json["data"], said.json["samples"]) == (0, "other.npz", 200)


def test_a_run_keeps_the_layout_of_its_data(neurochip: Command, events: Path) -> None:
    options = {key: value for key, value in CHANGED.items() if key != "test_samples"}
    assert neurochip("learn", *flags(options)).status == 0
    assert neurochip("run", "run.h5", "--json").json["samples"] == 50
    np.savez("others.npz", **{**EVENTS, "part": np.arange(150) // 140})
    assert neurochip("run", "run.h5", "--data", "others.npz", "--json").json["samples"] == 10
    refused(
        neurochip("run", "run.h5", "--data", ""),
        f"the data set has an empty name; give a built-in one (digits) or the path of {KINDS}",
    )
    events.unlink()
    refused(neurochip("run", "run.h5"), f"events.npz does not exist; give the path of {KINDS}")
