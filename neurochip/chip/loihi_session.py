"""A session of Lava in which a chip's network learns: its neurons, and stock learning synapses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.chip import Chip
from neurochip.chip.epoch import copied
from neurochip.chip.loihi_limits import Plasticity
from neurochip.chip.loihi_synapses import Synapses
from neurochip.kernels import layout
from neurochip.kernels.neuron import neurons
from neurochip.kernels.readout import error_in, read_out
from neurochip.kernels.transport import deltas_below

__all__ = ["Session", "initial_weights", "resting"]


class Session:
    """Samples one after the other, each for T + L steps.

    Args:
        chip: whose network learns, from its weights as they are now; it isn't changed.
        plasticity: of each weight layer.

    Attributes:
        core: registers of the neurons.
        layers: learning synapses, one a weight layer.
        steps: of Lava's clock, so far.
    """

    def __init__(self, chip: Chip, plasticity: tuple[Plasticity, ...]) -> None:
        self.core = resting(chip)
        self.layers = tuple(map(Synapses, initial_weights(chip), plasticity))
        self.steps = 0

    def learn(self, signals: NDArray[Any], label: int) -> None:
        """All steps of a sample: (T, n_in) spikes of 0 and 1, and its label."""
        silence = np.zeros_like(signals[0])
        for place in range(len(signals) + len(self.layers)):
            self.step(signals[place] if place < len(signals) else silence, label, place)

    def step(self, spikes: NDArray[Any], label: int, place: int) -> None:
        """One step of Lava's clock: all layers' spiking phase, then their learning phase.

        Args:
            spikes: (n_in,) of 0 and 1.
            label: of the sample.
            place: the step's number within the sample, from 0.
        """
        self._neurons(place)
        self._errors(label, place)
        core = self.core
        for number, (layer, synapses) in enumerate(zip(core.layers, self.layers, strict=True)):
            above = slice(layer.post, layer.post + layer.n_out)
            self._count(number, int(np.count_nonzero(spikes)))
            synapses.step(spikes, -core.delta[above].astype(int))
            spikes = core.signal[above]
        self.steps += 1

    def _neurons(self, place: int) -> None:
        """Sums arrive; a sample's first logical step begins with an empty membrane."""
        core, last = self.core, len(self.layers) - 1
        for number, (layer, synapses) in enumerate(zip(core.layers, self.layers, strict=True)):
            above = slice(layer.post, layer.post + layer.n_out)
            core.accumulator[above] = synapses.sums
            if place == number + 1:
                core.v[above] = 0
            if number < last:
                neurons(core, number, 0)
        read_out(core, 0)

    def _errors(self, label: int, place: int) -> None:
        """Errors of all layers; 0 until the sample has come to the read-out."""
        core, depth = self.core, len(self.layers)
        core.delta[:] = 0
        if place >= depth:
            error_in(core, label, 0)
            for number in range(depth - 1, 0, -1):
                deltas_below(core, number, 0, self.steps)

    def _count(self, number: int, spikes: int) -> None:
        events = self.core.counters[0, number]
        events[layout.SPIKES_IN] += spikes
        events[layout.SYNAPTIC_OPS] += spikes * self.core.layers[number].n_out


def resting(chip: Chip) -> layout.Core:
    """Registers of a chip's neurons at the beginning of a session."""
    core = copied(chip._core)
    core.v[:] = 0
    core.counters[:] = 0
    core.saturations[:] = 0
    return core


def initial_weights(chip: Chip) -> list[NDArray[np.int32]]:
    """Weights (n_out, n_in) of each layer with which a session begins.

    Loihi's first weights are even; those that it has learned may be odd.
    """
    kept = -1 if chip.epoch else ~1
    return [np.ascontiguousarray(w.T.astype(np.int32) & kept) for w in chip.integers.weights]
