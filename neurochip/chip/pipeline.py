"""A sample on the chip, step by step and phase by phase: what a stream of samples does in one go.

chip.start(x, label)
step = chip.step()
step.spikes[1], step.counts[PHASES.index("errors")], step.duration
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.account import account
from neurochip.chip.circuits import Sound
from neurochip.chip.energy import Amount
from neurochip.chip.memory import Plan, in_network_order
from neurochip.chip.meter import Meter, Reading, between, read
from neurochip.errors import ConfigError
from neurochip.kernels import layout
from neurochip.kernels import meter as metering
from neurochip.kernels.axon import axons_in, pool
from neurochip.kernels.jit import unfused
from neurochip.kernels.ledger import LAYERED
from neurochip.kernels.meter_inference import meter_neurons, meter_spikes
from neurochip.kernels.meter_learning import meter_learning, meter_traces
from neurochip.kernels.neuron import raw_factor, traces
from neurochip.kernels.readout import predicted
from neurochip.kernels.stream import frame_of, start_sample
from neurochip.mapping.chipmap import ChipMap

Ints = NDArray[np.int64]

__all__ = ["Pipeline", "Shown", "Step"]


@dataclass(frozen=True, eq=False)
class Step:
    """What one time step of a sample was.

    Attributes:
        t: its number, from 0.
        spikes: for each population, the inputs first, what its neurons sent: 0 or 1, or a graded
            input, (n,) in the network's order.
        predicted: the class that the outputs speak for so far.
        counts: (phases, layers, cores, len(EVENTS)) int64, as `Account.counts`.
        duration: of the step on the chip, analytic: its phases and the barrier.
    """

    t: int
    spikes: tuple[Ints, ...]
    predicted: int
    counts: Ints
    duration: Amount


class Shown(NamedTuple):
    """A sample and its place in learning."""

    frames: NDArray[np.uint8]  # (1 or T, n_in)
    label: int | None  # None: no errors, nothing is learned
    sample: int  # its number in the data set
    epoch: int
    first_step: int  # logical step at its first
    learns: bool  # whether weights change


class Pipeline:
    """The chip's pipeline with one sample in it.

    Args:
        core: the chip's state, which changes.
        meter: counts what happens; its rule says when errors are used.
        shown: the sample.
        circuit: the chip's phases.
    """

    def __init__(self, core: layout.Core, meter: Meter, shown: Shown, circuit: Sound) -> None:
        self.core, self.meter, self.shown, self.circuit = core, meter, shown, circuit
        self.timesteps, self.t = int(core.settings[0].timesteps), 0
        self.hidden, self.last = range(core.layers.size - 1), core.layers.size - 1
        unfused(start_sample)(core)
        metering.begin_learning(meter.arrays)

    @property
    def is_over(self) -> bool:
        """Whether all steps are done."""
        return self.t == self.timesteps

    def step(self) -> None:
        """One time step: the phases of a learning core in their order.

        Raises:
            ConfigError: all steps are done.
        """
        if self.is_over:
            raise ConfigError(
                f"the sample's {self.timesteps} steps are over; show the next with chip.start"
            )
        self._axon_in()
        for number in self.hidden:
            self._synapse(number)
            self._neuron(number)
            self._trace(number + 1)
        self._synapse(self.last)
        self._read_out()
        if self._wants_errors():
            self._error()
            self._transport()
            self._update()
        metering.end_step(self.meter.arrays, LAYERED)
        metering.settle(self.meter.arrays, LAYERED)
        self.t += 1

    def _wants_errors(self) -> bool:
        at_end = self.t == self.timesteps - 1
        only_at_end = self.meter.arrays.settings[0].update == layout.LAST
        return self.shown.label is not None and (at_end or not only_at_end)

    @property
    def _logical_step(self) -> int:
        return self.shown.first_step + self.t

    def _axon_in(self) -> None:
        """Phase 1: the sample's spikes or graded inputs arrive, and leave their traces."""
        frame = unfused(frame_of)(self.shown.frames, self.t)
        axons_in(self.core, frame, self.shown.sample, self.shown.epoch, self.t)
        if self.core.settings[0].trace_input:
            self._trace(0)
        else:
            raw_factor(self.core)

    def _synapse(self, number: int) -> None:
        """Phase 2: active rows are added to the accumulators."""
        shown = self.shown
        self.circuit.synapses(self.core, number, shown.sample, shown.epoch, self.t)
        self._sent(number)

    def _sent(self, population: int) -> None:
        meter_spikes(self.core, self.meter.arrays, population)

    def _neuron(self, number: int) -> None:
        """Phase 3: membranes leak, gather, fire and are reset; spikes are pooled on their way."""
        self.circuit.neurons(self.core, number, self.t)
        pool(self.core, number + 1)
        meter_neurons(self.core, self.meter.arrays, number)

    def _trace(self, number: int) -> None:
        """Phase 4: traces decay, and spikes are added to them. Where nothing is to be learned from
        the sample, the chip keeps none.
        """
        if self.shown.label is not None:
            traces(self.core, number, self.t, self._logical_step)
            meter_traces(self.core, self.meter.arrays, number)

    def _read_out(self) -> None:
        """The read-out's outputs, the last of phase 3."""
        self.circuit.read_out(self.core, self.t)
        meter_neurons(self.core, self.meter.arrays, self.last)
        self._sent(self.last + 1)

    def _error(self) -> None:
        """Phase 5: outputs are compared with the label."""
        if self.shown.label is not None:
            self.circuit.errors(self.core, self.shown.label, self.t)

    def _transport(self) -> None:
        """Phase 6: errors come down to every hidden neuron."""
        self.circuit.transport(self.core, self.t, self._logical_step)

    def _update(self) -> None:
        """Phase 7: factor times error, into weights or their accumulators."""
        unfused(meter_learning)(self.core, self.meter.arrays, self.t == self.timesteps - 1)
        if self.shown.learns:
            for number in range(self.core.layers.size):
                self.circuit.update(self.core, number, self.t, self._logical_step)

    def told(self, plan: Plan, chip_map: ChipMap, before: Reading) -> Step:
        """What the last step was.

        Args:
            plan: gives the network's order of neurons.
            chip_map: prices the time.
            before: what the meter read before the step.
        """
        step = between(before, read(self.meter))
        told = account(step, chip_map, "online", 1)
        return Step(
            t=self.t - 1,
            spikes=self._spikes(plan),
            predicted=int(predicted(self.core)),
            counts=step.counts,
            duration=told.inference_time + told.learning_time,
        )

    def _spikes(self, plan: Plan) -> tuple[Ints, ...]:
        signal, below = self.core.signal.astype(np.int64), self.core.layers[0]
        inputs = signal[below.pre : below.pre + below.n_in]
        hidden = [
            in_network_order(signal[k.post : k.post + k.n_out], projection.neuron_order)
            for k, projection in zip(self.core.layers, plan, strict=True)
        ]
        return (in_network_order(inputs, plan[0].axon_order), *hidden)
