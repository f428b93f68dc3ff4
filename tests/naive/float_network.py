"""Any network in float, from the description of its layers, by the tape.

`unrolled` is BPTT (layer by layer, so that batch norms see all steps), `online` is OTTT and SLTT
(step by step, what came before a constant). Shapes are the published ones: (B, c, h, w).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurochip.network import (
    LI,
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Feedback,
    Layer,
    LowPass,
    Network,
    Parameters,
    Residual,
    Scale,
    SumPool,
    Upsample,
)
from tests.naive import tape
from tests.naive.tape import Var

Psi = Callable[[Any, float], Any]


@dataclass
class Leaves:
    """Parameters as values of the tape, handed out in the order of the layers."""

    weights: list[Var]
    biases: list[Var]
    gains: list[Var]
    norm_weights: list[Var]
    norm_biases: list[Var]
    used: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, params: Parameters) -> Leaves:
        return cls(
            [Var(w) for w in params.weights],
            [Var(b) for b in params.biases],
            [Var(g) for g in params.gains],
            [Var(norm.weight) for norm in params.norms],
            [Var(norm.bias) for norm in params.norms],
        )

    def next(self, name: str) -> Var:
        number = self.used.get(name, 0)
        self.used[name] = number + 1
        found: Var = getattr(self, name)[number]
        return found

    @property
    def all(self) -> list[Var]:
        lists = (self.weights, self.biases, self.gains, self.norm_weights, self.norm_biases)
        return [var for vars_ in lists for var in vars_]


@dataclass
class Way:
    """What a network did: of each spiking layer u and s, lists over time."""

    u: list[list[Var]] = field(default_factory=list)
    s: list[list[Var]] = field(default_factory=list)
    v: list[list[Any]] = field(default_factory=list)
    out: list[Var] = field(default_factory=list)


def unrolled(network: Network, leaves: Leaves, x: Any, psi: Psi, detach_reset: bool) -> Way:
    """All steps; x is (T, B, ...)."""
    way = Way()
    signal = [Var(frame) for frame in x]
    way.out = _through(network.layers, signal, leaves, way, psi, detach_reset)
    return way


def _through(
    layers: Sequence[Layer],
    signal: list[Var],
    leaves: Leaves,
    way: Way,
    psi: Psi,
    detach_reset: bool,
) -> list[Var]:
    for layer in layers:
        if isinstance(layer, Dense | Conv2d):
            current = _weights_of(layer, leaves)
            signal = [current(now, None) for now in signal]
        elif isinstance(layer, LIF):
            signal = _neurons(layer, signal, way, psi, detach_reset)
        elif isinstance(layer, LI):
            signal = _integrate(signal, layer.lam, 1.0)
        elif isinstance(layer, LowPass):
            signal = _integrate(signal, 1 - 1 / layer.tau, 1 / layer.tau)
        elif isinstance(layer, BatchNorm):
            signal = _norm(layer, signal, leaves)
        elif isinstance(layer, Residual):
            body = _through(layer.body, signal, leaves, way, psi, detach_reset)
            shortcut = _through(layer.shortcut, signal, leaves, way, psi, detach_reset)
            signal = [one + other for one, other in zip(body, shortcut, strict=True)]
        else:
            signal = [stateless(layer, now) for now in signal]
    return signal


def _neurons(layer: LIF, currents: list[Var], way: Way, psi: Psi, detach_reset: bool) -> list[Var]:
    us, ss, vs = [], [], []
    v = Var(np.zeros_like(currents[0].value))
    for current in currents:
        u = v.times(layer.lam) + current
        s = tape.spike(u, layer.v_th, layer.fires == ">", lambda m: psi(m, layer.v_th))
        v = _reset(layer, u, Var(s.value) if detach_reset else s)
        us.append(u)
        ss.append(s)
        vs.append(v.value)
    way.u.append(us)
    way.s.append(ss)
    way.v.append(vs)
    return ss


def _reset(layer: LIF, u: Var, s: Var) -> Var:
    if layer.reset == "soft":
        return u + s.times(-layer.v_th)
    return s.times(-1.0).plus(1.0) * u + s.times(layer.v_reset)


def _integrate(signal: list[Var], keep: float, take: float) -> list[Var]:
    o = Var(np.zeros_like(signal[0].value))
    seen = []
    for now in signal:
        o = o.times(keep) + now.times(take)
        seen.append(o)
    return seen


def _norm(layer: BatchNorm, signal: list[Var], leaves: Leaves) -> list[Var]:
    """Channels first in rows, then mean and variance of each row."""
    weight, bias = leaves.next("norm_weights"), leaves.next("norm_biases")
    whole = tape.stack(signal)
    axes = (2, 0, 1, *range(3, whole.value.ndim))
    turned = tape.swap(whole, axes)
    shape = turned.value.shape
    rows = turned.reshape(shape[0], -1)
    n = rows.value.shape[1]
    centred = rows + tape.spread_rows(tape.row_sum(rows).times(1 / n), n).times(-1.0)
    var = tape.row_sum(centred * centred).times(1 / n)
    scale = tape.power(var.plus(layer.eps), -0.5) * weight
    normal = centred * tape.spread_rows(scale, n) + tape.spread_rows(bias, n)
    back = tuple(int(i) for i in np.argsort(axes))
    done = tape.swap(normal.reshape(*shape), back)
    return [tape.pick(done, t) for t in range(len(signal))]


def _weights_of(
    layer: Dense | Conv2d, leaves: Leaves, number: int | None = None
) -> Callable[[Var, Any], Var]:
    """The layer's current; without a number its parameters are the next of all."""
    if number is None:
        weight, bias = leaves.next("weights"), leaves.next("biases")
    else:
        weight, bias = leaves.weights[number], leaves.biases[number]
    if layer.sws:
        weight = tape.standardise(weight, leaves.next("gains"))
    geometry = (layer.stride, layer.padding) if isinstance(layer, Conv2d) else (1, 0)

    def current(x: Var, stand_in: Any) -> Var:
        return tape.add_bias(tape.weigh(weight, x, stand_in, *geometry), bias)

    return current


