"""Layers without state as operators on batches: forward, and backward by the chain rule.

Samples lie along the first axis, N of them: a batch at one step, or all steps of a batch. What has
height and width is (N, height, width, channels) in here. An operator's result is its own memory and
valid until its next call; `backward` refers to the last `forward`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neurochip.network import (
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Scale,
    Shape,
    SumPool,
    Upsample,
)
from neurochip.reference.memory import Memory
from neurochip.rules.surrogates import Floats

SPATIAL = 3


class Operator(Protocol):
    """One layer for whole batches."""

    def forward(self, x: Floats) -> Floats:
        """What the layer makes of x, (N, ...)."""

    def backward(self, dy: Floats) -> Floats:
        """dL/dx, given dL/dy of the last `forward`."""


def batch_first(shape: Shape, array: Floats) -> Floats:
    """(..., c, h, w) as (..., h, w, c), a copy; flat shapes as they are."""
    if len(shape) != SPATIAL:
        return array
    return np.ascontiguousarray(np.moveaxis(array, -3, -1))


def channels_first(shape: Shape, array: Floats) -> Floats:
    """(..., h, w, c) as (..., c, h, w), a view; flat shapes as they are."""
    return array if len(shape) != SPATIAL else np.moveaxis(array, -1, -3)


class Identity:
    """y = x."""

    def forward(self, x: Any) -> Any:
        """As it is."""
        return x

    def backward(self, dy: Any) -> Any:
        """As it is."""
        return dy


class ScaleOperator:
    """y = factor * x."""

    def __init__(self, layer: Scale):
        """Take the factor."""
        self._factor = layer.factor
        self._memory = Memory()

    def forward(self, x: Floats) -> Floats:
        """Factor * x."""
        return np.multiply(x, self._factor, out=self._memory.like("y", x))

    def backward(self, dy: Floats) -> Floats:
        """Factor * dy."""
        return np.multiply(dy, self._factor, out=self._memory.like("dx", dy))


class FlattenOperator:
    """y = x in one row, channels first."""

    def __init__(self, in_shape: Shape):
        """Remember what comes in: (n,) or (c, h, w)."""
        self._in_shape = in_shape
        self._memory = Memory()

    def forward(self, x: Floats) -> Floats:
        """(N, h, w, c) as (N, c * h * w)."""
        if len(self._in_shape) != SPATIAL:
            return x
        y = self._memory.take("y", (len(x), *self._in_shape), x.dtype)
        np.copyto(y, np.moveaxis(x, -1, 1))
        return y.reshape(len(x), -1)

    def backward(self, dy: Floats) -> Floats:
        """(N, c * h * w) as (N, h, w, c)."""
        if len(self._in_shape) != SPATIAL:
            return dy
        c, h, w = self._in_shape
        dx = self._memory.take("dx", (len(dy), h, w, c), dy.dtype)
        np.copyto(dx, np.moveaxis(dy.reshape(len(dy), c, h, w), 1, -1))
        return dx


class ReshapeOperator:
    """y = x as maps: what FlattenOperator takes back."""

    def __init__(self, shape: Shape):
        """Take what goes out, (c, h, w)."""
        self._flatten = FlattenOperator(shape)

    def forward(self, x: Floats) -> Floats:
        """(N, c * h * w) as (N, h, w, c)."""
        return self._flatten.backward(x)

    def backward(self, dy: Floats) -> Floats:
        """(N, h, w, c) as (N, c * h * w)."""
        return self._flatten.forward(dy)


class PoolOperator:
    """Y = factor * sum over each square."""

    def __init__(self, layer: AvgPool | SumPool):
        """Take kernel and factor."""
        self._kernel, self._factor = layer.kernel, layer.factor
        self._memory = Memory()
        self._in_shape: Shape = ()

    def forward(self, x: Floats) -> Floats:
        """(N, h, w, c) as (N, h // kernel, w // kernel, c)."""
        self._in_shape = x.shape
        squares = self._squares(x)
        y = self._memory.take("y", squares[0].shape, x.dtype)
        np.copyto(y, squares[0])
        for part in squares[1:]:
            y += part
        y *= self._factor
        return y

    def backward(self, dy: Floats) -> Floats:
        """Each value, times the factor, to all of its square."""
        dx = self._memory.take("dx", self._in_shape, dy.dtype)
        height, width = self._in_shape[1:3]
        if height % self._kernel or width % self._kernel:
            dx.fill(0.0)
        scaled = np.multiply(dy, self._factor, out=self._memory.like("scaled", dy))
        for part in self._squares(dx):
            np.copyto(part, scaled)
        return dx

    def _squares(self, x: Floats) -> list[Floats]:
        """Views of the first, second, ... place of every square."""
        k = self._kernel
        height, width = x.shape[1] // k * k, x.shape[2] // k * k
        return [x[:, i:height:k, j:width:k] for i in range(k) for j in range(k)]


class AdaptivePoolOperator:
    """The mean over areas that overlap where sides don't divide."""

    def __init__(self, layer: AdaptiveAvgPool):
        """Take the side that is left."""
        self._side = layer.side
        self._memory = Memory()
        self._in_shape: Shape = ()

    def forward(self, x: Floats) -> Floats:
        """(N, h, w, c) as (N, side, side, c)."""
        self._in_shape = x.shape
        y = self._memory.take("y", (len(x), self._side, self._side, x.shape[3]), x.dtype)
        for i, rows in enumerate(self._areas(x.shape[1])):
            for j, columns in enumerate(self._areas(x.shape[2])):
                np.mean(x[:, rows, columns], axis=(1, 2), out=y[:, i, j])
        return y

    def backward(self, dy: Floats) -> Floats:
        """Each value's share to all of its area."""
        dx = self._memory.take("dx", self._in_shape, dy.dtype)
        dx.fill(0.0)
        for i, rows in enumerate(self._areas(dx.shape[1])):
            for j, columns in enumerate(self._areas(dx.shape[2])):
                area = dx[:, rows, columns]
                area += dy[:, i : i + 1, j : j + 1] / (area.shape[1] * area.shape[2])
        return dx

    def _areas(self, n: int) -> list[slice]:
        side = self._side
        return [slice(i * n // side, -(-(i + 1) * n // side)) for i in range(side)]


class UpsampleOperator:
    """Each value repeated over a square."""

    def __init__(self, layer: Upsample):
        """Take the factor."""
        self._factor = layer.factor

    def forward(self, x: Floats) -> Floats:
        """(N, h, w, c) as (N, factor * h, factor * w, c)."""
        return np.repeat(np.repeat(x, self._factor, axis=1), self._factor, axis=2)

    def backward(self, dy: Floats) -> Floats:
        """The sum over each square."""
        n, height, width, c = dy.shape
        k = self._factor
        sums: Floats = dy.reshape(n, height // k, k, width // k, k, c).sum(axis=(2, 4))
        return sums


class NormOperator:
    """Batch normalisation in training: statistics of what comes in, all but the last axis."""

    def __init__(self, layer: BatchNorm, values: NormValues, gradients: NormValues):
        """Take the parameters, which change outside, and room for their gradients."""
        self._layer = layer
        self._values = values
        self._gradients = gradients
        self._normal: Floats = values.weight
        self._spread: Floats = values.weight

    def forward(self, x: Floats) -> Floats:
        """Y = weight * (x - mean) / sqrt(var + eps) + bias; the running numbers follow."""
        values, momentum = self._values, self._layer.momentum
        axes = tuple(range(x.ndim - 1))
        count = x.size // x.shape[-1]
        mean = x.mean(axis=axes)
        centred = x - mean
        var = (centred * centred).mean(axis=axes)
        values.mean += momentum * (mean - values.mean)
        values.var += momentum * (var * (count / max(1, count - 1)) - values.var)
        self._spread = np.sqrt(var + self._layer.eps)
        self._normal = centred / self._spread
        return self._normal * values.weight + values.bias

    def backward(self, dy: Floats) -> Floats:
        """dL/dx through mean and variance too; adds to the gradients of weight and bias."""
        axes = tuple(range(dy.ndim - 1))
        g_weight = (dy * self._normal).sum(axis=axes)
        g_bias = dy.sum(axis=axes)
        self._gradients.weight += g_weight
        self._gradients.bias += g_bias
        # A float: numpy 1 divides float32 by large whole numbers in float64.
        share = 1.0 / (dy.size // dy.shape[-1])
        dx: Floats = dy - g_bias * share - self._normal * (g_weight * share)
        dx *= self._values.weight / self._spread
        return dx


class FixedNormOperator:
    """Batch normalisation in inference: the running numbers count."""

    def __init__(self, layer: BatchNorm, values: NormValues):
        """Take the parameters, which change outside."""
        self._layer = layer
        self._values = values

    def forward(self, x: Floats) -> Floats:
        """Y = weight * (x - mean) / sqrt(var + eps) + bias."""
        values = self._values
        factor = values.weight / np.sqrt(values.var + self._layer.eps)
        y: Floats = (x - values.mean) * factor + values.bias
        return y

    def backward(self, dy: Floats) -> Floats:
        """dL/dx with the running numbers as constants."""
        dx: Floats = dy * (self._values.weight / np.sqrt(self._values.var + self._layer.eps))
        return dx


class NormValues:
    """The arrays of one BatchNorm, (n,) each: weight, bias, running mean and variance."""

    def __init__(self, weight: Floats, bias: Floats, mean: Floats, var: Floats):
        """Hold them, not copies."""
        self.weight, self.bias, self.mean, self.var = weight, bias, mean, var


class DropoutNode:
    """Dropout in training: one mask a batch, the same at every step."""

    def __init__(self, p: float, shape: tuple[int, ...], rng: np.random.Generator, dtype: Any):
        """Take the probability, the shape (B, ...) as it is in here, and what draws."""
        self._p = p
        self._rng = rng
        self._mask: Floats = np.ones(shape, dtype)

    def begin(self) -> None:
        """Draw a mask."""
        kept = self._rng.random(self._mask.shape) >= self._p
        np.divide(kept, 1.0 - self._p, out=self._mask)

    def forward(self, x: Floats) -> Floats:
        """Mask * x, for one step (B, ...) or all (T * B, ...)."""
        steps = x.reshape(-1, *self._mask.shape)
        masked: Floats = np.multiply(steps, self._mask).reshape(x.shape)
        return masked

    def backward(self, dy: Floats) -> Floats:
        """Mask * dy."""
        return self.forward(dy)
