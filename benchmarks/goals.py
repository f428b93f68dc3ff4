"""Every goal of speed in one table: ours, the peer's beside it, and what the machine could do."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import neurochip as nc
from benchmarks import (
    against_torch,
    convolution,
    full_loihi,
    memory,
    net_a,
    net_b,
    scaling,
    startup,
    streaming,
    threads,
    trainer,
)
from benchmarks.nets import A_NEURONS, B_SIZES
from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.sources import mnist_path
from benchmarks.table import Table
from neurochip import experiment
from neurochip.chip import COUNTED_EVENTS
from neurochip.chip.limits import INPUT_BYTES, NEURON_BYTES, TRACE_BYTES, Machine, machine
from neurochip.config import make

HEADER = (
    "figure",
    "ours",
    "peer",
    "median (quartiles)",
    "must",
    "aim",
    "reached",
    "limit",
    "of it",
)
SIZES, TIMESTEPS = (784, 800, 10), 6
#: Bytes of a listed synapse: its weight and where it leads; of a dense 8-bit one.
LISTED_BYTES, DENSE_BYTES = 1 + 4, 1
MIB = 1 << 20
#: Samples that the events of learning are counted over.
COUNTED = 2000
#: Square float32 matrices, (n, n), whose product measures the machine.
SQUARE, PRODUCTS = 768, 7


#: What stands between these figures and more, measured once with parts of a step by themselves.
TRIED = (
    "A step of 784-800-10 with errors in four of ten outputs, part by part (74 spikes, 111 rows "
    "with a trace; the least of many measurements, us): weights of the first layer 3.9, of the "
    "last 1.7, random words 0.4, errors down 2.2, of it surrogates 0.4, synapses 1.4 and 0.3, "
    "neurons 0.5, traces 0.2 and 0.2, axons 0.4. A weight takes 0.047 ns to update, eight vector "
    "instructions for 32; reading and writing it alone takes 0.016. Tried and not kept: two rows "
    "at once (0.045 ns), products of the hash in 32-bit lanes (the compiler widens them), traces "
    "in 32 bits (2 % of a step), four columns of errors at once (1.4 us instead of 1.6), columns "
    "without a delta left out (half of the steps with an error have under 87 of 800 with one, but "
    "a weight by itself takes 1.6 ns). Kept: rows of few columns at once, surrogates by comparing.",
    "float32 on spikes: 128 x 784 x 800 at 13 % spikes takes 0.6 ms event by event, with sums that "
    "stay in registers while a block of 64 columns of weights stays in the cache, and 2.2 ms dense "
    "(numpy's sgemm, near all that one core multiplies): products alone are 3.7 times as fast. An "
    "iteration is six of them, six of the gradient (0.65 ms, 18 % of traces), and half as much "
    "again for neurons, surrogates, transposed copies and the optimiser, which is what keeps the "
    "whole from three times. What products wait for are weights from the second-level cache. "
    "Tried and not kept: four rows in a sweep over 400 columns (1.0 ms), eight over all (0.87 ms), "
    "sums in registers over rows as they lie (0.82 ms: each on a page of its own).",
)


@dataclass(frozen=True)
class Goal:
    """A figure with what it must reach and aims at; `at_most` where less is better."""

    name: str
    must: float
    aim: float | None
    unit: str = "x"
    at_most: bool = False

    def text(self, value: float | None) -> str:
        """A bound as the table shows it."""
        sign = "<=" if self.at_most else ">="
        return "-" if value is None else f"{sign} {value:,g}{self.unit}"

    def reached(self, value: float) -> str:
        """What a figure reaches."""
        if self._holds(value, self.aim):
            return "aim"
        return "must" if self._holds(value, self.must) else "no"

    def _holds(self, value: float, bound: float | None) -> bool:
        if bound is None:
            return False
        return value <= bound if self.at_most else value >= bound


@dataclass(frozen=True)
class Limit:
    """Least seconds of one unit of work, and the arithmetic."""

    seconds: float
    text: str


class Goals:
    """The table as it grows."""

    def __init__(self) -> None:
        self.table = Table("Goals of speed: ours, the peer's, the machine's", HEADER)

    def add(
        self,
        goal: Goal,
        values: Sequence[float],
        ours: str,
        peer: str = "-",
        limit: Limit | None = None,
        seconds: float | None = None,
    ) -> None:
        """A row: values whose median counts; our seconds of what the limit's unit of work is."""
        middle = statistics.median(values)
        cell = f"{middle:,.4g}{goal.unit}"
        if len(values) > 1:
            low, _, high = statistics.quantiles(values, n=4)
            cell += f" ({low:,.4g} to {high:,.4g})"
        far = "-" if limit is None or seconds is None else f"{seconds / limit.seconds:.1f} times"
        told = "-" if limit is None else limit.text
        bounds = (goal.text(goal.must), goal.text(goal.aim))
        self.table.add(goal.name, ours, peer, cell, *bounds, goal.reached(middle), told, far)

    def missing(self, goal: Goal, why: str) -> None:
        """A row whose peer isn't there."""
        bounds = (goal.text(goal.must), goal.text(goal.aim))
        self.table.add(goal.name, "-", why, "-", *bounds, "not measured", "-", "-")


