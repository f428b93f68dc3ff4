"""Learning by Lava's stock engine: what it learns, gives back and refuses."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from neurochip import data
from neurochip.chip import Chip
from neurochip.chip.loihi_learner import LoihiLearner, Source, decay, loihi3f
from neurochip.chip.loihi_limits import EngineRates, engine_rates, taus_of
from neurochip.errors import LimitError
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
    **options: Any,
) -> Chip:
    chosen = {"timesteps": 6, "lam": LAM, "reset": "hard", "fires": ">"}
    described = network or Network.mlp((64, 24, 10), **{**chosen, **options})
    return Chip(described, hardware or loihi3f(), rule or rule_of(), 3, encoding=encoding)


def test_it_learns_digits():
    chip = chip_of()
    before = chip.evaluate(DIGITS.test).accuracy
    LoihiLearner(chip).learn(DIGITS.train.take(600))
    assert chip.evaluate(DIGITS.test).accuracy > max(0.5, before + 0.3)


def test_the_chip_gets_weights_and_its_place_in_learning():
    chip = chip_of()
    learner, held = LoihiLearner(chip), chip.integers
    learner.learn(DIGITS.train.take(20), epochs=2)
    assert (chip.epoch, chip.n_learned, learner.steps) == (2, 40, 40 * (6 + 2))
    for before, after, own in zip(
        held.weights, chip.integers.weights, learner.weights, strict=True
    ):
        assert np.array_equal(after, own.T)
        assert not np.array_equal(after, before)
        assert (after % 2).any()
    for before, after in zip(held.biases, chip.integers.biases, strict=True):
        assert np.array_equal(before, after)


def test_the_same_seed_learns_the_same():
    chips = chip_of(), chip_of()
    for chip in chips:
        LoihiLearner(chip).learn(DIGITS.train.take(20))
    for first, second in zip(*(chip.integers.weights for chip in chips), strict=True):
        assert np.array_equal(first, second)


def test_rates_are_halved_at_their_epochs():
    chip = chip_of(rule=rule_of(rate_shifts=(5, 5), halve_at=(1,)))
    learner = LoihiLearner(chip)
    learner.learn(DIGITS.train.take(2))
    with pytest.raises(LimitError, match="the learning rate 2\\^-6"):
        learner.learn(DIGITS.train.take(2))


def test_rates_become_exponents_of_lavas_rule():
    assert engine_rates(chip_of(), (5, 3)) == (EngineRates(0, 2), EngineRates(3, 5))
    assert EngineRates(0, 2).rule == "2^-7*u0*x1*y1 - 2^-5*x0*y1"
    assert EngineRates(4, 7).rule == "2^-3*u0*x1*y1 - 2^0*x0*y1"


def test_time_constants_of_traces():
    assert taus_of(chip_of()) == (2, 2)
    for tau in (1, 60):
        lam = math.exp(-1 / tau)
        assert taus_of(chip_of(lam=lam, rule=rule_of(input_lam=LAM))) == (2, tau)


def test_decays_round_all_values_with_one_number():
    class Half(Source):
        def next(self) -> float:
            return 0.5

    values = np.array([0, 1, 2, 3, 127, -127])
    # 0, .61, 1.21, 1.82, 77.03, -77.03: up where the rest is above a half.
    assert decay(values, 2, Half(0, 1)).tolist() == [0, 1, 1, 2, 77, -77]


def test_a_source_counts_the_last_of_its_draws():
    drawn = np.random.default_rng(9).random(7)
    source = Source(9, 2)
    assert [source.next() for _ in range(3)] == drawn[[2, 4, 6]].tolist()


#: What is refused: the chip, and the sentence.
REFUSED: dict[str, tuple[Any, str]] = {
    "decay": (
        lambda: chip_of(lam=0.5),
        "the input has traces that decay by 0.5, but Lava's by exp(-1/tau) with a whole tau of 1 "
        "to 64; set input_lam to 0.367879 (tau 1)",
    ),
    "decay of a population": (
        lambda: chip_of(lam=0.97, rule=rule_of(input_lam=LAM)),
        "the population above layer 0 has traces that decay by 0.97, but Lava's by exp(-1/tau) "
        "with a whole tau of 1 to 64; set lam to 0.970152 (tau 33)",
    ),
    "no memory": (
        lambda: chip_of(Network.mlp((64, 10), timesteps=6), rule=rule_of(rate_shifts=None)),
        "the input has traces that decay by 0, but Lava's by exp(-1/tau) with a whole tau of 1 to "
        "64; set input_lam to 0.367879 (tau 1)",
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
        "update is 'accumulate', but the profile loihi3f learns in every step (t_epoch is 1); set "
        "update to 'online'",
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
        "loihi3f()",
    ),
    "weights": (
        lambda: chip_of(hardware="loihi"),
        "hardware 'loihi' has weights of 8 bits, but Lava's learning engine has 9; map the network "
        "to loihi3f()",
    ),
    "errors": (
        lambda: chip_of(hardware=loihi3f().with_values({"registers.error.bits": 6})),
        "hardware 'loihi' has errors of 6 bits, but Lava's learning engine has 8; map the network "
        "to loihi3f()",
    ),
    "shadow": (
        lambda: chip_of(hardware=loihi3f().with_values({"registers.shadow.bits": 16})),
        "hardware 'loihi' has shadow weights of 16 bits, but Lava's learning engine has none; set "
        "shadow_bits to 0",
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
    learner = LoihiLearner(chip_of(rule=rule_of(rate_shifts=shifts)))
    sentence = (
        f"layer 0 has the learning rate 2^-{shifts[0]}, a change of 2^-{shifts[0] + 5} for trace "
        f"times error, but Lava's exponents give 2^-10 to 2^-6; set its entry of rate_shifts to 1 "
        f"to 5"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        learner.learn(DIGITS.train.take(2))
