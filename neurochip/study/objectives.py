"""Objectives: what a study measures of a trained chip, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from neurochip.chip import COUNTED_EVENTS, Chip, EpochRecord, Result
from neurochip.study import costs

Workflow = Literal["chip", "ptq"]


@dataclass(frozen=True, eq=False)
class Trained:
    """What one trial leaves behind.

    Attributes:
        chip: the chip after its last epoch.
        judged: what it made of the samples that were held out.
        last: its last epoch of learning; None where it learned nothing on the chip.
    """

    chip: Chip
    judged: Result
    last: EpochRecord | None


@dataclass(frozen=True)
class Objective:
    """One number of a trained chip.

    Attributes:
        title: what a table calls it.
        maximised: whether more is better.
        unit: "%" for a share 0..1 that is shown as percent; "J" and "s" are shown with a prefix;
            any other is shown as it is.
        workflows: those that can measure it.
        measure: the number.
    """

    title: str
    maximised: bool
    unit: str
    workflows: tuple[Workflow, ...]
    measure: Callable[[Trained], float]


def accuracy(trained: Trained) -> float:
    """Share of right predictions on the held-out samples after the last epoch, 0..1."""
    return trained.judged.accuracy


def memory_bits(trained: Trained) -> float:
    """Bits that the chip keeps: synapses (weight, shadow, gradient accumulator), biases, membranes
    and traces, each with its own width. What learning on the chip needs counts only if it learned.
    """
    chip = trained.chip
    network, registers = chip.network, chip.hardware.registers
    neurons = network.n_neurons * (registers.bias.bits.value + registers.membrane.bits.value)
    if trained.last is None:
        return float(network.n_weights * registers.weight.bits.value + neurons)
    # Wherever the chip keeps its sums of gradients, beside the weights or apart, they count.
    sums = registers.gradient.bits.value if chip.rule.update == "accumulate" else 0
    synapses = network.n_weights * (
        registers.weight.bits.value + registers.shadow.bits.value + sums
    )
    traced = sum(network.sizes[1:-1]) + (network.n_in if chip.formats.traced_input else 0)
    return float(synapses + neurons + traced * registers.trace.bits.value)


def saturation_rate(trained: Trained) -> float:
    """Values that left their register's range in the last epoch of learning, a sample."""
    record = trained.last
    if record is None:
        return 0.0
    return int(record.saturations.sum()) / record.samples


def synaptic_operations(trained: Trained) -> float:
    """Weights read and accumulated by inference, a held-out sample."""
    return _inference_events(trained, "synaptic_ops")


def spikes(trained: Trained) -> float:
    """Spikes of hidden neurons during inference, a held-out sample."""
    return _inference_events(trained, "spikes_out")


def weight_updates(trained: Trained) -> float:
    """Weights written in the last epoch of learning, a sample."""
    record = trained.last
    if record is None:
        return 0.0
    return int(record.counters[..., _event("weight_updates")].sum()) / record.samples


def _inference_events(trained: Trained, name: str) -> float:
    judged = trained.judged
    return int(judged.counters[..., _event(name)].sum()) / len(judged.predictions)


def _event(name: str) -> int:
    return COUNTED_EVENTS.index(name)


_BOTH: tuple[Workflow, ...] = ("chip", "ptq")
_ON_CHIP: tuple[Workflow, ...] = ("chip",)

#: All objectives by name.
OBJECTIVES: dict[str, Objective] = {
    "accuracy": Objective("accuracy", True, "%", _BOTH, accuracy),
    "memory_bits": Objective("memory", False, "bit", _BOTH, memory_bits),
    "saturation_rate": Objective("saturations", False, "a sample", _ON_CHIP, saturation_rate),
    "synaptic_operations": Objective(
        "synaptic operations", False, "a sample", _BOTH, synaptic_operations
    ),
    "spikes": Objective("spikes", False, "a sample", _BOTH, spikes),
    "weight_updates": Objective("weight updates", False, "a sample", _ON_CHIP, weight_updates),
    "energy": Objective("energy", False, "J", _BOTH, costs.energy),
    "latency": Objective("latency", False, "s", _BOTH, costs.latency),
    "learning_energy": Objective("learning energy", False, "J", _ON_CHIP, costs.learning_energy),
    "learning_latency": Objective("learning latency", False, "s", _ON_CHIP, costs.learning_latency),
}


def available(workflow: Workflow) -> list[str]:
    """Names of the objectives that a workflow can measure."""
    return [name for name, entry in OBJECTIVES.items() if workflow in entry.workflows]