def measure(mnist: str | None) -> Table:
    """All rows, quick ones first."""
    trainer.check_threads()
    goals, own = Goals(), machine(SIZES[0] * SIZES[1])
    _start_up(goals)
    _nets(goals, own)
    _steps_and_memory(goals, mnist)
    _loihi(goals)
    _threads(goals)
    per_sample = _streaming(goals, own, mnist)
    _torch(goals, mnist, per_sample)
    goals.table.notes += _notes(own)
    return goals.table


def _start_up(goals: Goals) -> None:
    for arguments, must, aim in startup.COMMANDS:
        goal = Goal(f"neurochip {arguments[0]}, to its first line", must, aim, " s", at_most=True)
        taken = startup.seconds(arguments)
        goals.add(goal, taken, f"{statistics.median(taken):.2f} s")


def _nets(goals: Goals, own: Machine) -> None:
    """Nets A and B in inference, each with what a step must read."""
    speeds, events = net_a.measured()
    operations = events["synaptic_ops"]
    read = operations * LISTED_BYTES + A_NEURONS * NEURON_BYTES
    text = (
        f"{operations:,.0f} synapses of {LISTED_BYTES} bytes and {A_NEURONS} neurons of "
        f"{NEURON_BYTES}: {own.least(read=read) * 1e6:.2f} us"
    )
    limit = Limit(own.least(products=operations, read=read), text)
    goal = Goal("net A, steps a CPU-second", net_a.MUST, net_a.AIM, "")
    _steps(goals, goal, speeds, limit)
    speeds, result = net_b.measured()
    totals = result.counters.sum(axis=(0, 1)) / net_b.STEPS
    operations = float(totals[COUNTED_EVENTS.index("synaptic_ops")])
    neurons = sum(B_SIZES[1:])
    read = operations * DENSE_BYTES + neurons * NEURON_BYTES + B_SIZES[0] * INPUT_BYTES
    text = (
        f"{operations:,.0f} synapses of {DENSE_BYTES} byte, {neurons} neurons of {NEURON_BYTES}, "
        f"{B_SIZES[0]} inputs of {INPUT_BYTES}: {own.least(read=read) * 1e6:.2f} us"
    )
    limit = Limit(own.least(products=operations, read=read), text)
    _steps(goals, Goal("net B, steps a CPU-second", net_b.MUST, net_b.AIM, ""), speeds, limit)


def _steps(goals: Goals, goal: Goal, speeds: Sequence[float], limit: Limit) -> None:
    middle = statistics.median(speeds)
    goals.add(goal, speeds, f"{1e6 / middle:.2f} us a step", "-", limit, 1 / middle)


def _steps_and_memory(goals: Goals, mnist: str | None) -> None:
    """A step of learning, and memory, at T = 60 over those at T = 6."""
    short, long = memory.LEARNERS[0][3][0], memory.LEARNERS[0][3][-1]
    few, many = scaling.rounds_of(scaling.TIME_STEPS, (short, long))
    ratios = [(b / long) / (a / short) for a, b in zip(few, many, strict=True)]
    step = statistics.median(many) / long
    goal = Goal(f"a step at T = {long} over one at T = {short}", 1.1, 1.0, at_most=True)
    goals.add(goal, ratios, f"{step * 1e6:.1f} us a step")
    path, script = mnist_path(mnist), memory.LEARNERS[0][1]
    peaks = [memory.peak(script, path, steps, ()) for steps in (short, long)]
    goal = Goal(f"peak memory at T = {long} over T = {short}", 1.01, 1.0, at_most=True)
    goals.add(goal, [peaks[1] / peaks[0]], f"{peaks[1]:.0f} MiB")


