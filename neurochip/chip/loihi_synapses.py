"""One layer of Lava's stock learning synapses (`LearningDense`), bit for bit.

Its weights change at the end of every epoch of ``t_epoch`` steps of Lava's clock, which runs on
from sample to sample (`kernels.loihi_engine`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.loihi_limits import Plasticity
from neurochip.kernels.loihi_engine import (
    FRACTION,
    TRACE_HIGH,
    decay_traces,
    hear,
    learn_weights,
)

__all__ = ["FACTOR_TAU", "Source", "Synapses", "decay"]

#: Lava's generator of the numbers that round weights begins here, whatever the rule's seed is.
WEIGHT_SEED = 2
#: Third factors too decay before they are used, by exp(-1/tau): in 500 steps a 127 is once a 126.
FACTOR_TAU = 65535
#: Their generator's seed is the rule's, plus this.
FACTOR_SEED = 2
#: Numbers that are drawn in a step for traces, and as many for third factors.
DRAWS = 2


class Source:
    """Random numbers in [0, 1) as one of Lava's learning layers draws them.

    Args:
        seed: of the generator.
        draws: numbers that are used up in an epoch; the last of them counts.
    """

    def __init__(self, seed: int, draws: int) -> None:
        self._generator, self._draws = np.random.default_rng(seed), draws
        self._generator.random()  # Lava draws once when a layer is made

    def next(self) -> float:
        """The number of the next epoch."""
        return float(self._generator.random(self._draws)[-1])


class Synapses:
    """A layer of learning synapses.

    Args:
        weights: (n_out, n_in) int32, -256..255; they are learned in place.
        plasticity: how they are learned.

    Attributes:
        weights: as they are now.
        traces: x1 (n_in,) int64, 0..127.
        last: step of the epoch, from 1, of each axon's last spike (n_in,); 0 for none yet.
        sums: what the neurons will hear in the next step, (n_out,) int64.
        factors: y1 (n_out,) int64, as they came last.
    """

    def __init__(self, weights: NDArray[np.int32], plasticity: Plasticity) -> None:
        n_out, n_in = weights.shape
        self.weights, self._plasticity = weights, plasticity
        self.traces = np.zeros(n_in, np.int64)
        self.last = np.zeros(n_in, np.int64)
        self.sums = np.zeros(n_out, np.int64)
        self.factors = np.zeros(n_out, np.int64)
        self._now = 0
        draws = DRAWS * plasticity.t_epoch
        self._of_traces = Source(plasticity.seed, draws)
        self._of_factors = Source(plasticity.seed + FACTOR_SEED, draws)
        self._of_weights = Source(WEIGHT_SEED, 1)

    def step(self, spikes: NDArray[Any], factors: NDArray[np.int64]) -> None:
        """Hear spikes with the weights as they are; where this ends an epoch, learn from it.

        Args:
            spikes: (n_in,) of 0 and 1.
            factors: (n_out,) third factors; of an epoch, only those of its last step count.
        """
        self._now += 1
        self.factors = factors
        self.sums = self.weights[:, spikes != 0].sum(axis=1, dtype=np.int64)
        hear(self.traces, self.last, spikes, self._now, self._plasticity.impulse)
        if self._now == self._plasticity.t_epoch:
            self._learn()
            self._now = 0

    def _learn(self) -> None:
        own, x, last = self._plasticity, self.traces, self.last
        decayed = decay(np.arange(TRACE_HIGH + 1), own.tau, self._of_traces.next())
        decay_traces(x, last, decayed, own.impulse, own.t_epoch)
        history, number = [self.factors], self._of_factors.next()
        for _ in range(own.t_epoch):
            history.append(decay(history[-1], FACTOR_TAU, number))
        threshold = int(self._of_weights.next() * (1 << FRACTION))
        y, rates = np.array(history), own.rates
        learn_weights(self.weights, x, last, y, rates.trace, rates.spike_scale, threshold)
        last[:] = 0


def decay(values: NDArray[np.int64], tau: int, number: float) -> NDArray[np.int64]:
    """Values times exp(-1/tau), all rounded with one random number: up where it's below the rest.

    Floats here, and in Lava's order, for Lava's integers follow from them.
    """
    exact = np.exp(-1 / np.array([tau])) * values
    return np.asarray(np.floor(exact) + (number < exact % 1), np.int64)
