"""What inference and learning cost: events of some samples by core, times the chip's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.chip import Chip
from neurochip.chip.counts import (
    Counts,
    Flags,
    count_inference,
    count_traces,
    count_transport,
    count_update,
    with_input,
)
from neurochip.chip.energy import Amount, busy_time, energy_of
from neurochip.chip.observe import Observation
from neurochip.data import Split
from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import EVENTS, CostTable, cost_table

#: Samples that are looked at unless told otherwise.
SAMPLES = 20
#: Events that move a word of the weight memory.
_MEMORY = tuple(EVENTS.index(name) for name in ("word_read", "word_written"))


@dataclass(frozen=True, eq=False)
class Account:
    """Events of some samples, with what each costs.

    Attributes:
        samples: how many were shown.
        cores: how many hold a part of the network.
        inference: events of phases 1 to 3, (steps, cores, len(EVENTS)); all samples' steps.
        learning: events of phases 4, 6 and 7, the same shape.
        table: costs of the events.
    """

    samples: int
    cores: int
    inference: Counts
    learning: Counts
    table: CostTable

    def energy(self, counts: Counts) -> Amount:
        """Energy of events a sample, without static power."""
        return _a_sample(energy_of(counts, self.table), self.samples)

    def time(self, counts: Counts) -> Amount:
        """Time a sample: in each step that of the core that is busy for longest, without barrier.

        A core does one thing after the other, so this is an upper bound of the analytic time.
        """
        known = np.nan_to_num(self.table.time)
        steps = np.arange(len(counts))
        slowest = counts[steps, (counts @ known).argmax(axis=1)]
        return _a_sample(busy_time(slowest, self.table), self.samples)

    def memory_words(self, counts: Counts) -> float:
        """Words of the weight memory read and written a sample."""
        return float(counts[..., _MEMORY].sum()) / self.samples


def account(chip: Chip, data: Split, samples: int = SAMPLES) -> Account:
    """Show the first samples of a set and count what each phase does; nothing is learned.

    Updates are counted as the rule makes them with the weights as they are now: OTTT-O and -A visit
    a row in every step (A its accumulators), "last" in the last step.

    Args:
        chip: in the state that is to be looked at.
        data: samples and labels.
        samples: how many, fewer where the set is smaller.

    Raises:
        LimitError: the network isn't one of Dense and LIF layers in turn, or feedback isn't
            symmetric: how a core would hold it isn't described.
        ConfigError: no sample was asked for.
    """
    _check(chip, samples)
    part = data.take(min(samples, len(data)))
    inference, learning = [], []
    for number, (x, y) in enumerate(zip(part.x, part.y, strict=True)):
        seen = chip.observe(x, int(y), number)
        for t in range(chip.network.timesteps):
            sends = _sends(seen, t)
            inference.append(count_inference(chip.map, sends, with_input(chip.map, sends)))
            learning.append(_learning(chip, seen, t))
    used = len(np.unique(chip.map.core))
    return Account(
        len(part), used, np.array(inference), np.array(learning), cost_table(chip.hardware)
    )


def _check(chip: Chip, samples: int) -> None:
    if samples < 1:
        raise ConfigError(f"an account was asked for {samples} samples; it needs 1 or more")
    if chip.network.unlike_mlp is not None:
        raise LimitError(
            f"the network has {chip.network.unlike_mlp}, but the account of energy and time is of "
            f"Dense and LIF layers in turn; use Network.mlp"
        )
    if chip.rule.feedback != "symmetric":
        raise LimitError(
            f"feedback is {chip.rule.feedback!r}, but the account of energy and time is of errors "
            f"that come down through the weights; set feedback to 'symmetric'"
        )


def _learning(chip: Chip, seen: Observation, t: int) -> Counts:
    timesteps = chip.network.timesteps
    factors = _flags(step[t] for step in seen.factor)
    before = _flags(step[t - 1] for step in seen.factor) if t > 0 else np.zeros_like(factors)
    readout = np.zeros(chip.network.n_out, np.bool_)
    changes = np.concatenate([factors | before, readout])
    if not chip.formats.traced_input:
        changes[: chip.network.n_in] = False
    counts = count_traces(chip.map, changes)
    if chip.rule.uses_error_of(t, timesteps):
        deltas = np.concatenate(
            [np.zeros(chip.network.n_in, np.bool_), _flags(step[t] for step in seen.delta)]
        )
        counts += count_transport(chip.map, deltas)
        counts += count_update(chip.map, np.concatenate([factors, readout]), deltas)
    return counts


def _sends(seen: Observation, t: int) -> Flags:
    """Inputs that aren't zero and neurons that fire, (N,); a linear read-out sends nothing."""
    return _flags(step[t] for step in seen.signal)


def _flags(parts: Iterable[NDArray[np.int64]]) -> Flags:
    return np.concatenate([part != 0 for part in parts])


def _a_sample(amount: Amount, samples: int) -> Amount:
    return Amount(amount.known / samples, amount.unknown, amount.unit)
