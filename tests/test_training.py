"""neurochip train: every rule, files, restarts, interruptions, refusals."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import files, samples, training
from neurochip.cli import main
from neurochip.config import make_training
from neurochip.errors import ConfigError, RunFileError, TrainingError
from neurochip.network import LIF, Network, presets
from neurochip.reference import Epoch, Trainer, fit
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, SpikeRepresentation

FEW = ("--train-samples", "200", "--test-samples", "60", "--net", "20", "--epochs", "2")
TSSL = ("--rule", "tssl_bp", "--timesteps", "5", "--optimiser", "adamw", "--lr", "0.002")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    "flags",
    [
        ("--rule", "ottt"),
        ("--rule", "ottt", "--update", "online", "--lr", "0.02", "--momentum", "0"),
        ("--rule", "sltt"),
        ("--rule", "bptt", "--loss", "sdt"),
        ("--rule", "tet", "--optimiser", "adam", "--lr", "0.005"),
        (*TSSL, "--clip-norm", "1", "--clamp", "4"),
        ("--rule", "spike_representation"),
        ("--rule", "tet", "--net", "4C3-P2-20", "--shape", "1,8,8", "--padding", "1"),
    ],
)
def test_every_rule_trains(flags: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained.h5"
    status, printed, _ = run(capsys, "train", *FEW, *flags, "--json", "--out", out)
    assert status == 0
    facts = json.loads(printed)
    assert [line["epoch"] for line in facts["history"]] == [1, 2]
    assert facts["history"][1]["loss"] < facts["history"][0]["loss"]
    done = training.load(out)
    test = samples.load(done.config).test
    predicted = Trainer(
        done.network, done.progress.params, done.config.make_rule(), 0.0, dtype="f4"
    ).predict(test.flat())
    assert (predicted == test.y).mean() == facts["accuracy"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [("vgg_sws", "bptt"), ("vgg_f", "ottt"), ("vggsnn", "tet"), ("resnet19", "tet")],
)
def test_the_papers_networks_train(
    name: str, rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "images.npz", tmp_path / "trained.h5"
    x, y = np.random.default_rng(0).random((8, 2, 16, 16)), np.arange(8) % 4
    np.savez(data, x_train=x, y_train=y, x_test=x, y_test=y)
    small = ("--net", f"{name}/32", "--timesteps", "2", "--epochs", "1", "--batch", "4")
    status, _, _ = run(capsys, "train", "--data", data, *small, "--rule", rule, "--out", out)
    assert status == 0
    assert training.load(out).network == presets.published(f"{name}/32", 4, (2, 16, 16), 2)


def test_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained.h5"
    status, printed, _ = run(capsys, "train", *FEW, "--out", out)
    assert status == 0
    lines = printed.splitlines()
    assert re.fullmatch(r"epoch 1: T = 6, loss \d\.\d{4}, test accuracy \d+\.\d\d%", lines[0])
    assert re.fullmatch(rf"written to {re.escape(str(out))} \(\d+\.\d s\)", lines[2])


def test_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained.h5"
    stage = ("--first-timesteps", 2, "--first-epochs", 3)
    run(capsys, "train", *FEW, "--rule", "tet", *stage, "--out", out)
    done = training.load(out)
    assert [entry.timesteps for entry in done.history] == [2, 2, 2, 6, 6]
    assert done.network.timesteps == 6


class _StopError(Exception):
    """The machine goes down."""


@pytest.mark.parametrize("flags", [(), TSSL])
def test_a_restart_goes_on_bit_for_bit(
    flags: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, part = tmp_path / "whole.h5", tmp_path / "part.h5"
    run(capsys, "train", *FEW, *flags, "--out", whole)
    wanted = training.load(whole)
    data_set = samples.load(wanted.config)

    def stop(entry: training.TrainEntry) -> None:
        raise _StopError

    with pytest.raises(_StopError):
        training.train(training.begin(wanted.config, data_set), data_set, part, stop)
    assert training.load(part).progress.number == 1
    assert run(capsys, "train", "--resume", part)[0] == 0
    found = training.load(part)
    assert found.history == wanted.history
    for one, other in zip(
        found.progress.params.weights, wanted.progress.params.weights, strict=True
    ):
        assert np.array_equal(one, other)


def test_interruption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "trained.h5"
    save = training.save

    def interrupted(*arguments: Any) -> None:
        if arguments[0].progress.number == 2:
            raise KeyboardInterrupt
        save(*arguments)

    monkeypatch.setattr(training, "save", interrupted)
    status, _, err = run(capsys, "train", *FEW, "--out", out)
    assert status == 130
    assert err == f"neurochip: interrupted; {out} holds the first 1 epochs\n"
    assert training.load(out).progress.number == 1


def test_ctrl_c_while_a_file_is_saved_waits_for_the_next_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised while a file is written, it may be dropped."""
    out, save = tmp_path / "trained.h5", training.save

    def interrupted(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        save(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(training, "save", interrupted)
        status, _, err = run(capsys, "train", *FEW, "--out", out)
    assert (status, err) == (130, f"neurochip: interrupted; {out} holds the first 1 epochs\n")
    assert run(capsys, "train", "--resume", out)[0] == 0
    assert training.load(out).progress.number == 2


def test_ctrl_c_in_the_first_epoch_of_a_training_that_goes_on_in_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "trained.h5"
    config = make_training({"train_samples": 200, "net": "20", "epochs": 2, "momentum": 0.0})
    data = samples.load(config)
    begun = training.begin(config, data)
    training.save(replace(begun, progress=replace(begun.progress, number=1)), out)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "steps", stop)
    status, _, err = run(capsys, "train", "--resume", out)
    assert (status, err) == (130, f"neurochip: interrupted; {out} holds the first 1 epochs\n")


def test_divergence_keeps_the_last_good_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trained.h5"
    run(capsys, "train", *FEW, "--out", out)
    before = out.read_bytes()
    status, _, err = run(capsys, "train", *FEW, "--lr", "1e20", "--out", out)
    assert status == 2
    assert err.startswith("neurochip: the loss grew from ")
    assert err.endswith("; lower the learning rate or clip gradients; nothing was saved\n")
    assert out.read_bytes() == before


def test_divergence_later_tells_what_the_file_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "trained.h5"

    def diverging(*arguments: Any, **options: Any) -> Iterator[Epoch]:
        yield next(fit(*arguments, **options))
        raise TrainingError("the loss is nan in step 3 of batch 1 of epoch 2.")

    monkeypatch.setattr(training, "fit", diverging)
    status, _, err = run(capsys, "train", *FEW, "--out", out)
    assert (status, err) == (
        2,
        f"neurochip: the loss is nan in step 3 of batch 1 of epoch 2; {out} holds the first 1 "
        f"epochs\n",
    )
    assert training.load(out).progress.number == 1


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({}, OTTT("accumulate", loss_lambda=0.0, surrogate=BPTT().surrogate)),
        ({"rule": "sltt", "update": "online"}, SLTT("online")),
        ({"rule": "bptt", "loss": "tet", "loss_lambda": 0.5}, BPTT(loss="tet", loss_lambda=0.5)),
        ({"rule": "tet"}, TET()),
        ({"rule": "tet", "loss_lambda": 0.0}, TET(loss_lambda=0.0)),
        ({"rule": "tet", "loss": "sdt", "loss_lambda": 0.0}, TET(loss="sdt", loss_lambda=0.0)),
        ({"rule": "tssl_bp", "loss": "count"}, TSSLBP("count")),
        ({"rule": "tssl_bp", "loss": "count", "desired": 15.0}, TSSLBP("count", desired=15.0)),
        ({"rule": "tssl_bp", "warm_up": False}, TSSLBP(warm_up=False)),
        ({"rule": "tet", "detach_reset": True}, TET(detach_reset=True)),
        (
            {"trace_input": True, "loss_lambda": 0.05},
            OTTT("accumulate", BPTT().surrogate, loss_lambda=0.05, trace_input=True),
        ),
        ({"rule": "spike_representation"}, SpikeRepresentation()),
    ],
)
def test_rules_of_options(options: Any, rule: Any) -> None:
    assert make_training(options).make_rule() == rule


