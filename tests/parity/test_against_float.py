"""The chip agrees with the float reference before and after learning, and a broken one doesn't."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip import hardware
from neurochip.chip import Chip
from neurochip.data import Split
from neurochip.errors import ConfigError, DataError
from neurochip.network import Network
from neurochip.parity import (
    MAX_PREDICTIONS,
    MAX_SPIKES,
    MIN_COSINE,
    FloatParity,
    LayerParity,
    compare_with_float,
)
from neurochip.rules import OTTT, Surrogate

DIGITS = data_sets.load("digits")
TRAIN, TEST = DIGITS.train.take(300), DIGITS.test
TWO_HIDDEN = (64, 96, 64, 10)

MODES: dict[str, dict[str, Any]] = {
    "online": {},
    "accumulate": {"rule": OTTT("accumulate")},
    "last": {"rule": OTTT("last")},
    "sign": {"rule": OTTT(feedback="sign")},
    "random": {"rule": OTTT(feedback="random")},
    "direct": {"rule": OTTT(feedback="direct")},
    "shadow": {"hw": {"registers.shadow.bits": 16}},
    "shadow, accumulate": {"hw": {"registers.shadow.bits": 16}, "rule": OTTT("accumulate")},
    "hard reset": {"network": {"reset": "hard"}},
    "loihi": {"chip": "loihi", "network": {"reset": "hard", "fires": ">"}},
    "leaky": {"network": {"readout": "leaky"}},
    "spiking": {"network": {"readout": "spiking"}},
    "rate": {"encoding": "rate"},
    "bernoulli": {"encoding": "bernoulli"},
    "traced graded input": {"rule": OTTT(trace_input=True)},
    "raw rate input": {"rule": OTTT(trace_input=False), "encoding": "rate"},
    "boxcar": {"rule": OTTT(surrogate=Surrogate("boxcar"))},
    "triangle": {"rule": OTTT(surrogate=Surrogate("triangle"))},
    "squared error": {"rule": OTTT(loss="mse")},
    "slow neurons": {"network": {"lam": 0.75, "v_th": 0.5}},
    "four steps": {"network": {"timesteps": 4}},
    "stochastic": {
        "hw": {"registers.trace.rounding": "stochastic", "registers.delta.rounding": "stochastic"}
    },
}
BROKEN: dict[str, dict[str, Any]] = {
    "errors of two bits": {"registers.error.bits": 2},
    "membranes of six bits": {"registers.membrane.bits": 6, "registers.membrane.fraction": 2},
    "deltas that saturate": {"registers.delta.fraction": 12},
    "a narrow accumulator": {"registers.accumulator.bits": 12},
}


def make(
    sizes: tuple[int, ...] = (64, 128, 10),
    chip: str = "neurochip",
    rule: OTTT | None = None,
    hw: dict[str, Any] | None = None,
    encoding: Any = "graded",
    network: dict[str, Any] | None = None,
) -> Chip:
    mlp = Network.mlp(sizes, **(network or {}))
    return Chip(mlp, hardware.load(chip).with_values(hw or {}), rule, encoding=encoding)


@pytest.mark.parametrize("mode", MODES)
def test_a_chip_agrees_before_and_after_learning(mode: str) -> None:
    chip = make(**MODES[mode])
    for epochs in (0, 1, 2):
        chip.learn(TRAIN, epochs)
        verdict = compare_with_float(chip, TEST)
        assert verdict.samples == 100
        assert verdict.agrees, verdict
        for layer in verdict.layers:
            assert layer.cosine is not None
            assert layer.cosine >= MIN_COSINE


@pytest.mark.parametrize("feedback", ["symmetric", "sign", "random", "direct"])
def test_two_hidden_layers_agree_at_the_start(feedback: Any) -> None:
    assert compare_with_float(make(sizes=TWO_HIDDEN, rule=OTTT(feedback=feedback)), TEST).agrees


@pytest.mark.parametrize("flaw", BROKEN)
def test_a_broken_chip_does_not_agree(flaw: str) -> None:
    chip = make(hw=BROKEN[flaw])
    chip.learn(TRAIN, 1)
    assert not compare_with_float(chip, TEST).agrees


def test_weights_that_are_not_the_chips_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    chip, other = make(), make(network={"v_th": 1.0})
    chip.learn(TRAIN, 1)
    assert compare_with_float(chip, TEST).agrees
    monkeypatch.setattr(Chip, "parameters", property(lambda self: other.initial))
    verdict = compare_with_float(chip, TEST)
    assert not verdict.agrees
    assert verdict.layers[0].first_spike is not None
    assert verdict.layers[0].membrane_max > 100


def test_a_comparison_changes_nothing() -> None:
    chip = make(encoding="bernoulli")
    chip.learn(TRAIN.take(50), 1)
    before = [array.tobytes() for array in chip.integers.weights]
    first, second = compare_with_float(chip, TEST, 10), compare_with_float(chip, TEST, 10)
    assert first == second
    assert [array.tobytes() for array in chip.integers.weights] == before
    assert chip.n_learned == 50


def test_the_verdict_says_what_it_found() -> None:
    chip = make(sizes=TWO_HIDDEN)
    verdict = compare_with_float(chip, TEST, 20)
    assert [layer.name for layer in verdict.layers] == ["layer 0", "layer 1", "read-out"]
    assert [layer.spikes is None for layer in verdict.layers] == [False, False, True]
    for layer in verdict.layers:
        assert 0.0 <= layer.membrane_mean <= layer.membrane_max
        assert all(count > 0 for count in layer.saturations.values())
    assert verdict.spikes == max(layer.spikes or 0.0 for layer in verdict.layers)
    facts = json.loads(json.dumps(asdict(verdict)))
    assert facts["samples"] == 20
    assert facts["layers"][0]["cosine"] == verdict.layers[0].cosine


def test_a_spiking_read_out_has_spikes_to_compare() -> None:
    verdict = compare_with_float(make(network={"readout": "spiking"}), TEST, 5)
    assert verdict.layers[-1].spikes is not None


def test_saturations_name_their_registers() -> None:
    chip = make(hw={"registers.membrane.bits": 8, "registers.membrane.fraction": 6})
    verdict = compare_with_float(chip, TEST, 20)
    assert verdict.layers[0].saturations["membrane"] > 0


def test_a_small_set_is_compared_whole() -> None:
    assert compare_with_float(make(), TEST.take(3)).samples == 3
    assert compare_with_float(make(), TEST.take(3), 2).samples == 2


def test_nothing_to_learn_proves_nothing() -> None:
    """Without any gradient on either side there is no cosine: a dead network doesn't agree."""
    silent = Split(np.zeros((3, 64), np.float32), np.zeros(3, int))
    verdict = compare_with_float(make(), silent)
    assert verdict.layers[0].cosine is None
    assert not verdict.agrees


