"""TSSL-BP's neurons over all time steps, forward and backward (Zhang and Li, NeurIPS 2020)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.jit import kernel

Reals = NDArray[np.floating[Any]]

# Constants of the published code: steepness of the warm-up surrogate, bound of its exponent, and
# bound of 1 / delta_u.
STEEPNESS = 0.2
LARGEST_EXPONENT = 8.0
LARGEST_INVERSE = 8.0


@kernel
def tssl_forward(
    current: Reals,
    tau_m: float,
    tau_s: float,
    v_th: float,
    delta_u: Reals,
    u: Reals,
    s: Reals,
    psc: Reals,
) -> None:
    """delta_u = -m / tau_m + I; u = m + delta_u; s = u > v_th; m = u * (1 - s); psc follows s.

    psc[t] = psc[t-1] + (s[t] - psc[t-1]) / tau_s; m[-1] = psc[-1] = 0.

    Args:
        current: I, (T, M) float; the other arrays have the same shape and dtype and are written.
        tau_m: membrane time constant in steps.
        tau_s: synaptic time constant in steps.
        v_th: threshold.
        delta_u: change of the membrane.
        u: membrane before the reset.
        s: spikes, 0 or 1.
        psc: postsynaptic current.
    """
    steps, n = current.shape
    one = u.dtype.type(1.0)
    leak, synapse, threshold = u.dtype.type(tau_m), u.dtype.type(tau_s), u.dtype.type(v_th)
    zero = one - one
    for t in range(steps):
        for j in range(n):
            before = u[t - 1, j] * (one - s[t - 1, j]) if t > 0 else zero
            change = current[t, j] - before / leak
            membrane = before + change
            spike = one if membrane > threshold else zero
            filtered = psc[t - 1, j] if t > 0 else zero
            delta_u[t, j] = change
            u[t, j] = membrane
            s[t, j] = spike
            psc[t, j] = filtered + (spike - filtered) / synapse


@kernel
def tssl_backward(
    g: Reals,
    delta_u: Reals,
    u: Reals,
    s: Reals,
    psc: Reals,
    tau_m: float,
    tau_s: float,
    v_th: float,
    has_warm_up: bool,
    later: Reals,
    theta: Reals,
    g_current: Reals,
) -> None:
    """dL/dI from g = dL/dpsc, from the last step to the first.

    ga = sum_k K[k] g[t+k], K[k] = (1/tau_s)(1 - 1/tau_s)^k;  w = clamp(1/delta_u, 0, 8) * s;
    gt = w * ga, and before the last step + theta * u * w / tau_m + theta * (1 - 1/tau_m) * (1 - s);
    theta = gt * s + theta * (1 - 1/tau_m) * (1 - s);
    dL/dI = ga * f where psc < 1 / (4 tau_s) and there is a warm-up, else gt;
    f = e / ((1 + e)^2 * 0.2), e = exp(clamp((v_th - u) / 0.2, -8, 8)).

    Args:
        g: dL/dpsc, (T, M) float, as delta_u, u, s and psc.
        delta_u: change of the membrane.
        u: membrane before the reset.
        s: spikes, 0 or 1.
        psc: postsynaptic current.
        tau_m: membrane time constant in steps.
        tau_s: synaptic time constant in steps.
        v_th: threshold.
        has_warm_up: whether silent neurons use the surrogate f.
        later: (M,) float, room.
        theta: (M,) float, room.
        g_current: (T, M) float, written.
    """
    steps, n = g.shape
    one = u.dtype.type(1.0)
    zero = one - one
    synapse, keep = u.dtype.type(1.0 / tau_s), u.dtype.type(1.0 - 1.0 / tau_s)
    th, rest = u.dtype.type(1.0 / tau_m), u.dtype.type(1.0 - 1.0 / tau_m)
    silent = u.dtype.type(1.0 / (4.0 * tau_s)) if has_warm_up else -one
    threshold, steepness = u.dtype.type(v_th), u.dtype.type(STEEPNESS)
    bound = u.dtype.type(LARGEST_EXPONENT)
    for j in range(n):
        later[j] = zero
        theta[j] = zero
    for t in range(steps - 1, -1, -1):
        for j in range(n):
            ga = synapse * g[t, j] + keep * later[j]
            later[j] = ga
            spike = s[t, j]
            w = _inverse(delta_u[t, j]) * spike
            past = theta[j] * rest * (one - spike)
            gt = w * ga
            if t < steps - 1:
                gt += theta[j] * u[t, j] * th * w + past
            theta[j] = gt * spike + past
            if psc[t, j] < silent:
                e = math.exp(min(max((threshold - u[t, j]) / steepness, -bound), bound))
                g_current[t, j] = ga * (e / ((one + e) * (one + e) * steepness))
            else:
                g_current[t, j] = gt


@kernel
def _inverse(change: float) -> float:
    """clamp(1 / change, 0, 8), and of no change 8 (1 / +0)."""
    if change * LARGEST_INVERSE > 1.0:
        return 1.0 / change
    return 0.0 if change < 0.0 else LARGEST_INVERSE
