"""A chip in Lava's terms: every refusal, and equality with an independent model of Lava."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings

from neurochip import hardware
from neurochip.chip import Chip
from neurochip.deploy import states
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.lava.player.network import LavaNetwork
from neurochip.deploy.recording import predictions, record
from neurochip.errors import ExportError
from neurochip.kernels import layout
from neurochip.mapping import CHIP_WIDTHS, Integers, Widths
from neurochip.network import LI, LIF, Dense, Feedback, Network, SumPool

from .networks import (
    Case,
    ImageCase,
    Stage,
    cases,
    image_cases,
    naive_run,
    wrapping_cases,
    wrapping_image_cases,
)

EASY = Case(sizes=(5, 4, 3))


def planned(chip: Chip) -> LavaNetwork:
    """The plan of a random chip, unless its read-out is beyond what Lava can hold."""
    try:
        return plan(chip)
    except ExportError as refusal:
        assume("the read-out can reach" not in str(refusal))
        raise


def differences(chip: Chip, samples: np.ndarray) -> list[states.Verdict]:
    expected = record(chip, samples)
    found = naive_run(planned(chip), expected.inputs)
    return [v for v in states.compare(expected.layers, found.layers) if v.mismatches]


@given(case=cases())
@settings(max_examples=100)
def test_a_chip_equals_an_independent_model_of_lava(case):
    assert differences(case.chip(), case.samples()) == []


@given(case=wrapping_cases())
@settings(max_examples=25)
def test_wrapped_currents_equal_an_independent_model_of_lava(case):
    assert differences(case.chip(), case.samples()) == []


@given(case=image_cases())
@settings(max_examples=100)
def test_a_chip_of_convolutions_and_pools_equals_an_independent_model_of_lava(case):
    assert differences(case.chip(), case.samples()) == []


@given(case=wrapping_image_cases())
@settings(max_examples=15)
def test_wrapped_currents_of_convolutions_equal_an_independent_model_of_lava(case):
    assert differences(case.chip(), case.samples(1)) == []


@pytest.mark.parametrize("bits", range(2, 9))
def test_two_hundred_steps_of_every_weight_width(bits):
    case = Case(sizes=(9, 8, 7, 3), weight_bits=bits, timesteps=220, threshold=1 << (bits - 2))
    chip = case.chip()
    assert differences(chip, case.samples()) == []
    assert record(chip, case.samples()).layers[1].states["s"].any()


def test_wraps_and_saturations_really_happen():
    case = Case(sizes=(150, 6, 2), exponent=3, timesteps=6, extreme=True, density=1.0, lam=0.99)
    chip, samples = case.chip(), case.samples()
    counts = chip.observe(samples[0], 0).saturations[:, 0].sum(axis=0)
    assert counts[layout.SAT_CURRENT] > 0
    u = record(chip, samples).layers[0].states["u"]
    assert (np.sign(u) != np.sign(chip.integers.weights[0][0])).any()
    chip = replace(case, sizes=(120, 6, 2)).chip()
    shot = chip.observe(samples[0, :, :120], 0)
    assert shot.saturations[:, 0, layout.SAT_MEMBRANE].sum() > 0
    assert shot.v[0].min() == -(2**23) + 1


def test_a_read_out_predicts_what_the_chip_predicts():
    for readout in ("linear", "leaky", "spiking"):
        case = replace(EASY, readout=readout, timesteps=9)
        chip, samples = case.chip(), case.samples(20)
        found = predictions(readout, record(chip, samples).layers[-1])
        assert found.tolist() == chip.predict(samples).tolist()


def test_layers_begin_one_step_after_another():
    network = plan(replace(EASY, timesteps=3).chip())
    assert (network.period, network.first_step(0), network.first_step(1)) == (5, 2, 3)
    spikes = network.spikes(np.ones((2, 3, 5), np.uint8))
    assert spikes[0].tolist() == [1, 1, 1, 0, 0, 1, 1, 1, 0, 0]
    clock = np.arange(1, 11)[:, np.newaxis]
    assert network.by_sample(1, clock)[:, :, 0].tolist() == [[3, 4, 5], [8, 9, 10]]


# Refusals


def loihi_chip(values=None, *, encoding="rate", widths=CHIP_WIDTHS, **options):
    network = Network.mlp([4, 3, 2], **{"reset": "hard", "fires": ">", **options})
    chip = hardware.load("loihi").with_values(values or {})
    return Chip(network, chip, encoding=encoding, widths=widths)


def refusal(chip: Chip) -> str:
    with pytest.raises(ExportError) as caught:
        plan(chip)
    return str(caught.value)


def test_a_way_back_is_refused():
    chip = EASY.chip()
    back = Feedback(1, 0, (Dense(4, 4, bias=False),))
    chip.network = replace(chip.network, feedback=(back,))
    assert refusal(chip) == (
        "the network has feedback between layers, but only Dense, Conv2d, pools and LIF in turn "
        "are exported as Lava processes; learn a network of these"
    )


def test_graded_inputs_are_refused():
    assert refusal(loihi_chip(encoding="graded")) == (
        "encoding is 'graded', but Lava's neurons hear spikes; learn or map with encoding "
        "'rate' or 'bernoulli', on hardware 'loihi'"
    )


def test_another_way_to_fire_is_refused():
    chip = Chip(Network.mlp([4, 3, 2]), encoding="rate")
    assert refusal(chip) == (
        "hardware 'neurochip' fires at v >= v_th, but Lava's neurons at v > v_th; learn or map on "
        "hardware 'loihi'"
    )


def test_other_registers_are_refused():
    assert refusal(loihi_chip({"registers.membrane.bits": 20})) == (
        "hardware 'loihi' has a membrane of 20 bits that is symmetric and saturates, but Lava's "
        "has 24 bits, is symmetric and saturates; learn or map on hardware 'loihi'"
    )
    values = {"registers.current.overflow": "saturate", "registers.current.symmetric": False}
    assert refusal(loihi_chip(values)) == (
        "hardware 'loihi' has a current of 24 bits that saturates, but Lava's has 24 bits, is "
        "symmetric and wraps; learn or map on hardware 'loihi'"
    )


def test_a_read_out_of_another_width_is_refused():
    assert refusal(loihi_chip(widths=Widths((), 12))) == (
        "the read-out has membranes of 12 bits, but all of Lava's have 24; leave readout_bits out"
    )


def test_wide_weights_are_refused():
    values = {"registers.weight.max_bits": 16, "registers.weight.bits": 10}
    assert refusal(loihi_chip(values)) == (
        "layer 0 has weights of 10 bits, but Loihi's have 2 to 8; set weight_bits to 8 or less"
    )


def test_a_shift_that_lava_lacks_is_refused():
    assert refusal(loihi_chip({"registers.membrane.fraction": 4}, v_th=4.0)) == (
        "layer 0 shifts its sums left by 4 bits, but Lava can by 6 to 13; set membrane_fraction "
        "to 6"
    )


def test_a_threshold_between_lavas_is_refused():
    assert refusal(loihi_chip(v_th=0.3)).startswith("layer 0 has the threshold 0.3 = ")
    assert "but Lava's thresholds are multiples of 2^6; choose v_th as a multiple of" in refusal(
        loihi_chip(v_th=0.3)
    )


def test_another_reset_is_refused():
    assert refusal(loihi_chip(v_reset=-0.5)) == (
        "layer 0 resets to -0.5, but Lava's neurons reset to 0; set v_reset to 0"
    )


def test_a_read_out_without_a_leak_is_bounded_by_the_sample():
    lif = LIF(0.5, 1.0, reset="hard", fires=">")
    network = Network((Dense(5, 4), lif, Dense(4, 3), LI(0.99999)), 7)
    chip = Chip(network, "loihi", encoding="spikes")
    assert plan(chip).layers[-1].decay == 0
    assert differences(chip, replace(EASY, timesteps=7, density=0.9).samples()) == []


def with_integers(case: Case, weights=None, biases=None, bits=13) -> Chip:
    chip, own = case.chip(), case.integers()
    loaded = Integers(weights or own.weights, (), biases or own.biases, ())
    chip.load(loaded, epoch=0, n_learned=0, rate_shifts=None)
    return chip


def test_currents_that_last_for_ever_are_refused():
    assert refusal(replace(EASY, current_lam=0.99999).chip()) == (
        "layer 0 keeps all of its currents, but Lava's lose 1/4096 or more in a step; lower "
        "current_lam"
    )


def test_currents_that_outlive_membranes_are_refused():
    assert refusal(replace(EASY, lam=0.0, current_lam=0.5).chip()) == (
        "layer 0 keeps its currents and not its membranes, but Lava's membranes keep 1/4096 or "
        "more; set lam to 0.000244 or more, or current_lam to 0"
    )


def test_sums_on_top_of_a_current_that_wrap_twice_are_refused():
    case = replace(EASY, sizes=(2100, 2, 2), current_lam=0.5)
    weights = tuple(np.full(w.shape, 127, np.int8) for w in case.integers().weights)
    assert refusal(with_integers(case, weights=weights)) == (
        "layer 0 can sum its weights to 266700, but beyond 262144 Lava's current no longer wraps "
        "as a 24-bit register does; use smaller weights or fewer inputs"
    )


def test_a_wide_bias_is_refused():
    biases = tuple(np.full(n, 5000, np.int32) for n in EASY.sizes[1:])
    assert refusal(with_integers(EASY, biases=biases)) == (
        "layer 0 has a bias mantissa of 5000, but Loihi's are -4096 to 4095; set bias_bits to 13"
    )


def test_sums_that_wrap_twice_are_refused():
    case = replace(EASY, sizes=(3100, 2, 2))
    weights = tuple(np.full(w.shape, 127, np.int8) for w in case.integers().weights)
    assert refusal(with_integers(case, weights=weights)) == (
        "layer 0 can sum its weights to 393700, but beyond 393216 Lava's current no longer wraps "
        "as a 24-bit register does; use smaller weights or fewer inputs"
    )


def test_counts_of_a_pool_whose_sums_wrap_twice_are_refused():
    """Up to four spikes an axon."""
    case = ImageCase(
        sizes=(2,), shape=(1, 10, 10), stages=(Stage(31, 1), Stage(2, 5, pool=SumPool(2)))
    )
    weights = tuple(np.full(w.shape, 127, np.int8) for w in case.integers().weights)
    assert refusal(with_integers(case, weights=weights)) == (
        "layer 1 can sum its weights to 393700, but beyond 393216 Lava's current no longer wraps "
        "as a 24-bit register does; use smaller weights or fewer inputs"
    )


def test_a_narrow_accumulator_is_refused():
    chip = loihi_chip({"registers.accumulator.bits": 8})
    weights = tuple(np.full(w.shape, 127, np.int8) for w in chip.integers.weights)
    loaded = Integers(weights, (), chip.integers.biases, ())
    chip.load(loaded, epoch=0, n_learned=0, rate_shifts=None)
    assert refusal(chip) == (
        "layer 0 can sum its weights beyond the accumulator's 8 bits, which Lava hasn't; set "
        "accumulator_bits to 32"
    )


def test_a_read_out_that_could_fire_in_lava_is_refused():
    case = replace(EASY, sizes=(1100, 2))
    weights = (np.full((1100, 2), 127, np.int8),)
    biases = (np.zeros(2, np.int32),)
    assert refusal(with_integers(case, weights=weights, biases=biases)) == (
        "the read-out can reach 8940800 in units of v, but Lava's fires above 8388544; use smaller "
        "weights or fewer inputs, or a spiking read-out"
    )
