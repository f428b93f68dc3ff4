"""Post-training quantisation: which range a layer's weights get."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import fixed
from neurochip.study import ptq
from neurochip.study.ptq import Scales, clipped
from neurochip.study.work import Bench
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
