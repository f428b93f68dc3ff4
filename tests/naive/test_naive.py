"""The naive twin against numbers worked out by hand, and against what must hold for any core."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import fixed

from . import arithmetic
from .arithmetic import Register
from .config import CoreConfig, LayerConfig
from .core import EXP2, REGISTERS, NaiveCore
from .strategies import core_cases, core_configs, make_feedback


def one_layer(n_in: int, n_out: int, w=None, bias=None, *, layer=None, **chip) -> NaiveCore:
    """A core with only a read-out; its mechanics are those of any layer."""
    config = CoreConfig((LayerConfig(n_in, n_out, **(layer or {})),), **chip)
    return NaiveCore(config, [w or [[0] * n_out for _ in range(n_in)]], [bias or [0] * n_out])


def phase(core: NaiveCore) -> NaiveCore:
    """Opens the counters of a step, so that one phase can be called alone."""
    silence = [0] * core.config.layers[0].n_in
    core.step(0, [silence] if core.config.encoding == "spikes" else silence)
    core.start_sample()
    return core


# Arithmetic


@pytest.mark.parametrize(
    ("p", "k", "expected"),
    [
        # floor, toward zero, nearest
        (7, 2, (1, 1, 2)),  # 1.75
        (6, 2, (1, 1, 2)),  # 1.5: the tie goes up
        (-6, 2, (-2, -1, -1)),  # -1.5: the tie goes up
        (-7, 2, (-2, -1, -2)),  # -1.75
        (3, 0, (3, 3, 3)),
        (-3, -2, (-12, -12, -12)),
    ],
)
def test_rounding(p, k, expected):
    modes = ("floor", "toward_zero", "nearest")
    assert tuple(arithmetic.rounded(p, k, mode, 0) for mode in modes) == expected


def test_stochastic_rounding():
    """5/4 = 1.25 goes up from r = 0.75 * 65536 = 49152 on; -1.25 = -2 + .75 from 16384 on."""
    assert arithmetic.rounded(5, 2, "stochastic", 49151) == 1
    assert arithmetic.rounded(5, 2, "stochastic", 49152) == 2
    assert arithmetic.rounded(-5, 2, "stochastic", 16383) == -2
    assert arithmetic.rounded(-5, 2, "stochastic", 16384) == -1
    assert arithmetic.rounded(5, -2, "stochastic", 65535) == 20


@given(p=st.integers(-(2**40), 2**40), k=st.integers(-20, 40), r=st.integers(0, 2**16 - 1))
def test_the_package_rounds_alike(p, k, r):
    for mode in fixed.Rounding:
        assert int(fixed.shift_round(p, k, mode, r)) == arithmetic.rounded(p, k, mode.value, r)


@given(v=st.integers(-(2**40), 2**40), d=st.integers(0, 4096))
def test_the_package_decays_alike(v, d):
    assert int(fixed.decay(v, d)) == arithmetic.dec(v, d)


def test_decay():
    """101 * 2048 = 206848 = 50.5 * 4096; 3 * (4096 - 410) = 11058 = 2.7 * 4096."""
    assert [arithmetic.dec(v, 2048) for v in (101, -101)] == [50, -50]
    assert [arithmetic.dec(v, 410) for v in (3, -3)] == [2, -2]
    assert [arithmetic.dec(-5, d) for d in (0, 4096)] == [-5, 0]


@pytest.mark.parametrize(
    ("register", "held"),
    [
        (Register(4), [-8, -8, 7, 7]),
        (Register(4, symmetric=True), [-7, -7, 7, 7]),
        (Register(4, "wrap"), [7, -8, 7, -8]),
        (Register(4, "wrap", symmetric=True), [7, 8, 7, 8]),
        (Register(4, signed=False), [0, 0, 7, 8]),
    ],
)
def test_registers(register, held):
    """-9 = 7 - 16 and 8 = -8 + 16."""
    assert [register.fit(n) for n in (-9, -8, 7, 8)] == held


@given(
    n=st.integers(-(2**62), 2**62),
    bits=st.integers(2, 40),
    overflow=st.sampled_from(["saturate", "wrap"]),
    symmetric=st.booleans(),
)
def test_the_package_holds_numbers_alike(n, bits, overflow, symmetric):
    register = fixed.Format(bits, overflow=fixed.Overflow(overflow), symmetric=symmetric)
    assert int(register.fit(n)) == Register(bits, overflow, symmetric).fit(n)


def test_mix():
    """1 -> 0x7feb352d -> ^ (that >> 15 = 0xffd6) = 0x7febcafb -> * 0x846ca68b mod 2^32
    = 0x6889f849 (2146159355 * 2221713035 = 1110171483 * 2^32 + 1753872457) -> ^ 0x6889.
    """
    assert 0x7FEBCAFB * 0x846CA68B % 2**32 == 0x6889F849
    assert arithmetic.mix32(0) == 0
    assert arithmetic.mix32(1) == 0x6889F849 ^ 0x6889


@given(
    seed=st.integers(0, 2**64 - 1),
    position=st.tuples(st.integers(1, 6), *[st.integers(0, 2**32 - 1)] * 3),
    i=st.integers(0, 2**20),
)
def test_the_package_has_the_same_words(seed, position, i):
    key = arithmetic.key(seed, *position)
    assert fixed.random_key(seed, *position) == key
    assert int(fixed.random_words(key, i)) == arithmetic.word16(key, i)


# 1 Axon in


def test_rate_code():
    """2 bits, h = 2, ((t+1) n + 2) >> 2 for t = -1..3:
    n = 1: 0 0 1 1 1, n = 2: 0 1 1 2 2, n = 3: 0 1 2 2 3. A spike where it grows.
    """
    core = one_layer(4, 1, encoding="rate", in_bits=2, T=4)
    trains = zip(*[core.axon_in(t, [0, 1, 2, 3], 0, 0) for t in range(4)], strict=True)
    assert list(trains) == [(0, 0, 0, 0), (0, 1, 0, 0), (1, 0, 1, 0), (1, 1, 0, 1)]


def test_bernoulli_code():
    """A pixel of 5 of 8 fires where its word is below 5 * 2^13 = 40960."""
    core = one_layer(3, 1, encoding="bernoulli", in_bits=3, seed=9)
    key = fixed.random_key(9, fixed.Purpose.BERNOULLI, 4, 77, 1)
    words = fixed.random_words(key, np.arange(3))
    spikes = core.axon_in(1, [5, 5, 5], epoch=4, index=77)
    assert spikes == (words < 40960).astype(int).tolist()
    assert core.axon_in(1, [0, 0, 0], 4, 77) == [0, 0, 0]


def test_spike_trains_and_graded_inputs():
    trains = [[0, 1], [7, 0]]
    core = one_layer(2, 1, encoding="spikes", T=2)
    assert [core.axon_in(t, trains, 0, 0) for t in range(2)] == [[0, 1], [1, 0]]
    assert one_layer(2, 1).axon_in(3, [200, 0], 0, 0) == [200, 0]


# 2 Synapse, 3 neuron


@pytest.mark.parametrize(
    ("accumulator", "acc", "overflows"),
    [
        (Register(8), [110, 127, -128], 2),
        (Register(8, "wrap"), [110, -116, 116], 2),
    ],
)
def test_synapse_overflows_once(accumulator, acc, overflows):
    """2*100 - 90 = 110, though 200 alone is too much; 140 = -116 + 256; -140 = 116 - 256."""
    core = phase(one_layer(2, 3, [[100, 70, -70], [-90, 0, 0]], accumulator=accumulator))
    assert core.synapse(0, [2, 1]) == acc
    assert core.counts[0].saturations["accumulator"] == overflows
    assert (core.counts[0].spikes_in, core.counts[0].synaptic_ops) == (2, 6)


def test_current_is_shifted_to_the_membrane():
    """Graded: 12 - 6 - 8 = -2, floor(-5/4) = -2, floor(7/4) = 1. Spikes: 12 - 6 = 6, 3 * 64."""
    assert phase(one_layer(1, 2)).current(0, [-5, 7]) == [-2, 1]
    assert phase(one_layer(1, 1, encoding="rate")).current(0, [3]) == [192]


def test_current_register_wraps():
    """200 = -56 + 256; (-128, 128] holds 128."""
    core = phase(one_layer(1, 2, layer={"fv": 14}, current=Register(8, "wrap", symmetric=True)))
    assert core.current(0, [200, 128]) == [-56, 128]
    assert core.counts[0].saturations["current"] == 1


@pytest.mark.parametrize(
    ("fires", "reset", "s", "v"),
    [
        (">=", "soft", [0, 1, 1], [99, 0, 50]),
        (">", "soft", [0, 0, 1], [99, 100, 50]),
        (">=", "hard", [0, 1, 1], [99, -3, -3]),
    ],
)
def test_neurons(fires, reset, s, v):
    """dec(-21) = -10 first; bias 5 << 1 = 10; v_pre = -10 + 10 + (99, 100, 150)."""
    layer = {"theta": 100, "fires": fires, "reset": reset, "v_reset": -3, "bias_exp": 1}
    core = phase(one_layer(1, 3, bias=[5, 5, 5], layer=layer, readout="spiking"))
    core.v[0] = [-21, -21, -21]
    assert core.neurons(0, [99, 100, 150]) == ([99, 100, 150], s)
    assert core.v[0] == v


def test_membrane_saturates_before_it_fires():
    """6 bits hold -32..31: 40 is 31, which is 11 after a soft reset by 20."""
    core = phase(one_layer(1, 1, layer={"theta": 20}, membrane=Register(6), readout="spiking"))
    assert core.neurons(0, [40]) == ([31], [1])
    assert core.v[0] == [11]
    assert core.counts[0].saturations["membrane"] == 1


def test_table():
    """theta = 80: entry 8 D // 80 = D // 10, nothing from 160 on."""
    core = one_layer(1, 1, layer={"theta": 80}, entries=tuple(range(16, 0, -1)))
    distances = (0, 9, -10, 159, -159, 160)
    assert [core.psi(0, 80 + distance) for distance in distances] == [16, 16, 15, 1, 1, 0]


