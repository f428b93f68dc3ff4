"""Learning in Lava by its stock `LearningDense`, compared with `neurochip.chip.loihi_learner`.

nc.deploy.lava.learning.loihi3f.compare(chip, data.train.take(20))              # process models
nc.deploy.lava.learning.loihi3f.compare(chip, data.train.take(20), limit_s=60)  # Lava's runtime
nc.deploy.lava.learning.loihi3f.write(chip, data.train.take(20), "folder")      # with lava-nc alone
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neurochip.deploy import lava

if TYPE_CHECKING:
    from neurochip.chip import Chip
    from neurochip.data import Split
    from neurochip.deploy.states import Verdict

__all__ = ["compare", "write"]


def compare(
    chip: Chip, data: Split, t_epoch: int = 1, limit_s: float | None = None
) -> tuple[Verdict, ...]:
    """Learn one epoch of a set with a `LoihiLearner` and in Lava, and compare what they held.

    Args:
        chip: in the state from which both go on; it isn't changed.
        data: samples and labels; a few, for a step in Lava takes milliseconds.
        t_epoch: steps of Lava's clock from one change of the weights to the next.
        limit_s: seconds for a session of Lava's runtime; None steps its process models instead.

    Returns:
        One verdict for every register of every layer: after every step sums u (of the synapses),
        v, spikes, third factors y1, traces x1 and weights; from a session, weights after every
        sample.

    Raises:
        ExportError: Lava is missing.
        LimitError: the engine can't learn the network, or not at its rates.
        SessionError: the session failed or reached the limit.
    """
    from neurochip.deploy.lava.learning.loihi3f.plan import Job

    job = Job(chip, data, t_epoch)
    lava.require()
    from neurochip.deploy.lava.learning.loihi3f.run import in_lockstep, through_session

    return in_lockstep(job) if limit_s is None else through_session(job, limit_s)


def write(chip: Chip, data: Split, folder: str | Path, t_epoch: int = 1) -> list[Path]:
    """Write a folder that learns with lava-nc alone; see `loihi3f.folder.write`."""
    from neurochip.deploy.lava.learning.loihi3f.folder import write

    return write(chip, data, folder, t_epoch)
