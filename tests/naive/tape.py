"""Automatic differentiation in its plainest form: a value remembers how it was made.

Convolutions, pools and sums are written as the definitions say, with loops over places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = Any
Pull = Callable[[Array], Array]


@dataclass(eq=False)
class Var:
    """A value, and for each value that it was made of the function that pulls its gradient back."""

    value: Array
    made_of: list[tuple[Var, Pull]] = field(default_factory=list)
    grad: Array = 0.0

    def __add__(self, other: Var) -> Var:
        return Var(self.value + other.value, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other: Var) -> Var:
        a, b = self.value, other.value
        return Var(a * b, [(self, lambda g: g * b), (other, lambda g: g * a)])

    def times(self, factor: Array) -> Var:
        return Var(self.value * factor, [(self, lambda g: g * factor)])

    def plus(self, constant: Array) -> Var:
        return Var(self.value + constant, [(self, lambda g: g)])

    def reshape(self, *shape: int) -> Var:
        before = self.value.shape
        return Var(self.value.reshape(*shape), [(self, lambda g: g.reshape(before))])


def backward(total: Var, weight: Array = 1.0) -> None:
    """Gradients of a value by all that it was made of, added to their `grad`."""
    order: list[Var] = []
    seen: set[int] = set()

    def visit(var: Var) -> None:
        if id(var) not in seen:
            seen.add(id(var))
            for parent, _ in var.made_of:
                visit(parent)
            order.append(var)

    visit(total)
    pulled = {id(var): np.zeros_like(np.asarray(var.value, float)) for var in order}
    pulled[id(total)] = pulled[id(total)] + weight
    for var in reversed(order):
        var.grad = var.grad + pulled[id(var)]
        for parent, pull in var.made_of:
            pulled[id(parent)] = pulled[id(parent)] + pull(pulled[id(var)])


def spike(u: Var, v_th: float, is_strict: bool, psi: Callable[[Array], Array]) -> Var:
    fired = u.value > v_th if is_strict else u.value >= v_th
    return Var(fired.astype(float), [(u, lambda g: g * psi(u.value))])


def weigh(w: Var, x: Var, stand_in: Array | None = None, stride: int = 1, padding: int = 0) -> Var:
    """W x, or the convolution; `stand_in` takes the place of x in the gradient by W."""
    used = x.value if stand_in is None else stand_in
    if w.value.ndim == 2:
        value = np.einsum("oi,bi->bo", w.value, x.value)
        by_w: Pull = lambda g: np.einsum("bo,bi->oi", g, used)  # noqa: E731
        by_x: Pull = lambda g: np.einsum("bo,oi->bi", g, w.value)  # noqa: E731
        return Var(value, [(w, by_w), (x, by_x)])
    size = w.value.shape[2]

    def padded(array: Array) -> Array:
        return np.pad(array, ((0, 0), (0, 0), (padding, padding), (padding, padding)))

    height = (x.value.shape[2] + 2 * padding - size) // stride + 1
    width = (x.value.shape[3] + 2 * padding - size) // stride + 1
    places = [
        (i, j, slice(stride * i, stride * i + size), slice(stride * j, stride * j + size))
        for i in range(height)
        for j in range(width)
    ]
    value = np.zeros((len(x.value), len(w.value), height, width))
    for i, j, rows, columns in places:
        patch = padded(x.value)[:, :, rows, columns]
        value[:, :, i, j] = np.einsum("ocyx,bcyx->bo", w.value, patch)

    def pull_w(g: Array) -> Array:
        total = np.zeros_like(w.value)
        for i, j, rows, columns in places:
            patch = padded(used)[:, :, rows, columns]
            total += np.einsum("bo,bcyx->ocyx", g[:, :, i, j], patch)
        return total

    def pull_x(g: Array) -> Array:
        total = padded(np.zeros_like(x.value))
        for i, j, rows, columns in places:
            total[:, :, rows, columns] += np.einsum("bo,ocyx->bcyx", g[:, :, i, j], w.value)
        return total[:, :, padding : total.shape[2] - padding, padding : total.shape[3] - padding]

    return Var(value, [(w, pull_w), (x, pull_x)])


def add_bias(x: Var, bias: Var) -> Var:
    shape = (1, -1, *(1,) * (x.value.ndim - 2))
    axes = (0, *range(2, x.value.ndim))
    return Var(
        x.value + bias.value.reshape(shape), [(x, lambda g: g), (bias, lambda g: g.sum(axis=axes))]
    )


def linear(x: Var, matrix: Array, out_shape: tuple[int, ...]) -> Var:
    """A fixed linear map of each sample, (outputs, inputs), of any pool or repetition."""
    n = len(x.value)
    value = (x.value.reshape(n, -1) @ matrix.T).reshape(n, *out_shape)
    return Var(value, [(x, lambda g: (g.reshape(n, -1) @ matrix).reshape(x.value.shape))])


def standardise(w: Var, gain: Var, eps: float = 1e-4) -> Var:
    """gain * (W - mean) / sqrt(var * n + eps), var unbiased, from sums, products and a power."""
    rows = w.reshape(len(w.value), -1)
    n = rows.value.shape[1]
    mean = row_sum(rows).times(1 / n)
    centred = rows + spread_rows(mean, n).times(-1.0)
    var = row_sum(centred * centred).times(1 / (n - 1))
    scale = power(var.times(n).plus(eps), -0.5) * gain
    return (centred * spread_rows(scale, n)).reshape(*w.value.shape)


def row_sum(x: Var) -> Var:
    n = x.value.shape[1]
    return Var(x.value.sum(axis=1), [(x, lambda g: np.repeat(g[:, None], n, axis=1))])


def spread_rows(x: Var, n: int) -> Var:
    return Var(np.repeat(x.value[:, None], n, axis=1), [(x, lambda g: g.sum(axis=1))])


def power(x: Var, exponent: float) -> Var:
    return Var(x.value**exponent, [(x, lambda g: g * exponent * x.value ** (exponent - 1))])


def swap(x: Var, axes: tuple[int, ...]) -> Var:
    back = tuple(int(i) for i in np.argsort(axes))
    return Var(x.value.transpose(axes), [(x, lambda g: g.transpose(back))])


def stack(parts: list[Var]) -> Var:
    """Along a new first axis."""
    return Var(
        np.stack([part.value for part in parts]),
        [(part, lambda g, t=t: g[t]) for t, part in enumerate(parts)],  # type: ignore[misc]
    )


def pick(x: Var, t: int) -> Var:
    def pull(g: Array) -> Array:
        whole = np.zeros_like(x.value)
        whole[t] = g
        return whole

    return Var(x.value[t], [(x, pull)])


def cross_entropy(o: Var, y: Array) -> Var:
    """Mean over the batch."""
    p = np.exp(o.value) / np.exp(o.value).sum(axis=1, keepdims=True)
    onehot = np.eye(o.value.shape[1])[y]
    value = -np.log((p * onehot).sum(axis=1)).mean()
    return Var(value, [(o, lambda g: g * (p - onehot) / len(y))])


def mean_square(o: Var, target: Array) -> Var:
    d = o.value - target
    return Var((d * d).mean(), [(o, lambda g: g * 2 * d / d.size)])