def test_networks_of_options() -> None:
    plain = make_training({"net": "30-20", "lam": 0.25, "timesteps": 4})
    assert plain.make_network((64,), 10) == Network.mlp([64, 30, 20, 10], 4, 0.25)
    tet = make_training({"rule": "tet", "net": "3C3", "padding": 1})
    network = tet.make_network((1, 8, 8), 10)
    assert network.neurons == (presets.TET_NEURON,)
    vgg = make_training({"net": "vgg_sws/32", "dropout": 0.1, "timesteps": 3})
    plan = tuple(c // 32 for c in presets.VGG)
    assert vgg.in_shape((3, 32, 32)) == (3, 32, 32)
    assert vgg.make_network((3, 32, 32), 10) == presets.vgg_sws(10, (3, 32, 32), 3, plan, 0.1)
    tssl = make_training({"rule": "tssl_bp", "net": "30", "tau_m": 4.0, "timesteps": 5})
    assert tssl.make_network((64,), 10).neurons == (LIF(0.75, reset="hard", fires=">"),)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--net", "4C3", "--shape", "1,8,9"),
            "shape is [1, 8, 9] but samples of 'digits' have 64 numbers; give channels, height and "
            "width whose product that is",
        ),
        (
            ("--loss", "tet"),
            "loss is 'tet' but rule 'ottt' has no such option; leave it out",
        ),
        (
            ("--rule", "tet", "--loss", "kernel"),
            "TET loss is 'kernel'; it must be one of 'steps', 'tet', 'sdt'.",
        ),
        (
            ("--first-epochs", "3"),
            "options: first_timesteps and first_epochs make one stage together; give both or "
            "neither",
        ),
        (
            ("--trace-input", "--rule", "tet"),
            "trace_input is True but rule 'tet' has no such option; leave it out",
        ),
        (
            ("--net", "vgg_sws/x", "--shape", "1,8,8"),
            "network 'vgg_sws/x' is unknown; choose one of vgg_sws, vgg_f, vggsnn, resnet19, with "
            "/2, /4, ... for fewer channels.",
        ),
        (
            ("--net", "vgg_f/16", "--shape", "1,8,8", "--dropout", "0.1"),
            "vgg_f has no dropout, but 0.1 was given; leave it at 0.",
        ),
        (
            ("--net", "20", "--dropout", "0.1"),
            "dropout is 0.1 but net '20' has none; leave it out, or choose net = 'vgg_sws'",
        ),
        (
            ("--rule", "bptt", "--update", "online"),
            "update is 'online' but rule 'bptt' has no such option; leave it out",
        ),
        (
            ("--rule", "tet", "--alpha", "9"),
            "alpha is 9.0 but rule 'tet' has no such option; leave it out",
        ),
        (("--tau-m", "9"), "tau_m is 9.0 but rule 'ottt' has no such option; leave it out"),
        (
            ("--net", "vgg_f/16", "--shape", "1,8,8", "--padding", "4"),
            "padding is 4 but net 'vgg_f/16' is as its paper says; leave it out",
        ),
        (
            ("--spikes", "--first-timesteps", "2", "--first-epochs", "1"),
            "options: first_timesteps is 2 but samples are spike trains, which have a length of "
            "their own; leave it out",
        ),
        (
            (*TSSL, "--first-timesteps", "5", "--first-epochs", "9999", "--timesteps", "7"),
            "timesteps is 7, no multiple of the 5 steps of the target pattern of loss 'kernel'; "
            "use 5, 10, 20, ... steps or the loss 'count'.",
        ),
        (
            ("--rule", "tet", "--loss", "sdt", "--loss-lambda", "0.3"),
            "loss_lambda is 0.3 but loss 'sdt' is no mixture of two; leave it out",
        ),
        (
            (*TSSL, "--loss-lambda", "0.3"),
            "loss_lambda is 0.3 but loss 'kernel' is no mixture of two; leave it out",
        ),
        (
            (*TSSL, "--desired", "3"),
            "desired is 3.0 but loss 'kernel' counts no spikes; leave it out",
        ),
        (
            (*TSSL, "--loss", "softmax", "--undesired", "3"),
            "undesired is 3.0 but loss 'softmax' counts no spikes; leave it out",
        ),
        (
            ("--optimiser", "adam", "--momentum", "0.5"),
            "momentum is 0.5 but optimiser 'adam' has no such option; leave it out",
        ),
        ((*TSSL, "--tau-m", "0.5"), "tau_m is 0.5; it must be a number from 1 up."),
        ((*TSSL, "--tau-s", "nan"), "tau_s is nan; it must be a number from 1 up."),
        (("--batch", "0"), "options: batch is 0; it must be 1 or more"),
        (("--epochs", "x"), "--epochs is 'x'; it must be a whole number"),
        (
            (*TSSL, "--timesteps", "6"),
            "timesteps is 6, no multiple of the 5 steps of the target pattern of loss 'kernel'; "
            "use 5, 10, 20, ... steps or the loss 'count'.",
        ),
    ],
)
def test_refusals(
    flags: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "train", *flags, "--out", tmp_path / "trained.h5")
    assert (status, err) == (2, f"neurochip: {message}\n")


