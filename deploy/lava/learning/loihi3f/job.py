"""What is learned in Lava, as plain arrays that a process of its own can read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import Chip
from neurochip.chip.epoch import next_epoch, signals_of
from neurochip.chip.loihi_limits import Plasticity, check, plasticity_of, rates_of_epoch
from neurochip.chip.loihi_session import initial_weights, resting
from neurochip.data import Split
from neurochip.deploy.lava.learning.clock import Clock
from neurochip.kernels import layout

__all__ = ["Job", "job_of"]


class Job(NamedTuple):
    """The next epoch of a chip."""

    core: layout.Core  # of the neurons
    weights: list[NDArray[np.int32]]  # (n_out, n_in) of each layer
    plasticity: tuple[Plasticity, ...]  # of each layer
    signals: NDArray[np.int16]  # (n, T, n_in), 0 and 1, in the order of the epoch
    labels: NDArray[np.int64]  # (n,), in that order

    @property
    def clock(self) -> Clock:
        """When each sample's steps come."""
        samples, timesteps, _ = self.signals.shape
        return Clock(timesteps, len(self.weights), samples, n_learned=0)

    def spread(self) -> NDArray[Any]:
        """Inputs of all steps, (n_in, steps), silent between samples."""
        samples, timesteps, n_in = self.signals.shape
        padded = np.zeros((samples, self.clock.period, n_in), np.int32)
        padded[:, :timesteps] = self.signals
        return np.ascontiguousarray(padded.reshape(-1, n_in).T)


def job_of(chip: Chip, data: Split, t_epoch: int = 1) -> Job:
    """What `LoihiLearner(chip, t_epoch).learn(data)` would do in its first epoch.

    Raises:
        LimitError: the engine can't.
    """
    check(chip, t_epoch)
    epoch = next_epoch(chip, data)
    plasticity = plasticity_of(chip, rates_of_epoch(chip, epoch.inputs), t_epoch)
    labels = epoch.labels[epoch.order]
    return Job(resting(chip), initial_weights(chip), plasticity, signals_of(epoch), labels)
