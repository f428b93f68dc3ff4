"""Back-propagation through time with surrogate derivatives, and TET, its loss at every step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, get_args

from neurochip.rules.checks import check_choice, check_finite, check_share, check_surrogate
from neurochip.rules.losses import Labels
from neurochip.rules.memory import Memory
from neurochip.rules.sequences import of_mean, of_steps, sum_of_steps
from neurochip.rules.surrogates import Floats, Surrogate

SequenceLoss: TypeAlias = Literal["steps", "tet", "sdt"]


@dataclass(frozen=True)
class BPTT:
    """The gradient of the unrolled network, spikes' derivatives replaced by psi.

    du[t] = ds[t] * psi(u[t]) + lam * du[t+1] * dv[t]/du[t];  dW = sum_t du[t] s_below[t]^T;
    dv/du is 1 for a soft reset and 1 - s for a hard one; where the reset isn't detached, that of a
    soft reset loses v_th * psi, and that of a hard one gains (v_reset - u) * psi.

    Attributes:
        surrogate: psi.
        detach_reset: whether the spike in the reset is a constant.
        loss: "steps" (the sum over t of OTTT's loss of a step), "tet" or "sdt": see
            `neurochip.rules.sequences`.
        loss_lambda: share of the mean squared error in "steps" and "tet", in [0, 1].
        phi: what the outputs are drawn to by that share of "tet".
    """

    name: ClassVar[str] = "bptt"
    factors: ClassVar[tuple[str, ...]] = ("spike", "surrogate", "error from later steps")
    # The error of a step needs those of all steps after it.
    is_local: ClassVar[bool] = False
    is_online: ClassVar[bool] = False

    surrogate: Surrogate = field(default_factory=lambda: Surrogate("sigmoid"))
    detach_reset: bool = True
    loss: SequenceLoss = "steps"
    loss_lambda: float = 0.0
    phi: float = 1.0

    def __post_init__(self) -> None:
        """Check every option."""
        check_surrogate(f"{self.name.upper()} surrogate", self.surrogate)
        check_choice(f"{self.name.upper()} loss", self.loss, get_args(SequenceLoss))
        check_share(f"{self.name.upper()} loss_lambda", self.loss_lambda)
        check_finite(f"{self.name.upper()} phi", self.phi)

    def memory(self, timesteps: int) -> Memory:
        """Membrane and spike of every step; an accumulator a synapse."""
        return Memory(neuron=2 * timesteps, synapse=1)

    def loss_of(self, out: Floats, y: Labels) -> tuple[float, Floats]:
        """The loss of the outputs of all steps, (T, B, C), and its gradient by them."""
        if self.loss == "sdt":
            return of_mean(out, y)
        if self.loss == "tet":
            return of_steps(out, y, self.loss_lambda, self.phi)
        return sum_of_steps(out, y, self.loss_lambda)


@dataclass(frozen=True)
class TET(BPTT):
    """Temporal efficient training: BPTT of a loss at every step (Deng et al., ICLR 2022).

    L = (1 - loss_lambda) * mean_t CE(o[t], y) + loss_lambda * mean((o - phi)^2). The gradient goes
    through the reset too; psi is a tent. With loss "sdt" it is the paper's baseline, standard
    direct training: L = CE(mean_t o[t], y). TET's loss at loss_lambda = 0 is never below SDT's.

    Attributes:
        surrogate: psi.
        detach_reset: whether the spike in the reset is a constant.
        loss: "tet", "sdt" or "steps".
        loss_lambda: share of the mean squared error, in [0, 1].
        phi: what that share draws the outputs to.
    """

    name: ClassVar[str] = "tet"

    surrogate: Surrogate = field(default_factory=lambda: Surrogate("tent"))
    detach_reset: bool = False
    loss: SequenceLoss = "tet"
    loss_lambda: float = 0.05
