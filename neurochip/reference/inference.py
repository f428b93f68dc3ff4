"""Inference in float: what a network with parameters makes of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.network import Network, Parameters
from neurochip.reference.inputs import Samples
from neurochip.reference.online import Engine, inference_engine
from neurochip.reference.operators import channels_first
from neurochip.reference.values import Values, checked_dtype
from neurochip.rules.surrogates import Floats

# Samples that `predict` runs at once.
PREDICT_BATCH = 512


class Inference:
    """Looks at samples with parameters that may change in between."""

    def __init__(self, network: Network, values: Values):
        """Take the network and its parameters, which are not copied."""
        self._network = network
        self._values = values
        self._engine: Engine | None = None

    @classmethod
    def of(cls, network: Network, params: Parameters, dtype: DTypeLike = np.float64) -> Inference:
        """With a copy of some parameters.

        Raises:
            NetworkError: the parameters don't fit the network.
            RuleError: dtype is neither float64 nor float32.
        """
        network.check(params)
        return cls(network, Values(network, params, checked_dtype(dtype)))

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """The class of each sample: argmax over classes of the sum over t of o[t].

        Args:
            x: (B, ...) or (T, B, ...).

        Returns:
            (B,) int64; of equal sums the first class.
        """
        samples = Samples.of(self._network, x)
        parts = []
        for start in range(0, samples.batch, PREDICT_BATCH):
            part = samples.part(start, PREDICT_BATCH)
            engine = self._ready(part.batch)
            total = np.zeros((part.batch, self._network.n_out), self._values.dtype)
            for x_t in part.frames(self._values.dtype):
                total += engine.step(x_t)
            parts.append(total.argmax(axis=1))
        classes: NDArray[np.int64] = np.concatenate(parts).astype(np.int64, copy=False)
        return classes

    def outputs(self, x: ArrayLike) -> Floats:
        """o[t] of every step, (T, B, C).

        Args:
            x: (B, ...) or (T, B, ...).
        """
        samples = Samples.of(self._network, x)
        engine = self._ready(samples.batch)
        return np.stack([engine.step(x_t).copy() for x_t in samples.frames(self._values.dtype)])

    def spikes(self, x: ArrayLike) -> tuple[Floats, ...]:
        """Spikes of every hidden spiking layer, each (T, B, n) or (T, B, channels, height, width).

        Args:
            x: (B, ...) or (T, B, ...).
        """
        samples = Samples.of(self._network, x)
        engine = self._ready(samples.batch)
        steps = []
        for x_t in samples.frames(self._values.dtype):
            engine.step(x_t)
            steps.append([node.s.copy() for node in engine.hidden])
        shapes = [shape for _, shape in self._network.spiking_shapes()]
        return tuple(
            channels_first(shape, np.stack(layer))
            for shape, layer in zip(shapes, zip(*steps, strict=True), strict=True)
        )

    def _ready(self, batch: int) -> Engine:
        """An engine before the first step. The last one is kept: engines are large, and cycles."""
        if self._engine is None or self._engine.batch != batch:
            self._engine = inference_engine(self._network, self._values, batch)
        self._engine.refresh()
        self._engine.begin()
        return self._engine
