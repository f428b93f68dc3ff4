"""TSSL-BP: temporal spike sequence learning by back-propagation (Zhang and Li, NeurIPS 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from neurochip.rules import sequences
from neurochip.rules.checks import check_choice, check_finite
from neurochip.rules.losses import Labels
from neurochip.rules.memory import Memory
from neurochip.rules.surrogates import Floats

TSSLLoss: TypeAlias = Literal["kernel", "count", "softmax"]


@dataclass(frozen=True)
class TSSLBP:
    """Gradients by the times of spikes, between neurons and within one.

    Forward, neurons LIF(lam = 1 - 1/tau_m, hard reset to 0, fires ">") and LowPass(tau_s):
    du[t] = -m[t-1] / tau_m + W a_below[t];  u = m[t-1] + du;  s = (u > v_th);  m = u * (1 - s);
    a[t] = a[t-1] + (s[t] - a[t-1]) / tau_s.
    Backward, from the last step to the first, with G = dL/da, K[k] = (1/tau_s)(1 - 1/tau_s)^k:
    ga = sum_k K[k] G[t+k];  w = clamp(1/du, 0, 8) * s;  g = w * ga,
    before the last step g += theta * u * w / tau_m + theta * (1 - 1/tau_m) * (1 - s);
    theta = g * s + theta * (1 - 1/tau_m) * (1 - s);
    dL/dI = ga * f(u) where a < 1 / (4 tau_s) (a warm-up for silent neurons), else g;
    f = e / ((1 + e)^2 * 0.2), e = exp(clamp((v_th - u) / 0.2, -8, 8)).

    Attributes:
        loss: "kernel", "count" or "softmax": see `neurochip.rules.sequences`.
        desired: spikes of the label's neuron in "count".
        undesired: spikes of the others.
        warm_up: whether silent neurons learn by f; False is the paper's ablation.
    """

    name: ClassVar[str] = "tssl_bp"
    factors: ClassVar[tuple[str, ...]] = ("filtered spike", "spike time", "error from later steps")
    # The error of a step needs those of all steps after it.
    is_local: ClassVar[bool] = False
    is_online: ClassVar[bool] = False

    loss: TSSLLoss = "kernel"
    desired: float = 4.0
    undesired: float = 1.0
    warm_up: bool = True

    def __post_init__(self) -> None:
        """Check every option."""
        check_choice("TSSLBP loss", self.loss, get_args(TSSLLoss))
        check_finite("TSSLBP desired", self.desired)
        check_finite("TSSLBP undesired", self.undesired)

    def memory(self, timesteps: int) -> Memory:
        """Change and value of the membrane, spike and current of every step; one a synapse."""
        return Memory(neuron=4 * timesteps, synapse=1)

    def loss_of(self, out: Floats, y: Labels | Floats, tau: float) -> tuple[float, Floats]:
        """The loss of the read-out's filtered spikes and its gradient by them.

        Args:
            out: a of the read-out, (T, B, C).
            y: labels, (B,), or for "kernel" also spike trains that are wanted, (T, B, C).
            tau: time constant of the filter of `out`.
        """
        if self.loss == "count":
            return sequences.count(out, y, self.desired, self.undesired)
        if self.loss == "softmax":
            return sequences.of_sum(out, y)
        return sequences.kernel(out, sequences.target_trains(out, y), tau)
