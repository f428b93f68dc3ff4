"""TSSL-BP in plain Python: one neuron at a time (Zhang and Li, NeurIPS 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Neuron:
    """One neuron's course over time."""

    delta_u: list[float] = field(default_factory=list)
    u: list[float] = field(default_factory=list)
    s: list[float] = field(default_factory=list)
    psc: list[float] = field(default_factory=list)


def forward(current: list[float], tau_m: float, tau_s: float, v_th: float) -> Neuron:
    neuron = Neuron()
    m = psc = 0.0
    for i_t in current:
        delta_u = -m / tau_m + i_t
        u = m + delta_u
        s = 1.0 if u > v_th else 0.0
        m = u * (1.0 - s)
        psc = psc + (s - psc) / tau_s
        neuron.delta_u.append(delta_u)
        neuron.u.append(u)
        neuron.s.append(s)
        neuron.psc.append(psc)
    return neuron


def backward(
    neuron: Neuron, g: list[float], tau_m: float, tau_s: float, v_th: float, has_warm_up: bool
) -> list[float]:
    """dL/dI of every step from g = dL/dpsc."""
    steps, th = len(g), 1.0 / tau_m
    g_current = [0.0] * steps
    theta = 0.0
    for t in range(steps - 1, -1, -1):
        ga = sum((1.0 / tau_s) * (1.0 - 1.0 / tau_s) ** k * g[t + k] for k in range(steps - t))
        s, u = neuron.s[t], neuron.u[t]
        w = inverse(neuron.delta_u[t]) * s
        gt = w * ga
        if t < steps - 1:
            gt += theta * u * th * w + theta * (1.0 - th) * (1.0 - s)
        theta = gt * s + theta * (1.0 - th) * (1.0 - s)
        e = math.exp(min(max((v_th - u) / 0.2, -8.0), 8.0))
        if has_warm_up and neuron.psc[t] < 1.0 / (4.0 * tau_s):
            g_current[t] = ga * e / ((1.0 + e) ** 2 * 0.2)
        else:
            g_current[t] = gt
    return g_current


def inverse(change: float) -> float:
    return 8.0 if change == 0.0 else min(max(1.0 / change, 0.0), 8.0)
