"""Learning in Lava: what its processes have learned is what the chip has, pipelined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip import data, hardware
from neurochip.chip import Chip
from neurochip.chip.epoch import next_epoch, signals_of
from neurochip.config import make
from neurochip.deploy import lava as export
from neurochip.deploy.lava import learning
from neurochip.deploy.lava.learning.clock import Clock
from neurochip.errors import LimitError
from neurochip.experiment import build, load_data, load_run, save_run
from neurochip.experiment import learn as learn_run
from neurochip.network import LIF, Dense, Network, initialise
from neurochip.rules import OTTT

DIGITS = data.load("digits")
TRAIN = DIGITS.train.take(12)
needs_lava = pytest.mark.skipif(
    not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)

#: Two convolutions and pools, and the read-out.
CONV = "5C3-P2-6C2-P2"
MODES: dict[str, dict[str, Any]] = {
    "online": {},
    "accumulated": {"rule": OTTT(update="accumulate")},
    "last step": {"rule": OTTT(update="last")},
    "shadow, nearest": {
        "values": {"registers.shadow.bits": 16, "registers.weight.rounding": "nearest"}
    },
    "random feedback, stochastic": {
        "rule": OTTT(feedback="random"),
        "values": {"registers.delta.rounding": "stochastic"},
    },
    "sign feedback, spiking": {"rule": OTTT(feedback="sign"), "readout": "spiking"},
    "direct feedback": {"rule": OTTT(feedback="direct")},
    "direct feedback, accumulated, one hidden layer": {
        "rule": OTTT("accumulate", feedback="direct"),
        "sizes": (64, 20, 10),
    },
    "squared error, leaky": {"rule": OTTT(loss="mse"), "readout": "leaky"},
    "traced input, stochastic": {
        "encoding": "bernoulli",
        "values": {"registers.trace.rounding": "stochastic"},
    },
    "loihi": {"model": "loihi", "encoding": "rate"},
    "loihi, accumulated": {"model": "loihi", "encoding": "rate", "rule": OTTT("accumulate")},
    "convolutions": {"network": CONV},
    "convolutions, accumulated": {"network": CONV, "rule": OTTT("accumulate")},
    "convolutions, last step": {"network": CONV, "rule": OTTT("last")},
    "convolutions, shadow": {"network": CONV, "values": {"registers.shadow.bits": 16}},
    "convolutions on loihi": {
        "network": CONV,
        "model": "loihi",
        "encoding": "rate",
        "values": {"registers.delta.rounding": "stochastic"},
    },
    "no hidden layer": {"sizes": (64, 10)},
    "one hidden layer": {"sizes": (64, 20, 10)},
}


def chip_of(
    *,
    sizes: tuple[int, ...] = (64, 20, 14, 10),
    network: str = "",
    model: str = "neurochip",
    values: dict[str, object] | None = None,
    rule: OTTT | None = None,
    encoding: Any = "graded",
    readout: Any = "linear",
    schedule: Any = "layered",
) -> Chip:
    machine = hardware.load(model).with_values(values or {})
    neuron = LIF(0.7, reset=machine.neuron.resets[0], fires=machine.neuron.fires)
    described = (
        Network.conv(network, (1, 8, 8), 10, 5, padding=1, neuron=neuron, readout=readout)
        if network
        else Network.mlp(
            sizes,
            timesteps=5,
            lam=neuron.lam,
            reset=neuron.reset,
            fires=neuron.fires,
            readout=readout,
        )
    )
    # Deep convolutions would hardly spike in their first samples, and so learn nothing.
    lively = initialise(described, 5, gain=5.0) if network else None
    chip = Chip(
        described, machine, rule, 5, encoding=encoding, parameters=lively, schedule=schedule
    )
    chip.learn(DIGITS.train.take(40))
    return chip


@needs_lava
@pytest.mark.parametrize("name", MODES)
def test_process_models_learn_what_the_chip_learns(name):
    chip = chip_of(**MODES[name])
    before = chip.integers
    verdicts = learning.compare(chip, TRAIN)
    layers = len(chip.network.weight_layers)
    kinds = ("weights", "shadow", "biases", "trace")
    expected = [kind for kind in kinds if kind != "shadow" or before.shadow]
    assert [(v.layer, v.state, v.mismatches) for v in verdicts] == [
        (f"layer {number}", kind, 0) for number in range(layers) for kind in expected
    ]
    for ours, theirs in zip(before.weights, chip.integers.weights, strict=True):
        assert np.array_equal(ours, theirs)


@needs_lava
@pytest.mark.parametrize("name", MODES)
def test_every_layer_learns_in_these_modes(name):
    """Else there would be nothing to compare."""
    from neurochip.deploy.lava.learning.memories import memories
    from neurochip.deploy.lava.learning.run import on_chip

    epoch = next_epoch(chip_of(**MODES[name]), TRAIN)
    for number, layer in enumerate(on_chip(epoch)):
        before = memories(epoch.core, number)["weights"]
        assert not np.array_equal(layer.states["weights"].ravel(), before)


@needs_lava
@pytest.mark.parametrize(
    "mode",
    [{"rule": OTTT()}, {"rule": OTTT("accumulate")}, {"network": CONV}],
    ids=["online", "accumulate", "conv"],
)
def test_lavas_runtime_learns_what_the_chip_learns(mode):
    assert [v.mismatches for v in learning.compare(chip_of(**mode), TRAIN, limit_s=300)] == [0] * 9


#: Runs whose learning goes on: on Loihi's widths, and with random words wherever there can be some.
RUNS: dict[str, dict[str, Any]] = {
    "loihi, online": {"hardware": "loihi", "encoding": "rate"},
    "loihi, accumulated": {"hardware": "loihi", "encoding": "rate", "update": "accumulate"},
    "random words, shadow": {
        "encoding": "bernoulli",
        "rounding": "stochastic",
        "trace_rounding": "stochastic",
        "delta_rounding": "stochastic",
        "shadow_bits": 16,
    },
}


@needs_lava
@pytest.mark.parametrize("name", RUNS)
def test_fifty_samples_go_on_from_a_run_file(tmp_path, name):
    from neurochip.deploy.lava.learning.run import through_models

    options = {**RUNS[name], "hidden": (24,), "timesteps": 6, "seed": 3}
    config = make({**options, "train_samples": 200, "test_samples": 50, "epochs": 1})
    samples = load_data(config)
    run = build(config, samples)
    learn_run(run, samples, 1, None)
    save_run(run, tmp_path / "run.h5")
    chip, part = load_run(tmp_path / "run.h5").chip, samples.train.take(50)
    kinds = {"weights", "biases", "trace", *(["shadow"] if "shadow_bits" in options else [])}
    verdicts = learning.compare(chip, part)
    assert {v.state for v in verdicts} == kinds
    assert [v.mismatches for v in verdicts] == [0] * 2 * len(kinds)
    if chip.rule.update == "accumulate":
        # Then the schedule makes no difference: Lava learns what the chip does, layer by layer.
        found = through_models(next_epoch(chip, part))
        chip.learn(part)
        for layer, weights in zip(found, chip.integers.weights, strict=True):
            assert np.array_equal(layer.states["weights"].ravel(), weights.ravel())


@needs_lava
def test_what_is_compared_is_what_a_pipelined_chip_learns():
    from neurochip.deploy.lava.learning.run import on_chip

    chip = chip_of(schedule="pipelined")
    held = on_chip(next_epoch(chip, TRAIN))
    before = chip.integers.weights
    chip.learn(TRAIN)
    for layer, weights, biases in zip(
        held, chip.integers.weights, chip.integers.biases, strict=True
    ):
        assert np.array_equal(layer.states["weights"].ravel(), weights.ravel())
        assert np.array_equal(layer.states["biases"].ravel(), biases)
    assert not any(np.array_equal(a, b) for a, b in zip(before, chip.integers.weights, strict=True))


@needs_lava
def test_neurons_that_keep_their_currents_cannot_learn():
    lif = LIF(0.5, reset="hard", fires=">", current_lam=0.5)
    network = Network((Dense(64, 5), lif, Dense(5, 10)), 4)
    with pytest.raises(LimitError, match="keep their synaptic current"):
        learning.compare(Chip(network, "loihi", encoding="rate"), TRAIN)


def test_signals_are_those_that_the_chip_sees():
    chip = chip_of(encoding="rate")
    epoch = next_epoch(chip, TRAIN)
    signals = signals_of(epoch)
    for place, sample in enumerate(epoch.order):
        shot = chip.observe(TRAIN.x[sample], 0)
        assert np.array_equal(signals[place], shot.signal[0])


def test_the_clock_of_two_layers():
    clock = Clock(timesteps=3, depth=2, samples=2, n_learned=10)
    assert (clock.period, clock.steps) == (5, 10)
    steps = range(1, 11)
    assert [clock.spike_step(0, now) for now in steps] == [0, 1, 2, None, None] * 2
    assert [clock.spike_step(1, now) for now in steps] == [None, 0, 1, 2, None] * 2
    assert [clock.error_step(now) for now in steps] == [None, None, 0, 1, 2] * 2
    assert [clock.random_step(now) for now in (3, 4, 5, 8, 10)] == [30, 31, 32, 33, 35]
