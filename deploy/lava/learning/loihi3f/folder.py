"""A folder in which a network learns in Lava without neurochip, and checks what it has learned."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from neurochip import files
from neurochip.chip import Chip
from neurochip.data import Split
from neurochip.deploy.lava.learning.loihi3f.plan import Job
from neurochip.deploy.lava.learning.loihi3f.player.network import FORMAT, Learner, Plastic
from neurochip.deploy.lava.learning.loihi3f.simulated import recorded
from neurochip.deploy.lava.standing_alone import PACKAGE, write_standing_alone
from neurochip.deploy.states import LayerStates

__all__ = ["write", "write_job"]

_PLAYER = "neurochip.deploy.lava.learning.loihi3f.player"
#: Modules that are copied, by where in the folder they go.
COPIED = {
    "run.py": f"{_PLAYER}.run",
    f"{PACKAGE}/__init__.py": _PLAYER,
    f"{PACKAGE}/build.py": f"{_PLAYER}.build",
    f"{PACKAGE}/clock.py": "neurochip.deploy.lava.learning.clock",
    f"{PACKAGE}/limited.py": "neurochip.deploy.lava.player.limited",
    f"{PACKAGE}/network.py": f"{_PLAYER}.network",
    f"{PACKAGE}/session.py": f"{_PLAYER}.session",
    f"{PACKAGE}/started.py": f"{_PLAYER}.started",
    f"{PACKAGE}/states.py": "neurochip.deploy.states",
    f"{PACKAGE}/processes/__init__.py": f"{_PLAYER}.processes",
    f"{PACKAGE}/processes/third_factor.py": f"{_PLAYER}.processes.third_factor",
    f"{PACKAGE}/processes/watcher.py": f"{_PLAYER}.processes.watcher",
}
README = """\
A spiking network that learns in Lava, by its own LearningDense; written by neurochip.

    python3.10 -m venv env
    env/bin/pip install lava-nc==0.10.0 h5py
    env/bin/python run.py

run.py builds the processes, lets them learn the {samples} samples of network.h5 in a session of
Lava's runtime, and compares what every layer held with what the simulator did: u, v, spikes, third
factors y1 and traces x1 after every step, weights after every sample.

network.h5: /learner (the network, with the weights that it begins with), /signals (samples, steps,
inputs), /labels, /expected (registers of every layer, (samples, steps, n)).
"""


def write(chip: Chip, data: Split, folder: str | Path, t_epoch: int = 1) -> list[Path]:
    """Write a folder that learns with lava-nc alone what the chip would learn next.

    Args:
        chip: in the state from which learning goes on; it isn't changed.
        data: samples and labels that go along with it.
        folder: made where it's missing; an earlier export in it is replaced.
        t_epoch: steps of Lava's clock from one change of the weights to the next.

    Returns:
        The files.

    Raises:
        LimitError: the engine can't learn the network, or not at its rates.
        OutputError: the folder can't be written, or files in it would be replaced that are of no
            export.
    """
    job = Job(chip, data, t_epoch)
    tree, readme = _tree(job, recorded(job)), README.format(samples=len(data))
    return write_standing_alone(Path(folder), tree, FORMAT, readme, COPIED)


def write_job(file: Path, job: Job, expected: tuple[LayerStates, ...]) -> None:
    """The file of numbers alone."""
    files.write_tree(file, _tree(job, expected), FORMAT)


def _tree(job: Job, expected: tuple[LayerStates, ...]) -> dict[str, Any]:
    learner = job.lesson.learner
    layers = {
        f"layer{number}": _stored(layer, Plastic) for number, layer in enumerate(learner.layers)
    }
    return {
        "learner": {**_stored(learner, Learner), **layers},
        "signals": job.lesson.signals,
        "labels": job.lesson.labels,
        "expected": {f"layer{n}": layer.states for n, layer in enumerate(expected)},
    }


def _stored(record: Any, kind: type[Any]) -> dict[str, Any]:
    """Fields by name, registers as arrays, without the layers of a learner."""
    values = {field.name: getattr(record, field.name) for field in fields(kind)}
    return {
        name: np.array(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name != "layers"
    }
