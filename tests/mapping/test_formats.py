"""Formats: the exponents that a network gets on a chip, and numbers through them and back."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import fixed, hardware, mapping
from neurochip.errors import ConfigError
from neurochip.hardware import Hardware
from neurochip.mapping import Formats, Integers
from neurochip.mapping.formats import BIAS_REACH, decay_factor, trace_fraction, trace_sum
from neurochip.network import Network, Parameters, initialise
from neurochip.rules import OTTT
from neurochip.rules.feedback import draw

NEUROCHIP = hardware.load("neurochip")


@st.composite
def chips(draw: Any) -> Hardware:
    bits = draw(st.integers(2, 16))
    shadow = draw(st.sampled_from([0, *range(bits + 1, 17)]))
    return NEUROCHIP.with_values(
        {
            "registers.weight.bits": bits,
            "registers.weight.headroom": draw(st.sampled_from([1.0, 1.5, 2.0, 4.0])),
            "registers.shadow.bits": shadow,
            "registers.trace.bits": draw(st.integers(3, 16)),
            "registers.bias.bits": draw(st.integers(2, 16)),
        }
    )


@st.composite
def networks(draw: Any) -> Network:
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    lam = draw(st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.9]))
    return Network.mlp(sizes, timesteps=draw(st.integers(1, 9)), lam=lam)


def drawn(network: Network, seed: int, scale: float) -> Parameters:
    rng = np.random.default_rng(seed)
    return Parameters(
        tuple(rng.normal(0, scale, (k.n_out, k.n_in)) for k in network.dense),
        tuple(rng.normal(0, 0.5, k.n_out) for k in network.dense),
    )


scales = st.sampled_from([1e-4, 0.03, 0.5, 1.0, 7.0, 300.0])
seeds = st.integers(0, 1000)
rules = st.builds(
    OTTT,
    st.sampled_from(["online", "accumulate", "last"]),
    feedback=st.sampled_from(["symmetric", "sign", "random", "direct"]),
)


def mapped(
    network: Network, parameters: Parameters, chip: Hardware, rule: OTTT | None = None
) -> tuple[Formats, Integers]:
    rule = rule or OTTT()
    formats = mapping.choose_formats(network, parameters, chip, rule, "graded", 0)
    return formats, mapping.quantise(network, parameters, chip, rule, formats, 0)


@given(networks(), chips(), scales, seeds)
def test_weights_leave_headroom(network: Network, chip: Hardware, scale: float, seed: int) -> None:
    parameters = drawn(network, seed, scale)
    formats, _ = mapped(network, parameters, chip)
    most = (1 << (chip.registers.weight.bits.value - 1)) - 1
    headroom = chip.registers.weight.headroom.value
    for w, layer in zip(parameters.weights, formats.layers, strict=True):
        needed = np.abs(w).max() * headroom
        assert needed * 2.0**layer.weight <= most
        assert needed * 2.0 ** (layer.weight + 1) > most


@given(networks(), chips(), scales, seeds)
def test_weights_round_to_the_nearest(
    network: Network, chip: Hardware, scale: float, seed: int
) -> None:
    parameters = drawn(network, seed, scale)
    formats, integers = mapped(network, parameters, chip)
    back = mapping.dequantise(network, integers, formats)
    # A weight that is the rounded top of a rounded shadow is half a step of each away.
    shadow, bits = chip.registers.shadow.bits.value, chip.registers.weight.bits.value
    steps = 0.5 + (0.5 * 2.0 ** (bits - shadow) if shadow else 0.0)
    for w, ours, layer in zip(parameters.weights, back.weights, formats.layers, strict=True):
        assert ours.shape == w.shape
        assert np.abs(ours - w).max() <= steps * 2.0**-layer.weight


@given(networks(), chips(), scales, seeds, rules)
def test_what_a_chip_holds_is_mapped_to_itself(
    network: Network, chip: Hardware, scale: float, seed: int, rule: OTTT
) -> None:
    formats, integers = mapped(network, drawn(network, seed, scale), chip, rule)
    back = mapping.dequantise(network, integers, formats)
    again = mapping.quantise(network, back, chip, rule, formats, 0)
    for first, second in zip(
        integers.weights + integers.biases, again.weights + again.biases, strict=True
    ):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == second.dtype
    twice = mapping.dequantise(network, again, formats)
    for one, other in zip(back.weights + back.biases, twice.weights + twice.biases, strict=True):
        np.testing.assert_array_equal(one, other)


@given(networks(), chips(), scales, seeds)
def test_weights_are_the_top_bits_of_the_shadow(
    network: Network, chip: Hardware, scale: float, seed: int
) -> None:
    bits, shadow_bits = chip.registers.weight.bits.value, chip.registers.shadow.bits.value
    _, integers = mapped(network, drawn(network, seed, scale), chip)
    assert len(integers.shadow) == (len(network.dense) if shadow_bits else 0)
    for weights, shadow in zip(integers.weights, integers.shadow, strict=False):
        assert shadow.dtype == np.int16
        top = fixed.shift_round(shadow, shadow_bits - bits, fixed.Rounding.NEAREST)
        np.testing.assert_array_equal(weights, fixed.Format(bits).fit(top))


@given(networks(), chips(), seeds)
def test_biases_reach_their_thresholds(network: Network, chip: Hardware, seed: int) -> None:
    parameters = drawn(network, seed, 1.0)
    formats, integers = mapped(network, parameters, chip)
    register = chip.registers.bias
    most = (1 << (register.bits.value - 1)) - 1
    for b, held, layer in zip(parameters.biases, integers.biases, formats.layers, strict=True):
        assert 0 <= layer.bias_exponent <= register.max_exponent.value
        assert held.dtype == np.int32
        assert np.abs(held).max() <= most + 1
        if layer.bias_exponent < register.max_exponent.value:
            assert most * 2.0**-layer.bias >= max(BIAS_REACH, np.abs(b).max())
            assert np.abs(held * 2.0**-layer.bias - b).max() <= 0.5 * 2.0**-layer.bias


@given(st.integers(3, 16), st.sampled_from([0.0, 0.3, 0.5, 0.6, 0.75, 0.9, 0.97]))
def test_traces_hold_a_spike_in_every_step(bits: int, lam: float) -> None:
    fraction = trace_fraction(bits, trace_sum(lam, timesteps=4))
    assert 2**fraction < 2**bits  # one spike; the sum of all without end is reached by none
    assert 2.0**fraction / (1.0 - lam) <= 2.0**bits
    assert 2.0 ** (fraction + 1) / (1.0 - lam) >= 2.0**bits


def test_traces_without_a_leak_hold_a_spike_in_every_step_of_a_sample() -> None:
    assert trace_sum(1.0, timesteps=9) == 9.0
    assert trace_fraction(8, trace_sum(1.0, timesteps=9)) == 4


@pytest.mark.parametrize(
    ("lam", "d"), [(1.0, 0), (0.0, 4096), (0.5, 2048), (0.75, 1024), (0.9, 410), (0.99999, 0)]
)
def test_decay_factors(lam: float, d: int) -> None:
    assert decay_factor(lam) == d


@given(networks(), chips(), rules)
def test_gradients_have_room_for_a_full_sample(
    network: Network, chip: Hardware, rule: OTTT
) -> None:
    formats, _ = mapped(network, initialise(network, 0), chip, rule)
    most = (1 << (chip.registers.gradient.bits.value - 1)) - 1
    for layer in formats.layers:
        product = (1 << (layer.delta_bits - 1)) * ((1 << layer.factor_bits) - 1)
        assert network.timesteps * product * 2.0**-layer.gradient_shift <= most
        if layer.gradient_shift:
            assert network.timesteps * product * 2.0 ** (1 - layer.gradient_shift) > most


@given(networks(), seeds, st.sampled_from(["sign", "random", "direct"]))
def test_feedback_weights(network: Network, seed: int, mode: Any) -> None:
    rule = OTTT(feedback=mode)
    parameters = initialise(network, seed)
    formats = mapping.choose_formats(network, parameters, NEUROCHIP, rule, "graded", seed)
    integers = mapping.quantise(network, parameters, NEUROCHIP, rule, formats, seed)
    wanted = draw(mode, network.sizes, seed) or ()
    fractions = [layer.feedback for layer in formats.layers[1:]]
    assert formats.layers[0].feedback == 0
    if mode == "sign":
        assert [2.0**-f for f in fractions] == [float(magnitude) for magnitude in wanted]
        assert integers.feedback == ()
        return
    for held, exact, fraction in zip(integers.feedback, wanted, fractions, strict=True):
        assert held.dtype == np.int8
        assert np.abs(held * 2.0**-fraction - exact).max() <= 0.5 * 2.0**-fraction


def formats_of(encoding: Any = "graded", chip: str = "neurochip", **options: Any) -> Formats:
    network = Network.mlp((64, 16, 10))
    return mapping.choose_formats(
        network, initialise(network, 0), hardware.load(chip), OTTT(**options), encoding, 0
    )


@pytest.mark.parametrize(
    ("encoding", "traced", "fraction"),
    [("graded", False, 8), ("rate", True, 0), ("bernoulli", True, 0), ("spikes", True, 0)],
)
def test_spikes_are_traced_and_numbers_are_not(encoding: Any, traced: bool, fraction: int) -> None:
    formats = formats_of(encoding)
    assert formats.encoding == encoding
    assert formats.traced_input is traced
    assert formats.input_fraction == fraction
    assert formats.layers[0].factor == (6 if traced else 8)
    assert formats_of(encoding, trace_input=not traced).traced_input is not traced


def test_a_membrane_may_follow_its_weights() -> None:
    fixed_rule, following = formats_of(), formats_of(chip="loihi")
    assert [layer.membrane for layer in fixed_rule.layers] == [12, 12]
    for layer in following.layers:
        assert layer.membrane == layer.weight + 6


def test_shifts_of_an_update() -> None:
    """k = fd + fx - fw + m, and for biases fd - fb + m (datapath, phase 7)."""
    layer = formats_of().layers[1]
    assert layer.update_shift(3) == layer.delta + layer.factor - layer.weight + 3
    assert layer.bias_shift(3) == layer.delta - layer.bias + 3
    assert layer.bias == layer.membrane - layer.bias_exponent
    assert replace(layer, bias_exponent=0).bias == layer.membrane


def test_all_zero_weights() -> None:
    network = Network.mlp((3, 2, 2))
    zeros = Parameters(
        tuple(np.zeros((k.n_out, k.n_in)) for k in network.dense),
        tuple(np.zeros(k.n_out) for k in network.dense),
    )
    formats, integers = mapped(network, zeros, NEUROCHIP)
    assert [layer.weight for layer in formats.layers] == [7, 7]
    assert not any(w.any() for w in integers.weights)


def test_weights_are_stored_input_first_in_the_narrowest_words() -> None:
    network = Network.mlp((5, 4, 3))
    parameters = initialise(network, 0)
    for bits, dtype in ((8, np.int8), (9, np.int16)):
        chip = NEUROCHIP.with_values({"registers.weight.bits": bits})
        formats, integers = mapped(network, parameters, chip)
        assert [w.shape for w in integers.weights] == [(5, 4), (4, 3)]
        assert {w.dtype for w in integers.weights} == {np.dtype(dtype)}
        exact = parameters.weights[0][2, 3] * 2.0 ** formats.layers[0].weight
        assert integers.weights[0][3, 2] == math.floor(exact + 0.5)


def test_an_unknown_encoding() -> None:
    sentence = "encoding 'morse' is unknown; choose one of graded, rate, bernoulli, spikes"
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        formats_of("morse")
