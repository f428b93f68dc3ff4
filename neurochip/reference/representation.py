"""Learning from the spike representation: back-propagation through weighted firing rates."""

from __future__ import annotations

import numpy as np

from neurochip.errors import RuleError
from neurochip.kernels.fused import add_products
from neurochip.network import LIF, Network, WeightLayer
from neurochip.reference.build import Builder, Place, StepKit
from neurochip.reference.chain import Node
from neurochip.reference.inputs import Samples
from neurochip.reference.online import check_without_feedback, tracing_engine
from neurochip.reference.operators import SPATIAL
from neurochip.reference.products import ConvProduct
from neurochip.reference.values import Values
from neurochip.reference.weights import WeightNode
from neurochip.rules import SpikeRepresentation
from neurochip.rules.losses import Labels, StepLoss
from neurochip.rules.surrogates import Floats


class RateNode:
    """Neurons as clamps: da/dz = 1 / v_th where 0 <= z <= v_th."""

    def __init__(self, neuron: LIF):
        """Take the neuron."""
        self._v_th = neuron.v_th
        self._z: Floats = np.zeros(0)

    def begin(self) -> None:
        """Start a batch: no state."""

    def forward(self, z: Floats) -> Floats:
        """Remember z; the weights above have rates of their own."""
        self._z = z
        return z

    def backward(self, da: Floats) -> Floats:
        """dL/dz."""
        inside = (self._z >= 0) & (self._z <= self._v_th)
        dz: Floats = np.where(inside, da / self._v_th, 0.0).astype(da.dtype)
        return dz


class RateWeightNode(WeightNode):
    """A weight layer on rates, which a run of the network has left in `x`.

    Rates of few steps with round weights put z exactly on a bound of the clamp. Which side its
    rounding falls on is the published code's where the sum begins with the bias and goes through
    the inputs channel by channel. A product of matrices sums in an order that depends on the
    processor, so the sum is our own.
    """

    def forward(self, x: Floats) -> Floats:
        """W a + b with the rates a, the bias first."""
        x, layer, matrix = self.x, self.layer, self._product.matrix
        rows = x
        if isinstance(self._product, ConvProduct):
            places = self._product.places
            rows = _by_channels(self._product.patches(x), places)
            matrix = _by_channels(matrix, places)
        bias = self._values.biases[self.number]
        z = np.repeat(bias[None], len(rows), axis=0)
        add_products(np.ascontiguousarray(rows), np.ascontiguousarray(matrix.T), z)
        shape = layer.out_shape(self._in_shape)
        inside = (*shape[1:], shape[0]) if len(shape) == SPATIAL else shape
        currents: Floats = z.reshape(len(x), *inside)
        return currents


class _RateKit(StepKit):
    """One step on rates."""

    def weights(self, place: Place, number: int, layer: WeightLayer) -> Node:
        """Weights on rates."""
        return RateWeightNode(number, layer, place.shape, self._values, self._gradients)

    def neurons(self, place: Place, layer: LIF, bias: Floats) -> Node:
        """A clamp."""
        return RateNode(layer)


class RepresentationPass:
    """The spike representation; see `Pass`."""

    def __init__(
        self,
        network: Network,
        values: Values,
        gradients: Values,
        rule: SpikeRepresentation,
        batch: int,
    ):
        """Make an engine that spikes and nodes that have its rates.

        Raises:
            RuleError: if the rule can't train the network.
        """
        check_without_feedback(network, rule)
        neurons = network.neurons
        if any(neuron.reset != "soft" for neuron in neurons) or network.readout != "linear":
            raise RuleError(
                f"rule {rule.name!r} needs soft resets and a linear read-out; use another rule or "
                f"network."
            )
        self._values = values
        self.engine = tracing_engine(network, values, gradients, batch)
        self._loss = StepLoss("ce", rule.loss_lambda, 1)
        self.chain = Builder(network, values, gradients, _RateKit(values, gradients, batch)).chain()
        self.out: Floats = np.zeros(0)
        self.dout: Floats = np.zeros(0)

    def run(self, samples: Samples, y: Labels | Floats) -> float:
        """The loss of a batch; the gradients are written."""
        nodes = self.chain.weight_nodes()
        for node in nodes:
            node.refresh()
            node.clear()
        self.engine.refresh()
        x = self._spike(samples)
        for node, traced in zip(nodes, self.engine.weights, strict=True):
            node.x = traced.x / _total(traced.lam, samples.timesteps)
        o = self.chain.forward(x)
        loss, dout = self._loss(o, y)  # type: ignore[arg-type]
        self.out, self.dout = o[None].copy(), dout[None]
        self.chain.learn(dout)
        for node in nodes:
            node.finish()
        return loss

    def _spike(self, samples: Samples) -> Floats:
        """Run all steps, which leaves traces under the weights, and give the last input."""
        self.engine.begin()
        x: Floats = np.zeros(0)
        for x in samples.frames(self._values.dtype):
            self.engine.step(x)
        return x


def _by_channels(rows: Floats, places: int) -> Floats:
    """Rows (i, j, c) as rows (c, i, j)."""
    return rows.reshape(len(rows), places, -1).transpose(0, 2, 1).reshape(len(rows), -1)


def _total(lam: float, timesteps: int) -> float:
    return sum(lam**k for k in range(timesteps))
