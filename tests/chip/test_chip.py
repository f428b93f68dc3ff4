"""The chip from outside: same seed same bits, what it counts, and what it refuses."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip import hardware
from neurochip.chip import COUNTED_EVENTS, SATURATED_REGISTERS, Chip
from neurochip.chip.chip import CHUNK, SCORED
from neurochip.chip.order import shuffled
from neurochip.chip.rates import RATE_NUMERATOR, RATE_SAMPLES
from neurochip.data import Split
from neurochip.errors import (
    ConfigError,
    DataError,
    LimitError,
    NetworkError,
    NeurochipError,
    RuleError,
)
from neurochip.mapping import Widths
from neurochip.network import LIF, Dense, Network, Parameters, presets
from neurochip.rules import OTTT, TET, Surrogate

T = 4
SIZES = (64, 16, 10)
DIGITS = data_sets.load("digits")
TRAIN, TEST = DIGITS.train.take(200), DIGITS.test.take(60)

MODES: dict[str, dict[str, Any]] = {
    "online": {},
    "accumulate": {"rule": OTTT("accumulate")},
    "last": {"rule": OTTT("last")},
    "shadow": {"hw": {"registers.shadow.bits": 16, "registers.shadow.rounding": "stochastic"}},
    "bernoulli": {"encoding": "bernoulli"},
    "widths of layers": {"widths": Widths((6, 4), 14, 10)},
    "words of synapses": {"hw": {"registers.weight.random_words": "synapse"}},
    "one word a step": {"hw": {"registers.weight.random_words": "step"}},
    "stochastic": {
        "hw": {"registers.trace.rounding": "stochastic", "registers.delta.rounding": "stochastic"},
        "encoding": "rate",
        "rule": OTTT(feedback="random"),
    },
}


def fails(kind: type[NeurochipError], sentence: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def make(
    seed: int = 0,
    sizes: tuple[int, ...] = SIZES,
    rule: OTTT | None = None,
    hw: dict[str, Any] | None = None,
    encoding: Any = "graded",
    network: dict[str, Any] | None = None,
    **options: Any,
) -> Chip:
    chip = hardware.load("neurochip").with_values(hw or {})
    mlp = Network.mlp(sizes, **{"timesteps": T, **(network or {})})
    return Chip(mlp, chip, rule, seed, encoding=encoding, **options)


def bits(chip: Chip) -> bytes:
    """Everything that a chip has learned."""
    held = chip.integers
    return b"".join(a.tobytes() for a in (*held.weights, *held.shadow, *held.biases))


# Widths of single layers


def test_layers_learn_within_their_widths() -> None:
    chip = make(widths=Widths((5, 3), 12, 8), rule=OTTT(rate_shifts=(-2, -2)))
    chip.learn(TRAIN)
    for w, bits in zip(chip.integers.weights, (5, 3), strict=True):
        assert (w.min(), w.max()) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    outputs = chip.observe(TEST.x[0], int(TEST.y[0])).v_pre[-1]
    assert np.abs(outputs).max() < 2**11


def test_widths_that_are_the_chip_s_change_nothing() -> None:
    plain, told = make(3), make(3, widths=Widths((8, 8), 24, 12))
    for chip in (plain, told):
        chip.learn(TRAIN)
    assert bits(plain) == bits(told)


@pytest.mark.parametrize("words", ["synapse", "step"])
def test_other_random_words_learn_other_weights(words: str) -> None:
    chips = make(3), make(3, hw={"registers.weight.random_words": words})
    for chip in chips:
        chip.learn(TRAIN)
    assert bits(chips[0]) != bits(chips[1])


# Determinism


@pytest.mark.parametrize("mode", MODES)
def test_the_seed_alone_decides(mode: str) -> None:
    first, second, other = (make(seed, **MODES[mode]) for seed in (3, 3, 4))
    for chip in (first, second, other):
        chip.learn(TRAIN, 2)
    assert bits(first) == bits(second)
    assert bits(first) != bits(other)
    np.testing.assert_array_equal(first.predict(TEST.x), second.predict(TEST.x))


def test_the_seed_decides_more_than_the_start() -> None:
    start = make(0).parameters
    chips = [make(seed, parameters=start) for seed in (0, 1)]
    assert bits(chips[0]) == bits(chips[1])
    for chip in chips:
        chip.learn(TRAIN)
    assert bits(chips[0]) != bits(chips[1])


@pytest.mark.parametrize("mode", MODES)
def test_chips_do_not_disturb_each_other(mode: str) -> None:
    alone = make(1, **MODES[mode])
    alone.learn(TRAIN, 3)
    one, two = make(1, **MODES[mode]), make(2, **MODES[mode])
    for _ in range(3):
        one.learn(TRAIN)
        two.learn(TRAIN)
        one.evaluate(TEST)
        two.observe(TEST.x[0], 0)
    assert bits(one) == bits(alone)


def test_two_threads_at_once() -> None:
    def learn(seed: int) -> bytes:
        chip = make(seed, **MODES["stochastic"])
        chip.learn(TRAIN, 3)
        return bits(chip)

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(learn, (0, 1, 0, 1)))
    assert together == [learn(0), learn(1), learn(0), learn(1)]


@pytest.mark.parametrize("mode", MODES)
def test_epochs_in_parts_are_epochs_in_one(mode: str) -> None:
    whole, parts = make(**MODES[mode]), make(**MODES[mode])
    records = whole.learn(TRAIN, 3)
    in_parts = parts.learn(TRAIN, 2)
    parts.evaluate(TEST)
    in_parts += parts.learn(TRAIN, 1)
    assert bits(whole) == bits(parts)
    for one, other in zip(records, in_parts, strict=True):
        assert (one.epoch, one.wrong, one.rate_shifts) == (
            *(other.epoch, other.wrong, other.rate_shifts),
        )
        np.testing.assert_array_equal(one.counters, other.counters)


@pytest.mark.parametrize("mode", MODES)
def test_a_saved_state_goes_on(mode: str) -> None:
    whole, first, second = (make(**MODES[mode]) for _ in range(3))
    whole.learn(TRAIN, 2)
    first.learn(TRAIN)
    second.load(
        first.integers,
        epoch=first.epoch,
        n_learned=first.n_learned,
        rate_shifts=first.rate_shifts,
    )
    assert bits(second) == bits(first)
    second.learn(TRAIN)
    assert bits(second) == bits(whole)


def test_every_epoch_has_an_order_of_its_own() -> None:
    orders = [shuffled(100, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    for order in orders:
        assert sorted(order) == list(range(100))
    for one, other in itertools.combinations(orders, 2):
        assert not np.array_equal(one, other)
    np.testing.assert_array_equal(orders[0], shuffled(100, 0, 0))


def test_counting_saturations_changes_nothing() -> None:
    plain, counting = make(), make(count_saturations=True)
    assert not plain.learn(TRAIN)[0].saturations.any()
    assert counting.learn(TRAIN)[0].saturations.shape == (T, 2, len(SATURATED_REGISTERS))
    assert bits(plain) == bits(counting)


# Looking in


@pytest.mark.parametrize("encoding", ["graded", "rate", "bernoulli"])
@pytest.mark.parametrize("readout", ["linear", "leaky", "spiking"])
def test_observing_shows_what_inference_does(encoding: Any, readout: Any) -> None:
    chip = make(encoding=encoding, network={"readout": readout})
    chip.learn(TRAIN)
    before = bits(chip)
    predictions = chip.predict(TEST.x[:20])
    for index, wanted in enumerate(predictions):
        seen = chip.observe(TEST.x[index], int(TEST.y[index]), index)
        assert int(seen.outputs.sum(axis=0).argmax()) == wanted
    assert bits(chip) == before
    np.testing.assert_array_equal(chip.predict(TEST.x[:20]), predictions)


def test_an_observation_holds_together() -> None:
    chip = make()
    chip.learn(TRAIN)
    seen = chip.observe(TEST.x[0], int(TEST.y[0]))
    layer, held = chip.formats.layers[0], chip.integers
    theta = 1 << layer.membrane
    assert [part.shape for part in seen.signal] == [(T, n) for n in SIZES]
    assert [part.shape for part in seen.factor] == [(T, n) for n in SIZES[:-1]]
    np.testing.assert_array_equal(seen.signal[1], seen.v_pre[0] >= theta)
    np.testing.assert_array_equal(seen.v[0], seen.v_pre[0] - theta * seen.signal[1])
    np.testing.assert_array_equal(seen.signal[0], np.repeat(chip.encode(TEST.x[:1])[0], T, axis=0))
    np.testing.assert_array_equal(seen.factor[0], seen.signal[0])
    np.testing.assert_array_equal(seen.delta[1], seen.error)
    shift = chip.formats.layers[1].membrane - chip.formats.layers[1].weight
    current = (seen.signal[1] @ held.weights[1].astype(np.int64)) << shift
    bias = held.biases[1].astype(np.int64) << chip.formats.layers[1].bias_exponent
    np.testing.assert_array_equal(seen.outputs, current + bias)
    assert set(np.unique(seen.psi[0])) <= set(range(17))


def test_evaluation_leaves_the_chip_alone() -> None:
    chip = make()
    chip.learn(TRAIN)
    before = bits(chip)
    first, second = chip.evaluate(TEST), chip.evaluate(TEST)
    assert bits(chip) == before
    assert first.accuracy == second.accuracy == np.mean(first.predictions == TEST.y)
    np.testing.assert_array_equal(first.counters, second.counters)
    np.testing.assert_array_equal(first.predictions, chip.predict(TEST.x))


def test_integers_are_copies() -> None:
    chip = make()
    before = bits(chip)
    for array in (*chip.integers.weights, *chip.integers.biases):
        array += 1
    assert bits(chip) == before


# Rates


@pytest.mark.parametrize("update", ["online", "accumulate", "last"])
@pytest.mark.parametrize("encoding", ["graded", "rate"])
def test_rates_are_chosen_from_the_factors(update: Any, encoding: Any) -> None:
    chip = make(rule=OTTT(update), encoding=encoding)
    chosen = chip.choose_rates(chip.encode(TRAIN.x))
    energy = np.zeros(2)
    for index in range(RATE_SAMPLES):
        seen = chip.observe(TRAIN.x[index], 0, index)
        for number, (factor, layer) in enumerate(
            zip(seen.factor, chip.formats.layers, strict=True)
        ):
            energy[number] += ((factor * 2.0**-layer.factor) ** 2).sum(axis=1).mean()
    at_once = T / 2 if update == "accumulate" else 1
    rates = RATE_NUMERATOR / (energy / RATE_SAMPLES) / at_once
    assert chosen == tuple(np.round(-np.log2(rates)).astype(int))
    chip.learn(TRAIN)
    assert chip.rate_shifts == chosen


def test_rates_of_nothing_are_finite() -> None:
    nothing = Split(np.zeros((5, 64), np.float32), np.zeros(5, int))
    chip = make()
    assert chip.learn(nothing)[0].rate_shifts == chip.rate_shifts == (0, 0)


def test_given_rates_are_kept() -> None:
    chip = make(rule=OTTT(rate_shifts=(5, 4)))
    assert chip.rate_shifts == (5, 4)
    assert chip.learn(TRAIN)[0].rate_shifts == (5, 4)


def test_rates_are_halved_after_the_epochs_given() -> None:
    chip = make(rule=OTTT(rate_shifts=(5, 4), halve_at=(1, 3)))
    shifts = [record.rate_shifts for record in chip.learn(TRAIN.take(20), 5)]
    assert shifts == [(5, 4), (6, 5), (6, 5), (7, 6), (7, 6)]
    assert chip.rate_shifts == (5, 4)


# Counters


def test_counters_of_a_tiny_network() -> None:
    """3-2-2, T = 2: weights, inputs and so every event are known by hand."""
    w1 = np.array([[1.0, 0.0, 0.0], [0.0, 0.25, 0.0]])
    w2 = np.array([[0.5, 0.5], [-0.5, 0.25]])
    parameters = Parameters((w1, w2), (np.zeros(2), np.zeros(2)))
    chip = make(
        sizes=(3, 2, 2),
        rule=OTTT(rate_shifts=(2, 2)),
        encoding="spikes",
        network={"timesteps": 2},
        parameters=parameters,
    )
    # Neuron 0 fires when input 0 does; neuron 1 never reaches the threshold.
    x = np.array([[[1, 1, 0], [0, 1, 0]]], np.float32)
    result = chip.evaluate(Split(x, np.array([0])))
    seen = dict(zip(COUNTED_EVENTS, result.counters.transpose(2, 0, 1), strict=True))
    np.testing.assert_array_equal(seen["spikes_in"], [[2, 1], [1, 0]])
    np.testing.assert_array_equal(seen["spikes_out"], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(seen["synaptic_ops"], [[4, 2], [2, 0]])
    assert not seen["weight_updates"].any()
    record = chip.learn(Split(x, np.array([0])))[0]
    seen = dict(zip(COUNTED_EVENTS, record.counters.transpose(2, 0, 1), strict=True))
    np.testing.assert_array_equal(seen["spikes_in"], [[2, 1], [1, 0]])
    np.testing.assert_array_equal(seen["synaptic_ops"], [[4, 2], [2, 0]])
    # Traces outlive spikes: inputs 0 and 1 and neuron 0 have one in both steps.
    assert (seen["weight_updates"] <= [[4, 2], [4, 2]]).all()
    assert seen["weight_updates"][:, 1].all()
    assert seen["trace_updates"].shape == (2, 2)


def test_counters_are_sums_over_samples() -> None:
    chip = make()
    whole = chip.evaluate(TEST).counters
    parts = [chip.evaluate(TEST[slice(first, first + 20)]).counters for first in (0, 20, 40)]
    np.testing.assert_array_equal(whole, sum(parts))


def test_counters_are_what_an_observation_shows() -> None:
    chip = make(encoding="rate")
    chip.learn(TRAIN)
    counted = dict(
        zip(COUNTED_EVENTS, chip.evaluate(TEST.take(5)).counters.transpose(2, 0, 1), strict=True)
    )
    seen = [chip.observe(TEST.x[i], 0, i) for i in range(5)]
    for number in range(2):
        spikes = sum(np.count_nonzero(shot.signal[number], axis=1) for shot in seen)
        np.testing.assert_array_equal(counted["spikes_in"][:, number], spikes)
        operations = np.asarray(spikes) * SIZES[number + 1]
        np.testing.assert_array_equal(counted["synaptic_ops"][:, number], operations)
    fired = sum(np.count_nonzero(shot.signal[1], axis=1) for shot in seen)
    np.testing.assert_array_equal(counted["spikes_out"][:, 0], fired)


def test_an_epoch_counts_its_samples() -> None:
    record = make().learn(TRAIN)[0]
    chunks = -(-len(TRAIN) // CHUNK)
    assert record.samples == len(TRAIN)
    assert record.scored == chunks * SCORED
    assert 0 <= record.wrong <= record.scored
    assert record.running_error == record.wrong / record.scored


def test_saturations_are_counted_where_registers_are_too_small() -> None:
    narrow = {"registers.membrane.bits": 10, "registers.membrane.fraction": 8}
    chip = make(hw=narrow, count_saturations=True)
    which = SATURATED_REGISTERS.index("membrane")
    assert chip.learn(TRAIN)[0].saturations[..., which].sum() > 0
    assert make(count_saturations=True).learn(TRAIN)[0].saturations[..., which].sum() == 0


# Every mode learns


def blobs() -> Split:
    """Four classes, each with its own four of sixteen pixels."""
    rng = np.random.default_rng(1)
    y = np.arange(120) % 4
    x = 0.15 * rng.random((120, 16)) + 0.8 * (np.arange(16) // 4 == y[:, None])
    return Split(x.astype(np.float32), y)


BLOBS = blobs()
SPIKES = replace(BLOBS, x=(BLOBS.x > 0.5).astype(np.float32))
CHOICES: dict[str, tuple[Any, ...]] = {
    "update": ("online", "accumulate", "last"),
    "feedback": ("symmetric", "sign", "random", "direct"),
    "surrogate": ("table", "boxcar", "triangle"),
    "encoding": ("graded", "rate", "bernoulli", "spikes"),
    "reset": ("soft", "hard"),
    "readout": ("linear", "leaky", "spiking"),
    "loss": ("ce", "mse"),
    "shadow": (0, 16),
}


def pairs() -> list[dict[str, Any]]:
    """Combinations in which every two choices meet at least once (greedy, always the same)."""
    rng = np.random.default_rng(0)
    names = list(CHOICES)
    wanted = {
        frozenset({(a, x), (b, y)})
        for a, b in itertools.combinations(names, 2)
        for x in CHOICES[a]
        for y in CHOICES[b]
    }
    chosen = []
    while wanted:
        drawn = [
            {name: CHOICES[name][rng.integers(len(CHOICES[name]))] for name in names}
            for _ in range(50)
        ]
        covers = [
            {frozenset(pair) for pair in itertools.combinations(case.items(), 2)} & wanted
            for case in drawn
        ]
        best = max(range(50), key=lambda i: len(covers[i]))
        wanted -= covers[best]
        if covers[best]:
            chosen.append(drawn[best])
    return chosen


PAIRS = pairs()


@pytest.mark.parametrize("case", PAIRS, ids=["-".join(map(str, c.values())) for c in PAIRS])
def test_every_mode_learns(case: dict[str, Any]) -> None:
    rule = OTTT(
        case["update"], Surrogate(case["surrogate"]), feedback=case["feedback"], loss=case["loss"]
    )
    chip = make(
        sizes=(16, 24, 16, 4),
        rule=rule,
        hw={"registers.shadow.bits": case["shadow"]},
        encoding=case["encoding"],
        network={"timesteps": 6, "reset": case["reset"], "readout": case["readout"]},
    )
    data = SPIKES if case["encoding"] == "spikes" else BLOBS
    chip.learn(data, 8)
    # A quarter is chance; spiking outputs that have fallen silent hold some modes back.
    assert chip.evaluate(data).accuracy >= 0.45


# Memory


def test_only_the_counters_grow_with_time() -> None:
    short, long = (make(network={"timesteps": steps})._core for steps in (6, 60))
    grown = {
        name
        for name, array in short._asdict().items()
        if array.nbytes != getattr(long, name).nbytes
    }
    assert grown == {"counters", "saturations"}


# What a chip can't do


def test_a_seed_out_of_range() -> None:
    for seed in (-1, 1 << 63):
        sentence = f"seed {seed} is out of range; choose one of 0 to 9223372036854775807"
        with fails(ConfigError, sentence):
            make(seed)
    assert make((1 << 63) - 1).seed == 9223372036854775807


def test_an_unknown_encoding() -> None:
    sentence = "encoding 'morse' is unknown; choose one of graded, rate, bernoulli, spikes"
    with fails(ConfigError, sentence):
        make(encoding="morse")


def test_rates_of_the_wrong_number_or_size() -> None:
    sentence = "rate_shifts has 3 entries, but the network has 2 weight layers; give one for each"
    with fails(RuleError, sentence):
        make(rule=OTTT(rate_shifts=(1, 2, 3)))
    sentence = (
        "rate_shift -9 of layer 1 is out of range; choose one of -8 to 24 (the rate is 2^-shift)"
    )
    with fails(RuleError, sentence):
        make(rule=OTTT(rate_shifts=(1, -9)))


def test_a_surrogate_or_loss_that_needs_floats() -> None:
    with fails(
        RuleError,
        "surrogate 'sigmoid' needs a real exponential, which a chip hasn't; choose 'table', its "
        "16-entry form, or 'boxcar' or 'triangle'",
    ):
        make(rule=OTTT(surrogate=Surrogate("sigmoid")))
    with fails(
        RuleError,
        "surrogate 'tent' needs real numbers, which a chip hasn't; choose 'triangle', its form in "
        "sixteenths, or 'table' or 'boxcar'",
    ):
        make(rule=OTTT(surrogate=Surrogate("tent")))
    with fails(
        RuleError,
        "rule 'tet' has no binding to a chip's integers; learn with OTTT, or train off the chip "
        "and map the result",
    ):
        make(rule=TET())  # type: ignore[arg-type]
    with fails(
        RuleError,
        "loss_lambda is 0.05, but a chip computes one error, not a mixture; set it to 0, or the "
        "loss to 'mse'",
    ):
        make(rule=OTTT(loss_lambda=0.05))


def test_neurons_of_another_kind() -> None:
    with fails(
        LimitError,
        "neurons of layer 0 have a soft reset, but hardware 'loihi' has hard; set reset = 'hard'",
    ):
        Chip(Network.mlp(SIZES, fires=">"), "loihi")
    with fails(
        LimitError,
        "neurons of layer 0 fire at v >= v_th, but hardware 'loihi' fires at v > v_th; set fires = "
        "'>'",
    ):
        Chip(Network.mlp(SIZES, reset="hard"), "loihi")


def test_a_network_that_no_chip_holds() -> None:
    """All that is refused, to the letter: tests/mapping/test_plan.py."""
    with fails(
        LimitError,
        "layer 0 is a LowPass, which a chip lacks; use another network or train this one off the "
        "chip",
    ):
        Chip(presets.tssl("4C3-P2-20", (1, 8, 8)), seed=0)


@pytest.mark.parametrize("v_th", [1e-5, 1e4])
def test_a_threshold_that_no_membrane_holds(v_th: float) -> None:
    sentence = (
        f"the threshold of layer 0 is {v_th} = {round(v_th * 4096)} * 2^-12, but a membrane of 24 "
        f"bits holds 1 to 8388607; change v_th, the membrane's bits or its fraction"
    )
    with fails(LimitError, sentence):
        make(network={"v_th": v_th})


def test_a_network_that_is_too_large() -> None:
    few = {"limits.cores": 1, "limits.neurons_per_core": 20}
    with fails(
        LimitError,
        "the network has 26 neurons, but hardware 'neurochip' holds 20 (1 cores of 20); make the "
        "layers smaller or choose a larger chip",
    ):
        make(hw=few)
    with fails(
        LimitError,
        "weight layer 0 has a fan-in of 64, but a neuron of hardware 'neurochip' hears at most 63; "
        "make the layer below smaller or choose a larger chip",
    ):
        make(hw={"limits.fan_in": 63})
    small = {"limits.cores": 1, "limits.synapse_memory_per_core": 1184 * 24 - 1}
    make(hw=small)
    with fails(
        LimitError,
        "the network's 1184 synapses of 24 bits need 28416 bits, but hardware 'neurochip' holds "
        "28415 bits of synaptic memory; use fewer or narrower weights or choose a larger chip",
    ):
        make(hw=small, rule=OTTT("accumulate"))
    with fails(
        LimitError,
        "the network's 1184 synapses of 40 bits need 47360 bits, but hardware 'neurochip' holds "
        "28415 bits of synaptic memory; use fewer or narrower weights or choose a larger chip",
    ):
        make(hw={**small, "registers.shadow.bits": 16}, rule=OTTT("accumulate"))


def test_a_huge_network_is_refused_at_once() -> None:
    with pytest.raises(LimitError, match=r"^the network has 1000000010 neurons, "):
        make(sizes=(64, 1_000_000_000, 10))


def test_samples_of_another_shape() -> None:
    chip = make()
    sentence = (
        "samples of shape (8, 9) hold 72 numbers, but the network has 64 inputs; give 64 numbers a "
        "sample"
    )
    with fails(DataError, sentence):
        chip.encode(np.zeros((3, 8, 9)))
    assert chip.encode(np.zeros((3, 8, 8))).shape == (3, 1, 64)


def test_spike_trains() -> None:
    chip = make(encoding="spikes")
    assert chip.encode(np.zeros((3, T, 64))).shape == (3, T, 64)
    assert chip.encode(np.zeros((3, T, 8, 8))).shape == (3, T, 64)
    assert chip.encode(np.zeros((3, 64))).shape == (3, 1, 64)
    assert chip.encode(np.ones((3, 8, 8), bool)).tolist() == np.ones((3, 1, 64)).tolist()
    with fails(
        DataError,
        "samples of shape (5, 64) last 5 steps, but the network shows 4; set timesteps to 5",
    ):
        chip.encode(np.zeros((3, 5, 64)))
    with fails(
        DataError,
        "samples hold 0.25, but encoding 'spikes' takes 0 and 1 only; choose 'graded', 'rate' or "
        "'bernoulli'",
    ):
        chip.encode(np.full((3, 64), 0.25))


@pytest.mark.parametrize("encoding", ["graded", "rate", "bernoulli"])
def test_a_frame_a_step(encoding: str) -> None:
    """A still image shown as T equal frames is the same to the bit; other frames are seen."""
    still, moving = make(encoding=encoding), make(encoding=encoding)
    frames = np.repeat(TRAIN.x[:, np.newaxis], T, axis=1)
    assert moving.encode(frames).shape == (200, T, 64)
    still.learn(TRAIN)
    moving.learn(Split(frames, TRAIN.y, temporal=True, graded=True))
    for ours, theirs in zip(still.integers.weights, moving.integers.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    frames[:, 1] = 0
    seen = moving.observe(frames[0], 0)
    assert seen.signal[0].any(axis=1).tolist() == [True, False, True, True]


def test_graded_frames_are_seen_as_they_are() -> None:
    chip = make()
    frames = np.random.default_rng(0).random((1, T, 8, 8))
    expected = data_sets.to_graded(frames.reshape(T, 64))
    np.testing.assert_array_equal(chip.encode(frames)[0], expected)
    np.testing.assert_array_equal(chip.observe(frames[0], 0).signal[0], expected)
    with fails(
        DataError,
        "samples of shape (5, 64) last 5 steps, but the network shows 4; set timesteps to 5",
    ):
        chip.encode(np.zeros((3, 5, 64)))


def test_labels_out_of_range() -> None:
    chip = make()
    sentence = (
        "label {} is out of range, because the network has 10 outputs; give labels from 0 to 9, or "
        "a network of more outputs"
    )
    bad = Split(TEST.x[:2], np.array([3, 10]))
    for use in (chip.learn, chip.evaluate):
        with fails(DataError, sentence.format(10)):
            use(bad)
    for label in (-1, 10):
        with fails(DataError, sentence.format(label)):
            chip.observe(TEST.x[0], label)


def test_parameters_of_another_shape() -> None:
    parameters = make(sizes=(64, 15, 10)).parameters
    with pytest.raises(NetworkError, match=r"^weights of Dense layer 0 have shape "):
        make(parameters=parameters)


def test_integers_of_another_chip() -> None:
    other = make(sizes=(64, 15, 10)).integers
    with fails(
        NetworkError,
        "weights of layer 0 are int8 of shape (64, 15), but the chip holds int8 of shape (64, 16); "
        "give those",
    ):
        make().load(other, epoch=0, n_learned=0, rate_shifts=None)
    with fails(NetworkError, "feedback weights are 0, but the chip holds 160; give as many"):
        make(rule=OTTT(feedback="random")).load(
            make().integers, epoch=0, n_learned=0, rate_shifts=None
        )


def test_a_layer_without_biases_learns_none() -> None:
    chip = make(network={"bias": False})
    chip.learn(TRAIN)
    assert not any(bias.any() for bias in chip.integers.biases)


def test_layers_may_differ() -> None:
    network = Network.mlp((64, 16, 12, 10), timesteps=T)
    layers = list(network.layers)
    layers[1], layers[3] = LIF(0.75, 0.5), LIF(0.25, 2.0, "hard", -0.5)
    chip = Chip(Network(tuple(layers), T))
    chip.learn(TRAIN, 4)
    assert chip.evaluate(TEST).accuracy > 0.2
    seen = chip.observe(TEST.x[0], 0)
    fired = seen.signal[2] == 1
    np.testing.assert_array_equal(seen.v[1][fired], -0.5 * 2 ** chip.formats.layers[1].membrane)


def test_a_trace_that_cannot_hold_its_sum() -> None:
    with fails(
        LimitError,
        "the trace that feeds weight layer 1 has 7 bits, but with lam = 0.999 it sums up to 1000 "
        "spikes and needs 11; widen trace_bits or lower lam",
    ):
        make(network={"lam": 0.999})


def test_a_leak_that_rounds_to_none() -> None:
    with fails(
        LimitError,
        "lam of layer 0 is 0.9999, but the chip's decay factor of 12 bits rounds it to 1.0, no "
        "leak; choose lam up to 0.9998, or 1",
    ):
        make(network={"lam": 0.9999})


def test_neurons_without_a_leak_lose_nothing_and_learn() -> None:
    network = Network((Dense(1, 1), LIF(1.0), Dense(1, 2)), 12)
    weights = (np.full((1, 1), 0.25), np.ones((2, 1)))
    chip = Chip(replace(network, initial=Parameters(weights, (np.zeros(1), np.zeros(2)))))
    seen = chip.observe(np.ones(1), 0)
    spikes = seen.signal[1][:, 0]
    step = seen.current[0][0, 0]
    threshold = round(2.0 ** chip.formats.layers[0].membrane)
    held = 0
    for t in range(12):
        held += step
        assert seen.v_pre[0][t, 0] == held
        assert spikes[t] == (held >= threshold)
        held -= threshold * spikes[t]
    assert spikes.sum() in (2, 3)  # 12 steps of a quarter, or a bit less
    assert np.array_equal(seen.factor[1][:, 0], np.cumsum(spikes) << chip.formats.layers[1].factor)
    before = chip.parameters.weights[1].copy()
    chip.learn(Split(np.ones((4, 1)), np.zeros(4, np.int64)))
    assert not np.array_equal(chip.parameters.weights[1], before)


def test_weights_that_all_round_to_zero() -> None:
    narrow = hardware.load("neurochip").with_values({"registers.weight.bits": 2})
    with fails(
        LimitError,
        "all weights of layer 0 round to 0 with weight_bits = 2 and headroom = 2; use more bits "
        "or a smaller headroom",
    ):
        Chip(Network.mlp(SIZES), narrow)


def test_more_steps_than_counters() -> None:
    with fails(
        LimitError,
        "timesteps is 100000, but a chip shows a sample for at most 65536 steps; set fewer",
    ):
        Chip(Network.mlp(SIZES, timesteps=100_000))


def test_halvings_count_towards_the_largest_shift() -> None:
    with fails(
        RuleError,
        "rate_shift 20 of layer 0 is out of range; choose one of -8 to 14 (the rate is 2^-shift)",
    ):
        make(rule=OTTT(rate_shifts=(20, 20), halve_at=tuple(range(1, 20))))


# Schedules


def learned_with(schedule: Any, update: Any) -> Chip:
    network = Network.mlp([64, 20, 12, 10], timesteps=5)
    chip = Chip(network, rule=OTTT(update=update), seed=4, schedule=schedule)
    chip.learn(TRAIN.take(60))
    return chip


def test_pipelined_accumulated_learning_is_that_of_the_layered_schedule():
    layered, pipelined = (learned_with(name, "accumulate") for name in ("layered", "pipelined"))
    for ours, theirs in zip(layered.integers.weights, pipelined.integers.weights, strict=True):
        assert np.array_equal(ours, theirs)


def test_pipelined_online_learning_differs_and_repeats():
    layered, pipelined, again = (
        learned_with(name, "online").integers.weights
        for name in ("layered", "pipelined", "pipelined")
    )
    assert not np.array_equal(layered[0], pipelined[0])
    assert np.array_equal(again[0], pipelined[0])


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ConfigError) as caught:
        Chip(Network.mlp([4, 3, 2]), schedule="wavefront")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "schedule 'wavefront' is unknown; choose one of layered, pipelined"
    )


@pytest.mark.parametrize("lam", [0.0, 0.5])
def test_a_traced_input_without_neurons_decays_as_the_rule_says(lam: float) -> None:
    network = Network.mlp([64, 10], T)
    rule = OTTT(trace_input=True, input_lam=lam)
    chip = Chip(network, rule=rule, encoding="bernoulli", count_saturations=True)
    seen = chip.observe(TRAIN.x[0], int(TRAIN.y[0]))
    impulse = 2 ** chip.formats.layers[0].factor
    expected, trace = [], np.zeros(64)
    for spikes in seen.signal[0]:
        trace = np.floor(trace * lam) + impulse * spikes
        expected.append(trace)
    assert np.array_equal(seen.factor[0], expected)
    assert not seen.saturations.any()
