"""OTTT of a multi-layer perceptron in plain Python: one sample, one neuron, one weight at a time.

Written from the paper's equations (Xiao et al., NeurIPS 2022) without a look at the engine, and
without numpy. Weights are lists of rows W[j][i], from input i to output j.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Vector = list[float]
Matrix = list[Vector]


@dataclass(frozen=True)
class Model:
    """What the equations need besides the weights. `v_reset` is None for a soft reset."""

    lam: float
    v_th: float
    v_reset: float | None
    alpha: float
    loss_lambda: float
    trace_input: bool
    timesteps: int
    batch: int


@dataclass
class Sample:
    """One sample in the network: its states, and what its last step gave."""

    model: Model
    sizes: list[int]
    u: list[Vector] = field(default_factory=list)
    s: list[Vector] = field(default_factory=list)
    v: list[Vector] = field(default_factory=list)
    trace: list[Vector] = field(default_factory=list)
    factor: list[Vector] = field(default_factory=list)
    out: Vector = field(default_factory=list)
    dout: Vector = field(default_factory=list)
    du: list[Vector] = field(default_factory=list)
    ce: float = 0.0
    mse: float = 0.0

    def __post_init__(self) -> None:
        hidden = self.sizes[1:-1]
        self.u = [[0.0] * n for n in hidden]
        self.s = [[0.0] * n for n in hidden]
        self.v = [[0.0] * n for n in hidden]
        self.du = [[0.0] * n for n in hidden]
        # trace[0] is the input's.
        self.trace = [[0.0] * n for n in self.sizes[:-1]]

    def forward(self, weights: list[Matrix], biases: list[Vector], x: Vector) -> None:
        m = self.model
        signal = x
        self.trace[0] = [m.lam * old + value for old, value in zip(self.trace[0], x, strict=True)]
        self.factor = [self.trace[0] if m.trace_input else x]
        for layer in range(len(self.sizes) - 2):
            current = affine(weights[layer], biases[layer], signal)
            for j, i_j in enumerate(current):
                u = m.lam * self.v[layer][j] + i_j
                s = 1.0 if u >= m.v_th else 0.0
                v = u - m.v_th * s if m.v_reset is None else (1.0 - s) * u + s * m.v_reset
                self.u[layer][j], self.s[layer][j], self.v[layer][j] = u, s, v
                self.trace[layer + 1][j] = m.lam * self.trace[layer + 1][j] + s
            signal = list(self.s[layer])
            self.factor.append(list(self.trace[layer + 1]))
        self.out = affine(weights[-1], biases[-1], signal)

    def backward(self, weights: list[Matrix], label: int) -> None:
        m = self.model
        n_classes = len(self.out)
        onehot = [1.0 if c == label else 0.0 for c in range(n_classes)]
        p = softmax(self.out)
        self.ce = -math.log(p[label])
        self.mse = sum((o - h) ** 2 for o, h in zip(self.out, onehot, strict=True)) / n_classes
        scale = 1.0 / (m.batch * m.timesteps)
        self.dout = [
            scale
            * (
                (1.0 - m.loss_lambda) * (p[c] - onehot[c])
                + m.loss_lambda * 2.0 * (self.out[c] - onehot[c]) / n_classes
            )
            for c in range(n_classes)
        ]
        above = self.dout
        for layer in range(len(self.sizes) - 3, -1, -1):
            matrix = weights[layer + 1]
            self.du[layer] = [
                sum(matrix[k][j] * above[k] for k in range(len(above)))
                * slope(m.alpha, self.u[layer][j] - m.v_th)
                for j in range(self.sizes[layer + 1])
            ]
            above = self.du[layer]

    def gradient(self, layer: int) -> tuple[Matrix, Vector]:
        """This sample's share of the step's gradient of one weight layer."""
        delta = [*self.du, self.dout][layer]
        return [[d * x for x in self.factor[layer]] for d in delta], list(delta)


@dataclass
class Step:
    """What one time step of a batch gave."""

    samples: list[Sample]
    ce: float
    mse: float
    loss: float
    g_weights: list[Matrix]
    g_biases: list[Vector]


def step(
    samples: list[Sample],
    weights: list[Matrix],
    biases: list[Vector],
    inputs: list[Vector],
    labels: list[int],
) -> Step:
    """One time step of all samples with the same weights; the samples' states move on."""
    g_weights = [[[0.0] * len(row) for row in matrix] for matrix in weights]
    g_biases = [[0.0] * len(row) for row in biases]
    for sample, x, label in zip(samples, inputs, labels, strict=True):
        sample.forward(weights, biases, x)
        sample.backward(weights, label)
        for layer in range(len(weights)):
            g_w, g_b = sample.gradient(layer)
            add_scaled(g_weights[layer], g_w, 1.0)
            add_scaled([g_biases[layer]], [g_b], 1.0)
    model = samples[0].model
    ce = sum(sample.ce for sample in samples) / len(samples)
    mse = sum(sample.mse for sample in samples) / len(samples)
    loss = ((1.0 - model.loss_lambda) * ce + model.loss_lambda * mse) / model.timesteps
    return Step(samples, ce, mse, loss, g_weights, g_biases)


def descend(
    values: list[Matrix], buffers: list[Matrix], gradients: list[Matrix], lr: float, momentum: float
) -> None:
    """SGD with momentum on every number: buf = momentum * buf + g, value -= lr * buf."""
    for value, buffer, gradient in zip(values, buffers, gradients, strict=True):
        for row, buffer_row, gradient_row in zip(value, buffer, gradient, strict=True):
            for i, g in enumerate(gradient_row):
                buffer_row[i] = momentum * buffer_row[i] + g
                row[i] -= lr * buffer_row[i]


def affine(matrix: Matrix, bias: Vector, signal: Vector) -> Vector:
    return [
        sum(w * value for w, value in zip(row, signal, strict=True)) + b
        for row, b in zip(matrix, bias, strict=True)
    ]


def softmax(values: Vector) -> Vector:
    largest = max(values)
    powers = [math.exp(value - largest) for value in values]
    return [power / sum(powers) for power in powers]


def slope(alpha: float, distance: float) -> float:
    sg = 1.0 / (1.0 + math.exp(-alpha * distance))
    return alpha * sg * (1.0 - sg)


def add_scaled(total: Matrix, more: Matrix, factor: float) -> None:
    for total_row, row in zip(total, more, strict=True):
        for i, value in enumerate(row):
            total_row[i] += factor * value
