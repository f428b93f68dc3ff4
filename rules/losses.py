"""Losses of one time step and their gradients by the read-out o[t].

Every loss of a step carries 1/T, so that a sample's loss is the mean over its steps.
`o` is (B, C) float, `y` is (B,) whole numbers in [0, C).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.rules.surrogates import Floats

LossKind: TypeAlias = Literal["ce", "mse"]
Labels: TypeAlias = NDArray[np.int64]


def cross_entropy(o: Floats, y: Labels) -> tuple[float, Floats]:
    """CE(o, y) = -log softmax(o)[y], mean over the batch.

    Returns:
        The loss, and its gradient (softmax(o) - onehot(y)) / B of shape (B, C).
    """
    rows = np.arange(len(y))
    shifted = o - o.max(axis=1, keepdims=True)
    at_label = shifted[rows, y]
    np.exp(shifted, out=shifted)
    total = shifted.sum(axis=1, keepdims=True)
    loss = float((np.log(total[:, 0]) - at_label).mean())
    shifted /= total
    shifted[rows, y] -= 1.0
    shifted /= len(y)
    return loss, shifted


def mean_squared(o: Floats, y: Labels) -> tuple[float, Floats]:
    """MSE(o, onehot(y)), mean over the batch and the classes (the paper's second loss).

    Returns:
        The loss, and its gradient 2 * (o - onehot(y)) / (B * C) of shape (B, C).
    """
    difference = _minus_onehot(o, y)
    loss = float((difference * difference).mean())
    difference *= 2.0 / difference.size
    return loss, difference


def squared_error(o: Floats, y: Labels) -> tuple[float, Floats]:
    """Half the squared distance, 0.5 * sum_c (o - onehot(y))^2, mean over the batch.

    Its error o - onehot(y) needs no exponential: the chip's second kind of loss.

    Returns:
        The loss, and its gradient (o - onehot(y)) / B of shape (B, C).
    """
    difference = _minus_onehot(o, y)
    loss = 0.5 * float((difference * difference).sum()) / len(y)
    difference /= len(y)
    return loss, difference


@dataclass(frozen=True)
class StepLoss:
    """The loss that one time step adds to a sample's loss.

    ce:  ((1 - loss_lambda) * CE(o, y) + loss_lambda * MSE(o, onehot)) / T  (Xiao et al., 2022).
    mse: 0.5 * sum_c (o - onehot)^2 / T.

    Attributes:
        kind: "ce" or "mse".
        loss_lambda: share of the mean squared error in "ce", in [0, 1].
        timesteps: T.
    """

    kind: LossKind
    loss_lambda: float
    timesteps: int

    def __call__(self, o: Floats, y: Labels) -> tuple[float, Floats]:
        """The loss of a step and its gradient by o, of shape (B, C)."""
        if self.kind == "mse":
            loss, dout = squared_error(o, y)
        else:
            loss, dout = cross_entropy(o, y)
            if self.loss_lambda:
                mse, dmse = mean_squared(o, y)
                loss = (1.0 - self.loss_lambda) * loss + self.loss_lambda * mse
                dout *= 1.0 - self.loss_lambda
                dmse *= self.loss_lambda
                dout += dmse
        dout /= self.timesteps
        return loss / self.timesteps, dout


def _minus_onehot(o: Floats, y: Labels) -> Floats:
    difference = o.copy()
    difference[np.arange(len(y)), y] -= 1.0
    return difference