def test_boxcar():
    core = one_layer(1, 1, layer={"theta": 80, "win": 40}, surrogate="boxcar")
    assert [core.psi(0, v) for v in (40, 41, 80, 119, 120)] == [0, 16, 16, 16, 0]


def test_triangle():
    """16 - floor(16 D / 40): D = 0, 1, 3, 20, 39, 40 take 0, 0, 1, 8, 15, 16."""
    core = one_layer(1, 1, layer={"theta": 80, "win": 40}, surrogate="triangle")
    psi = [core.psi(0, v) for v in (80, 81, 77, 100, 41, 120, 200)]
    assert psi == [16, 16, 15, 8, 1, 0, 0]


# 4 Trace


@pytest.mark.parametrize(
    ("rounding", "overflows"),
    [("floor", 0), ("nearest", 1)],
)
def test_trace_of_a_neuron_that_always_fires(rounding, overflows):
    """64, 32+64, 48+64, 56+64, 60+64, 62+64, 63+64 = 127, then 63+64 or nearest(63.5)+64 = 128."""
    core = phase(one_layer(1, 1, encoding="spikes", trace_input=True, trace_rounding=rounding))
    seen = []
    for clock in range(8):
        core.trace(0, [1], clock)
        seen.append(core.x[0][0])
    assert seen == [64, 96, 112, 120, 124, 126, 127, 127]
    assert core.counts[0].saturations["trace"] == overflows
    assert core.counts[0].trace_updates == 8


