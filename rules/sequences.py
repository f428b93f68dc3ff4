"""Losses of the outputs of all time steps, and their gradients by them.

`out` is (T, B, C) float, labels are (B,) whole numbers; each function gives the loss and its
gradient, (T, B, C).
"""

from __future__ import annotations

import numpy as np

from neurochip.errors import RuleError
from neurochip.rules.losses import Labels, StepLoss, cross_entropy
from neurochip.rules.surrogates import Floats

# TSSL-BP's target spikes of the label's neuron: the short ones below LONG_FROM steps.
SHORT_PATTERN = (0, 1, 1, 1, 1)
LONG_PATTERN = (0, 1, 0, 1, 0, 1, 0, 1, 0, 1)
LONG_FROM = 10

TRAINS = 3


def sum_of_steps(out: Floats, y: Labels, loss_lambda: float) -> tuple[float, Floats]:
    """sum_t ((1 - l) * CE(o[t], y) + l * MSE(o[t], onehot)) / T (Xiao et al., NeurIPS 2022)."""
    loss_of = StepLoss("ce", loss_lambda, len(out))
    losses, gradients = zip(*(loss_of(o, y) for o in out), strict=True)
    return float(sum(losses)), np.stack(gradients)


def of_steps(out: Floats, y: Labels, loss_lambda: float, phi: float) -> tuple[float, Floats]:
    """TET: (1 - l) * mean_t CE(o[t], y) + l * mean((o - phi)^2) (Deng et al., ICLR 2022)."""
    loss, gradient = sum_of_steps(out, y, 0.0)
    if loss_lambda:
        difference = out - phi
        square = float((difference * difference).mean())
        loss = (1.0 - loss_lambda) * loss + loss_lambda * square
        gradient *= 1.0 - loss_lambda
        gradient += difference * (2.0 * loss_lambda / difference.size)
    return loss, gradient


def of_mean(out: Floats, y: Labels) -> tuple[float, Floats]:
    """SDT, standard direct training: CE(mean_t o[t], y)."""
    loss, gradient = cross_entropy(out.mean(axis=0), y)
    return loss, np.broadcast_to(gradient / len(out), out.shape).copy()


def of_sum(out: Floats, y: Labels | Floats) -> tuple[float, Floats]:
    """CE(sum_t o[t], y), mean over the batch (TSSL-BP's "softmax")."""
    loss, gradient = cross_entropy(out.sum(axis=0), _labels(y, "softmax"))
    return loss, np.broadcast_to(gradient, out.shape).copy()


def count(
    out: Floats, y: Labels | Floats, desired: float, undesired: float
) -> tuple[float, Floats]:
    """Half the squared miss of the counts n = sum_t o[t], as published (TSSL-BP's "count").

    d = (n - target) / T, but 0 where the label's neuron has more than desired or another fewer
    than undesired; the loss is the sum over samples, classes and steps of d^2 / 2, and its
    gradient is d at every step.
    """
    labels = _labels(y, "count")
    rows = np.arange(len(labels))
    target = np.full_like(out[0], undesired)
    target[rows, labels] = desired
    d = (out.sum(axis=0) - target) / len(out)
    d[(target == desired) & (d > 0)] = 0.0
    d[(target == undesired) & (d < 0)] = 0.0
    return 0.5 * len(out) * float((d * d).sum()), np.broadcast_to(d, out.shape).copy()


def kernel(out: Floats, trains: Floats, tau: float) -> tuple[float, Floats]:
    """Half the squared distance of filtered spike trains, summed (TSSL-BP's "kernel").

    d = out - F(F(trains)), F the filter a[t] = a[t-1] + (s[t] - a[t-1]) / tau, twice as published.

    Args:
        out: filtered output spikes, (T, B, C).
        trains: spikes that are wanted, (T, B, C).
        tau: the filter's time constant.
    """
    difference = out - filtered(filtered(trains, tau), tau)
    return 0.5 * float((difference * difference).sum()), difference


def filtered(trains: Floats, tau: float) -> Floats:
    """F: a[t] = a[t-1] + (s[t] - a[t-1]) / tau, a[-1] = 0, along the first axis."""
    a = np.empty_like(trains)
    before = np.zeros_like(trains[0])
    for now, s in zip(a, trains, strict=True):
        np.add(before, (s - before) / tau, out=now)
        before = now
    return a


def target_trains(out: Floats, y: Labels | Floats) -> Floats:
    """Spike trains that are wanted, (T, B, C): as given, or the label's pattern and silence.

    Raises:
        RuleError: if T is no multiple of the pattern's length, or given trains don't fit.
    """
    if y.ndim == TRAINS:
        if y.shape != out.shape:
            raise RuleError(
                f"target spike trains have shape {y.shape}; the network's outputs have {out.shape}."
            )
        return y.astype(out.dtype)
    timesteps = len(out)
    pattern = SHORT_PATTERN if timesteps < LONG_FROM else LONG_PATTERN
    if timesteps % len(pattern):
        raise RuleError(
            f"timesteps is {timesteps}, no multiple of the {len(pattern)} steps of the target "
            f"pattern of loss 'kernel'; use 5, 10, 20, ... steps or the loss 'count'."
        )
    trains = np.zeros_like(out)
    rows = np.arange(out.shape[1])
    spikes = np.tile(np.array(pattern, out.dtype), timesteps // len(pattern))
    trains[:, rows, y.astype(np.intp)] = spikes[:, None]
    return trains


def van_rossum(trains: Floats, others: Floats, tau: float) -> float:
    """Distance of two sets of spike trains (van Rossum, 2001): the root of the mean square of F.

    Args:
        trains: (T, ...) spikes.
        others: (T, ...) spikes.
        tau: time constant of the filter F.
    """
    difference = filtered(trains - others, tau)
    return float(np.sqrt((difference * difference).mean()))


def _labels(y: Labels | Floats, loss: str) -> Labels:
    if y.ndim != 1:
        raise RuleError(
            f"loss {loss!r} got targets of shape {y.shape}; it needs labels, (batch,), and only "
            f"'kernel' takes spike trains."
        )
    return y.astype(np.int64)
