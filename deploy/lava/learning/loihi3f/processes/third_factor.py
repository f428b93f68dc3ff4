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

from neurochip.chip.epoch import copied
from neurochip.deploy.lava.learning.clock import Clock
from neurochip.kernels import layout
from neurochip.kernels.neuron import neurons
from neurochip.kernels.readout import error_in, read_out
from neurochip.kernels.transport import deltas_below

__all__ = ["Neurons", "PyNeuronsModel", "PyReadOutModel", "ReadOut"]


class Neurons(AbstractProcess):
    """The spiking population above weight layer ``number``.

    Args:
        core: registers; this process uses those of its population and the fixed feedback to it.
        clock: when each logical step comes.
        number: of the layer.
    """

    def __init__(self, *, core: layout.Core, clock: Clock, number: int) -> None:
        super().__init__(core=core, clock=clock, number=number)
        shape = (int(core.layers[number].n_out),)
        self.a_in = InPort(shape)
        self.e_in = InPort((core.error.size,))
        self.s_out = OutPort(shape)
        self.y_out = OutPort(shape)


class ReadOut(AbstractProcess):
    """The output layer and its error; arguments as of `Neurons`."""

    def __init__(self, *, core: layout.Core, clock: Clock, number: int) -> None:
        super().__init__(core=core, clock=clock, number=number)
        shape = (int(core.layers[number].n_out),)
        self.a_in = InPort(shape)
        self.label_in = InPort((1,))
        self.e_out = OutPort(shape)
        self.y_out = OutPort(shape)


class _Model(PyLoihiProcessModel):
    """What both have in common: a core, a clock, a layer."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.core = copied(proc_params["core"])
        self.clock: Clock = proc_params["clock"]
        self.number: int = proc_params["number"]
        layer, read_out = self.core.layers[self.number], self.core.layers[-1]
        self.post = slice(int(layer.post), int(layer.post + layer.n_out))
        self.end = slice(int(read_out.post), int(read_out.post + read_out.n_out))


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
        self.core.accumulator[self.post] = self.a_in.recv()
        if self.clock.spike_step(self.number + 1, self.time_step) == 0:
            self.core.v[self.post] = 0
        neurons(self.core, self.number, 0)
        self.s_out.send(self.core.signal[self.post])
        self.core.delta[self.end] = self.e_in.recv()
        deltas_below(self.core, self.number + 1, 0, self.time_step - 1)
        self.y_out.send(-self.core.delta[self.post].astype(np.int32))


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
        self.core.accumulator[self.post] = self.a_in.recv()
        read_out(self.core, 0)
        label = int(self.label_in.recv()[0])
        self.core.delta[self.post] = 0
        if self.clock.error_step(self.time_step) is not None:
            error_in(self.core, label, 0)
        error = self.core.delta[self.post].astype(np.int32)
        self.e_out.send(error)
        self.y_out.send(-error)
