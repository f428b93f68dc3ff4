"""Training in float: one batch at a time, by any rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.errors import RuleError
from neurochip.network import Network, Parameters
from neurochip.reference.inference import Inference
from neurochip.reference.inputs import Samples, checked_labels
from neurochip.reference.online import (
    Engine,
    check_currents,
    check_feedback_mode,
    check_no_connection_up,
    is_traced,
    learning_engine,
)
from neurochip.reference.optimisers import SGD, Optimiser, clip
from neurochip.reference.representation import RepresentationPass
from neurochip.reference.through_time import Pass, UnrolledPass
from neurochip.reference.tssl import synapse_of
from neurochip.reference.values import Values, checked_dtype
from neurochip.rules import BPTT, OTTT, SLTT, TSSLBP, Rule, SpikeRepresentation, feedback
from neurochip.rules.losses import Labels, StepLoss
from neurochip.rules.sequences import TRAINS
from neurochip.rules.surrogates import Floats

#: What the forward pass sees in place of the parameters that learn, such as rounded ones.
View: TypeAlias = Callable[[Parameters], Parameters]


class Trainer:
    """A network that learns by a rule, in float.

    With OTTT and SLTT the memory in use doesn't grow with T. A chip's rate of 2^-m is
    lr = T * 2^-m here, because the loss of a step carries 1/T.

    Attributes:
        network: what learns.
        rule: how.
        engine: the state of the batch learnt last by an on-line rule; None before the first.
        passes: the state of the batch learnt last by another rule; None before the first.
        norm: norm of all gradients at the last update, before clipping; None without clipping.
    """

    def __init__(
        self,
        network: Network,
        params: Parameters,
        rule: Rule,
        lr: float | Sequence[float],
        momentum: float = 0.0,
        dtype: DTypeLike = np.float64,
        feedback_weights: Sequence[ArrayLike] | None = None,
        optimiser: Optimiser | None = None,
        clip_norm: float | None = None,
        clamp: float | None = None,
        seed: int = 0,
        view: View | None = None,
    ):
        """Copy the parameters and make the optimiser.

        Args:
            network: what to train.
            params: the parameters to start from.
            rule: any of `neurochip.rules`.
            lr: learning rate, one for all or one for each weight layer.
            momentum: of SGD where no optimiser is given, in [0, 1).
            dtype: float64 or float32, of every array.
            feedback_weights: for OTTT's feedbacks other than "symmetric", one for each weight layer
                above the first: see `neurochip.rules.feedback`.
            optimiser: SGD, Adam or AdamW; None takes SGD.
            clip_norm: the largest norm of all gradients together; None for none.
            clamp: weights are kept in [-clamp, clamp]; None for no bounds.
            seed: of dropout masks.
            view: what forward and backward pass see of the parameters. The gradient at what they
                see goes straight through to the parameters themselves (Bengio, Léonard and
                Courville, 2013, "straight-through estimator"). None: the parameters.

        Raises:
            NetworkError: the parameters don't fit the network.
            RuleError: an option is out of range, or the rule can't train the network.
        """
        network.check(params)
        self.network = network
        self.rule = rule
        self.engine: Engine | None = None
        self.passes: Pass | None = None
        self.norm: float | None = None
        self._dtype = checked_dtype(dtype)
        self._rng = np.random.default_rng([seed, len(network.layers)])
        self._values = Values(network, params, self._dtype)
        self._seen = self._values if view is None else Values(network, params, self._dtype)
        self._gradients = self._values.zeros()
        self._inference = Inference(network, self._seen)
        self._feedback_weights: tuple[Floats, ...] = ()
        check_currents(network)
        check_no_connection_up(network)
        if isinstance(rule, OTTT):
            check_feedback_mode(network, rule)
            self._feedback_weights = feedback.checked(
                rule.feedback, network.sizes, feedback_weights, self._dtype
            )
        self._clip_norm = _checked_bound("clip_norm", clip_norm)
        self._clamp = _checked_bound("clamp", clamp)
        self._optimiser = (optimiser or SGD(momentum)).begin(self._values.learned)
        self._learning_from: tuple[int, bool, bool] | None = None
        self.lr = lr
        self._view: View | None = None
        if view is not None:
            _check_viewed(network)
            self.view = view
        self._prepare(_blank(network))

    @property
    def lr(self) -> tuple[float, ...]:
        """The learning rate of each weight layer; set it to one number or one for each layer."""
        return self._lr

    @lr.setter
    def lr(self, value: float | Sequence[float]) -> None:
        self._lr = _checked_rates(value, len(self._values.weights))
        self._rates = [self._lr[layer] for layer in self._values.layers]

    @property
    def params(self) -> Parameters:
        """A copy of the present parameters, float64."""
        return self._values.parameters

    @property
    def seen(self) -> Parameters:
        """A copy of what the forward pass sees: the parameters, or what the view makes of them."""
        return self._seen.parameters

    @property
    def view(self) -> View | None:
        """What the forward pass sees of the parameters; another one may take its place."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        if self._seen is self._values:
            raise RuleError("the trainer was made without a view; give one when it is made.")
        self._view = view
        self._look()

    @property
    def gradients(self) -> Parameters:
        """A copy of the gradients that were written last, float64."""
        return self._gradients.parameters

    @property
    def optimiser_state(self) -> tuple[Floats, ...]:
        """A copy of what the optimiser keeps from step to step."""
        return tuple(array.copy() for array in self._optimiser.state)

    @optimiser_state.setter
    def optimiser_state(self, arrays: Sequence[Floats]) -> None:
        for own, array in zip(self._optimiser.state, arrays, strict=True):
            np.copyto(own, array)

    def reseed(self, seed: Sequence[int]) -> None:
        """Draw the dropout masks that follow from this seed."""
        self._rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state

    def first_not_finite(self) -> str | None:
        """The lowest parameters that hold a number that isn't finite, in words; None if none do."""
        pairs = sorted(
            zip(self._values.layers, self._values.names, self._values.learned, strict=True),
            key=lambda entry: entry[0],
        )
        # Of finite numbers a sum is finite too, unless they are about to leave the range anyway.
        return next((name for _, name, array in pairs if not np.isfinite(array.sum())), None)

    def largest(self) -> str:
        """The parameters that hold the number of largest magnitude, in words."""
        pairs = zip(self._values.names, self._values.learned, strict=True)
        name, _ = max(pairs, key=lambda entry: float(np.abs(entry[1]).max(initial=0.0)))
        return name

    def learn_batch(self, x: ArrayLike, y: ArrayLike) -> float:
        """Learn one batch.

        Args:
            x: (B, ...), the same at every step, or (T, B, ...).
            y: labels, (B,); for TSSLBP's "kernel" also target spike trains, (T, B, C).

        Returns:
            The batch's loss.
        """
        return sum(self.steps(x, y))

    def steps(self, x: ArrayLike, y: ArrayLike) -> Iterator[float]:
        """Learn one batch, stopping for whoever wants to look: on-line rules after every step.

        Args:
            x: (B, ...) or (T, B, ...).
            y: labels, (B,), or target spike trains.

        Yields:
            loss[t], after the weights' change at t; or the loss, after the only change.
        """
        samples = Samples.of(self.network, x)
        targets = self._targets(y, samples.batch)
        self._prepare(samples)
        if self.passes is not None:
            loss = self.passes.run(samples, targets)
            self._update()
            yield loss
        elif self.engine is not None and isinstance(self.rule, OTTT | SLTT):
            yield from self._online(self.engine, self.rule, samples, targets)

    def gradient(self, x: ArrayLike, y: ArrayLike) -> tuple[float, Parameters]:
        """Loss and gradient of a batch with the present parameters, which stay as they are.

        Of an on-line rule it is the sum over the steps, whatever its `update` says.

        Args:
            x: (B, ...) or (T, B, ...).
            y: labels, (B,), or target spike trains.
        """
        samples = Samples.of(self.network, x)
        targets = self._targets(y, samples.batch)
        self._prepare(samples)
        if self.passes is not None:
            loss = self.passes.run(samples, targets)
        else:
            loss = sum(loss for loss in self._accumulate(samples, targets))
        return loss, self.gradients

    def loss(self, x: ArrayLike, y: ArrayLike) -> float:
        """The loss of a batch as a test sees it: nothing dropped, running statistics of norms.

        That of the spike representation is taken at every step's outputs, not at their rates.

        Args:
            x: (B, ...) or (T, B, ...).
            y: labels, (B,), or target spike trains.
        """
        out, rule = self.outputs(x), self.rule
        targets: Labels | Floats = self._targets(y, out.shape[1])
        if isinstance(rule, TSSLBP):
            return rule.loss_of(out, targets, synapse_of(self.network))[0]
        if isinstance(rule, BPTT):
            return rule.loss_of(out, targets)[0]  # type: ignore[arg-type]
        loss_of = self._step_loss(rule)
        losses: list[float] = [loss_of(o, targets)[0] for o in out]  # type: ignore[arg-type]
        return sum(losses)

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample: see `Inference.predict`."""
        return self._inference.predict(x)

    def outputs(self, x: ArrayLike) -> Floats:
        """o[t] of every step, (T, B, C): see `Inference.outputs`."""
        return self._inference.outputs(x)

    def _online(
        self, engine: Engine, rule: OTTT | SLTT, samples: Samples, y: Labels | Floats
    ) -> Iterator[float]:
        timesteps = self.network.timesteps
        loss_of = self._step_loss(rule)
        self._start(engine)
        for t, x_t in enumerate(samples.frames(self._dtype)):
            o = engine.step(x_t)
            loss, dout = loss_of(o, y)  # type: ignore[arg-type]
            if rule.uses_error_of(t, timesteps):
                engine.learn(dout)
            if rule.updates_at(t, timesteps):
                engine.finish()
                self._update()
                engine.clear()
                engine.refresh()
            yield loss

    def _accumulate(self, samples: Samples, y: Labels | Floats) -> Iterator[float]:
        engine, rule = self.engine, self.rule
        if engine is None or not isinstance(rule, OTTT | SLTT):
            return
        loss_of = self._step_loss(rule)
        self._start(engine)
        for x_t in samples.frames(self._dtype):
            loss, dout = loss_of(engine.step(x_t), y)  # type: ignore[arg-type]
            engine.learn(dout)
            yield loss
        engine.finish()

    def _start(self, engine: Engine) -> None:
        engine.refresh()
        engine.clear()
        engine.begin()

    def _step_loss(self, rule: OTTT | SLTT | SpikeRepresentation) -> StepLoss:
        kind = rule.loss if isinstance(rule, OTTT) else "ce"
        return StepLoss(kind, rule.loss_lambda, self.network.timesteps)

    def _prepare(self, samples: Samples) -> None:
        """Make the nodes for batches like this one, unless they are there."""
        rule, network = self.rule, self.network
        traced = isinstance(rule, OTTT) and is_traced(rule, samples)
        key = (samples.batch, samples.is_static, traced)
        if key == self._learning_from:
            return
        self._learning_from = key
        values, gradients = self._seen, self._gradients
        if isinstance(rule, BPTT | TSSLBP):
            self.passes = UnrolledPass(network, values, gradients, rule, samples.batch, self._rng)
        elif isinstance(rule, SpikeRepresentation):
            self.passes = RepresentationPass(network, values, gradients, rule, samples.batch)
        else:
            self.engine = learning_engine(
                network, values, gradients, rule, samples, self._feedback_weights, self._rng
            )

    def _targets(self, y: ArrayLike, batch: int) -> Labels | Floats:
        if isinstance(self.rule, TSSLBP) and np.ndim(y) == TRAINS:
            return np.asarray(y, self._dtype)
        return checked_labels(self.network, y, batch)

    def _update(self) -> None:
        gradients = self._gradients.learned
        if self._clip_norm is not None:
            self.norm = clip(gradients, self._clip_norm)
        self._optimiser.step(gradients, self._rates)
        if self._clamp is not None:
            for weight in self._values.weights:
                np.clip(weight, -self._clamp, self._clamp, out=weight)
        self._look()

    def _look(self) -> None:
        """Let the forward pass see the parameters as they are now."""
        if self._view is None:
            return
        made = self._view(self._values.parameters)
        for seen, array in zip(
            (*self._seen.weights, *self._seen.biases), (*made.weights, *made.biases), strict=True
        ):
            np.copyto(seen, array)


def _blank(network: Network) -> Samples:
    """One empty sample: what the rule can't train is refused before the first batch."""
    return Samples.of(network, np.zeros((1, *network.in_shape)))


def _check_viewed(network: Network) -> None:
    """Raise RuleError where weights change once more before they are used."""
    if network.norm_layers or any(layer.sws for layer in network.weight_layers):
        raise RuleError(
            "a view is of the weights as they are used, but those of this network are normalised "
            "first; leave BatchNorm and sws out, or fold them first."
        )


def _checked_bound(name: str, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise RuleError(f"{name} is {value!r}; it must be a number above 0, or None.")
    return value


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
