"""What a core's memories hold, in the network's order: in from `Integers`, out to `Integers`.

A core keeps populations in (height, width, channel) order and weights as its kernels read them
(`kernels.layout`); everything outside of the core has the order of the network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import NetworkError
from neurochip.kernels import layout
from neurochip.kernels.shared_weights import copy_forward
from neurochip.mapping import Integers, Loop, Projection

Plan = tuple[Projection, ...]
Loops = tuple[Loop, ...]
Matrix = NDArray[np.signedinteger[Any]]


def load_integers(core: layout.Core, plan: Plan, loops: Loops, integers: Integers) -> None:
    """Copy weights, shadow, biases and feedback into the core's memories.

    Raises:
        NetworkError: they aren't of the network's shapes and the memories' dtypes.
    """
    for number, (layer, projection) in enumerate(zip(core.layers, plan, strict=True)):
        _load(
            f"weights of layer {number}", integers.weights[number], core.weights, layer, projection
        )
        if core.shadow.size:
            what = f"shadow weights of layer {number}"
            _load(what, integers.shadow[number], core.shadow, layer, projection)
        biases = core.bias[layer.post : layer.post + layer.n_out]
        given = integers.biases[number]
        _check(f"biases of layer {number}", given, (projection.columns,), biases.dtype)
        biases[:] = np.resize(given, biases.size)  # every position has its channels'
        if layer.kind == layout.CONVOLUTION:
            copy_forward(core, number)
    for number, loop in enumerate(loops):
        given = integers.weights[len(plan) + number]
        _check(f"weights of loop {number}", given, loop.layer.weight_shape, core.weights.dtype)
        _loop_memory(core, plan, loops, number)[:] = given
    _load_feedback(core, integers.feedback)


def read_integers(
    core: layout.Core, plan: Plan, loops: Loops, feedback: tuple[NDArray[np.int8], ...]
) -> Integers:
    """Copies of what the core's memories hold now."""
    pairs = list(zip(core.layers, plan, strict=True))
    shadowed = pairs if core.shadow.size else []
    return Integers(
        weights=(
            *(_read(core.weights, layer, projection) for layer, projection in pairs),
            *(_loop_memory(core, plan, loops, number).copy() for number in range(len(loops))),
        ),
        shadow=tuple(_read(core.shadow, layer, projection) for layer, projection in shadowed),
        biases=tuple(core.bias[k.post : k.post + k.columns].copy() for k in core.layers),
        feedback=feedback,
    )


def in_network_order(values: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    """Values of a population, (..., n), from the chip's order to the network's."""
    placed = np.empty_like(values)
    placed[..., order] = values
    return placed


def _load(
    what: str, given: Matrix, memory: NDArray[Any], layer: Any, projection: Projection
) -> None:
    _check(what, given, projection.memory_shape, memory.dtype)
    if projection.is_listed:
        _listed(memory, layer, projection)[:] = given
        return
    _stored(memory, layer)[:] = given[projection.row_order]


def _read(memory: NDArray[Any], layer: Any, projection: Projection) -> Matrix:
    if projection.is_listed:
        return _listed(memory, layer, projection).copy()
    matrix = np.empty((projection.rows, projection.columns), memory.dtype)
    matrix[projection.row_order] = _stored(memory, layer)
    return matrix


def _listed(memory: NDArray[Any], layer: Any, projection: Projection) -> NDArray[Any]:
    """A view (synapses,) of one layer's part of a memory."""
    return memory[layer.weight_start : layer.weight_start + projection.n_weights]


def _loop_memory(core: layout.Core, plan: Plan, loops: Loops, number: int) -> NDArray[Any]:
    """A view (synapses,) of the weights of a loop, which lie behind those of all layers."""
    sizes = [loop.layer.n_synapses for loop in loops]
    first = sum(projection.n_weights for projection in plan) + sum(sizes[:number])
    return core.weights[first : first + sizes[number]]


def _stored(memory: NDArray[Any], layer: Any) -> NDArray[Any]:
    """A view (rows, columns) of one layer's part of a memory."""
    part = memory[layer.weight_start : layer.weight_start + layer.rows * layer.columns]
    if layer.kind == layout.CONVOLUTION:
        return part.reshape(layer.columns, layer.rows).T
    return part.reshape(layer.rows, layer.columns)


def _load_feedback(core: layout.Core, given: tuple[NDArray[np.int8], ...]) -> None:
    size = sum(b.size for b in given)
    if size != core.feedback.size:
        raise NetworkError(
            f"feedback weights are {size}, but the chip holds {core.feedback.size}; give as many"
        )
    for number, b in enumerate(given, start=1):
        at = core.layers[number].feedback_start
        memory = core.feedback[at : at + b.size]
        _check(f"feedback weights of layer {number}", b.ravel(), memory.shape, memory.dtype)
        memory[:] = b.ravel()


def _check(what: str, given: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if given.shape != shape or given.dtype != dtype:
        raise NetworkError(
            f"{what} are {given.dtype} of shape {given.shape}, but the chip holds {dtype} "
            f"of shape {shape}; give those"
        )
