"""Teach a network to answer with given spike trains, by TSSL-BP, and draw target against output.

Run it with ``python examples/teach_spike_trains.py trains.png``.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

from neurochip.network import initialise, presets
from neurochip.reference import Trainer
from neurochip.reference.optimisers import AdamW
from neurochip.rules import TSSLBP
from neurochip.rules.sequences import van_rossum

STEPS, INPUTS, OUTPUTS, TAU = 40, 80, 12, 3.0
UPDATES, REPORT_EVERY = 400, 100


def outputs(trainer: Trainer, x: np.ndarray) -> np.ndarray:
    """Output spikes (T, C): a filter that rises has just been given one."""
    filtered = trainer.outputs(x)[:, 0]
    before = np.vstack([np.zeros(OUTPUTS), filtered[:-1]])
    return (filtered > before).astype(float)


def main(updates: int = UPDATES, picture: str | None = None) -> list[float]:
    """Return the van Rossum distances, from before the first update to after the last."""
    rng = np.random.default_rng(0)
    x = (rng.random((STEPS, 1, INPUTS)) < 0.15).astype(float)
    wanted = (rng.random((STEPS, 1, OUTPUTS)) < 0.2).astype(float)
    network = presets.tssl("200", (INPUTS,), OUTPUTS, STEPS, tau_s=TAU)
    params = initialise(network, seed=0, gain=4.0, readout_gain=4.0)
    trainer = Trainer(network, params, TSSLBP("kernel"), lr=2e-3, optimiser=AdamW(), clip_norm=1.0)
    found = outputs(trainer, x)
    distances = [van_rossum(found, wanted[:, 0], TAU)]
    for update in range(1, updates + 1):
        trainer.learn_batch(x, wanted)
        if update % REPORT_EVERY == 0:
            found = outputs(trainer, x)
            distances.append(van_rossum(found, wanted[:, 0], TAU))
            print(f"after {update} updates: van Rossum distance {distances[-1]:.4f}")
    if picture is not None:
        draw(wanted[:, 0], found, picture)
    return distances


def draw(wanted: np.ndarray, found: np.ndarray, path: str) -> None:
    """Spikes that were asked for, and those that came, in one raster."""
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for trains, marker, label in ((wanted, "o", "target"), (found, ".", "output")):
        steps, neurons = np.nonzero(trains)
        face = "none" if marker == "o" else None
        axes.scatter(steps, neurons, marker=marker, facecolors=face, edgecolors="C0", label=label)
    axes.set(xlabel="time step", ylabel="output neuron")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    figure.savefig(path)


if __name__ == "__main__":
    main(picture=sys.argv[1] if len(sys.argv) > 1 else None)
