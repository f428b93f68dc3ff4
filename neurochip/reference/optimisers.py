"""Optimisers, and what goes around a step: clipped gradients, clamped weights, falling rates.

An optimiser is described by data (`SGD`, `Adam`, `AdamW`); `begin` makes the state for arrays, and
each `step` changes these in place, as PyTorch's optimisers of the same names do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from neurochip.errors import RuleError
from neurochip.rules.surrogates import Floats

# PyTorch's clip_grad_norm_ adds this to the norm.
CLIP_EPS = 1e-6


class Stepper(Protocol):
    """An optimiser at work on some arrays."""

    def step(self, gradients: Sequence[Floats], rates: Sequence[float]) -> None:
        """One step with one gradient and one rate for each array; uses the gradients up."""

    @property
    def state(self) -> list[Floats]:
        """The arrays that a step changes, beside the parameters: to save, and to write back."""


@dataclass(frozen=True)
class SGD:
    """buf = momentum * buf + g, the first one g;  w -= lr * buf.

    Attributes:
        momentum: in [0, 1).
    """

    momentum: float = 0.0

    def __post_init__(self) -> None:
        """Check the number."""
        _check_below_one("momentum", self.momentum)

    def begin(self, arrays: Sequence[Floats]) -> Stepper:
        """State for these arrays."""
        return _Momentum(arrays, self.momentum) if self.momentum else _Plain(arrays)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, ICLR 2015).

    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
    w -= lr * (m / (1 - beta1^n)) / (sqrt(v / (1 - beta2^n)) + eps) at step n.

    Attributes:
        beta1: in [0, 1).
        beta2: in [0, 1).
        eps: above 0.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_adam(self.beta1, self.beta2, self.eps)

    def begin(self, arrays: Sequence[Floats]) -> Stepper:
        """State for these arrays."""
        return _Adam(arrays, self.beta1, self.beta2, self.eps, 0.0)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay: w *= 1 - lr * weight_decay before each step of Adam.

    (Loshchilov and Hutter, ICLR 2019.)

    Attributes:
        beta1: in [0, 1).
        beta2: in [0, 1).
        eps: above 0.
        weight_decay: from 0 up.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_adam(self.beta1, self.beta2, self.eps)
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise RuleError(
                f"weight_decay is {self.weight_decay!r}; it must be a number from 0 up."
            )

    def begin(self, arrays: Sequence[Floats]) -> Stepper:
        """State for these arrays."""
        return _Adam(arrays, self.beta1, self.beta2, self.eps, self.weight_decay)


Optimiser: TypeAlias = SGD | Adam | AdamW


def clip(gradients: Sequence[Floats], limit: float) -> float:
    """Scale gradients in place so that the norm of all together is at most `limit`.

    Returns:
        The norm before.
    """
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    factor = limit / (norm + CLIP_EPS)
    if factor < 1.0:
        for gradient in gradients:
            gradient *= factor
    return norm


def cosine(start: float, epoch: float, epochs: int, end: float = 0.0) -> float:
    """Rate of the cosine schedule: end + (start - end) * (1 + cos(pi * epoch / epochs)) / 2.

    Args:
        start: rate of epoch 0.
        epoch: from 0 up to `epochs`, in fractions too.
        epochs: length of the schedule.
        end: rate that it falls to.
    """
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))


class _Plain:
    """w -= lr * g."""

    def __init__(self, arrays: Sequence[Floats]):
        self._arrays = arrays
        self.state: list[Floats] = []

    def step(self, gradients: Sequence[Floats], rates: Sequence[float]) -> None:
        for w, g, lr in zip(self._arrays, gradients, rates, strict=True):
            g *= lr
            w -= g


class _Momentum:
    """buf = momentum * buf + g;  w -= lr * buf."""

    def __init__(self, arrays: Sequence[Floats], momentum: float):
        self._arrays = arrays
        self._momentum = momentum
        self._buffers = [np.zeros_like(w) for w in arrays]
        self.state = self._buffers

    def step(self, gradients: Sequence[Floats], rates: Sequence[float]) -> None:
        for w, buf, g, lr in zip(self._arrays, self._buffers, gradients, rates, strict=True):
            buf *= self._momentum
            buf += g
            np.multiply(buf, lr, out=g)
            w -= g


class _Adam:
    """Adam and AdamW."""

    def __init__(
        self, arrays: Sequence[Floats], beta1: float, beta2: float, eps: float, weight_decay: float
    ):
        self._arrays = arrays
        self._betas = beta1, beta2
        self._eps = eps
        self._weight_decay = weight_decay
        self._means = [np.zeros_like(w) for w in arrays]
        self._squares = [np.zeros_like(w) for w in arrays]
        self._count = np.zeros(())
        self.state = [*self._means, *self._squares, self._count]

    def step(self, gradients: Sequence[Floats], rates: Sequence[float]) -> None:
        self._count += 1.0
        beta1, beta2 = self._betas
        count = int(self._count)
        of_mean, of_square = 1.0 - beta1**count, 1.0 - beta2**count
        states = zip(self._arrays, self._means, self._squares, gradients, rates, strict=True)
        for w, mean, square, g, lr in states:
            if self._weight_decay:
                w *= 1.0 - lr * self._weight_decay
            mean += (1.0 - beta1) * (g - mean)
            square *= beta2
            np.multiply(g, g, out=g)
            g *= 1.0 - beta2
            square += g
            np.sqrt(square, out=g)
            g /= math.sqrt(of_square)
            g += self._eps
            np.divide(mean, g, out=g)
            g *= lr / of_mean
            w -= g


def _check_below_one(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise RuleError(f"{name} is {value!r}; it must be a number from 0 up and below 1.")


def _check_adam(beta1: float, beta2: float, eps: float) -> None:
    _check_below_one("beta1", beta1)
    _check_below_one("beta2", beta2)
    if not (math.isfinite(eps) and eps > 0):
        raise RuleError(f"eps is {eps!r}; it must be a number above 0.")
