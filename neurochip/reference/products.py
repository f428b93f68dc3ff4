"""Weight layers as matrix products: Dense, and Conv2d on patches; and weight standardisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from neurochip.kernels.patches import gather_patches, scatter_patches
from neurochip.network import Conv2d, Dense, Shape, WeightLayer
from neurochip.reference.memory import Memory
from neurochip.rules.surrogates import Floats

# Added to fan-in times variance (Brock et al., ICLR 2021).
SWS_EPS = 1e-4
# Patches in memory at a time.
PATCH_BYTES = 1 << 21


class Product(Protocol):
    """current = W x + b for whole batches, and the products of the backward pass."""

    def forward(self, x: Floats, weight: Floats, bias: Floats) -> Floats:
        """The currents of x, (N, ...), with the weights as a matrix."""

    def backward(self, dy: Floats, weight: Floats) -> Floats:
        """dL/dx of the currents' dL/dy."""

    def gradient(self, dy: Floats, x: Floats, out: Floats) -> None:
        """`out` = dL/dW as a matrix, from dL/dy and what stands for the input."""


class DenseProduct:
    """(N, n_in) to (N, n_out)."""

    def __init__(self) -> None:
        """Room for results."""
        self._memory = Memory()

    def forward(self, x: Floats, weight: Floats, bias: Floats) -> Floats:
        """X W^T + b."""
        y = self._memory.take("y", (len(x), len(weight)), weight.dtype)
        np.dot(x, weight.T, out=y)
        y += bias
        return y

    def backward(self, dy: Floats, weight: Floats) -> Floats:
        """Dy W."""
        dx = self._memory.take("dx", (len(dy), weight.shape[1]), weight.dtype)
        return np.dot(dy, weight, out=dx)

    def gradient(self, dy: Floats, x: Floats, out: Floats) -> None:
        """dy^T x."""
        np.dot(dy.T, x, out=out)


class ConvProduct:
    """(N, h, w, c_in) to (N, height, width, c_out); a patch is a row (i, j, c) of the matrix.

    Some samples at a time, so that their patches stay in the cache: gathering them again for the
    gradient costs less than keeping them.

    Attributes:
        places: places of a patch, each of c_in channels.
    """

    def __init__(self, layer: Conv2d, in_shape: Shape):
        """Take the geometry; `in_shape` is (c, h, w)."""
        self.places = layer.kernel**2
        self._geometry = (layer.kernel, layer.stride, layer.padding)
        self._in_shape = in_shape
        self._out_shape = layer.out_shape(in_shape)
        self._memory = Memory()

    def forward(self, x: Floats, weight: Floats, bias: Floats) -> Floats:
        """Patches W^T + b."""
        c_out, height, width = self._out_shape
        y = self._memory.take("y", (len(x), height, width, c_out), weight.dtype)
        for part in self._parts(x, weight):
            flat = y[part].reshape(-1, c_out)
            np.dot(self.patches(x[part]), weight.T, out=flat)
        y += bias
        return y

    def backward(self, dy: Floats, weight: Floats) -> Floats:
        """The sum of dy W over the patches that hold a place."""
        c, h, w = self._in_shape
        c_out, height, width = self._out_shape
        dx = self._memory.take("dx", (len(dy), h, w, c), weight.dtype)
        for part in self._parts(dy, weight):
            flat = dy[part].reshape(-1, c_out)
            rows = self._memory.take("rows", (len(flat), weight.shape[1]), weight.dtype)
            np.dot(flat, weight, out=rows)
            scatter_patches(rows, *self._geometry, dx[part], height, width)
        return dx

    def gradient(self, dy: Floats, x: Floats, out: Floats) -> None:
        """dy^T patches."""
        out.fill(0.0)
        of_part = self._memory.like("of_part", out)
        for part in self._parts(x, out):
            flat = dy[part].reshape(-1, dy.shape[-1])
            out += np.dot(flat.T, self.patches(x[part]), out=of_part)

    def _parts(self, x: Floats, weight: Floats) -> Iterator[slice]:
        of_sample = self._out_shape[1] * self._out_shape[2] * weight.shape[1] * weight.itemsize
        count = max(1, PATCH_BYTES // of_sample)
        for start in range(0, len(x), count):
            yield slice(start, start + count)

    def patches(self, x: Floats) -> Floats:
        """Every patch of x as a row (i, j, c), (N * height * width, kernel^2 * c_in)."""
        _, height, width = self._out_shape
        shape = (len(x) * height * width, self.places * x.shape[-1])
        rows = self._memory.take("rows", shape, x.dtype)
        gather_patches(x, *self._geometry, rows, height, width)
        return rows


def product_of(layer: WeightLayer, in_shape: Shape) -> DenseProduct | ConvProduct:
    """The product of a weight layer that `in_shape` comes into."""
    return DenseProduct() if isinstance(layer, Dense) else ConvProduct(layer, in_shape)


def as_matrix(layer: WeightLayer, weight: Floats) -> Floats:
    """Weights as a matrix, (n_out, fan_in): a convolution's rows are (i, j, c)."""
    if isinstance(layer, Dense):
        return weight
    return np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(layer.c_out, -1)


def from_matrix(layer: WeightLayer, matrix: Floats) -> Floats:
    """The weights that `as_matrix` made a matrix of; a view."""
    if isinstance(layer, Dense):
        return matrix
    k = layer.kernel
    return matrix.reshape(layer.c_out, k, k, layer.c_in).transpose(0, 3, 1, 2)


def standardised(weight: Floats, gain: Floats) -> Floats:
    """W' = gain * (W - mean) / sqrt(var * n + 1e-4), a row at a time; (n_out, n) both."""
    centred, spread = _centred(weight)
    centred *= gain[:, None] / spread
    return centred


def through_standardisation(g: Floats, weight: Floats, gain: Floats) -> tuple[Floats, Floats]:
    """dL/dW, (n_out, n), and dL/dgain, (n_out,), from g = dL/dW', (n_out, n).

    With d = W - mean and q = sqrt(n * sum(d^2) / (n - 1) + eps):
    dL/dd = gain * (g / q - d * n * sum(g * d) / ((n - 1) * q^3)); dL/dW is that less its mean.
    """
    n = weight.shape[1]
    centred, spread = _centred(weight)
    along = (g * centred).sum(axis=1, keepdims=True)
    d = g / spread - centred * (along * (n / (n - 1)) / spread**3)
    d *= gain[:, None]
    d -= d.mean(axis=1, keepdims=True)
    return d, (along / spread)[:, 0]


def _centred(weight: Floats) -> tuple[Floats, Floats]:
    n = weight.shape[1]
    centred = weight - weight.mean(axis=1, keepdims=True)
    var = (centred * centred).sum(axis=1, keepdims=True) / (n - 1)
    return centred, np.sqrt(var * n + SWS_EPS)