def _loihi(goals: Goals) -> None:
    """Building a whole Loihi, and what it holds."""
    full_loihi.warm_up()
    network, parameters = full_loihi.whole_loihi(full_loihi.CORES)
    built = [full_loihi.built(network, parameters)[1] for _ in range(3)]
    goal = Goal("a whole Loihi: CPU seconds to build", 1.0, None, " s", at_most=True)
    goals.add(goal, built, f"{statistics.median(built):.2f} s")
    held, _ = full_loihi.memory_of(network, parameters)
    synapses = parameters.weights[1].size
    least = synapses * full_loihi.SYNAPSE_BYTES / MIB
    text = f"{synapses:,} synapses of {full_loihi.SYNAPSE_BYTES} bytes: {least:.0f} MiB"
    goal = Goal("a whole Loihi: memory", 200, 100, " MB", at_most=True)
    goals.add(goal, [held * MIB / 1e6], f"{held:.0f} MiB", limit=Limit(least, text), seconds=held)


def _threads(goals: Goals) -> None:
    pairs = threads.in_turn_and_at_once("bernoulli")
    ratios = [alone / at_once for alone, at_once in pairs]
    goal = Goal("two chips on two threads", 1.7, 1.9)
    wall = statistics.median(at_once for _, at_once in pairs)
    limit = Limit(1.0, "2 threads: 2x")
    goals.add(
        goal, ratios, f"{wall:.2f} s", "-", limit, threads.THREADS / statistics.median(ratios)
    )


def _streaming(goals: Goals, own: Machine, mnist: str | None) -> Limit:
    """Learning MNIST one sample at a time; gives the least time of a sample."""
    data = experiment.load_data(make({"data": mnist_path(mnist)}))
    rates = streaming.blocks({"encoding": "bernoulli"}, data)
    limit = _least_of_learning(own, data)
    goal = Goal("784-800-10 learning, samples a CPU-second", 15_000, 25_000, "")
    middle = statistics.median(rates)
    goals.add(goal, rates, f"{1e6 / middle:.1f} us a sample", "-", limit, 1 / middle)
    return limit


def _least_of_learning(own: Machine, data: nc.data.Dataset) -> Limit:
    """Least seconds of a sample that is learned, by the events of some."""
    config = make({"hidden": SIZES[1:2], "timesteps": TIMESTEPS, "encoding": "bernoulli"})
    chip = experiment.build(config, data).chip
    (record,) = chip.learn(data.train.take(COUNTED))
    events = dict(zip(COUNTED_EVENTS, record.counters.sum(axis=(0, 1)) / COUNTED, strict=True))
    operations, updates = float(events["synaptic_ops"]), float(events["weight_updates"])
    neurons, axons = TIMESTEPS * sum(SIZES[1:]), TIMESTEPS * sum(SIZES[:-1])
    seconds = own.least(
        products=operations + updates,
        read=operations + neurons * NEURON_BYTES,
        changed=2 * updates + axons * TRACE_BYTES,
    )
    text = (
        f"{operations:,.0f} synapses of 1 byte, {updates:,.0f} updates of 2, {neurons:,} neurons "
        f"of {NEURON_BYTES}, {axons:,} traces of {TRACE_BYTES}: {seconds * 1e6:.1f} us"
    )
    return Limit(seconds, text)


