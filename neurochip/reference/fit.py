"""Training for epochs: mini-batches in a seeded order, falling rates, stages of time steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.errors import DataError, RuleError, TrainingError
from neurochip.network import Network, Parameters
from neurochip.reference.optimisers import SGD, Optimiser, cosine
from neurochip.reference.trainer import Trainer
from neurochip.rules import Rule
from neurochip.rules.surrogates import Floats

Schedule: TypeAlias = Literal["constant", "cosine"]
Arrays: TypeAlias = NDArray[Any]

# A loss this many times the first one is no longer learning.
LARGEST_GROWTH = 1e4


@dataclass(frozen=True)
class Stage:
    """Some epochs at some number of time steps.

    Several stages are time inheritance training (Deng et al., ICLR 2022): learn at a small T, then
    for fewer epochs at a larger one, with the same parameters.

    Attributes:
        timesteps: T.
        epochs: how often every sample is shown.
    """

    timesteps: int
    epochs: int

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, value in (("timesteps", self.timesteps), ("epochs", self.epochs)):
            if value < 1:
                raise RuleError(f"a stage has {name} = {value}; it must be 1 or more.")


@dataclass(frozen=True, eq=False)
class Progress:
    """What it takes to go on after an epoch, bit for bit.

    Attributes:
        number: epochs done, over all stages.
        params: the parameters.
        state: the optimiser's arrays.
    """

    number: int
    params: Parameters
    state: tuple[Floats, ...]


@dataclass(frozen=True, eq=False)
class Epoch:
    """What one epoch came to.

    Attributes:
        number: from 1 up, over all stages.
        timesteps: T.
        rate: learning rate at its start.
        loss: mean of the batches' losses.
        network: as trained, with this T.
        progress: for `fit` to go on after it.
        trainer: for predictions; it goes on learning with the next epoch.
    """

    number: int
    timesteps: int
    rate: float
    loss: float
    network: Network
    progress: Progress
    trainer: Trainer

    @property
    def params(self) -> Parameters:
        """The parameters after it."""
        return self.progress.params


def fit(
    network: Network,
    params: Parameters,
    rule: Rule,
    x: ArrayLike,
    y: ArrayLike,
    stages: Sequence[Stage],
    lr: float,
    batch: int = 128,
    schedule: Schedule = "cosine",
    optimiser: Optimiser | None = None,
    clip_norm: float | None = None,
    clamp: float | None = None,
    dtype: DTypeLike = np.float32,
    seed: int = 0,
    after: Progress | None = None,
    before_batch: Callable[[], None] = lambda: None,
) -> Iterator[Epoch]:
    """Train a network, an epoch at a time, for whoever saves or stops in between.

    The order of an epoch's samples and its dropout masks come from (seed, epoch) alone. Each stage
    begins with a fresh optimiser and its schedule runs over the stage.

    Args:
        network: what to train; its own `timesteps` give way to those of the stages.
        params: the parameters to start from.
        rule: any of `neurochip.rules`.
        x: samples, (n, ...), the same at every step; or (n, T, ...) for one stage of that T.
        y: labels, (n,).
        stages: one or more.
        lr: learning rate at the start of a stage.
        batch: samples of an update; the last of an epoch may have fewer.
        schedule: "constant", or "cosine", which falls to 0 over a stage.
        optimiser: SGD, Adam or AdamW; None takes SGD with momentum 0.9.
        clip_norm: the largest norm of all gradients together; None for none.
        clamp: weights are kept in [-clamp, clamp]; None for no bounds.
        dtype: float32 or float64.
        seed: of order and masks.
        after: where to go on, with all else as before; None begins.
        before_batch: called before every batch, for whoever wants to end it by an exception.

    Yields:
        Each epoch after it.

    Raises:
        RuleError: an option is out of range, or the rule can't train the network.
        DataError: samples or labels don't fit the network.
        TrainingError: the loss is no longer finite, or grew beyond all bounds. Parameters of the
            last epoch yielded are good: its last batch was shown to them once more.
    """
    if schedule not in get_args(Schedule):
        raise RuleError(f"schedule is {schedule!r}; it must be one of 'constant', 'cosine'.")
    if batch < 1 or not stages:
        raise RuleError(
            f"batch is {batch} and stages are {list(stages)}; give one or more of each."
        )
    samples, labels = np.asarray(x), np.asarray(y)
    if len(samples) != len(labels):
        raise DataError(f"there are {len(samples)} samples and {len(labels)} labels; give as many.")
    if not len(samples):
        raise DataError("there are no samples to learn; give one or more.")
    for stage in stages:
        _check_stage(replace(network, timesteps=stage.timesteps), params, rule)
    guard = _Guard()
    params = params if after is None else after.params
    done = 0 if after is None else after.number
    first = 1
    for stage in stages:
        numbers = range(max(first, done + 1), first + stage.epochs)
        begins_anew = not first <= done < first + stage.epochs
        first += stage.epochs
        if not numbers:
            continue
        staged = replace(network, timesteps=stage.timesteps)
        trainer = Trainer(
            staged,
            params,
            rule,
            lr,
            dtype=dtype,
            optimiser=optimiser or SGD(momentum=0.9),
            clip_norm=clip_norm,
            clamp=clamp,
        )
        if after is not None and not begins_anew:
            trainer.optimiser_state = after.state
        for number in numbers:
            rate = _rate(schedule, lr, number - (first - stage.epochs), stage.epochs)
            trainer.lr = rate
            trainer.reseed((seed, number))
            # What overflows is found in the loss and in the parameters, and said in words.
            with np.errstate(over="ignore", invalid="ignore"):
                order = np.random.default_rng([seed, number]).permutation(len(samples))
                parts = batches(staged, samples, batch, order)
                loss = _epoch(trainer, guard, parts, labels, number, before_batch)
            params = trainer.params
            progress = Progress(number, params, trainer.optimiser_state)
            yield Epoch(number, stage.timesteps, rate, loss, staged, progress, trainer)


def batches(
    network: Network, x: Arrays, batch: int, order: Arrays
) -> Iterator[tuple[Arrays, Arrays]]:
    """Numbers of a batch's samples, and the samples as the engine takes them: time first.

    Args:
        network: whose samples they are.
        x: (n, ...), the same at every step, or (n, T, ...).
        batch: samples at a time.
        order: numbers of all samples.
    """
    is_static = x.ndim == 2 or x.shape[1:] == network.in_shape
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        yield chosen, x[chosen] if is_static else np.moveaxis(x[chosen], 1, 0)


def _rate(schedule: Schedule, lr: float, epoch: int, epochs: int) -> float:
    return lr if schedule == "constant" else cosine(lr, epoch, epochs)


def _check_stage(network: Network, params: Parameters, rule: Rule) -> None:
    """Take a gradient of one empty sample: what can't be trained is refused before any batch."""
    trainer = Trainer(network, params, rule, lr=0.0)
    trainer.gradient(np.zeros((1, *network.in_shape)), np.zeros(1, np.int64))


