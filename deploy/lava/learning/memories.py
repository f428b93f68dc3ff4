"""What a weight layer has learned, taken out of a core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.states import LayerStates
from neurochip.kernels import layout

__all__ = ["as_states", "memories"]


def memories(core: layout.Core, number: int) -> dict[str, NDArray[Any]]:
    """Weights, shadow weights, biases of a layer and traces below it, each (n,), copied."""
    layer = core.layers[number]
    synapses = slice(layer.weight_start, layer.weight_start + layer.rows * layer.columns)
    return {
        "weights": core.weights[synapses].copy(),
        "shadow": core.shadow[synapses].copy(),
        "biases": core.bias[layer.post : layer.post + layer.n_out].copy(),
        "trace": core.trace[layer.pre : layer.pre + layer.n_in].copy(),
    }


def as_states(number: int, held: dict[str, NDArray[Any]]) -> LayerStates:
    """The memories of a layer as one sample of one step, to be compared."""
    states = {
        name: values.reshape(1, 1, -1).astype(np.int64)
        for name, values in held.items()
        if values.size
    }
    return LayerStates(f"layer {number}", states)