def test_trace_of_a_graded_input():
    """floor(255 * 2^6 / 2^8) = 63; then floor(63/2) + floor(3 * 2^6 / 2^8) = 31 + 0."""
    core = phase(one_layer(1, 1, trace_input=True))
    core.trace(0, [255], 0)
    assert core.presynaptic(0, [255]) == [63]
    core.trace(0, [3], 1)
    assert core.presynaptic(0, [3]) == [31]


def test_stochastic_trace():
    """25 * 2048 / 4096 = 12.5 goes up where the trace's word is 32768 or more."""
    chip = {"encoding": "spikes", "trace_input": True, "trace_rounding": "stochastic", "seed": 5}
    core = phase(one_layer(40, 1, **chip))
    core.x[0] = [25] * 40
    clock = 3 * 2**32 + 7
    core.trace(0, [0] * 40, clock)
    words = fixed.random_words(fixed.random_key(5, fixed.Purpose.TRACE, 0, 7, 3), np.arange(40))
    assert core.x[0] == (12 + (words >= 32768)).tolist()
    assert set(core.x[0]) == {12, 13}


def test_a_trace_counts_until_it_is_gone():
    core = phase(one_layer(3, 1, encoding="spikes", trace_input=True))
    core.x[0] = [1, 0, 0]
    core.trace(0, [0, 1, 0], 0)
    assert core.x[0] == [0, 64, 0]
    assert core.counts[0].trace_updates == 2