class _Guard:
    """Watches the loss, from the first one on."""

    def __init__(self) -> None:
        self._first: float | None = None

    def check(self, loss: float, trainer: Trainer, where: str) -> None:
        """Raise TrainingError where the loss is no number, or too large a one."""
        if not math.isfinite(loss):
            what = trainer.first_not_finite() or "the outputs"
            raise TrainingError(
                f"the loss is {loss} in {where}, and {what} hold numbers that are not finite; "
                f"lower the learning rate or clip gradients."
            )
        if self._first is None:
            self._first = loss
        if loss > LARGEST_GROWTH * (1.0 + self._first):
            raise TrainingError(
                f"the loss grew from {self._first:.3g} to {loss:.3g} in {where}, and "
                f"{trainer.largest()} are the largest; lower the learning rate or clip gradients."
            )

    def check_parameters(self, trainer: Trainer, where: str) -> None:
        """Raise TrainingError where a parameter is no number: a membrane that is none never fires,
        and so may leave the loss as if nothing were wrong.
        """
        if (what := trainer.first_not_finite()) is not None:
            raise TrainingError(
                f"{what} hold numbers that are not finite after {where}; lower the learning rate "
                f"or clip gradients."
            )


def _epoch(
    trainer: Trainer,
    guard: _Guard,
    parts: Iterator[tuple[Arrays, Arrays]],
    y: Arrays,
    number: int,
    before_batch: Callable[[], None],
) -> float:
    losses: list[float] = []
    for chosen, samples in parts:
        before_batch()
        losses.append(0.0)
        where = f"batch {len(losses)} of epoch {number}"
        for step, loss in enumerate(trainer.steps(samples, y[chosen])):
            # Rules that go back through time have one loss, of all steps.
            guard.check(loss, trainer, where if trainer.passes else f"step {step} of {where}")
            losses[-1] += loss
        guard.check_parameters(trainer, where)
    # What the last update came to, no batch of this epoch has shown.
    guard.check(trainer.loss(samples, y[chosen]), trainer, f"{where}, shown again after its update")
    return math.fsum(losses) / len(losses)
