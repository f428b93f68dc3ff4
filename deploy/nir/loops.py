"""Feedback of a network from the ways back of a NIR graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.nir.chain import Loop
from neurochip.deploy.nir.stateless import convolution, matrix, pool
from neurochip.errors import ExportError
from neurochip.network import Feedback, Flatten, Layer

__all__ = ["Entry", "entry_of"]


@dataclass
class Entry:
    """A way back where it ends.

    Attributes:
        loop: what it was made of.
        target: number of the weight layer whose output it adds to.
        path: its layers.
        weight: their weights; those of the neurons that hear them are multiplied in later.
    """

    loop: Loop
    target: int
    path: tuple[Layer, ...]
    weight: NDArray[np.float64]

    def feedback(self, places: dict[str, int]) -> Feedback:
        """As a network has it; ``places`` has the layer of each node that ends one."""
        return Feedback(places[self.loop.source], self.target, self.path)


def entry_of(loop: Loop, target: int) -> tuple[Entry, NDArray[np.float64]]:
    """A way back to the output of layer ``target``, and its bias.

    Other tools add the bias in the first step too, where a network's feedback is absent: so it
    belongs to the weights that the way leads to.
    """
    path: list[Layer] = []
    weights: list[NDArray[np.float64]] = []
    bias = np.zeros(1)
    for name, node in loop.nodes:
        kind = type(node).__name__
        if kind in ("Affine", "Linear", "Conv2d"):
            made = convolution(name, node) if kind == "Conv2d" else matrix(name, node)
            layer, (weight, bias) = made
            path.append(replace(layer, bias=False))
            weights.append(weight)
        elif kind in ("AvgPool2d", "SumPool2d"):
            path.append(pool(name, node))
        elif kind == "Flatten":
            path.append(Flatten())
        elif kind not in ("Input", "Output"):
            raise ExportError(
                f"node {name!r} of the NIR graph is a {kind} on a way back, which feedback of a "
                f"network can't lead through; remove it"
            )
    if len(weights) != 1:
        raise ExportError(
            f"node {loop.target!r} of the NIR graph is fed back to from {loop.source!r} through "
            f"{len(weights)} layers of weights; put one there"
        )
    return Entry(loop, target, tuple(path), weights[0]), bias
