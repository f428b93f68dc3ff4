"""Learning rates 2^-m: chosen from the first samples, one a layer, within what shifts allow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.memory import Plan
from neurochip.errors import RuleError
from neurochip.kernels import layout
from neurochip.kernels.stream import factor_energy
from neurochip.mapping import Formats
from neurochip.mapping.limits import MAX_UPDATE_SHIFT, RATE_SHIFT_HIGH, RATE_SHIFT_LOW
from neurochip.rules.ottt import Update

__all__ = ["check", "chosen"]

#: Samples whose factors set the learning rates.
RATE_SAMPLES = 64
#: A layer's rate is this over the mean square norm of its presynaptic factors in a step.
RATE_NUMERATOR = 1.5
#: The same of a convolution. If all its positions saw and erred alike, 1.5 would be the step that
#: takes their error away; they don't, and four times that was best on a validation split of MNIST.
SHARED_NUMERATOR = 6.0


def chosen(
    core: layout.Core, plan: Plan, formats: Formats, update: Update, inputs: NDArray[np.uint8]
) -> tuple[int, ...]:
    """Rate shifts m, one a layer: 2^-m is nearest to numerator / E[ |x|^2 ].

    x is a layer's presynaptic factors in one step, over the first samples. A step against the error
    e then changes the layer's currents for the same input by about e. Of a convolution, |x|^2 is
    the sum over the squares of all positions' patches, the trace of the matrix that bounds how much
    shared weights change what the positions compute. Accumulated updates add T such steps at once
    and get a rate smaller by T / 2.

    Args:
        core: shows the samples; only its counters and states change.
        plan: its projections.
        formats: fractions of the factors.
        update: when weights change.
        inputs: (n, 1 or T, n_in) uint8, as the chip takes them.
    """
    timesteps = int(core.settings[0].timesteps)
    energy = np.zeros(len(plan))
    first = inputs[:RATE_SAMPLES]
    factor_energy(core, first, energy)
    scales = np.array([4.0**-layer.factor for layer in formats.layers])
    at_once = timesteps / 2 if update == "accumulate" else 1.0
    numerators = [SHARED_NUMERATOR if k.positions > 1 else RATE_NUMERATOR for k in plan]
    numerator = np.array(numerators) / max(at_once, 1.0)
    mean = energy * scales / (len(first) * timesteps)
    return tuple(round(math.log2(e)) for e in np.maximum(mean / numerator, 1.0))


def check(rate_shifts: tuple[int, ...], formats: Formats, halvings: int) -> None:
    """Raise RuleError unless there is a shift for each layer that its update unit has.

    Args:
        rate_shifts: one m a layer.
        formats: of the layers.
        halvings: how often each will grow by one.
    """
    if len(rate_shifts) != len(formats.layers):
        raise RuleError(
            f"rate_shifts has {len(rate_shifts)} entries, but the network has "
            f"{len(formats.layers)} weight layers; give one for each"
        )
    for number, (shift, layer) in enumerate(zip(rate_shifts, formats.layers, strict=True)):
        shifts = max(layer.update_shift(0), layer.bias_shift(0)) + halvings
        most = min(RATE_SHIFT_HIGH, MAX_UPDATE_SHIFT - shifts)
        if not RATE_SHIFT_LOW <= shift <= most:
            raise RuleError(
                f"rate_shift {shift} of layer {number} is out of range; "
                f"choose one of {RATE_SHIFT_LOW} to {most} (the rate is 2^-shift)"
            )
