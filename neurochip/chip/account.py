"""What a sample costs: events, energy and time of inference and of learning, layer by layer.

    seen = watch(chip, data.test)  # one pass over some samples; nothing is learned
    account(chip, seen).share("energy")  # of learning, 0..1

Counts are those of `neurochip.chip.counts`, costs those of the chip's file, each with its source
there. Not counted, because no chip's file has a cost for it: the read-out's softmax, errors of the
read-out, and biases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import counts as count
from neurochip.chip.energy import Amount, busy_time, energy_by_core, energy_of, static_energy
from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import EVENTS, cost_table
from neurochip.mapping.chipmap import ChipMap
from neurochip.rules.ottt import Update

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip
    from neurochip.data import Split

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
Quantity: TypeAlias = Literal["time", "energy", "words"]
#: How the time of a step is found: from counts alone, or message by message.
Timing: TypeAlias = Literal["analytic", "cycle"]
TIMINGS: tuple[Timing, ...] = get_args(Timing)

__all__ = ["PHASES", "SAMPLES", "TIMINGS", "Account", "Activity", "Timing", "account", "watch"]

#: Phases 1 to 3, 4, 6 and 7 of a step; all but the first are learning.
PHASES = ("inference", "traces", "errors", "updates")
INFERENCE, TRACES, ERRORS, UPDATES = range(len(PHASES))
#: Samples that are watched unless someone asks for more.
SAMPLES = 32
_WORDS = [EVENTS.index(name) for name in ("word_read", "word_written")]


class Activity(NamedTuple):
    """Which neurons did what; N neurons of all populations, inputs first."""

    sends: Flags  # (samples, T, N) fires, or is an input that isn't 0
    factors: Flags  # (samples, T, N) its presynaptic factor isn't 0; False of read-out neurons
    deltas: Flags  # (samples, T, N) its error isn't 0; False of inputs


def watch(chip: Chip, data: Split, samples: int = SAMPLES) -> Activity:
    """Show the first samples of a set and note which neurons did what; nothing is learned.

    The chip's own event counters tell how many neurons of a layer fired, but not which neurons had
    an error, nor on which core: hence a pass of its own, with the weights as they are now.

    Raises:
        LimitError: the network isn't one of Dense and LIF layers in turn, or errors come down by
            other weights than their own: no chip's file says how a core would hold those.
        ConfigError: no sample was asked for.
    """
    if samples < 1:
        raise ConfigError(f"an account was asked for {samples} samples; it needs 1 or more")
    if chip.network.unlike_mlp is not None:
        raise LimitError(
            f"the network has {chip.network.unlike_mlp}, but the account of energy and time is of "
            f"Dense and LIF layers in turn; use Network.mlp"
        )
    if chip.rule.feedback != "symmetric":
        raise LimitError(
            f"feedback is {chip.rule.feedback!r}, but the account of energy and time is of errors "
            f"that come down through the weights; set feedback to 'symmetric'"
        )
    shape = (min(samples, len(data)), chip.network.timesteps, sum(chip.network.sizes))
    seen = Activity(*np.zeros((3, *shape), np.bool_))
    n_in, n_out = chip.network.n_in, chip.network.n_out
    for sample in range(shape[0]):
        shown = chip.observe(data.x[sample], int(data.y[sample]), sample)
        seen.sends[sample] = np.hstack(shown.signal) != 0
        seen.factors[sample, :, :-n_out] = np.hstack(shown.factor) != 0
        seen.deltas[sample, :, n_in:] = np.hstack(shown.delta) != 0
    return seen


@dataclass(frozen=True, eq=False)
class Account:
    """What some samples cost; every amount is the mean of one sample.

    Attributes:
        update: when weights change: "online" (OTTT-O), "accumulate" (OTTT-A) or "last".
        samples: how many were watched.
        counts: (phases, layers, cores, len(EVENTS)) int64, summed over the samples; a layer's
            events are those of the spikes into it, its weights and its neurons.
        chip_map: which core holds what.
        inference_time: of a sample without learning (see `time`).
        learning_time: what learning adds to it.
        timing: how both were found, "analytic" or "cycle".
    """

    update: Update
    samples: int
    counts: Counts
    chip_map: ChipMap
    inference_time: Amount
    learning_time: Amount
    timing: Timing = "analytic"

    @property
    def cores(self) -> int:
        """Cores that hold a part of the network."""
        return len(np.unique(self.chip_map.core))

    def energy(self, phases: slice = slice(None), layers: slice = slice(None)) -> Amount:
        """Energy of events of some phases and layers, J a sample, without static power."""
        table = cost_table(self.chip_map.hardware)
        return _mean(energy_of(self.counts[phases, layers], table), self.samples)

    def energy_by_core(self) -> list[Amount]:
        """Energy of the events at each core, J a sample."""
        table = cost_table(self.chip_map.hardware)
        by_core = energy_by_core(self.counts.sum(axis=(0, 1)), table)
        return [_mean(amount, self.samples) for amount in by_core]

    def busy(self, phases: slice = slice(None), layers: slice = slice(None)) -> Amount:
        """Time that all cores together work on some phases and layers, s a sample."""
        table = cost_table(self.chip_map.hardware)
        return _mean(busy_time(self.counts[phases, layers], table), self.samples)

    def busy_by_core(self) -> list[Amount]:
        """Time that each core works, s a sample."""
        table = cost_table(self.chip_map.hardware)
        by_core = self.counts.sum(axis=(0, 1))
        return [_mean(busy_time(row, table), self.samples) for row in by_core]

    def words(self, phases: slice = slice(None), layers: slice = slice(None)) -> float:
        """Words of the weight and accumulator memories that are read or written, a sample."""
        moved = self.counts[phases, layers][..., _WORDS]
        return float(moved.sum()) / self.samples

    def static(self) -> Amount:
        """What the chip draws whatever happens during a sample that is learned, J."""
        seconds = (self.inference_time + self.learning_time).value
        table = cost_table(self.chip_map.hardware)
        return static_energy(0.0 if seconds is None else seconds, table) + Amount(
            0.0, () if seconds is not None else ("time",)
        )

    def share(self, of: Quantity, layer: int | None = None) -> float | None:
        """Share of learning in all that a sample takes, 0..1; None where a cost is unknown.

        Args:
            of: "time" (of the chip, or of the cores that work on the layer), "energy" (without
                static power) or "words" of memory.
            layer: a weight layer, from 0; None: all.
        """
        layers = slice(None) if layer is None else slice(layer, layer + 1)
        learning = self._amount(of, slice(TRACES, None), layers)
        inference = self._amount(of, slice(TRACES), layers)
        if learning is None or inference is None:
            return None
        both = learning + inference
        return learning / both if both else 0.0

    def _amount(self, of: Quantity, phases: slice, layers: slice) -> float | None:
        if of == "words":
            return self.words(phases, layers)
        if of == "energy":
            return self.energy(phases, layers).value
        if layers != slice(None):
            return self.busy(phases, layers).value
        time = self.inference_time if phases == slice(TRACES) else self.learning_time
        return time.value


def account(chip: Chip, seen: Activity, update: Update | None = None) -> Account:
    """Charge what neurons did to the chip's cores, with and without learning.

    Time is analytic: the cores work side by side, each at one event after the other, messages wait
    for nothing, and a step lasts as long as its slowest core and the barrier. OTTT-A's products
    are charged as `synaptic_update` on words of the accumulators, and once more at the sample's
    end for each weight with a product that isn't 0. All updates are charged for the same activity,
    that of weights which don't change.

    Args:
        chip: mapped network and costs.
        seen: what `watch` returned for it.
        update: when weights change; as the chip's rule says if None.
    """
    update = chip.rule.update if update is None else update
    pricing = _Pricing(chip.map)
    n_layers = len(chip.network.sizes) - 1
    shape = (len(PHASES), n_layers, *count.no_events(chip.map).shape)
    total, without, with_learning = np.zeros(shape, np.int64), 0.0, 0.0
    for sends, factors, deltas in zip(*seen, strict=True):
        for step in _steps(chip, sends, factors, deltas, update):
            total += step
            without += pricing.slowest(step[INFERENCE])
            with_learning += pricing.slowest(step.sum(axis=0))
    samples, n_steps = len(seen.sends), chip.network.timesteps
    return Account(
        update=update,
        samples=samples,
        counts=total,
        chip_map=chip.map,
        inference_time=pricing.time(total[INFERENCE], without / samples, n_steps),
        learning_time=pricing.time(total[TRACES:], (with_learning - without) / samples, 0),
    )


class _Pricing:
    """Time of steps on a mapped chip."""

    def __init__(self, chip_map: ChipMap) -> None:
        self.table = cost_table(chip_map.hardware)
        self.known = np.nan_to_num(self.table.time)
        self.barrier = float(self.table.barrier[chip_map.n_tiles])

    def slowest(self, step: Counts) -> float:
        """Known ns of the slowest core, of (layers, cores, events)."""
        return float((step.sum(axis=0) @ self.known).max())

    def time(self, counts: Counts, slowest: float, barriers: int) -> Amount:
        """Cores and barriers of a sample; names every event that happened at an unknown cost."""
        unknown = busy_time(counts, self.table).unknown
        waits = 0.0 if barriers == 0 else barriers * self.barrier
        if np.isnan(waits):
            waits, unknown = 0.0, (*unknown, "barrier")
        return Amount((slowest + waits) * 1e3, unknown, "s")


def _steps(
    chip: Chip, sends: Flags, factors: Flags, deltas: Flags, update: Update
) -> Iterator[Counts]:
    """Counts of each step of a sample, (phases, layers, cores, events)."""
    chip_map, last = chip.map, len(sends) - 1
    layers = [_Layer(chip_map, number) for number in range(len(chip.network.sizes) - 1)]
    for t in range(len(sends)):
        before = factors[t - 1] if t else np.zeros_like(factors[t])
        active = count.with_input(chip_map, sends[t])
        step = np.zeros((len(PHASES), len(layers), *count.no_events(chip_map).shape), np.int64)
        for number, layer in enumerate(layers):
            step[INFERENCE, number] = layer.inference(sends[t], active)
            if number > 0 or chip.formats.traced_input:
                step[TRACES, number] = count.count_traces(
                    chip_map, layer.below(factors[t] | before)
                )
            if update == "last" and t < last:
                continue
            x, d = layer.below(factors[t]), layer.above(deltas[t])
            step[ERRORS, number] = count.count_transport(chip_map, d)
            if update == "accumulate":
                step[UPDATES, number] = count.count_accumulation(chip_map, x, d)
                if t == last:
                    step[UPDATES, number] += count.count_application(
                        chip_map, layer.below(factors), layer.above(deltas)
                    )
            else:
                step[UPDATES, number] = count.count_update(chip_map, x, d)
        yield step


class _Layer:
    """The part of all flags that concerns one weight layer."""

    def __init__(self, chip_map: ChipMap, number: int) -> None:
        first, middle, last = chip_map.topology.offsets[number : number + 3]
        neurons = np.arange(chip_map.topology.offsets[-1])
        self.chip_map = chip_map
        self.is_below = (neurons >= first) & (neurons < middle)
        self.is_above = (neurons >= middle) & (neurons < last)

    def below(self, flags: Flags) -> Flags:
        """Flags of the neurons that send to the layer, others False, (..., N)."""
        below: Flags = flags & self.is_below
        return below

    def above(self, flags: Flags) -> Flags:
        """Flags of the layer's own neurons, others False, (..., N)."""
        above: Flags = flags & self.is_above
        return above

    def inference(self, sends: Flags, active: Flags) -> Counts:
        """Spikes into the layer, and its neurons."""
        arrive = count.count_spikes(self.chip_map, self.below(sends))
        own = self.is_above
        return arrive + count.count_neurons(self.chip_map, sends & own, active & own, own)


def _mean(amount: Amount, samples: int) -> Amount:
    return Amount(amount.known / samples, amount.unknown, amount.unit)
