"""What a sample costs by each way to update: what may be asked for, and what can't be told.

costing.by_update(chip, data.test, "cycle")["accumulate"]  # an account, or why there is none
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurochip.chip import core as cores
from neurochip.chip.account import TIMINGS, Account, Timing
from neurochip.errors import ConfigError, HardwareError, LimitError
from neurochip.rules.ottt import Update

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip
    from neurochip.data import Split

__all__ = ["by_update", "check_asked"]


def check_asked(samples: int, update: str, timing: str) -> None:
    """Raise ConfigError where no sample was asked for, or an update or a timing that is unknown."""
    if timing not in TIMINGS:
        raise ConfigError(f"timing {timing!r} is unknown; choose one of {', '.join(TIMINGS)}")
    if samples < 1:
        raise ConfigError(f"an account was asked for {samples} samples; it needs 1 or more")
    if update not in cores.UPDATES:
        raise ConfigError(f"update {update!r} is unknown; choose one of {', '.join(cores.UPDATES)}")


def by_update(chip: Chip, data: Split, timing: Timing) -> dict[Update, Account | str]:
    """What a sample costs with the weights as they are, or why that can't be told.

    Args:
        chip: where.
        data: its first samples are shown.
        timing: "analytic" or "cycle".

    Returns:
        By when weights change: the chip's own way first, and at each step, and summed.
    """
    updates: tuple[Update, ...] = (chip.rule.update, "online", "accumulate")
    return {update: _told(chip, data, update, timing) for update in dict.fromkeys(updates)}


def _told(chip: Chip, data: Split, update: Update, timing: Timing) -> Account | str:
    try:
        return chip.costs(data, update=update, timing=timing)
    except (HardwareError, LimitError) as error:
        return str(error)
