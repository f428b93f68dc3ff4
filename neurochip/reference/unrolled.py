"""Layers with a state over all steps at once: forward in time, and backward through it.

Arrays are (T * B, ...), step by step, and `backward` is that of all steps: memory grows with T.
"""

from __future__ import annotations

import numpy as np

from neurochip.network import LI, LIF, LowPass
from neurochip.rules.surrogates import Floats, Surrogate


def in_steps(array: Floats, timesteps: int) -> Floats:
    """(T * B, ...) as (T, B, ...), a view."""
    return array.reshape(timesteps, -1, *array.shape[1:])


class UnrolledLIF:
    """LIF neurons of one layer by BPTT.

    Attributes:
        neuron: their description.
        u: membranes before the reset, (T, B, ...), as all that follow.
        s: spikes, 0.0 or 1.0.
        du: dL/du, written by `backward`.
    """

    def __init__(self, neuron: LIF, timesteps: int, surrogate: Surrogate, detach_reset: bool):
        """Take the neuron, T, psi and whether the reset is a constant in the gradient."""
        self.neuron = neuron
        self._timesteps = timesteps
        self._surrogate = surrogate
        self._detach_reset = detach_reset
        nothing: Floats = np.zeros(0)
        self.u = self.s = self.du = nothing

    def begin(self) -> None:
        """Start a batch: nothing is kept from one to the next."""

    def forward(self, current: Floats) -> Floats:
        """u[t] = lam * v[t-1] + I[t];  s[t] = (u[t] >= v_th);  v[t] by the reset; gives s."""
        neuron = self.neuron
        compare = np.greater_equal if neuron.fires == ">=" else np.greater
        by_step = in_steps(current, self._timesteps)
        self.u, self.s = np.empty_like(by_step), np.empty_like(by_step)
        v = np.zeros_like(by_step[0])
        for now, u, s in zip(by_step, self.u, self.s, strict=True):
            np.add(neuron.lam * v, now, out=u)
            compare(u, neuron.v_th, out=s)
            v = u - neuron.v_th * s if neuron.reset == "soft" else _after_hard_reset(neuron, u, s)
        return self.s.reshape(current.shape)

    def backward(self, ds: Floats) -> Floats:
        """dL/du[t] = dL/ds[t] * psi + lam * dL/du[t+1] * dv[t]/du[t].

        dv/du is 1 (soft reset) or 1 - s (hard); with the reset not detached, less v_th * psi
        (soft), or plus (v_reset - u) * psi (hard).
        """
        neuron = self.neuron
        by_step = in_steps(ds, self._timesteps)
        self.du = np.empty_like(self.u)
        later = np.zeros_like(self.u[0])
        for t in range(self._timesteps - 1, -1, -1):
            psi = self._surrogate.derivative(self.u[t], neuron.v_th)
            later *= neuron.lam
            later *= self._dv_du(t, psi)
            later += by_step[t] * psi
            self.du[t] = later
        return self.du.reshape(ds.shape)

    def _dv_du(self, t: int, psi: Floats) -> Floats:
        neuron = self.neuron
        if neuron.reset == "soft":
            soft: Floats = np.ones_like(psi) if self._detach_reset else 1.0 - neuron.v_th * psi
            return soft
        hard: Floats = 1.0 - self.s[t]
        if not self._detach_reset:
            hard += (neuron.v_reset - self.u[t]) * psi
        return hard


class UnrolledLI:
    """A leaky read-out by BPTT: o[t] = lam * o[t-1] + I[t]."""

    def __init__(self, neuron: LI, timesteps: int):
        """Take the decay and T."""
        self._lam = neuron.lam
        self._timesteps = timesteps

    def begin(self) -> None:
        """Start a batch: nothing is kept from one to the next."""

    def forward(self, current: Floats) -> Floats:
        """The sum that leaks."""
        o = in_steps(current, self._timesteps).copy()
        for t in range(1, self._timesteps):
            o[t] += self._lam * o[t - 1]
        return o.reshape(current.shape)

    def backward(self, do: Floats) -> Floats:
        """dL/dI[t] = dL/do[t] + lam * dL/dI[t+1]."""
        d_current = in_steps(do, self._timesteps).copy()
        for t in range(self._timesteps - 2, -1, -1):
            d_current[t] += self._lam * d_current[t + 1]
        return d_current.reshape(do.shape)


class UnrolledLowPass:
    """A synaptic filter by BPTT: a[t] = a[t-1] + (s[t] - a[t-1]) / tau."""

    def __init__(self, layer: LowPass, timesteps: int):
        """Take the time constant and T."""
        self._tau = layer.tau
        self._timesteps = timesteps

    def begin(self) -> None:
        """Start a batch: nothing is kept from one to the next."""

    def forward(self, s: Floats) -> Floats:
        """The filtered signal."""
        by_step = in_steps(s, self._timesteps)
        a = np.empty_like(by_step)
        before = np.zeros_like(by_step[0])
        for t in range(self._timesteps):
            np.add(before, (by_step[t] - before) / self._tau, out=a[t])
            before = a[t]
        return a.reshape(s.shape)

    def backward(self, da: Floats) -> Floats:
        """dL/ds[t] = sum_k (1/tau) (1 - 1/tau)^k dL/da[t+k]."""
        by_step = in_steps(da, self._timesteps)
        ds = by_step / self._tau
        for t in range(self._timesteps - 2, -1, -1):
            ds[t] += (1.0 - 1.0 / self._tau) * ds[t + 1]
        return ds.reshape(da.shape)


def _after_hard_reset(neuron: LIF, u: Floats, s: Floats) -> Floats:
    v: Floats = (1.0 - s) * u
    if neuron.v_reset:
        v += neuron.v_reset * s
    return v