LAYER = LayerParity("layer 0", None, 0.0, 0.1, 1.0, 1.0, {})


def verdict_of(predictions: float = 0.0, **changes: Any) -> FloatParity:
    layer = LayerParity(**{**asdict(LAYER), **changes})
    return FloatParity(100, predictions, (LAYER, layer))


@pytest.mark.parametrize(
    ("verdict", "agrees"),
    [
        (verdict_of(), True),
        (verdict_of(predictions=MAX_PREDICTIONS), True),
        (verdict_of(predictions=MAX_PREDICTIONS + 1e-9), False),
        (verdict_of(spikes=MAX_SPIKES), True),
        (verdict_of(spikes=MAX_SPIKES + 1e-9), False),
        (verdict_of(spikes=None), True),
        (verdict_of(cosine=MIN_COSINE), True),
        (verdict_of(cosine=MIN_COSINE - 1e-9), False),
        (verdict_of(cosine=None), False),
        (verdict_of(membrane_max=1e9, saturations={"error": 5}), True),
    ],
)
def test_the_criteria(verdict: FloatParity, agrees: bool) -> None:
    assert verdict.agrees is agrees


def test_the_criteria_are_those_of_the_data_path() -> None:
    assert (MAX_SPIKES, MAX_PREDICTIONS, MIN_COSINE) == (0.001, 0.01, 0.98)


def test_what_cannot_be_compared() -> None:
    sentence = "parity was asked for 0 samples; it needs 1 or more"
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        compare_with_float(make(), TEST, 0)
    with pytest.raises(DataError, match=r"^label 10 is out of range, "):
        compare_with_float(make(), Split(TEST.x[:1], np.array([10])))