# 5 Read-out


def test_leaky_readout():
    """300, then 150 + 300; a linear one stays at 300."""
    leaky, linear = (phase(one_layer(1, 1, readout=readout)) for readout in ("leaky", "linear"))
    assert [leaky.readout([300])[0] for _ in range(3)] == [300, 450, 525]
    assert [linear.readout([300])[0] for _ in range(3)] == [300, 300, 300]


def test_spiking_readout():
    """A spike is 1.0 = 2^12; e = +-128 / 2 classes, psi = 8: d = nearest(e * 8 / 16)."""
    core = one_layer(1, 2, [[64, 0]], encoding="spikes", readout="spiking", T=1, entries=(8,) * 16)
    (r,) = core.learn([[1]], 1, 0, 0, 0)
    assert r["v_pre"] == [[4096, 0]]
    assert r["o"] == [4096, 0]
    assert r["psi"] == [[8, 8]]
    assert r["e"] == [94, -94]
    assert r["d"] == [[47, -47]]


def test_exponentials():
    """The table is 255 * 2^(-i/16): raised to the 16th power, within half a unit."""
    for i, entry in enumerate(EXP2):
        assert (2 * entry - 1) ** 16 <= (2 * 255) ** 16 // 2**i < (2 * entry + 1) ** 16


def test_cross_entropy():
    """fv = 4, D = 16: D' = 16 + 8 - 1 = 23 = 1 + 7/16, 188 >> 1 = 94; sum = 255 + 94 = 349.
    p = floor((255*256 + 349) / 698) = 65629 // 698 = 94, floor((94*256 + 349) / 698) = 34.
    """
    core = phase(one_layer(1, 2, layer={"fv": 4}))
    r: dict[str, Any] = {"o": [16, 0]}
    assert core.cross_entropy(r, 1) == [94, 34 - 128]
    assert (r["num"], r["sum"], r["p"]) == ([255, 94], 349, [94, 34])


def test_exponentials_of_few_fraction_bits():
    """fv = 2, D = 4: D' = 4 + 2 - 0 = 6 = 1 + 8/16: 180 >> 1. fv = 0, D = 1: 1 + 0 - 0: 127."""
    assert one_layer(1, 1, layer={"fv": 2}).numerator(4) == 90
    assert one_layer(1, 1, layer={"fv": 0}).numerator(1) == 127
    assert one_layer(1, 1, layer={"fv": 0}).numerator(10**9) == 0


def test_squared_error():
    """12 - 7 = 5: 4096 / 32 = 128; (100 - 4096) / 32 = -124.9. 4 - 7 = -3: 3 * 8, -13 * 8."""
    assert one_layer(1, 2, loss="mse").squared_error([4096, 100], 1) == [128, -125]
    core = one_layer(1, 2, layer={"fv": 4}, loss="mse")
    assert core.squared_error([3, 3], 1) == [24, -104]


