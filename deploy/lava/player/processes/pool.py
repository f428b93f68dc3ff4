"""A pool of spikes, which Lava lacks: every square sends how many of its neurons fired."""

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

__all__ = ["Pool", "PyPoolModel"]


class Pool(AbstractProcess):
    """Count the spikes of each square, within the step; rows that fill no square are left out.

    The factor of an average pool is in the exponents of the synapses above.

    Args:
        shape: (width, height, channels) of the population below.
        side: of a square, and distance of two.
    """

    def __init__(self, *, shape: tuple[int, int, int], side: int) -> None:
        super().__init__(shape=shape, side=side)
        width, height, channels = shape
        self.s_in = InPort(shape)
        self.s_out = OutPort((width // side, height // side, channels))


@implements(proc=Pool, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPoolModel(PyLoihiProcessModel):
    """Spikes in, counts out."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        side = proc_params["side"]
        width, height, channels = proc_params["shape"]
        self.squares = (width // side, side, height // side, side, channels)

    def run_spk(self) -> None:
        """Receive, count, send."""
        columns, side, rows, _, _ = self.squares
        whole = self.s_in.recv()[: columns * side, : rows * side]
        self.s_out.send(whole.reshape(self.squares).sum(axis=(1, 3)).astype(np.int32))
