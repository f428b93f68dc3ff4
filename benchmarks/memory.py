"""Peak memory of learning at T = 6 and at T = 60: traces replace the unrolled network."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.sources import mnist_path
from benchmarks.table import Table

STEPS = (6, 60)
SAMPLES = 2000
CHIP = """
import resource, sys
from neurochip import experiment
from neurochip.config import make
config = make({"data": sys.argv[1], "hidden": (800,), "timesteps": int(sys.argv[2]),
               "epochs": 1, "train_samples": int(sys.argv[3]), "test_samples": 1})
data = experiment.load_data(config)
experiment.learn(experiment.build(config, data), data, 1, None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
REFERENCE = """
import resource, sys
from neurochip import experiment
from neurochip.config import make
from neurochip.network import initialise
from neurochip.reference import Trainer
config = make({"data": sys.argv[1], "hidden": (800,), "timesteps": int(sys.argv[2]),
               "train_samples": int(sys.argv[3])})
data = experiment.load_data(config)
network = config.make_network((784,), 10, config.load_hardware())
trainer = Trainer(network, initialise(network, 0), config.make_rule(), 0.1, dtype="float32")
for first in range(0, 1280, 128):
    part = data.train[slice(first, first + 128)]
    trainer.learn_batch(part.flat(), part.y)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def measure(mnist: str | None) -> Table:
    """Learn in fresh processes and ask the system for their peak memory."""
    table = Table(
        "Peak memory of learning MNIST, 784-800-10",
        ("learner", *(f"T = {steps}, MiB" for steps in STEPS), "ratio", "must"),
    )
    for name, script in (("chip, batch 1", CHIP), ("float32 reference, batch 128", REFERENCE)):
        _peak(script, mnist_path(mnist), STEPS[0])  # compiles, if nothing did before
        peaks = [_peak(script, mnist_path(mnist), steps) for steps in STEPS]
        cells = [f"{peak:.1f}" for peak in peaks]
        table.add(name, *cells, f"{peaks[1] / peaks[0]:.3f}", "<= 1.05")
    return table


def _peak(script: str, path: str, steps: int) -> float:
    command = [sys.executable, "-c", script, path, str(steps), str(SAMPLES)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024
