"""The compiled core against its naive twin: every register of every step, bit for bit."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from neurochip import fixed
from neurochip.kernels import layout
from neurochip.kernels.accumulation import accumulate, apply_accumulated
from neurochip.kernels.jit import INTERPRETED, unfused
from neurochip.kernels.meter import silent
from neurochip.kernels.neuron import surrogates
from neurochip.kernels.plasticity import update_online
from neurochip.kernels.readout import error_in
from neurochip.kernels.stream import (
    frame_of,
    infer_stream,
    learn_stream,
    sense_step,
    start_sample,
)
from neurochip.kernels.transport import transport

from ..naive.arithmetic import Register
from ..naive.config import Convolution, CoreConfig, LayerConfig, Pool
from ..naive.core import Counts, NaiveCore
from ..naive.strategies import (
    FULL,
    Case,
    cases_of,
    convolutional_configs,
    core_cases,
    make_feedback,
    make_sample,
    matrix,
)
from . import bridge

#: Two sets of types take some minutes to compile; `test_interpreted` runs all of this too.
pytestmark = pytest.mark.slow

#: Plain Python is some hundred times slower than machine code.
EXAMPLES = 8 if INTERPRETED else 120
INT32_MAX = 2**31 - 1


def possible(case: Case) -> bool:
    """Membranes are kept in int32, which has no 2^31."""
    return case.config.membrane.maximum <= INT32_MAX


def with_one_way_to_fire(case: Case) -> Case:
    """A chip's neurons all fire at the threshold, or all above it."""
    c = case.config
    layers = tuple(replace(layer, fires=c.layers[0].fires) for layer in c.layers)
    return replace(case, config=replace(c, layers=layers))


cases = core_cases().filter(possible).map(with_one_way_to_fire)
shared = cases_of(convolutional_configs(), max_samples=2).filter(possible).map(with_one_way_to_fire)


# Step by step


def learn_step(core: layout.Core, case: Case, k: int, t: int, step: int) -> None:
    """Step t of sample k, kernel by kernel."""
    s = core.settings[0]
    shown = bridge.frames(case.config, case.samples[k])
    last = t == s.timesteps - 1
    frame = unfused(frame_of)(shown, t)
    unfused(sense_step)(core, frame, case.indices[k], case.epoch, t, step)
    if s.update == layout.LAST and not last:
        return
    error_in(core, case.labels[k], t)
    transport(core, t, step)
    for ell in range(core.layers.size - 1):
        surrogates(core, ell)  # the kernel leaves them out where there is no error
    for ell in range(core.layers.size):
        if s.update != layout.ACCUMULATE:
            update_online(core, ell, t, step)
            continue
        accumulate(core, ell, t)
        if last:
            apply_accumulated(core, ell, t, step)


def registers_of(core: layout.Core, twin: dict[str, Any], c: CoreConfig) -> dict[str, Any]:
    """What the kernels hold, under the twin's names; lists, so that a difference is shown."""
    hidden = range(c.L if c.readout == "spiking" else c.L - 1)
    signals = bridge.above(core, "signal")
    found = {
        "values": bridge.below(core, "signal"),
        "acc": bridge.above(core, "accumulator"),
        "v_pre": bridge.above(core, "v_pre"),
        "v": bridge.above(core, "v"),
        "x": bridge.below(core, "trace"),
        "s": [signals[ell] if ell in hidden else [] for ell in range(c.L)],
        "active": core.active[: core.n_active[0]].tolist(),
        "sum_o": core.output_sum.tolist(),
    }
    if twin["d"] is not None:
        psi = bridge.above(core, "psi")
        found["psi"] = [psi[ell] if ell in hidden else [] for ell in range(c.L)]
        found["d"] = bridge.above(core, "delta")
        found["e"] = core.error.tolist()
    return found


@given(case=cases, fast=st.booleans())
@settings(max_examples=EXAMPLES)
def test_every_register_of_every_step(case, fast):
    assert_registers_agree(case, fast)


