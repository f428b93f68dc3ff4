"""Where a chip is broken: faults drawn for a network on its cores, as the kernels read them.

Everything is drawn by hashes of the seed, what for, the layer and the number of the synapse or
neuron in it (`fixed.random_words`), in the order of a core's memories.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed
from neurochip.errors import LimitError, NeurochipError
from neurochip.fixed import Purpose
from neurochip.hardware.faults import Faults
from neurochip.kernels import layout
from neurochip.kernels.faults import Damage, hold_all
from neurochip.kernels.shared_weights import copy_forward
from neurochip.mapping.chipmap import ChipMap

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip

__all__ = ["Faults", "check", "check_sound", "damage_of", "drift", "hold_stuck"]

#: Binary digits of a number that is compared with a probability.
CHANCE_BITS = 2 * fixed.WORD_BITS
#: Words in the sum that is near to normal: so many have a variance of 1.
DEVIATE_WORDS = 12


def check(faults: Faults, chip_map: ChipMap, schedule: str) -> None:
    """Raise LimitError where a chip can't have such faults.

    Args:
        faults: asked for.
        chip_map: says which cores hold neurons.
        schedule: of the chip.
    """
    in_use = np.unique(chip_map.core).size
    if faults.dead_cores > in_use:
        raise LimitError(
            f"dead_cores is {faults.dead_cores}, but the network lies on {in_use} "
            f"core{'s' if in_use > 1 else ''}; lower it, or spread the network with "
            f"neurons_per_core"
        )
    if faults.any and schedule != "layered":
        raise LimitError(
            f"the chip shall have faults ({faults.told}), but its schedule is {schedule!r}; set "
            f"schedule to 'layered'"
        )


def check_sound(chip: Chip, what: str, error: type[NeurochipError] = LimitError) -> None:
    """Raise an error where a chip has faults and something is of sound ones only.

    Args:
        chip: any.
        what: is of sound ones, such as "an export to NIR".
        error: its kind.
    """
    if chip.faults.any:
        raise error(
            f"the chip has faults ({chip.faults.told}), but {what} is of a sound chip; use a run "
            f"without faults"
        )


def damage_of(faults: Faults, core: layout.Core, chip_map: ChipMap) -> Damage:
    """What of a core's arrays is broken.

    Raises:
        LimitError: bits flip, and layers have weights of several widths.
    """
    widths = sorted({_bits(layer) for layer in core.layers})
    if faults.read_flips and len(widths) > 1:
        several = " and ".join(map(str, widths))
        raise LimitError(
            f"read_flips is {faults.read_flips:g}, but weights have {several} bits, and bits flip "
            f"in words of one width; leave layer_bits out"
        )
    ones, others = _stuck(faults, core)
    return Damage(
        ones=ones,
        others=others,
        alive=_alive(faults, core, chip_map),
        threshold=_thresholds(faults, core),
        flips=_flips(faults, widths[-1]),
        seed=np.array([faults.seed], np.int64),
    )


def drift(faults: Faults, core: layout.Core) -> None:
    """Let the weights of a core's memory drift, or their shadows, and the weights with them."""
    if not faults.weight_drift:
        return
    s = core.settings[0]
    memory = core.shadow if core.shadow.size else core.weights
    has_shadow = bool(core.shadow.size)
    for number, (part, layer) in enumerate(_parts(core)):
        ends = (layer.weight_low, layer.weight_high)
        low, high = (s.shadow_low, s.shadow_high) if has_shadow else ends
        before = memory[part].astype(np.int64)
        scale = faults.weight_drift * float(np.abs(before).max(initial=0))
        change = scale * _deviates(faults.seed, Purpose.DRIFT, before.size, number)
        memory[part] = np.clip(before + np.floor(change + 0.5).astype(np.int64), low, high)
        if has_shadow:
            drop = int(layer.shadow_shift)
            tops = fixed.shift_round(memory[part], drop, fixed.Rounding.NEAREST)
            core.weights[part] = np.clip(tops, *ends)
    _copy_forward(core)


def hold_stuck(core: layout.Core, damage: Damage) -> None:
    """Force the words that a core's memory holds now through their stuck bits."""
    if damage.ones.size and hold_all(core.weights, damage.ones, damage.others):
        _copy_forward(core)


def _copy_forward(core: layout.Core) -> None:
    for number, layer in enumerate(core.layers):
        if layer.kind == layout.CONVOLUTION:
            copy_forward(core, number)


def _happens(probability: float, seed: int, purpose: Purpose, n: int, *place: int) -> NDArray[Any]:
    """(n,) bool: what happens with a probability, by the number of the place.

    Args:
        probability: 0..1.
        seed: of the faults.
        purpose: of the words.
        n: how many places.
        place: the layer, and perhaps one number more.
    """
    return _chances(seed, purpose, n, *place) < round(probability * 2.0**CHANCE_BITS)


def _chances(seed: int, purpose: Purpose, n: int, a: int, b: int = 0) -> NDArray[np.int64]:
    """(n,) int64, uniform in 0 .. 2^CHANCE_BITS - 1."""
    numbers = np.arange(n)
    high, low = (
        fixed.random_words(fixed.random_key(seed, purpose, a, b, c), numbers) for c in (0, 1)
    )
    return np.asarray((high << fixed.WORD_BITS) | low, np.int64)


