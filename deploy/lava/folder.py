"""A folder that runs in Lava without neurochip: numbers, code, expected outcome, check."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurochip.chip import Chip
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.lava.player.network import FORMAT, LavaNetwork
from neurochip.deploy.lava.standing_alone import PACKAGE, write_standing_alone
from neurochip.deploy.recording import predictions, record
from neurochip.deploy.states import Recording

__all__ = ["write"]

_PLAYER = "neurochip.deploy.lava.player"
_STATES = "neurochip.deploy.states"
#: Modules that are copied, by where in the folder they go.
COPIED = {
    "run.py": f"{_PLAYER}.run",
    f"{PACKAGE}/__init__.py": _PLAYER,
    f"{PACKAGE}/build.py": f"{_PLAYER}.build",
    f"{PACKAGE}/limited.py": f"{_PLAYER}.limited",
    f"{PACKAGE}/network.py": f"{_PLAYER}.network",
    f"{PACKAGE}/session.py": f"{_PLAYER}.session",
    f"{PACKAGE}/started.py": f"{_PLAYER}.started",
    f"{PACKAGE}/states.py": _STATES,
    f"{PACKAGE}/processes/__init__.py": f"{_PLAYER}.processes",
    f"{PACKAGE}/processes/pool.py": f"{_PLAYER}.processes.pool",
    f"{PACKAGE}/processes/recorder.py": f"{_PLAYER}.processes.recorder",
    f"{PACKAGE}/processes/soft_lif.py": f"{_PLAYER}.processes.soft_lif",
}
README = """\
A spiking network as processes of Lava, written by neurochip.

    python3.10 -m venv env
    env/bin/pip install lava-nc==0.10.0 h5py
    env/bin/python run.py

run.py builds the processes, shows them the {samples} samples of network.h5 in a session of Lava's
runtime, and compares u, v and the spikes of every neuron in every step with what the chip held.

network.h5: /network (integers of every layer), /inputs (samples, steps, inputs), /expected (u, v
and s of every layer, (samples, steps, neurons)), /predictions (class of every sample).
"""


def write(chip: Chip, x: ArrayLike, folder: str | Path) -> list[Path]:
    """Write a folder that builds and runs the chip's network with lava-nc alone, and checks itself.

    Args:
        chip: in the state that is exported.
        x: (n, ...) samples that go along with it, as `Chip.encode` takes them.
        folder: made where it's missing; an earlier export in it is replaced.

    Returns:
        The files.

    Raises:
        ExportError: the network can't be expressed exactly.
        OutputError: the folder can't be written, or files in it would be replaced that are of no
            export.
    """
    network, expected = plan(chip), record(chip, x)
    tree = _tree(network, expected)
    tree["predictions"] = predictions(chip.network.readout, expected.layers[-1])
    readme = README.format(samples=len(expected.inputs))
    return write_standing_alone(Path(folder), tree, FORMAT, readme, COPIED)


def _tree(network: LavaNetwork, expected: Recording) -> dict[str, Any]:
    layers = {
        f"layer{number}": {
            field.name: _stored(getattr(layer, field.name)) for field in fields(layer)
        }
        for number, layer in enumerate(network.layers)
    }
    states = {f"layer{number}": layer.states for number, layer in enumerate(expected.layers)}
    return {
        "network": {"timesteps": network.timesteps, **layers},
        "inputs": expected.inputs,
        "expected": states,
    }


def _stored(value: Any) -> Any:
    """Shapes are stored as arrays."""
    return np.array(value) if isinstance(value, tuple) else value
