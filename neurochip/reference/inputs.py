"""Samples on their way into the engine: shapes checked, one frame a time step.

`x` is static, (B, n_in), shown unchanged at every step, or temporal, (T, B, n_in).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.errors import DataError
from neurochip.network import Network
from neurochip.rules.losses import Labels
from neurochip.rules.surrogates import Floats

STATIC_DIMENSIONS = 2
TEMPORAL_DIMENSIONS = 3


def checked_input(network: Network, x: ArrayLike) -> NDArray[Any]:
    """`x` as an array of any real dtype, not copied if it is one.

    Raises:
        DataError: if its shape doesn't fit the network.
    """
    array = np.asarray(x)
    n_in, timesteps = network.n_in, network.timesteps
    is_static = array.ndim == STATIC_DIMENSIONS
    is_temporal = array.ndim == TEMPORAL_DIMENSIONS and array.shape[0] == timesteps
    if not (is_static or is_temporal) or array.shape[-1] != n_in or array.shape[-2] == 0:
        raise DataError(
            f"samples have shape {array.shape}; the network needs (batch, {n_in}) or "
            f"({timesteps}, batch, {n_in}) with a batch of at least 1."
        )
    return array


def checked_labels(network: Network, y: ArrayLike, batch: int) -> Labels:
    """`y` as whole numbers, (B,).

    Raises:
        DataError: if they are not one class number of the network for each sample.
    """
    labels = np.asarray(y)
    if labels.shape != (batch,) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"labels have shape {labels.shape} and type {labels.dtype}; {batch} samples need "
            f"({batch},) whole numbers."
        )
    if labels.min() < 0 or labels.max() >= network.n_out:
        raise DataError(
            f"labels go from {labels.min()} to {labels.max()}; a network of {network.n_out} "
            f"outputs needs them from 0 to {network.n_out - 1}."
        )
    return labels.astype(np.int64, copy=False)


def batch_of(x: NDArray[Any]) -> int:
    """Number of samples in `x`."""
    return int(x.shape[-2])


def carries_spikes(x: NDArray[Any]) -> bool:
    """Whether `x` is temporal and holds nothing but 0 and 1."""
    if x.ndim == STATIC_DIMENSIONS:
        return False
    return all(bool(((frame == 0) | (frame == 1)).all()) for frame in x)


def frames(x: NDArray[Any], timesteps: int, dtype: np.dtype[np.floating[Any]]) -> Iterator[Floats]:
    """What the network sees at each step, (B, n_in); valid until the next step.

    Only one step is converted at a time, so that memory doesn't grow with T.
    """
    if x.ndim == STATIC_DIMENSIONS:
        still = np.asarray(x, dtype=dtype)
        for _ in range(timesteps):
            yield still
    else:
        frame = np.empty(x.shape[1:], dtype=dtype)
        for moment in x:
            np.copyto(frame, moment, casting="unsafe")
            yield frame