def _deviates(seed: int, purpose: Purpose, n: int, layer: int) -> NDArray[np.float64]:
    """(n,) numbers of mean 0 and deviation 1, near to normal.

    Sums of uniform words need no logarithm, whose last digit is another on another machine.
    """
    numbers, total = np.arange(n), np.zeros(n, np.int64)
    for word in range(DEVIATE_WORDS):
        total += fixed.random_words(fixed.random_key(seed, purpose, layer, 0, word), numbers)
    middle = DEVIATE_WORDS * ((1 << fixed.WORD_BITS) - 1) // 2
    return np.asarray((total - middle) * 2.0**-fixed.WORD_BITS)


def _thresholds(faults: Faults, core: layout.Core) -> NDArray[np.int64]:
    """(N,) each neuron's own threshold."""
    thresholds = np.ones(core.v.size, np.int64)
    for number, layer in enumerate(core.layers):
        z = _deviates(faults.seed, Purpose.THRESHOLD, int(layer.n_out), number)
        own = layer.threshold + np.floor(faults.threshold_mismatch * layer.threshold * z + 0.5)
        thresholds[layer.post : layer.post + layer.n_out] = np.maximum(own.astype(np.int64), 1)
    return thresholds


def _flips(faults: Faults, weight_bits: int) -> NDArray[np.int64]:
    """(bits,) 2^32 times the probability that one of the bits 0 .. b flips; (0,) without flips."""
    if not faults.read_flips:
        return np.zeros(0, np.int64)
    rights = np.cumprod(np.full(weight_bits, 1.0 - faults.read_flips))
    return np.asarray(np.floor((1.0 - rights) * 2.0**CHANCE_BITS + 0.5), np.int64)


def _parts(core: layout.Core) -> list[tuple[slice, Any]]:
    """The weights of each layer, then of each loop, in a core's memory, with the layer whose width
    they have: of a loop that which it reaches.
    """
    held = [(int(layer.weight_start), layer) for layer in core.layers]
    for layer in core.layers:
        reaching = core.loops[layer.loop_first : layer.loop_last]
        held += [(int(loop.weight_start), layer) for loop in reaching]
    held.sort(key=lambda pair: pair[0])
    starts = [*(start for start, _ in held), core.weights.size]
    spans = [slice(*ends) for ends in pairwise(starts)]
    return [(span, layer) for span, (_, layer) in zip(spans, held, strict=True)]


def _bits(layer: Any) -> int:
    """Width of a layer's weights."""
    return int(layer.weight_high).bit_length() + 1


def _stuck(faults: Faults, core: layout.Core) -> tuple[NDArray[Any], NDArray[Any]]:
    """Masks of the bits that are stuck at 1, and of all that aren't stuck at 0."""
    dtype: Any = core.weights.dtype
    if not faults.stuck_bits:
        return np.zeros(0, dtype), np.zeros(0, dtype)
    ones: NDArray[Any] = np.zeros(core.weights.size, dtype)
    others: NDArray[Any] = np.full(core.weights.size, -1, dtype)
    for number, (part, layer) in enumerate(_parts(core)):
        weight_bits = _bits(layer)
        for bit in range(weight_bits):
            place = (part.stop - part.start, number, bit)
            is_stuck = _happens(faults.stuck_bits, faults.seed, Purpose.STUCK, *place)
            at_one = _happens(faults.stuck_at_one, faults.seed, Purpose.STUCK_AT, *place)
            # A word is stored wider than it is: its sign's bits go along with its first.
            mask = -(1 << bit) if bit == weight_bits - 1 else 1 << bit
            ones[part] |= np.where(is_stuck & at_one, mask, 0).astype(dtype)
            others[part] &= np.where(is_stuck & ~at_one, ~mask, -1).astype(dtype)
    return ones, others


def _alive(faults: Faults, core: layout.Core, chip_map: ChipMap) -> NDArray[np.uint8]:
    """(N,) 0 of a dead neuron."""
    alive = np.ones(core.v.size, np.uint8)
    for number, layer in enumerate(core.layers):
        dead = _happens(faults.dead_neurons, faults.seed, Purpose.DEAD, int(layer.n_out), number)
        alive[layer.post : layer.post + layer.n_out][dead] = 0
    slices = chip_map.slices
    for number in np.flatnonzero(np.isin(chip_map.core, dead_cores(faults, chip_map))):
        first = core.layers[slices.population[number] - 1].post
        alive[first + slices.first[number] : first + slices.last[number]] = 0
    return alive


def dead_cores(faults: Faults, chip_map: ChipMap) -> NDArray[np.int32]:
    """Numbers of the cores that are dead, of those that hold neurons."""
    in_use = np.unique(chip_map.core)
    n = int(in_use[-1]) + 1
    chances = _chances(faults.seed, Purpose.DEAD_CORE, n, 0)[in_use]
    order = np.argsort(chances, kind="stable")
    return np.asarray(in_use[order[: faults.dead_cores]], np.int32)
