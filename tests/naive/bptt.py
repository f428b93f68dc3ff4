"""Back-propagation through time of one sample, from the chain rule over the unrolled network.

u[t] = lam * v[t-1] + W s_below[t] + b, s[t] = H(u[t] - v_th) with dH/du := psi(u),
v[t] = u - v_th * s (soft) or (1 - s) * u + s * v_reset (hard); the read-out is linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Unrolled:
    """One sample's way through the network: lists over layers of (T, n)."""

    signals: list[Array]
    u: list[Array]
    s: list[Array]
    out: Array


def forward(
    weights: list[Array],
    biases: list[Array],
    x: Array,
    lam: float,
    v_th: float,
    v_reset: float | None,
) -> Unrolled:
    """Layer by layer, each over all of time. `x` is (T, n_in)."""
    signals, us, ss = [x], [], []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        current = signals[-1] @ weight.T + bias
        u, s = np.zeros_like(current), np.zeros_like(current)
        v = np.zeros(current.shape[1])
        for t in range(len(current)):
            u[t] = lam * v + current[t]
            s[t] = u[t] >= v_th
            v = u[t] - v_th * s[t] if v_reset is None else np.where(s[t] == 1, v_reset, u[t])
        us.append(u)
        ss.append(s)
        signals.append(s)
    return Unrolled(signals, us, ss, signals[-1] @ weights[-1].T + biases[-1])


def gradients(
    weights: list[Array],
    way: Unrolled,
    dout: Array,
    psi: Callable[[Array], Array],
    lam: float,
    v_th: float,
    v_reset: float | None,
    detach_reset: bool = True,
) -> tuple[list[Array], list[Array]]:
    """dL/dW and dL/db of L = sum_t loss[t], given dloss[t]/dout[t] as (T, C)."""
    error = dout
    g_weights: list[Array] = []
    g_biases: list[Array] = []
    for layer in range(len(weights) - 1, -1, -1):
        g_weights.insert(0, error.T @ way.signals[layer])
        g_biases.insert(0, error.sum(axis=0))
        if layer == 0:
            break
        u, s = way.u[layer - 1], way.s[layer - 1]
        slope = psi(u)
        if v_reset is None:
            dv_du = np.ones_like(u) - (0 if detach_reset else v_th * slope)
        else:
            dv_du = (1 - s) + (0 if detach_reset else (v_reset - u) * slope)
        ds = error @ weights[layer]
        below = np.zeros_like(u)
        later = np.zeros(u.shape[1])
        for t in range(len(u) - 1, -1, -1):
            below[t] = ds[t] * slope[t] + lam * later * dv_du[t]
            later = below[t]
        error = below
    return g_weights, g_biases
