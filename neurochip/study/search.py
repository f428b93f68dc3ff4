"""Search: which setting comes next. A proposal is a function of the study and of what is finished.

Every proposal is drawn by a sampler of its own, whose seed is made of the study's search_seed and
the trial's number, and sees the trials of earlier batches only. So a study that is stopped and goes
on, with any number of workers, tries the same settings in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neurochip.study.knobs import Knob, Setting, Values, combination
from neurochip.study.spec import Spec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Proposal:
    """A setting that was chosen, and what the search must remember of it.

    Attributes:
        setting: a value for each knob.
        memory: the sampler's own notes, kept with the trial.
    """

    setting: Setting
    memory: dict[str, Any] = field(default_factory=dict)


def distributions(knobs: Mapping[str, Knob]) -> dict[str, BaseDistribution]:
    """The knobs as Optuna knows them: ranges by their ends, lists by their entries."""
    from optuna import distributions as kinds

    found: dict[str, BaseDistribution] = {}
    for name, knob in knobs.items():
        if isinstance(knob, Values):
            found[name] = kinds.CategoricalDistribution([_choice(v) for v in knob.values])
        elif knob.is_whole:
            found[name] = kinds.IntDistribution(
                int(knob.low), int(knob.high), log=knob.log, step=int(knob.step or 1)
            )
        else:
            found[name] = kinds.FloatDistribution(
                float(knob.low), float(knob.high), log=knob.log, step=knob.step
            )
    return found


def encoded(setting: Setting) -> dict[str, Any]:
    """A setting as Optuna stores it: lists as JSON."""
    return {name: _choice(value) for name, value in setting.items()}


def decoded(params: Mapping[str, Any], knobs: Mapping[str, Knob]) -> Setting:
    """The inverse of `encoded`, in the order of the knobs."""
    setting: Setting = {}
    for name, knob in knobs.items():
        value = params[name]
        if isinstance(knob, Values):
            value = next(entry for entry in knob.values if _choice(entry) == value)
        setting[name] = value
    return setting


def propose(spec: Spec, known: Sequence[FrozenTrial], numbers: Sequence[int]) -> list[Proposal]:
    """The settings of the trials with these numbers, all of one batch.

    Args:
        spec: the study.
        known: every trial below the first of the numbers; those of the same batch count as running.
        numbers: of the trials, ascending and without a gap.
    """
    if spec.search == "grid":
        return [Proposal(combination(spec.knobs, number)) for number in numbers]
    return _drawn(spec, known, numbers)


def _drawn(spec: Spec, known: Sequence[FrozenTrial], numbers: Sequence[int]) -> list[Proposal]:
    import optuna

    # A study of its own, in memory: drawing writes many notes, and the database is to hold whole
    # trials only, so that it can be left at any moment.
    directions = ["maximize" if goal.maximised else "minimize" for goal in spec.goals]
    study = optuna.create_study(directions=directions)
    study.add_trials([_as_drawn(trial, numbers[0], spec) for trial in known])
    asked = distributions(spec.knobs)
    proposals = []
    for number in numbers:
        study.sampler = _sampler(spec, number)
        trial = study.ask(asked)
        memory = study.trials[number].system_attrs
        proposals.append(Proposal(decoded(trial.params, spec.knobs), memory))
    return proposals


def _as_drawn(trial: FrozenTrial, first: int, spec: Spec) -> FrozenTrial:
    """A trial as it stood when the batch of number ``first`` was drawn."""
    from optuna.trial import TrialState, create_trial

    if not spec.is_adaptive or trial.number // spec.batch < first // spec.batch:
        return trial
    return create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs=trial.system_attrs,
    )


def _sampler(spec: Spec, number: int) -> BaseSampler:
    from optuna import samplers

    seed = int(np.random.SeedSequence([spec.search_seed, number]).generate_state(1)[0])
    if spec.search == "random":
        return samplers.RandomSampler(seed=seed)
    if spec.search == "tpe":
        return samplers.TPESampler(seed=seed)
    return samplers.NSGAIISampler(seed=seed, population_size=spec.batch)


def _choice(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, tuple)) else value
