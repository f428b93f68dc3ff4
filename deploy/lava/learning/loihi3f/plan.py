"""From a chip to a lesson for Lava: who learns, in plain numbers, and what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import Chip
from neurochip.chip.epoch import next_epoch, signals_of
from neurochip.chip.loihi_limits import Plasticity, check, plasticity_of, rates_of_epoch
from neurochip.chip.loihi_session import initial_weights, resting
from neurochip.data import Split
from neurochip.deploy.lava.learning.loihi3f.player.network import (
    Learner,
    Lesson,
    Plastic,
    Register,
)
from neurochip.kernels import layout
from neurochip.kernels.neuron import NO_MEMORY

__all__ = ["Job"]

#: Of a current that has no register of its own.
UNBOUNDED = Register(-(1 << 62), 1 << 62, 0)


class Job:
    """The next epoch of a chip.

    Args:
        chip: in the state from which learning would go on; it isn't changed.
        data: samples and labels.
        t_epoch: steps from one change of the weights to the next.

    Attributes:
        chip: as given.
        plasticity: of each layer, as the simulator takes it.
        lesson: the same for Lava.

    Raises:
        LimitError: the engine can't learn the network, or not at its rates.
    """

    def __init__(self, chip: Chip, data: Split, t_epoch: int = 1) -> None:
        check(chip, t_epoch)
        epoch = next_epoch(chip, data)
        self.chip = chip
        self.plasticity = plasticity_of(chip, rates_of_epoch(chip, epoch.inputs), t_epoch)
        signals = signals_of(epoch).astype(np.uint8)
        learner = _learner(chip, self.plasticity)
        self.lesson = Lesson(learner, signals, epoch.labels[epoch.order])


def _learner(chip: Chip, plasticity: tuple[Plasticity, ...]) -> Learner:
    core, weights = resting(chip), initial_weights(chip)
    s, last = core.settings[0], core.layers[-1]
    layers = tuple(
        _plastic(chip, core, number, *own)
        for number, own in enumerate(zip(plasticity, weights, strict=True))
    )
    bounded = bool(s.current_bits)
    return Learner(
        layers=layers,
        timesteps=chip.network.timesteps,
        current=_register(s.current_low, s.current_high, s.current_wraps) if bounded else UNBOUNDED,
        membrane=_register(last.membrane_low, last.membrane_high, s.membrane_wraps),
        delta=_register(s.delta_low, s.delta_high, 0),
        error=_register(s.error_low, s.error_high, 0),
        loss=chip.rule.loss,
        output_fraction=int(last.membrane_fraction),
        error_fraction=int(s.error_fraction),
        exp2=core.exp2_table,
    )


def _plastic(
    chip: Chip, core: layout.Core, number: int, own: Plasticity, weights: NDArray[np.int32]
) -> Plastic:
    layer, last = core.layers[number], number == len(core.layers) - 1
    bias = core.bias[layer.post : layer.post + layer.n_out].astype(np.int64)
    none = np.zeros((0, core.error.size), np.int64)
    return Plastic(
        name=f"layer {number}",
        weights=weights,
        rule=own.rates.rule,
        impulse=own.impulse,
        tau=own.tau,
        seed=own.seed,
        t_epoch=own.t_epoch,
        shift=int(layer.current_shift),
        bias=bias << int(layer.bias_exponent),
        leak=NO_MEMORY if last else int(layer.membrane_decay),
        threshold=int(layer.threshold),
        reset=int(layer.reset_value),
        surrogate=chip.rule.surrogate.kind,
        width=int(layer.surrogate_width),
        table=core.psi_table,
        feedback=none if last else chip.integers.feedback[number].astype(np.int64),
        feedback_shift=0 if last else int(core.layers[number + 1].transport_shift),
    )


def _register(low: int, high: int, wraps: int) -> Register:
    return Register(int(low), int(high), int(wraps))