def test_refused_restarts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained.h5"
    run(capsys, "train", *FEW, "--out", out)
    _, _, err = run(capsys, "train", "--resume", out)
    assert err == "neurochip: all 2 epochs of this training are done; start a new one\n"
    _, _, err = run(capsys, "train", "--resume", out, "--lr", "0.1")
    assert err == (
        f"neurochip: a training that is resumed from {str(out)!r} keeps its options; leave out all "
        f"others but --out, or start a new one without --resume\n"
    )


def test_incomplete_files(tmp_path: Path) -> None:
    path = tmp_path / "trained.h5"
    files.write_tree(path, {"config": "{}"}, format=training.FORMAT)
    with pytest.raises(RunFileError, match=r"lacks 'floats', so it was not written by this"):
        training.load(path)


def test_unknown_options() -> None:
    with pytest.raises(ConfigError, match=r"^configuration: option 'nets' is unknown; the options"):
        make_training({"nets": "30"})


def test_a_row_that_is_no_square_is_no_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rows.npz"
    x, y = np.zeros((4, 7)), np.arange(4) % 2
    np.savez(data, x_train=x, y_train=y, x_test=x, y_test=y)
    status, _, err = run(
        capsys, "train", "--data", data, "--net", "4C3", "--out", tmp_path / "t.h5"
    )
    assert status == 2
    assert err == (
        "neurochip: a convolution or a pool needs images, but a sample has the shape (7,); give "
        "data of (height, width) or (channels, height, width) a sample\n"
    )


