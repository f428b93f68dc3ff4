"""The next epoch of a chip as plain arrays, for a program that learns it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import core as cores
from neurochip.chip.faults import check_sound
from neurochip.chip.inputs import labels_of
from neurochip.chip.order import shuffled
from neurochip.data import Split
from neurochip.kernels import layout
from neurochip.kernels.axon import axons_in
from neurochip.kernels.jit import unfused
from neurochip.kernels.stream import frame_of

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip

__all__ = ["NextEpoch", "copied", "next_epoch", "signals_of"]


class NextEpoch(NamedTuple):
    """What a chip would learn next, and with which registers."""

    core: layout.Core  # a copy, its learning rates set
    inputs: NDArray[np.uint8]  # (n, 1 or T, n_in), as the kernels take them
    labels: NDArray[np.int64]  # (n,)
    order: NDArray[np.int64]  # (n,) in which the samples come
    epoch: int
    n_learned: int  # samples learned before


def next_epoch(chip: Chip, data: Split) -> NextEpoch:
    """What ``chip.learn(data)`` would do in its next epoch; the chip isn't changed.

    Args:
        chip: in the state from which learning would go on.
        data: samples and labels.

    Raises:
        DataError: samples or labels aren't the network's.
        LimitError: the chip has faults.
    """
    check_sound(chip, "learning in Lava")
    inputs = chip.encode(data.x)
    core = copied(chip._core)
    cores.set_rates(core, chip.formats, chip.rates_of_epoch(inputs))
    labels = labels_of(data, chip.network)
    order = shuffled(len(data), chip.seed, chip.epoch)
    return NextEpoch(core, inputs, labels, order, chip.epoch, chip.n_learned)


def copied(core: layout.Core) -> layout.Core:
    """A core with the same numbers in memories of its own."""
    arrays: Any = core
    return layout.Core(*(array.copy() for array in arrays))


def signals_of(epoch: NextEpoch) -> NDArray[np.int16]:
    """What the axons carry in every step, in the order of the epoch, (n, T, n_in)."""
    core, timesteps = copied(epoch.core), int(epoch.core.settings[0].timesteps)
    n_in = epoch.inputs.shape[2]
    signals = np.empty((len(epoch.order), timesteps, n_in), np.int16)
    for place, sample in enumerate(epoch.order):
        for t in range(timesteps):
            frame = unfused(frame_of)(epoch.inputs[sample], t)
            axons_in(core, frame, sample, epoch.epoch, t)
            signals[place, t] = core.signal[:n_in]
    return signals
