"""Weight layers as matrix products: Dense, and Conv2d on patches; and weight standardisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from neurochip.kernels.patches import gather_patches, scatter_patches
from neurochip.kernels.registers import COLUMNS
from neurochip.kernels.sparse import (
    add_products_of_events,
    blocks_of,
    count_events,
    lay_out_blocks,
)
from neurochip.network import Conv2d, Dense, Shape, Sparse, WeightLayer
from neurochip.reference.memory import Memory
from neurochip.rules.surrogates import Floats

# Added to fan-in times variance (Brock et al., ICLR 2021).
SWS_EPS = 1e-4
# Patches in memory at a time.
PATCH_BYTES = 1 << 21
# Below these shares of numbers that aren't zero, going event by event is faster than BLAS.
FORWARD_DENSITY = 0.25
GRADIENT_DENSITY = 0.25
# Rows of fewer weights aren't worth an event's trouble.
EVENT_WIDTH = 64


class Product(Protocol):
    """current = W x + b for whole batches, and the products of the backward pass.

    Attributes:
        matrix: W, (n_out, fan_in); set it anew whenever it changes.
    """

    matrix: Floats

    def forward(self, x: Floats, bias: Floats) -> Floats:
        """The currents of x, (N, ...)."""

    def backward(self, dy: Floats) -> Floats:
        """dL/dx of the currents' dL/dy."""

    def clear(self) -> None:
        """Forget the sum of the gradients."""

    def add(self, dy: Floats, x: Floats) -> None:
        """Add dL/dW of dL/dy and what stands for the input."""

    def total(self) -> Floats:
        """The sum since `clear`, (n_out, fan_in)."""


class DenseProduct:
    """(N, n_in) to (N, n_out): event by event where x is mostly zero, else by BLAS."""

    def __init__(self, matrix: Floats):
        """Take W, (n_out, n_in)."""
        self._memory = Memory()
        self._sum = np.zeros_like(matrix)
        self._by_input: Floats | None = None
        self._is_clear = self._is_clear_by_input = True
        self.matrix = matrix

    @property
    def matrix(self) -> Floats:
        """W, (n_out, n_in)."""
        return self._matrix

    @matrix.setter
    def matrix(self, matrix: Floats) -> None:
        self._matrix = matrix
        self._by_input = None

    def forward(self, x: Floats, bias: Floats) -> Floats:
        """X W^T + b."""
        matrix = self._matrix
        y = self._memory.take("y", (len(x), len(matrix)), matrix.dtype)
        if self._goes_by_events(x, FORWARD_DENSITY):
            if self._by_input is None:
                self._by_input = self._in_blocks("by_input", matrix.T)
            np.copyto(y, bias)
            self._add_events(x, self._by_input, y)
            return y
        np.dot(x, matrix.T, out=y)
        y += bias
        return y

    def backward(self, dy: Floats) -> Floats:
        """Dy W."""
        dx = self._memory.take("dx", (len(dy), self._matrix.shape[1]), dy.dtype)
        return np.dot(dy, self._matrix, out=dx)

    def clear(self) -> None:
        """Forget the sum of the gradients."""
        self._is_clear = self._is_clear_by_input = True

    def add(self, dy: Floats, x: Floats) -> None:
        """Add dy^T x."""
        if self._goes_by_events(x, GRADIENT_DENSITY):
            sum_ = self._memory.take("sum_by_input", self._sum.shape[::-1], self._sum.dtype)
            if self._is_clear_by_input:
                sum_.fill(0.0)
            self._is_clear_by_input = False
            by_input = self._memory.take("x_by_input", x.shape[::-1], x.dtype)
            np.copyto(by_input, x.T)
            self._add_events(by_input, self._in_blocks("dy_in_blocks", dy), sum_)
        elif self._is_clear:
            np.dot(dy.T, x, out=self._sum)
            self._is_clear = False
        else:
            self._sum += np.dot(dy.T, x, out=self._memory.like("more", self._sum))

    def total(self) -> Floats:
        """The sum since `clear`, (n_out, n_in)."""
        if self._is_clear:
            self._sum.fill(0.0)
            self._is_clear = False
        if not self._is_clear_by_input:
            sum_ = self._memory.take("sum_by_input", self._sum.shape[::-1], self._sum.dtype)
            self._sum += sum_.T
            self._is_clear_by_input = True
        return self._sum

    def _in_blocks(self, name: str, rows: Floats) -> Floats:
        shape = (blocks_of(rows.shape[1]), len(rows), COLUMNS)
        blocks = self._memory.take(name, shape, rows.dtype)
        lay_out_blocks(rows, blocks)
        return blocks

    def _add_events(self, signals: Floats, blocks: Floats, targets: Floats) -> None:
        """targets += signals rows, without the signals that are zero."""
        values = self._memory.take("values", signals.shape, signals.dtype)
        numbers = self._memory.take("numbers", signals.shape, np.int32)
        counts = self._memory.take("counts", signals.shape[:1], np.int64)
        part = self._memory.take("part", (COLUMNS,), targets.dtype)
        add_products_of_events(signals, blocks, targets, numbers, values, counts, part)

    def _goes_by_events(self, x: Floats, density: float) -> bool:
        is_wide = len(self._matrix) >= EVENT_WIDTH and x.flags.c_contiguous
        return bool(is_wide and count_events(x) < density * x.size)