@pytest.mark.parametrize("flags", [("--spikes",), (), (*TSSL, "--spikes", "--loss", "count")])
def test_events_are_trained_as_their_file_declares_them(
    flags: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "events.npz", tmp_path / "trained.h5"
    write_events(data)
    layout = ("--arrays", "t=time,unit=cell,offsets=begin,label=digit", "--sensor", "6")
    chosen = ("--test-where", "speaker=1", "--duration", "30")
    status, printed, _ = run(
        *(capsys, "train", "--data", data, *layout, *chosen, *flags, "--timesteps", "5"),
        *("--net", "8", "--epochs", "30", "--lr", "0.05", "--batch", "8", "--out", out, "--json"),
    )
    assert status == 0
    assert json.loads(printed)["accuracy"] == 1.0
    assert training.load(out).network.in_shape == (6,)


def write_events(path: Path) -> None:
    """Ten samples of two classes: units 0 to 2 fire early, or units 3 to 5 do."""
    labels = np.arange(10) % 2
    units = [[0, 1, 2] if label == 0 else [3, 4, 5] for label in labels]
    arrays = {
        "time": np.tile([1, 4, 7], 10),
        "cell": np.concatenate(units),
        "begin": np.arange(0, 31, 3),
        "digit": labels,
        "speaker": np.arange(10) // 8,
    }
    np.savez(path, **arrays)


def test_a_training_that_would_go_on_with_other_samples_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data.npz", tmp_path / "trained.h5"
    arrays = {"x_train": np.eye(4), "y_train": np.arange(4), "x_test": np.eye(4)}
    np.savez(data, **arrays, y_test=np.arange(4))
    assert run(capsys, "train", "--data", data, "--net", "5", "--epochs", "1", "--out", out)[0] == 0
    np.savez(data, **arrays, y_test=np.arange(4)[::-1])
    before = out.read_bytes()
    status, _, err = run(capsys, "train", "--resume", out)
    assert status == 2
    assert err == (
        f"neurochip: data {str(data)!r} are not those that {str(out)!r} learned (their checksum "
        f"differs); put them back, or start a new training\n"
    )
    assert out.read_bytes() == before
