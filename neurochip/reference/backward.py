"""The local backward step of OTTT: traces, errors and gradients of one time step, batched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurochip.network import Network
from neurochip.reference.engine import Engine, SpikingLayer
from neurochip.rules.feedback import transport
from neurochip.rules.ottt import OTTT, follow, gradient_of_biases, gradient_of_weights
from neurochip.rules.surrogates import Floats


class Backward:
    """What a batch needs for learning besides the forward state; its size doesn't depend on T.

    Attributes:
        x: presynaptic factor of each weight layer: traces (B, n_in), or the raw input of the first.
        delta: error of each weight layer's outputs, (B, n_out).
        psi: surrogate derivative of each hidden layer, (B, n).
        traced: whether the input has a trace.
    """

    def __init__(
        self, engine: Engine, rule: OTTT, feedback_weights: Sequence[Floats], traced: bool
    ):
        """Make the state for the batch size of `engine`."""
        sizes, dtype = engine.network.sizes, engine.weights[0].dtype
        self._engine = engine
        self._rule = rule
        self._feedback_weights = feedback_weights
        self._input_lam = input_decay(engine.network)
        self.traced = traced
        self.x = [np.zeros((engine.batch, n), dtype) for n in sizes[:-1]]
        self.delta = [np.zeros((engine.batch, n), dtype) for n in sizes[1:]]
        self.psi = [np.zeros((engine.batch, n), dtype) for n in sizes[1:-1]]
        self._readout_psi = np.zeros((engine.batch, sizes[-1]), dtype)

    def begin(self) -> None:
        """Start a sample: x[-1] = 0."""
        for x in self.x[0 if self.traced else 1 :]:
            x.fill(0.0)

    def follow(self, inputs: Floats) -> None:
        """x[t] = lam * x[t-1] + s[t] for every layer; the input is raw unless it is traced."""
        if self.traced:
            follow(self.x[0], inputs, self._input_lam)
        else:
            self.x[0] = inputs
        for x, layer in zip(self.x[1:], self._engine.hidden, strict=True):
            follow(x, layer.s, layer.neuron.lam)

    def send_down(self, dout: Floats) -> None:
        """delta_out[t] = dL[t]/do[t];  delta[t] = (W_above^T delta_above[t]) * psi(u[t]).

        Args:
            dout: dL[t]/do[t], (B, C).
        """
        engine, rule, delta = self._engine, self._rule, self.delta
        delta[-1] = self._through_readout(dout)
        for layer in range(len(delta) - 1, 0, -1):
            below, psi = engine.hidden[layer - 1], self.psi[layer - 1]
            transport(
                rule.feedback,
                layer,
                delta,
                engine.weights,
                self._feedback_weights,
                delta[layer - 1],
            )
            rule.surrogate.derivative(below.u, below.neuron.v_th, out=psi)
            delta[layer - 1] *= psi

    def _through_readout(self, dout: Floats) -> Floats:
        readout = self._engine.readout
        if isinstance(readout, SpikingLayer):
            psi = self._rule.surrogate.derivative(
                readout.u, readout.neuron.v_th, out=self._readout_psi
            )
            dout *= psi
        return dout


class Gradients:
    """Gradients of all layers, summed over the steps since they were cleared.

    Attributes:
        weights: (n_out, n_in) for each weight layer.
        biases: (n_out,) for each weight layer.
    """

    def __init__(self, weights: Sequence[Floats], biases: Sequence[Floats]):
        """Make room for the gradients of these parameters."""
        self.weights = [np.zeros_like(weight) for weight in weights]
        self.biases = [np.zeros_like(bias) for bias in biases]
        self._more_weights: list[Floats] = []
        self._more_biases: list[Floats] = []
        self._is_clear = True

    def clear(self) -> None:
        """Forget the sum: the next step's gradient starts a new one."""
        self._is_clear = True

    def add(self, backward: Backward) -> None:
        """Add the present step's dW = delta[t] x[t]^T and db = delta[t]."""
        if self._is_clear:
            _write_step(backward, self.weights, self.biases)
            self._is_clear = False
            return
        if not self._more_weights:
            self._more_weights = [np.empty_like(weight) for weight in self.weights]
            self._more_biases = [np.empty_like(bias) for bias in self.biases]
        _write_step(backward, self._more_weights, self._more_biases)
        for total, more in zip(self.weights, self._more_weights, strict=True):
            total += more
        for total, more in zip(self.biases, self._more_biases, strict=True):
            total += more


def input_decay(network: Network) -> float:
    """Decay of a trace of the input: the first hidden layer's, or without one the read-out's."""
    if network.neurons:
        return network.neurons[0].lam
    neuron = network.readout_neuron
    return 0.0 if neuron is None else neuron.lam


def _write_step(backward: Backward, weights: Sequence[Floats], biases: Sequence[Floats]) -> None:
    for layer, (delta, x) in enumerate(zip(backward.delta, backward.x, strict=True)):
        gradient_of_weights(delta, x, out=weights[layer])
        gradient_of_biases(delta, out=biases[layer])
