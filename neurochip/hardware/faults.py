"""What is broken on a chip: how much, and the seed that says where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from neurochip.errors import ConfigError

#: Seeds are 63-bit numbers.
MAX_SEED = (1 << 63) - 1
#: Deviations of more than so many times what deviates are a slip of the keyboard.
MAX_DEVIATION = 10.0
_SHARES = ("stuck_bits", "stuck_at_one", "dead_neurons", "read_flips")
_LASTING = ("stuck_bits", "dead_neurons", "dead_cores", "threshold_mismatch", "read_flips")
_DEVIATIONS = ("threshold_mismatch", "weight_drift")


@dataclass(frozen=True)
class Faults:
    """Faults of a chip. Where they are depends on the seed, the layer and the number of a synapse
    or neuron in it, not on the partition into cores; what is broken at a small share is broken at
    a larger one too.

    Attributes:
        stuck_bits: share of the bits of the weights' memory that always hold the same, 0..1: each
            bit of each word, two's complement of the weight's width, is stuck with this
            probability. Positions of a convolution share a word. Of weights with a shadow, the
            words that inference reads are stuck; the shadow, the biases and the sums of gradients
            are sound.
        stuck_at_one: share of the stuck bits that hold 1, 0..1; the others hold 0.
        dead_neurons: share of the neurons, hidden ones and those of the read-out, that are dead,
            0..1: each with this probability. Their membranes stay 0, they never fire, and nothing
            is learned by them.
        dead_cores: how many of the cores that hold neurons are dead, all their neurons with them.
        threshold_mismatch: standard deviation of the thresholds over their nominal value: each
            neuron's own is v_th * (1 + threshold_mismatch * z), nearest, not below 1 in units of
            the membrane. It is what the neuron compares with and what a soft reset subtracts; the
            learning engine's surrogates know the nominal one.
        weight_drift: standard deviation of what every weight drifts by, once, when the faults come
            up, over the largest magnitude of its layer: w + weight_drift * max|w| * z, nearest,
            saturating (as Joshi et al., Nat. Commun. 2020, describe programmed phase-change
            memory). Shadow weights drift and weights follow them; biases don't drift.
        read_flips: probability that a bit of a weight's word is read flipped, 0..1, each bit of
            each synapse and step for itself, where inference reads it, while learning too. What is
            stored stays, and what learning reads to transport errors and to update is sound.
        seed: 0 .. 2^63-1.

    z is near to normal: the sum of twelve uniform 16-bit words, of mean 0 and deviation 1.

    Raises:
        ConfigError: a number is out of range.
    """

    stuck_bits: float = 0.0
    stuck_at_one: float = 0.5
    dead_neurons: float = 0.0
    dead_cores: int = 0
    threshold_mismatch: float = 0.0
    weight_drift: float = 0.0
    read_flips: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name} is {value}; it must be a share from 0 to 1")
        for name in _DEVIATIONS:
            value = getattr(self, name)
            if not 0.0 <= value <= MAX_DEVIATION:
                raise ConfigError(
                    f"{name} is {value}; it must be a relative deviation from 0 to {MAX_DEVIATION}"
                )
        if isinstance(self.dead_cores, bool) or not isinstance(self.dead_cores, int):
            raise ConfigError(f"dead_cores is {self.dead_cores!r}; it must be a whole number")
        if self.dead_cores < 0:
            raise ConfigError(f"dead_cores is {self.dead_cores}; it must be 0 or more")
        if not 0 <= self.seed <= MAX_SEED:
            raise ConfigError(
                f"seed of faults {self.seed} is out of range; choose one of 0 to {MAX_SEED}"
            )

    @property
    def any(self) -> bool:
        """Whether anything is broken and stays so; a drift is over when it has happened."""
        return bool(self.told)

    @property
    def told(self) -> str:
        """What stays broken, for messages: "stuck_bits 0.1, dead_cores 2"; "" of a sound chip."""
        broken = {name: getattr(self, name) for name in _LASTING}
        return ", ".join(f"{name} {value:g}" for name, value in broken.items() if value)

    def to_dict(self) -> dict[str, Any]:
        """The faults as `Faults(**...)` takes them."""
        return asdict(self)
