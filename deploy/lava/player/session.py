"""One run in Lava's own runtime, as a process of its own (python -m, NETWORK.h5, FOLDER).

Lava can hang: where a model fails, where `stop` comes after a failure, where it's left out. So this
is meant to be started by `limited`, which ends whatever is left of it.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from numpy.typing import NDArray

from neurochip.deploy.lava.player.build import Processes, build
from neurochip.deploy.lava.player.network import LavaNetwork, read
from neurochip.deploy.lava.player.processes.recorder import Recorder

__all__ = ["main", "run_session"]

#: The tag of Lava's integer models.
RUN_CONFIG = "fixed_pt"


def run_session(network: LavaNetwork, inputs: NDArray[Any], folder: Path) -> None:
    """Show all samples; leave in ``folder`` what each layer held, in layer0.npz and so on."""
    steps = len(inputs) * network.period
    processes = build(network, inputs)
    _record(processes, steps, folder)
    processes.source.run(condition=RunSteps(steps), run_cfg=Loihi1SimCfg(select_tag=RUN_CONFIG))
    processes.source.stop()


def _record(processes: Processes, steps: int, folder: Path) -> None:
    for number, neurons in enumerate(processes.neurons):
        path = str(folder / f"layer{number}.npz")
        recorder = Recorder(shape=neurons.u.shape, steps=steps, path=path)
        neurons.s_out.connect(recorder.s_in)
        recorder.u_ref.connect_var(neurons.u)
        recorder.v_ref.connect_var(neurons.v)


def main(arguments: list[str]) -> None:
    """Run the samples of a network's file; leave at once where that fails, without `stop`."""
    path, folder = arguments
    network, recording = read(path)
    try:
        run_session(network, recording.inputs, Path(folder))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
