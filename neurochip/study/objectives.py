"""Objectives: what a study measures of a trained chip, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import COUNTED_EVENTS, Chip, EpochRecord, Result
from neurochip.errors import StudyError
from neurochip.mapping import weight_memory
from neurochip.study import costs
from neurochip.study.adapt import Adaptation
from neurochip.study.workflows import WORKFLOWS, Workflow


@dataclass(frozen=True, eq=False)
class Trained:
    """What one trial leaves behind.

    Attributes:
        chip: the chip after its last epoch.
        judged: what it made of the samples that were held out.
        last: its last epoch of learning; None where it learned nothing on the chip.
        adaptation: accuracies around the adaptation of a chip to a shift; None where there is none.
        before: what the chip made of the same samples before it learned, or, of a network that was
            quantised, with the widest weights that it has; None where no objective asks for it.
    """

    chip: Chip
    judged: Result
    last: EpochRecord | None
    adaptation: Adaptation | None = None
    before: Result | None = None


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
    """Share of right predictions on the held-out samples after the last epoch, 0..1; where there is
    a shift, on the shifted ones.
    """
    return trained.judged.accuracy


def memory_bits(trained: Trained) -> float:
    """Bits that the chip keeps: synapses (weight, shadow, gradient accumulator), biases, membranes
    and traces, each with its own width. What learning on the chip needs counts only if it learned.
    """
    chip = trained.chip
    network, registers = chip.network, chip.hardware.registers
    weights = weight_memory(network, chip.hardware, chip.formats.widths)
    membrane = registers.membrane.bits.value
    neurons = network.n_neurons * (registers.bias.bits.value + membrane)
    neurons += network.n_out * ((chip.formats.widths.readout or membrane) - membrane)
    if trained.last is None:
        return float(weights + neurons)
    # Wherever the chip keeps its sums of gradients, beside the weights or apart, they count.
    sums = registers.gradient.bits.value if chip.rule.update == "accumulate" else 0
    synapses = weights + network.n_weights * (registers.shadow.bits.value + sums)
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


def deployed(trained: Trained) -> float:
    """Accuracy on the old domain, before the chip adapts, 0..1."""
    return _adaptation(trained).deployed


def unadapted(trained: Trained) -> float:
    """Accuracy on the shifted samples, before the chip adapts, 0..1."""
    return _adaptation(trained).unadapted


def retained(trained: Trained) -> float:
    """Accuracy on the old domain, after the chip has adapted, 0..1."""
    return _adaptation(trained).retained


def recovered(trained: Trained) -> float:
    """Share of the accuracy that the shift takes which comes back; 1 where all does."""
    found = _adaptation(trained)
    lost = found.deployed - found.unadapted
    if lost <= 0:
        raise StudyError(
            f"objective 'recovered' is a share of what the shift takes, but accuracy is "
            f"{found.deployed:.2%} without it and {found.unadapted:.2%} with it; choose a "
            f"larger strength, or leave the objective out"
        )
    return (found.adapted - found.unadapted) / lost


def _adaptation(trained: Trained) -> Adaptation:
    if trained.adaptation is None:
        raise StudyError("no chip adapted to a shift; choose workflow 'adapt'")
    return trained.adaptation


def memory_traffic(trained: Trained) -> float:
    """Words of the weight and accumulator memories that are read or written, a sample: learned in
    the last epoch, or predicted where nothing is learned on the chip.
    """
    record = trained.last
    account = trained.judged.account if record is None else record.account
    if account is None:
        raise StudyError(
            "memory traffic is not counted where Lava's engine learns; leave out 'memory_traffic', "
            "or choose engine 'chip'"
        )
    return account.words()


def firing_drift(trained: Trained) -> float:
    """How far the firing rate of hidden layers moved from where it was before, 0..1 spikes a neuron
    and step: the mean over the layers, whichever the direction.
    """
    if trained.before is None:
        raise StudyError("firing drift needs what the chip did before, which wasn't looked at")
    moved = _rates(trained.chip, trained.judged) - _rates(trained.chip, trained.before)
    return float(np.abs(moved).mean())


def _rates(chip: Chip, result: Result) -> NDArray[np.float64]:
    """Spikes a neuron and step of each hidden layer."""
    sizes = np.array(chip.network.sizes[1:-1])
    if not sizes.size:
        raise StudyError(
            "firing drift needs a hidden layer, and the network has none; leave out "
            "'firing_drift', or give hidden layers"
        )
    spikes = result.counters[:, : sizes.size, _event("spikes_out")].sum(axis=0)
    steps = len(result.predictions) * chip.network.timesteps
    return np.asarray(spikes / (sizes * steps))


def _inference_events(trained: Trained, name: str) -> float:
    judged = trained.judged
    return int(judged.counters[..., _event(name)].sum()) / len(judged.predictions)


def _event(name: str) -> int:
    return COUNTED_EVENTS.index(name)


_ALL = WORKFLOWS
_ON_CHIP: tuple[Workflow, ...] = ("chip", "adapt")
_SHIFTED: tuple[Workflow, ...] = ("adapt",)
_MOVED: tuple[Workflow, ...] = ("chip", "ptq")

#: All objectives by name.
OBJECTIVES: dict[str, Objective] = {
    "accuracy": Objective("accuracy", True, "%", _ALL, accuracy),
    "memory_bits": Objective("memory", False, "bit", _ALL, memory_bits),
    "saturation_rate": Objective("saturations", False, "a sample", _ON_CHIP, saturation_rate),
    "synaptic_operations": Objective(
        "synaptic operations", False, "a sample", _ALL, synaptic_operations
    ),
    "spikes": Objective("spikes", False, "a sample", _ALL, spikes),
    "weight_updates": Objective("weight updates", False, "a sample", _ON_CHIP, weight_updates),
    "energy": Objective("energy", False, "J", _ALL, costs.energy),
    "latency": Objective("latency", False, "s", _ALL, costs.latency),
    "learning_energy": Objective("learning energy", False, "J", _ON_CHIP, costs.learning_energy),
    "learning_latency": Objective("learning latency", False, "s", _ON_CHIP, costs.learning_latency),
    "recovered": Objective("recovered", True, "%", _SHIFTED, recovered),
    "retained": Objective("accuracy retained", True, "%", _SHIFTED, retained),
    "unadapted": Objective("accuracy unadapted", True, "%", _SHIFTED, unadapted),
    "deployed": Objective("accuracy deployed", True, "%", _SHIFTED, deployed),
    "memory_traffic": Objective("memory traffic", False, "words a sample", _ALL, memory_traffic),
    "firing_drift": Objective("firing drift", False, "%", _MOVED, firing_drift),
}


def available(workflow: Workflow) -> list[str]:
    """Names of the objectives that a workflow can measure."""
    return [name for name, entry in OBJECTIVES.items() if workflow in entry.workflows]
