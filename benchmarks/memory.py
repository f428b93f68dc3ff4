"""Peak memory of learning at T = 6 and at T = 60: traces replace the unrolled network."""

from __future__ import annotations

import subprocess
import sys

from matplotlib.figure import Figure

from benchmarks.sources import mnist_path
from benchmarks.table import Table

SAMPLES = 2000
CHIP = """
import sys
from pathlib import Path
from neurochip import experiment
from neurochip.config import make
config = make({"data": sys.argv[1], "hidden": (800,), "timesteps": int(sys.argv[2]),
               "epochs": 1, "train_samples": int(sys.argv[3]), "test_samples": 1})
data = experiment.load_data(config)
experiment.learn(experiment.build(config, data), data, 1, None)
# Not ru_maxrss, which begins with that of the process that started this one.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
REFERENCE = """
import sys
from pathlib import Path
from neurochip import data
from neurochip.network import Network, initialise
from neurochip.reference import Trainer
from neurochip.rules import BPTT, OTTT
split = data.load(sys.argv[1]).train.take(int(sys.argv[3]))
network = Network.mlp((784, 800, 10), timesteps=int(sys.argv[2]))
rule = OTTT("accumulate") if sys.argv[4] == "OTTT-A" else BPTT()
trainer = Trainer(network, initialise(network, 0), rule, 0.1, dtype="float32")
for first in range(0, 1280, 128):
    part = split[slice(first, first + 128)]
    trainer.learn_batch(part.flat(), part.y)
# Not ru_maxrss, which begins with that of the process that started this one.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
#: name, script, what else it is told, steps, bound of the last over the first
LEARNERS = (
    ("chip, OTTT-O, batch 1", CHIP, (), (6, 12, 24, 60), "<= 1.05"),
    ("float32, OTTT-A, batch 128", REFERENCE, ("OTTT-A",), (6, 12, 24, 48), "<= 1.05"),
    ("float32, BPTT, batch 128", REFERENCE, ("BPTT",), (6, 12, 24, 48), "grows"),
)


def measure(mnist: str | None) -> Table:
    """Learn in fresh processes and ask the system for their peak memory."""
    table = Table(
        "Peak memory of learning MNIST, 784-800-10",
        ("learner", "T", "MiB", "last / first", "must"),
    )
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.add_subplot(xlabel="T, steps", ylabel="peak memory, MiB")
    for name, script, told, steps, must in LEARNERS:
        peak(script, mnist_path(mnist), steps[0], told)  # compiles, if nothing did before
        peaks = [peak(script, mnist_path(mnist), number, told) for number in steps]
        cells = (
            " / ".join(f"{n:.{digits}f}" for n in row) for row, digits in ((steps, 0), (peaks, 1))
        )
        table.add(name, *cells, f"{peaks[-1] / peaks[0]:.3f}", must)
        axes.plot(steps, peaks, marker="o", label=name)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    table.figures["memory"] = figure
    return table


def peak(script: str, path: str, steps: int, told: tuple[str, ...]) -> float:
    command = [sys.executable, "-c", script, path, str(steps), str(SAMPLES), *told]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024
