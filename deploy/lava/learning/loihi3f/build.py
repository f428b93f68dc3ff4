"""Lava's learning synapses between our neurons, connected."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.proc.dense.process import LearningDense
from lava.proc.io.source import RingBuffer

from neurochip.chip.loihi_limits import Plasticity
from neurochip.deploy.lava.learning.loihi3f.job import Job
from neurochip.deploy.lava.learning.loihi3f.processes.third_factor import Neurons, ReadOut

__all__ = ["Processes", "build"]


#: Of weights as a session begins with them; with fewer Lava clears the lowest, which it may have
#: learned in the session before.
ALL_BITS = 9


class Processes(NamedTuple):
    """All processes; those that hold what is compared apart."""

    sources: tuple[Any, ...]
    synapses: tuple[Any, ...]
    populations: tuple[Any, ...]

    @property
    def all(self) -> tuple[Any, ...]:
        """Every process."""
        return (*self.sources, *self.synapses, *self.populations)


def build(job: Job) -> Processes:
    """Make and connect the processes that learn all samples, one after the other."""
    clock, last = job.clock, len(job.weights) - 1
    inputs = RingBuffer(data=job.spread())
    shown = np.repeat(job.labels, clock.period)
    labels = RingBuffer(data=shown[np.newaxis].astype(np.int32))
    synapses = tuple(map(_synapses, job.weights, job.plasticity))
    neurons = tuple(Neurons(core=job.core, clock=clock, number=number) for number in range(last))
    read_out = ReadOut(core=job.core, clock=clock, number=last)
    populations: tuple[Any, ...] = (*neurons, read_out)
    labels.s_out.connect(read_out.label_in)
    silences = []
    for below, layer, above in zip((inputs, *neurons), synapses, populations, strict=True):
        below.s_out.connect(layer.s_in)
        layer.a_out.connect(above.a_in)
        above.y_out.connect(layer.s_in_y1)
        silences.append(RingBuffer(data=np.zeros((len(layer.weights.init), 1), np.int32)))
        for port in (layer.s_in_bap, layer.s_in_y2, layer.s_in_y3):
            silences[-1].s_out.connect(port)
    for population in neurons:
        read_out.e_out.connect(population.e_in)
    return Processes((inputs, labels, *silences), synapses, populations)


def _synapses(weights: Any, plasticity: Plasticity) -> Any:
    rule = Loihi3FLearningRule(
        dw=plasticity.rates.rule,
        x1_impulse=plasticity.impulse,
        x1_tau=plasticity.tau,
        t_epoch=plasticity.t_epoch,
        rng_seed=plasticity.seed,
    )
    return LearningDense(weights=weights, learning_rule=rule, num_weight_bits=ALL_BITS)
