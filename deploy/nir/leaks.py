"""What a time constant of NIR's continuous time is in steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import ExportError

__all__ = ["CLOSE", "Decay", "Leaks"]

#: How a step is taken: what is left of a membrane is 1 - dt/tau, or exp(-dt/tau).
Decay: TypeAlias = Literal["euler", "exponential"]
#: What metadata tell must be what the node's numbers give to this distance.
CLOSE = 1e-9


@dataclass(frozen=True)
class Leaks:
    """Steps of one length.

    Attributes:
        dt: their length in the file's unit of time.
        decay: how they are taken.
    """

    dt: float
    decay: Decay

    def lam(self, name: str, node: Any, key: str, tau: float) -> float:
        """What a step leaves; as metadata of the node tell, where it's that but for rounding."""
        steps = self.dt / tau if tau else math.inf
        lam = 1.0 - steps if self.decay == "euler" else math.exp(-steps)
        if not 0.0 <= lam < 1.0:
            raise ExportError(
                f"node {name!r} of the NIR graph has a time constant of {tau:g} with dt = "
                f"{self.dt:g}, so its decay a step is {lam:g}; give the dt that belongs to the file"
            )
        told = float(node.metadata.get(key, lam))
        return told if abs(told - lam) <= CLOSE else lam

    def taken(self, values: NDArray[Any], tau: NDArray[Any]) -> NDArray[np.float64]:
        """What a step takes in of values that the leak leads to: dt/tau, or 1 - exp(-dt/tau)."""
        values, tau = np.asarray(values, np.float64), np.asarray(tau, np.float64)
        euler: NDArray[np.float64] = values * self.dt / tau
        return euler if self.decay == "euler" else values * -np.expm1(-self.dt / tau)
