"""Weight layers while they learn: currents, errors going down, gradients adding up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurochip.network import Shape, WeightLayer
from neurochip.reference.memory import Memory
from neurochip.reference.products import (
    as_matrix,
    from_matrix,
    product_of,
    standardised,
    through_standardisation,
)
from neurochip.reference.values import Values
from neurochip.rules.surrogates import Floats

#: Takes the error of a weight layer's outputs down to its inputs in place of its weights.
Carrier = Callable[[], Floats]


class WeightNode:
    """One weight layer of `values`; its gradient is summed until `finish`.

    Attributes:
        number: which of the weight layers.
        layer: its description.
        delta: dL/d(current), as it came down last.
        x: what stands for the input in the weights' gradient, here the input itself.
        lam: decay of x a step; 0 where it is the input itself.
    """

    def __init__(
        self, number: int, layer: WeightLayer, in_shape: Shape, values: Values, gradients: Values
    ):
        """Take the layer's arrays of `values`, which change outside, and its room in `gradients`.

        Args:
            number: which of the weight layers.
            layer: its description.
            in_shape: what comes in, (n,) or (c, h, w).
            values: all parameters.
            gradients: where `finish` writes.
        """
        self.number = number
        self.layer = layer
        self.carrier: Carrier | None = None
        self._in_shape = in_shape
        self._values = values
        self._gradients = gradients
        self._memory = Memory()
        self._bias_sum = np.zeros(layer.n_out, values.dtype)
        self._product = product_of(layer, in_shape, self._matrix())
        self.clear()
        self.lam = 0.0
        self.delta: Floats = self._bias_sum
        self.x: Floats = self._bias_sum

    def refresh(self) -> None:
        """Take note that the parameters have changed."""
        self._product.matrix = self._matrix()

    def begin(self) -> None:
        """Start a batch: no state here."""

    def clear(self) -> None:
        """Forget the sum of the gradients."""
        self._product.clear()
        self._bias_sum.fill(0.0)

    def forward(self, x: Floats) -> Floats:
        """W x + b."""
        self.x = x
        return self._product.forward(x, self._values.biases[self.number])

    def backward(self, dy: Floats, needs_dx: bool = True) -> Floats:
        """Add to the gradients and give dL/dx; without `needs_dx`, whatever."""
        self.delta = dy
        self.add()
        return self.send_down(dy) if needs_dx else dy

    def send_down(self, dy: Floats) -> Floats:
        """dL/dx by the weights, or by what stands for them."""
        if self.carrier is not None:
            return self.carrier()
        return self._product.backward(dy)

    def add(self) -> None:
        """Add delta x^T and the sum of delta to the gradients."""
        self._product.add(self.delta, self.x)
        self._bias_sum += np.add.reduce(self.delta, axis=tuple(range(self.delta.ndim - 1)))

    def finish(self) -> None:
        """Write the sum to the gradients, as the parameters' own."""
        number, layer = self.number, self.layer
        of_matrix = self._product.total()
        gain, of_gain = self._values.gains[number], self._gradients.gains[number]
        if gain is not None and of_gain is not None:
            raw = as_matrix(layer, self._values.weights[number])
            of_matrix, of_gain[:] = through_standardisation(of_matrix, raw, gain)
        np.copyto(self._gradients.weights[number], from_matrix(layer, of_matrix))
        np.copyto(self._gradients.biases[number], self._bias_sum)

    def _matrix(self) -> Floats:
        matrix = as_matrix(self.layer, self._values.weights[self.number])
        gain = self._values.gains[self.number]
        return matrix if gain is None else standardised(matrix, gain)


class TracedNode(WeightNode):
    """A weight layer whose gradient uses a trace of its input: x[t] = lam * x[t-1] + input[t]."""

    def __init__(
        self,
        number: int,
        layer: WeightLayer,
        in_shape: Shape,
        values: Values,
        gradients: Values,
        lam: float,
    ):
        """As WeightNode, with the trace's decay a step."""
        super().__init__(number, layer, in_shape, values, gradients)
        self.lam = lam
        self._has_trace = False

    def begin(self) -> None:
        """x[-1] = 0."""
        self._has_trace = False

    def forward(self, x: Floats) -> Floats:
        """W x + b; the trace follows x."""
        trace = self._memory.like("trace", x)
        if self._has_trace:
            trace *= self.lam
            trace += x
        else:
            np.copyto(trace, x)
            self._has_trace = True
        self.x = trace
        return self._product.forward(x, self._values.biases[self.number])


class StillNode(WeightNode):
    """The first weight layer under an input that stays the same over a batch, without a trace.

    Its current is computed once for each set of weights, and its gradient is one product with the
    sum of the errors: sum_t delta[t] x^T = (sum_t delta[t]) x^T.
    """

    _current: Floats | None = None
    _has_total = False

    def refresh(self) -> None:
        """The current is no longer that of the parameters."""
        super().refresh()
        self._current = None

    def begin(self) -> None:
        """Another input."""
        self._current = None

    def clear(self) -> None:
        """Forget the sums of gradients and errors."""
        super().clear()
        self._has_total = False

    def forward(self, x: Floats) -> Floats:
        """W x + b, or what it was at the step before."""
        if self._current is None:
            self._current = super().forward(x)
        return self._current

    def add(self) -> None:
        """Sum the errors."""
        total = self._memory.like("total", self.delta)
        if self._has_total:
            total += self.delta
        else:
            np.copyto(total, self.delta)
        self._has_total = True

    def finish(self) -> None:
        """One product, then as everywhere."""
        if self._has_total:
            latest = self.delta
            self.delta = self._memory.like("total", latest)
            super().add()
            self.delta = latest
            self._has_total = False
        super().finish()
