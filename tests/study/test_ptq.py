"""Post-training quantisation: which range a layer's weights get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import experiment, fixed
from neurochip.study import ptq
from neurochip.study.ptq import Scales, clipped, rounded_by_channel
from neurochip.study.work import Bench, Unit
from tests.study.small import small


def error(w: np.ndarray, bits: int, fraction: int) -> float:
    """Mean squared error of rounding to integers * 2^-fraction, saturating; the plain way."""
    top = 2 ** (bits - 1) - 1
    back = [min(max(round(float(x) * 2.0**fraction), -top - 1), top) * 2.0**-fraction for x in w]
    return float(np.mean((np.array(back) - w) ** 2))


def chosen(w: np.ndarray, bits: int, scales: Scales, percentile: float = 99.5) -> int:
    """The fraction that the mapping chooses for the clipped weights, without headroom."""
    return fixed.fraction_for(float(np.abs(clipped(w, bits, scales, percentile)).max()), bits)


def weights(seed: int) -> np.ndarray:
    """Many small weights and one large one."""
    w = np.random.default_rng(seed).normal(0.0, 0.1, 200)
    w[0] = 2.0
    return w


@given(st.integers(0, 50), st.integers(2, 8))
def test_mse_takes_the_range_of_least_error(seed: int, bits: int) -> None:
    w = weights(seed)
    coarsest = fixed.fraction_for(float(np.abs(w).max()), bits)
    errors = {f: error(w, bits, f) for f in range(coarsest, coarsest + 9)}
    assert errors[chosen(w, bits, "mse")] == pytest.approx(min(errors.values()))


def test_max_changes_no_weight() -> None:
    np.testing.assert_array_equal(clipped(weights(0), 4, "max", 99.5), weights(0))


def test_a_percentile_keeps_its_share_and_saturates_the_rest() -> None:
    w = weights(0)
    fraction = chosen(w, 4, "percentile", 99.0)
    assert fraction > chosen(w, 4, "max")
    end = 7 * 2.0**-fraction
    assert np.mean(np.abs(w) <= end) >= 0.99
    assert np.abs(clipped(w, 4, "percentile", 99.0)).max() == end


@pytest.mark.parametrize("scales", ["max", "percentile", "mse"])
def test_a_layer_of_zeros_stays_one(scales: Scales) -> None:
    assert not clipped(np.zeros(5), 4, scales, 99.5).any()


def test_settings_that_differ_in_widths_share_their_float_network() -> None:
    spec = small(
        workflow="ptq", knobs={"weight_bits": [2, 8], "scales": ["max", "mse"], "lam": [0.5, 0.25]}
    )
    keys = {
        (setting["lam"], ptq.float_key(spec.config(setting, seed), {})): None
        for setting in spec.grid()
        for seed in spec.seeds
    }
    assert len(keys) == 4  # two decays, two seeds


def test_float_training_repeats() -> None:
    spec = small(workflow="ptq")
    config = spec.config(spec.grid()[0], 3)
    first, second = (ptq.trained(config, {}, Bench(spec).data(config)) for _ in range(2))
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def channels(seed: int) -> np.ndarray:
    """Four channels, one some hundred times larger than another, and one of zeros."""
    w = np.random.default_rng(seed).normal(0.0, 0.1, (4, 50))
    w[1] *= 16.0
    w[2] /= 7.0
    w[3] = 0.0
    return w


@given(st.integers(0, 50), st.integers(2, 8), st.sampled_from(["max", "percentile", "mse"]))
def test_each_channel_has_a_power_of_two_of_its_own(seed: int, bits: int, scales: Scales) -> None:
    w, top = channels(seed), 2 ** (bits - 1) - 1
    rounded, width = rounded_by_channel(w, bits, scales, 99.5)
    alone = [chosen(c, bits, scales) for c in w[:3]]
    finest = min(max(alone), min(alone) + 16 - bits)
    assert width == bits + finest - min(alone)
    for c, held, own in zip(w, rounded, [*alone, 0], strict=True):
        fraction = min(own, finest)
        expected = [min(max(round(float(x) * 2.0**fraction), -top), top) for x in c]
        assert held.tolist() == [n * 2.0**-fraction for n in expected]
    # One register with one power of two holds them all.
    f = fixed.fraction_for(float(np.abs(rounded).max()), width)
    assert np.array_equal(rounded * 2.0**f, np.rint(rounded * 2.0**f))


def test_channels_of_zeros_need_no_register_of_their_own() -> None:
    rounded, width = rounded_by_channel(np.zeros((3, 5)), 4, "mse", 99.5)
    assert not rounded.any()
    assert width == 4


def test_the_chip_holds_what_was_rounded_by_channel(tmp_path: Path) -> None:
    spec = small(workflow="ptq", knobs={"weight_bits": [3], "scale_per": ["layer", "channel"]})
    bench = Bench(spec)
    runs = {setting["scale_per"]: bench.run_of(Unit(setting, 0)) for setting in spec.grid()}
    config = spec.config(spec.grid()[1], 0)
    learned = ptq.trained(config, {}, bench.data(config))
    wider = []
    for w, held in zip(learned.weights, runs["channel"].chip.parameters.weights, strict=True):
        rounded, width = rounded_by_channel(w, 3, "max", 99.5)
        np.testing.assert_array_equal(held, rounded)
        wider.append(width)
    assert max(wider) > 3
    assert runs["channel"].config.layer_bits == tuple(wider)
    errors = {
        per: sum(
            float(np.sum((a - b) ** 2))
            for a, b in zip(learned.weights, run.chip.parameters.weights, strict=True)
        )
        for per, run in runs.items()
    }
    assert errors["channel"] < errors["layer"]
    path = tmp_path / "run.h5"
    experiment.save_run(runs["channel"], path)
    for a, b in zip(
        experiment.load_run(path).chip.integers.weights,
        runs["channel"].chip.integers.weights,
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
