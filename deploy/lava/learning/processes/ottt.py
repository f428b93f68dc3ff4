"""OTTT as Lava processes: synapses that learn, neurons, and a read-out that knows the label.

Each process holds the registers of its layer, in a core of its own, and calls the chip's kernels on
them, so that Lava computes what the chip does and only when and where it does so is Lava's.

In a step, with Lava's clock c, of a network of L weight layers (`Clock`):

    source                    sends the spikes of its logical step
    synapses l                send the sums, with today's weights, of the spikes of the step before;
                              receive spikes and membranes from below, and keep traces and membranes
                              until the error of that logical step comes; receive the deltas above,
                              send those below, and learn
    neurons l                 receive sums and biases; send spikes and membranes before the reset
    read-out                  receives sums and biases; sends its delta, with the label's error
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
from neurochip.deploy.lava.learning.memories import memories
from neurochip.kernels import layout
from neurochip.kernels.accumulation import accumulate, apply_accumulated
from neurochip.kernels.axon import compact, pool
from neurochip.kernels.neuron import neurons, raw_factor, traces
from neurochip.kernels.pipelined import late_view
from neurochip.kernels.plasticity import update_online
from neurochip.kernels.readout import error_in, read_out
from neurochip.kernels.synapse import synapses
from neurochip.kernels.transport import deltas_below

__all__ = ["Neurons", "PyNeuronsModel", "PyReadOutModel", "PySynapsesModel", "ReadOut", "Synapses"]


class Synapses(AbstractProcess):
    """Weight layer ``number`` with the pool below it, its biases, its traces, and the error's way
    down through it.

    Args:
        core: registers; this process uses those of its layer and of the population below.
        clock: when each logical step comes.
        number: of the layer.
        path: file (npz) for weights, shadow, biases and traces after the last step; "" for none.
    """

    def __init__(self, *, core: layout.Core, clock: Clock, number: int, path: str = "") -> None:
        super().__init__(core=core, clock=clock, number=number, path=path)
        layer, population = core.layers[number], _below(core, number)
        below, above = (population.stop - population.start,), (int(layer.n_out),)
        self.s_in = InPort(below)
        self.v_in = InPort(below)
        self.d_in = InPort(above)
        self.e_in = InPort((core.error.size,))
        self.a_out = OutPort(above)
        self.b_out = OutPort(above)
        self.d_out = OutPort(below)


class Neurons(AbstractProcess):
    """The spiking population above weight layer ``number``; arguments as of `Synapses`."""

    def __init__(self, *, core: layout.Core, clock: Clock, number: int) -> None:
        super().__init__(core=core, clock=clock, number=number)
        shape = (int(core.layers[number].n_out),)
        self.a_in = InPort(shape)
        self.b_in = InPort(shape)
        self.s_out = OutPort(shape)
        self.v_out = OutPort(shape)


class ReadOut(AbstractProcess):
    """The output layer and its error; arguments as of `Synapses`."""

    def __init__(self, *, core: layout.Core, clock: Clock, number: int) -> None:
        super().__init__(core=core, clock=clock, number=number)
        shape = (int(core.layers[number].n_out),)
        self.a_in = InPort(shape)
        self.b_in = InPort(shape)
        self.label_in = InPort((1,))
        self.d_out = OutPort(shape)


def _below(core: layout.Core, number: int) -> slice:
    """Where a core holds the population below weight layer ``number``.

    Pools have places of their own, for the counts that the weights read.
    """
    if number == 0:
        return slice(0, int(core.layers[0].n_in))
    layer = core.layers[number - 1]
    return slice(int(layer.post), int(layer.post + layer.n_out))


class _Model(PyLoihiProcessModel):
    """What the three have in common: a core, a clock, a layer."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.core = copied(proc_params["core"])
        self.clock: Clock = proc_params["clock"]
        self.number = proc_params["number"]
        layer = self.core.layers[self.number]
        self.pre = slice(int(layer.pre), int(layer.pre + layer.n_in))
        self.post = slice(int(layer.post), int(layer.post + layer.n_out))

    def receive_sums(self) -> None:
        """Put sums and biases where the neurons' kernels look for them."""
        self.core.accumulator[self.post] = self.a_in.recv()
        self.core.bias[self.post] = self.b_in.recv()


