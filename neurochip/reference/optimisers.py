"""Stochastic gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurochip.rules.surrogates import Floats


class SGD:
    """w -= lr * g."""

    def __init__(self, parameters: Sequence[Floats]):
        """Change these arrays in place at every step."""
        self._parameters = parameters

    def step(self, gradients: Sequence[Floats], rates: Sequence[float]) -> None:
        """One step with one gradient and one rate for each array; uses the gradients up."""
        for w, g, lr in zip(self._parameters, gradients, rates, strict=True):
            g *= lr
            w -= g


class MomentumSGD:
    """buf = momentum * buf + g, the first one g;  w -= lr * buf."""

    def __init__(self, parameters: Sequence[Floats], momentum: float):
        """Change these arrays in place at every step."""
        self._parameters = parameters
        self._momentum = momentum
        self._buffers = [np.zeros_like(w) for w in parameters]

    def step(self, gradients: Sequence[Floats], rates: Sequence[float]) -> None:
        """One step with one gradient and one rate for each array; uses the gradients up."""
        arrays = zip(self._parameters, self._buffers, gradients, rates, strict=True)
        for w, buf, g, lr in arrays:
            buf *= self._momentum
            buf += g
            np.multiply(buf, lr, out=g)
            w -= g
