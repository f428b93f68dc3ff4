"""Learning from all steps of a batch at once: BPTT, TET and TSSL-BP."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from neurochip.network import Network
from neurochip.reference.build import Builder, Kit, UnrolledKit
from neurochip.reference.chain import Chain
from neurochip.reference.inputs import Samples
from neurochip.reference.online import check_without_feedback
from neurochip.reference.tssl import TSSLKit
from neurochip.reference.unrolled import in_steps
from neurochip.reference.values import Values
from neurochip.rules import BPTT, TSSLBP
from neurochip.rules.losses import Labels
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
