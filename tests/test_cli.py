"""The command line: its fixed forms, what it prints where, and what it says of bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest

from neurochip import cli, experiment, files, hardware
from neurochip.cli import progress
from neurochip.config import RunConfig, make
from neurochip.errors import RunFileError

#: Options that make learning quick.
QUICK = ("--train-samples", "200", "--test-samples", "60", "--hidden", "16", "--timesteps", "4")


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def neurochip(here: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in the folder."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs. Tests must not write to it."""
    path = tmp_path_factory.mktemp("learned") / "run.h5"
    assert cli.main(["learn", *QUICK, "--epochs", "2", "--out", str(path), "--json"]) == 0
    return path


# What is read is never replaced


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("report", "run.h5", "--out", "run.h5"), "run file"),
        (("report", "run.h5", "--data", "set.npz", "--out", "./set.npz"), "data set"),
        (("learn", "--data", "set.npz", "--out", "set.npz"), "data set"),
        (("learn", "--resume", "run.h5", "--data", "set.npz", "--out", "set.npz"), "data set"),
        (("learn", "run.toml", "--out", "run.toml"), "configuration"),
        (("train", "--data", "set.npz", "--net", "10", "--out", "set.npz"), "data set"),
        (("train", "run.toml", "--out", "run.toml"), "configuration"),
        (("learn", "--hardware", "chip.toml", "--out", "chip.toml"), "hardware model"),
    ],
)
def test_a_result_replaces_nothing_that_it_is_made_from(
    neurochip: Command, here: Path, learned: Path, words: tuple[str, ...], what: str
) -> None:
    shutil.copy2(learned, here / "run.h5")
    (here / "run.toml").write_text("epochs = 1\n")
    (here / "chip.toml").write_text(hardware.load("neurochip").to_toml())
    samples = experiment.load_data(make({}))
    test = samples.test
    np.savez(here / "set.npz", x_train=test.x, y_train=test.y, x_test=test.x, y_test=test.y)
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    said = neurochip(*words)
    assert said.status == 2
    assert said.err == (
        f"neurochip: {str(Path(words[-1]))!r} is the {what} that is read and would be replaced; "
        f"give --out another path\n"
    )
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


# What a first run says


