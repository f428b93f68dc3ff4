"""One epoch, learned here and in Lava from the same state."""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import Chip
from neurochip.chip.loihi_session import Session
from neurochip.data import Split
from neurochip.deploy import states
from neurochip.deploy.lava.learning.loihi3f.build import build
from neurochip.deploy.lava.learning.loihi3f.job import Job, job_of
from neurochip.deploy.lava.learning.threads import step_together
from neurochip.deploy.lava.player.limited import run_limited
from neurochip.deploy.states import LayerStates, Verdict

__all__ = ["compare", "here", "through_models", "through_session"]

#: Registers of one layer by name, in one step.
Held = dict[str, NDArray[Any]]
#: What a session leaves of each layer.
LEARNED = ("x1", "weights")


def compare(chip: Chip, data: Split, t_epoch: int, limit_s: float | None) -> tuple[Verdict, ...]:
    """See `neurochip.deploy.lava.learning.loihi3f.compare`."""
    job = job_of(chip, data, t_epoch)
    expected = here(chip, job)
    if limit_s is None:
        return states.compare(expected, through_models(job))
    ends = [
        LayerStates(layer.name, {name: layer.states[name][:, -1:] for name in LEARNED})
        for layer in expected
    ]
    return states.compare(ends, through_session(job, limit_s))


def here(chip: Chip, job: Job) -> tuple[LayerStates, ...]:
    """What every layer holds after every step of a session; the chip isn't changed."""
    session, history = Session(chip, job.plasticity), []
    clock, inputs = job.clock, job.spread()
    for now in range(clock.steps):
        sample, place = divmod(now, clock.period)
        heard = [layer.sums for layer in session.layers]
        session.step(inputs[:, now], int(job.labels[sample]), place)
        history.append([_held(session, number, sums) for number, sums in enumerate(heard)])
    return _layers(history)


def _held(session: Session, number: int, heard: NDArray[Any]) -> Held:
    layer = session.layers[number]
    return {
        "u": heard,
        **_neurons(session.core, number),
        "y1": layer.factors,
        "x1": layer.traces.copy(),
        "weights": layer.weights.ravel().copy(),
    }


def _neurons(core: Any, number: int) -> Held:
    """Membranes after the reset, of a read-out its outputs, and spikes."""
    layer = core.layers[number]
    above = slice(layer.post, layer.post + layer.n_out)
    return {"v": core.v[above].copy(), "s": core.signal[above].copy()}


def through_models(job: Job) -> tuple[LayerStates, ...]:
    """The same in Lava's process models."""
    processes, history = build(job), []

    def write_down(models: dict[int, Any]) -> None:
        step = []
        pairs = zip(processes.synapses, processes.populations, strict=True)
        for number, (below, above) in enumerate(pairs):
            synapses, neurons = models[below.id], models[above.id]
            held = {
                "u": neurons.core.accumulator[neurons.post].copy(),
                **_neurons(neurons.core, number),
                "y1": neurons.y_out.last,
                "x1": synapses.x1.copy(),
                "weights": synapses.weights.ravel().copy(),
            }
            step.append(held)
        history.append(step)

    step_together(processes.all, job.clock.steps, write_down)
    return _layers(history)


def through_session(job: Job, limit_s: float) -> tuple[LayerStates, ...]:
    """Traces and weights after the epoch in Lava's runtime, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.pickle"
        file.write_bytes(pickle.dumps(job))
        run_limited([sys.executable, "-m", f"{__package__}.session", str(file), folder], limit_s)
        history: list[Held] = []
        for number in range(len(job.weights)):
            with np.load(Path(folder) / f"layer{number}.npz") as saved:
                history.append({name: saved[name].ravel() for name in LEARNED})
        return _layers([history])


def _layers(history: list[list[Held]]) -> tuple[LayerStates, ...]:
    """Layers by step, each of its registers (n,), as states of one sample."""
    return tuple(
        LayerStates(
            f"layer {number}",
            {
                name: np.array([step[number][name] for step in history])[np.newaxis].astype(int)
                for name in first
            },
        )
        for number, first in enumerate(history[0])
    )
