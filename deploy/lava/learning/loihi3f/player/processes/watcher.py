"""A process that writes down traces and weights of learning synapses, for `Var.get` is slow."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurochip.deploy.lava.learning.clock import Clock

__all__ = ["PyWatcherModel", "Watcher"]


class Watcher(AbstractProcess):
    """Write down traces after every step, and weights after every sample.

    Args:
        shape: of the weights, (n_out, n_in).
        clock: when samples end, and after how many steps the file is written.
        path: of the file (npz) with x1 (samples, steps, n_in) and weights (samples, 1, synapses).
    """

    def __init__(self, *, shape: tuple[int, int], clock: Clock, path: str) -> None:
        super().__init__(shape=shape, clock=clock, path=path)
        self.weights_ref = RefPort(shape)
        self.traces_ref = RefPort((shape[1],))


@implements(proc=Watcher, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyWatcherModel(PyLoihiProcessModel):
    """Reads in the management phase, after what is learned in a step has been learned."""

    weights_ref: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    traces_ref: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, int)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.clock: Clock = proc_params["clock"]
        n_out, n_in = proc_params["shape"]
        self.x1 = np.zeros((self.clock.samples, self.clock.period, n_in), np.int32)
        self.weights = np.zeros((self.clock.samples, 1, n_out * n_in), np.int32)

    def run_spk(self) -> None:
        """Nothing comes in the spiking phase."""

    def post_guard(self) -> bool:
        """Ask for a management phase in every step."""
        return True

    def run_post_mgmt(self) -> None:
        """Write down; after the last step, save."""
        sample, place = divmod(self.time_step - 1, self.clock.period)
        self.x1[sample, place] = self.traces_ref.read()
        if place == self.clock.period - 1:
            self.weights[sample, 0] = self.weights_ref.read().ravel()
        if self.time_step == self.clock.steps:
            np.savez(self.proc_params["path"], x1=self.x1, weights=self.weights)