def test_a_first_run_says_why_it_takes_long(
    neurochip: Command, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert neurochip("run", learned).err == ""
    monkeypatch.setattr("neurochip.kernels.jit.is_cold", lambda: True)
    said = neurochip("run", learned, "--json")
    assert said.err == "compiling the kernels: needed once, takes about half a minute\n"
    assert said.json["command"] == "run"


# The fixed forms


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


def test_learn_writes_run_h5_unless_told(neurochip: Command, here: Path) -> None:
    assert neurochip("learn", *QUICK, "--epochs", 1).status == 0
    assert [path.name for path in here.iterdir()] == ["run.h5"]


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


def test_run_tells_what_a_sample_costs(neurochip: Command, learned: Path, here: Path) -> None:
    lines = neurochip("run", learned).out.splitlines()[-4:]
    amount = r"[\d.]+ [munp]?"
    assert lines[0] == (
        "costs a sample on 2 cores of chip 'neurochip', by the weights as they are now:"
    )
    assert re.fullmatch(rf"  inference: {amount}s; {amount}J; [\d,]+ words of memory", lines[1])
    for line, rule in zip(lines[2:], ("OTTT-O", "OTTT-A"), strict=True):
        share = r"\(\d+%\)"
        assert re.fullmatch(
            rf"  learning by {rule} adds {amount}s {share}; {amount}J {share}; [\d,]+ words "
            rf"{share}; of a layer's energy \d+%, \d+%",
            line,
        )
    costs = neurochip("run", learned, "--json").json["costs"]
    assert costs["inference"]["energy_joules"] > 0
    assert costs["inference"]["energy_unknown"] == []
    assert list(costs["learning"]) == ["online", "accumulate"]
    online, accumulated = costs["learning"].values()
    assert 0 < online["share_of_energy"] < accumulated["share_of_energy"] < 1
    assert len(online["share_of_energy_by_layer"]) == 2


def test_unknown_costs_stay_unknown(neurochip: Command, here: Path) -> None:
    options = ("--hardware", "loihi2", "--epochs", 1, "--json", "--out", "two.h5")
    assert neurochip("learn", *QUICK, *options).status == 0
    costs = neurochip("run", "two.h5", "--json").json["costs"]
    assert costs["inference"]["energy_joules"] is None
    assert "synaptic_operation" in costs["inference"]["energy_unknown"]
    assert "; unknown (message out" in neurochip("run", "two.h5").out


def test_parity(neurochip: Command, learned: Path, here: Path) -> None:
    said = neurochip("parity", learned, "--against", "float")
    assert (said.status, said.err) == (0, "")
    assert said.out.endswith("\nthe chip agrees with the float reference\n")
    for word in ("first differing spike", "membrane, LSB", "cosine", "saturations", "read-out"):
        assert word in said.out
    said = neurochip("parity", learned, "--samples", 50, "--json")
    facts = said.json
    assert (said.status, said.err) == (0, "")
    assert facts["agrees"] is True
    assert facts["samples"] == 50
    assert [layer["name"] for layer in facts["layers"]] == ["layer 0", "read-out"]
    assert not list(here.iterdir())


def test_parity_that_fails_exits_with_1(neurochip: Command) -> None:
    neurochip("learn", *QUICK, "--epochs", 1, "--error-bits", 2, "--membrane-bits", 8,
              "--membrane-fraction", 3)  # fmt: skip
    said = neurochip("parity", "run.h5", "--against", "float")
    assert (said.status, said.err) == (1, "")
    assert said.out.endswith("\nthey DISAGREE\n")
    said = neurochip("parity", "run.h5", "--json")
    assert said.status == 1
    assert said.json["agrees"] is False


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


def test_resume_does_the_configured_rest(neurochip: Command, here: Path) -> None:
    run = experiment.load_run(interrupted(here))
    assert (run.chip.epoch, run.config.epochs) == (1, 3)
    said = neurochip("learn", "--resume", "run.h5", "--json")
    assert (said.status, said.err) == (0, "")
    assert said.json["epochs"] == 3
    assert neurochip("learn", *QUICK, "--epochs", 3, "--out", "whole.h5").status == 0
    assert (here / "run.h5").read_bytes() == (here / "whole.h5").read_bytes()


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


def test_chips(neurochip: Command) -> None:
    said = neurochip("chips")
    assert (said.status, said.err) == (0, "")
    for name in hardware.available():
        assert re.search(rf"^{name} +{re.escape(hardware.load(name).title)}$", said.out, re.M)
    assert neurochip("chips", "--json").json["chips"].keys() == set(hardware.available())


@pytest.mark.parametrize("name", hardware.available())
def test_chips_prints_every_number(neurochip: Command, name: str) -> None:
    said = neurochip("chips", name)
    assert (said.status, said.err) == (0, "")
    rows = hardware.rows(hardware.load(name))
    for row in rows:
        value = "unknown" if row.value is None else str(row.value)
        line = rf"^{re.escape(row.key)} +{re.escape(value)} *{re.escape(row.unit)}"
        assert re.search(line, said.out, re.M), row.key
    assert neurochip("chips", name, "--json").json["rows"] == [row._asdict() for row in rows]


def test_map(neurochip: Command, learned: Path) -> None:
    said = neurochip("map", learned, "--hardware", "loihi")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith("2 of 128 cores and 1 of 32 tiles of hardware 'loihi' are in use")
    assert re.search(r"^0 +0,0 +layer 0 0\.\.15 +16 of 1024 \(2%\)", said.out, re.M)
    assert sum(line.startswith("+") for line in lines) == 5
    facts = neurochip("map", learned, "--placer", "traffic", "--json").json
    assert (facts["command"], facts["placer"], facts["hardware"]) == ("map", "traffic", "neurochip")
    assert [core["slices"][0]["population"] for core in facts["cores"]] == [
        "layer 0",
        "the read-out",
    ]


def test_map_on_a_chip_that_learns_otherwise(neurochip: Command, learned: Path) -> None:
    facts = neurochip("map", learned, "--hardware", "odin", "--json").json
    assert facts["cores_in_use"] == 1
    assert facts["cores"][0]["used"]["trace memory"] == 0


def test_map_by_hand(neurochip: Command, learned: Path, here: Path) -> None:
    (here / "cores.csv").write_text("layer,core\n0,127\n1,4\n")
    facts = neurochip("map", learned, "--placer", "cores.csv", "--json").json
    assert [core["core"] for core in facts["cores"]] == [4, 127]
    assert [core["tile"] for core in facts["cores"]] == [[1, 0], [7, 3]]
    (here / "cores.csv").write_text("layer,core\n0,128\n1,4\n")
    refused(
        neurochip("map", learned, "--placer", "cores.csv"),
        "cores.csv, line 2: layer 0 is placed on core 128, but hardware 'neurochip' has the cores "
        "0 to 127; choose one of them",
    )
    refused(
        neurochip("map", learned, "--placer", "best"),
        "placement 'best' can't be read (No such file or directory); give a .csv or .toml file, or "
        "one of greedy, traffic",
    )


def test_chips_check(neurochip: Command, here: Path) -> None:
    text = hardware.load("loihi").to_toml().replace('name = "loihi"', 'name = "mine"')
    lines = [line for line in text.splitlines() if not line.startswith("link_buffer")]
    (here / "mine.toml").write_text("\n".join(lines))
    said = neurochip("chips", "--check", "mine.toml")
    assert (said.status, said.err) == (0, "")
    first, left_out, unknown = said.out.splitlines()
    assert re.fullmatch(r"mine.toml: hardware model 'mine' is valid, \d+ settings", first)
    assert left_out == "left out, so unknown: mesh.link_buffer"
    assert unknown.startswith("given as unknown: limits.trace_memory_per_core, ")
    facts = neurochip("chips", "--check", "mine.toml", "--json").json
    assert (facts["valid"], facts["left_out"]) == (True, ["mesh.link_buffer"])
    assert "costs.energy.message_out" in facts["unknown"]


def test_chips_check_refuses(neurochip: Command, here: Path) -> None:
    text = hardware.load("loihi").to_toml().replace("fires", "fire")
    (here / "mine.toml").write_text(text)
    refused(
        neurochip("chips", "--check", "mine.toml"),
        "mine.toml: neuron.fires is missing; add it as hw_models/neurochip.toml has it",
    )


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
    assert neurochip("report", "run.h5", "--out", "page.html").status == 0
    assert "64–256–16–10" in (here / "page.html").read_text(encoding="utf-8")
    flags = ("--conv", "4C3-P2-16", "--padding", 1, "--timesteps", 4, "--epochs", 1)
    neurochip("learn", *flags, *small, "--out", "half.h5")
    resumed = neurochip("learn", "--resume", "half.h5", "--epochs", 1, "--json")
    assert resumed.json["accuracy"] == said.json["accuracy"]


def test_report(neurochip: Command, learned: Path, here: Path) -> None:
    chosen = ("--sample", 3, "--neurons", "0,5")
    said = neurochip("report", learned, "--out", "page.html", *chosen)
    assert (said.status, said.err) == (0, "")
    assert said.out == "written to page.html\n"
    assert (here / "page.html").read_text().lstrip().lower().startswith("<!doctype html")


def test_report_as_json(neurochip: Command, learned: Path, here: Path) -> None:
    said = neurochip("report", learned, "--figures", "drawn", "--json")
    assert (said.status, said.err) == (0, "")
    assert {Path(name).suffix for name in said.json["written"]} == {".html", ".png", ".svg"}
    assert all(Path(name).is_file() for name in said.json["written"])


def test_demo(neurochip: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurochip.cli.demo.DEMO_EPOCHS", 1)
    said = neurochip("demo", "--out", "shown")
    assert (said.status, said.err) == (0, "")
    assert "test accuracy" in said.out
    assert "the chip agrees with the float reference" in said.out
    assert {path.name for path in (here / "shown").iterdir()} == {"run.h5", "report.html"}
    said = neurochip("demo", "--json")
    assert said.status == 0
    assert 0 <= said.json["accuracy"] <= 1
    assert said.json["parity"]["agrees"] is True


def test_a_bar_on_a_terminal(neurochip: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    said = neurochip("learn", *QUICK, "--epochs", 2)
    assert said.status == 0
    assert "epoch 2/2" in said.out
    assert re.search(r"\d+ samples/s, running error \d+\.\d\d%", said.out)


# Options


#: 150 samples of 8 units, for the options of events.
EVENTS: dict[str, Any] = {
    "when": np.tile([0, 2, 4, 6], 150),
    "who": np.repeat(np.arange(150) % 2 * 4, 4) + np.tile([0, 1, 2, 3], 150),
    "begin": np.arange(0, 601, 4),
    "class": np.arange(150) % 2,
    "part": np.arange(150) // 100,
}
CHANGED: dict[str, Any] = {
    "data": "events.npz",
    "arrays": {"t": "when", "unit": "who", "offsets": "begin", "label": "class"},
    "test_where": "part=1,2",
    "sensor": (8,),
    "duration": 5.5,
    "binning": "count",
    "full_count": 2,
    "hidden": (12, 8),
    "timesteps": 3,
    "lam": 0.75,
    "v_th": 0.5,
    "reset": "hard",
    "readout": "leaky",
    "bias": False,
    "encoding": "rate",
    "hardware": "neurochip",
    "rule": "ottt",
    "update": "accumulate",
    "schedule": "pipelined",
    "surrogate": "triangle",
    "alpha": 2.0,
    "width": 0.75,
    "feedback": "random",
    "loss": "mse",
    "trace_input": True,
    "rate_shifts": (4, 3, 3),
    "halve_at": (1, 2),
    "epochs": 1,
    "seed": 7,
    "train_samples": 100,
    "test_samples": 50,
    "holdout": 0.25,
    "rounding": "nearest",
    "weight_bits": 7,
    "headroom": 1.5,
    "shadow_bits": 12,
    "trace_bits": 6,
    "trace_rounding": "stochastic",
    "error_bits": 7,
    "delta_bits": 6,
    "delta_rounding": "stochastic",
    "membrane_bits": 20,
    "membrane_fraction": 10,
    "accumulator_bits": 20,
    "gradient_bits": 14,
    "bias_bits": 12,
    "input_bits": 6,
    "count_saturations": True,
}


#: Options that events haven't.
OF_NUMBERS: dict[str, Any] = {"series": True, "value_range": (-1.0, 2.5)}
#: Options of networks without `hidden`.
OF_IMAGES: dict[str, Any] = {"conv": "4C3-P2-6", "padding": 1}


@pytest.fixture
def events(here: Path) -> Path:
    """A file of events."""
    np.savez(here / "events.npz", **EVENTS)
    return here / "events.npz"


def flags(options: dict[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            if isinstance(value, dict):
                value = tuple(f"{role}={key}" for role, key in value.items())
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [flag, shown]
    return words


def toml(options: dict[str, Any]) -> str:
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in options.items()}
    text = ""
    for key, value in plain.items():
        if isinstance(value, dict):
            inline = ", ".join(f"{role} = {json.dumps(name)}" for role, name in value.items())
            text += f"{key} = {{{inline}}}\n"
        else:
            text += f"{key} = {json.dumps(value)}\n"
    return text


def test_every_option_has_a_test_value() -> None:
    options = {**CHANGED, **OF_NUMBERS, **OF_IMAGES}
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


def test_options_of_images(neurochip: Command, here: Path) -> None:
    options = {"train_samples": 60, "test_samples": 20, "timesteps": 3, "epochs": 1, **OF_IMAGES}
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


# Bad input


def refused(said: Said, sentence: str) -> None:
    """Exit 2, one sentence on standard error and nothing on standard output."""
    assert said.err == f"neurochip: {sentence}\n"
    assert said.out == ""
    assert said.status == 2


ARRAYS: dict[str, Any] = {
    "x_train": np.zeros((6, 4), np.float32),
    "y_train": np.arange(6) % 3,
    "x_test": np.zeros((3, 4), np.float32),
    "y_test": np.arange(3),
}
NAN = np.zeros((6, 4), np.float32)
NAN[2, 1] = np.nan

BAD_DATA: dict[str, tuple[dict[str, Any], str]] = {
    "a single class": (
        {"y_train": np.full(6, 1), "y_test": np.full(3, 1)},
        "d.npz: all labels are 1 but learning to tell classes apart needs 2 or more; add samples of"
        " another class",
    ),
    "NaN": (
        {"x_train": NAN},
        "d.npz, train: x has 1 value that is not finite, the first at index (2, 1); remove or "
        "replace what isn't finite",
    ),
    "labels below 0": (
        {"y_test": np.array([0, -1, 2])},
        "d.npz, test: y has the label -1 at index 1 but labels must be whole numbers from 0 to "
        "65535; number the classes from 0 up",
    ),
    "labels that are no classes": (
        {"y_train": np.array([0, 1, 2, 0.5, 1, 2])},
        "d.npz, train: y has the label 0.5 at index 3 but labels must be whole numbers from 0 to "
        "65535; number the classes from 0 up",
    ),
    "too few labels": (
        {"y_train": np.arange(5)},
        "d.npz, train: x has 6 samples but y has 5 labels; give one label a sample",
    ),
    "other shapes": (
        {"x_test": np.zeros((3, 5), np.float32)},
        "d.npz: a training sample has shape (4,) but a test sample has shape (5,); make them equal",
    ),
    "one dimension": (
        {"x_train": np.zeros(6, np.float32)},
        "d.npz, train: x has shape (6,) but must have (samples, features...); reshape it",
    ),
    "empty": (
        {"x_train": np.zeros((0, 4), np.float32), "y_train": np.zeros(0, int)},
        "d.npz, train: x has shape (0, 4) and is empty; give at least one sample and one feature",
    ),
    "out of range": (
        {"x_train": np.full((6, 4), 7.0)},
        "d.npz, train: x has values from 7 to 7 but they must lie in [0, 1]; scale them",
    ),
    "text": (
        {"x_train": np.full((6, 4), "a")},
        "d.npz, train: x has dtype <U1 but must hold real numbers",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(neurochip: Command, here: Path, case: str) -> None:
    changed, sentence = BAD_DATA[case]
    np.savez(here / "d.npz", **{**ARRAYS, **changed})
    refused(neurochip("learn", "--data", "d.npz"), sentence)
    assert [path.name for path in here.iterdir()] == ["d.npz"]


def test_a_data_set_without_an_array(neurochip: Command, here: Path) -> None:
    np.savez(here / "d.npz", x_train=ARRAYS["x_train"], y_train=ARRAYS["y_train"])
    refused(
        neurochip("learn", "--data", "d.npz"),
        "d.npz lacks x_test, y_test (it holds x_train, y_train); store x_train, y_train, x_test, "
        "y_test",
    )


def test_events_outside_the_sensor(neurochip: Command, events: Path, here: Path) -> None:
    del here
    options = {**CHANGED, "sensor": (7,), "data": events.name}
    refused(
        neurochip("learn", *flags(options)),
        "events.npz, train: unit is 7 at event 3 of sample 1 but the sensor has 7 units, from 0 to "
        "6; mend the sensor or remove the event",
    )


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


@pytest.mark.parametrize(("name", "kind"), [("d.npz", "an npz file"), ("d.h5", "an HDF5 file")])
def test_a_truncated_data_set(neurochip: Command, here: Path, name: str, kind: str) -> None:
    if name.endswith(".npz"):
        np.savez(here / name, **ARRAYS)
    else:
        with h5py.File(here / name, "w") as file:
            for key, array in ARRAYS.items():
                file[key] = array
    content = (here / name).read_bytes()
    (here / name).write_bytes(content[: len(content) // 2])
    sentence = f"{name} is not {kind}, or is damaged; get the file again"
    refused(neurochip("learn", "--data", name), sentence)
    assert [path.name for path in here.iterdir()] == [name]


def test_a_truncated_idx_file(neurochip: Command, here: Path) -> None:
    folder = here / "mnist"
    folder.mkdir()
    for split, n in (("train", 3), ("t10k", 2)):
        head = bytes([0, 0, 8, 3]) + b"".join(k.to_bytes(4, "big") for k in (n, 2, 2))
        (folder / f"{split}-images-idx3-ubyte").write_bytes(head + bytes(n * 4 - 1))
        head = bytes([0, 0, 8, 1]) + n.to_bytes(4, "big")
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + bytes(n))
    refused(
        neurochip("learn", "--data", "mnist"),
        "mnist/train-images-idx3-ubyte is damaged: it has 27 bytes but its shape (3, 2, 2) of "
        "uint8 needs 28; get the file again",
    )


CHIPS = ", ".join(hardware.available())
KINDS = "an .npz, .h5 or .hdf5 file, or a folder of IDX files"
LEARN: dict[str, tuple[str, str]] = {
    "unknown data set": (
        "--data digit",
        "data set 'digit' is unknown; did you mean 'digits', or use a built-in one (digits) or "
        f"give the path of {KINDS}",
    ),
    "missing file": ("--data none.npz", f"none.npz does not exist; give the path of {KINDS}"),
    "unknown kind of file": (
        "--data /dev/null",
        f"/dev/null is of an unknown kind; give {KINDS}",
    ),
    "a data set without a name": (
        "--data=",
        f"the data set has an empty name; give a built-in one (digits) or the path of {KINDS}",
    ),
    "spikes of still images": (
        "--encoding spikes",
        "digits, train: x has shape (1437, 64), without time steps, but spike trains have (samples,"
        " steps, features...); choose the encoding graded, rate or bernoulli, or give spike trains",
    ),
    "a layout of a built-in data set": (
        "--series",
        "the arrays of digits are known but its layout is declared too; leave out arrays,"
        " test_where, series and value_range, or give an npz or HDF5 file",
    ),
    "an array without a role": (
        "--arrays t=t,unit",
        "--arrays is 't=t,unit'; it must be ROLE=NAME with commas between them, each role once,"
        " such as t=times,unit=units,offsets=offsets,label=labels",
    ),
    "a role that is given twice": (
        "--arrays t=t,t=s",
        "--arrays is 't=t,t=s'; it must be ROLE=NAME with commas between them, each role once,"
        " such as t=times,unit=units,offsets=offsets,label=labels",
    ),
    "an unknown role": (
        "--arrays time=t,label=y",
        "arrays has the role 'time', which is unknown; the roles are samples, differences, t, dt,"
        " x, y, p, unit, offsets, label",
    ),
    "a value for testing that is none": (
        "--test-where speaker=George",
        "test_where is 'speaker=George'; it must be an array and its whole numbers for testing,"
        " such as speaker=4,5",
    ),
    "a range that is none": (
        "--value-range low",
        "--value-range is 'low'; it must be numbers with a comma between them, such as -5,5",
    ),
    "a duration of numbers": (
        "--data s.npz --duration 3",
        "duration is for events but arrays declares numbers (samples, label); leave it out or"
        " declare others",
    ),
    "too few samples": (
        "--train-samples 2000",
        "digits, train: 2000 samples were asked for; take from 1 to its 1437 samples",
    ),
    "unknown chip": (
        "--hardware loihy",
        "hardware model 'loihy' is unknown; the nearest is 'loihi'; built in are "
        f"{CHIPS}, or give the path of a .toml file",
    ),
    "missing chip": (
        "--hardware none.toml",
        "hardware model file none.toml does not exist; give an existing .toml file or one of "
        f"{CHIPS}",
    ),
    "chip that learns otherwise": (
        "--hardware odin",
        "hardware 'odin' learns by sdsp only, but was asked to learn by ottt; choose a chip that "
        "has it, or run what another chip has learned",
    ),
    "unknown rule": (
        "--rule stdp",
        "there is no learning rule 'stdp'; the known rules are 'ottt', 'sltt', 'bptt', 'tet', "
        "'tssl_bp', 'spike_representation'.",
    ),
    "weights too wide": (
        "--weight-bits 17",
        "hardware 'neurochip' with given values: registers.weight.bits is 17 but must be 2 to 16 "
        "bit; choose a value in that range",
    ),
    "weights too wide for this chip": (
        "--hardware loihi --weight-bits 9",
        "hardware 'loihi' with given values: registers.weight.bits is 9 but must be 2 to 8 bit, "
        "the most that this chip's weights have; choose fewer bits or another chip",
    ),
    "shadow too narrow": (
        "--shadow-bits 8",
        "hardware 'neurochip' with given values: registers.shadow.bits is 8 but must be 0 or 9 to "
        "16 bit, wider than the weights' 8 bit; widen it or set it to 0",
    ),
    "membrane too narrow": (
        "--membrane-fraction 23",
        "hardware 'neurochip' with given values: registers.membrane.fraction is 23 but must be 0 "
        "to 22 bit so that a membrane of 24 bit can hold 1.0; lower it or widen the membrane",
    ),
    "too many neurons": (
        "--hidden 131072",
        "the network has 131082 neurons, but hardware 'neurochip' holds 131072 (128 cores of "
        "1024); make the layers smaller or choose a larger chip",
    ),
    "too large a fan-in": (
        "--hidden 4097",
        "weight layer 1 has a fan-in of 4097, but a neuron of hardware 'neurochip' hears at most "
        "4096; make the layer below smaller or choose a larger chip",
    ),
    "too many synapses": (
        "--hidden 4096,4096",
        "the network's 17080320 synapses of 8 bits need 136642560 bits, but hardware 'neurochip' "
        "holds 134217728 bits of synaptic memory; use fewer or narrower weights or choose a larger "
        "chip",
    ),
    "a reset that the chip lacks": (
        "--hardware loihi --reset soft",
        "neurons of layer 0 have a soft reset, but hardware 'loihi' has hard; set reset = 'hard'",
    ),
    "too high a threshold": (
        "--v-th 4096",
        "the threshold of layer 0 is 4096.0 = 16777216 * 2^-12, but a membrane of 24 bits holds 1 "
        "to 8388607; change v_th, the membrane's bits or its fraction",
    ),
    "no choice": (
        "--update sometimes",
        "options: update is 'sometimes'; it must be 'online', 'accumulate' or 'last'",
    ),
    "no number": ("--timesteps few", "--timesteps is 'few'; it must be a whole number"),
    "a part of a number": ("--seed 0.5", "--seed is '0.5'; it must be a whole number"),
    "no real number": ("--lam half", "--lam is 'half'; it must be a number"),
    "no list": (
        "--hidden 16,",
        "--hidden is '16,'; it must be whole numbers with commas between them, such as 128,64",
    ),
    "no neurons": ("--hidden 16,0", "options: hidden is [16, 0]; each must be 1 or more"),
    "no steps": ("--timesteps 0", "options: timesteps is 0; it must be 1 or more"),
    "no epochs": ("--epochs 0", "options: epochs is 0; it must be 1 or more"),
    "no samples": ("--train-samples 0", "options: train_samples is 0; it must be 1 or more"),
    "a negative seed": (
        "--seed -1",
        "seed -1 is out of range; choose one of 0 to 9223372036854775807",
    ),
    "too large a seed": (
        "--seed 9223372036854775808",
        "seed 9223372036854775808 is out of range; choose one of 0 to 9223372036854775807",
    ),
    "a decay of 1": ("--lam 1", "LIF lam is 1.0; it must be a number from 0 up and below 1."),
    "not a number": ("--lam nan", "LIF lam is nan; it must be a number from 0 up and below 1."),
    "too few rates": (
        "--rate-shifts 3",
        "rate_shifts has 1 entries, but the network has 2 weight layers; give one for each",
    ),
    "a rate out of range": (
        "--rate-shifts 3,25",
        "rate_shift 25 of layer 1 is out of range; choose one of -8 to 24 (the rate is 2^-shift)",
    ),
    "epochs out of order": (
        "--halve-at 5,3",
        "OTTT halve_at is (5, 3); it must hold ascending epochs, none below 1.",
    ),
    "a width without a use": (
        "--width 2",
        "surrogate width is 2.0 but a table has no width; leave it out or use a boxcar, a "
        "triangle or a tent.",
    ),
    "a missing folder": (
        "--out none/run.h5",
        "none/run.h5 can't be written because the directory {here}/none does not exist; make it "
        "first or choose another path",
    ),
    "a folder for a file": ("--out ..", ".. is a directory; give the path of a file in it"),
    "a missing configuration": (
        "none.toml",
        "configuration 'none.toml' can't be read (No such file or directory); check the path",
    ),
    "a missing run": (
        "--resume none.h5",
        "none.h5 does not exist; give the path of a neurochip-run file",
    ),
}


@pytest.mark.parametrize("case", LEARN)
def test_bad_options(neurochip: Command, here: Path, case: str) -> None:
    options, sentence = LEARN[case]
    for form in ((), ("--json",)):
        said = neurochip("learn", *options.split(), *form)
        refused(said, sentence.replace("{here}", str(here)))
        assert not list(here.iterdir())


BAD_TOML: dict[str, tuple[str, str]] = {
    "a text for a table": ('arrays = "t=t"', "c.toml: arrays is 't=t'; it must be a table"),
    "a number for a name": (
        "[arrays]\nt = 1",
        "c.toml: arrays.t is 1; it must be a text",
    ),
    "unknown option": (
        "colour = 1",
        f"c.toml: option 'colour' is unknown; the options are {', '.join(RunConfig.model_fields)}",
    ),
    "wrong kind": ('timesteps = "8"', "c.toml: timesteps is '8'; it must be a whole number"),
    "a truth for a number": ("seed = true", "c.toml: seed is True; it must be a whole number"),
    "a number for a list": ("hidden = 128", "c.toml: hidden is 128; it must be a list"),
    "wrong kind in a list": (
        "hidden = [1.5]",
        "c.toml: hidden is 1.5; it must be a whole number",
    ),
    "out of range": ("epochs = 0", "c.toml: epochs is 0; it must be 1 or more"),
    "no choice": (
        'loss = "l1"',
        "c.toml: loss is 'l1'; it must be 'ce' or 'mse'",
    ),
}


@pytest.mark.parametrize("case", BAD_TOML)
def test_a_bad_configuration(neurochip: Command, here: Path, case: str) -> None:
    text, sentence = BAD_TOML[case]
    (here / "c.toml").write_text(text)
    refused(neurochip("learn", "c.toml"), sentence)
    assert [path.name for path in here.iterdir()] == ["c.toml"]


def test_a_configuration_that_is_not_toml(neurochip: Command, here: Path) -> None:
    (here / "c.toml").write_text("seed = = 1\n")
    said = neurochip("learn", "c.toml")
    assert said.status == 2
    assert re.fullmatch(
        r"neurochip: configuration 'c\.toml' is not valid TOML \(.*line 1.*\); mend that line\n",
        said.err,
    )
    (here / "c.toml").write_bytes(b"\xff\xfe")
    assert "is not valid TOML" in neurochip("learn", "c.toml").err


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


def other_data(here: Path, features: int = 64, classes: int = 10) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((200, features), np.float32), np.arange(200) % classes
    np.savez(here / "other.npz", x_train=x, y_train=y, x_test=x, y_test=y)


def test_a_run_is_resumed_with_its_own_data(neurochip: Command, learned: Path, here: Path) -> None:
    other_data(here)
    refused(
        neurochip("learn", "--resume", learned, "--data", "other.npz", "--epochs", 1),
        f"data 'other.npz' are not those that {str(learned)!r} learned (their checksum differs); "
        f"give the same with --data, or start a new run",
    )


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


def test_other_data_that_fit_a_run(neurochip: Command, learned: Path, here: Path) -> None:
    other_data(here, classes=3)
    said = neurochip("run", learned, "--data", "other.npz", "--json")
    # Cut is the run's own data set, not another one.
    assert (said.status, said.json["data"], said.json["samples"]) == (0, "other.npz", 200)


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
    "words",
    ["frobnicate", "learn --colour 1", "learn a.toml b.toml", "run", "learn --epochs", "--json"],
)
def test_bad_usage_is_one_sentence(neurochip: Command, here: Path, words: str) -> None:
    said = neurochip(*words.split())
    assert said.status == 2
    assert said.out == ""
    assert re.fullmatch(r"neurochip: .*; see neurochip( learn| run)? --help\n", said.err)
    assert not list(here.iterdir())


# Processes


def process(here: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "neurochip", *arguments],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def importable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), *([path] if path else [])]))


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


def epochs_of(path: Path) -> int:
    try:
        return experiment.load_run(path).chip.epoch
    except RunFileError:
        return 0


@pytest.mark.usefixtures("importable", "learned")  # the second has compiled the kernels
def test_ctrl_c_leaves_the_last_finished_epoch(here: Path) -> None:
    path = here / "run.h5"
    with process(here, "learn", *QUICK, "--epochs", "100000") as running:
        deadline = time.monotonic() + 300
        while epochs_of(path) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    finished = experiment.load_run(path)
    assert finished.config.epochs == 100000
    assert len(finished.history) == finished.chip.epoch >= 2
    assert finished.chip.n_learned == 200 * finished.chip.epoch
    assert err == f"neurochip: interrupted; run.h5 holds the first {finished.chip.epoch} epochs\n"
    assert "Traceback" not in out
    assert list(here.iterdir()) == [path]


@pytest.mark.parametrize("command", ["learn", "resume"])
def test_ctrl_c_before_an_epoch_is_finished(
    neurochip: Command,
    learned: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Lines, "__call__", stop)
    words = QUICK if command == "learn" else ("--resume", str(learned), "--epochs", "1")
    said = neurochip("learn", *words, "--out", "new.h5")
    assert said.status == 130
    assert said.err == "neurochip: interrupted; nothing was saved\n"
    assert not list(here.iterdir())


def test_ctrl_c_in_the_first_epoch_of_a_run_that_goes_on_in_place(
    neurochip: Command, learned: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    shutil.copy2(learned, here / "run.h5")
    monkeypatch.setattr(progress.Lines, "__call__", stop)
    said = neurochip("learn", "--resume", "run.h5", "--epochs", "1")
    assert said.err == "neurochip: interrupted; run.h5 holds the first 2 epochs\n"


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_while_a_run_is_saved(
    neurochip: Command, here: Path, monkeypatch: pytest.MonkeyPatch, presses: int
) -> None:
    """The first waits for the next samples, which come after the file is in place."""
    save = experiment.save_run

    def interrupted(*arguments: Any) -> None:
        for _ in range(presses):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        save(*arguments)

    monkeypatch.setattr(experiment, "save_run", interrupted)
    before = signal.getsignal(signal.SIGINT)
    said = neurochip("learn", *QUICK, "--epochs", "5", "--out", "run.h5")
    kept = "run.h5 holds the first 1 epochs" if presses == 1 else "nothing was saved"
    assert (said.status, said.err) == (130, f"neurochip: interrupted; {kept}\n")
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_elsewhere(
    neurochip: Command, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "evaluate", stop)
    said = neurochip("run", learned)
    assert said.status == 130
    assert said.err.strip() == "neurochip: interrupted"
