"""The forward step: weights, neurons and read-out of one time step, batched.

All arrays are made once for a batch size and written in place; what a step returns or leaves in
them is valid until the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurochip.network import LI, LIF, Network
from neurochip.rules.surrogates import Floats


class SpikingLayer:
    """LIF neurons of one layer.

    Attributes:
        neuron: their description.
        u: membranes before the reset, (B, n).
        s: spikes, 0.0 or 1.0, (B, n).
        v: membranes after the reset, (B, n).
    """

    def __init__(self, neuron: LIF, shape: tuple[int, int], dtype: np.dtype[np.floating[Any]]):
        """Make the state of `shape` = (B, n)."""
        self.neuron = neuron
        self.u = np.zeros(shape, dtype)
        self.s = np.zeros(shape, dtype)
        self.v = np.zeros(shape, dtype)
        self._compare = np.greater_equal if neuron.fires == ">=" else np.greater
        self._reset = self._soft_reset if neuron.reset == "soft" else self._hard_reset

    def begin(self) -> None:
        """Start a sample: v[-1] = 0."""
        self.v.fill(0.0)

    def step(self, current: Floats) -> Floats:
        """u[t] = lam * v[t-1] + I[t];  s[t] = (u[t] >= v_th);  v[t] by the reset; gives s[t]."""
        self.v *= self.neuron.lam
        np.add(self.v, current, out=self.u)
        self._compare(self.u, self.neuron.v_th, out=self.s)
        self._reset()
        return self.s

    def _soft_reset(self) -> None:
        """v[t] = u[t] - v_th * s[t]."""
        np.multiply(self.s, self.neuron.v_th, out=self.v)
        np.subtract(self.u, self.v, out=self.v)

    def _hard_reset(self) -> None:
        """v[t] = (1 - s[t]) * u[t] + s[t] * v_reset."""
        np.subtract(1.0, self.s, out=self.v)
        self.v *= self.u
        self.v += self.s * self.neuron.v_reset


class LinearReadout:
    """A read-out without state: o[t] = I[t]."""

    def begin(self) -> None:
        """Start a sample: nothing is kept."""

    def step(self, current: Floats) -> Floats:
        """o[t] = I[t]."""
        return current


class LeakyReadout:
    """A read-out that integrates: o[t] = lam * o[t-1] + I[t].

    Attributes:
        neuron: its description.
        o: (B, C).
    """

    def __init__(self, neuron: LI, shape: tuple[int, int], dtype: np.dtype[np.floating[Any]]):
        """Make the state of `shape` = (B, C)."""
        self.neuron = neuron
        self.o = np.zeros(shape, dtype)

    def begin(self) -> None:
        """Start a sample: o[-1] = 0."""
        self.o.fill(0.0)

    def step(self, current: Floats) -> Floats:
        """o[t] = lam * o[t-1] + I[t]."""
        self.o *= self.neuron.lam
        self.o += current
        return self.o


class Engine:
    """All layers of a network for one batch size.

    Attributes:
        network: their description.
        weights: W of each weight layer, (n_out, n_in); not copied, so that a trainer's are seen.
        hidden: the spiking layers below the read-out.
        readout: what turns the last current into o[t].
        o: o[t] of the last step, (B, C).
    """

    def __init__(
        self, network: Network, weights: Sequence[Floats], biases: Sequence[Floats], batch: int
    ):
        """Make the state for `batch` samples, of the weights' dtype."""
        dtype = weights[0].dtype
        self.network = network
        self.weights = weights
        self.batch = batch
        self._biases = biases
        self._currents = [np.zeros((batch, layer.n_out), dtype) for layer in network.dense]
        self.hidden = [
            SpikingLayer(neuron, (batch, layer.n_out), dtype)
            for neuron, layer in zip(network.neurons, network.dense, strict=False)
        ]
        self.readout = _readout(network.readout_neuron, (batch, network.n_out), dtype)
        self.o = self._currents[-1]

    def begin(self) -> None:
        """Start a sample: every state is zero."""
        for layer in (*self.hidden, self.readout):
            layer.begin()

    def step(self, x: Floats) -> Floats:
        """One time step of all layers: I[t] = s_below[t] W^T + b, then the neurons.

        Args:
            x: what comes in, (B, n_in).

        Returns:
            o[t], (B, C).
        """
        signal = x
        layers = zip(
            self.weights, self._biases, self._currents, (*self.hidden, self.readout), strict=True
        )
        for weight, bias, current, layer in layers:
            np.dot(signal, weight.T, out=current)
            current += bias
            signal = layer.step(current)
        self.o = signal
        return signal


def _readout(
    neuron: LI | LIF | None, shape: tuple[int, int], dtype: np.dtype[np.floating[Any]]
) -> LinearReadout | LeakyReadout | SpikingLayer:
    if neuron is None:
        return LinearReadout()
    if isinstance(neuron, LI):
        return LeakyReadout(neuron, shape, dtype)
    return SpikingLayer(neuron, shape, dtype)
