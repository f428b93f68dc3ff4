"""The layers with a state: neurons, the leaky read-out, synaptic filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from neurochip.errors import NetworkError
from neurochip.network.checks import (
    check_choice,
    check_decay,
    check_positive,
    check_share,
    check_time,
    is_number,
)

Shape: TypeAlias = tuple[int, ...]
Reset: TypeAlias = Literal["soft", "hard"]
Fires: TypeAlias = Literal[">=", ">"]

RESETS: tuple[Reset, ...] = ("soft", "hard")
FIRES: tuple[Fires, ...] = (">=", ">")


@dataclass(frozen=True)
class LIF:
    """Leaky integrate-and-fire neurons (Xiao et al., NeurIPS 2022).

    i[t] = current_lam * i[t-1] + W s + ...;  u[t] = lam * v[t-1] + i[t] + b;
    s[t] = (u[t] >= v_th);
    soft reset: v[t] = u[t] - v_th * s[t];  hard reset: v[t] = (1 - s[t]) * u[t] + s[t] * v_reset;
    v[-1] = i[-1] = 0.

    Attributes:
        lam: membrane decay a step, in [0, 1]; the paper's 1 - 1/tau. 1: no leak (IF).
        v_th: threshold, above 0, in units of the membrane.
        reset: "soft" (the threshold is subtracted) or "hard" (the membrane is set to v_reset).
        v_reset: membrane after a hard reset, below v_th.
        fires: whether a membrane exactly at the threshold fires (">=") or not (">").
        current_lam: decay of the synaptic current a step, in [0, 1); 0: it doesn't outlive a step.
            Rules learn by currents of one step only: a LowPass below the weights says the same.
    """

    kind: ClassVar[str] = "lif"

    lam: float = 0.5
    v_th: float = 1.0
    reset: Reset = "soft"
    v_reset: float = 0.0
    fires: Fires = ">="
    current_lam: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers and the choices."""
        check_share("LIF lam", self.lam)
        check_decay("LIF current_lam", self.current_lam)
        check_positive("LIF v_th", self.v_th)
        check_choice("LIF reset", self.reset, RESETS)
        check_choice("LIF fires", self.fires, FIRES)
        if not (is_number(self.v_reset) and self.v_reset < self.v_th):
            raise NetworkError(
                f"LIF v_reset is {self.v_reset!r}; it must be a number below v_th = {self.v_th!r}."
            )
        if self.reset == "soft" and self.v_reset != 0:
            raise NetworkError(
                f"LIF v_reset is {self.v_reset!r} but the reset is soft, which never uses it; "
                f'leave it at 0 or set reset to "hard".'
            )

    def out_shape(self, in_shape: Shape) -> Shape:
        """As it comes in."""
        return in_shape


@dataclass(frozen=True)
class LI:
    """A leaky read-out that never fires: o[t] = lam * o[t-1] + I[t], o[-1] = 0.

    Attributes:
        lam: decay a step, in [0, 1).
    """

    kind: ClassVar[str] = "li"

    lam: float = 0.5

    def __post_init__(self) -> None:
        """Check the number."""
        check_decay("LI lam", self.lam)

    def out_shape(self, in_shape: Shape) -> Shape:
        """As it comes in."""
        return in_shape


@dataclass(frozen=True)
class LowPass:
    """A synaptic filter: a[t] = a[t-1] + (s[t] - a[t-1]) / tau, a[-1] = 0.

    The postsynaptic current of TSSL-BP (Zhang and Li, NeurIPS 2020), after its neurons and on its
    input. A weight layer above it makes current-based neurons of those that follow.

    Attributes:
        tau: time constant in steps, at least 1.
    """

    kind: ClassVar[str] = "low_pass"

    tau: float

    def __post_init__(self) -> None:
        """Check the number."""
        check_time("LowPass tau", self.tau)

    def out_shape(self, in_shape: Shape) -> Shape:
        """As it comes in."""
        return in_shape
