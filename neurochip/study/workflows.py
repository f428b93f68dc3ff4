"""The ways in which a trial comes to its chip, and what each adds to the options of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from neurochip.study import adapt, ptq, qat, recovery

Workflow = Literal["chip", "ptq", "qat", "adapt"]
WORKFLOWS: tuple[Workflow, ...] = get_args(Workflow)


@dataclass(frozen=True)
class Way:
    """One workflow.

    Attributes:
        words: what a report says of it.
        options: its own options with their defaults.
        check: raises ConfigError where some of them are out of range.
    """

    words: str
    options: Mapping[str, Any]
    check: Callable[[Mapping[str, Any], str], None]


WAYS: dict[Workflow, Way] = {
    "chip": Way("learned on the chip", recovery.OPTIONS, recovery.check),
    "ptq": Way("trained in float and quantised after", ptq.OPTIONS, ptq.check),
    "qat": Way("trained in float with quantisation in the loop", qat.OPTIONS, qat.check),
    "adapt": Way("trained in float, quantised and adapted on the chip", adapt.OPTIONS, adapt.check),
}
_OWN = frozenset(name for way in WAYS.values() for name in way.options)


def owners(option: str) -> list[Workflow]:
    """The workflows that an option belongs to; none of an option of every run."""
    return [name for name, way in WAYS.items() if option in way.options]


def of_run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options that every run has."""
    return {key: value for key, value in options.items() if key not in {*_OWN, "workflow"}}


def of_workflow(workflow: Workflow, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options that are a workflow's own."""
    return {key: value for key, value in options.items() if key in WAYS[workflow].options}


def check(options: Mapping[str, Any], workflows: Iterable[Workflow], where: str) -> None:
    """Raise ConfigError where an option of one of these workflows is out of range."""
    for workflow in workflows:
        WAYS[workflow].check(of_workflow(workflow, options), where)
