"""What Lava's stock learning engine can express of a chip and its rule, each limit in words."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip import hardware, mapping
from neurochip.chip.chip import Chip
from neurochip.errors import LimitError
from neurochip.hardware import Hardware
from neurochip.mapping import CHIP_WIDTHS, Widths
from neurochip.mapping.formats import LayerFormats, decay_factor
from neurochip.network import LI, LIF, Dense

__all__ = [
    "EngineRates",
    "Plasticity",
    "check",
    "engine_rates",
    "loihi3f",
    "plasticity_of",
    "rates_of_epoch",
    "taus_of",
]

#: Learned weights are Loihi's nine bits.
WEIGHT_BITS = 9
#: What the hardware model `loihi` has otherwise, for its own synapses.
ENGINE_WIDTHS = {"registers.weight.bits": WEIGHT_BITS, "registers.weight.max_bits": WEIGHT_BITS}
#: Lava's traces decay by exp(-1/tau), tau a whole number.
MOST_TAU = 64
#: A change is product * 2^-k: Lava's exponents end at 10, and below 6 products leave 16 bits.
LEAST_SHIFT, MOST_SHIFT = 6, 10
#: A spike's time within an epoch has six bits.
MOST_T_EPOCH = 63
#: Bits of the weights' fraction in the engine; exponents of a rule count from there.
ENGINE_FRACTION = 7


class EngineRates(NamedTuple):
    """Left shifts of a layer's two products (`kernels.loihi_engine`).

    The second takes the impulse of the present spike out of the trace. Lava has no word for spikes
    of an epoch's last step alone, so where it has more steps, that spike stays in: spike is None.
    """

    trace: int
    spike: int | None

    @property
    def spike_scale(self) -> int:
        """What a third factor is multiplied by to be taken out; 0 where nothing is."""
        return 0 if self.spike is None else 1 << self.spike

    @property
    def rule(self) -> str:
        """The change of a weight, as Lava's learning rules are written."""
        of_trace = f"2^{self.trace - ENGINE_FRACTION}*u0*x1*y1"
        if self.spike is None:
            return of_trace
        return f"{of_trace} - 2^{self.spike - ENGINE_FRACTION}*x0*y1"


class Plasticity(NamedTuple):
    """How one layer learns, as Lava's `Loihi3FLearningRule` takes it."""

    rates: EngineRates
    impulse: int
    tau: int
    seed: int
    t_epoch: int


def loihi3f() -> Hardware:
    """The hardware model `loihi`, its weights as the learning engine holds them."""
    return hardware.load("loihi").with_values(ENGINE_WIDTHS)


def check(chip: Chip, t_epoch: int = 1) -> None:
    """Raise LimitError unless the engine can learn the chip's network by the chip's rule.

    Args:
        chip: whose network, hardware and rule.
        t_epoch: steps of an epoch of the engine.
    """
    if not 1 <= t_epoch <= MOST_T_EPOCH:
        raise LimitError(
            f"t_epoch is {t_epoch}, but an epoch of Lava's learning engine has 1 to "
            f"{MOST_T_EPOCH} steps; choose one of these"
        )
    mapping.check_learns(chip.hardware, chip.rule)
    mapping.check_currents(chip.network)
    _check_network(chip)
    _check_hardware(chip)
    _check_rule(chip)
    taus_of(chip)
    if chip.rate_shifts is not None:
        _check_rates(chip, chip.rate_shifts)


def plasticity_of(chip: Chip, shifts: tuple[int, ...], t_epoch: int) -> tuple[Plasticity, ...]:
    """How every weight layer learns in the chip's next epoch over the data.

    Args:
        chip: whose network learns.
        shifts: its learning rates are 2^-shift, one a layer.
        t_epoch: steps of an epoch of the engine.

    Raises:
        LimitError: a rate is beyond the engine's, or a decay no exp(-1/tau).
    """
    of_layers = engine_rates(chip, shifts)
    if t_epoch > 1:
        of_layers = tuple(rates._replace(spike=None) for rates in of_layers)
    layers = zip(of_layers, chip.formats.layers, taus_of(chip), strict=True)
    first_seed = chip.seed + chip.epoch * len(shifts)
    return tuple(
        Plasticity(rates, 1 << formats.factor, tau, first_seed + number, t_epoch)
        for number, (rates, formats, tau) in enumerate(layers)
    )