def test_error_saturates():
    """One class that is surely not there: p = 128 where the register ends at 127."""
    core = one_layer(1, 2, [[127, -127]], T=1, bias=[4000, -4000], layer={"bias_exp": 7})
    (r,) = core.learn([255], 1, 0, 0, 0)
    assert (r["p"], r["e"]) == ([128, 0], [127, -128])
    assert r["counters"][0].saturations == {"error": 1}


# 6 Transport


def hidden_one(carriers=None, **chip) -> NaiveCore:
    """One hidden neuron below two classes."""
    layers = (LayerConfig(1, 1), LayerConfig(1, 2, fw=6, fb=5, f_sign=1))
    config = CoreConfig(layers, **chip)
    return phase(NaiveCore(config, [[[0]], [[100, -50]]], [[0], [0, 0]], carriers))


@pytest.mark.parametrize(
    ("mode", "d"),
    [
        ("symmetric", 94),  # 100*90 + 50*60 = 12000; * 8 / 2^(6+7+4-7) = 93.75
        ("sign", 38),  # 90 + 60 = 150; * 8 / 2^(1+7+4-7) = 37.5
        ("random", -15),  # 64*90 - 112*60 = -960; * 8 / 2^(5+7+4-7) = -15
        ("direct", -15),
    ],
)
def test_transport(mode, d):
    """psi = 8, d of the read-out = (90, -60), w = (100, -50), B = (64, 112)."""
    core = hidden_one([[], [[64, 112]]], feedback=mode)
    r = {"psi": [[8], []], "d": [[], [90, -60]]}
    core.transport(r, 0)
    assert r["d"][0] == [d]


def test_transport_saturates():
    """100*127 + 50*127 = 19050; * 16 / 2^10 = 297.7."""
    core = hidden_one()
    r = {"psi": [[16], []], "d": [[], [127, -127]]}
    core.transport(r, 0)
    assert r["d"][0] == [127]
    assert core.counts[0].saturations["delta"] == 1


def test_stochastic_delta():
    """93.75 = 93 + 49152 / 65536: up where the word is 16384 or more."""
    core = hidden_one(delta_rounding="stochastic", seed=3)
    seen = set()
    for clock in range(20):
        r = {"psi": [[8], []], "d": [[], [90, -60]]}
        core.transport(r, clock)
        key = fixed.random_key(3, fixed.Purpose.DELTA, 0, clock, 0)
        assert r["d"][0] == [93 + (int(fixed.random_words(key, 0)) >= 16384)]
        seen.update(r["d"][0])
    assert seen == {93, 94}


# 7 Update


@pytest.mark.parametrize(
    ("rounding", "p", "w"),
    [
        ("nearest", 3200, 7),  # 3.125 -> 3
        ("floor", -3200, 14),  # -3.125 -> -4
        ("toward_zero", -3200, 13),
        ("nearest", -(2**30), 127),
        ("nearest", 2**30, -128),
    ],
)
def test_weight(rounding, p, w):
    """w = 10, k = 10."""
    core = phase(one_layer(1, 1, [[10]], rounding=rounding))
    core.update_weight(0, 0, 0, p, 0)
    assert core.w[0] == [[w]]


def test_weight_with_a_shadow():
    """h = 2560 - 3200 / 2^(10-8) = 1760 = 6.875 * 256; then -32768 - 1 bit more stays there."""
    core = phase(one_layer(1, 1, [[10]], rounding="nearest", shadow_bits=16))
    core.update_weight(0, 0, 0, 3200, 0)
    assert (core.shadow, core.w) == ([[[1760]]], [[[7]]])
    core.update_weight(0, 0, 0, -(2**20), 0)
    assert (core.shadow, core.w) == ([[[32767]]], [[[127]]])
    assert core.counts[0].saturations == {"shadow": 1, "weight": 1}