def stateless(layer: Layer, x: Var) -> Var:
    if isinstance(layer, Scale):
        return x.times(layer.factor)
    out_shape = layer.out_shape(x.value.shape[1:])
    if layer.kind == "flatten":
        return x.reshape(len(x.value), -1)
    return tape.linear(x, matrix_of(layer, x.value.shape[1:]), out_shape)


def matrix_of(layer: Layer, shape: tuple[int, ...]) -> Any:
    """A pool or repetition as a matrix, from which input each output is made."""
    out_shape = layer.out_shape(shape)
    matrix = np.zeros((math.prod(out_shape), math.prod(shape)))
    for row, (c, i, j) in enumerate(np.ndindex(*out_shape)):
        rows, columns, share = _area(layer, i, j, shape)
        for y in rows:
            for x in columns:
                matrix[row, np.ravel_multi_index((c, y, x), shape)] = share
    return matrix


def _area(layer: Layer, i: int, j: int, shape: tuple[int, ...]) -> tuple[range, range, float]:
    if isinstance(layer, AvgPool | SumPool):
        k = layer.kernel
        share = 1 / (k * k) if isinstance(layer, AvgPool) else layer.factor
        return range(k * i, k * i + k), range(k * j, k * j + k), share
    if isinstance(layer, Upsample):
        y, x = i // layer.factor, j // layer.factor
        return range(y, y + 1), range(x, x + 1), 1.0
    assert isinstance(layer, AdaptiveAvgPool)
    sides = [
        range(math.floor(at * n / layer.side), math.ceil((at + 1) * n / layer.side))
        for at, n in ((i, shape[1]), (j, shape[2]))
    ]
    return sides[0], sides[1], 1 / (len(sides[0]) * len(sides[1]))