def rates_of_epoch(chip: Chip, inputs: NDArray[np.uint8]) -> tuple[int, ...]:
    """Rate shifts of the chip's next epoch, one a weight layer, after its halvings.

    Where the rule leaves them open, those that the chip chooses, as far as the engine has them.

    Args:
        chip: whose network learns.
        inputs: (n, 1 or T, n_in) as `Chip.encode` gives them.

    Raises:
        LimitError: one of them, or what its halvings will make of it, is beyond the engine's.
    """
    base = chip.rate_shifts
    if base is None:
        ranges = (_range(chip, number) for number in range(len(chip.formats.layers)))
        base = tuple(
            max(low, min(shift, high - len(chip.rule.halve_at)))
            for shift, (low, high) in zip(chip.choose_rates(inputs), ranges, strict=True)
        )
    _check_rates(chip, base)
    halvings = sum(chip.epoch >= epoch for epoch in chip.rule.halve_at)
    return tuple(shift + halvings for shift in base)


def _check_rates(chip: Chip, base: tuple[int, ...]) -> None:
    """What halvings will make of rates is known at once, and refused at once."""
    for halvings in (0, len(chip.rule.halve_at)):
        engine_rates(chip, tuple(shift + halvings for shift in base))


def taus_of(chip: Chip) -> tuple[int, ...]:
    """The time constant of the traces below every weight layer, 1..64 steps.

    Raises:
        LimitError: a decay is no exp(-1/tau).
    """
    neurons = enumerate(chip.network.neurons)
    follows = chip.rule.input_lam is None and chip.network.neurons
    of_input = "lam" if follows else "input_lam, which is a run's lam,"
    return (
        _tau("the input", of_input, chip.rule.input_decay(chip.network)),
        *(_tau(f"the population above layer {n}", "lam", neuron.lam) for n, neuron in neurons),
    )


def engine_rates(chip: Chip, shifts: tuple[int, ...]) -> tuple[EngineRates, ...]:
    """The engine's exponents for learning rates 2^-shift, one a weight layer.

    Raises:
        LimitError: a rate is beyond them.
    """
    return tuple(_rates(chip, number, shift) for number, shift in enumerate(shifts))


def _range(chip: Chip, number: int) -> tuple[int, int]:
    """The smallest and the largest rate shift of a layer that the engine has."""
    layer = chip.formats.layers[number]
    zero = layer.update_shift(0)
    return LEAST_SHIFT - zero, _most_shift(layer) - zero


def _most_shift(layer: LayerFormats) -> int:
    # The impulse 2^fx is taken out of a trace by a product of its own, with an exponent of its own.
    return min(MOST_SHIFT, layer.factor + ENGINE_FRACTION)


def _rates(chip: Chip, number: int, rate_shift: int) -> EngineRates:
    layer = chip.formats.layers[number]
    shift, most = layer.update_shift(rate_shift), _most_shift(layer)
    if not LEAST_SHIFT <= shift <= most:
        low, high = _range(chip, number)
        halved = ", halvings included" if chip.rule.halve_at else ""
        raise LimitError(
            f"layer {number} has the learning rate 2^-{rate_shift}, a change of 2^-{shift} for "
            f"trace times error, but Lava's exponents give 2^-{most} to 2^-{LEAST_SHIFT}; set its "
            f"entry of rate_shifts to {low} to {high}{halved}"
        )
    return EngineRates(MOST_SHIFT - shift, layer.factor + ENGINE_FRACTION - shift)


