"""A whole Loihi: 131,072 neurons on 128 cores, 12 million synapses: building it, memory, steps."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import neurochip as nc
from benchmarks.nets import chip_of
from benchmarks.table import Table
from neurochip.network import LIF, Feedback, Network, Parameters, Sparse

CORES, PER_CORE = 128, 1024
#: Each neuron reaches its own core and the three after it, which fills the axons of all: 4096.
#: There it has so many synapses.
REACHED, EACH = 4, 23
LAM, THRESHOLD, LARGEST_WEIGHT, LARGEST_BIAS = 63 / 64, 150.0, 8, 7
STEPS = 100
#: A network of twelve million synapses that learns, and the chip that holds it.
LEARNING = (784, 3136, 3136, 10)
LARGE = Path(__file__).parents[1] / "examples" / "chips" / "large_neurochip.toml"
LEARN = """
import sys, time
from pathlib import Path
import numpy as np
import neurochip as nc
from neurochip.data import Split
from neurochip.network import Network
from neurochip.rules import OTTT
sizes, few = [int(word) for word in sys.argv[2:]], 50
chip = nc.Chip(Network.mlp(sizes, 6), sys.argv[1], rule=OTTT(), encoding="bernoulli")
rng = np.random.default_rng(0)
x = rng.random((few, sizes[0])) * (rng.random((few, sizes[0])) < 0.2)
data = Split(x, rng.integers(sizes[-1], size=few))
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
chip.learn(data)
early, start = peak(), time.process_time()
chip.learn(data, 9)
rate = 9 * few / (time.process_time() - start)
print(sum(w.size for w in chip.integers.weights), rate, early, peak())
"""
MIB = 1 << 20
#: Bytes of what a synapse is: an 8-bit weight and where it leads.
SYNAPSE_BYTES = 1 + 4


def measure(_: str | None) -> Table:
    """Build the chip, run it, and compare with what it must reach."""
    table = Table(
        "A whole Loihi",
        ("what", "measured", "must"),
    )
    warm_up()
    network, parameters = whole_loihi(CORES)
    chip, seconds = built(network, parameters)
    held, most = memory_of(network, parameters)
    n = parameters.weights[1].size
    table.add("neurons", f"{CORES * PER_CORE:,}", "131,072")
    table.add("CPU seconds to build the chip, map included", f"{seconds:.2f}", "1")
    synapses = n * SYNAPSE_BYTES / MIB
    table.add("memory of weights and targets, MiB", f"{synapses:.0f}", "")
    table.add("all other memory that the chip holds, MiB", f"{held - synapses:.0f}", "133")
    table.add("the same at its most while it is built, MiB", f"{most - synapses:.0f}", "133")
    table.add("cores", str(np.unique(chip.map.core).size), str(CORES))
    table.add("synapses", f"{n:,}", "12,000,000")
    silent = nc.data.Split(np.zeros((1, 1), np.uint8), np.zeros(1, np.int64))
    first, (seconds, counters) = _shown(chip, silent)[0], _shown(chip, silent)
    table.add(
        "CPU seconds more at the first sample, for what is counted where",
        f"{first - seconds:.2f}",
        "",
    )
    spikes, operations = (counters[:, 0, k].sum() / STEPS for k in (1, 2))
    table.add("firing, share of neurons a step", f"{spikes / CORES / PER_CORE:.2%}", "")
    table.add("steps a CPU-second, counters on", f"{STEPS / seconds:,.0f}", "")
    table.add(
        "synaptic operations a CPU-second", f"{operations * STEPS / seconds / 1e6:,.0f} M", ""
    )
    _add_learning(table)
    table.notes.append(
        "Description and float weights of the network are there before the clock starts; kernels "
        "are compiled. SANA-FE takes 1.5 GB for an empty Loihi. What learns is another network, "
        f"{'-'.join(map(str, LEARNING))}, by OTTT-O at T = 6, in a process of its own whose peak "
        "memory is told, Python and the compiler's libraries included."
    )
    return table


def _shown(chip: nc.Chip, data: nc.data.Split) -> tuple[float, NDArray[np.int64]]:
    """CPU seconds of samples, and their counters."""
    start = time.process_time()
    counters = chip.evaluate(data).counters
    return time.process_time() - start, counters


def _add_learning(table: Table) -> None:
    """Twelve million synapses that learn: speed, and memory early and late."""
    command = [sys.executable, "-c", LEARN, str(LARGE), *map(str, LEARNING)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    synapses, rate, early, late = (float(word) for word in done.stdout.split())
    table.add("learning: synapses", f"{synapses:,.0f}", "12,000,000")
    table.add("learning: samples a CPU-second", f"{rate:,.0f}", "")
    table.add("learning: peak memory after the first samples, MiB", f"{early:.0f}", "")
    table.add("learning: the same after ten times as many", f"{late:.0f}", "bounded")


def built(network: Network, parameters: Parameters) -> tuple[nc.Chip, float]:
    """A chip and the CPU seconds that it took to build, map included."""
    start = time.process_time()
    chip = chip_of(network, parameters)
    return chip, time.process_time() - start


def warm_up() -> None:
    """Compile everything on two cores."""
    chip = chip_of(*whole_loihi(2))
    chip.predict(np.zeros((1, 1), np.uint8))


def whole_loihi(cores: int) -> tuple[Network, Parameters]:
    """Recurrent neurons with 23 synapses in each core that they reach; biases drive them."""
    rng = np.random.default_rng(0)
    n, reached = cores * PER_CORE, min(REACHED, cores)
    # One target at random in each part of a core's neurons: all differ.
    part = PER_CORE // EACH
    within = (
        rng.integers(0, part, (n, reached, EACH), np.int32) + np.arange(EACH, dtype=np.int32) * part
    )
    own = np.arange(n, dtype=np.int32) // PER_CORE
    core = (own[:, np.newaxis] + np.arange(reached, dtype=np.int32)) % cores
    targets = np.sort((within + core[:, :, np.newaxis] * PER_CORE).reshape(n, -1), axis=1).ravel()
    back = Sparse(n, n, np.arange(n + 1) * (reached * EACH), targets, bias=False)
    weights = rng.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1, targets.size).astype(np.float64)
    bias = rng.integers(1, LARGEST_BIAS + 1, n).astype(np.float64)
    layers = (Sparse.between([], [], 1, n), LIF(LAM, THRESHOLD, "hard", 0.0, ">"))
    network = Network(layers, STEPS, feedback=(Feedback(1, 0, (back,)),))
    return network, Parameters((np.zeros(0), weights), (bias, np.zeros(n)))


def memory_of(network: Network, parameters: Parameters) -> tuple[float, float]:
    """MiB that a chip takes after it is built, and most while it is (numpy's and Python's)."""
    tracemalloc.start()
    chip = chip_of(network, parameters)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del chip
    return held / MIB, most / MIB
