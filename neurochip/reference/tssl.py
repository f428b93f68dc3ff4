"""TSSL-BP's nodes: neurons and their synapses together, over all steps."""

from __future__ import annotations

import numpy as np

from neurochip.errors import RuleError
from neurochip.kernels.tssl import tssl_backward, tssl_forward
from neurochip.network import LI, LIF, LowPass, Network
from neurochip.reference.build import Place, UnrolledKit
from neurochip.reference.chain import Node, StatelessNode
from neurochip.reference.operators import Identity
from neurochip.reference.unrolled import UnrolledLowPass, in_steps
from neurochip.reference.values import Values
from neurochip.rules.surrogates import Floats, Surrogate


class TSSLNode:
    """Spiking neurons with the filter that follows them.

    Attributes:
        neuron: their description.
        delta_u: changes of the membranes, (T, B, ...), as all that follow.
        u: membranes before the reset.
        s: spikes, 0.0 or 1.0.
        psc: postsynaptic currents, what goes out.
        g_psc: dL/dpsc, as it came down.
        g_current: dL/dI, written by `backward`.
    """

    def __init__(self, neuron: LIF, tau_s: float, timesteps: int, has_warm_up: bool):
        """Take the neuron, its synapse, T, and whether silent neurons learn."""
        self.neuron = neuron
        self._tau_m = 1.0 / (1.0 - neuron.lam)
        self._tau_s = tau_s
        self._timesteps = timesteps
        self._has_warm_up = has_warm_up
        nothing: Floats = np.zeros(0)
        self.delta_u = self.u = self.s = self.psc = self.g_psc = self.g_current = nothing

    def begin(self) -> None:
        """Start a batch: nothing is kept from one to the next."""

    def forward(self, current: Floats) -> Floats:
        """psc of all steps."""
        by_step = in_steps(current, self._timesteps)
        if by_step.shape != self.u.shape or by_step.dtype != self.u.dtype:
            self.delta_u, self.u, self.s, self.psc, self.g_current = (
                np.empty_like(by_step) for _ in range(5)
            )
        tssl_forward(
            self._rows(by_step),
            self._tau_m,
            self._tau_s,
            self.neuron.v_th,
            self._rows(self.delta_u),
            self._rows(self.u),
            self._rows(self.s),
            self._rows(self.psc),
        )
        return self.psc.reshape(current.shape)

    def backward(self, g: Floats) -> Floats:
        """dL/dI of all steps, from dL/dpsc."""
        self.g_psc = np.ascontiguousarray(in_steps(g, self._timesteps))
        rows = self._rows(self.g_psc)
        later, theta = np.empty_like(rows[0]), np.empty_like(rows[0])
        tssl_backward(
            rows,
            self._rows(self.delta_u),
            self._rows(self.u),
            self._rows(self.s),
            self._rows(self.psc),
            self._tau_m,
            self._tau_s,
            self.neuron.v_th,
            self._has_warm_up,
            later,
            theta,
            self._rows(self.g_current),
        )
        return self.g_current.reshape(g.shape)

    def _rows(self, array: Floats) -> Floats:
        return array.reshape(self._timesteps, -1)


class TSSLKit(UnrolledKit):
    """All steps at once, by TSSL-BP."""

    def __init__(
        self,
        network: Network,
        values: Values,
        gradients: Values,
        batch: int,
        has_warm_up: bool,
        rng: np.random.Generator,
    ):
        """Take what the rule asks for; psi and the reset play no part in it.

        Raises:
            RuleError: if the network isn't TSSL-BP's kind.
        """
        self.tau_s = synapse_of(network)
        self._has_warm_up = has_warm_up
        super().__init__(
            values, gradients, batch, network.timesteps, Surrogate("boxcar"), True, rng
        )

    def neurons(self, place: Place, layer: LIF, bias: Floats) -> Node:
        """Neurons and synapses."""
        return TSSLNode(layer, self.tau_s, self._timesteps, self._has_warm_up)

    def low_pass(self, place: Place, layer: LowPass) -> Node:
        """The filter of the input; above neurons it is in their node."""
        if place.decay is None:
            return UnrolledLowPass(layer, self._timesteps)
        return StatelessNode(Identity())


def synapse_of(network: Network) -> float:
    """tau_s of a network of TSSL-BP's kind.

    Raises:
        RuleError: if it isn't: neurons of another kind, or not each followed by the same LowPass.
    """
    layers = [*network.walk()]
    taus = {layer.tau for layer in layers if isinstance(layer, LowPass)}
    for number, layer in enumerate(layers):
        if isinstance(layer, LI):
            raise RuleError(
                "TSSLBP needs a spiking read-out but the network's is LI; end it with LIF and "
                "LowPass."
            )
        if not isinstance(layer, LIF):
            continue
        if layer.reset != "hard" or layer.v_reset != 0 or layer.fires != ">":
            raise RuleError(
                f"TSSLBP needs neurons with a hard reset to 0 that fire above the threshold, but "
                f"layer {number} is {layer}; use presets.tssl or presets.tssl_neuron."
            )
        if layer.lam == 1:
            raise RuleError(
                f"TSSLBP needs neurons with a leak, whose time constant is 1 / (1 - lam), but "
                f"layer {number} has lam = 1; lower it."
            )
        above = layers[number + 1] if number + 1 < len(layers) else None
        if not isinstance(above, LowPass):
            raise RuleError(
                f"TSSLBP needs a LowPass after all neurons but layer {number} has none; use "
                f"presets.tssl or add it."
            )
    if len(taus) != 1 or network.readout != "spiking":
        raise RuleError(
            f"TSSLBP needs a spiking read-out and one time constant of all LowPass layers, but the "
            f"network has a {network.readout} read-out and {sorted(taus)}; use presets.tssl."
        )
    return taus.pop()
