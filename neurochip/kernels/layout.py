"""The arrays that every kernel of the core works on: their names, shapes and meaning.

Populations are numbered 0 (the inputs), 1 .. L-1 (hidden), L (the read-out). Weight layer l leads
from population l to population l+1. Each per-neuron array is flat; weight layer l reads the axons
``pre .. pre + n_in`` and drives the neurons ``post .. post + n_out``. The axons of a layer are the
neurons of the layer below, or, where spikes are pooled on their way, places of their own: there
``signal`` counts the spikes of a square and ``trace`` follows these counts. Populations with a
height and a width are in (height, width, channel) order.

Weights are flat too, layer after layer, in ``weight_start .. weight_start + rows * columns``. Dense
ones are input-major, row i holds the synapses that leave axon i; those of convolutions are
output-major (`kernels.convolution`). Listed synapses have one weight each, row after row
(`kernels.rows`). Spikes that come back to layer l from the step before are listed synapses too, one
record a loop in ``loops``, and reach its accumulators beside those that come up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed

# Rounding modes of a right shift (neurochip.fixed.Rounding, as numbers).
FLOOR, TOWARD_ZERO, NEAREST, STOCHASTIC = range(4)
# How input integers become a step's input.
GRADED, RATE, BERNOULLI, SPIKES = range(4)
# Firing and reset of a neuron.
SOFT, HARD = range(2)
# Shapes of the surrogate.
TABLE, BOXCAR, TRIANGLE = range(3)
# Read-outs.
LINEAR, LEAKY, SPIKING = range(3)
# Errors.
CROSS_ENTROPY, SQUARED = range(2)
# Ways of the error down.
SYMMETRIC, SIGN, RANDOM, DIRECT = range(4)
# How a weight layer connects.
DENSE, CONVOLUTION, LISTED = range(3)
# When weights change.
ONLINE, ACCUMULATE, LAST = range(3)
# Random words of an update: the row's plus the column's, one a synapse, one a layer and step.
SEPARABLE, EACH_SYNAPSE, EACH_STEP = range(3)

# What a random word is for (the second word of its key).
FOR_ROW, FOR_COLUMN = int(fixed.Purpose.ROW), int(fixed.Purpose.COLUMN)
FOR_BIAS, FOR_TRACE = int(fixed.Purpose.BIAS), int(fixed.Purpose.TRACE)
FOR_DELTA, FOR_BERNOULLI = int(fixed.Purpose.DELTA), int(fixed.Purpose.BERNOULLI)
FOR_FLIP = int(fixed.Purpose.FLIP)

#: Epoch number under which Bernoulli inputs of an evaluation are drawn.
EVALUATION_EPOCH = 0xFFFFFFFF

#: Fraction bits of the surrogate: 16 stands for 1.0.
PSI_FRACTION = 4
PSI_ONE = 1 << PSI_FRACTION
#: The surrogate's table covers distances 0 .. 2 v_th from the threshold in this many entries.
PSI_ENTRIES = 16
#: Binary digits of a decay factor.
DECAY_BITS = fixed.DECAY_BITS
#: Binary digits of a random word.
WORD_BITS = fixed.WORD_BITS

#: Columns of the counters.
COUNTERS = (
    "spikes_in",
    "spikes_out",
    "synaptic_ops",
    "weight_updates",
    "trace_updates",
)
SPIKES_IN, SPIKES_OUT, SYNAPTIC_OPS, WEIGHT_UPDATES, TRACE_UPDATES = range(5)
#: Registers whose saturations are counted on request.
SATURATIONS = (
    "weight",
    "shadow",
    "accumulator",
    "current",
    "membrane",
    "trace",
    "error",
    "delta",
    "gradient",
    "bias",
)
(
    SAT_WEIGHT,
    SAT_SHADOW,
    SAT_ACCUMULATOR,
    SAT_CURRENT,
    SAT_MEMBRANE,
    SAT_TRACE,
    SAT_ERROR,
    SAT_DELTA,
    SAT_GRADIENT,
    SAT_BIAS,
) = range(10)

_SETTING_FIELDS = (
    "timesteps n_layers seed encoding in_bits in_fraction trace_input "
    "readout loss feedback update count_saturations "
    "accumulator_low accumulator_high accumulator_wraps "
    "current_bits current_low current_high current_wraps "
    "membrane_wraps "
    "trace_high trace_rounding "
    "error_low error_high error_fraction "
    "delta_low delta_high delta_rounding "
    "gradient_low gradient_high "
    "weight_rounding random_words "
    "shadow_low shadow_high "
    "bias_low bias_high "
    "fires_at_threshold surrogate narrow_weights "
    "output_decay"  # of the trace that sums a spiking read-out's spikes
).split()

_LAYER_FIELDS = (
    "n_in n_out weight_start pre post "  # shapes; first axon below, first neuron above
    "kind rows columns "  # of the weights: n_in and n_out, or patch and c_out of a convolution
    "c_in h_in w_in h_out w_out kernel stride padding forward_start "  # of a convolution
    "population row_start target_start "  # of the axons; of listed synapses in offsets and targets
    "loop_first loop_last "  # loops that reach the neurons
    "pooled signal_fraction signal_high "  # what an axon brings: 1 is 2^signal_fraction
    "short_products "  # whether four products of weight and signal add up inside 16 bits
    "sums_may_overflow "  # whether full-scale weights and inputs leave the accumulator
    "weight_low weight_high shadow_shift "  # shadow_shift: bits that a shadow has more
    "membrane_low membrane_high "
    "current_shift "  # accumulator to membrane: fv - fw - f_in
    "current_decay membrane_decay threshold threshold_log2 reset reset_value "
    "membrane_fraction surrogate_width "
    "trace_fraction trace_decay "  # of the population below
    "delta_fraction "  # of the error at this layer's output
    "transport_shift feedback_start "  # from this layer's output error to the population below
    "gradient_shift update_shift bias_shift bias_exponent bias_learned "
    "fast_update short_shift long_shift delta_lift trace_lift "
    "fast_gradient gradient_delta_lift gradient_trace_lift fast_apply"
).split()

#: One record: what holds for the whole core. Widths appear as the ends of their ranges.
SETTINGS = np.dtype([(name, np.int64) for name in _SETTING_FIELDS])
#: One record a weight layer, with the neurons it drives.
LAYER = np.dtype([(name, np.int64) for name in _LAYER_FIELDS])


class Core(NamedTuple):
    """All state of one core. N: neurons of all populations; S: synapses; L: weight layers."""

    settings: NDArray[np.void]  # (1,) SETTINGS
    layers: NDArray[np.void]  # (L,) LAYER
    weights: NDArray[np.int8] | NDArray[np.int16]  # (S,) Q fw, each layer its own
    shadow: NDArray[np.int16]  # (S,) or (0,): weights with more fraction bits
    gradient: NDArray[np.int16] | NDArray[np.int32]  # (S,) or (0,): sums of products
    loops: NDArray[np.void]  # (F,) LAYER: connections back, sorted by the layer that they reach
    offsets: NDArray[np.int64]  # rows of the listed synapses, (n_in + 1,) a layer or loop
    targets: NDArray[np.int32]  # neurons that the listed synapses reach, counted within the layer
    forward: NDArray[np.int8] | NDArray[np.int16]  # the convolutions' weights, as events read them
    bias: NDArray[np.int32]  # (N,) mantissas, in units of v * 2^exponent; inputs' unused
    bias_gradient: NDArray[np.int64]  # (N,) sums of deltas; of a convolution, c_out sums
    feedback: NDArray[np.int8]  # fixed feedback weights, layer after layer, (0,) if unused
    psi_table: NDArray[np.int64]  # (16,) surrogate over distance, f = 4
    exp2_table: NDArray[np.int64]  # (16,) 255 * 2^(-i/16)
    signal: NDArray[np.int16]  # (N,) spike 0/1, or the graded input
    active: NDArray[np.int32]  # (N,) rows of the nonzero signals, compacted per population
    n_active: NDArray[np.int64]  # (L+1,) how many
    n_spikes: NDArray[np.int64]  # (L+1,) how many neurons fired, before a pool counted them
    trace: NDArray[np.int32]  # (N,) x, f = trace_fraction
    accumulator: NDArray[np.int32] | NDArray[np.int64]  # (N,)
    current: NDArray[np.int32]  # (N,) synaptic currents, (0,) where none outlives its step
    exact: NDArray[np.int64]  # (N,) values before they are fitted into a register
    v: NDArray[np.int32]  # (N,) membrane after the reset
    v_pre: NDArray[np.int32]  # (N,) membrane before the reset; the read-out's o
    psi: NDArray[np.int16]  # (N,) surrogate 0..16
    error: NDArray[np.int64]  # (C,) e of the read-out
    delta: NDArray[np.int16]  # (N,) d
    output_trace: NDArray[np.int64]  # (C,) filtered spikes of a spiking read-out
    output_sum: NDArray[np.int64]  # (C,) sum of o, or of the filtered spikes, over a sample's steps
    changed: NDArray[np.uint8]  # (N,) axons whose trace wasn't 0 before or after the last step
    touched: NDArray[np.uint8]  # (N,) rows that had a nonzero factor in this sample
    rows: NDArray[np.int32]  # (N,) scratch: rows with a nonzero factor
    lifted: NDArray[np.int16]  # (N,) scratch: deltas shifted for the fast update
    words: NDArray[np.int16]  # (N,) scratch: random words of the columns
    pool: NDArray[np.int32]  # (N,) which axon above counts a neuron's spikes; -1 for none
    fan_out: NDArray[np.int32]  # (N,) how many synapses an axon has
    sums: NDArray[np.int32] | NDArray[np.int64]  # (S',) scratch: sums of products of shared weights
    patch: NDArray[np.int32] | NDArray[np.int64]  # (R,) scratch: sums of a patch; R: most rows
    factors: NDArray[np.int32]  # (R,) scratch: presynaptic factors of a patch
    changes: NDArray[np.int64]  # (R,) scratch: changes of shared weights
    row_words: NDArray[np.int16]  # (R,) scratch: random words of shared rows
    counters: NDArray[np.int64]  # (T, L, len(COUNTERS))
    saturations: NDArray[np.int64]  # (T, L, len(SATURATIONS))
