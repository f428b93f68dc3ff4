"""Objectives in joules and seconds: counts of events times the costs of the chip's file.

As `neurochip run` tells them, without static power. A cost that the file leaves unknown is never
taken for 0: where an event happens whose cost nobody knows, the trial fails and its reason says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from neurochip.chip.account import TRACES, Account, Timing
from neurochip.chip.energy import Amount
from neurochip.errors import StudyError

if TYPE_CHECKING:
    from neurochip.chip import Chip
    from neurochip.data import Dataset
    from neurochip.study.objectives import Trained

#: Objectives of inference, and of a sample that is learned; those in seconds follow the timing.
INFERENCE = ("energy", "latency")
LEARNING = ("learning_energy", "learning_latency")
_SECONDS = ("latency", "learning_latency")


def energy(trained: Trained) -> float:
    """Joules that a held-out sample takes, of inference."""
    account = trained.judged.account
    return _known(account.energy(slice(TRACES)), "energy", account)


def latency(trained: Trained) -> float:
    """Seconds that a held-out sample takes, of inference."""
    account = trained.judged.account
    return _known(account.inference_time, "latency", account)


def learning_energy(trained: Trained) -> float:
    """Joules that a sample takes while it is learned, inference included, in the last epoch."""
    account = _learned(trained, "learning_energy")
    return _known(account.energy(), "learning_energy", account)


def learning_latency(trained: Trained) -> float:
    """Seconds that a sample takes while it is learned, inference included, in the last epoch."""
    account = _learned(trained, "learning_latency")
    both = account.inference_time + account.learning_time
    return _known(both, "learning_latency", account)


def check_known(chip: Chip, data: Dataset, timing: Timing, objectives: Iterable[str]) -> None:
    """Show one sample, so that what can't be told fails before anything is learned.

    Raises:
        StudyError: an event happens whose cost is unknown, and an objective counts it.
        LimitError, HardwareError: as `chip.cycle.Clock` does, where the timing is "cycle".
    """
    asked = set(objectives) & {*INFERENCE, *LEARNING}
    if not asked:
        return
    told = chip.costs(data.test, samples=1, timing=timing)
    amounts = {
        "energy": told.energy(slice(TRACES)),
        "latency": told.inference_time,
        "learning_energy": told.energy(),
        "learning_latency": told.inference_time + told.learning_time,
    }
    for name, amount in amounts.items():
        if name in asked:
            _known(amount, name, told)


def timed(trained: Trained, data: Dataset, timing: Timing, objectives: Iterable[str]) -> Trained:
    """The same, where a run asks for cycle timing with the times of the first samples found so.

    Raises:
        LimitError, HardwareError: as `chip.cycle.Clock` does.
    """
    if timing == "analytic" or not set(objectives) & set(_SECONDS):
        return trained
    times = trained.chip.costs(data.test, timing=timing)
    judged = replace(trained.judged, account=_with_times(trained.judged.account, times))
    last = trained.last
    if last is not None and last.account is not None:
        times = trained.chip.costs(data.train, timing=timing)
        last = replace(last, account=_with_times(last.account, times))
    return replace(trained, judged=judged, last=last)


def _with_times(account: Account, times: Account) -> Account:
    return replace(
        account,
        timing=times.timing,
        inference_time=times.inference_time,
        learning_time=times.learning_time,
    )


def _learned(trained: Trained, objective: str) -> Account:
    account = None if trained.last is None else trained.last.account
    if account is None:
        raise StudyError(
            f"objective {objective!r} isn't told, because what learned is Lava's engine and what "
            f"it takes isn't modelled; choose engine 'chip', or leave the objective out"
        )
    return account


def _known(amount: Amount, objective: str, account: Account) -> float:
    if amount.value is None:
        name = account.chip_map.hardware.name
        unknown = ", ".join(event.replace("_", " ") for event in amount.unknown)
        raise StudyError(
            f"objective {objective!r} isn't told, because the file of chip {name!r} leaves the "
            f"cost of {unknown} unknown; give it in a file that extends {name!r}, take another "
            f"chip, or leave the objective out"
        )
    return amount.value
