"""One epoch of learning, on the chip and in Lava, from the same state."""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np

from neurochip.chip import Chip
from neurochip.chip.epoch import NextEpoch, copied, next_epoch
from neurochip.data import Split
from neurochip.deploy import states
from neurochip.deploy.lava.learning.build import build, clock_of
from neurochip.deploy.lava.learning.memories import as_states, memories
from neurochip.deploy.lava.learning.threads import step_together
from neurochip.deploy.lava.player.limited import run_limited
from neurochip.deploy.states import LayerStates, Verdict
from neurochip.kernels.meter import silent
from neurochip.kernels.pipelined import delay_lines, late_view, learn_stream_pipelined
from neurochip.mapping import check_currents, check_learns

__all__ = ["compare", "on_chip", "through_models", "through_session"]


def compare(chip: Chip, data: Split, limit_s: float | None) -> tuple[Verdict, ...]:
    """See `neurochip.deploy.lava.learning.compare`."""
    check_learns(chip.hardware, chip.rule)
    check_currents(chip.network)
    epoch = next_epoch(chip, data)
    found = through_models(epoch) if limit_s is None else through_session(epoch, limit_s)
    return states.compare(on_chip(epoch), found)


def on_chip(epoch: NextEpoch) -> tuple[LayerStates, ...]:
    """What every layer holds after the epoch in the chip's own pipelined schedule."""
    core = copied(epoch.core)
    learn_stream_pipelined(
        core,
        silent(core.layers.size),
        late_view(core),
        delay_lines(core),
        epoch.inputs,
        epoch.labels,
        epoch.order,
        epoch.epoch,
        epoch.n_learned,
    )
    return tuple(as_states(number, memories(core, number)) for number in range(core.layers.size))


def through_models(epoch: NextEpoch) -> tuple[LayerStates, ...]:
    """What every layer holds after the epoch in Lava's process models."""
    learners = build(epoch)
    models = step_together(learners.all, clock_of(epoch).steps)
    return tuple(
        as_states(number, memories(models[process.id].core, number))
        for number, process in enumerate(learners.synapses)
    )


def through_session(epoch: NextEpoch, limit_s: float) -> tuple[LayerStates, ...]:
    """What every layer holds after the epoch in Lava's runtime, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "epoch.pickle"
        job.write_bytes(pickle.dumps(epoch))
        module = "neurochip.deploy.lava.learning.session"
        run_limited([sys.executable, "-m", module, str(job), folder], limit_s)
        found = []
        for number in range(epoch.core.layers.size):
            with np.load(Path(folder) / f"layer{number}.npz") as saved:
                found.append(as_states(number, dict(saved)))
        return tuple(found)