@implements(proc=Synapses, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySynapsesModel(_Model):
    """See the module's docstring for the order of a step."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    v_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    d_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    e_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    b_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    d_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.late = late_view(self.core)
        self.below = _below(self.core, self.number)
        read_out = self.core.layers[-1]
        self.end = slice(int(read_out.post), int(read_out.post + read_out.n_out))
        #: Traces and membranes of logical steps whose error hasn't come yet.
        self.waiting: dict[int, tuple[Any, Any]] = {}
        self.error_step: int | None = None

    def run_spk(self) -> None:
        """Forward with the weights as they are, then the error down; learning is the next phase."""
        synapses(self.core, self.number, 0)
        self.a_out.send(self.core.accumulator[self.post])
        self.b_out.send(self.core.bias[self.post])
        spikes, membranes = self.s_in.recv(), self.v_in.recv()
        self._hear(spikes, membranes)
        # Direct feedback comes straight from the read-out, any other layer by layer.
        deltas, errors = self.d_in.recv(), self.e_in.recv()
        self.late.delta[self.below] = 0
        self.error_step = self.clock.error_step(self.time_step)
        if self.error_step is not None:
            self._recall(self.error_step)
            self.late.delta[self.end] = errors
            self.late.delta[self.post] = deltas
            if self.number > 0:
                deltas_below(self.late, self.number, 0, self.clock.random_step(self.time_step))
        self.d_out.send(self.late.delta[self.below])

    def lrn_guard(self) -> bool:
        """Whether there is an error to learn from."""
        return self.error_step is not None

    def run_lrn(self) -> None:
        """Learn from the error of a logical step; after the last of all, leave the file."""
        s, step = self.core.settings[0], self.clock.random_step(self.time_step)
        last = self.error_step == s.timesteps - 1
        if s.update == layout.ACCUMULATE:
            accumulate(self.late, self.number, 0)
            if last:
                apply_accumulated(self.late, self.number, 0, step)
        elif s.update == layout.ONLINE or last:
            update_online(self.late, self.number, 0, step)
        if self.time_step == self.clock.steps and self.proc_params["path"]:
            np.savez(self.proc_params["path"], **memories(self.core, self.number))

    def _hear(self, spikes: Any, membranes: Any) -> None:
        """Take in what the population below sent, and keep what its error will need."""
        self.core.signal[self.below] = spikes
        compact(self.core, self.number, self.below.start, spikes.size)
        pool(self.core, self.number)
        tau = self.clock.spike_step(self.number, self.time_step)
        if tau is None:
            return
        if tau == 0:
            self.core.trace[self.pre] = 0
        if self.number > 0 or self.core.settings[0].trace_input:
            traces(self.core, self.number, 0, self.clock.first_random_step(self.time_step) + tau)
        else:
            raw_factor(self.core)
        self.waiting[tau] = self.core.trace[self.pre].copy(), membranes

    def _recall(self, tau: int) -> None:
        self.late.trace[self.pre], self.late.v_pre[self.below] = self.waiting.pop(tau)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyNeuronsModel(_Model):
    """Integrate, fire, reset."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    b_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    v_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """One step; a sample begins with empty membranes."""
        self.receive_sums()
        if self.clock.spike_step(self.number + 1, self.time_step) == 0:
            self.core.v[self.post] = 0
        neurons(self.core, self.number, 0)
        self.s_out.send(self.core.signal[self.post])
        self.v_out.send(self.core.v_pre[self.post])


@implements(proc=ReadOut, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyReadOutModel(_Model):
    """The output of a step, and its error where a logical step has come to its end."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    b_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    label_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    d_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Output, error, delta."""
        self.receive_sums()
        tau = self.clock.error_step(self.time_step)
        if tau == 0:
            self.core.v[self.post] = 0
        read_out(self.core, 0)
        label = int(self.label_in.recv()[0])
        self.core.delta[self.post] = 0
        if tau is not None:
            error_in(self.core, label, 0)
        self.d_out.send(self.core.delta[self.post])
