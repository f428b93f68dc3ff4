"""SLTT: spatial learning through time, OTTT without its traces (Meng et al., ICCV 2023)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from neurochip.rules.checks import check_choice, check_share, check_surrogate
from neurochip.rules.memory import Memory
from neurochip.rules.surrogates import Surrogate


@dataclass(frozen=True)
class SLTT:
    """Spatial learning through time: every step is learned by itself.

    Error: delta[t] = (W_above^T delta_above[t]) * psi(u[t]).
    Gradient of step t: dW = delta[t] s_below[t]^T;  db = delta[t].

    It is OTTT with the spikes of the present step in place of their trace.

    Attributes:
        update: "online" (at every step) or "accumulate" (once, with the sum over the steps).
        surrogate: psi.
        loss_lambda: share of the mean squared error in the loss of a step, in [0, 1].
    """

    name: ClassVar[str] = "sltt"
    factors: ClassVar[tuple[str, ...]] = ("spike", "surrogate", "error")
    is_local: ClassVar[bool] = True
    is_online: ClassVar[bool] = True

    update: Literal["online", "accumulate"] = "accumulate"
    surrogate: Surrogate = field(default_factory=lambda: Surrogate("sigmoid"))
    loss_lambda: float = 0.0

    def __post_init__(self) -> None:
        """Check every option."""
        check_choice("SLTT update", self.update, ("online", "accumulate"))
        check_surrogate("SLTT surrogate", self.surrogate)
        check_share("SLTT loss_lambda", self.loss_lambda)

    def memory(self, timesteps: int) -> Memory:
        """Membrane v a neuron; an accumulator a synapse, unless it learns at once."""
        return Memory(neuron=1, synapse=int(self.update == "accumulate"))

    def uses_error_of(self, t: int, timesteps: int) -> bool:
        """Every step's error is sent down."""
        return True

    def updates_at(self, t: int, timesteps: int) -> bool:
        """Whether the weights change after step t."""
        return self.update == "online" or t == timesteps - 1
