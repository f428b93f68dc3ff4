"""An epoch of learning in Lava's own runtime, as a process of its own (python -m, JOB, FOLDER).

It's started behind a time limit by `run.through_session`, for Lava can hang (`player.session`).
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg

from neurochip.chip.epoch import NextEpoch
from neurochip.deploy.lava.drive import RUN_CONFIG
from neurochip.deploy.lava.learning.build import build, clock_of

__all__ = ["main", "run_session"]


def run_session(epoch: NextEpoch, folder: Path) -> None:
    """Learn all samples; leave in ``folder`` what each layer then holds, as layer0.npz ..."""
    paths = tuple(str(folder / f"layer{number}.npz") for number in range(epoch.core.layers.size))
    learners = build(epoch, paths)
    steps = RunSteps(clock_of(epoch).steps)
    learners.source.run(condition=steps, run_cfg=Loihi1SimCfg(select_tag=RUN_CONFIG))
    learners.source.stop()


def main(arguments: list[str], run: Callable[[Any, Path], None] = run_session) -> None:
    """Learn; leave at once where that fails, without `stop`.

    Args:
        arguments: the file of a pickled job, and the folder for what was learned.
        run: what to do with the job.
    """
    job, folder = arguments
    try:
        run(pickle.loads(Path(job).read_bytes()), Path(folder))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
