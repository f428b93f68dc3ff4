"""Convolutions on a chip, seen from outside: in the network's order, whatever the core's is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip import fixed, hardware
from neurochip.chip import COUNTED_EVENTS, Chip
from neurochip.data import Split
from neurochip.errors import LimitError, RuleError
from neurochip.mapping import plan_of
from neurochip.network import LIF, AvgPool, Conv2d, Dense, Flatten, Network, Scale, initialise
from neurochip.parity import compare_with_float
from neurochip.rules import OTTT

DIGITS = data_sets.load("digits")
TRAIN, TEST = DIGITS.train.take(150), DIGITS.test.take(60)
T = 3
#: Odd sides, several channels, a stride, zeros around, and a pool that leaves out a row.
NETWORK = Network(
    (
        *(Conv2d(2, 5, 3, padding=1), LIF(), AvgPool(2)),
        *(Conv2d(5, 6, 2, stride=2, padding=1), LIF(), Flatten()),
        *(Dense(24, 7), LIF(), Dense(7, 4)),
    ),
    T,
    (2, 5, 6),
)


def images(n: int = 5) -> Split:
    rng = np.random.default_rng(3)
    return Split(rng.random((n, *NETWORK.in_shape)), rng.integers(0, NETWORK.n_out, n))


def cross_correlation(w: Any, x: Any, stride: int, padding: int) -> Any:
    """By definition, (c_out, height, width)."""
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    side = w.shape[2]
    height = (around.shape[1] - side) // stride + 1
    width = (around.shape[2] - side) // stride + 1
    out = np.zeros((len(w), height, width))
    for y in range(height):
        for h in range(width):
            patch = around[:, y * stride : y * stride + side, h * stride : h * stride + side]
            out[:, y, h] = (w * patch).sum(axis=(1, 2, 3))
    return out


def test_the_first_step_is_what_the_layers_say() -> None:
    chip = Chip(NETWORK, seed=1)
    weights = chip.parameters.weights
    shown = images()
    seen = chip.observe(shown.x[0], int(shown.y[0]))

    def membranes(number: int) -> Any:
        return seen.v_pre[number][0] * 2.0 ** -chip.formats.layers[number].membrane

    pixels = seen.signal[0][0].reshape(2, 5, 6) / 256
    np.testing.assert_allclose(pixels, shown.x[0], atol=1 / 256)
    currents = cross_correlation(weights[0], pixels, 1, 1).ravel()
    # Products of 8-bit pixels and weights have a digit more than a membrane, which floors it.
    assert (np.abs(membranes(0) - currents) < 2.0**-12).all()
    spikes = seen.signal[1][0].reshape(5, 5, 6)
    means = spikes[:, :4].reshape(5, 2, 2, 3, 2).mean(axis=(2, 4))
    trace = seen.factor[1][0] * 2.0 ** -chip.formats.layers[1].factor
    assert np.array_equal(trace, means.ravel())
    assert np.array_equal(membranes(1), cross_correlation(weights[1], means, 2, 1).ravel())
    assert np.array_equal(membranes(2), weights[2] @ seen.signal[2][0])
    assert np.array_equal(membranes(3), weights[3] @ seen.signal[3][0])


@pytest.mark.parametrize("update", ["online", "last", "accumulate"])
def test_one_step_changes_weights_by_the_sum_of_products(update: Any) -> None:
    """With T = 1 and nearest rounding, from what an observation shows."""
    network = Network(NETWORK.layers, 1, NETWORK.in_shape)
    nearest = hardware.load("neurochip").with_values({"registers.weight.rounding": "nearest"})
    rates = (3, 4, 3, 2)
    lively = initialise(network, 2, gain=5.0)
    chip = Chip(network, nearest, OTTT(update, rate_shifts=rates), seed=2, parameters=lively)
    shown = images(1)
    before, seen = chip.integers, chip.observe(shown.x[0], int(shown.y[0]))
    chip.learn(shown)
    after = chip.integers
    for number, projection in enumerate(plan_of(network)):
        entry = chip.formats.layers[number]
        sums = projection.products(seen.delta[number], seen.factor[number]).astype(int)
        assert sums.any()
        k = entry.update_shift(rates[number])
        if update == "accumulate":
            sums = fixed.shift_round(sums, entry.gradient_shift, fixed.Rounding.NEAREST)
            k -= entry.gradient_shift
        change = projection.matrix(fixed.shift_round(sums, k, fixed.Rounding.NEAREST))
        wanted = fixed.Format(8).fit(before.weights[number] - change)
        assert np.array_equal(after.weights[number], wanted)
        errors = seen.delta[number].reshape(projection.columns, -1).sum(axis=1)
        change = fixed.shift_round(errors, entry.bias_shift(rates[number]), fixed.Rounding.NEAREST)
        assert np.array_equal(after.biases[number], before.biases[number] - change)


MODES: dict[str, dict[str, Any]] = {
    "online": {},
    "accumulate": {"rule": OTTT("accumulate")},
    "last": {"rule": OTTT("last")},
    "shadow": {"hw": {"registers.shadow.bits": 16}},
    "bernoulli": {"encoding": "bernoulli"},
    "counted": {"count_saturations": True},
}


def learned(network: Network, train: Split, **mode: Any) -> Chip:
    chip = hardware.load("neurochip").with_values(mode.pop("hw", {}))
    learner = Chip(network, chip, mode.pop("rule", None), seed=5, **mode)
    learner.learn(train)
    return learner


@pytest.mark.parametrize("name", MODES)
def test_on_images_of_one_pixel_a_convolution_is_dense(name: str) -> None:
    """Bit for bit, random words and counters too."""
    pixels = Network((Conv2d(64, 16, 1), LIF(), Flatten(), Dense(16, 10)), T, (64, 1, 1))
    shared = learned(pixels, Split(TRAIN.x.reshape(-1, 64, 1, 1), TRAIN.y), **MODES[name])
    dense = learned(Network.mlp([64, 16, 10], timesteps=T), TRAIN, **MODES[name])
    assert shared.rate_shifts == dense.rate_shifts
    for ours, theirs in zip(
        (*shared.integers.weights, *shared.integers.biases, *shared.integers.shadow),
        (*dense.integers.weights, *dense.integers.biases, *dense.integers.shadow),
        strict=True,
    ):
        assert np.array_equal(ours, theirs)
    of_shared = shared.evaluate(Split(TEST.x.reshape(-1, 64, 1, 1), TEST.y))
    of_dense = dense.evaluate(TEST)
    assert np.array_equal(of_shared.predictions, of_dense.predictions)
    assert np.array_equal(of_shared.counters, of_dense.counters)


@pytest.mark.parametrize("name", ["online", "accumulate", "shadow"])
def test_saved_and_loaded_it_goes_on_bit_for_bit(name: str) -> None:
    mode = dict(MODES[name])
    chip = hardware.load("neurochip").with_values(mode.pop("hw", {}))
    shown = images(20)
    straight = Chip(NETWORK, chip, seed=4, **mode)
    straight.learn(shown, epochs=2)
    first = Chip(NETWORK, chip, seed=4, **mode)
    first.learn(shown)
    second = Chip(NETWORK, chip, seed=4, **mode)
    second.load(
        first.integers,
        epoch=first.epoch,
        n_learned=first.n_learned,
        rate_shifts=first.rate_shifts,
    )
    second.learn(shown)
    for kind in ("weights", "shadow", "biases"):
        pairs = zip(getattr(straight.integers, kind), getattr(second.integers, kind), strict=True)
        assert all(np.array_equal(ours, theirs) for ours, theirs in pairs), kind


def test_counters_count_synapses_that_are_there() -> None:
    """A corner pixel is read once by a 3x3 kernel without zeros around it, an inner one 9 times."""
    network = Network((Conv2d(1, 2, 3), LIF(), Flatten(), Dense(50, 3)), 1, (1, 7, 7))
    chip = Chip(network, seed=0)
    x = np.zeros((1, 1, 7, 7))
    x[0, 0, 0, 0] = x[0, 0, 3, 3] = x[0, 0, 3, 0] = 1.0
    result = chip.evaluate(Split(x, np.zeros(1, int)))
    counts = dict(zip(COUNTED_EVENTS, result.counters[0, 0], strict=True))
    assert (counts["spikes_in"], counts["synaptic_ops"]) == (3, 2 * (1 + 9 + 3))


def test_it_learns_digits_and_agrees_with_float() -> None:
    network = Network.conv("8C3-P2-32", (1, 8, 8), 10, timesteps=4)
    chip = Chip(network, seed=0)
    chip.learn(DIGITS.train, epochs=3)
    assert chip.evaluate(DIGITS.test).accuracy >= 0.94
    verdict = compare_with_float(chip, DIGITS.test, 40)
    assert verdict.agrees, verdict


def test_channels_of_inputs_lie_side_by_side() -> None:
    chip = Chip(NETWORK, seed=0)
    x = np.arange(60).reshape(1, 2, 5, 6) / 256
    inputs = chip.encode(x)
    assert inputs.shape == (1, 1, 60)
    assert (
        inputs[0, 0].tolist() == np.moveaxis(np.arange(60).reshape(2, 5, 6), 0, -1).ravel().tolist()
    )


def test_fixed_feedback_is_for_dense_layers() -> None:
    sentence = (
        "feedback 'random' needs Dense layers, but the network has a Conv2d; set feedback to "
        "'symmetric'"
    )
    with pytest.raises(RuleError, match=f"^{re.escape(sentence)}$"):
        Chip(NETWORK, rule=OTTT(feedback="random"))


def test_a_trace_too_narrow_for_the_counts_of_a_pool() -> None:
    narrow = hardware.load("neurochip").with_values({"registers.trace.bits": 4})
    network = Network.conv("2C3-P4", (1, 10, 10), 10)
    sentence = (
        "the trace that feeds weight layer 1 has 4 bits, but with lam = 0.5 it sums up to 2 "
        "spikes, each a count of 2^-4, and needs 5; widen trace_bits or lower lam"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        Chip(network, narrow)


@pytest.mark.parametrize("schedule_matters", [True, False])
def test_pipelined_it_learns_what_it_learns_layered_unless_weights_change_meanwhile(
    schedule_matters: bool,
) -> None:
    rule = OTTT("online" if schedule_matters else "accumulate")
    lively = initialise(NETWORK, 2, gain=5.0)
    layered = Chip(NETWORK, rule=rule, parameters=lively)
    pipelined = Chip(NETWORK, rule=rule, parameters=lively, schedule="pipelined")
    for chip in (layered, pipelined):
        chip.learn(images(12))
    pairs = zip(layered.integers.weights, pipelined.integers.weights, strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in pairs) is not schedule_matters


def test_sums_of_counts_are_shifted_by_what_a_chip_shifts_sums() -> None:
    """Loihi's 6 bits: so a membrane has the digits of a pool's average more."""
    neuron = LIF(reset="hard", fires=">")
    network = Network.conv("2C3-P2-3", (1, 8, 8), 10, neuron=neuron)
    formats = Chip(network, "loihi", encoding="rate").formats.layers
    assert [entry.membrane - entry.weight for entry in formats] == [6, 8, 6]


def test_the_pipelined_schedule_is_for_weights_pools_and_neurons() -> None:
    layers = (Dense(4, 3), LIF(), Scale(2.0), Dense(3, 2))
    sentence = (
        "the network has a Scale as layer 2, but the pipelined schedule moves spikes through "
        "Dense, Conv2d, pools and LIF in turn; set schedule to 'layered'"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        Chip(Network(layers, 2), schedule="pipelined")
