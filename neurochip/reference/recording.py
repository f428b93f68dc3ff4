"""One batch, looked at from inside: every state, error and gradient of every time step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neurochip.network import Network, Parameters
from neurochip.reference.backward import Backward, Gradients
from neurochip.reference.engine import Engine
from neurochip.reference.inputs import batch_of, checked_input, checked_labels, frames
from neurochip.reference.trainer import checked_dtype, is_traced
from neurochip.rules import feedback
from neurochip.rules.losses import StepLoss, cross_entropy, mean_squared
from neurochip.rules.ottt import OTTT
from neurochip.rules.surrogates import Floats


@dataclass(frozen=True, eq=False)
class Recording:
    """What a batch did with fixed weights. Tuples have one array for each layer.

    Attributes:
        u: membranes of each hidden layer before the reset, (T, B, n).
        s: their spikes.
        v: their membranes after the reset.
        tr: traces of their spikes, after the step's spike.
        psi: their surrogate derivatives.
        du: dloss[t]/du[t], through space only.
        tr0: trace of the input, (T, B, n_in); None where the input isn't traced.
        out: read-out o[t], (T, B, C).
        dout: dloss[t]/do[t], (T, B, C).
        loss_t: loss of each step with its 1/T, (T,) float64.
        ce_t: cross-entropy of each step, without 1/T, (T,) float64.
        mse_t: mean squared error of each step, without 1/T, (T,) float64.
        g_W: gradient of each step for each weight layer, (T, n_out, n_in).
        g_b: gradient of each step for each weight layer's biases, (T, n_out).
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
        params: its weights.
        x: (B, n_in), the same at every step, or (T, B, n_in).
        y: labels, (B,).
        rule: OTTT with its options.
        feedback_weights: as for `Trainer`.
        dtype: float64 or float32.
    """
    network.check(params)
    samples = checked_input(network, x)
    labels = checked_labels(network, y, batch_of(samples))
    of_dtype = checked_dtype(dtype)
    weights = [np.array(weight, of_dtype) for weight in params.weights]
    biases = [np.array(bias, of_dtype) for bias in params.biases]
    fixed = feedback.checked(rule.feedback, network.sizes, feedback_weights, of_dtype)
    engine = Engine(network, weights, biases, batch_of(samples))
    backward = Backward(engine, rule, fixed, is_traced(rule, samples))
    gradients = Gradients(weights, biases)
    loss_of = StepLoss(rule.loss, rule.loss_lambda, network.timesteps)
    recording = _empty(engine, backward, gradients)
    for t, x_t in enumerate(frames(samples, network.timesteps, of_dtype)):
        o = engine.step(x_t)
        backward.follow(x_t)
        recording.ce_t[t] = cross_entropy(o, labels)[0]
        recording.mse_t[t] = mean_squared(o, labels)[0]
        recording.loss_t[t], dout = loss_of(o, labels)
        recording.out[t] = o
        recording.dout[t] = dout
        backward.send_down(dout)
        gradients.clear()
        gradients.add(backward)
        _keep(recording, t, engine, backward, gradients)
    return recording


def _empty(engine: Engine, backward: Backward, gradients: Gradients) -> Recording:
    timesteps = engine.network.timesteps

    def over_time(arrays: Sequence[Floats]) -> tuple[Floats, ...]:
        return tuple(np.zeros((timesteps, *array.shape), array.dtype) for array in arrays)

    return Recording(
        u=over_time([layer.u for layer in engine.hidden]),
        s=over_time([layer.s for layer in engine.hidden]),
        v=over_time([layer.v for layer in engine.hidden]),
        tr=over_time(backward.x[1:]),
        psi=over_time(backward.psi),
        du=over_time(backward.delta[:-1]),
        tr0=over_time(backward.x[:1])[0] if backward.traced else None,
        out=over_time([engine.o])[0],
        dout=over_time([engine.o])[0],
        loss_t=np.zeros(timesteps),
        ce_t=np.zeros(timesteps),
        mse_t=np.zeros(timesteps),
        g_W=over_time(gradients.weights),
        g_b=over_time(gradients.biases),
    )


def _keep(
    recording: Recording, t: int, engine: Engine, backward: Backward, gradients: Gradients
) -> None:
    for number, layer in enumerate(engine.hidden):
        recording.u[number][t] = layer.u
        recording.s[number][t] = layer.s
        recording.v[number][t] = layer.v
        recording.tr[number][t] = backward.x[number + 1]
        recording.psi[number][t] = backward.psi[number]
        recording.du[number][t] = backward.delta[number]
    if recording.tr0 is not None:
        recording.tr0[t] = backward.x[0]
    for number, (of_weights, of_biases) in enumerate(
        zip(gradients.weights, gradients.biases, strict=True)
    ):
        recording.g_W[number][t] = of_weights
        recording.g_b[number][t] = of_biases