@given(case=shared, fast=st.booleans())
@settings(max_examples=EXAMPLES)
def test_every_register_of_convolutions(case, fast):
    assert_registers_agree(case, fast)


def assert_registers_agree(case: Case, fast: bool) -> None:
    naive = case.core()
    core = bridge.build(naive, fast=fast)
    c = case.config
    for k, sample in enumerate(case.samples):
        naive.start_sample()
        unfused(start_sample)(core)
        for t in range(c.T):
            learned = case.learned_before + k
            twin = naive.step(t, sample, case.labels[k], learned, case.epoch, case.indices[k])
            learn_step(core, case, k, t, learned * c.T + t)
            found = registers_of(core, twin, c)
            assert found == {name: twin[name] for name in found}
            assert memories_of(core) == memories_of_twin(naive)
            assert gradients_of(core) == gradients_of_twin(naive)


def memories_of(core: layout.Core) -> dict[str, Any]:
    return {
        "weights": bridge.matrices(core, "weights"),
        "shadow": bridge.matrices(core, "shadow"),
        "bias": bridge.channels(core, "bias"),
    }


def memories_of_twin(naive: NaiveCore) -> dict[str, Any]:
    return {"weights": naive.w, "shadow": naive.shadow, "bias": naive.bias}


def gradients_of(core: layout.Core) -> tuple[Any, Any] | None:
    if not core.gradient.size:
        return None
    sums = bridge.channels(core, "bias_gradient")
    learned = [g for g, layer in zip(sums, core.layers, strict=True) if layer.bias_learned]
    return bridge.matrices(core, "gradient"), learned


def gradients_of_twin(naive: NaiveCore) -> tuple[Any, Any] | None:
    if naive.config.update != "accumulate":
        return None
    layers = naive.config.layers
    return naive.g, [g for g, y in zip(naive.gb, layers, strict=True) if y.bias_learned]


# Streams


def learn(case: Case, core: layout.Core) -> None:
    inputs, labels, order = bridge.stream(case)
    meter = silent(core.layers.size)
    learn_stream(core, meter, inputs, labels, order, case.epoch, case.learned_before)


def learn_naively(case: Case, naive: NaiveCore) -> tuple[np.ndarray, np.ndarray]:
    """Counters and saturations, summed over the samples, in the kernels' shapes."""
    c = case.config
    counters = np.zeros((c.T, c.L, len(layout.COUNTERS)), np.int64)
    saturations = np.zeros((c.T, c.L, len(layout.SATURATIONS)), np.int64)
    _, _, places = bridge.stream(case)
    for k, (sample, place) in enumerate(zip(case.samples, places, strict=True)):
        naive.learn(sample, case.labels[k], case.learned_before + k, case.epoch, int(place))
        counters += [[counted(layer) for layer in step] for step in naive.counters]
        saturations += [[saturated(layer) for layer in step] for step in naive.counters]
    return counters, saturations


def counted(counts: Counts) -> list[int]:
    return [getattr(counts, name) for name in layout.COUNTERS]


def saturated(counts: Counts) -> list[int]:
    return [counts.saturations[name] for name in layout.SATURATIONS]


def assert_streams_agree(case: Case) -> None:
    """Fast, general and counting kernels learn what the twin learns, and predict what it does."""
    naive = case.core()
    cores = {
        "fast": bridge.build(naive),
        "general": bridge.build(naive, fast=False),
        "counting": bridge.build(naive, count=True),
    }
    counters, saturations = learn_naively(case, naive)
    for name, core in cores.items():
        learn(case, core)
        assert memories_of(core) == memories_of_twin(naive), name
        assert core.output_sum.tolist() == naive.sum_o, name
        assert core.counters.tolist() == counters.tolist(), name
        expected = saturations if name == "counting" else np.zeros_like(saturations)
        assert core.saturations.tolist() == expected.tolist(), name
        assert not core.gradient.any(), name
        assert not core.bias_gradient.any(), name
    assert_predictions_agree(case, naive, cores["fast"])


