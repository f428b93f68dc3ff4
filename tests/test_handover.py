"""Networks trained off the chip, on it: every rule, run files, what quantisation cost, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment, files, handover, samples, training
from neurochip.chip import Chip
from neurochip.cli import main
from neurochip.config import make_training
from neurochip.deploy import lava
from neurochip.deploy.lava.plan import plan
from neurochip.errors import ConfigError, LimitError
from neurochip.mapping.absorb import absorbed
from neurochip.network import (
    LIF,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    Network,
    Residual,
    Upsample,
    initialise,
    presets,
)
from neurochip.plot.figures import draw
from neurochip.reference import Inference, Progress
from tests.plot.test_figures import texts

TSSL = {"rule": "tssl_bp", "timesteps": 5, "optimiser": "adamw", "lr": 0.005, "clip_norm": 1.0}
TET = {"rule": "tet", "optimiser": "adam", "lr": 0.005}
RULES: dict[str, dict[str, Any]] = {
    "ottt": {"rule": "ottt"},
    "sltt": {"rule": "sltt"},
    "bptt": {"rule": "bptt"},
    "tet": TET,
    "tssl_bp": TSSL,
    "spike_representation": {"rule": "spike_representation"},
    "ottt, convolution": {"rule": "ottt", "net": "4C3-P2-16", "shape": (1, 8, 8)},
    "tet, residual blocks": {
        **TET,
        "net": "resnet19/32",
        "timesteps": 4,
        "shape": (1, 8, 8),
        "loss_lambda": 0.0,
    },
    "ottt, feedback": {"net": "vgg_f/32", "timesteps": 4, "shape": (1, 8, 8), "lr": 0.05},
    "tssl_bp, convolution": {**TSSL, "net": "4C3-P2-16", "shape": (1, 8, 8), "padding": 1},
}


def trained(options: dict[str, Any], epochs: int = 3) -> tuple[training.Training, Any]:
    few = {"train_samples": 600, "test_samples": 150, "net": "24", "epochs": epochs, "batch": 16}
    config = make_training({**few, **options})
    data = samples.load(config)
    return training.train(training.begin(config, data), data, None), data


@pytest.mark.parametrize("options", RULES.values(), ids=RULES)
def test_what_any_rule_trains_does_on_the_chip_what_it_did_in_float(options):
    done, data = trained(options)
    run = handover.to_chip(done, data, {})
    loss = handover.loss_of(done, run, data.test, samples=150)
    assert loss.float_accuracy == done.history[-1].test_accuracy
    assert abs(loss.chip_accuracy - loss.float_accuracy) <= 0.04
    assert loss.samples == 150
    hidden = loss.layers[:-1]
    for layer in hidden:
        assert layer.clipped == 0.0
        # What differs in one layer goes on to the next: here up to seven, of 8-bit weights.
        assert layer.spikes is not None and layer.spikes <= 0.02 * len(hidden) + 0.03
        assert layer.chip_rate == pytest.approx(layer.float_rate, abs=0.01)
    assert loss.layers[-1].spikes is None


def test_the_chip_is_the_first_whose_neurons_are_the_networks():
    assert handover.to_chip(*trained(RULES["ottt"], 1), {}).chip.hardware.name == "neurochip"
    assert handover.to_chip(*trained(RULES["tet"], 1), {}).chip.hardware.name == "loihi"


def test_fewer_bits_lose_more():
    done, data = trained(RULES["ottt"])
    losses = [
        handover.loss_of(done, handover.to_chip(done, data, {"weight_bits": bits}), data.test, 30)
        for bits in (8, 4)
    ]
    for eight, four in zip(*(loss.layers for loss in losses), strict=True):
        assert four.error > 4 * eight.error
        assert four.vanished > eight.vanished


def test_biases_lose_too():
    done, data = trained(RULES["ottt"], 1)
    wide, narrow = (
        handover.loss_of(done, handover.to_chip(done, data, {"bias_bits": bits}), data.test, 5)
        for bits in (16, 4)
    )
    for many, few in zip(wide.layers, narrow.layers, strict=True):
        assert few.error == many.error
        assert 0.0 < many.bias_error < few.bias_error <= 1.0


def test_without_biases_none_are_lost():
    done, data = trained(RULES["ottt"], 1)
    for bias in done.progress.params.biases:
        bias[:] = 0.0
    loss = handover.loss_of(done, handover.to_chip(done, data, {}), data.test, 5)
    assert [layer.bias_error for layer in loss.layers] == [0.0, 0.0]


def test_weights_beyond_their_range_are_counted():
    done, data = trained(RULES["ottt"], 1)
    run = handover.to_chip(done, data, {})
    fraction = run.chip.formats.layers[0].weight
    weights = done.progress.params.weights[0]
    high = 127.5 * 2.0**-fraction
    weights[0, :8] = high
    weights[1, :4] = -high - 2.0 * 2.0**-fraction
    lossy = handover.loss_of(done, run, data.test, 5).layers[0]
    assert lossy.clipped == 12 / weights.size


def test_a_run_file_holds_the_network_and_goes_on_learning(tmp_path: Path):
    done, data = trained(RULES["ottt"], 1)
    run = handover.to_chip(done, data, {})
    experiment.save_run(run, tmp_path / "mapped.h5")
    back = experiment.load_run(tmp_path / "mapped.h5")
    assert back.chip.network == run.chip.network
    before, after = run.chip.evaluate(data.test), back.chip.evaluate(data.test)
    assert (before.predictions == after.predictions).all()
    experiment.learn(back, data, 1, None)
    assert back.accuracy is not None


def test_a_network_that_a_chip_cant_learn_is_run_all_the_same(tmp_path: Path, capsys):
    done, _ = trained(RULES["tssl_bp"], 1)
    out, mapped = tmp_path / "trained.h5", tmp_path / "mapped.h5"
    training.save(done, out)
    assert main(["map", str(out), "--out", str(mapped), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["hardware"] == "loihi"
    assert main(["run", str(mapped), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == facts["chip_accuracy"]
    for command in (["learn", "--resume"], ["parity", "--against", "float"]):
        assert main([*command, str(mapped)]) == 2
        sentence = capsys.readouterr().err
        assert (
            "neurons of layer 0 keep their synaptic current (current_lam is 0.666667)" in sentence
        )


@pytest.mark.parametrize(
    ("net", "rule"),
    [("resnet19/64", TET), ("vgg_f/64", {"rule": "ottt"})],
    ids=["residual", "back"],
)
def test_networks_with_connections_beside_the_layers_are_run_from_their_file(
    net: str, rule: dict[str, Any], tmp_path: Path, capsys
):
    few = {"net": net, "shape": (1, 8, 8), "timesteps": 2}
    done, _ = trained({**rule, **few, "train_samples": 32, "test_samples": 8}, 1)
    out, mapped = tmp_path / "trained.h5", tmp_path / "mapped.h5"
    training.save(done, out)
    assert main(["map", str(out), "--out", str(mapped), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert main(["run", str(mapped), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"] == facts["chip_accuracy"]
    assert told["neurobench"]["dense"] > 0


def test_weights_beside_the_layers_are_drawn_with_the_others():
    loop = Feedback(1, 0, (Dense(6, 6, bias=False),))
    network = Network((Dense(64, 6), LIF(), Dense(6, 10)), 2, feedback=(loop,))
    config = make_training({"test_samples": 3})
    begun = training.Training(config, network, Progress(0, initialise(network, 0), ()))
    data = samples.load(config)
    run = handover.to_chip(begun, data, {})
    weights = next(plate for plate in draw(run, data) if plate.name == "weights")
    said = texts(weights.figure)
    assert "input → hidden 1: 384 weights of 8 bit" in said
    assert "hidden 1 → read-out: 60 weights of 8 bit" in said
    assert "hidden 1 → hidden 1 (beside): 36 weights of 8 bit" in said


def test_lines_for_people(tmp_path: Path, capsys):
    done, _ = trained(RULES["ottt"], 1)
    out, mapped = tmp_path / "trained.h5", tmp_path / "mapped.h5"
    training.save(done, out)
    assert main(["map", str(out), "--out", str(mapped)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("test accuracy ")
    assert lines[0].endswith(" on neurochip, 8-bit weights")
    header = "layer     weight is n *  clipped  to 0   rms error  of biases  spikes differ  rates"
    assert lines[1] == header
    assert [line.split()[0] for line in lines[3:5]] == ["layer", "read-out"]
    assert (
        lines[5] == "differing spikes and rates (float, chip; a neuron and step): 100 test samples"
    )
    assert lines[6] == f"written to {mapped}"
    assert files.format_of(mapped) == files.RUN_FORMAT


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ("--hardware", "loihi"),
            "neurons of layer 0 have a soft reset, but hardware 'loihi' has hard; set reset = "
            "'hard'",
        ),
        (
            ("--weight-bits", "40"),
            "hardware 'neurochip' with given values: registers.weight.bits is 40 but must be 2 to "
            "16 bit; choose a value in that range",
        ),
        (("--hardware", "nothing"), None),
        (("--placer", "nowhere.csv"), None),
    ],
)
def test_refusals(flags, sentence, tmp_path: Path, capsys):
    done, _ = trained(RULES["ottt"], 1)
    out, mapped = tmp_path / "trained.h5", tmp_path / "mapped.h5"
    training.save(done, out)
    assert main(["map", str(out), "--out", str(mapped), *flags]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    if sentence is not None:
        assert captured.err == f"neurochip: {sentence}\n"


def test_options_of_a_trained_network_are_refused_for_a_run(tmp_path: Path, capsys):
    run = handover.to_chip(*trained(RULES["ottt"], 1), {})
    path = tmp_path / "run.h5"
    experiment.save_run(run, path)
    assert main(["map", str(path), "--weight-bits", "4"]) == 2
    assert capsys.readouterr().err == (
        f"neurochip: --weight-bits is for what train has written, but {str(path)!r} is a run, "
        f"whose chip is made; leave it out\n"
    )


@pytest.mark.parametrize("options", [RULES["tet"], {**RULES["ottt"], "neurons_of": "loihi"}])
def test_what_was_trained_on_numbers_reaches_lava_as_spikes(options, tmp_path: Path, capsys):
    done, _ = trained(options)
    out, mapped = tmp_path / "trained.h5", tmp_path / "mapped.h5"
    training.save(done, out)
    words = ["map", str(out), "--out", str(mapped), "--encoding", "rate", "--bias-bits", "8"]
    assert main(words) == 0
    assert (
        capsys.readouterr()
        .out.splitlines()[0]
        .endswith(" on loihi, 8-bit weights, inputs as 'rate'")
    )
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["encoding"] == "rate"
    assert facts["chip_accuracy"] > 0.6
    assert main(["run", str(mapped), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == facts["chip_accuracy"]
    network = plan(experiment.load_run(mapped).chip)
    assert [layer.name for layer in network.layers] == ["layer 0", "read-out"]
    assert main(["deploy", "netx", str(mapped), str(tmp_path / "mapped.net")]) == 0
    if lava.is_installed():
        assert main(["parity", str(mapped), "--against", "lava", "--samples", "3"]) == 0


def test_an_encoding_must_be_for_what_was_trained_on():
    done, data = trained(RULES["tet"], 1)
    with pytest.raises(ConfigError) as caught:
        handover.to_chip(done, data, {"encoding": "spikes"})
    assert str(caught.value) == (
        "encoding is 'spikes', but the network was trained on numbers; leave it out or make it "
        "'graded'"
    )


def test_a_network_that_fits_no_chip_is_refused():
    done, data = trained({"rule": "ottt", "net": "9000"}, 1)
    with pytest.raises(LimitError, match=r"synaptic memory|fan-in"):
        handover.to_chip(done, data, {})


def test_spikes_of_the_chip_are_in_the_networks_order():
    done, data = trained(RULES["ottt, convolution"], 1)
    run = handover.to_chip(done, data, {})
    (seen,) = [run.chip.observe(data.test.x[0], int(data.test.y[0]))]
    assert [layer.shape[1:] for layer in seen.signal[1:-1]] == [(4 * 36,), (16,)]
    assert all(np.isin(layer, (0, 1)).all() for layer in seen.signal[1:-1])


def test_residual_blocks_and_feedback_are_exact_where_weights_are() -> None:
    """Weights are sixteenths: what still differs is how the leak rounds a membrane."""
    neuron = presets.TET_NEURON
    block = Residual((Conv2d(3, 3, 3, padding=1), neuron, Conv2d(3, 3, 3, padding=1)), ())
    narrower = Residual(
        (Conv2d(3, 4, 3, 2, 1), neuron, Conv2d(4, 4, 3, padding=1)), (Conv2d(3, 4, 1, 2),)
    )
    back = Feedback(5, 0, (Upsample(2), Conv2d(4, 3, 3, padding=1, bias=False)))
    layers = (Conv2d(1, 3, 3, padding=1), neuron, block, neuron, narrower, neuron)
    network = Network((*layers, Flatten(), Dense(64, 4)), 6, (1, 8, 8), (back,))
    rng = np.random.default_rng(2)
    params = initialise(network, 0)
    weights = tuple(rng.integers(-10, 12, w.shape) / 16 for w in params.weights)
    plain, given = absorbed(network, replace(params, weights=weights))
    chip = Chip(plain, "loihi", parameters=given)
    x = rng.integers(0, 256, (8, 1, 8, 8)) / 256
    wanted = Inference.of(plain, given).spikes(x)
    seen = [chip.observe(image, 0) for image in x]
    for number, float_spikes in enumerate(wanted):
        ours = np.stack([shot.signal[number + 1] for shot in seen], axis=1)
        theirs = float_spikes.reshape(ours.shape)
        assert 0.02 < theirs.mean() < 0.98
        assert np.mean(ours != theirs) <= 0.002
