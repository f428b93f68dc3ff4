"""Quantisation in the loop: what is seen in training is what the chip holds, bit for bit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip import fixed
from neurochip.chip import Chip
from neurochip.errors import ConfigError
from neurochip.network import Parameters
from neurochip.reference import Inference
from neurochip.study import ptq, qat
from neurochip.study.spec import Spec
from neurochip.study.work import Bench, Unit
from tests.study.small import small

RUN = {"epochs": 3, "train_samples": 300, "hidden": [16], "timesteps": 4}


def study_of(**options: Any) -> Spec:
    run = {**RUN, **options}
    return small("loop", workflow="qat", objectives=["accuracy"], run=run, knobs={"lam": [0.5]})


UNIT = Unit({"lam": 0.5}, 0)


def trained(**options: Any) -> tuple[Parameters, Chip, Any]:
    """What was seen last, the chip that holds it, and the data set."""
    spec = study_of(**options)
    bench, config = Bench(spec), spec.config(UNIT.setting, UNIT.seed)
    data = bench.data(config)
    own = spec.own_options(UNIT.setting)
    learned = qat.trained(config, own, data)
    return learned, qat.deployed(config, own, learned, data).chip, data


@pytest.mark.parametrize("scales", ["max", "percentile", "mse"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_chip_holds_what_was_seen(bits: int, scales: str) -> None:
    learned, chip, _ = trained(weight_bits=bits, scales=scales)
    for seen, held in zip(
        (*learned.weights, *learned.biases),
        (*chip.parameters.weights, *chip.parameters.biases),
        strict=True,
    ):
        np.testing.assert_array_equal(seen, held)
    for w in learned.weights:
        assert len(np.unique(w)) < 2**bits


def test_float_and_chip_predict_alike() -> None:
    """What is left between them are roundings of membranes at 2^-12."""
    learned, chip, data = trained(weight_bits=3)
    x = np.minimum(np.floor(data.test.flat() * 256 + 0.5), 255) / 256
    guesses = Inference.of(chip.network, learned).predict(x)
    assert np.mean(guesses != chip.predict(data.test.x)) <= 0.02


def test_a_trial_is_judged_on_the_chip() -> None:
    _, chip, data = trained(weight_bits=3)
    told = Bench(study_of(weight_bits=3)).do(UNIT)
    assert told.values == (chip.evaluate(data.test).accuracy,)


def test_each_weight_is_rounded_as_a_register_of_its_layer_does() -> None:
    spec = study_of(weight_bits=3)
    config = spec.config(UNIT.setting, UNIT.seed)
    hardware = ptq.filled(config)
    network = config.make_network((8, 8), 10, hardware)
    rounded = qat.Rounded(network, hardware, config, qat.OPTIONS)
    rng = np.random.default_rng(0)
    params = Parameters(
        tuple(rng.normal(0, 0.4, layer.weight_shape) for layer in network.weight_layers),
        tuple(rng.normal(0, 0.4, layer.n_out) for layer in network.weight_layers),
    )
    view = rounded.view(0, params)
    for w, seen in zip(params.weights, view(params).weights, strict=True):
        kept = ptq.clipped(w, 3, "mse", 99.5)
        fraction = fixed.fraction_for(float(np.abs(kept).max()), 3)
        by_hand = np.clip(np.floor(w * 2.0**fraction + 0.5), -3, 3) * 2.0**-fraction
        np.testing.assert_array_equal(seen, by_hand)
    # The range is the one of the epoch's start: weights that grow beyond it saturate.
    larger = Parameters(tuple(100 * w for w in params.weights), params.biases)
    for seen, saturated in zip(view(params).weights, view(larger).weights, strict=True):
        assert np.abs(saturated).max() == np.abs(seen).max()


def test_float_epochs_come_first() -> None:
    spec = study_of(weight_bits=2, float_epochs=3)
    config = spec.config(UNIT.setting, UNIT.seed)
    data = Bench(spec).data(config)
    never = qat.trained(config, spec.own_options(UNIT.setting), data)
    once = qat.trained(config, {**spec.own_options(UNIT.setting), "float_epochs": 2}, data)
    assert all(len(np.unique(w)) > 100 for w in never.weights)
    assert all(len(np.unique(w)) < 4 for w in once.weights)


def test_training_repeats() -> None:
    first, again = (trained(weight_bits=3)[0] for _ in range(2))
    for a, b in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_two_bits_are_enough_where_rounding_after_training_loses_points() -> None:
    options = {"epochs": 8, "train_samples": 1437, "hidden": [64], "weight_bits": 2}
    in_the_loop = Bench(study_of(**options)).do(UNIT).values[0]
    knobs = {"lam": [0.5]}
    after = small(
        "after", workflow="ptq", objectives=["accuracy"], run={**RUN, **options}, knobs=knobs
    )
    assert in_the_loop > Bench(after).do(UNIT).values[0] + 0.02


@pytest.mark.parametrize("value", [-1, 1.5, True])
def test_float_epochs_are_whole(value: Any) -> None:
    sentence = f"study 'loop': float_epochs is {value!r}; it must be a whole number from 0"
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        study_of(float_epochs=value)
