"""One batch, looked at from inside: every state, error and gradient of every time step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.network import Network, Parameters, Shape
from neurochip.reference.inputs import Samples, checked_labels
from neurochip.reference.online import (
    Engine,
    check_feedback_mode,
    is_traced,
    learning_engine,
)
from neurochip.reference.operators import channels_first
from neurochip.reference.values import Values, checked_dtype
from neurochip.rules import OTTT, feedback
from neurochip.rules.losses import StepLoss, cross_entropy, mean_squared
from neurochip.rules.surrogates import Floats


@dataclass(frozen=True, eq=False)
class Recording:
    """What a batch did with fixed weights. Tuples have one array for each layer.

    ... is the layer's shape, (n,) or (c, h, w).

    Attributes:
        u: membranes of each hidden layer before the reset, (T, B, ...).
        s: their spikes.
        v: their membranes after the reset.
        tr: traces of their spikes, after the step's spike.
        psi: their surrogate derivatives.
        du: dloss[t]/du[t], through space only.
        tr0: trace of the input, (T, B, ...); None where the input isn't traced.
        out: read-out o[t], (T, B, C).
        dout: dloss[t]/do[t], (T, B, C).
        loss_t: loss of each step with its 1/T, (T,) float64.
        ce_t: cross-entropy of each step, without 1/T, (T,) float64.
        mse_t: mean squared error of each step, without 1/T, (T,) float64.
        g_W: gradient of each step for each weight layer, (T, *weight_shape).
        g_b: gradient of each step for each weight layer's biases, (T, n_out).
        g_gain: gradient of each step for each gain, (T, n_out).
    """

    u: tuple[Floats, ...]
    s: tuple[Floats, ...]
    v: tuple[Floats, ...]
    tr: tuple[Floats, ...]
    psi: tuple[Floats, ...]
    du: tuple[Floats, ...]
    tr0: Floats | None
    out: Floats
    dout: Floats
    loss_t: NDArray[np.float64]
    ce_t: NDArray[np.float64]
    mse_t: NDArray[np.float64]
    g_W: tuple[Floats, ...]
    g_b: tuple[Floats, ...]
    g_gain: tuple[Floats, ...]


def record(
    network: Network,
    params: Parameters,
    x: ArrayLike,
    y: ArrayLike,
    rule: OTTT,
    feedback_weights: Sequence[ArrayLike] | None = None,
    dtype: DTypeLike = np.float64,
) -> Recording:
    """Show a batch to a network whose weights stay as they are, and keep everything.

    The rule's `update` plays no part: every step's error and gradient are recorded.

    Args:
        network: what to run.
        params: its parameters.
        x: (B, ...), the same at every step, or (T, B, ...).
        y: labels, (B,).
        rule: OTTT with its options.
        feedback_weights: as for `Trainer`.
        dtype: float64 or float32.
    """
    network.check(params)
    check_feedback_mode(network, rule)
    samples = Samples.of(network, x)
    labels = checked_labels(network, y, samples.batch)
    of_dtype = checked_dtype(dtype)
    values = Values(network, params, of_dtype)
    gradients = values.zeros()
    fixed = feedback.checked(rule.feedback, network.sizes, feedback_weights, of_dtype)
    rng = np.random.default_rng(0)
    engine = learning_engine(network, values, gradients, rule, samples, fixed, rng)
    loss_of = StepLoss(rule.loss, rule.loss_lambda, network.timesteps)
    recording = _empty(engine, gradients, samples if is_traced(rule, samples) else None)
    engine.begin()
    for t, x_t in enumerate(samples.frames(of_dtype)):
        o = engine.step(x_t)
        recording.ce_t[t] = cross_entropy(o, labels)[0]
        recording.mse_t[t] = mean_squared(o, labels)[0]
        recording.loss_t[t], dout = loss_of(o, labels)
        recording.out[t] = o
        recording.dout[t] = dout
        engine.clear()
        engine.learn(dout)
        engine.finish()
        _keep(recording, t, engine, gradients)
        if recording.tr0 is not None:
            shown = channels_first(network.in_shape, x_t)
            _follow(recording.tr0, t, shown, rule.input_decay(network))
    return recording


def _empty(engine: Engine, gradients: Values, traced: Samples | None) -> Recording:
    network = engine.network
    timesteps, batch, dtype = network.timesteps, engine.batch, gradients.dtype

    def over_time(*shape: int) -> Floats:
        return np.zeros((timesteps, *shape), dtype)

    def layers() -> tuple[Floats, ...]:
        return tuple(over_time(batch, *shape) for _, shape in network.spiking_shapes())

    return Recording(
        u=layers(),
        s=layers(),
        v=layers(),
        tr=layers(),
        psi=layers(),
        du=layers(),
        tr0=None if traced is None else over_time(batch, *network.in_shape),
        out=over_time(batch, network.n_out),
        dout=over_time(batch, network.n_out),
        loss_t=np.zeros(timesteps),
        ce_t=np.zeros(timesteps),
        mse_t=np.zeros(timesteps),
        g_W=tuple(over_time(*weight.shape) for weight in gradients.weights),
        g_b=tuple(over_time(*bias.shape) for bias in gradients.biases),
        g_gain=tuple(over_time(*gain.shape) for gain in gradients.gains if gain is not None),
    )


def _keep(recording: Recording, t: int, engine: Engine, gradients: Values) -> None:
    shapes: list[Shape] = [shape for _, shape in engine.network.spiking_shapes()]
    for number, (node, shape) in enumerate(zip(engine.hidden, shapes, strict=True)):
        for name in ("u", "s", "v", "psi", "du"):
            getattr(recording, name)[number][t] = channels_first(shape, getattr(node, name))
        _follow(recording.tr[number], t, recording.s[number][t], node.neuron.lam)
    gains = [gain for gain in gradients.gains if gain is not None]
    pairs = (
        (recording.g_W, gradients.weights),
        (recording.g_b, gradients.biases),
        (recording.g_gain, gains),
    )
    for kept, arrays in pairs:
        for of_layer, array in zip(kept, arrays, strict=True):
            of_layer[t] = array


def _follow(traces: Floats, t: int, signal: Floats, lam: float) -> None:
    """x[t] = lam * x[t-1] + s[t]."""
    traces[t] = signal if t == 0 else lam * traces[t - 1] + signal
