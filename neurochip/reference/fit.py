"""Training for epochs: mini-batches in a seeded order, falling rates, stages of time steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.errors import RuleError, TrainingError
from neurochip.network import Network, Parameters
from neurochip.reference.optimisers import SGD, Optimiser, cosine
from neurochip.reference.trainer import Trainer
from neurochip.rules import Rule

Schedule: TypeAlias = Literal["constant", "cosine"]
Arrays: TypeAlias = NDArray[Any]

# A loss this many times that of the first batch is no longer learning.
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
class Epoch:
    """What one epoch came to.

    Attributes:
        number: from 1 up, over all stages.
        timesteps: T.
        rate: learning rate at its start.
        loss: mean of the batches' losses.
        network: as trained, with this T.
        params: the parameters after it.
        trainer: for predictions; it goes on learning with the next epoch.
    """

    number: int
    timesteps: int
    rate: float
    loss: float
    network: Network
    params: Parameters
    trainer: Trainer


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

    Yields:
        Each epoch after it.

    Raises:
        RuleError: an option is out of range, or the rule can't train the network.
        DataError: samples or labels don't fit the network.
        TrainingError: the loss is no longer finite, or grew beyond all bounds. Parameters of the
            last epoch yielded are good.
    """
    if schedule not in get_args(Schedule):
        raise RuleError(f"schedule is {schedule!r}; it must be one of 'constant', 'cosine'.")
    if batch < 1 or not stages:
        raise RuleError(
            f"batch is {batch} and stages are {list(stages)}; give one or more of each."
        )
    samples, labels = np.asarray(x), np.asarray(y)
    number = 0
    for stage in stages:
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
        for epoch in range(stage.epochs):
            number += 1
            rate = lr if schedule == "constant" else cosine(lr, epoch, stage.epochs)
            trainer.lr = rate
            trainer.reseed((seed, number))
            # What overflows is found in the loss and in the parameters, and said in words.
            with np.errstate(over="ignore", invalid="ignore"):
                loss = _epoch(trainer, samples, labels, batch, seed, number)
            params = trainer.params
            yield Epoch(number, stage.timesteps, rate, loss, staged, params, trainer)


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


def _epoch(trainer: Trainer, x: Arrays, y: Arrays, batch: int, seed: int, number: int) -> float:
    order = np.random.default_rng([seed, number]).permutation(len(x))
    losses: list[float] = []
    for chosen, samples in batches(trainer.network, x, batch, order):
        losses.append(_learned(trainer, samples, y[chosen], number, len(losses) + 1))
        if losses[-1] > LARGEST_GROWTH * (1.0 + losses[0]):
            raise TrainingError(
                f"the loss grew to {losses[-1]:.3g} in batch {len(losses)} of epoch {number}, from "
                f"{losses[0]:.3g} at its start; lower the learning rate or clip gradients."
            )
    # A membrane that is no number never fires, and so may leave the loss as if nothing were wrong.
    if (what := trainer.first_not_finite()) is not None:
        raise TrainingError(
            f"{what} hold numbers that are not finite after epoch {number}; lower the learning "
            f"rate or clip gradients."
        )
    return math.fsum(losses) / len(losses)


def _learned(trainer: Trainer, samples: Arrays, y: Arrays, epoch: int, batch: int) -> float:
    """The loss of a batch, after learning it."""
    total = 0.0
    for step, loss in enumerate(trainer.steps(samples, y)):
        total += loss
        if not math.isfinite(loss):
            what = trainer.first_not_finite() or "the outputs"
            raise TrainingError(
                f"the loss is {loss} in step {step} of batch {batch} of epoch {epoch}, and {what} "
                f"hold numbers that are not finite; lower the learning rate or clip gradients."
            )
    return total