def test_stochastic_weights_use_a_word_of_row_and_column():
    """p = 1, k = 16: 2^-16 goes up only where the word is 65535; p = 2^15: from 2^15 on."""
    core = phase(one_layer(6, 5, layer={"k": 16}, rounding="stochastic", seed=2**40 + 1))
    clock = 2**32 + 3
    for i in range(6):
        for j in range(5):
            core.update_weight(0, i, j, 2**15, clock)
    rows, columns = (
        fixed.random_words(fixed.random_key(2**40 + 1, purpose, 0, 3, 1), np.arange(n))
        for purpose, n in ((fixed.Purpose.ROW, 6), (fixed.Purpose.COLUMN, 5))
    )
    words = (rows[:, None] + columns) % 2**16
    assert core.w[0] == (-(words >= 2**15).astype(int)).tolist()


@pytest.mark.parametrize(("learned", "bias"), [(True, [4095, -13]), (False, [4094, -10])])
def test_biases(learned, bias):
    """kb = 4: nearest(-100/16) = -6 past the end of 13 bits; nearest(40/16) = 3."""
    core = phase(
        one_layer(1, 2, bias=[4094, -10], layer={"bias_learned": learned}, rounding="nearest")
    )
    core.update_biases(0, [-100, 40], 0)
    assert core.bias[0] == bias
    assert core.counts[0].saturations["bias"] == int(learned)


def test_stochastic_biases():
    """8/16 = .5 goes up where the word is 32768 or more."""
    core = phase(one_layer(1, 30, rounding="stochastic", seed=8))
    core.update_biases(0, [8] * 30, 12)
    words = fixed.random_words(fixed.random_key(8, fixed.Purpose.BIAS, 0, 12, 0), np.arange(30))
    assert core.bias[0] == (-(words >= 32768).astype(int)).tolist()


