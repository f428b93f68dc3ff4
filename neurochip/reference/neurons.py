"""Layers with a state, one step at a time: neurons, leaky read-outs, synaptic filters.

Their backward pass is that of one step: what came before is a constant in it (OTTT, SLTT).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurochip.network import LI, LIF, LowPass
from neurochip.rules.surrogates import Floats, Surrogate


class LIFNode:
    """LIF neurons of one layer.

    Attributes:
        neuron: their description.
        shape: (B, ...), as the arrays are in here.
        u: membranes before the reset.
        s: spikes, 0.0 or 1.0.
        v: membranes after the reset.
        psi: surrogate derivatives, written by `backward`.
        du: dL/du, written by `backward`.
    """

    def __init__(self, neuron: LIF, shape: tuple[int, ...], dtype: Any, surrogate: Surrogate):
        """Make the state."""
        self.neuron = neuron
        self.shape = shape
        self.u: Floats = np.zeros(shape, dtype)
        self.s: Floats = np.zeros(shape, dtype)
        self.v: Floats = np.zeros(shape, dtype)
        self.psi: Floats = np.zeros(shape, dtype)
        self.du: Floats = np.zeros(shape, dtype)
        self._surrogate = surrogate
        self._compare = np.greater_equal if neuron.fires == ">=" else np.greater
        self._reset = self._soft_reset if neuron.reset == "soft" else self._hard_reset

    def begin(self) -> None:
        """Start a batch: v[-1] = 0."""
        self.v.fill(0.0)

    def forward(self, current: Floats) -> Floats:
        """u[t] = lam * v[t-1] + I[t];  s[t] = (u[t] >= v_th);  v[t] by the reset; gives s[t]."""
        self.v *= self.neuron.lam
        np.add(self.v, current, out=self.u)
        self._compare(self.u, self.neuron.v_th, out=self.s)
        self._reset()
        return self.s

    def backward(self, ds: Floats) -> Floats:
        """dL/du[t] = dL/ds[t] * psi(u[t])."""
        self._surrogate.derivative(self.u, self.neuron.v_th, out=self.psi)
        return np.multiply(ds, self.psi, out=self.du)

    def _soft_reset(self) -> None:
        """v[t] = u[t] - v_th * s[t]."""
        np.multiply(self.s, self.neuron.v_th, out=self.v)
        np.subtract(self.u, self.v, out=self.v)

    def _hard_reset(self) -> None:
        """v[t] = (1 - s[t]) * u[t] + s[t] * v_reset."""
        np.subtract(1.0, self.s, out=self.v)
        self.v *= self.u
        if self.neuron.v_reset:
            self.v += self.s * self.neuron.v_reset


class CurrentLIFNode(LIFNode):
    """LIF neurons whose synaptic current outlives its step; the bias isn't part of it.

    Attributes:
        i: synaptic currents.
    """

    def __init__(
        self,
        neuron: LIF,
        shape: tuple[int, ...],
        dtype: Any,
        surrogate: Surrogate,
        bias: Floats,
    ):
        """Make the state; ``bias`` is in what comes in, one number a channel."""
        super().__init__(neuron, shape, dtype, surrogate)
        self.i: Floats = np.zeros(shape, dtype)
        self._bias = bias

    def begin(self) -> None:
        """Start a batch: v[-1] = i[-1] = 0."""
        super().begin()
        self.i.fill(0.0)

    def forward(self, current: Floats) -> Floats:
        """i[t] = current_lam * i[t-1] + I[t] - b; then as every LIF of the current i[t] + b."""
        self.i *= self.neuron.current_lam
        self.i += current
        self.i -= self._bias
        return super().forward(self.i + self._bias)


class LINode:
    """A read-out that integrates: o[t] = lam * o[t-1] + I[t].

    Attributes:
        o: (B, C).
    """

    def __init__(self, neuron: LI, shape: tuple[int, ...], dtype: Any):
        """Make the state of `shape` = (B, C)."""
        self.neuron = neuron
        self.o = np.zeros(shape, dtype)

    def begin(self) -> None:
        """Start a batch: o[-1] = 0."""
        self.o.fill(0.0)

    def forward(self, current: Floats) -> Floats:
        """o[t] = lam * o[t-1] + I[t]."""
        self.o *= self.neuron.lam
        self.o += current
        return self.o

    def backward(self, do: Floats) -> Floats:
        """dL/dI[t] = dL/do[t], within the step."""
        return do


class LowPassNode:
    """A synaptic filter: a[t] = a[t-1] + (s[t] - a[t-1]) / tau."""

    def __init__(self, layer: LowPass, shape: tuple[int, ...], dtype: Any):
        """Make the state of `shape` = (B, ...)."""
        self._tau = layer.tau
        self.a = np.zeros(shape, dtype)

    def begin(self) -> None:
        """Start a batch: a[-1] = 0."""
        self.a.fill(0.0)

    def forward(self, s: Floats) -> Floats:
        """A step of the filter."""
        self.a += (s - self.a) / self._tau
        return self.a

    def backward(self, da: Floats) -> Floats:
        """dL/ds[t] = dL/da[t] / tau, within the step."""
        ds: Floats = da / self._tau
        return ds
