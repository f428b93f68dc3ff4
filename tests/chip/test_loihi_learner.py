"""Learning by Lava's stock engine: what it learns, gives back and refuses."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurochip import data
from neurochip.chip import COUNTED_EVENTS, Chip
from neurochip.chip.loihi_learner import LoihiLearner, loihi3f
from neurochip.chip.loihi_limits import (
    EngineRates,
    engine_rates,
    plasticity_of,
    taus_of,
)
from neurochip.chip.loihi_session import Session, initial_weights
from neurochip.chip.loihi_synapses import Source, decay
from neurochip.errors import DataError, LimitError
from neurochip.mapping import CHIP_WIDTHS, Widths
from neurochip.network import LIF, Network
from neurochip.rules import OTTT
from neurochip.rules.surrogates import Surrogate

DIGITS = data.load("digits")
LAM = math.exp(-1 / 2)
NEURON = LIF(LAM, reset="hard", fires=">")


def rule_of(**options: Any) -> OTTT:
    chosen = {"feedback": "direct", "surrogate": Surrogate("boxcar"), "rate_shifts": (5, 5)}
    return OTTT(**{**chosen, **options})


def chip_of(
    network: Network | None = None,
    hardware: Any = None,
    rule: OTTT | None = None,
    encoding: Any = "rate",
    widths: Widths = CHIP_WIDTHS,
    **options: Any,
) -> Chip:
    chosen = {"timesteps": 6, "lam": LAM, "reset": "hard", "fires": ">"}
    described = network or Network.mlp((64, 24, 10), **{**chosen, **options})
    chip, own = hardware or loihi3f(), rule or rule_of()
    return Chip(described, chip, own, 3, encoding=encoding, widths=widths)


def test_it_learns_digits():
    chip = chip_of()
    before = chip.evaluate(DIGITS.test).accuracy
    LoihiLearner(chip).learn(DIGITS.train.take(600))
    assert chip.evaluate(DIGITS.test).accuracy > max(0.5, before + 0.3)


def test_the_chip_gets_weights_and_its_place_in_learning():
    chip = chip_of()
    held, told = chip.integers, []
    records = LoihiLearner(chip).learn(
        DIGITS.train.take(130), 2, lambda *said: told.append((said[0], said[1]))
    )
    assert (chip.epoch, chip.n_learned) == (2, 260)
    assert told == [(128, 4), (130, 6)] * 2
    assert [(r.epoch, r.samples, r.rate_shifts, r.scored) for r in records] == [
        (epoch, 130, (5, 5), 6) for epoch in range(2)
    ]
    for before, after in zip(held.weights, chip.integers.weights, strict=True):
        assert not np.array_equal(after, before)
        assert (after % 2).any()
    for before, after in zip(held.biases, chip.integers.biases, strict=True):
        assert np.array_equal(before, after)


def test_events_of_an_epoch_are_counted():
    """Every spike of a hidden neuron is one that the layer above hears."""
    chip = chip_of()
    events = LoihiLearner(chip).learn(DIGITS.train.take(20))[0].counters.sum(axis=0)
    told = {name: events[:, column].tolist() for column, name in enumerate(COUNTED_EVENTS)}
    assert told["spikes_in"][1] == told["spikes_out"][0] > 0
    assert told["synaptic_ops"] == [told["spikes_in"][0] * 24, told["spikes_in"][1] * 10]


def test_weights_that_were_saved_go_on_bit_for_bit():
    """Whatever the first chip was asked in between: a session begins with empty registers."""
    chip, later = chip_of(), chip_of()
    LoihiLearner(chip, 4).learn(DIGITS.train.take(20))
    later.load(
        chip.integers, epoch=chip.epoch, n_learned=chip.n_learned, rate_shifts=chip.rate_shifts
    )
    chip.evaluate(DIGITS.test.take(9))
    for either in (chip, later):
        LoihiLearner(either, 4).learn(DIGITS.train.take(20))
    for first, second in zip(chip.integers.weights, later.integers.weights, strict=True):
        assert np.array_equal(first, second)


def test_only_first_weights_are_even():
    chip = chip_of()
    assert any((w % 2).any() for w in chip.integers.weights)
    assert not any((w % 2).any() for w in initial_weights(chip))
    LoihiLearner(chip).learn(DIGITS.train.take(5))
    for held, begun in zip(chip.integers.weights, initial_weights(chip), strict=True):
        assert np.array_equal(held, begun.T)


def test_weights_change_at_the_end_of_every_epoch_of_the_engine():
    chip = chip_of()
    session = Session(chip, plasticity_of(chip, (1, 2), 4))
    signals, label = np.ones((6, 64), np.int16), 3
    changed = []
    for place in range(8):
        before = session.layers[1].weights.copy()
        session.step(signals[min(place, 5)], label, place)
        changed.append(not np.array_equal(before, session.layers[1].weights))
    assert changed == [False] * 3 + [True] + [False] * 3 + [True]


def test_random_numbers_differ_from_epoch_to_epoch():
    chip = chip_of()
    first = [layer.seed for layer in plasticity_of(chip, (5, 5), 1)]
    chip.epoch = 1
    assert first == [3, 4]
    assert [layer.seed for layer in plasticity_of(chip, (5, 5), 1)] == [5, 6]


def test_the_same_seed_learns_the_same():
    chips = chip_of(), chip_of()
    for chip in chips:
        LoihiLearner(chip).learn(DIGITS.train.take(20))
    for first, second in zip(*(chip.integers.weights for chip in chips), strict=True):
        assert np.array_equal(first, second)


def test_rates_are_halved_at_their_epochs():
    chip = chip_of(rule=rule_of(rate_shifts=(2, 3), halve_at=(1,)))
    records = LoihiLearner(chip).learn(DIGITS.train.take(2), 3)
    assert [record.rate_shifts for record in records] == [(2, 3), (3, 4), (3, 4)]


def test_what_halvings_will_make_of_a_rate_is_refused_at_once():
    sentence = (
        "layer 0 has the learning rate 2^-6, a change of 2^-11 for trace times error, but Lava's "
        "exponents give 2^-10 to 2^-6; set its entry of rate_shifts to 1 to 5, halvings included"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        LoihiLearner(chip_of(rule=rule_of(halve_at=(1,))))


@pytest.mark.parametrize(
    ("brightness", "halve_at", "chosen", "held"),
    [(1.0, (), (5, 4), (5, 4)), (1.0, (2, 4), (5, 4), (3, 4)), (0.0, (), (0, 0), (1, 2))],
)
def test_rates_that_are_left_open_are_the_chips_as_far_as_the_engine_has_them(
    brightness, halve_at, chosen, held
):
    chip = chip_of(rule=rule_of(rate_shifts=None, halve_at=halve_at))
    shown = replace(DIGITS.train.take(20), x=DIGITS.train.x[:20] * brightness)
    assert chip.choose_rates(chip.encode(shown.x)) == chosen
    (record,) = LoihiLearner(chip).learn(shown)
    assert record.rate_shifts == chip.rate_shifts == held


def test_rates_become_exponents_of_lavas_rule():
    assert engine_rates(chip_of(), (5, 3)) == (EngineRates(0, 2), EngineRates(3, 5))
    assert EngineRates(0, 2).rule == "2^-7*u0*x1*y1 - 2^-5*x0*y1"
    assert EngineRates(4, 7).rule == "2^-3*u0*x1*y1 - 2^0*x0*y1"
    assert [EngineRates(4, 7).spike_scale, EngineRates(0, 2).spike_scale] == [128, 4]


def test_longer_epochs_leave_the_last_spike_in_the_trace():
    (below, _) = plasticity_of(chip_of(), (5, 3), 2)
    assert below.rates == EngineRates(0, None)
    assert (below.rates.rule, below.rates.spike_scale) == ("2^-7*u0*x1*y1", 0)


def test_time_constants_of_traces():
    assert taus_of(chip_of()) == (2, 2)
    for tau in (1, 60):
        lam = math.exp(-1 / tau)
        assert taus_of(chip_of(lam=lam, rule=rule_of(input_lam=LAM))) == (2, tau)


def test_decays_round_all_values_with_one_number():
    values = np.array([0, 1, 2, 3, 127, -127])
    # 0, .61, 1.21, 1.82, 77.03, -77.03: up where the rest is above a half.
    assert decay(values, 2, 0.5).tolist() == [0, 1, 1, 2, 77, -77]


def test_a_source_counts_the_last_of_its_draws():
    drawn = np.random.default_rng(9).random(7)
    source = Source(9, 2)
    assert [source.next() for _ in range(3)] == drawn[[2, 4, 6]].tolist()


#: What is refused: the chip, and the sentence.
REFUSED: dict[str, tuple[Any, str]] = {
    "decay": (
        lambda: chip_of(lam=0.5),
        "the input has traces that decay by 0.5, but Lava's by exp(-1/tau) with a whole tau of 1 "
        "to 64; set lam to 0.367879 (tau 1)",
    ),
    "decay of a population": (
        lambda: chip_of(lam=0.97, rule=rule_of(input_lam=LAM)),
        "the population above layer 0 has traces that decay by 0.97, but Lava's by exp(-1/tau) "
        "with a whole tau of 1 to 64; set lam to 0.970152 (tau 33)",
    ),
    "no memory": (
        lambda: chip_of(Network.mlp((64, 10), timesteps=6), rule=rule_of(rate_shifts=None)),
        "the input has traces that decay by 0, but Lava's by exp(-1/tau) with a whole tau of 1 to "
        "64; set input_lam, which is a run's lam, to 0.367879 (tau 1)",
    ),
    "graded input": (
        lambda: chip_of(encoding="graded"),
        "encoding is 'graded', but the profile loihi3f hears spikes; choose 'rate', 'bernoulli' "
        "or 'spikes'",
    ),
    "raw input": (
        lambda: chip_of(rule=rule_of(trace_input=False)),
        "trace_input is False, but Lava's learning engine keeps a trace of every spike; set "
        "trace_input to True",
    ),
    "accumulated": (
        lambda: chip_of(rule=rule_of(update="accumulate")),
        "update is 'accumulate', but the profile loihi3f learns every t_epoch steps; set update to "
        "'online'",
    ),
    "symmetric": (
        lambda: chip_of(rule=rule_of(feedback="symmetric")),
        "feedback is 'symmetric', but Lava's learned weights can't be read backwards; set feedback "
        "to 'direct'",
    ),
    "soft reset": (
        lambda: chip_of(hardware="neurochip", reset="soft", fires=">="),
        "the neurons above layer 0 have a soft reset, but Loihi's a hard one; set reset to 'hard'",
    ),
    "fires at the threshold": (
        lambda: chip_of(hardware="neurochip", fires=">="),
        "hardware 'neurochip' fires at v >= v_th, but Loihi at v > v_th; map the network to "
        "hardware 'loihi'",
    ),
    "weights": (
        lambda: chip_of(hardware="loihi"),
        "hardware 'loihi' has weights of 8 bits, but Lava's learning engine has 9; map the network "
        "to loihi3f(), or let engine 'loihi3f' do so and leave weight_bits out",
    ),
    "rounded deltas": (
        lambda: chip_of(hardware=loihi3f().with_values({"registers.delta.rounding": "stochastic"})),
        "hardware 'loihi' rounds deltas 'stochastic', but the profile loihi3f to the nearest; set "
        "delta_rounding to 'nearest'",
    ),
    "errors": (
        lambda: chip_of(hardware=loihi3f().with_values({"registers.error.bits": 6})),
        "hardware 'loihi' has errors of 6 bits, but Lava's learning engine has 8; map the network "
        "to loihi3f(), or let engine 'loihi3f' do so and leave error_bits out",
    ),
    "shadow": (
        lambda: chip_of(hardware=loihi3f().with_values({"registers.shadow.bits": 16})),
        "hardware 'loihi' has shadow weights of 16 bits, but Lava's learning engine has none; set "
        "shadow_bits to 0",
    ),
    "widths of layers": (
        lambda: chip_of(widths=Widths((8, 4))),
        "single layers have registers of their own (layer_bits is 8, 4), but Lava's learning "
        "engine has one width for all; leave that out",
    ),
    "a narrow read-out": (
        lambda: chip_of(widths=Widths((), 12)),
        "single layers have registers of their own (readout_bits is 12), but Lava's learning "
        "engine has one width for all; leave that out",
    ),
    "read-out": (
        lambda: chip_of(readout="leaky"),
        "the read-out is 'leaky', but the profile loihi3f has a linear one; set readout to "
        "'linear'",
    ),
    "convolution": (
        lambda: chip_of(
            Network.conv("5C3", (1, 8, 8), 10, 5, padding=1, neuron=NEURON),
            rule=rule_of(feedback="symmetric"),
        ),
        "the network has a Conv2d, but the profile loihi3f learns Dense and LIF in turn; learn a "
        "network of these",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_engine_cannot_learn_is_refused(name):
    make, sentence = REFUSED[name]
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        LoihiLearner(make())


@pytest.mark.parametrize("shifts", [(6, 5), (0, 5)])
def test_rates_beyond_the_exponents_are_refused(shifts):
    sentence = (
        f"layer 0 has the learning rate 2^-{shifts[0]}, a change of 2^-{shifts[0] + 5} for trace "
        f"times error, but Lava's exponents give 2^-10 to 2^-6; set its entry of rate_shifts to 1 "
        f"to 5"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        LoihiLearner(chip_of(rule=rule_of(rate_shifts=shifts)))


def test_labels_beyond_the_outputs_are_refused():
    chip = chip_of(timesteps=2)
    shown = replace(DIGITS.train.take(3), y=np.array([0, 10, 1]))
    with pytest.raises(DataError, match=r"^label 10 is out of range, "):
        LoihiLearner(chip).learn(shown)
    assert chip.n_learned == 0


@pytest.mark.parametrize("t_epoch", [0, 64])
def test_epochs_that_lava_has_not_are_refused(t_epoch):
    sentence = (
        f"t_epoch is {t_epoch}, but an epoch of Lava's learning engine has 1 to 63 steps; choose "
        f"one of these"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        LoihiLearner(chip_of(), t_epoch)
