"""The gradient of the spike representation, to compare others with (Meng et al., CVPR 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurochip.rules.checks import check_share
from neurochip.rules.memory import Memory


@dataclass(frozen=True)
class SpikeRepresentation:
    """Back-propagation through weighted firing rates.

    a_l = sum_k lam^(T-1-k) s_l[k] / sum_k lam^k for each layer (the input likewise); with
    z_l = W a_(l-1) + b: da/dz = 1 / v_th where 0 <= z <= v_th, else 0. The loss is that of the
    read-out at the averaged rates, without 1/T. It needs neurons with a soft reset.

    Attributes:
        loss_lambda: share of the mean squared error in the loss, in [0, 1].
    """

    name: ClassVar[str] = "spike_representation"
    factors: ClassVar[tuple[str, ...]] = ("rate", "clamp", "error")
    is_local: ClassVar[bool] = True
    # The rates are known at the end only, but need no history.
    is_online: ClassVar[bool] = False

    loss_lambda: float = 0.0

    def __post_init__(self) -> None:
        """Check the option."""
        check_share("SpikeRepresentation loss_lambda", self.loss_lambda)

    def memory(self, timesteps: int) -> Memory:
        """Membrane and weighted rate a neuron; an accumulator a synapse."""
        return Memory(neuron=2, synapse=1)
