"""A session in Lava's own runtime, as a process of its own (python -m, NETWORK.h5, FOLDER).

It's started behind a time limit, for Lava can hang: where a model fails, where `stop` comes after a
failure, where it's left out.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg

from neurochip.deploy.lava.learning.loihi3f.player.build import build, watch
from neurochip.deploy.lava.learning.loihi3f.player.network import Lesson, read

__all__ = ["main", "run_session"]

#: The tag of Lava's integer models.
RUN_CONFIG = "fixed_pt"


def run_session(lesson: Lesson, folder: Path) -> None:
    """Learn all samples; leave in ``folder`` what each layer held."""
    processes = build(lesson, folder)
    watch(processes, lesson, folder)
    config = Loihi1SimCfg(select_tag=RUN_CONFIG)
    processes.sources[0].run(condition=RunSteps(lesson.clock.steps), run_cfg=config)
    processes.sources[0].stop()


def main(arguments: list[str]) -> None:
    """Learn a file's samples; leave at once where that fails, without `stop`."""
    path, folder = arguments
    try:
        run_session(read(path)[0], Path(folder))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
