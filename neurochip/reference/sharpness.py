"""How sharp the minimum is that a training found: the loss around it, and its largest curvature.

TET claims that its minima are flatter than those of the loss of the mean output (Deng et al., ICLR
2022, section 4.2). Compare two trainings by one loss, with the same samples and seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.errors import RuleError
from neurochip.network import Network, Norm, Parameters
from neurochip.reference.trainer import Trainer
from neurochip.rules import Rule

Reals = NDArray[np.float64]

# Power iteration ends when the eigenvalue changes by less than this share, or after so many steps.
TOLERANCE = 1e-3
MAX_ITERATIONS = 50
# Half the distance of the two gradients of a difference, as a share of the parameters' norm.
STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Curvature:
    """The largest eigenvalue of the loss's second derivative, by magnitude.

    Attributes:
        value: loss per squared unit of the parameters.
        iterations: gradients were taken twice as often.
        change: the last relative change of the value; above `TOLERANCE` it had not settled.
    """

    value: float
    iterations: int
    change: float


class _Batch(NamedTuple):
    """Whose loss it is."""

    network: Network
    rule: Rule
    x: Any
    y: Any

    def at(self, params: Parameters) -> tuple[float, Reals]:
        """Loss and gradient of some parameters."""
        trainer = Trainer(self.network, params, self.rule, lr=0.0)
        loss, gradient = trainer.gradient(self.x, self.y)
        return loss, _vector(gradient)


def loss_along(
    network: Network,
    params: Parameters,
    rule: Rule,
    x: ArrayLike,
    y: ArrayLike,
    radii: Sequence[float],
    directions: int = 10,
    seed: int = 0,
) -> Reals:
    """The loss at points around the parameters, along random filter-normalised directions.

    A direction has normal numbers in all weights, scaled so that each neuron's (or filter's) have
    the norm of the weights themselves; biases, gains and norms stay as they are (Li et al., NeurIPS
    2018, section 4).

    Args:
        network: whose parameters they are.
        params: the minimum.
        rule: the one whose loss is taken.
        x: (B, ...) or (T, B, ...).
        y: labels, (B,).
        radii: how far to go; 1 is as far as the weights are from zero.
        directions: how many.
        seed: of the directions.

    Returns:
        (directions, len(radii)).

    Raises:
        RuleError: there are no radii or directions, or a radius isn't a number.
    """
    if not all(math.isfinite(radius) for radius in radii) or not len(radii):
        raise RuleError(f"radii are {list(radii)}; give one or more numbers.")
    if directions < 1:
        raise RuleError(f"directions is {directions}; it must be 1 or more.")
    batch = _Batch(network, rule, x, y)
    losses = np.zeros((directions, len(radii)))
    for row, direction in zip(losses, _directions(params, directions, seed), strict=True):
        for place, radius in enumerate(radii):
            row[place], _ = batch.at(_moved(params, direction, radius))
    return losses


def largest_curvature(
    network: Network,
    params: Parameters,
    rule: Rule,
    x: ArrayLike,
    y: ArrayLike,
    seed: int = 0,
    step: float = STEP,
) -> Curvature:
    """The largest eigenvalue of the Hessian by power iteration over all learned numbers.

    A product of the Hessian with a vector v of norm 1 is the difference of the gradients at params
    +- h v over 2 h, h = step * |params|. The gradient is the rule's own: through surrogates, where
    there are spikes. It jumps where a spike comes or goes, so that a curvature is one at the scale
    of h, not in the limit.

    Args:
        network: whose parameters they are.
        params: the minimum.
        rule: the one whose gradient is taken.
        x: (B, ...) or (T, B, ...).
        y: labels, (B,).
        seed: of the first vector.
        step: see above.

    Raises:
        RuleError: the step isn't above 0.
    """
    if not (math.isfinite(step) and step > 0):
        raise RuleError(f"step is {step!r}; it must be a number above 0.")
    batch = _Batch(network, rule, x, y)
    origin = _vector(params)
    h = step * float(np.linalg.norm(origin))
    v = np.random.default_rng(seed).normal(size=origin.size)
    value, change, iterations = 0.0, math.inf, 0
    while change >= TOLERANCE and iterations < MAX_ITERATIONS:
        iterations += 1
        v /= np.linalg.norm(v)
        (_, ahead), (_, behind) = (
            batch.at(_with_vector(params, origin + sign * h * v)) for sign in (1, -1)
        )
        product = (ahead - behind) / (2.0 * h)
        before, value = value, float(v @ product)
        change = abs(value - before) / abs(value) if value else 0.0
        v = product
    return Curvature(value, iterations, change)


def _directions(params: Parameters, count: int, seed: int) -> Iterator[tuple[Reals, ...]]:
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield tuple(_like_filters(rng.normal(size=w.shape), w) for w in params.weights)


def _like_filters(noise: Reals, weight: Reals) -> Reals:
    """Noise with the norm of the weights in each row of the first axis."""
    axes = tuple(range(1, weight.ndim))
    norms = [np.sqrt((array**2).sum(axis=axes, keepdims=True)) for array in (weight, noise)]
    scaled: Reals = noise * norms[0] / norms[1]
    return scaled


def _moved(params: Parameters, direction: tuple[Reals, ...], radius: float) -> Parameters:
    pairs = zip(params.weights, direction, strict=True)
    return replace(params, weights=tuple(w + radius * d for w, d in pairs))


def _learned(params: Parameters) -> list[Reals]:
    of_norms = [array for norm in params.norms for array in (norm.weight, norm.bias)]
    return [*params.weights, *params.biases, *params.gains, *of_norms]


def _vector(params: Parameters) -> Reals:
    return np.concatenate([array.ravel() for array in _learned(params)])


def _with_vector(params: Parameters, vector: Reals) -> Parameters:
    ends = np.cumsum([array.size for array in _learned(params)])[:-1]
    parts = iter(np.split(vector, ends))
    weights, biases, gains = (
        tuple(next(parts).reshape(array.shape) for array in arrays)
        for arrays in (params.weights, params.biases, params.gains)
    )
    norms = tuple(Norm(next(parts), next(parts), norm.mean, norm.var) for norm in params.norms)
    return Parameters(weights, biases, gains, norms)
