"""How the error gets from a layer down to the neurons below it, in float.

With delta_l the error of weight layer l's outputs, (B, n_l), the raw error of the neurons below is
a_(l-1) = delta_l M_l, where M_l, (n_l, n_(l-1)), is

symmetric: W_l, the weights of the forward pass (OTTT itself);
sign:      sign(W_l) * 2^-f_l, with one magnitude 2^-f_l a layer (Liao et al., AAAI 2016);
random:    B_l^T, fixed numbers B_l of shape (n_below, n_above) (Lillicrap et al., 2016);
direct:    a_(l-1) = delta_readout B_l^T, B_l of shape (n_below, C) (Nøkland, NeurIPS 2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from neurochip.errors import RuleError
from neurochip.rules.surrogates import Floats

FeedbackMode: TypeAlias = Literal["symmetric", "sign", "random", "direct"]


def checked(
    mode: FeedbackMode,
    sizes: Sequence[int],
    given: Sequence[ArrayLike] | None,
    dtype: np.dtype[np.floating[Any]],
) -> tuple[Floats, ...]:
    """The feedback weights of a network as arrays of one dtype.

    Args:
        mode: which transport they are for.
        sizes: neurons of each layer, the input first.
        given: for each weight layer above the first, a magnitude (sign) or an array B_l.
        dtype: float32 or float64.

    Raises:
        RuleError: if they don't fit the mode or the network.
    """
    shapes = _shapes(mode, sizes)
    if mode == "symmetric":
        if given is not None:
            raise RuleError(
                "feedback_weights are given but the feedback is 'symmetric', which uses the "
                "forward weights; leave them out or choose another feedback."
            )
        return ()
    if given is None or len(given) != len(shapes):
        count = "none" if given is None else str(len(given))
        raise RuleError(
            f"feedback {mode!r} needs {len(shapes)} feedback weights, one for each weight layer "
            f"above the first, and got {count}; give a tuple of {len(shapes)}."
        )
    arrays = tuple(np.array(weights, dtype=dtype) for weights in given)
    for number, (array, shape) in enumerate(zip(arrays, shapes, strict=True), start=1):
        if array.shape != shape:
            raise RuleError(
                f"feedback weights of Dense layer {number} have shape {array.shape}; feedback "
                f"{mode!r} needs {shape}."
            )
        if not np.isfinite(array).all():
            raise RuleError(
                f"feedback weights of Dense layer {number} hold a number that is not finite; "
                f"every one must be."
            )
    return arrays


def draw(mode: FeedbackMode, sizes: Sequence[int], seed: int) -> tuple[Floats, ...] | None:
    """Feedback weights for a network: None, magnitudes 1/sqrt(n_below), or normal numbers B_l.

    B_l has the standard deviation 1/sqrt(n_below) and comes from the generator of (seed, l).

    Args:
        mode: which transport they are for.
        sizes: neurons of each layer, the input first.
        seed: 0 or more.
    """
    if mode == "symmetric":
        return None
    drawn = []
    for number, shape in enumerate(_shapes(mode, sizes), start=1):
        size = 1.0 / math.sqrt(sizes[number])
        if mode == "sign":
            drawn.append(np.array(2.0 ** round(math.log2(size))))
        else:
            drawn.append(np.random.default_rng([seed, number]).normal(0.0, size, shape))
    return tuple(drawn)


def transport(
    mode: FeedbackMode,
    layer: int,
    deltas: Sequence[Floats],
    weights: Sequence[Floats],
    feedback_weights: Sequence[Floats],
    out: Floats,
) -> None:
    """a_(l-1) of weight layer l = `layer` >= 1, written to `out`, (B, n_below).

    Args:
        mode: how the error travels.
        layer: l.
        deltas: for each weight layer the error of its outputs, (B, n_out).
        weights: for each weight layer W, (n_out, n_in).
        feedback_weights: what `checked` returned.
        out: (B, n_below).
    """
    _TRANSPORTS[mode](layer, deltas, weights, feedback_weights, out)


def _shapes(mode: FeedbackMode, sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    layers = range(1, len(sizes) - 1)
    if mode == "direct":
        return tuple((sizes[layer], sizes[-1]) for layer in layers)
    if mode == "random":
        return tuple((sizes[layer], sizes[layer + 1]) for layer in layers)
    return tuple(() for _ in layers)


_Many: TypeAlias = Sequence[Floats]


def _symmetric(layer: int, deltas: _Many, weights: _Many, fixed: _Many, out: Floats) -> None:
    np.dot(deltas[layer], weights[layer], out=out)


def _sign(layer: int, deltas: _Many, weights: _Many, fixed: _Many, out: Floats) -> None:
    np.dot(deltas[layer], np.sign(weights[layer]), out=out)
    out *= fixed[layer - 1]


def _random(layer: int, deltas: _Many, weights: _Many, fixed: _Many, out: Floats) -> None:
    np.dot(deltas[layer], fixed[layer - 1].T, out=out)


def _direct(layer: int, deltas: _Many, weights: _Many, fixed: _Many, out: Floats) -> None:
    np.dot(deltas[-1], fixed[layer - 1].T, out=out)


_TRANSPORTS: dict[str, Callable[[int, _Many, _Many, _Many, Floats], None]] = {
    "symmetric": _symmetric,
    "sign": _sign,
    "random": _random,
    "direct": _direct,
}
