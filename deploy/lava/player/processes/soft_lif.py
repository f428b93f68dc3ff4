"""Neurons with a soft reset, which Lava has none of: a spike subtracts the threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import LIFReset

__all__ = ["PySoftLIFModel", "SoftLIF"]


class SoftLIF(LIFReset):
    """Lava's LIFReset, except that v[t] = v[t] - vth * s[t] where LIFReset sets v to 0."""


@implements(proc=SoftLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLIFModel(AbstractPyLifModelFixed):
    """Lava's own fixed-point arithmetic of u and v with another reset."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.interval = proc_params["reset_interval"]
        self.offset = proc_params["reset_offset"] % self.interval

    def run_spk(self) -> None:
        """Begin anew where a sample does, then one step as Lava's."""
        if self.time_step % self.interval == self.offset:
            self.u[:] = 0
            self.v[:] = 0
        super().run_spk()

    def scale_threshold(self) -> None:
        """Align the threshold with v, as Lava's neurons do."""
        self.effective_vth = np.left_shift(self.vth, self.vth_shift)
        self.isthrscaled = True

    def spiking_activation(self) -> Any:
        """Spike when v exceeds the threshold."""
        return self.v > self.effective_vth

    def reset_voltage(self, spike_vector: Any) -> None:
        """Subtract the threshold where there is a spike."""
        self.v[spike_vector] -= self.effective_vth
