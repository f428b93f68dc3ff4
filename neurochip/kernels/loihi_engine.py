"""An epoch of Lava's stock learning engine (`LearningDense`, tag `bit_approximate_loihi`).

The rule is OTTT's, `dw = 2^(r-7)*u0*x1*y1 - 2^(q-7)*x0*y1`, with the third factor in y1; the x0
term takes the impulse of the present spike out of x1, for the neuron above hasn't heard it yet.
Lava draws one random number for all traces of a step and one for all weights of an epoch; the
caller turns both into integers, so that nothing here is a float.
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
def decay_traces(x: Any, spiked: Any, decayed: Any, impulse: int) -> None:
    """Traces x (n,) of a step: decayed by the table `decayed` (128,), plus the spikes' impulse."""
    for i in range(x.shape[0]):
        x[i] = decayed[x[i]]
        if spiked[i]:
            x[i] = min(x[i] + impulse, TRACE_HIGH)


@kernel
def learn_weights(
    w: Any, x: Any, spiked: Any, y: Any, rate: int, spike_rate: int, threshold: int
) -> None:
    """Weights w (n_out, n_in) int32 after an epoch, by traces x, spikes and third factors y.

    `rate` is r, 0..4, and `spike_rate` is q, 0..7: no product then leaves its register.
    `threshold` is floor(128 * the epoch's random number): a larger fraction rounds up.
    """
    for j in range(w.shape[0]):
        factor = min(max(y[j], FACTOR_LOW), FACTOR_HIGH)
        for i in range(w.shape[1]):
            acc = (w[j, i] << FRACTION) + (((x[i] * factor) >> TRACE_SHIFT) << rate)
            acc = min(max(acc, ACCUMULATOR_LOW), ACCUMULATOR_HIGH)
            if spiked[i]:
                acc -= factor << spike_rate
                acc = min(max(acc, ACCUMULATOR_LOW), ACCUMULATOR_HIGH)
            up = (acc & ((1 << FRACTION) - 1)) > threshold
            w[j, i] = min(max((acc >> FRACTION) + up, WEIGHT_LOW), WEIGHT_HIGH)
