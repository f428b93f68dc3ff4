"""Sharpness of minima: the loss around them, and the largest eigenvalue of the Hessian."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.errors import RuleError
from neurochip.network import Network, Parameters, initialise
from neurochip.reference import Trainer, largest_curvature, loss_along
from neurochip.rules import BPTT, OTTT

CLASSES, INPUTS, BATCH, STEPS = 3, 4, 6, 2
RNG = np.random.default_rng(0)
X, Y = RNG.random((BATCH, INPUTS)), RNG.integers(0, CLASSES, BATCH)
REGRESSION = Network.mlp((INPUTS, CLASSES), STEPS)
SPIKING = Network.mlp((INPUTS, 5, CLASSES), STEPS)


def hessian_of_softmax_regression(params: Parameters) -> np.ndarray:
    """mean over samples of (diag(p) - p p^T) x (input, 1)(input, 1)^T; weights first, then biases.

    The loss is the mean over steps of equal outputs, so that of one step.
    """
    scores = X @ params.weights[0].T + params.biases[0]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    total = np.zeros((CLASSES * (INPUTS + 1),) * 2)
    for row, probabilities in zip(X, p, strict=True):
        inside = np.diag(probabilities) - np.outer(probabilities, probabilities)
        total += np.kron(inside, np.outer([*row, 1.0], [*row, 1.0])) / BATCH
    of_weights = [c * (INPUTS + 1) + i for c in range(CLASSES) for i in range(INPUTS)]
    order = [*of_weights, *(c * (INPUTS + 1) + INPUTS for c in range(CLASSES))]
    return total[np.ix_(order, order)]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_largest_curvature_of_softmax_regression_is_that_of_its_hessian(seed):
    params = initialise(REGRESSION, seed)
    found = largest_curvature(REGRESSION, params, BPTT(), X, Y)
    expected = np.linalg.eigvalsh(hessian_of_softmax_regression(params))[-1]
    assert found.value == pytest.approx(expected, rel=5e-3)
    assert found.change < 1e-3


def test_a_network_whose_loss_is_flat_has_no_curvature():
    silent = initialise(SPIKING, 0)
    weights = tuple(np.zeros_like(w) - 1e-9 for w in silent.weights)
    biases = (np.full(5, -100.0), np.zeros(CLASSES))
    params = Parameters(weights, biases)
    one_class = np.zeros(BATCH, np.int64)
    along = loss_along(SPIKING, params, BPTT(), X, one_class, [0.0, 1.0], directions=2)
    assert np.allclose(along, np.log(CLASSES), atol=1e-6)


def test_at_radius_zero_the_loss_is_the_rules_own():
    params = initialise(SPIKING, 0)
    loss, _ = Trainer(SPIKING, params, OTTT(), lr=0.1).gradient(X, Y)
    along = loss_along(SPIKING, params, OTTT(), X, Y, [0.0], directions=3)
    assert along.tolist() == [[loss]] * 3


def test_a_direction_has_the_norm_of_each_neurons_weights_and_leaves_biases_alone():
    params = initialise(REGRESSION, 0)
    doubled = Parameters(tuple(2 * w for w in params.weights), params.biases)
    near = loss_along(REGRESSION, params, BPTT(), 2 * X, Y, [0.5], directions=4, seed=3)
    # Twice the weights under half the input is the same function, and so are its directions.
    far = loss_along(REGRESSION, doubled, BPTT(), X, Y, [0.5], directions=4, seed=3)
    assert np.allclose(near, far, rtol=1e-12)


def test_the_same_seed_gives_the_same_directions():
    params = initialise(SPIKING, 0)
    first, again, other = (
        loss_along(SPIKING, params, BPTT(), X, Y, [0.3], directions=2, seed=seed)
        for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radii": []}, r"^radii are \[\]; give one or more numbers\.$"),
        ({"radii": [float("nan")]}, r"^radii are \[nan\]; give one or more numbers\.$"),
        ({"radii": [0.1], "directions": 0}, r"^directions is 0; it must be 1 or more\.$"),
    ],
)
def test_points_that_are_none_are_refused(options, message):
    params = initialise(REGRESSION, 0)
    with pytest.raises(RuleError, match=message):
        loss_along(REGRESSION, params, BPTT(), X, Y, **options)


@pytest.mark.parametrize("step", [0.0, -1.0, float("inf")])
def test_a_step_that_is_none_is_refused(step):
    params = initialise(REGRESSION, 0)
    with pytest.raises(RuleError, match=rf"^step is {step!r}; it must be a number above 0\.$"):
        largest_curvature(REGRESSION, params, BPTT(), X, Y, step=step)
