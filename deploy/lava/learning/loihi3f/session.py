"""An epoch in Lava's own runtime, as a process of its own (python -m, JOB, FOLDER).

It's started behind a time limit by `run.through_session`, for Lava can hang (`player.session`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg

from neurochip.deploy.lava.drive import RUN_CONFIG
from neurochip.deploy.lava.learning.loihi3f.build import build
from neurochip.deploy.lava.learning.loihi3f.job import Job
from neurochip.deploy.lava.learning.session import main

__all__ = ["run_session"]


def run_session(job: Job, folder: Path) -> None:
    """Learn all samples; leave in ``folder`` what each layer then holds, as layer0.npz ..."""
    processes = build(job)
    config = Loihi1SimCfg(select_tag=RUN_CONFIG)
    processes.sources[0].run(condition=RunSteps(job.clock.steps), run_cfg=config)
    for number, layer in enumerate(processes.synapses):
        path = folder / f"layer{number}.npz"
        np.savez(path, x1=layer.x1.get(), weights=layer.weights.get())
    processes.sources[0].stop()


if __name__ == "__main__":
    main(sys.argv[1:], run_session)
