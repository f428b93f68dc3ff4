"""Samples on their way into the engine: shapes checked, one frame a time step.

Samples are static, (B, ...), shown unchanged at every step, or temporal, (T, B, ...), where ... is
the network's in_shape or, as one row, its n_in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.errors import DataError
from neurochip.network import Network
from neurochip.reference.operators import SPATIAL
from neurochip.rules.losses import Labels
from neurochip.rules.surrogates import Floats


@dataclass(frozen=True, eq=False)
class Samples:
    """A batch of a network's inputs, not copied.

    Attributes:
        array: (B, *in_shape) or (T, B, *in_shape), any real dtype.
        is_static: whether it is the former.
        timesteps: T.
    """

    array: NDArray[Any]
    is_static: bool
    timesteps: int

    @classmethod
    def of(cls, network: Network, x: ArrayLike) -> Samples:
        """`x` as samples of a network.

        Raises:
            DataError: if its shape doesn't fit the network.
        """
        array = np.asarray(x)
        shape, timesteps = network.in_shape, network.timesteps
        for ending in (shape, (network.n_in,)):
            leading = array.shape[: array.ndim - len(ending)]
            fits = array.shape[len(leading) :] == ending and 0 not in leading
            if fits and len(leading) == 1:
                return cls(array.reshape(*leading, *shape), True, timesteps)
            if fits and len(leading) == 2 and leading[0] == timesteps:
                return cls(array.reshape(*leading, *shape), False, timesteps)
        inner = ", ".join(str(n) for n in shape)
        raise DataError(
            f"samples have shape {array.shape}; the network needs (batch, {inner}) or "
            f"({timesteps}, batch, {inner}) with a batch of at least 1."
        )

    @property
    def batch(self) -> int:
        """B."""
        return int(self.array.shape[0 if self.is_static else 1])

    @property
    def are_spikes(self) -> bool:
        """Whether they are temporal and hold nothing but 0 and 1."""
        if self.is_static:
            return False
        return all(bool(((frame == 0) | (frame == 1)).all()) for frame in self.array)

    def part(self, start: int, count: int) -> Samples:
        """Some of the samples."""
        chosen = slice(start, start + count)
        array = self.array[chosen] if self.is_static else self.array[:, chosen]
        return Samples(array, self.is_static, self.timesteps)

    def frames(self, dtype: np.dtype[np.floating[Any]]) -> Iterator[Floats]:
        """What the network sees at each step, as arrays are in here; valid until the next step.

        Only one step is converted at a time, so that memory doesn't grow with T.
        """
        if self.is_static:
            still = np.ascontiguousarray(self._inside(self.array), dtype)
            for _ in range(self.timesteps):
                yield still
            return
        frame = np.empty(self._inside(self.array[0]).shape, dtype)
        for moment in self.array:
            np.copyto(frame, self._inside(moment), casting="unsafe")
            yield frame

    def unrolled(self, dtype: np.dtype[np.floating[Any]]) -> Floats:
        """All steps, (T * B, ...), as arrays are in here."""
        steps = np.stack([frame.copy() for frame in self.frames(dtype)])
        return steps.reshape(-1, *steps.shape[2:])

    def _inside(self, moment: NDArray[Any]) -> NDArray[Any]:
        """(B, c, h, w) as (B, h, w, c), a view; (B, n) as it is."""
        return np.moveaxis(moment, 1, -1) if moment.ndim == 1 + SPATIAL else moment


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
