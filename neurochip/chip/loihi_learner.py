"""A network that learns by Lava's stock learning engine, bit for bit: the profile `loihi3f`.

    chip = Chip(network, loihi3f(), OTTT(feedback="direct"), encoding="rate")
    LoihiLearner(chip).learn(data.train, epochs=5)
    chip.evaluate(data.test)

Neurons, read-out and errors are the chip's; traces and weights are those of `LearningDense`
(`loihi_synapses`). A spike of step t reaches the next layer at t + 1, and a sample takes T + L
steps for L weight layers, as in the chip's `pipelined` schedule. Every epoch over the data is one
session of Lava's: it begins with empty registers and with random numbers of its own, so that a chip
whose weights were saved goes on bit for bit, here and there.

What the stock engine lacks, the chip's own learning has:

- A trace can't wait for its error: a hidden layer multiplies the error of a step with the trace and
  the surrogate of that same step, though its spikes reached the read-out some steps before.
- A trace isn't cleared between samples; it only decays.
- Learned weights can't be read backwards: errors come down by fixed weights (`feedback="direct"`).
- Biases don't learn.
- Where weights change every ``t_epoch`` steps of Lava's clock, only the errors of these count, and
  traces hold the spikes of these steps, which the neurons above haven't heard yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from neurochip.chip.chip import CHUNK, SCORED, Chip
from neurochip.chip.epoch import NextEpoch, next_epoch, signals_of
from neurochip.chip.loihi_limits import check, loihi3f, plasticity_of, rates_of_epoch
from neurochip.chip.loihi_session import Session
from neurochip.chip.records import EpochRecord
from neurochip.data import Split

__all__ = ["LoihiLearner", "loihi3f"]

#: Called with samples learned, scored and wrong in an epoch, as `Chip.learn` does.
Progress = Callable[[int, int, int], None]


class LoihiLearner:
    """A chip's network, learned by Lava's engine.

    Args:
        chip: whose weights are learned from as they are now; before the first epoch their lowest
            bit is cleared, as Lava does. The rule's rates hold, or else those that the chip chooses
            as far as the engine has them; the numbers that round are Lava's.
        t_epoch: steps of Lava's clock from one change of the weights to the next, 1..63.

    Raises:
        LimitError: the engine can't learn such a network; the sentence says what to change.
    """

    def __init__(self, chip: Chip, t_epoch: int = 1) -> None:
        check(chip, t_epoch)
        self.chip, self.t_epoch = chip, t_epoch

    def learn(
        self, data: Split, epochs: int = 1, progress: Progress | None = None
    ) -> list[EpochRecord]:
        """Learn every sample of a set, one at a time, and give the chip the weights.

        Args:
            data: samples and labels.
            epochs: how often each is shown, in the chip's order.
            progress: called between chunks with samples learned, scored and wrong in this epoch.

        Returns:
            One record an epoch, without an account: what Loihi takes for it isn't modelled.

        Raises:
            LimitError: a learning rate is beyond the engine's.
        """
        return [self._learn_epoch(data, progress) for _ in range(epochs)]

    def _learn_epoch(self, data: Split, progress: Progress | None) -> EpochRecord:
        chip = self.chip
        epoch = next_epoch(chip, data)
        shifts = rates_of_epoch(chip, epoch.inputs)
        session = Session(chip, plasticity_of(chip, shifts, self.t_epoch))
        if chip.rate_shifts is None:
            self._load(session, 0, shifts)
        scored, wrong = self._learn_samples(session, data, epoch, progress)
        chip.epoch += 1
        return EpochRecord(
            epoch=epoch.epoch,
            samples=len(data),
            rate_shifts=shifts,
            scored=scored,
            wrong=wrong,
            counters=session.core.counters,
            saturations=session.core.saturations,
        )

    def _learn_samples(
        self, session: Session, data: Split, epoch: NextEpoch, progress: Progress | None
    ) -> tuple[int, int]:
        """Learn all; of each chunk predict some before, and return how many, and how many wrong."""
        scored, wrong = 0, 0
        for first in range(0, len(data), CHUNK):
            chunk = epoch.order[first : first + CHUNK]
            early = chunk[:SCORED]
            guesses = self.chip.predict(data.x[early])
            scored, wrong = scored + early.size, wrong + int(np.sum(guesses != epoch.labels[early]))
            signals = signals_of(epoch._replace(order=chunk))
            for shown, sample in zip(signals, chunk, strict=True):
                session.learn(shown, int(epoch.labels[sample]))
            self._load(session, chunk.size, None)
            if progress is not None:
                progress(first + chunk.size, scored, wrong)
        return scored, wrong

    def _load(self, session: Session, learned: int, rates: tuple[int, ...] | None) -> None:
        """Give the chip the weights, and that it has learned some more samples."""
        chip, held = self.chip, self.chip.integers
        weights = tuple(
            synapses.weights.T.astype(before.dtype)
            for synapses, before in zip(session.layers, held.weights, strict=True)
        )
        chip.load(
            replace(held, weights=weights),
            epoch=chip.epoch,
            n_learned=chip.n_learned + learned,
            rate_shifts=rates,
        )
