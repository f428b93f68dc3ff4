"""Nodes in order: what a network is while it computes.

A node is one layer: `begin` starts a batch, `forward` takes what comes in to what goes out, and
`backward` takes dL/dy down to dL/dx and adds to the gradients. On-line chains are called once a
step with (B, ...); unrolled ones once with all steps, (T * B, ...).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from neurochip.reference.operators import Operator
from neurochip.reference.weights import WeightNode
from neurochip.rules.surrogates import Floats


class Node(Protocol):
    """One layer at work."""

    def begin(self) -> None:
        """Start a batch."""

    def forward(self, x: Floats) -> Floats:
        """What the layer makes of x."""

    def backward(self, dy: Floats) -> Floats:
        """dL/dx of the last `forward`."""


class StatelessNode:
    """A layer that has no state, as a node."""

    def __init__(self, operator: Operator):
        """Take what it does."""
        self.forward = operator.forward
        self.backward = operator.backward

    def begin(self) -> None:
        """Start a batch: no state."""


class FeedbackNodes:
    """A connection back in an on-line chain: its nodes, and what waits for the next step."""

    def __init__(self, source: int, target: int, nodes: Sequence[Node]):
        """Take the numbers of source and target among the chain's nodes, and the path's nodes."""
        self.source = source
        self.target = target
        self.nodes = nodes
        self._waiting: Floats | None = None
        self._arrived = False

    def begin(self) -> None:
        """Start a batch: nothing comes back at t = 0."""
        self._waiting = None
        for node in self.nodes:
            node.begin()

    def send(self, signal: Floats) -> None:
        """Keep what leaves the source until the next step."""
        self._waiting = signal.copy()

    def arrive(self, current: Floats) -> Floats:
        """The target's current with what the source sent a step before."""
        self._arrived = self._waiting is not None
        if self._waiting is None:
            return current
        signal = self._waiting
        for node in self.nodes:
            signal = node.forward(signal)
        total: Floats = current + signal
        return total

    def learn(self, dy: Floats) -> None:
        """Add to the gradients of the path; what came back is a constant, so nothing goes on."""
        if not self._arrived:
            return
        for node in reversed(self.nodes):
            if isinstance(node, WeightNode):
                node.backward(dy, needs_dx=False)
                return
            dy = node.backward(dy)


class Chain:
    """Nodes one after the other.

    Attributes:
        nodes: in order, one for each layer or pair of layers.
        feedback: connections back, on-line only.
    """

    def __init__(self, nodes: Sequence[Node], feedback: Sequence[FeedbackNodes] = ()):
        """Take the nodes."""
        self.nodes = list(nodes)
        self.feedback = list(feedback)
        self._lowest = next(
            (i for i, node in enumerate(self.nodes) if _learns(node)), len(self.nodes)
        )

    def begin(self) -> None:
        """Start a batch in every node."""
        for node in self.nodes:
            node.begin()
        for feedback in self.feedback:
            feedback.begin()

    def forward(self, x: Floats) -> Floats:
        """What comes out at the end."""
        for number, node in enumerate(self.nodes):
            x = node.forward(x)
            for feedback in self.feedback:
                if feedback.target == number:
                    x = feedback.arrive(x)
                if feedback.source == number:
                    feedback.send(x)
        return x

    def backward(self, dy: Floats) -> Floats:
        """dL/dx, through every node."""
        for number in range(len(self.nodes) - 1, -1, -1):
            self._learn_feedback(number, dy)
            dy = self.nodes[number].backward(dy)
        return dy

    def learn(self, dy: Floats) -> None:
        """Add to all gradients, and go no further down than the lowest node that learns."""
        for number in range(len(self.nodes) - 1, self._lowest - 1, -1):
            self._learn_feedback(number, dy)
            node = self.nodes[number]
            if number == self._lowest and isinstance(node, WeightNode):
                node.backward(dy, needs_dx=False)
            else:
                dy = node.backward(dy)

    def weight_nodes(self) -> list[WeightNode]:
        """Every weight node, in the order of `Network.weight_layers`."""
        nodes = [node for node in self.walk() if isinstance(node, WeightNode)]
        return sorted(nodes, key=lambda node: node.number)

    def walk(self) -> Iterator[Node]:
        """Every node, those inside sums and of the feedback too."""
        for node in self.nodes:
            if isinstance(node, SumNode):
                yield from node.body.walk()
                yield from node.shortcut.walk()
            else:
                yield node
        for feedback in self.feedback:
            yield from feedback.nodes

    def _learn_feedback(self, number: int, dy: Floats) -> None:
        for feedback in self.feedback:
            if feedback.target == number:
                feedback.learn(dy)


class SumNode:
    """A residual block: body(x) + shortcut(x)."""

    def __init__(self, body: Chain, shortcut: Chain):
        """Take both ways."""
        self.body = body
        self.shortcut = shortcut

    def begin(self) -> None:
        """Start a batch in both."""
        self.body.begin()
        self.shortcut.begin()

    def forward(self, x: Floats) -> Floats:
        """The sum of what comes out."""
        y: Floats = self.body.forward(x) + self.shortcut.forward(x)
        return y

    def backward(self, dy: Floats) -> Floats:
        """The sum of what comes down."""
        dx: Floats = self.body.backward(dy) + self.shortcut.backward(dy)
        return dx


def _learns(node: Node) -> bool:
    if isinstance(node, SumNode):
        ways = (node.body, node.shortcut)
        return any(_learns(inner) for way in ways for inner in way.walk())
    return isinstance(node, WeightNode)
