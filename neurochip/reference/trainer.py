"""Training in float: OTTT-O, OTTT-A, and the last step only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.errors import RuleError
from neurochip.network import Network, Parameters
from neurochip.reference.backward import Backward, Gradients
from neurochip.reference.engine import Engine
from neurochip.reference.inputs import (
    batch_of,
    carries_spikes,
    checked_input,
    checked_labels,
    frames,
)
from neurochip.reference.optimisers import SGD, MomentumSGD
from neurochip.rules import feedback
from neurochip.rules.losses import StepLoss
from neurochip.rules.ottt import OTTT
from neurochip.rules.surrogates import Floats

# Samples that `predict` shows at a time, so that its memory doesn't grow with the data set.
PREDICT_BATCH = 512


class Trainer:
    """A network that learns by OTTT with stochastic gradient descent, in float.

    The memory in use doesn't grow with T. A chip's rate of 2^-m is lr = T * 2^-m here, because the
    loss of a step carries 1/T.

    Attributes:
        network: what learns.
        rule: how.
        engine: the forward state of the batch learnt last; None before the first.
        backward: its traces and errors; None before the first.
    """

    def __init__(
        self,
        network: Network,
        params: Parameters,
        rule: OTTT,
        lr: float | Sequence[float],
        momentum: float = 0.0,
        dtype: DTypeLike = np.float64,
        feedback_weights: Sequence[ArrayLike] | None = None,
    ):
        """Copy the parameters and make the optimiser.

        Args:
            network: what to train.
            params: the weights to start from.
            rule: OTTT with its options.
            lr: learning rate, one for all or one for each weight layer.
            momentum: in [0, 1).
            dtype: float64 or float32, of every array.
            feedback_weights: for the feedbacks other than "symmetric", one for each weight layer
                above the first: see `neurochip.rules.feedback`.
        """
        network.check(params)
        self.network = network
        self.rule = rule
        self.engine: Engine | None = None
        self.backward: Backward | None = None
        self._dtype = checked_dtype(dtype)
        self._weights = [np.array(w, self._dtype) for w in params.weights]
        self._biases = [np.array(b, self._dtype) for b in params.biases]
        self._feedback_weights = feedback.checked(
            rule.feedback, network.sizes, feedback_weights, self._dtype
        )
        self._loss = StepLoss(rule.loss, rule.loss_lambda, network.timesteps)
        self._gradients = Gradients(self._weights, self._biases)
        # The layer of each array that learns: all weights, then the biases of layers that have any.
        self._layers = [*range(len(self._weights))]
        self._layers += [i for i, layer in enumerate(network.dense) if layer.bias]
        self._optimiser = _optimiser(self._learning(self._weights, self._biases), momentum)
        self.lr = lr

    @property
    def lr(self) -> tuple[float, ...]:
        """The learning rate of each weight layer; set it to one number or one for each layer."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Sequence[float]) -> None:
        self._lr = _checked_rates(value, len(self._weights))
        self._rates = [self._lr[layer] for layer in self._layers]

    @property
    def params(self) -> Parameters:
        """A copy of the present weights and biases, float64."""
        return Parameters(
            tuple(weight.astype(np.float64) for weight in self._weights),
            tuple(bias.astype(np.float64) for bias in self._biases),
        )

    def learn_batch(self, x: ArrayLike, y: ArrayLike) -> float:
        """Learn one batch.

        Args:
            x: (B, n_in), the same at every step, or (T, B, n_in).
            y: labels, (B,).

        Returns:
            The batch's loss: the sum over t of the losses of the steps, each with its 1/T.
        """
        return sum(self.steps(x, y))

    def steps(self, x: ArrayLike, y: ArrayLike) -> Iterator[float]:
        """Learn one batch, stopping after every time step for whoever wants to look.

        Args:
            x: (B, n_in) or (T, B, n_in).
            y: labels, (B,).

        Yields:
            loss[t], after the weights' change at t.
        """
        samples = checked_input(self.network, x)
        labels = checked_labels(self.network, y, batch_of(samples))
        timesteps, rule = self.network.timesteps, self.rule
        engine, backward = self._begin(samples)
        for t, x_t in enumerate(frames(samples, timesteps, self._dtype)):
            o = engine.step(x_t)
            backward.follow(x_t)
            loss, dout = self._loss(o, labels)
            if rule.uses_error_of(t, timesteps):
                backward.send_down(dout)
                self._gradients.add(backward)
            if rule.updates_at(t, timesteps):
                self._update()
            yield loss

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample: argmax over classes of the sum over t of o[t].

        Args:
            x: (B, n_in) or (T, B, n_in).

        Returns:
            (B,) int64; of equal sums the first class.
        """
        samples = checked_input(self.network, x)
        starts = range(0, batch_of(samples), PREDICT_BATCH)
        parts = [self._predict(samples[..., i : i + PREDICT_BATCH, :]) for i in starts]
        return np.concatenate(parts)

    def _predict(self, samples: NDArray[Any]) -> NDArray[np.int64]:
        engine = Engine(self.network, self._weights, self._biases, batch_of(samples))
        total = np.zeros((engine.batch, self.network.n_out), self._dtype)
        for x_t in frames(samples, self.network.timesteps, self._dtype):
            total += engine.step(x_t)
        classes: NDArray[np.int64] = total.argmax(axis=1).astype(np.int64, copy=False)
        return classes

    def _begin(self, samples: NDArray[Any]) -> tuple[Engine, Backward]:
        batch = batch_of(samples)
        engine, backward = self.engine, self.backward
        traced = is_traced(self.rule, samples)
        if engine is None or engine.batch != batch:
            engine, backward = Engine(self.network, self._weights, self._biases, batch), None
        if backward is None or backward.traced != traced:
            backward = Backward(engine, self.rule, self._feedback_weights, traced)
        self.engine, self.backward = engine, backward
        engine.begin()
        backward.begin()
        self._gradients.clear()
        return engine, backward

    def _update(self) -> None:
        gradients = self._learning(self._gradients.weights, self._gradients.biases)
        self._optimiser.step(gradients, self._rates)
        self._gradients.clear()

    def _learning(self, weights: Sequence[Floats], biases: Sequence[Floats]) -> list[Floats]:
        learning = zip(biases, self.network.dense, strict=True)
        return [*weights, *(bias for bias, layer in learning if layer.bias)]


def is_traced(rule: OTTT, samples: NDArray[Any]) -> bool:
    """Whether the input has a trace: as the rule says, or else where it is spikes."""
    return carries_spikes(samples) if rule.trace_input is None else rule.trace_input


def checked_dtype(dtype: DTypeLike) -> np.dtype[np.floating[Any]]:
    """`dtype` as float64 or float32.

    Raises:
        RuleError: if it is neither.
    """
    wanted = np.dtype(dtype)
    for known in (np.dtype(np.float64), np.dtype(np.float32)):
        if wanted == known:
            return known
    raise RuleError(f"dtype is {wanted}; the float engine needs float64 or float32.")


def _checked_rates(value: float | Sequence[float], n_layers: int) -> tuple[float, ...]:
    rates = np.asarray(value, np.float64)
    if rates.shape not in ((), (n_layers,)):
        raise RuleError(
            f"lr has shape {rates.shape}; give one number, or one for each of the {n_layers} "
            f"weight layers."
        )
    rates = np.broadcast_to(rates, (n_layers,))
    for rate in rates:
        if not (math.isfinite(rate) and rate >= 0):
            raise RuleError(f"lr is {float(rate)!r}; it must be a number from 0 up.")
    return tuple(float(rate) for rate in rates)


def _optimiser(parameters: Sequence[Floats], momentum: float) -> SGD | MomentumSGD:
    if not 0 <= momentum < 1:
        raise RuleError(f"momentum is {momentum!r}; it must be a number from 0 up and below 1.")
    return MomentumSGD(parameters, momentum) if momentum else SGD(parameters)
