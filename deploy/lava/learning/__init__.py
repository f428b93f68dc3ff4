"""Learning on in Lava: the chip's OTTT as processes, bit for bit its `pipelined` schedule.

nc.deploy.lava.learning.compare(chip, data.train.take(50))             # Lava's process models
nc.deploy.lava.learning.compare(chip, data.train.take(50), limit_s=60) # Lava's own runtime
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurochip.deploy import lava

if TYPE_CHECKING:
    from neurochip.chip import Chip
    from neurochip.data import Split
    from neurochip.deploy.states import Verdict

__all__ = ["compare"]


def compare(chip: Chip, data: Split, limit_s: float | None = None) -> tuple[Verdict, ...]:
    """Learn one epoch of a set on the chip, pipelined, and in Lava, and compare what was learned.

    Args:
        chip: in the state from which both go on; it isn't changed.
        data: samples and labels; a few, for a step in Lava takes milliseconds.
        limit_s: seconds for a session of Lava's runtime; None steps its process models instead.

    Returns:
        One verdict for the weights, shadow weights, biases and traces of every layer.

    Raises:
        ExportError: Lava is missing, or the network can't learn there.
        SessionError: the session failed or reached the limit.
    """
    lava.require()
    from neurochip.deploy.lava.learning.run import compare

    return compare(chip, data, limit_s)