def assert_predictions_agree(case: Case, naive: NaiveCore, core: layout.Core) -> None:
    inputs, _, order = bridge.stream(case)
    learned = memories_of(core)
    predictions = np.full(len(order), -1, dtype=np.int64)
    meter = silent(core.layers.size)
    infer_stream(core, meter, inputs, order, layout.EVALUATION_EPOCH, predictions)
    twins = [naive.predict(sample, int(k)) for sample, k in zip(case.samples, order, strict=True)]
    assert predictions.tolist() == twins
    assert core.output_sum.tolist() == naive.sum_o
    assert memories_of(core) == learned


@given(case=cases)
@settings(max_examples=EXAMPLES)
def test_streams(case):
    core = bridge.build(case.core())
    event(f"lanes: {bool(core.layers['fast_update'].any())}")
    assert_streams_agree(case)


@given(case=shared)
@settings(max_examples=EXAMPLES)
def test_streams_of_convolutions(case):
    assert_streams_agree(case)


@given(case=cases)
@settings(max_examples=EXAMPLES)
def test_streams_in_lanes(case):
    """The same where the chip uses 16-bit lanes: weights of up to 8 bits, narrow products."""
    c = case.config
    bits = min(c.weight_bits, 8)
    traces = min(c.trace_bits, 15)
    layers = tuple(
        replace(
            layer,
            k=abs(layer.k) % 17,
            fx=min(layer.fx, traces),
            weight_bits=min(layer.weight_bits, bits),
        )
        for layer in c.layers
    )
    rounding = "nearest" if c.rounding == "toward_zero" else c.rounding
    config = replace(
        c, layers=layers, weight_bits=bits, trace_bits=traces, rounding=rounding,
        gradient_bits=min(c.gradient_bits, 16),
    )  # fmt: skip
    weights = [
        [[config.weight_register(ell).fit(w) for w in row] for row in layer]
        for ell, layer in enumerate(case.weights)
    ]
    assert_streams_agree(replace(case, config=config, weights=weights, shadows=None))


@pytest.mark.parametrize("update", ["online", "accumulate"])
def test_shadows_at_the_end_are_counted_without_an_error_too(update):
    """nearest(32767 / 256) = 128 leaves 8 bits each time that a weight is made from its shadow."""
    layer = LayerConfig(2, 1, bias_learned=False)
    config = CoreConfig((layer,), T=2, shadow_bits=16, update=update)
    naive = NaiveCore(config, [[[127], [127]]], [[0]], shadows=[[[32767], [32767]]])
    # With one class p is 1 and e is 0.
    case = Case(config, naive.w, naive.bias, None, naive.shadow, [[9, 9]], [0], 0, 0, [0])
    assert_streams_agree(case)


# Larger layers: whole vectors, blocks of rows, and what remains of both

SIZES = (37, 70, 19)


def large_case(seed: int, *, sizes=SIZES, style: str = FULL, density: float = 0.7, **modes) -> Case:
    layer: dict[str, Any] = modes.pop("layer", {})
    layers = tuple(LayerConfig(n, m, theta=3000, **layer) for n, m in pairwise(sizes))
    config = CoreConfig(layers=layers, **{"T": 2, "seed": seed, **modes})
    rng = random.Random(seed)
    register = Register(config.weight_bits)
    return Case(
        config=config,
        weights=[matrix(rng, y.n_in, y.n_out, register, style) for y in layers],
        biases=[[rng.randint(-200, 200) for _ in range(y.n_out)] for y in layers],
        feedback=make_feedback(rng, config),
        shadows=None,
        samples=[make_sample(rng, config, density) for _ in range(2)],
        labels=[rng.randrange(sizes[-1]) for _ in range(2)],
        learned_before=seed,
        epoch=0,
        indices=[0, 1],
    )


