"""Weights that positions share, written out: one listed synapse for each pair of neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import LimitError
from neurochip.network import Conv2d, Dense, Flatten, Layer, Shape, Sparse, Upsample

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]


class Listed(NamedTuple):
    """Synapses between two populations, and the weight of each."""

    layer: Sparse
    weights: Reals


class _Pairs(NamedTuple):
    """Synapses in any order; those of one pair of neurons add up."""

    source: Ints
    target: Ints
    weight: Reals


def listed(path: Sequence[Layer], weight: Reals | None, shape: Shape) -> Listed:
    """What a path of layers does to signals of some shape, as listed synapses without bias.

    Args:
        path: Upsample and Flatten layers and one Dense, Conv2d or Sparse; nothing: each neuron
            reaches its like.
        weight: the weights of the one; None of nothing.
        shape: of what comes in, (n,) or (channels, height, width).

    Raises:
        LimitError: the path has another layer.
    """
    n_in = math.prod(shape)
    place = np.arange(n_in).reshape(shape)
    pairs, n_out = _Pairs(place.ravel(), place.ravel(), np.ones(n_in)), n_in
    for layer in path:
        if isinstance(layer, Upsample):
            place = place.repeat(layer.factor, axis=1).repeat(layer.factor, axis=2)
        elif isinstance(layer, Flatten):
            place = place.ravel()
        elif weight is not None and isinstance(layer, Dense | Conv2d | Sparse):
            pairs, n_out = _through(layer, weight, place)
        else:
            raise LimitError(
                f"a connection beside the layers leads through a {type(layer).__name__}, but a "
                f"chip lists its synapses; let it lead through one Dense or Conv2d, or Upsample "
                f"and that"
            )
    return _summed(pairs, n_in, n_out)


def _through(
    layer: Dense | Conv2d | Sparse, weight: Reals, place: NDArray[Any]
) -> tuple[_Pairs, int]:
    """Synapses of one weight layer that reads the source neurons at ``place``."""
    if isinstance(layer, Conv2d):
        return _convolved(layer, weight, place)
    source = place.ravel()
    if isinstance(layer, Sparse):
        return _Pairs(source[layer.sources], layer.targets.astype(np.int64), weight), layer.n_out
    target = np.repeat(np.arange(layer.n_out), len(source))
    return _Pairs(np.tile(source, layer.n_out), target, weight.ravel()), layer.n_out


def _convolved(layer: Conv2d, weight: Reals, place: NDArray[Any]) -> tuple[_Pairs, int]:
    c_out, height, width = layer.out_shape(place.shape)
    target = np.arange(c_out * height * width).reshape(c_out, height, width)
    parts: list[list[NDArray[Any]]] = [[], [], []]
    for row in range(layer.kernel):
        for column in range(layer.kernel):
            (y, above), (x, left) = (
                _reached(layer, tap, n_out, n_in)
                for tap, n_out, n_in in (
                    (row, height, place.shape[1]),
                    (column, width, place.shape[2]),
                )
            )
            # (c_out, c_in, rows, columns) of this tap
            sources = place[np.newaxis][:, :, above[:, np.newaxis], left]
            targets = target[:, np.newaxis][:, :, y[:, np.newaxis], x]
            weights = weight[:, :, row, column, np.newaxis, np.newaxis]
            for part, array in zip(
                parts, np.broadcast_arrays(sources, targets, weights), strict=True
            ):
                part.append(array.ravel())
    source, targets_, weights_ = (np.concatenate(part) for part in parts)
    return _Pairs(source, targets_, weights_), target.size


def _reached(layer: Conv2d, tap: int, n_out: int, n_in: int) -> tuple[Ints, Ints]:
    """Positions of the output that read inside the input through one tap, and where they do."""
    positions = np.arange(n_out)
    read = positions * layer.stride + tap - layer.padding
    inside = (read >= 0) & (read < n_in)
    return positions[inside], read[inside]


def _summed(pairs: _Pairs, n_in: int, n_out: int) -> Listed:
    """One synapse a pair, by source and then target."""
    keys, first_of = np.unique(pairs.source * n_out + pairs.target, return_inverse=True)
    weights = np.zeros(len(keys))
    np.add.at(weights, first_of.ravel(), pairs.weight)
    source, target = np.divmod(keys, n_out)
    return Listed(Sparse.between(source, target, n_in, n_out, bias=False), weights)
