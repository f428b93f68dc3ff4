"""The processes of a network that learns, connected."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from lava.proc.io.source import RingBuffer
from numpy.typing import NDArray

from neurochip.chip.epoch import NextEpoch, signals_of
from neurochip.deploy.lava.learning.clock import Clock
from neurochip.deploy.lava.learning.processes.ottt import Neurons, ReadOut, Synapses

__all__ = ["Learners", "build", "clock_of"]


class Learners(NamedTuple):
    """All processes; the ones that hold what is learned apart."""

    source: Any
    labels: Any
    synapses: tuple[Any, ...]
    neurons: tuple[Any, ...]

    @property
    def all(self) -> tuple[Any, ...]:
        """Every process."""
        return (self.source, self.labels, *self.synapses, *self.neurons)


def clock_of(epoch: NextEpoch) -> Clock:
    """The clock of an epoch's samples."""
    timesteps = int(epoch.core.settings[0].timesteps)
    return Clock(timesteps, epoch.core.layers.size, len(epoch.order), epoch.n_learned)


def build(epoch: NextEpoch, paths: tuple[str, ...] | None = None) -> Learners:
    """Make the processes that learn all samples of an epoch, one after the other.

    Args:
        epoch: core, samples and labels.
        paths: a file for each weight layer, for what it has learned; none are written if None.
    """
    clock, n_layers = clock_of(epoch), epoch.core.layers.size
    files = paths or ("",) * n_layers
    source = RingBuffer(data=_spread(signals_of(epoch), clock))
    shown = np.repeat(epoch.labels[epoch.order], clock.period)
    labels = RingBuffer(data=shown[np.newaxis].astype(np.int32))
    synapses = tuple(
        Synapses(core=epoch.core, clock=clock, number=number, path=path)
        for number, path in enumerate(files)
    )
    neurons = tuple(
        Neurons(core=epoch.core, clock=clock, number=number) for number in range(n_layers - 1)
    )
    read_out = ReadOut(core=epoch.core, clock=clock, number=n_layers - 1)
    labels.s_out.connect(read_out.label_in)
    source.s_out.connect(synapses[0].s_in)
    # The input has no membranes; nothing looks at what stands for them.
    source.s_out.connect(synapses[0].v_in)
    populations: tuple[Any, ...] = (*neurons, read_out)
    for number, above in enumerate(populations):
        synapses[number].a_out.connect(above.a_in)
        synapses[number].b_out.connect(above.b_in)
    for number, population in enumerate(neurons):
        population.s_out.connect(synapses[number + 1].s_in)
        population.v_out.connect(synapses[number + 1].v_in)
        synapses[number + 1].d_out.connect(synapses[number].d_in)
    read_out.d_out.connect(synapses[-1].d_in)
    for layer in synapses:
        read_out.d_out.connect(layer.e_in)
    return Learners(source, labels, synapses, populations)


def _spread(signals: NDArray[Any], clock: Clock) -> NDArray[np.int32]:
    """Inputs (n, T, n_in) as a RingBuffer takes them, (n_in, steps)."""
    n, timesteps, n_in = signals.shape
    padded = np.zeros((n, clock.period, n_in), np.int32)
    padded[:, :timesteps] = signals
    return np.ascontiguousarray(padded.reshape(-1, n_in).T)
