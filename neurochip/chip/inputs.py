"""Samples become what a chip's axons take in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.data import Encoding, Split
from neurochip.data.encoders import to_graded
from neurochip.errors import DataError
from neurochip.mapping import Projection
from neurochip.network import Network

__all__ = ["check_label", "encoded", "labels_of"]


def labels_of(data: Split, network: Network) -> NDArray[np.int64]:
    """Classes (n,) of samples that a network tells apart.

    Raises:
        DataError: a class is none of its outputs.
    """
    labels = np.asarray(data.y, dtype=np.int64)
    check_label(int(labels.max()), network)
    return labels


def check_label(label: int, network: Network) -> None:
    """Raise DataError where a class is none of a network's outputs."""
    n_out = network.n_out
    if not 0 <= label < n_out:
        raise DataError(
            f"label {label} is out of range, because the network has {n_out} outputs; give "
            f"labels from 0 to {n_out - 1}, or a network of more outputs"
        )


def encoded(
    x: ArrayLike, network: Network, first: Projection, encoding: Encoding, bits: int
) -> NDArray[np.uint8]:
    """See `Chip.encode`.

    Args:
        x: (n, ...) or (n, T, ...).
        network: which sees them.
        first: its first projection, which gives the chip's order.
        encoding: as of the chip.
        bits: width of a graded input.
    """
    samples = np.asarray(x)
    n, n_in = len(samples), network.n_in
    size = int(np.prod(samples.shape[1:], dtype=np.int64))
    if samples.ndim > 2 and size == samples.shape[1] * n_in:
        _check_steps(samples.shape, network.timesteps)
        frames = samples.reshape(n, -1, n_in)
    elif size == n_in:
        frames = samples.reshape(n, 1, n_in)
    else:
        raise DataError(
            f"samples of shape {samples.shape[1:]} hold {size} numbers, but the network has "
            f"{n_in} inputs; give {n_in} numbers a sample"
        )
    if encoding == "spikes":
        return _ordered(_spikes(frames), first)
    return _ordered(to_graded(frames, bits).reshape(frames.shape), first)


def _check_steps(shape: tuple[int, ...], timesteps: int) -> None:
    if shape[1] not in (1, timesteps):
        raise DataError(
            f"samples of shape {shape[1:]} last {shape[1]} steps, but the network shows "
            f"{timesteps}; set timesteps to {shape[1]}"
        )


def _ordered(inputs: NDArray[np.uint8], first: Projection) -> NDArray[np.uint8]:
    """Inputs from the network's order to the chip's."""
    if len(first.axons) == 1 or first.axons[0] == 1:
        return inputs
    return np.ascontiguousarray(inputs[..., first.axon_order])


def _spikes(x: NDArray[Any]) -> NDArray[np.uint8]:
    if x.dtype == np.uint8 and x.size and x.max() <= 1:
        return np.ascontiguousarray(x)  # as data sets hold spikes; they may be large
    other = x[(x != 0) & (x != 1)]
    if other.size:
        raise DataError(
            f"samples hold {other[0]:.6g}, but encoding 'spikes' takes 0 and 1 only; choose "
            f"'graded', 'rate' or 'bernoulli'"
        )
    return x.astype(np.uint8)
