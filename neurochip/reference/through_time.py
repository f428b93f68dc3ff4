"""Learning from all steps of a batch at once: BPTT, TET, TSSL-BP, spike representation."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from neurochip.errors import RuleError
from neurochip.network import LIF, Network
from neurochip.reference.build import Builder, Kit, Place, StepKit, UnrolledKit
from neurochip.reference.chain import Chain, Node
from neurochip.reference.inputs import Samples
from neurochip.reference.online import inference_engine, input_decay
from neurochip.reference.tssl import TSSLKit
from neurochip.reference.unrolled import in_steps
from neurochip.reference.values import Values
from neurochip.rules import BPTT, TSSLBP, Rule, SpikeRepresentation
from neurochip.rules.losses import Labels, StepLoss
from neurochip.rules.surrogates import Floats


class Pass(Protocol):
    """Computes loss and gradients of a batch, all steps of it.

    Attributes:
        chain: the layers as nodes.
        out: o of all steps, (T, B, C); of the spike representation (1, B, C).
        dout: dL/do, likewise.
    """

    chain: Chain
    out: Floats
    dout: Floats

    def run(self, samples: Samples, y: Labels | Floats) -> float:
        """The loss of a batch; the gradients are written."""


class UnrolledPass:
    """BPTT, TET or TSSL-BP; see `Pass`."""

    def __init__(
        self,
        network: Network,
        values: Values,
        gradients: Values,
        rule: BPTT | TSSLBP,
        batch: int,
        rng: np.random.Generator,
    ):
        """Make the nodes.

        Raises:
            RuleError: if the rule can't train the network.
        """
        check_without_feedback(network, rule)
        self._values = values
        self._gradients = gradients
        self._timesteps = network.timesteps
        self._rule = rule
        kit: Kit
        if isinstance(rule, TSSLBP):
            tssl = TSSLKit(network, values, gradients, batch, rule.warm_up, rng)
            kit, self._tau = tssl, tssl.tau_s
        else:
            surrogate, detach = rule.surrogate, rule.detach_reset
            kit = UnrolledKit(values, gradients, batch, network.timesteps, surrogate, detach, rng)
        self.chain = Builder(network, values, gradients, kit).chain()
        self.out: Floats = np.zeros(0)
        self.dout: Floats = np.zeros(0)

    def run(self, samples: Samples, y: Labels | Floats) -> float:
        """The loss of a batch; the gradients are written."""
        nodes = self.chain.weight_nodes()
        for node in nodes:
            node.refresh()
            node.clear()
        for array in (*self._gradients.norm_weights, *self._gradients.norm_biases):
            array.fill(0.0)
        self.chain.begin()
        flat = self.chain.forward(samples.unrolled(self._values.dtype))
        self.out = in_steps(flat, self._timesteps)
        loss, self.dout = self._loss(self.out, y)
        self.chain.learn(self.dout.reshape(flat.shape))
        for node in nodes:
            node.finish()
        return loss

    def _loss(self, out: Floats, y: Labels | Floats) -> tuple[float, Floats]:
        if isinstance(self._rule, TSSLBP):
            return self._rule.loss_of(out, y, self._tau)
        return self._rule.loss_of(out, y)  # type: ignore[arg-type]


class RateNode:
    """Neurons as clamps of their weighted rates: da/dz = 1 / v_th where 0 <= z <= v_th."""

    def __init__(self, neuron: LIF, rate: Floats):
        """Take the neuron and its rates, which a run before wrote."""
        self._v_th = neuron.v_th
        self._rate = rate
        self._z: Floats = rate

    def begin(self) -> None:
        """Start a batch: no state."""

    def forward(self, z: Floats) -> Floats:
        """The rates as they were, whatever z."""
        self._z = z.copy()
        return self._rate

    def backward(self, da: Floats) -> Floats:
        """dL/dz."""
        inside = (self._z >= 0) & (self._z <= self._v_th)
        dz: Floats = np.where(inside, da / self._v_th, 0.0).astype(da.dtype)
        return dz


class _RateKit(StepKit):
    """One step on rates: each spiking layer takes the next of the rates given."""

    def __init__(self, values: Values, gradients: Values, batch: int, rates: list[Floats]):
        super().__init__(values, gradients, batch)
        self._rates = iter(rates)

    def neurons(self, place: Place, layer: LIF) -> Node:
        """Their rates."""
        return RateNode(layer, next(self._rates))


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
        self._engine = inference_engine(network, values, batch)
        self._lam = input_decay(network)
        self._loss = StepLoss("ce", rule.loss_lambda, 1)
        self._rates = [np.zeros_like(node.s) for node in self._engine.hidden]
        kit = _RateKit(values, gradients, batch, self._rates)
        self.chain = Builder(network, values, gradients, kit).chain()
        self.out: Floats = np.zeros(0)
        self.dout: Floats = np.zeros(0)

    def run(self, samples: Samples, y: Labels | Floats) -> float:
        """The loss of a batch; the gradients are written."""
        nodes = self.chain.weight_nodes()
        for node in nodes:
            node.refresh()
            node.clear()
        self._engine.refresh()
        mean_input = self._spike(samples)
        o = self.chain.forward(mean_input)
        loss, dout = self._loss(o, y)  # type: ignore[arg-type]
        self.out, self.dout = o[None].copy(), dout[None]
        self.chain.learn(dout)
        for node in nodes:
            node.finish()
        return loss

    def _spike(self, samples: Samples) -> Floats:
        """Run all steps; leave the layers' weighted rates and give the input's."""
        engine, lam = self._engine, self._lam
        engine.begin()
        for rate in self._rates:
            rate.fill(0.0)
        mean_input: Floats = np.zeros(1, self._values.dtype)
        for x in samples.frames(self._values.dtype):
            engine.step(x)
            mean_input = lam * mean_input + x
            for rate, node in zip(self._rates, engine.hidden, strict=True):
                rate *= node.neuron.lam
                rate += node.s
        for rate, node in zip(self._rates, engine.hidden, strict=True):
            rate /= _total(node.neuron.lam, samples.timesteps)
        mean_input /= _total(lam, samples.timesteps)
        return mean_input


def check_without_feedback(network: Network, rule: Rule) -> None:
    """Raise RuleError where a rule over all steps meets connections back."""
    if network.feedback:
        raise RuleError(
            f"rule {rule.name!r} can't train feedback between layers; use 'ottt' or 'sltt'."
        )


def _total(lam: float, timesteps: int) -> float:
    return sum(lam**k for k in range(timesteps))