LARGE: dict[str, dict[str, Any]] = {
    "graded, stochastic": {},
    "graded, nearest, traced": {"rounding": "nearest", "trace_input": True},
    "graded, floor, last": {"rounding": "floor", "update": "last"},
    "graded, toward zero": {"rounding": "toward_zero"},
    "graded, shadow": {"shadow_bits": 16, "layer": {"k": 14}},
    "graded, shadow of 12, nearest": {"shadow_bits": 12, "rounding": "nearest"},
    "graded, accumulate": {"update": "accumulate", "layer": {"pg": 2}},
    "graded, accumulate, shadow": {"update": "accumulate", "shadow_bits": 16, "layer": {"pg": 1}},
    "graded, accumulate in 12 bits": {"update": "accumulate", "gradient_bits": 12},
    "graded, accumulate in 24 bits": {"update": "accumulate", "gradient_bits": 24},
    "graded, 5-bit weights": {"weight_bits": 5, "layer": {"fw": 3}},
    "graded, 16-bit weights": {"weight_bits": 16, "layer": {"fw": 12}},
    "rate": {"encoding": "rate", "trace_input": True, "trace_rounding": "stochastic"},
    "rate, raw": {"encoding": "rate", "layer": {"k": 3}},
    "bernoulli, nearest": {"encoding": "bernoulli", "trace_input": True, "rounding": "nearest"},
    "spikes, floor": {"encoding": "spikes", "trace_input": True, "rounding": "floor"},
    "spikes, shadow, sign": {
        "encoding": "spikes",
        "trace_input": True,
        "shadow_bits": 13,
        "feedback": "sign",
    },
    "spikes, accumulate, direct": {
        "encoding": "spikes",
        "trace_input": True,
        "update": "accumulate",
        "feedback": "direct",
        "delta_rounding": "stochastic",
        "readout": "spiking",
    },
    "spikes, two hidden layers, random": {
        "encoding": "spikes",
        "sizes": (41, 33, 25, 18),
        "feedback": "random",
        "readout": "leaky",
        "loss": "mse",
    },
    "no hidden layer": {"sizes": (37, 19)},
    "no hidden layer, accumulate, spiking": {
        "sizes": (37, 19),
        "update": "accumulate",
        "encoding": "rate",
        "readout": "spiking",
    },
    "full scale at every input": {"density": 1.0, "style": "ends", "layer": {"k": 6}},
}


@pytest.mark.parametrize("name", LARGE)
def test_larger_layers(name):
    modes = LARGE[name]
    sizes = modes.get("sizes", SIZES)
    if INTERPRETED:
        sizes = tuple(n // 2 + 1 for n in sizes)
    assert_streams_agree(large_case(len(name), **{**modes, "sizes": sizes}))


# Convolutions whose positions have whole groups of events, and what remains of them

CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "stochastic": {},
    "nearest, traced input": {"rounding": "nearest", "trace_input": True},
    "spikes, last": {"encoding": "spikes", "update": "last"},
    "accumulate": {"update": "accumulate", "pg": 5},
    "shadow": {"shadow_bits": 16},
    "16-bit weights": {"weight_bits": 16, "fw": 12},
    "full scale": {"style": "ends", "density": 1.0},
}


