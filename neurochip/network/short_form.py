"""The papers' short form of a convolutional network: "15C5-P2-40C5-P2-300"."""

from __future__ import annotations

import re
from typing import Literal

from neurochip.errors import NetworkError
from neurochip.network.layers import (
    SPATIAL_DIMENSIONS,
    AvgPool,
    Conv2d,
    Dense,
    Flatten,
    Layer,
    SumPool,
)
from neurochip.network.neurons import LIF, LowPass, Shape

_CONV = re.compile(r"([1-9]\d*)C([1-9]\d*)")
_POOL = re.compile(r"A?P([1-9]\d*)")
_DENSE = re.compile(r"[1-9]\d*")

Padding = int | Literal["same"]


def layers_of(
    text: str,
    in_shape: Shape,
    padding: Padding,
    neuron: LIF,
    bias: bool,
    pool_factor: float | None,
    tau: float | None = None,
) -> tuple[Layer, ...]:
    """The hidden layers, flat at the end; the arguments are those of `Network.conv`.

    Args:
        text: the short form.
        in_shape: (channels, height, width), or (n,) where no part is a convolution or a pool.
        padding: zeros on each side, or "same".
        neuron: follows each weight layer.
        bias: whether weight layers have one.
        pool_factor: of pools that sum; None for average pools.
        tau: of a LowPass after the input and after all neurons; None for none.
    """
    after: tuple[Layer, ...] = () if tau is None else (LowPass(tau),)
    layers: list[Layer] = [*after]
    shape = in_shape
    for word in text.split("-"):
        more = _layers_of_word(word, text, shape, padding, bias, pool_factor)
        if isinstance(more[-1], Conv2d | Dense):
            more += [neuron, *after]
        for layer in more:
            shape = layer.out_shape(shape)
        layers += more
    if len(shape) == SPATIAL_DIMENSIONS:
        layers.append(Flatten())
    return tuple(layers)


def _layers_of_word(
    word: str, text: str, shape: Shape, padding: Padding, bias: bool, pool_factor: float | None
) -> list[Layer]:
    if match := _CONV.fullmatch(word):
        c_out, kernel = int(match[1]), int(match[2])
        return [Conv2d(shape[0], c_out, kernel, 1, _zeros(padding, kernel, word), bias)]
    if match := _POOL.fullmatch(word):
        kernel = int(match[1])
        return [AvgPool(kernel) if pool_factor is None else SumPool(kernel, pool_factor)]
    if _DENSE.fullmatch(word):
        flat: list[Layer] = [Flatten()] if len(shape) == SPATIAL_DIMENSIONS else []
        n_in = shape[0] if not flat else flat[0].out_shape(shape)[0]
        return [*flat, Dense(n_in, int(word), bias)]
    raise NetworkError(
        f"Network.conv got {word!r} in {text!r}; each part must be like 15C5 (channels, kernel), "
        f"P2 (pool) or 300 (neurons)."
    )


def _zeros(padding: Padding, kernel: int, word: str) -> int:
    if padding != "same":
        return padding
    if kernel % 2 == 0:
        raise NetworkError(
            f"Network.conv got padding 'same' with the even kernel of {word!r}; use an odd kernel "
            f"or give a number of zeros."
        )
    return kernel // 2
