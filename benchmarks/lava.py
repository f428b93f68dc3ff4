"""Time of a step in the simulator and in Lava: the same network, the same spikes."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.table import Table
from neurochip.chip import Chip
from neurochip.data import Split
from neurochip.deploy import lava
from neurochip.network import Network

SIZES = (784, 800, 10)
TIMESTEPS = 100
INPUT_RATE = 0.1
#: Samples of a measurement in the simulator, in Lava's process models, and in a session of Lava.
SIMULATED, STEPPED, IN_SESSION = 40, 4, 40
#: Steps of Lava's stock learning engine.
ENGINE_STEPS = 40
LIMIT_S = 300.0
#: A session that records nothing.
SESSION = """
import sys
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from neurochip.deploy.lava.player.build import build
from neurochip.deploy.lava.player.network import read

network, shown = read(sys.argv[1])
source = build(network, shown.inputs).source
steps = RunSteps(len(shown.inputs) * network.period)
source.run(condition=steps, run_cfg=Loihi1SimCfg(select_tag="fixed_pt"))
source.stop()
"""


class Seconds(NamedTuple):
    """Of a step."""

    cpu: float
    wall: float


def measure(mnist: str | None) -> Table:
    """Measure inference and learning; the random network needs no data set."""
    del mnist
    lava.require()
    table = Table(
        f"{'-'.join(map(str, SIZES))}, {INPUT_RATE:.0%} of the inputs fire: time of a step",
        ("what", "CPU time", "wall time", "the simulator is faster by, CPU / wall", "must"),
    )
    chip, shown = _chip(), _spikes(SIMULATED)
    simulated = _spent(lambda: chip.predict(shown), SIMULATED * TIMESTEPS)
    table.add("inference, simulator", *_shown(simulated), "", "-")
    for name, lavas, must in (
        ("inference, Lava's process models one after the other", _stepped(chip), "-"),
        ("inference, a session of Lava", _session(chip, _unrecorded), ">= 200"),
        ("inference, the exported folder's session", _session(chip, _recorded), ">= 200"),
    ):
        table.add(name, *_shown(lavas), _ratios(lavas, simulated), must)
    learned = _learned()
    table.add("learning (OTTT-O, pipelined), simulator", *_shown(learned), "", "-")
    engine = _engine()
    name = "learning, Lava's LearningDense of 784 x 800 alone, epoch of 1"
    table.add(name, *_shown(engine), _ratios(engine, learned), ">= 1,000")
    table.notes.append(
        "After compilation. A session's time is the difference of two lengths, "
        f"{IN_SESSION * (TIMESTEPS + len(SIZES) - 1):,} steps apart, so that its start is left "
        "out; its CPU time is that of all its processes, which wait for each other most of the "
        "time, so the wall says how long a user waits. An exported folder records u, v and spikes "
        "of every neuron in every step, to compare them. The simulator's learning step is that of "
        "the whole network, counters on."
    )
    return table


def _chip(schedule: Any = "layered") -> Chip:
    network = Network.mlp(SIZES, timesteps=TIMESTEPS, reset="hard", fires=">")
    return Chip(network, "loihi", encoding="spikes", schedule=schedule)


def _spikes(samples: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.random((samples, TIMESTEPS, SIZES[0])) < INPUT_RATE).astype(np.uint8)


def _spent(work: Callable[[], object], steps: int) -> Seconds:
    """This process's time a step, after a first call that compiles."""
    work()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Seconds((time.process_time() - cpu) / steps, (time.perf_counter() - wall) / steps)


def _stepped(chip: Chip) -> Seconds:
    from neurochip.deploy.lava.drive import drive
    from neurochip.deploy.lava.plan import plan

    network, inputs = plan(chip), _spikes(STEPPED)
    return _spent(lambda: drive(network, inputs), STEPPED * network.period)


def _session(chip: Chip, run: Callable[[Path], object]) -> Seconds:
    """Time a step, from sessions of two lengths: what they need to start is left out."""
    short, long = (_whole_session(chip, samples, run) for samples in (1, 1 + IN_SESSION))
    steps = IN_SESSION * (TIMESTEPS + len(SIZES) - 1)
    return Seconds((long.cpu - short.cpu) / steps, (long.wall - short.wall) / steps)


def _whole_session(chip: Chip, samples: int, run: Callable[[Path], object]) -> Seconds:
    """Time of all processes of a session."""
    with tempfile.TemporaryDirectory() as folder:
        lava.write(chip, _spikes(samples), folder)
        cpu, wall = _cpu_of_children(), time.perf_counter()
        run(Path(folder) / "network.h5")
        return Seconds(_cpu_of_children() - cpu, time.perf_counter() - wall)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _unrecorded(file: Path) -> None:
    from neurochip.deploy.lava.player.limited import run_limited

    run_limited([sys.executable, "-c", SESSION, str(file)], LIMIT_S)


def _recorded(file: Path) -> None:
    from neurochip.deploy.lava.player.network import read
    from neurochip.deploy.lava.player.started import session

    session(file, read(file)[0], LIMIT_S)


def _learned() -> Seconds:
    chip, labels = _chip("pipelined"), np.arange(SIMULATED) % SIZES[-1]
    data = Split(_spikes(SIMULATED), labels, temporal=True)
    return _spent(lambda: chip.learn(data), SIMULATED * TIMESTEPS)


def _engine() -> Seconds:
    """Lava's stock learning synapses, with a third factor at every step."""
    from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
    from lava.proc.dense.process import LearningDense
    from lava.proc.io.source import RingBuffer

    from neurochip.deploy.lava.drive import make_models

    rng = np.random.default_rng(0)
    n_in, n_out = SIZES[:2]
    rule = Loihi3FLearningRule(dw="2^-7*u0*x1*y1 - 2^-5*x0*y1", x1_impulse=32, x1_tau=2, t_epoch=1)
    dense = LearningDense(
        weights=rng.integers(-128, 128, (n_out, n_in)), learning_rule=rule, name="engine"
    )
    spikes = RingBuffer(data=_spikes(1)[0].T.astype(np.int32))
    factors = RingBuffer(data=rng.integers(-20, 21, (n_out, TIMESTEPS)).astype(np.int32))
    silence = RingBuffer(data=np.zeros((n_out, 1), np.int32))
    spikes.s_out.connect(dense.s_in)
    factors.s_out.connect(dense.s_in_y1)
    for port in (dense.s_in_bap, dense.s_in_y2, dense.s_in_y3):
        silence.s_out.connect(port)
    models = make_models((spikes, factors, silence, dense))

    def run() -> None:
        for step in range(1, ENGINE_STEPS + 1):
            for model in models.values():
                model.time_step = step
                model.run_spk()
            models[dense.id].run_lrn()

    return _spent(run, ENGINE_STEPS)


def _shown(seconds: Seconds) -> tuple[str, str]:
    cpu, wall = (f"{each * 1e6:,.1f} us" for each in seconds)
    return cpu, wall


def _ratios(slow: Seconds, fast: Seconds) -> str:
    return f"{slow.cpu / fast.cpu:,.0f} / {slow.wall / fast.wall:,.0f}"