def test_random_words_go_by_the_logical_step():
    """After 5 samples of 3 steps, t = 1 is step 16. Without input p = 64 a class: e = 64, -64.

    kb = 7: 64/128 = .5 goes up where the word is 32768 or more, -.5 = -1 + .5 too.
    """
    core = one_layer(1, 2, layer={"kb": 7}, T=3, rounding="stochastic", seed=6)
    for learned_before in (5, 2**40):
        step = learned_before * 3 + 1
        core.bias[0] = [0, 0]
        core.start_sample()
        core.step(1, [0], 1, learned_before)
        key = fixed.random_key(6, fixed.Purpose.BIAS, 0, step % 2**32, step // 2**32)
        up = (fixed.random_words(key, [0, 1]) >= 32768).astype(int).tolist()
        assert core.bias[0] == [-up[0], 1 - up[1]]


def test_rows_without_a_trace_rest():
    """Floor would move a weight by a d * x of less than 0; x = 0 leaves it alone."""
    core = one_layer(2, 2, [[1, 1], [1, 1]], T=1, rounding="floor")
    (r,) = core.learn([0, 255], 0, 0, 0, 0)
    assert core.w[0][0] == [1, 1]
    assert core.w[0][1] != [1, 1]
    assert r["counters"][0].weight_updates == 2


def test_gradients_are_gathered():
    """pg = 2: g = nearest(9/4) + nearest(-30/4) = 2 - 7 = -5, gb = 9 - 30 + ... as given.

    w: k - pg = 2, nearest(-5/4) = -1; bias: kb = 1, nearest(-21/2) = -10; then all is cleared.
    """
    layer = {"k": 4, "pg": 2, "kb": 1}
    core = phase(one_layer(2, 1, layer=layer, update="accumulate", rounding="nearest", T=2))
    core.update({"x": [[1, 0]], "d": [[9]]}, 0)
    core.update({"x": [[1, 0]], "d": [[-30]]}, 1)
    assert (core.g[0], core.gb[0]) == ([[-5], [0]], [-21])
    assert core.w[0] == [[0], [0]]
    core.apply_gradients(1)
    assert core.w[0] == [[1], [0]]
    assert core.bias[0] == [10]
    assert (core.g[0], core.gb[0]) == ([[0], [0]], [0])


def test_gradient_saturates():
    core = phase(one_layer(1, 1, update="accumulate", gradient_bits=8))
    core.update_weight(0, 0, 0, 200, 0)
    assert core.g[0] == [[127]]
    assert core.counts[0].saturations["gradient"] == 1


# A whole step


def test_a_learning_step_by_hand():
    """Input 128 (0.5), w = 64 (1.0): acc = 8192, i = 8192 / 4 = 2048, b = 256 * 8 = 2048,
    v_pre = 4096 = theta: fires, psi = 16, x = 64. Read-out: w = (32, -32) * 64 = (2048, -2048).
    D = 4096: D' = 4096 + 2048 - 256 = 5888 = 1 + 7/16: 188 >> 1 = 94. p = (94, 34) of 128.
    Label 0: e = (-34, 34). a = 32 * -34 - 32 * 34 = -2176; * 16 / 2^(6+7+4-7) = -34.
    Read-out's w: -34 * 64 / 1024 = -2.1 -> 32 + 2, and -32 - 2. Its biases: -+34/16 -> 2, -2.
    Hidden w: -34 * 128 / 1024 = -4.25 -> 64 + 4. Its bias: 256 + 2.
    """
    layers = (LayerConfig(1, 1, bias_exp=3), LayerConfig(1, 2))
    core = NaiveCore(
        CoreConfig(layers, T=1, rounding="nearest"), [[[64]], [[32, -32]]], [[256], [0, 0]]
    )
    (r,) = core.learn([128], 0, 0, 0, 0)
    assert (r["active"], r["acc"]) == ([0], [[8192], [32, -32]])
    assert r["i"] == [[2048], [2048, -2048]]
    assert (r["v_pre"][0], r["s"][0], r["v"][0], r["psi"][0]) == ([4096], [1], [0], [16])
    assert r["x"] == [[128], [64]]
    assert r["o"] == r["sum_o"] == [2048, -2048]
    assert (r["num"], r["sum"], r["p"]) == ([255, 94], 349, [94, 34])
    assert (r["e"], r["d"]) == ([-34, 34], [[-34], [-34, 34]])
    assert core.w == [[[68]], [[34, -34]]]
    assert core.bias == [[258], [2, -2]]
    hidden, readout = r["counters"]
    assert (hidden.spikes_in, hidden.spikes_out, hidden.synaptic_ops) == (1, 1, 1)
    assert (readout.spikes_in, readout.spikes_out, readout.synaptic_ops) == (1, 0, 2)
    assert (hidden.weight_updates, readout.weight_updates) == (1, 2)
    assert (hidden.trace_updates, readout.trace_updates) == (0, 1)


def test_prediction_is_the_first_largest_sum():
    core = one_layer(1, 3, [[1, 5, 5]], T=2)
    assert core.predict([255], 0) == 1
    assert len(core.counters) == 2


# What holds for every core


def learned(case, **changes):
    """The core after a case's samples, with some parameters changed."""
    core = replace(case, config=replace(case.config, **changes)).core()
    steps = []
    for n, (sample, label) in enumerate(zip(case.samples, case.labels, strict=True)):
        steps += core.learn(sample, label, case.learned_before + n, case.epoch, case.indices[n])
    return core, steps


def flat(nested):
    for item in nested:
        if isinstance(item, list):
            yield from flat(item)
        else:
            yield item


@given(case=core_cases())
def test_numbers_stay_in_their_registers(case):
    core, steps = learned(case)
    c = case.config
    for ell, matrix in enumerate(core.w):
        assert all(c.weight_register(ell).holds(w) for w in flat(matrix))
    assert all(Register(c.shadow_bits or 1).holds(h) for h in flat(core.shadow or []))
    assert all(Register(c.bias_bits).holds(b) for b in flat(core.bias))
    for r in steps:
        assert all(c.accumulator.holds(a) for a in flat(r["acc"]))
        assert c.current is None or all(c.current.holds(i) for i in flat(r["i"]))
        assert all(c.membrane.holds(v) for v in flat([r["v_pre"], r["v"]]))
        assert all(0 <= x < 2 ** max(c.trace_bits, c.in_bits) for x in flat(r["x"]))
        assert all(0 <= psi <= 16 for psi in flat(r["psi"]))
        assert all(Register(c.error_bits).holds(e) for e in r["e"] or [])
        assert all(Register(c.delta_bits).holds(d) for d in flat((r["d"] or [])[:-1]))
        for counts in r["counters"]:
            assert set(counts.saturations) <= set(REGISTERS)


@given(case=core_cases(max_samples=2))
def test_the_shadow_holds_the_weight(case):
    core, _ = learned(case)
    for ell, shadow in enumerate(core.shadow or []):
        register, below = case.config.weight_register(ell), case.config.shadow_shift(ell)
        for w, h in zip(flat(core.w[ell]), flat(shadow), strict=True):
            assert w == register.fit(arithmetic.nearest(h, below))


@given(case=core_cases(max_samples=1))
def test_inference_changes_nothing_and_needs_no_traces(case):
    core = case.core()
    sums = [core.infer(case.samples[0], 0, traces=traces) for traces in (False, True, False)]
    assert sums[0] == sums[1] == sums[2]
    assert (core.w, core.bias) == (case.weights, case.biases)


@given(case=core_cases(max_samples=1))
def test_learning_restarts_from_its_position(case):
    """Two samples in one go equal one, then the other on a core made of what the first left."""
    sample, label, index = case.samples[0], case.labels[0], case.indices[0]
    whole, _ = learned(replace(case, samples=[sample] * 2, labels=[label] * 2, indices=[index] * 2))
    first, _ = learned(case)
    second = NaiveCore(case.config, first.w, first.bias, case.feedback, first.shadow)
    second.learn(sample, label, case.learned_before + 1, case.epoch, index)
    assert (second.w, second.bias, second.shadow) == (whole.w, whole.bias, whole.shadow)


@given(case=core_cases(), update=st.sampled_from(["last", "accumulate"]))
def test_with_one_step_all_updates_are_one(case, update):
    """With pg = 0 and gradients that fit, gathering one step's product changes nothing."""
    layers = tuple(replace(layer, pg=0) for layer in case.config.layers)
    samples = case.samples
    if case.config.encoding == "spikes":
        samples = [sample[:1] for sample in samples]
    case = replace(
        case, samples=samples, config=replace(case.config, layers=layers, gradient_bits=32, T=1)
    )
    online, _ = learned(case, update="online")
    other, _ = learned(case, update=update)
    assert (online.w, online.bias, online.shadow) == (other.w, other.bias, other.shadow)


@given(case=core_cases(max_hidden=1), seed=st.integers(0, 9))
def test_with_one_hidden_layer_direct_is_random(case, seed):
    config = replace(case.config, feedback="random")
    case = replace(case, feedback=make_feedback(Random(seed), config))
    random, _ = learned(case, feedback="random")
    direct, _ = learned(case, feedback="direct")
    assert (random.w, random.bias) == (direct.w, direct.bias)


@given(case=core_cases(max_samples=1))
def test_random_feedback_of_the_weights_is_symmetric(case):
    layers = tuple(replace(layer, fb=layer.fw) for layer in case.config.layers)
    case = replace(case, feedback=case.weights)
    config = {"layers": layers, "T": 1, "update": "online"}
    if case.config.encoding == "spikes":
        case = replace(case, samples=[sample[:1] for sample in case.samples])
    random, _ = learned(case, feedback="random", **config)
    symmetric, _ = learned(case, feedback="symmetric", **config)
    assert (random.w, random.bias) == (symmetric.w, symmetric.bias)


@given(config=core_configs())
def test_configurations_share_the_decay_of_neuron_and_trace(config):
    """The trace of layer l forgets as the LIF below it does, the input's as the first LIF."""
    assert [layer.trace_d for layer in config.layers] == [
        config.layers[max(ell - 1, 0)].d for ell in range(config.L)
    ]