def _torch(goals: Goals, mnist: str | None, per_sample: Limit) -> None:
    """All rows with torch beside them."""
    against = [
        (Goal("int8 batch 1 against hand-written torch, batch 1", 25, 50), "hand", 1),
        (Goal("int8 batch 1 against autograd torch, batch 1", 100, 150), "autograd", 1),
        (Goal("the same, autograd as the paper's authors write it", 100, 150), "published", 1),
        (Goal("int8 batch 1 against hand-written torch, batch 128", 4, 8), "hand", 128),
        (Goal("int8 batch 1 against autograd torch, batch 128", 4, 8), "autograd", 128),
    ]
    float_goals = [
        (Goal(f"float32 trainer against torch, batch 128: {work.name}", 3, 5), work)
        for work in trainer.WORK
        if (work.peer or "").startswith("hand")
    ]
    conv = Goal("convolution, int8 against autograd torch, batch 1", 8, 15)
    try:
        peer = Peer("torch", "torch_ottt")
    except PeerMissingError as why:
        for goal in [*(row[0] for row in against), *(row[0] for row in float_goals), conv]:
            goals.missing(goal, f"not installed: {why}")
        return
    with peer as torch:
        for goal, learner, batch in against:
            iterations = against_torch.ITERATIONS[learner, batch]
            for kind in against_torch.KINDS:
                learn = against_torch.chip_learner(mnist, kind)
                pairs = against_torch.in_turns(torch, learn, learner, batch, iterations)
                least = per_sample if kind == against_torch.MNIST else None
                _beside(goals, replace(goal, name=f"{goal.name}: {kind}"), pairs, 1e6, least)
        for goal, work in float_goals:
            pairs = [(theirs, ours) for ours, theirs in trainer.in_turns(work, torch)]
            _beside(goals, goal, pairs, 1e3, _float_limit(work), scale=1e-3)
        _beside(goals, conv, convolution.in_turns(mnist, torch), 1e6, None)
        goals.table.notes.append(f"torch {torch.version}, one thread, scripts in benchmarks/peers.")
        goals.table.notes.append(against_torch.SKIPS)


def _beside(
    goals: Goals,
    goal: Goal,
    pairs: Sequence[tuple[float, float]],
    shown: float,
    limit: Limit | None,
    scale: float = 1.0,
) -> None:
    """A row of ratios, theirs over ours, of pairs in `scale` seconds; shown in us or ms."""
    theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    unit = "us" if shown == 1e6 else "ms"
    cells = (f"{number * scale * shown:,.4g} {unit}" for number in (ours, theirs))
    goals.add(goal, [a / b for a, b in pairs], *cells, limit, ours * scale)


def _float_limit(work: trainer.Work) -> Limit:
    """Every product of the dense layers that isn't with a zero, as fast as sgemm."""
    lit, brightness = trainer.LIT, trainer.BRIGHTNESS
    (n_in, n, n_out), batch = SIZES, work.batch
    times = TIMESTEPS if work.are_spikes else 1
    spikes = lit * (brightness if work.are_spikes else 1.0)
    # Of an image the current of the first layer, and its gradient, need one product a batch; traces
    # come to where spikes have been.
    first = times * n_in * n * batch * (spikes + lit)
    last = TIMESTEPS * 3 * n * n_out * batch
    seconds = (first + last) / _sgemm()
    text = (
        f"{(first + last) / 1e6:.0f} M products with a number that isn't 0: {seconds * 1e3:.1f} ms"
    )
    return Limit(seconds, text)


def _sgemm() -> float:
    """Products and sums a second of numpy's matrix product, one thread, at its best."""
    a = np.random.default_rng(0).random((SQUARE, SQUARE), np.float32)
    taken = [against_torch.seconds_of(lambda: a @ a) for _ in range(PRODUCTS)]
    return float(SQUARE**3 / min(taken))


def _notes(own: Machine) -> list[str]:
    return [
        "Ratios: medians of rounds in which the two take turns, CPU time of one thread each; "
        "seconds to the first line, and of threads, are wall time. Other programs ran on the "
        "machine at the same time: ratios of turns hold better than times.",
        f"Limits, measured by this command on one thread: {own.products / 1e9:.0f} G products of "
        f"16 bits a second, {own.read / 1e9:.0f} GB/s read, {own.changed / 1e9:.0f} GB/s read and "
        f"written, with as many bytes as 784-800 weights of 8 bits ({own.size / 1e6:.2g} MB, which "
        f"the second-level cache holds). A limit is the larger of products over products a second "
        f"and bytes over bytes a second; visits of weights in steps without an error count, though "
        f"they are skipped.",
        *TRIED,
    ]
