"""Layers without a state from their NIR nodes, and why some have none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import ExportError
from neurochip.network import AvgPool, Conv2d, Dense, SumPool

__all__ = ["Arrays", "convolution", "matrix", "pool", "rows_of", "shared"]

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]


def matrix(name: str, node: Any) -> tuple[Dense, Arrays]:
    """An Affine or a Linear, with its weights and biases."""
    weight = np.array(node.weight, np.float64)
    if weight.ndim != 2:
        raise ExportError(
            f"node {name!r} of the NIR graph has weights of shape {weight.shape}; give one matrix"
        )
    n_out, n_in = weight.shape
    has_bias = hasattr(node, "bias")
    bias = np.array(node.bias, np.float64) if has_bias else np.zeros(n_out)
    return Dense(n_in, n_out, has_bias), (weight, bias)


def convolution(name: str, node: Any) -> tuple[Conv2d, Arrays]:
    """A Conv2d, with its weights and biases."""
    weight = np.array(node.weight, np.float64)
    if int(node.groups) != 1:
        raise ExportError(
            f"node {name!r} of the NIR graph has {int(node.groups)} groups, but every channel of a "
            f"Conv2d reads all below; write its weights with zeros and groups = 1"
        )
    if (dilation := _both(name, "dilation", node.dilation)) != 1:
        raise ExportError(
            f"node {name!r} of the NIR graph has a dilation of {dilation}, but kernels of a Conv2d "
            f"have no holes; write them with zeros and dilation = 1"
        )
    kernel = _both(name, "kernel", weight.shape[2:])
    stride = _both(name, "stride", node.stride)
    layer = Conv2d(
        c_in=weight.shape[1],
        c_out=weight.shape[0],
        kernel=kernel,
        stride=stride,
        padding=_padding(name, node.padding, kernel, stride),
        bias=bool(node.metadata.get("bias", True)),
    )
    return layer, (weight, np.array(node.bias, np.float64))


def pool(name: str, node: Any) -> AvgPool | SumPool:
    """An AvgPool2d or a SumPool2d."""
    kernel = _both(name, "kernel", node.kernel_size)
    stride, padding = _both(name, "stride", node.stride), _both(name, "padding", node.padding)
    if stride != kernel or padding:
        raise ExportError(
            f"node {name!r} of the NIR graph pools squares of {kernel} with stride {stride} and "
            f"padding {padding}, but squares of a network's pools lie side by side; set stride = "
            f"{kernel} and padding = 0"
        )
    return AvgPool(kernel) if type(node).__name__ == "AvgPool2d" else SumPool(kernel)


def rows_of(name: str, what: str, values: NDArray[Any], n_rows: int) -> NDArray[np.float64]:
    """A number a row of weights, of one a neuron: neurons that share weights must agree."""
    if np.size(values) == 1:
        return np.full(n_rows, float(np.ravel(values)[0]))
    rows = np.reshape(np.asarray(values, np.float64), (n_rows, -1))
    if not np.all(rows == rows[:, :1]):
        raise ExportError(
            f"neurons of node {name!r} of the NIR graph have {what} that differ within a channel, "
            f"but they share weights; make them equal there"
        )
    return rows[:, 0]


def shared(name: str, what: str, values: NDArray[Any]) -> float:
    """The one number that all neurons of a node have."""
    low, high = float(np.min(values)), float(np.max(values))
    if low != high:
        raise ExportError(
            f"neurons of node {name!r} of the NIR graph have {what} from {low:g} to {high:g}, but "
            f"those of a layer share one; make them equal"
        )
    return low


def _both(name: str, what: str, values: Any) -> int:
    """The one number of both directions."""
    sides = {int(side) for side in np.ravel(values)}
    if len(sides) != 1:
        listed = " x ".join(str(int(side)) for side in np.ravel(values))
        raise ExportError(
            f"node {name!r} of the NIR graph has a {what} of {listed}, but a network's are the "
            f"same in both directions; make it square"
        )
    return sides.pop()


def _padding(name: str, given: Any, kernel: int, stride: int) -> int:
    if not isinstance(given, str):
        return _both(name, "padding", given)
    if given == "valid":
        return 0
    if stride != 1 or kernel % 2 == 0:
        raise ExportError(
            f"node {name!r} of the NIR graph has the padding 'same' with a kernel of {kernel} and "
            f"stride {stride}, which isn't equal on all sides; give it as a number"
        )
    return kernel // 2