def _tau(name: str, option: str, lam: float) -> int:
    tau = round(-1 / math.log(lam)) if 0 < lam < 1 else 0
    nearest = min(max(tau, 1), MOST_TAU)
    if tau != nearest or decay_factor(math.exp(-1 / tau)) != decay_factor(lam):
        raise LimitError(
            f"{name} has traces that decay by {lam:g}, but Lava's by exp(-1/tau) with a whole tau "
            f"of 1 to {MOST_TAU}; set {option} to {math.exp(-1 / nearest):.6f} (tau {nearest})"
        )
    return tau


def _check_network(chip: Chip) -> None:
    network = chip.network
    if network.unlike_feedforward is not None:
        raise LimitError(
            f"the network has {network.unlike_feedforward}, but the profile loihi3f learns Dense "
            f"and LIF in turn; learn a network of these"
        )
    for layer in network.layers:
        if not isinstance(layer, Dense | LIF | LI):
            raise LimitError(
                f"the network has a {type(layer).__name__}, but the profile loihi3f learns Dense "
                f"and LIF in turn; learn a network of these"
            )
    if network.readout != "linear":
        raise LimitError(
            f"the read-out is {network.readout!r}, but the profile loihi3f has a linear one; set "
            f"readout to 'linear'"
        )
    for number, neuron in enumerate(network.neurons):
        if neuron.reset != "hard":
            raise LimitError(
                f"the neurons above layer {number} have a {neuron.reset} reset, but Loihi's a hard "
                f"one; set reset to 'hard'"
            )


def _check_hardware(chip: Chip) -> None:
    registers, fires = chip.hardware.registers, chip.hardware.neuron.fires
    if fires != ">":
        raise LimitError(
            f"hardware {chip.hardware.name!r} fires at v {fires} v_th, but Loihi at v > v_th; map "
            f"the network to hardware 'loihi'"
        )
    if registers.delta.rounding != "nearest":
        raise LimitError(
            f"hardware {chip.hardware.name!r} rounds deltas {registers.delta.rounding!r}, but the "
            f"profile loihi3f to the nearest; set delta_rounding to 'nearest'"
        )
    for name, bits, limit in (
        ("weight", registers.weight.bits.value, WEIGHT_BITS),
        ("trace", registers.trace.bits.value, 7),
        ("error", registers.error.bits.value, 8),
        ("delta", registers.delta.bits.value, 8),
    ):
        if bits != limit:
            raise LimitError(
                f"hardware {chip.hardware.name!r} has {name}s of {bits} bits, but Lava's learning "
                f"engine has {limit}; map the network to loihi3f(), or let engine 'loihi3f' do so "
                f"and leave {name}_bits out"
            )
    if chip.formats.widths != CHIP_WIDTHS:
        raise LimitError(
            f"single layers have registers of their own ({_named(chip.formats.widths)}), but "
            f"Lava's learning engine has one width for all; leave that out"
        )
    if registers.shadow.bits.value:
        raise LimitError(
            f"hardware {chip.hardware.name!r} has shadow weights of {registers.shadow.bits.value} "
            f"bits, but Lava's learning engine has none; set shadow_bits to 0"
        )


def _named(widths: Widths) -> str:
    if widths.weights:
        return f"layer_bits is {', '.join(map(str, widths.weights))}"
    return f"readout_bits is {widths.readout}"


def _check_rule(chip: Chip) -> None:
    rule = chip.rule
    if chip.encoding == "graded":
        raise LimitError(
            "encoding is 'graded', but the profile loihi3f hears spikes; choose 'rate', "
            "'bernoulli' or 'spikes'"
        )
    if not chip.formats.traced_input:
        raise LimitError(
            "trace_input is False, but Lava's learning engine keeps a trace of every spike; set "
            "trace_input to True"
        )
    if rule.update != "online":
        raise LimitError(
            f"update is {rule.update!r}, but the profile loihi3f learns every t_epoch steps; set "
            f"update to 'online'"
        )
    if chip.network.neurons and rule.feedback != "direct":
        raise LimitError(
            f"feedback is {rule.feedback!r}, but Lava's learned weights can't be read backwards; "
            f"set feedback to 'direct'"
        )
