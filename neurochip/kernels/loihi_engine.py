"""An epoch of Lava's stock learning engine (`LearningDense`, tag `bit_approximate_loihi`).

The rule is OTTT's, `dw = 2^(r-7)*u0*x1*y1 - 2^(q-7)*x0*y1`, with the third factor in y1; the x0
term takes the impulse of the present spike out of x1, for the neuron above hasn't heard it yet.
Of a longer epoch, Lava remembers when each neuron fired last (tx); traces decay and weights change
at its end, with the third factors that came then. They too decay, step by step from its beginning,
and an x0 term takes each spike with the factor as it had decayed by then.

Lava draws one random number for all traces of an epoch and one for all its weights; the caller
turns both into integers, so that nothing here is a float.
"""

from __future__ import annotations

from typing import Any

from neurochip.kernels.jit import kernel

#: Fraction bits that a weight has while it is changed, and the ends of Lava's accumulator.
FRACTION = 7
ACCUMULATOR_LOW, ACCUMULATOR_HIGH = -(2**15) - 1, 2**15 - 1
#: Brings the product of two 7-bit traces and a 4-bit mantissa into 15 bits.
TRACE_SHIFT = 3
WEIGHT_LOW, WEIGHT_HIGH = -256, 255
TRACE_HIGH, FACTOR_LOW, FACTOR_HIGH = 127, -128, 127


@kernel
def hear(x: Any, last: Any, spiked: Any, now: int, impulse: int) -> None:
    """Spikes (n,) of step ``now`` of an epoch, from 1; ``last`` (n,) is when each was the last.

    A spike enters the traces x at the epoch's end, at its place; one that isn't the last, at once.
    """
    for i in range(x.shape[0]):
        if spiked[i]:
            if last[i]:
                x[i] = min(x[i] + impulse, TRACE_HIGH)
            last[i] = now


@kernel
def decay_traces(x: Any, last: Any, decayed: Any, impulse: int, steps: int) -> None:
    """Traces x (n,) after an epoch of some steps: each decays them by the table `decayed` (128,),
    then adds the impulses of the spikes whose last was then.
    """
    for i in range(x.shape[0]):
        for now in range(1, steps + 1):
            x[i] = decayed[x[i]]
            if last[i] == now:
                x[i] = min(x[i] + impulse, TRACE_HIGH)


@kernel
def learn_weights(
    w: Any, x: Any, last: Any, y: Any, rate: int, spike_scale: int, threshold: int
) -> None:
    """Weights w (n_out, n_in) int32 after an epoch, by traces x, spikes and third factors.

    ``last`` (n_in,) is when each axon spiked last, 0 for never; y (steps + 1, n_out) the factors
    as they had decayed by every step of the epoch.
    `rate` is r, 0..4, and `spike_scale` is 2^q, 1..128, or 0 without an x0 term: no product then
    leaves its register.
    `threshold` is floor(128 * the epoch's random number): a larger fraction rounds up.
    """
    end = y.shape[0] - 1
    for j in range(w.shape[0]):
        factor = min(max(y[end, j], FACTOR_LOW), FACTOR_HIGH)
        for i in range(w.shape[1]):
            acc = (w[j, i] << FRACTION) + (((x[i] * factor) >> TRACE_SHIFT) << rate)
            acc = min(max(acc, ACCUMULATOR_LOW), ACCUMULATOR_HIGH)
            if last[i]:
                then = min(max(y[last[i], j], FACTOR_LOW), FACTOR_HIGH)
                acc -= then * spike_scale
                acc = min(max(acc, ACCUMULATOR_LOW), ACCUMULATOR_HIGH)
            up = (acc & ((1 << FRACTION) - 1)) > threshold
            w[j, i] = min(max((acc >> FRACTION) + up, WEIGHT_LOW), WEIGHT_HIGH)
