"""What two executions held, step by step, and where they first differ.

This module needs numpy alone: exported folders carry a copy of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Difference", "LayerStates", "Recording", "Verdict", "compare", "rows"]


@dataclass(frozen=True, eq=False)
class LayerStates:
    """The registers of one layer's neurons over all samples and steps.

    Attributes:
        name: of the layer.
        states: register by name, each (samples, steps, neurons), integers.
    """

    name: str
    states: dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Recording:
    """Samples and what every layer held in each of their steps.

    Attributes:
        inputs: (n, T, n_in) uint8, 0 or 1.
        layers: u, v after the reset, and s of every layer, each (n, T, n_out).
    """

    inputs: NDArray[np.uint8]
    layers: tuple[LayerStates, ...]


@dataclass(frozen=True)
class Difference:
    """Where two executions first hold different integers, and which."""

    sample: int
    step: int
    neuron: int
    expected: int
    found: int


@dataclass(frozen=True)
class Verdict:
    """One register of one layer, compared over all samples and steps.

    Attributes:
        layer: name of the layer.
        state: name of the register.
        steps: how many steps were compared, over all samples.
        mismatches: how many (sample, step, neuron) differ.
        first: the first of them; None where there is none.
    """

    layer: str
    state: str
    steps: int
    mismatches: int
    first: Difference | None


def compare(expected: Iterable[LayerStates], found: Iterable[LayerStates]) -> tuple[Verdict, ...]:
    """Compare every register of every layer of ``expected`` with the same of ``found``.

    Raises:
        ValueError: they aren't the same layers, registers, samples, steps and neurons.
    """
    pairs = list(zip(expected, found, strict=True))
    for ours, theirs in pairs:
        _check_alike(ours, theirs)
    return tuple(
        _verdict(ours.name, state, values, theirs.states[state])
        for ours, theirs in pairs
        for state, values in ours.states.items()
    )


def _check_alike(expected: LayerStates, found: LayerStates) -> None:
    """Numpy would compare one sample with many; a register that isn't there would go unseen."""
    wanted, given = (
        {state: values.shape for state, values in sorted(side.states.items())}
        for side in (expected, found)
    )
    if wanted != given:
        raise ValueError(
            f"registers of {expected.name} can't be compared: {wanted} are expected, {given} found"
        )


def _verdict(layer: str, state: str, expected: NDArray[Any], found: NDArray[Any]) -> Verdict:
    samples, steps, _ = expected.shape
    where = np.argwhere(expected != found)
    first = None
    if len(where):
        sample, step, neuron = (int(i) for i in where[0])
        at = sample, step, neuron
        first = Difference(sample, step, neuron, int(expected[at]), int(found[at]))
    return Verdict(layer, state, samples * steps, len(where), first)


def rows(verdicts: Iterable[Verdict]) -> list[tuple[str, ...]]:
    """The verdicts as a table of text, its header first."""
    header = ("layer", "state", "steps", "mismatches", "first difference")
    return [header, *(_row(verdict) for verdict in verdicts)]


def _row(verdict: Verdict) -> tuple[str, ...]:
    first, text = verdict.first, "none"
    if first is not None:
        text = (
            f"sample {first.sample}, step {first.step}, neuron {first.neuron}: "
            f"{first.expected} expected, {first.found} found"
        )
    return verdict.layer, verdict.state, str(verdict.steps), str(verdict.mismatches), text