def convolutional_case(seed: int, *, pg: int = 2, fw: int = 6, **modes: Any) -> Case:
    """5x5x9, convolution, pool, convolution with a stride, dense."""
    style, density = modes.pop("style", FULL), modes.pop("density", 0.6)
    first = Convolution(9, 5, 5, c_out=7, kernel=2, padding=1)
    pool = Pool(7, 6, 6, side=2)
    second = Convolution(7, 3, 3, c_out=10, kernel=3, stride=2, padding=1)
    common: dict[str, Any] = {"theta": 3000, "fw": fw, "pg": pg}
    layers = (
        LayerConfig(first.n_in, first.n_out, first, k=8, **common),
        LayerConfig(second.n_in, second.n_out, second, pool, f_pool=2, k=7, **common),
        LayerConfig(40, 5, k=8, **common),
    )
    config = CoreConfig(layers, **{"T": 3, "seed": seed, **modes})
    rng = random.Random(seed)
    register = Register(config.weight_bits)
    return Case(
        config=config,
        weights=[matrix(rng, y.rows, y.columns, register, style) for y in layers],
        biases=[[rng.randint(-200, 200) for _ in range(y.columns)] for y in layers],
        feedback=None,
        shadows=None,
        samples=[make_sample(rng, config, density) for _ in range(2)],
        labels=[rng.randrange(5) for _ in range(2)],
        learned_before=seed,
        epoch=0,
        indices=[0, 1],
    )


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_larger_convolutions(name):
    case = convolutional_case(len(name), **CONVOLUTIONS[name])
    assert_streams_agree(case)
    before = case.core()
    after = case.core()
    learn_naively(case, after)
    assert all(w != v for w, v in zip(before.w, after.w, strict=True)), "every layer learns"


@pytest.mark.parametrize("active", range(18))
@pytest.mark.parametrize("encoding", ["graded", "spikes"])
def test_extreme_sums_of_any_number_of_rows(encoding, active):
    """Blocks of 8 (spikes) and 4 (graded) rows, and every remainder, at -128 and at 127."""
    config = CoreConfig((LayerConfig(19, 35),), T=1, encoding=encoding)
    value = 255 if encoding == "graded" else 1
    sample = [value] * active + [0] * (19 - active)
    sample[::2], sample[1::2] = sample[:10], sample[10:]
    weights = [[(-128, 127)[j % 2] for j in range(35)] for _ in range(19)]
    naive = NaiveCore(config, [weights], [[0] * 35])
    core = bridge.build(naive)
    shown = [sample] if encoding == "spikes" else sample
    twin = naive.step(0, shown)
    unfused(sense_step)(core, bridge.frames(config, shown)[0], 0, 0, 0, 0)
    assert bridge.above(core, "accumulator") == twin["acc"]


@pytest.mark.parametrize("surrogate", ["table", "boxcar", "triangle"])
def test_surrogates_at_every_distance(surrogate):
    """Thresholds that are powers of two, at which a shift divides, and those beside them."""
    for theta in [*range(1, 20), 31, 32, 33]:
        membranes = range(-2 * theta - 2, 4 * theta + 3)
        n = len(membranes)
        layer = LayerConfig(1, n, theta=theta, win=max(1, theta - 1))
        config = CoreConfig((layer,), T=1, surrogate=surrogate, readout="spiking")
        naive = NaiveCore(config, [[[0] * n]], [[0] * n])
        core = bridge.build(naive)
        core.v_pre[1:] = membranes
        surrogates(core, 0)
        assert core.psi[1:].tolist() == [naive.psi(0, v) for v in membranes], theta


# Every product, every shift

DELTAS = range(-128, 128)
FACTORS = range(256)


def one_layer(
    *, deltas=DELTAS, factors=FACTORS, raw: bool, k: int, pg: int | None = None, **modes
) -> layout.Core:
    """One weight layer with every delta at its outputs and every factor at its inputs.

    Factors are 8-bit graded inputs, or (not raw) traces. Sums of products are kept in units of
    2^pg products, where pg isn't told in units of 2^k.
    """
    n, m = len(factors), len(deltas)
    trace_bits = max(3, int(max(factors)).bit_length())
    layer = LayerConfig(n, m, k=k, pg=k if pg is None else pg, bias_learned=False)
    config = CoreConfig((layer,), T=1, seed=5, trace_input=not raw, trace_bits=trace_bits, **modes)
    core = bridge.build(NaiveCore(config, [np.zeros((n, m), int).tolist()], [[0] * m]))
    core.delta[n:] = deltas
    core.trace[:n] = factors
    return core


