"""Neurons and read-out that send the third factor of `LearningDense` in every step.

Lava's learning synapses wait for a third factor in every step, and its own learning neurons don't
send one. The order of a step:

    synapses l   send the sums of the step before, hear spikes, then third factors
    read-out     hears sums and the label; sends its error to all, and its third factor
    neurons l    hear sums and the error; send spikes, and their third factors
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

from neurochip.deploy.lava.learning.clock import Clock
from neurochip.deploy.lava.learning.loihi3f.player.network import Learner, Plastic, Register

__all__ = ["Neurons", "PyNeuronsModel", "PyReadOutModel", "ReadOut"]

Integers = NDArray[np.int64]
#: A decay keeps (4096 - leak) / 4096.
DECAY_BITS = 12
#: A surrogate of 1, its fraction bits, and the entries of a table of it, eight a threshold.
PSI_ONE, PSI_FRACTION, PSI_ENTRIES, ENTRIES_LOG2 = 16, 4, 16, 3
#: log2 of the entries of the table of 2^-fraction, and the largest shift of a numerator.
EXP2_LOG2, MOST_WHOLE = 4, 31


class Neurons(AbstractProcess):
    """The spiking population above weight layer ``number``.

    Args:
        learner: the whole network.
        clock: when each logical step comes.
        number: of the layer.
        path: of a file (npz) for u, v, s and y1 of all steps, (samples, steps, n); "" for none.
    """

    def __init__(self, *, learner: Learner, clock: Clock, number: int, path: str) -> None:
        super().__init__(learner=learner, clock=clock, number=number, path=path)
        shape = (len(learner.layers[number].weights),)
        self.a_in = InPort(shape)
        self.e_in = InPort((len(learner.layers[-1].weights),))
        self.s_out = OutPort(shape)
        self.y_out = OutPort(shape)


class ReadOut(AbstractProcess):
    """The output layer and its error; arguments as of `Neurons`."""

    def __init__(self, *, learner: Learner, clock: Clock, number: int, path: str) -> None:
        super().__init__(learner=learner, clock=clock, number=number, path=path)
        shape = (len(learner.layers[number].weights),)
        self.a_in = InPort(shape)
        self.label_in = InPort((1,))
        self.e_out = OutPort(shape)
        self.y_out = OutPort(shape)


class _Model(PyLoihiProcessModel):
    """What both have in common: membranes, and a diary."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.learner: Learner = proc_params["learner"]
        self.clock: Clock = proc_params["clock"]
        self.number: int = proc_params["number"]
        self.layer = self.learner.layers[self.number]
        self.v = np.zeros(len(self.layer.weights), np.int64)
        #: u, v, s and y1 after the last step, and after all of them where they are saved.
        self.held: dict[str, Integers] = {}
        self.diary: list[dict[str, Integers]] = []

    def integrate(self, sums: Integers) -> Integers:
        """Membranes before a reset."""
        layer, learner = self.layer, self.learner
        current = fit(shifted(sums, layer.shift), learner.current)
        return fit(current + layer.bias + decayed(self.v, layer.leak), learner.membrane)

    def write_down(self, u: Integers, s: Integers, y1: Integers) -> None:
        """Keep what is held after a step; after the last, save."""
        self.held = {"u": u, "v": self.v.copy(), "s": s, "y1": y1}
        if not self.proc_params["path"]:
            return
        self.diary.append(self.held)
        if self.time_step == self.clock.steps:
            shape = (self.clock.samples, self.clock.period, self.v.size)
            states = {
                name: np.array([held[name] for held in self.diary]).reshape(shape)
                for name in self.held
            }
            np.savez(self.proc_params["path"], **states)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyNeuronsModel(_Model):
    """Integrate, fire, reset; then the error times the surrogate."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    e_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    y_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """One step; a sample begins with empty membranes."""
        layer, sums = self.layer, self.a_in.recv().astype(np.int64)
        if self.clock.spike_step(self.number + 1, self.time_step) == 0:
            self.v[:] = 0
        before = self.integrate(sums)
        spikes = before > layer.threshold
        self.v = np.where(spikes, layer.reset, before)
        self.s_out.send(spikes.astype(np.int32))
        arriving = layer.feedback @ self.e_in.recv().astype(np.int64)
        products = arriving * surrogate(layer, before)
        y1 = -fit(to_nearest(products, layer.feedback_shift), self.learner.delta)
        self.y_out.send(y1.astype(np.int32))
        self.write_down(sums, spikes.astype(np.int64), y1)


@implements(proc=ReadOut, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyReadOutModel(_Model):
    """The output of a step, and its error once a sample has come to its end."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    label_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    e_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    y_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Output, error, third factor."""
        sums = self.a_in.recv().astype(np.int64)
        self.v = self.integrate(sums)
        label = int(self.label_in.recv()[0])
        error = np.zeros_like(self.v)
        if self.clock.error_step(self.time_step) is not None:
            exact = cross_entropy if self.learner.loss == "ce" else squared_error
            error = fit(exact(self.learner, self.v, label), self.learner.error)
        self.e_out.send(error.astype(np.int32))
        self.y_out.send(-error.astype(np.int32))
        self.write_down(sums, np.zeros_like(self.v), -error)


def shifted(values: Integers, k: int) -> Integers:
    """Values times 2^k, toward minus infinity."""
    return values << k if k >= 0 else values >> -k


def to_nearest(values: Integers, k: int) -> Integers:
    """Values times 2^-k, rounded to the nearest, halves up."""
    return values << -k if k <= 0 else (values + (1 << (k - 1))) >> k


def decayed(v: Integers, leak: int) -> Integers:
    """What a leak leaves of membranes, toward zero."""
    kept: Integers = np.sign(v) * ((np.abs(v) * ((1 << DECAY_BITS) - leak)) >> DECAY_BITS)
    return kept


def fit(values: Integers, register: Register) -> Integers:
    """Values inside a register: saturated, or wrapped around (its span is a power of two)."""
    low, high, wraps = register
    return low + ((values - low) & (high - low)) if wraps else np.clip(values, low, high)


def surrogate(layer: Plastic, v: Integers) -> Integers:
    """What of an error passes, 0..16 for 0..1."""
    distance = np.abs(v - layer.threshold)
    if layer.surrogate == "boxcar":
        return np.where(distance < layer.width, PSI_ONE, 0)
    if layer.surrogate == "triangle":
        triangle: Integers = np.maximum(0, PSI_ONE - (distance << PSI_FRACTION) // layer.width)
        return triangle
    entry = (distance << ENTRIES_LOG2) // layer.threshold
    last = PSI_ENTRIES - 1
    return np.where(entry <= last, layer.table[np.minimum(entry, last)], 0)


def cross_entropy(learner: Learner, o: Integers, label: int) -> Integers:
    """The softmax of outputs, in integers, less what it should be."""
    fraction, one = learner.output_fraction, 1 << learner.error_fraction
    d = o.max() - o
    d = d + (d >> 1) - (d >> 4)  # times log2(e) = 1.4375
    entry = shifted(d, EXP2_LOG2 - fraction) & (learner.exp2.size - 1)
    numerators = learner.exp2[entry] >> np.minimum(d >> fraction, MOST_WHOLE)
    total = numerators.sum()
    share: Integers = (numerators * 2 * one + total) // (2 * total)
    share[label] -= one
    return share


def squared_error(learner: Learner, o: Integers, label: int) -> Integers:
    """Outputs less what they should be."""
    wanted = np.zeros_like(o)
    wanted[label] = 1 << learner.output_fraction
    return to_nearest(o - wanted, learner.output_fraction - learner.error_fraction)
