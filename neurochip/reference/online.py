"""The engine that goes one time step at a time: inference, OTTT and SLTT.

Its memory doesn't grow with T.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurochip.errors import RuleError
from neurochip.network import Network
from neurochip.reference.build import Builder, Kit, LearningKit, StepKit
from neurochip.reference.chain import Chain
from neurochip.reference.inputs import Samples
from neurochip.reference.neurons import LIFNode
from neurochip.reference.values import Values
from neurochip.reference.weights import Carrier, WeightNode
from neurochip.rules import OTTT, SLTT, Rule
from neurochip.rules.feedback import transport
from neurochip.rules.surrogates import Floats


class Engine:
    """All layers of a network for one batch size, one step at a time.

    Attributes:
        network: their description.
        batch: B.
        chain: the layers as nodes.
        weights: nodes of the weight layers, in the order of `Network.weight_layers`.
        hidden: nodes of the hidden spiking layers.
        o: o[t] of the last step, (B, C).
    """

    def __init__(self, network: Network, batch: int, chain: Chain):
        """Take the nodes."""
        self.network = network
        self.batch = batch
        self.chain = chain
        self.weights: list[WeightNode] = chain.weight_nodes()
        spiking = [node for node in chain.walk() if isinstance(node, LIFNode)]
        self.hidden = spiking[: len(network.neurons)]
        self.o: Floats = np.zeros(0)

    def begin(self) -> None:
        """Start a batch: every state is zero."""
        self.chain.begin()

    def step(self, x: Floats) -> Floats:
        """One time step of all layers.

        Args:
            x: what comes in, (B, ...), as arrays are in here.

        Returns:
            o[t], (B, C).
        """
        self.o = self.chain.forward(x)
        return self.o

    def learn(self, dout: Floats) -> None:
        """Send the step's error down and add to the gradients.

        Args:
            dout: dL[t]/do[t], (B, C).
        """
        self.chain.learn(dout)

    def finish(self) -> None:
        """Write the sums of the gradients since `clear`."""
        for node in self.weights:
            node.finish()

    def clear(self) -> None:
        """Forget the sums of the gradients."""
        for node in self.weights:
            node.clear()

    def refresh(self) -> None:
        """Take note that the parameters have changed."""
        for node in self.weights:
            node.refresh()


def inference_engine(network: Network, values: Values, batch: int) -> Engine:
    """An engine that only looks."""
    return _engine(network, values, values, StepKit(values, values, batch), batch)


def tracing_engine(network: Network, values: Values, gradients: Values, batch: int) -> Engine:
    """An engine that only looks, but traces the input of every weight layer."""
    kit = LearningKit(
        values,
        gradients,
        batch,
        StepKit.surrogate,
        has_traces=True,
        input_decay=OTTT().input_decay(network),
        is_still=False,
        rng=np.random.default_rng(0),
    )
    return _engine(network, values, gradients, kit, batch)


def learning_engine(
    network: Network,
    values: Values,
    gradients: Values,
    rule: OTTT | SLTT,
    samples: Samples,
    feedback_weights: Sequence[Floats],
    rng: np.random.Generator,
) -> Engine:
    """An engine that learns by OTTT or SLTT.

    Args:
        network: what learns.
        values: its parameters.
        gradients: room for their gradients.
        rule: the rule.
        samples: a batch like those that follow: as many, as static, as traced.
        feedback_weights: what `neurochip.rules.feedback.checked` gave.
        rng: draws dropout masks.

    Raises:
        RuleError: if the rule can't train the network.
    """
    traced = is_traced(rule, samples)
    kit = LearningKit(
        values,
        gradients,
        samples.batch,
        rule.surrogate,
        has_traces=isinstance(rule, OTTT),
        input_decay=rule.input_decay(network) if isinstance(rule, OTTT) and traced else None,
        is_still=samples.is_static,
        rng=rng,
    )
    engine = _engine(network, values, gradients, kit, samples.batch)
    if isinstance(rule, OTTT) and rule.feedback != "symmetric":
        _carry_otherwise(engine, rule, values, feedback_weights)
    return engine


def is_traced(rule: OTTT | SLTT, samples: Samples) -> bool:
    """Whether the input has a trace: as the rule says, or else where it is spikes."""
    if isinstance(rule, SLTT):
        return False
    return samples.are_spikes if rule.trace_input is None else rule.trace_input


def check_feedback_mode(network: Network, rule: OTTT) -> None:
    """Raise RuleError where errors would go down otherwise than by the weights in a network that
    is no mlp.
    """
    if rule.feedback != "symmetric" and network.unlike_mlp is not None:
        raise RuleError(
            f"feedback {rule.feedback!r} needs an mlp but the network has {network.unlike_mlp}; "
            f"use feedback 'symmetric'."
        )


def check_currents(network: Network) -> None:
    """Raise RuleError where neurons keep their current: no rule here learns through that."""
    for neuron, _ in network.spiking_shapes():
        if neuron.current_lam:
            raise RuleError(
                f"no rule can train neurons that keep their synaptic current (current_lam is "
                f"{neuron.current_lam:.6g}); put a LowPass below the weights and train by "
                f"'tssl_bp'."
            )


def check_no_connection_up(network: Network) -> None:
    """Raise RuleError where a connection skips layers: errors don't come down beside the layers."""
    for entry in network.feedback:
        if entry.source < entry.target:
            raise RuleError(
                f"no rule can train the connection from layer {entry.source} up to layer "
                f"{entry.target}; train a network with a Residual"
            )


def check_without_feedback(network: Network, rule: Rule) -> None:
    """Raise RuleError where a rule over all steps meets connections back."""
    if network.feedback:
        raise RuleError(
            f"rule {rule.name!r} can't train feedback between layers; use 'ottt' or 'sltt'."
        )


def _engine(network: Network, values: Values, gradients: Values, kit: Kit, batch: int) -> Engine:
    return Engine(network, batch, Builder(network, values, gradients, kit).chain())


def _carry_otherwise(
    engine: Engine, rule: OTTT, values: Values, feedback_weights: Sequence[Floats]
) -> None:
    for node in engine.weights[1:]:
        node.carrier = _carrier(engine, rule, values, feedback_weights, node.number)


def _carrier(
    engine: Engine, rule: OTTT, values: Values, feedback_weights: Sequence[Floats], layer: int
) -> Carrier:
    below = engine.weights[layer].layer.fan_in
    out = np.zeros((engine.batch, below), values.dtype)

    def carry() -> Floats:
        deltas = [node.delta for node in engine.weights]
        transport(rule.feedback, layer, deltas, values.weights, feedback_weights, out)
        return out

    return carry