def online(
    network: Network,
    params: Parameters,
    x: Any,
    psi: Psi,
    loss: Callable[[Var], Var],
    traces: bool = True,
    input_lam: float | None = None,
) -> tuple[Way, list[list[Any]], list[float]]:
    """OTTT's gradients of every step, in the order of `Leaves.all`, and losses.

    Each weight layer after neurons takes the trace of what comes in, which decays with the lam of
    the neurons below it.
    """
    way = Way()
    states: dict[str, Any] = {}
    gradients, losses = [], []
    for t, frame in enumerate(x):
        leaves = Leaves.of(params)
        moment = _Moment(leaves, states, way, psi, traces, input_lam)
        first = len(params.weights) - len(network.feedback)
        paths = [_Path(first + i, feedback) for i, feedback in enumerate(network.feedback)]
        signal, lam = Var(frame), input_lam
        for number, layer in enumerate(network.layers):
            signal, lam = moment.step(f"{number}", layer, signal, lam)
            for path in paths:
                if path.feedback.target == number and t > 0:
                    signal = signal + path.arrive(moment)
                if path.feedback.source == number:
                    states[f"next {number}"] = (signal.value, lam)
        for path in paths:
            source = path.feedback.source
            states[f"sent {source}"] = states[f"next {source}"]
        value = loss(signal)
        tape.backward(value)
        way.out.append(signal)
        gradients.append([np.asarray(var.grad) + np.zeros_like(var.value) for var in leaves.all])
        losses.append(float(value.value))
    return way, gradients, losses


@dataclass
class _Path:
    """A connection back; its weights are number `number` of all."""

    number: int
    feedback: Feedback

    def arrive(self, moment: _Moment) -> Var:
        value, lam = moment.states[f"sent {self.feedback.source}"]
        signal = Var(value)
        for place, layer in enumerate(self.feedback.path):
            if isinstance(layer, Dense | Conv2d):
                trace = moment.trace(f"back {self.number} {place}", signal, lam)
                signal = _weights_of(layer, moment.leaves, self.number)(signal, trace)
            else:
                signal = stateless(layer, signal)
        return signal


@dataclass
class _Moment:
    """One time step."""

    leaves: Leaves
    states: dict[str, Any]
    way: Way
    psi: Psi
    traces: bool
    input_lam: float | None

    def step(self, name: str, layer: Layer, x: Var, lam: float | None) -> tuple[Var, float | None]:
        """What the layer makes of x, and the decay of what comes out."""
        if isinstance(layer, Dense | Conv2d):
            return _weights_of(layer, self.leaves)(x, self.trace(name, x, lam)), lam
        if isinstance(layer, LIF):
            return self._neurons(name, layer, x), layer.lam
        if isinstance(layer, LI):
            before = self.states.get(name, np.zeros_like(x.value))
            o = x.plus(layer.lam * before)
            self.states[name] = o.value
            return o, lam
        if isinstance(layer, Residual):
            ways = []
            for which, inner in (("body", layer.body), ("shortcut", layer.shortcut)):
                signal, decay = x, lam
                for number, part in enumerate(inner):
                    signal, decay = self.step(f"{name} {which} {number}", part, signal, decay)
                ways.append(signal)
            return ways[0] + ways[1], lam
        return stateless(layer, x), lam

    def trace(self, name: str, x: Var, lam: float | None) -> Any:
        if lam is None or not self.traces:
            return None
        self.states[name] = lam * self.states.get(name, 0.0) + x.value
        return self.states[name]

    def _neurons(self, name: str, layer: LIF, current: Var) -> Var:
        before = self.states.get(name, np.zeros_like(current.value))
        u = current.plus(layer.lam * before)
        s = tape.spike(u, layer.v_th, layer.fires == ">", lambda m: self.psi(m, layer.v_th))
        self.states[name] = _reset(layer, Var(u.value), Var(s.value)).value
        self.way.u.append([u])
        self.way.s.append([s])
        return s