def words(seed: int, step: int, n: int, m: int) -> np.ndarray:
    """The words of all weights, by the package's own definition of them."""
    place = (0, step % 2**32, step // 2**32)
    row = fixed.random_words(fixed.random_key(seed, fixed.Purpose.ROW, *place), np.arange(n))
    column = fixed.random_words(fixed.random_key(seed, fixed.Purpose.COLUMN, *place), np.arange(m))
    return (row[:, None] + column) % 2**16


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("rounding", ["floor", "nearest", "stochastic"])
@pytest.mark.parametrize("shadow_bits", [0, 16])
def test_all_products_at_all_shifts(shadow_bits, rounding, raw):
    """d in -128..127, x in 0..255 (traces: 0..127), k in 0..31; w starts at -3 and the ends."""
    factors = np.arange(256 if raw else 128)
    step = 3 * 2**32 + 9
    below = shadow_bits - 8 if shadow_bits else 0
    in_lanes = []
    for k in range(0, 32, 7 if INTERPRETED else 1):
        few = {"deltas": [-128, -1, 0, 127], "factors": [1, 2, 127, 255 if raw else 126]}
        given_ = few if INTERPRETED else {"factors": factors}
        core = one_layer(raw=raw, k=k + below, rounding=rounding, shadow_bits=shadow_bits, **given_)
        n, m = core.layers[0].n_in, core.layers[0].n_out
        memory = core.shadow if shadow_bits else core.weights
        register = fixed.Format(shadow_bits or 8)
        before = np.resize([-3 << below, register.minimum, register.maximum], (n, m))
        memory[:] = before.ravel()
        update_online(core, 0, 0, step)
        in_lanes += [k] if core.layers[0].fast_update else []
        product = core.trace[:n, None].astype(np.int64) * core.delta[n:]
        mode, random_words = fixed.Rounding(rounding), words(5, step, n, m)
        change = fixed.shift_round(product, k, mode, random_words)
        top = register.fit(before - change)
        changed = product != 0
        stored = memory.reshape(n, m)
        assert np.array_equal(stored[changed], top[changed]), k
        expected = fixed.Format(8).fit(fixed.shift_round(top, below, fixed.Rounding.NEAREST))
        assert np.array_equal(core.weights.reshape(n, m)[changed], expected[changed]), k
    most = range(17 if shadow_bits else 31)
    assert set(in_lanes) >= {k for k in most if k % 7 == 0 or not INTERPRETED} - {0, 1, 2}


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("bits", [16, 12])
def test_all_products_into_the_accumulators(bits, raw):
    factors = [1, 2, 63, 64, 126, 127] if INTERPRETED else range(256 if raw else 128)
    deltas = [-128, -1, 127] if INTERPRETED else DELTAS
    for k in range(18):
        core = one_layer(
            raw=raw, k=k, factors=factors, deltas=deltas, update="accumulate", gradient_bits=bits
        )
        n, m, register = len(factors), len(deltas), fixed.Format(bits)
        assert bool(core.layers[0].fast_gradient) == (1 <= k <= 16 if raw else k <= 16)
        before = np.resize([99, register.minimum, register.maximum, -1], (n, m))
        core.gradient[:] = before.ravel()
        accumulate(core, 0, 0)
        product = core.trace[:n, None].astype(np.int64) * core.delta[n:]
        change = fixed.shift_round(product, k, fixed.Rounding.NEAREST)
        # Rows of factor 0 aren't written, and products of 0 change nothing.
        assert np.array_equal(core.gradient.reshape(n, m), register.fit(before + change)), k


@pytest.mark.parametrize("rounding", ["floor", "toward_zero", "nearest", "stochastic"])
@pytest.mark.parametrize("shadow_bits", [0, 16])
def test_all_sums_into_the_weights(shadow_bits, rounding):
    """g in -2^15..2^15 - 1, shifted by 0..31; w starts at -3 and the ends."""
    side = 16 if INTERPRETED else 256
    sums = np.linspace(-(2**15), 2**15 - 1, side * side).astype(np.int16).reshape(side, side)
    step = 3 * 2**32 + 9
    below = shadow_bits - 8 if shadow_bits else 0
    in_lanes = []
    for k in range(0, 32, 3 if INTERPRETED else 1):
        places, modes = range(side), {"rounding": rounding, "shadow_bits": shadow_bits}
        core = one_layer(
            deltas=places,
            factors=places,
            raw=True,
            k=k + below,
            pg=0,
            update="accumulate",
            **modes,
        )
        memory = core.shadow if shadow_bits else core.weights
        register = fixed.Format(shadow_bits or 8)
        before = np.resize([-3 << below, register.minimum, register.maximum], sums.shape)
        memory[:] = before.ravel()
        core.gradient[:] = sums.ravel()
        core.touched[1:side] = 1
        apply_accumulated(core, 0, 0, step)
        in_lanes += [k] if core.layers[0].fast_apply else []
        change = fixed.shift_round(sums, k, fixed.Rounding(rounding), words(5, step, side, side))
        top = register.fit(before - change)[1:]
        assert np.array_equal(memory.reshape(side, side)[1:], top), k
        expected = fixed.Format(8).fit(fixed.shift_round(top, below, fixed.Rounding.NEAREST))
        assert np.array_equal(core.weights.reshape(side, side)[1:], expected), k
        # A row that wasn't touched stays what it is; none is touched in the next sample.
        assert np.array_equal(core.gradient.reshape(side, side)[0], sums[0])
        assert not core.gradient[side:].any()
        assert not core.touched.any()
    last = 16 if shadow_bits else 30
    lanes = [k for k in range(1, last + 1) if not (INTERPRETED and k % 3)]
    assert in_lanes == ([] if rounding == "toward_zero" else lanes)


@pytest.mark.parametrize(("delta", "factor"), [(7, 4681), (31, 1057)])
def test_half_a_step_into_the_accumulators(delta, factor):
    """32767 = 7 * 4681 = 31 * 1057 is one below half of 2^16, twice that two below a whole."""
    factors, deltas = [factor, factor + 1, 2**14 - 1], [delta, -delta, 2 * delta]
    core = one_layer(raw=False, k=16, factors=factors, deltas=deltas, update="accumulate")
    assert core.layers[0].fast_gradient
    accumulate(core, 0, 0)
    product = np.multiply.outer(factors, deltas)
    expected = fixed.shift_round(product, 16, fixed.Rounding.NEAREST)
    assert core.gradient.reshape(3, 3).tolist() == expected.tolist()


@pytest.mark.parametrize("factor_bits", range(8, 16))
def test_widest_factors_in_lanes(factor_bits):
    """Traces of up to 15 bits at their largest, at every shift at which lanes take them."""
    factors = [1, 2**factor_bits // 3, 2**factor_bits - 2, 2**factor_bits - 1]
    deltas = [-128, -127, -1, 1, 126, 127]
    shifts_in_lanes = []
    for k in range(-8, 18):
        core = one_layer(
            raw=False, k=k + 8, factors=factors, deltas=deltas, rounding="nearest", shadow_bits=16
        )
        if not core.layers[0].fast_update:
            continue
        shifts_in_lanes.append(k)
        core.shadow[:] = 1000
        update_online(core, 0, 0, 0)
        product = core.trace[:4, None].astype(np.int64) * core.delta[4:]
        change = fixed.shift_round(product, k, fixed.Rounding.NEAREST)
        expected = fixed.Format(16).fit(1000 - change)
        assert np.array_equal(core.shadow.reshape(4, 6), expected), k
    assert shifts_in_lanes == list(range(factor_bits - 7, 17))
