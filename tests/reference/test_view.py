"""Weights as the forward pass sees them: gradients go straight through to those that learn."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import pytest

from neurochip.errors import RuleError
from neurochip.network import BatchNorm, Dense, Network, Parameters, initialise
from neurochip.reference import Trainer
from neurochip.rules import BPTT, OTTT, Rule, Surrogate
from tests.naive import float_ottt as naive

SIZES = [5, 4, 3]
NETWORK = Network.mlp(SIZES, timesteps=3)
PARAMS = initialise(NETWORK, 1)
RNG = np.random.default_rng(0)
X = RNG.random((6, 5))
Y = RNG.integers(0, 3, 6)
RULE = OTTT(update="accumulate", surrogate=Surrogate("sigmoid", 2.5), trace_input=False)


def rounded(params: Parameters) -> Parameters:
    """Every number to the nearest multiple of 1/4."""
    return Parameters(
        tuple(np.round(w * 4) / 4 for w in params.weights),
        tuple(np.round(b * 4) / 4 for b in params.biases),
    )


def flat(params: Parameters) -> Any:
    return np.concatenate([array.ravel() for array in (*params.weights, *params.biases)])


def test_training_is_that_of_the_plain_way() -> None:
    """Each step's gradient at the rounded weights is taken from the weights that aren't."""
    rate, momentum = 0.4, 0.5
    trainer = Trainer(NETWORK, PARAMS, RULE, rate, momentum, view=rounded)
    weights = [w.tolist() for w in PARAMS.weights]
    biases = [[b.tolist()] for b in PARAMS.biases]
    buffers = [[[0.0] * len(row) for row in matrix] for matrix in (*weights, *biases)]
    model = naive.Model(0.5, 1.0, None, 2.5, 0.0, False, NETWORK.timesteps, len(Y))
    for _ in range(4):
        trainer.learn_batch(X, Y)
        seen = [[[round(v * 4) / 4 for v in row] for row in m] for m in (*weights, *biases)]
        samples = [naive.Sample(model, SIZES) for _ in Y]
        total = [[[0.0] * len(row) for row in matrix] for matrix in seen]
        for _ in range(NETWORK.timesteps):
            moment = naive.step(samples, seen[:2], [b[0] for b in seen[2:]], X.tolist(), Y.tolist())
            gradients = [*moment.g_weights, *([g] for g in moment.g_biases)]
            for sums, gradient in zip(total, gradients, strict=True):
                naive.add_scaled(sums, gradient, 1.0)
        naive.descend([*weights, *biases], buffers, total, rate, momentum)
        plain = [np.ravel(matrix) for matrix in (*weights, *biases)]
        np.testing.assert_allclose(flat(trainer.params), np.concatenate(plain), atol=1e-12)
    assert not np.array_equal(flat(trainer.params), flat(PARAMS))


@pytest.mark.parametrize("rule", [RULE, OTTT(update="online"), BPTT()], ids=["A", "O", "bptt"])
def test_the_gradient_is_the_one_at_what_is_seen(rule: Rule) -> None:
    through = Trainer(NETWORK, PARAMS, rule, 0.1, view=rounded)
    there = Trainer(NETWORK, rounded(PARAMS), rule, 0.1)
    loss, gradient = through.gradient(X, Y)
    assert loss == there.gradient(X, Y)[0]
    np.testing.assert_array_equal(flat(gradient), flat(there.gradients))
    np.testing.assert_array_equal(flat(through.params), flat(PARAMS))


@pytest.mark.parametrize("update", ["online", "accumulate"])
def test_what_is_seen_follows_what_learns(update: Literal["online", "accumulate"]) -> None:
    trainer = Trainer(NETWORK, PARAMS, OTTT(update=update), 0.5, view=rounded)
    for _ in range(3):
        trainer.learn_batch(X, Y)
        np.testing.assert_array_equal(flat(trainer.seen), flat(rounded(trainer.params)))
    plain = Trainer(NETWORK, trainer.seen, RULE, 0.5)
    np.testing.assert_array_equal(trainer.outputs(X), plain.outputs(X))


def test_another_view_takes_its_place() -> None:
    trainer = Trainer(NETWORK, PARAMS, RULE, 0.5, view=rounded)
    trainer.view = lambda params: params
    np.testing.assert_array_equal(flat(trainer.seen), flat(PARAMS))
    assert trainer.view is not None


def test_without_a_view_what_learns_is_seen() -> None:
    trainer = Trainer(NETWORK, PARAMS, RULE, 0.5)
    trainer.learn_batch(X, Y)
    np.testing.assert_array_equal(flat(trainer.seen), flat(trainer.params))
    assert trainer.view is None
    sentence = "the trainer was made without a view; give one when it is made."
    with pytest.raises(RuleError, match=f"^{re.escape(sentence)}$"):
        trainer.view = rounded


def test_weights_that_are_normalised_have_no_view() -> None:
    first, *rest = NETWORK.layers
    assert isinstance(first, Dense)
    layers = (first, BatchNorm(first.n_out), *rest)
    network = Network(layers, NETWORK.timesteps, NETWORK.in_shape)
    sentence = (
        "a view is of the weights as they are used, but those of this network are normalised "
        "first; leave BatchNorm and sws out, or fold them first."
    )
    with pytest.raises(RuleError, match=f"^{re.escape(sentence)}$"):
        Trainer(network, initialise(network, 0), BPTT(), 0.1, view=rounded)