class ConvProduct:
    """(N, h, w, c_in) to (N, height, width, c_out); a patch is a row (i, j, c) of the matrix.

    Some samples at a time, so that their patches stay in the cache: gathering them again for the
    gradient costs less than keeping them.

    Attributes:
        places: places of a patch, each of c_in channels.
    """

    def __init__(self, matrix: Floats, layer: Conv2d, in_shape: Shape):
        """Take W, (c_out, fan_in), and the geometry; `in_shape` is (c, h, w)."""
        self.matrix = matrix
        self._sum = np.zeros_like(matrix)
        self.places = layer.kernel**2
        self._geometry = (layer.kernel, layer.stride, layer.padding)
        self._in_shape = in_shape
        self._out_shape = layer.out_shape(in_shape)
        self._memory = Memory()

    def forward(self, x: Floats, bias: Floats) -> Floats:
        """Patches W^T + b."""
        weight = self.matrix
        c_out, height, width = self._out_shape
        y = self._memory.take("y", (len(x), height, width, c_out), weight.dtype)
        for part in self._parts(x):
            flat = y[part].reshape(-1, c_out)
            np.dot(self.patches(x[part]), weight.T, out=flat)
        y += bias
        return y

    def backward(self, dy: Floats) -> Floats:
        """The sum of dy W over the patches that hold a place."""
        weight = self.matrix
        c, h, w = self._in_shape
        c_out, height, width = self._out_shape
        dx = self._memory.take("dx", (len(dy), h, w, c), weight.dtype)
        for part in self._parts(dy):
            flat = dy[part].reshape(-1, c_out)
            rows = self._memory.take("rows", (len(flat), weight.shape[1]), weight.dtype)
            np.dot(flat, weight, out=rows)
            scatter_patches(rows, *self._geometry, dx[part], height, width)
        return dx

    def clear(self) -> None:
        """Forget the sum of the gradients."""
        self._sum.fill(0.0)

    def add(self, dy: Floats, x: Floats) -> None:
        """Add dy^T patches."""
        of_part = self._memory.like("of_part", self._sum)
        for part in self._parts(x):
            flat = dy[part].reshape(-1, dy.shape[-1])
            self._sum += np.dot(flat.T, self.patches(x[part]), out=of_part)

    def total(self) -> Floats:
        """The sum since `clear`, (c_out, fan_in)."""
        return self._sum

    def _parts(self, x: Floats) -> Iterator[slice]:
        of_sample = self._out_shape[1] * self._out_shape[2] * self.matrix[0].nbytes
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


def product_of(layer: WeightLayer, in_shape: Shape, matrix: Floats) -> DenseProduct | ConvProduct:
    """The product of a weight layer that `in_shape` comes into, with its weights as a matrix."""
    if isinstance(layer, Dense | Sparse):
        return DenseProduct(matrix)
    return ConvProduct(matrix, layer, in_shape)


def as_matrix(layer: WeightLayer, weight: Floats) -> Floats:
    """Weights as a matrix, (n_out, fan_in): a convolution's rows are (i, j, c).

    Listed synapses become a full matrix, (n_out, n_in), with zeros where there is none.
    """
    if isinstance(layer, Dense):
        return weight
    if isinstance(layer, Sparse):
        full = np.zeros((layer.n_out, layer.n_in), weight.dtype)
        full[layer.targets, layer.sources] = weight
        return full
    return np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(layer.c_out, -1)


def from_matrix(layer: WeightLayer, matrix: Floats) -> Floats:
    """The weights that `as_matrix` made a matrix of; a view, or of listed ones a copy."""
    if isinstance(layer, Dense):
        return matrix
    if isinstance(layer, Sparse):
        listed: Floats = matrix[layer.targets, layer.sources]
        return listed
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
