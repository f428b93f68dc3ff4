"""Losses over all steps: values by hand, gradients by differences, what bounds what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.rules import sequences
from neurochip.rules.losses import cross_entropy

outputs = st.builds(
    lambda seed, t, b, c: np.random.default_rng(seed).normal(0, 2, (t, b, c)),
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(2, 5),
)


def labels_of(out: Any) -> Any:
    return np.arange(out.shape[1]) % out.shape[2]


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "steps": lambda out, y: sequences.sum_of_steps(out, y, 0.3),
    "tet": lambda out, y: sequences.of_steps(out, y, 0.3, 1.0),
    "sdt": sequences.of_mean,
    "sum": sequences.of_sum,
    "kernel": lambda out, y: sequences.kernel(out, (out > 0).astype(float), 3.0),
}


@pytest.mark.parametrize("name", LOSSES)
@given(out=outputs)
def test_gradients_are_slopes(name: str, out: Any) -> None:
    y = labels_of(out)
    wanted = (out > 0).astype(float)

    def loss(o: Any) -> Any:
        return sequences.kernel(o, wanted, 3.0) if name == "kernel" else LOSSES[name](o, y)

    direction = np.random.default_rng(0).normal(size=out.shape)
    _, gradient = loss(out)
    step = 1e-5
    slope = (loss(out + step * direction)[0] - loss(out - step * direction)[0]) / (2 * step)
    assert float(np.vdot(gradient, direction)) == pytest.approx(slope, rel=1e-4, abs=1e-6)


@given(outputs)
def test_standard_direct_training_is_never_above_tet(out: Any) -> None:
    y = labels_of(out)
    assert sequences.of_mean(out, y)[0] <= sequences.of_steps(out, y, 0.0, 1.0)[0] + 1e-12


@given(outputs)
def test_tet_is_the_mean_over_steps(out: Any) -> None:
    y = labels_of(out)
    ce = np.mean([cross_entropy(o, y)[0] for o in out])
    assert sequences.of_steps(out, y, 0.0, 1.0)[0] == pytest.approx(ce)
    mixed = sequences.of_steps(out, y, 0.25, 0.5)[0]
    assert mixed == pytest.approx(0.75 * ce + 0.25 * ((out - 0.5) ** 2).mean())


def test_counts() -> None:
    out = np.zeros((5, 2, 3))
    out[:, 0, 0] = 1.0  # the label's neuron: 5, one too many
    out[0, 0, 1] = 1.0  # another: 1, as wanted
    out[:3, 1, 2] = 1.0  # another: 3, two too many
    loss, gradient = sequences.count(out, np.array([0, 1]), desired=4, undesired=1)
    wanted = np.array([[0.0, 0.0, 0.0], [0.0, -4 / 5, 2 / 5]])
    assert np.allclose(gradient, np.broadcast_to(wanted, (5, 2, 3)))
    assert loss == pytest.approx(5 * (0.8**2 + 0.4**2) / 2)


def test_filter() -> None:
    trains = np.array([1.0, 0.0, 0.0, 1.0]).reshape(4, 1, 1)
    assert np.allclose(sequences.filtered(trains, 2.0).ravel(), [0.5, 0.25, 0.125, 0.5625])


@pytest.mark.parametrize(
    ("timesteps", "pattern"),
    [(5, "01111"), (10, "0101010101"), (20, "0101010101" * 2)],
)
def test_target_patterns(timesteps: int, pattern: str) -> None:
    trains = sequences.target_trains(np.zeros((timesteps, 2, 3)), np.array([2, 0]))
    assert "".join(str(int(s)) for s in trains[:, 0, 2]) == pattern
    assert np.array_equal(trains[:, 1, 0], trains[:, 0, 2])
    assert trains.sum() == 2 * trains[:, 0, 2].sum()


def test_van_rossum_distance() -> None:
    trains = np.zeros((4, 1, 1))
    trains[1] = 1.0
    late, later = np.roll(trains, 1, axis=0), np.roll(trains, 2, axis=0)
    assert sequences.van_rossum(trains, trains, 2.0) == 0.0
    near, far = (sequences.van_rossum(trains, other, 2.0) for other in (late, later))
    assert 0 < near < far
    assert near == sequences.van_rossum(late, trains, 2.0)
