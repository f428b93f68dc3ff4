"""Of what a sample's costs are made: messages, synapses, neurons, traces, errors, updates.

    parts = by_part(told)  # of an `Account`
    energy_of(parts[SYNAPSES, layer], cost_table(chip.hardware))

Inference is split by its events: what travels, what reads weights, what scans neurons; each phase
of learning is a part of its own. An account's counts are those of all parts together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.account import INFERENCE, TRACES, Account
from neurochip.chip.energy import Amount, busy_time
from neurochip.hardware import EVENTS, cost_table

Counts = NDArray[np.int64]

PARTS = ("messages", "synapses", "neurons", "traces", "errors", "updates")
MESSAGES, SYNAPSES, NEURONS = range(3)
_NEURON_EVENTS = ("neuron_inactive", "neuron_active", "neuron_fired")
_TRAVEL = ("message_out", "message_in", "spike_in_tile", "hop_east_west", "hop_north_south")


def by_part(told: Account) -> Counts:
    """An account's counts, (len(PARTS), layers, cores, len(EVENTS)) int64."""
    is_travel = np.array([name in _TRAVEL for name in EVENTS])
    is_neuron = np.array([name in _NEURON_EVENTS for name in EVENTS])
    inference = told.counts[INFERENCE]
    split = [inference * is_travel, inference * ~(is_travel | is_neuron), inference * is_neuron]
    return np.concatenate((np.stack(split), told.counts[TRACES:]))


@dataclass(frozen=True)
class CoreTime:
    """Where a core's time goes, in s a sample.

    Attributes:
        core: its number.
        parts: one amount for each of PARTS.
        barrier: what all steps wait for all tiles; None where unknown.
        waiting: for slower cores, and with cycle timing for messages, while they work; None where
            anything is unknown.
    """

    core: int
    parts: tuple[Amount, ...]
    barrier: float | None
    waiting: float | None

    @property
    def busy(self) -> Amount:
        """Time that the core works."""
        total = self.parts[0]
        for part in self.parts[1:]:
            total = total + part
        return total

    @property
    def bound(self) -> str:
        """The part that takes most of the known time."""
        return PARTS[int(np.argmax([part.known for part in self.parts]))]


def core_times(told: Account, timesteps: int) -> list[CoreTime]:
    """Where the time of every core in use goes while a sample is learned, the busiest first.

    Args:
        told: an account with either timing.
        timesteps: of a sample.
    """
    table = cost_table(told.chip_map.hardware)
    parts = by_part(told).sum(axis=1)
    wait = float(table.barrier[told.chip_map.n_tiles]) * timesteps * 1e-9
    barrier = None if np.isnan(wait) else wait
    whole = (told.inference_time + told.learning_time).value
    times = []
    for core in np.unique(told.chip_map.core).tolist():
        spent = [busy_time(part[core], table) for part in parts]
        amounts = tuple(Amount(a.known / told.samples, a.unknown, a.unit) for a in spent)
        one = CoreTime(core, amounts, barrier, None)
        idle = None
        if whole is not None and barrier is not None and one.busy.value is not None:
            idle = max(whole - barrier - one.busy.value, 0.0)
        times.append(CoreTime(core, amounts, barrier, idle))
    return sorted(times, key=lambda one: (-one.busy.known, one.core))
