"""A process that writes down what a layer of neurons holds, and saves it when the run ends.

Reading with `Var.get` passes numbers one by one; this reads whole vectors in the management phase,
and leaves a file, which outlives Lava's runtime.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

__all__ = ["PyRecorderModel", "Recorder"]


class Recorder(AbstractProcess):
    """Record u and v after each step, and the spikes, of one population.

    Args:
        shape: of the population.
        steps: after how many the file is written.
        path: of the file (npz) with u, v and s, each (steps, *shape) int32.
    """

    def __init__(self, *, shape: tuple[int, ...], steps: int, path: str) -> None:
        super().__init__(shape=shape, steps=steps, path=path)
        self.s_in = InPort(shape)
        self.u_ref = RefPort(shape)
        self.v_ref = RefPort(shape)


@implements(proc=Recorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRecorderModel(PyLoihiProcessModel):
    """Spikes arrive in the spiking phase, u and v are read in the management phase after it."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    u_ref: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    v_ref: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        shape = (proc_params["steps"], *proc_params["shape"])
        self.history = {state: np.zeros(shape, np.int32) for state in ("u", "v", "s")}

    def run_spk(self) -> None:
        """Write down the spikes of this step."""
        self.history["s"][self.time_step - 1] = self.s_in.recv()

    def post_guard(self) -> bool:
        """Ask for a management phase in every step."""
        return True

    def run_post_mgmt(self) -> None:
        """Write down u and v; after the last step, save."""
        self.history["u"][self.time_step - 1] = self.u_ref.read()
        self.history["v"][self.time_step - 1] = self.v_ref.read()
        if self.time_step == self.proc_params["steps"]:
            np.savez(self.proc_params["path"], **self.history)
