"""A network that learns by Lava's stock learning engine, bit for bit: the profile `loihi3f`.

    chip = Chip(network, loihi3f(), OTTT(feedback="direct"), encoding="rate")
    LoihiLearner(chip).learn(data.train, epochs=5)
    chip.evaluate(data.test)

Neurons, read-out and errors are the chip's; traces and weights are those of `LearningDense` with an
epoch of one step (`kernels.loihi_engine`). A spike of step t reaches the next layer at t + 1, and a
sample takes T + L steps for L weight layers, as in the chip's `pipelined` schedule. What the stock
engine lacks, the chip's own learning has:

- A trace can't wait for its error: a hidden layer multiplies the error of a step with the trace and
  the surrogate of that same step, though its spikes reached the read-out some steps before.
- A trace isn't cleared between samples; it only decays.
- Learned weights can't be read backwards: errors come down by fixed weights (`feedback="direct"`).
- Biases don't learn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.chip import Chip
from neurochip.chip.epoch import copied, next_epoch, signals_of
from neurochip.chip.loihi_limits import EngineRates, check, engine_rates, loihi3f, taus_of
from neurochip.data import Split
from neurochip.kernels.loihi_engine import FRACTION, TRACE_HIGH, decay_traces, learn_weights
from neurochip.kernels.neuron import neurons
from neurochip.kernels.readout import error_in, read_out
from neurochip.kernels.transport import deltas_below

__all__ = ["LoihiLearner", "Source", "loihi3f"]

#: Lava's generator of the numbers that round weights begins here, whatever the rule's seed is.
WEIGHT_SEED = 2
#: Third factors too decay before they are used, by exp(-1/tau): in 500 steps a 127 is once a 126.
FACTOR_TAU = 65535
#: Their generator's seed is the rule's, plus this.
FACTOR_SEED = 2


class Source:
    """Random numbers in [0, 1) as one of Lava's learning layers draws them.

    Args:
        seed: of the generator; `draws` numbers are used up in every step, the last counts.
    """

    def __init__(self, seed: int, draws: int) -> None:
        self._generator, self._draws = np.random.default_rng(seed), draws
        self._generator.random()  # Lava draws once when a layer is made

    def next(self) -> float:
        """The number of the next step."""
        return float(self._generator.random(self._draws)[-1])


class LoihiLearner:
    """A chip's network, learned by Lava's engine.

    Args:
        chip: whose weights are learned from as they are now; their lowest bit is cleared first, as
            Lava does. The rule's rates hold; the numbers that round are Lava's.

    Attributes:
        weights: of each layer (n_out, n_in) int32, -256..255, as Lava holds them.
        traces: x1 of each layer (n_in,) int64, 0..127.
        factors: y1 of each layer (n_out,) int64: minus its errors.
        sums: what each layer will hear in the next step, (n_out,) int64.
        core: registers of the neurons.

    Raises:
        LimitError: the engine can't learn such a network; the sentence says what to change.
    """

    def __init__(self, chip: Chip) -> None:
        check(chip)
        self.chip, self.core = chip, copied(chip._core)
        self.weights = initial_weights(chip)
        self.traces = [np.zeros(w.shape[1], np.int64) for w in self.weights]
        self.factors = [np.zeros(len(w), np.int64) for w in self.weights]
        self.sums = [np.zeros(len(w), np.int64) for w in self.weights]
        self.steps = 0
        self._taus = taus_of(chip)
        self._impulses = [1 << layer.factor for layer in chip.formats.layers]
        seeds = range(chip.seed, chip.seed + len(self.weights))
        self._of_traces = [Source(seed, 2) for seed in seeds]
        self._of_factors = [Source(seed + FACTOR_SEED, 2) for seed in seeds]
        self._of_weights = Source(WEIGHT_SEED, 1)
        self._rates: tuple[EngineRates, ...] = ()

    def learn(self, data: Split, epochs: int = 1) -> None:
        """Learn every sample of a set, one at a time, and give the chip the weights.

        Args:
            data: samples and labels.
            epochs: how often each is shown, in the chip's order.

        Raises:
            LimitError: a learning rate is beyond the engine's.
        """
        chip = self.chip
        for _ in range(epochs):
            epoch = next_epoch(chip, data)
            shifts = chip.rates_of_epoch(epoch.inputs)
            self.set_rates(shifts)
            for signals, label in zip(signals_of(epoch), epoch.labels[epoch.order], strict=True):
                self.learn_sample(signals, int(label))
            held = chip.integers
            learned = tuple(
                w.T.astype(before.dtype)
                for w, before in zip(self.weights, held.weights, strict=True)
            )
            chip.load(
                replace(held, weights=learned),
                epoch=chip.epoch + 1,
                n_learned=chip.n_learned + len(data),
                rate_shifts=chip.rate_shifts or shifts,
            )

    def set_rates(self, shifts: tuple[int, ...]) -> None:
        """Learn with rates 2^-shift, one a layer, from now on."""
        self._rates = engine_rates(self.chip, shifts)

    def learn_sample(self, signals: NDArray[Any], label: int) -> None:
        """All steps of a sample: (T, n_in) spikes of 0 and 1, and its label."""
        silence = np.zeros_like(signals[0])
        for place in range(len(signals) + len(self.weights)):
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
        threshold = int(self._of_weights.next() * (1 << FRACTION))
        for number, layer in enumerate(self.core.layers):
            self._synapses(number, spikes, threshold)
            spikes = self.core.signal[layer.post : layer.post + layer.n_out]
        self.steps += 1

    def _neurons(self, place: int) -> None:
        """Sums arrive; a sample's first logical step begins with an empty membrane."""
        core, last = self.core, len(self.weights) - 1
        for number, layer in enumerate(core.layers):
            above = slice(layer.post, layer.post + layer.n_out)
            core.accumulator[above] = self.sums[number]
            if place == number + 1:
                core.v[above] = 0
            if number < last:
                neurons(core, number, 0)
        read_out(core, 0)

    def _errors(self, label: int, place: int) -> None:
        """Third factors of all layers; 0 until the sample has come to the read-out."""
        core, depth = self.core, len(self.weights)
        core.delta[:] = 0
        if place >= depth:
            error_in(core, label, 0)
            for number in range(depth - 1, 0, -1):
                deltas_below(core, number, 0, self.steps)
        for number, layer in enumerate(core.layers):
            self.factors[number] = -core.delta[layer.post : layer.post + layer.n_out].astype(int)

    def _synapses(self, number: int, spikes: NDArray[Any], threshold: int) -> None:
        """A layer hears spikes with the weights as they are, then it learns."""
        w, x, rates = self.weights[number], self.traces[number], self._rates[number]
        self.sums[number] = w[:, spikes != 0].sum(axis=1, dtype=np.int64)
        decayed = decay(np.arange(TRACE_HIGH + 1), self._taus[number], self._of_traces[number])
        decay_traces(x, spikes, decayed, self._impulses[number])
        y = decay(self.factors[number], FACTOR_TAU, self._of_factors[number])
        learn_weights(w, x, spikes, y, rates.trace, rates.spike, threshold)


def decay(values: NDArray[np.int64], tau: int, source: Source) -> NDArray[np.int64]:
    """Values times exp(-1/tau), all rounded with one random number: up where it's below the rest.

    Floats here, and in Lava's order, for Lava's integers follow from them.
    """
    exact = np.exp(-1 / np.array([tau])) * values
    return np.asarray(np.floor(exact) + (source.next() < exact % 1), np.int64)


def initial_weights(chip: Chip) -> list[NDArray[np.int32]]:
    """Weights (n_out, n_in) of each layer as Lava takes them, the lowest bit cleared."""
    return [np.ascontiguousarray(w.T.astype(np.int32) & ~1) for w in chip.integers.weights]
