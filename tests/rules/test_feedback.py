"""Transport of the error: each mode against its sum over neurons, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip.errors import RuleError
from neurochip.rules import feedback

SIZES = (6, 5, 4, 3)
FLOAT64 = np.dtype(np.float64)


def made(mode: Any) -> tuple[list[Any], list[Any], tuple[Any, ...]]:
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=(SIZES[i + 1], SIZES[i])) for i in range(3)]
    deltas = [rng.normal(size=(2, n)) for n in SIZES[1:]]
    return weights, deltas, feedback.checked(mode, SIZES, feedback.draw(mode, SIZES, 7), FLOAT64)


def naive(
    mode: str, layer: int, j: int, weights: list[Any], delta: list[Any], fixed: tuple[Any, ...]
) -> float:
    """a_j of one sample."""
    above = range(SIZES[layer + 1])
    if mode == "symmetric":
        return sum(weights[layer][k, j] * delta[layer][k] for k in above)
    if mode == "sign":
        signs = [(weights[layer][k, j] > 0) * 2 - 1 for k in above]
        return sum(signs[k] * fixed[layer - 1] * delta[layer][k] for k in above)
    if mode == "random":
        return sum(fixed[layer - 1][j, k] * delta[layer][k] for k in above)
    return sum(fixed[layer - 1][j, c] * delta[-1][c] for c in range(SIZES[-1]))


@pytest.mark.parametrize("mode", ["symmetric", "sign", "random", "direct"])
@pytest.mark.parametrize("layer", [1, 2])
def test_transport(mode: Any, layer: int) -> None:
    weights, deltas, fixed = made(mode)
    out = np.empty((2, SIZES[layer]))
    feedback.transport(mode, layer, deltas, weights, fixed, out)
    for b in range(2):
        delta = [of_layer[b] for of_layer in deltas]
        expected = [naive(mode, layer, j, weights, delta, fixed) for j in range(SIZES[layer])]
        assert np.allclose(out[b], expected)


def test_draw_repeats_and_has_the_right_size() -> None:
    assert feedback.draw("symmetric", SIZES, 0) is None
    assert [float(f) for f in feedback.draw("sign", (6, 16, 64, 3), 0) or ()] == [0.25, 0.125]
    once, again = feedback.draw("random", (6, 900, 50), 3), feedback.draw("random", (6, 900, 50), 3)
    assert once is not None and again is not None
    assert np.array_equal(once[0], again[0])
    assert once[0].shape == (900, 50)
    assert once[0].std() == pytest.approx(1 / 30, rel=0.05)


@pytest.mark.parametrize(
    ("mode", "given", "message"),
    [
        (
            "symmetric",
            (1.0, 1.0),
            "feedback_weights are given but the feedback is 'symmetric', which uses the forward "
            "weights; leave them out or choose another feedback.",
        ),
        (
            "random",
            None,
            "feedback 'random' needs 2 feedback weights, one for each weight layer above the "
            "first, and got none; give a tuple of 2.",
        ),
        (
            "sign",
            (0.5,),
            "feedback 'sign' needs 2 feedback weights, one for each weight layer above the first, "
            "and got 1; give a tuple of 2.",
        ),
        (
            "random",
            (np.ones((4, 5)), np.ones((4, 3))),
            "feedback weights of Dense layer 1 have shape (4, 5); feedback 'random' needs (5, 4).",
        ),
        (
            "direct",
            (np.ones((5, 3)), np.full((4, 3), np.inf)),
            "feedback weights of Dense layer 2 hold a number that is not finite; every one must "
            "be.",
        ),
    ],
)
def test_refusals(mode: Any, given: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        feedback.checked(mode, SIZES, given, FLOAT64)
