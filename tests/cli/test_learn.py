"""`neurochip learn`: what it prints and writes, and how a run goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurochip import experiment
from neurochip.config import make
from tests.cli.running import QUICK, Command, adds_up, other_data, refused


def test_learn(neurochip: Command, here: Path) -> None:
    said = neurochip(
        *("learn", "--data", "digits", "--hidden", "16", "--hardware", "neurochip"),
        *("--rule", "ottt", "--epochs", "2", "--seed", "0", "--out", "run.h5"),
        *("--train-samples", "200", "--test-samples", "60"),
    )
    assert said.status == 0
    assert said.err == ""
    lines = said.out.splitlines()
    line = r"epoch {}/2: running error \d+\.\d\d%, \d+ samples/s"
    assert re.fullmatch(line.format(1), lines[0])
    assert re.fullmatch(line.format(2), lines[1])
    assert re.fullmatch(r"test accuracy \d+\.\d\d% after 2 epochs", lines[2])
    assert re.fullmatch(r"written to run\.h5 \(\d+\.\d s\)", lines[3])
    assert [path.name for path in here.iterdir()] == ["run.h5"]
    run = experiment.load_run("run.h5")
    assert run.accuracy is not None
    assert f"{run.accuracy:.2%}" in lines[2]


def test_learn_as_json(neurochip: Command) -> None:
    said = neurochip("learn", *QUICK, "--epochs", 2, "--json", "--out", "a.h5")
    assert (said.status, said.err) == (0, "")
    facts = said.json
    assert len(said.out.splitlines()) == 1
    assert 0 <= facts["accuracy"] <= 1
    assert facts["accuracy"] == experiment.load_run("a.h5").accuracy
    assert facts["command"] == "learn"
    assert facts["epochs"] == 2
    assert facts["out"] == "a.h5"
    assert [entry["epoch"] for entry in facts["history"]] == [1, 2]
    assert facts["history"][-1]["accuracy"] == facts["accuracy"]
    assert make(facts["config"]).hidden == (16,)


@pytest.mark.slow
def test_a_profile_of_learning(neurochip: Command) -> None:
    """It changes nothing of what is learned, and tells learning from the tests between."""
    learned = [
        neurochip("learn", *QUICK, "--epochs", 2, "--json", "--out", name, *profile).json
        for name, profile in (("a.h5", ()), ("b.h5", ("--profile",)))
    ]
    assert learned[0]["history"] == learned[1]["history"]
    assert learned[0]["costs"] == learned[1]["costs"]
    told = learned[1]["profile"]
    adds_up(told)
    names = [row["name"] for row in told["rows"]]
    assert {"trace", "error", "transport", "update", "output"} <= set(names)
    # Two epochs of learning and of testing; of each 128 samples four are shown before.
    assert told["steps"] == 2 * 4 * (200 + 2 * 4 + 60)


def test_a_profile_is_of_the_chips_own_engine(neurochip: Command, here: Path) -> None:
    refused(
        neurochip("learn", *QUICK, "--engine", "loihi3f", "--t-epoch", 4, "--profile"),
        "--profile tells the phases of engine 'chip', but this run learns by engine 'loihi3f'; "
        "leave it out",
    )
    assert not list(here.iterdir())


def test_a_profile_is_not_of_faults_that_come_up_later(neurochip: Command, here: Path) -> None:
    faults = ("--stuck-bits", 0.1, "--sound-epochs", 1)
    refused(
        neurochip("learn", *QUICK, "--epochs", 2, *faults, "--profile"),
        "--profile tells the phases of a sound chip, but this one has faults (stuck_bits 0.1); "
        "leave it out",
    )
    assert not list(here.iterdir())


def test_learn_writes_run_h5_unless_told(neurochip: Command, here: Path) -> None:
    assert neurochip("learn", *QUICK, "--epochs", 1).status == 0
    assert [path.name for path in here.iterdir()] == ["run.h5"]


def test_a_convolutional_network_from_learning_to_its_report(
    neurochip: Command, here: Path
) -> None:
    (here / "c.toml").write_text('conv = "4C3-P2-16"\npadding = 1\nepochs = 2\ntimesteps = 4\n')
    small = ("--train-samples", 200, "--test-samples", 60)
    said = neurochip("learn", "c.toml", *small, "--json")
    assert said.status == 0
    assert (here / "run.h5").exists()
    assert said.json["config"]["conv"] == "4C3-P2-16"
    again = neurochip("run", "run.h5", "--json")
    assert again.json["accuracy"] == said.json["accuracy"]
    assert neurochip("parity", "run.h5", "--samples", 20).status == 0
    for placer in ("greedy", "traffic"):
        mapped = neurochip("map", "run.h5", "--placer", placer, "--json").json
        assert mapped["cores_in_use"] == 3
    assert neurochip("report", "run.h5", "--out", "page.html").status == 0
    assert "64–256–16–10" in (here / "page.html").read_text(encoding="utf-8")
    flags = ("--conv", "4C3-P2-16", "--padding", 1, "--timesteps", 4, "--epochs", 1)
    neurochip("learn", *flags, *small, "--out", "half.h5")
    resumed = neurochip("learn", "--resume", "half.h5", "--epochs", 1, "--json")
    assert resumed.json["accuracy"] == said.json["accuracy"]


def test_resume(neurochip: Command, learned: Path, here: Path) -> None:
    before = learned.read_bytes()
    said = neurochip("learn", "--resume", learned, "--epochs", 2, "--out", "more.h5", "--json")
    assert (said.status, said.err) == (0, "")
    assert said.json["epochs"] == 4
    assert said.json["config"]["epochs"] == 4
    assert [entry["epoch"] for entry in said.json["history"]] == [1, 2, 3, 4]
    assert learned.read_bytes() == before
    assert neurochip("learn", *QUICK, "--epochs", 4, "--out", "whole.h5").status == 0
    assert (here / "more.h5").read_bytes() == (here / "whole.h5").read_bytes()


def test_resume_in_place(neurochip: Command, learned: Path, here: Path) -> None:
    path = here / "run.h5"
    path.write_bytes(learned.read_bytes())
    said = neurochip("learn", "--resume", path, "--epochs", 1)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("epoch 3/3: ")
    assert experiment.load_run(path).chip.epoch == 3
    assert list(here.iterdir()) == [path]


def interrupted(here: Path) -> Path:
    """A run of three epochs that was stopped in the second."""
    path = here / "run.h5"
    config = make({"train_samples": 200, "test_samples": 60, "hidden": (16,), "timesteps": 4})
    data = experiment.load_data(config)

    def stop(run: experiment.Run, *_: int) -> None:
        if run.chip.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.learn(experiment.build(config, data), data, 3, path, stop)
    return path


def test_resume_does_the_configured_rest(neurochip: Command, here: Path) -> None:
    run = experiment.load_run(interrupted(here))
    assert (run.chip.epoch, run.config.epochs) == (1, 3)
    said = neurochip("learn", "--resume", "run.h5", "--json")
    assert (said.status, said.err) == (0, "")
    assert said.json["epochs"] == 3
    assert neurochip("learn", *QUICK, "--epochs", 3, "--out", "whole.h5").status == 0
    assert (here / "run.h5").read_bytes() == (here / "whole.h5").read_bytes()


def test_a_run_cannot_be_changed_when_it_is_resumed(neurochip: Command, learned: Path) -> None:
    refused(
        neurochip("learn", "--resume", learned, "--weight-bits", 4, "--epochs", 1),
        f"--weight-bits can't change a run that is resumed from {str(learned)!r}; leave it out, or "
        f"start a new run without --resume",
    )
    refused(
        neurochip("learn", "c.toml", "--resume", learned),
        f"c.toml can't change a run that is resumed from {str(learned)!r}; leave it out, or "
        f"start a new run without --resume",
    )


def test_a_finished_run_needs_epochs(neurochip: Command, learned: Path) -> None:
    refused(
        neurochip("learn", "--resume", learned),
        f"run file {str(learned)!r} has finished all its 2 epochs; ask for more with --epochs",
    )
    refused(
        neurochip("learn", "--resume", learned, "--epochs", 0),
        "--epochs is 0; it must be 1 or more",
    )


def test_a_run_is_resumed_with_its_own_data(neurochip: Command, learned: Path, here: Path) -> None:
    other_data(here)
    refused(
        neurochip("learn", "--resume", learned, "--data", "other.npz", "--epochs", 1),
        f"data 'other.npz' are not those that {str(learned)!r} learned (their checksum differs); "
        f"give the same with --data, or start a new run",
    )
