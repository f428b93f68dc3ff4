"""When everything of a sample happens: messages routed one by one, cores as pipelines in order.

    clock = chip.clock()
    told = clock.sample(x, label)
    told.inference_ticks, told.learning_ticks  # picoseconds
    told.steps  # for `neurochip.traces`

A step is a row of phases, each of which begins when the one before has ended on all cores:

==========  ====================================================================================
spikes k    The cores of population k look at their neurons in turn and send the spikes of those
            that fire, one message to a core for all synapses there; the cores of the weights read
            them, those too that lead back. Inputs (k = 0) enter at the port, a sender of its own
            in the tile of core 0 that takes no time for them.
readout     The same of the last population, which sends where synapses lead back from it.
traces      Cores update the traces of the axons that they hear.
errors k    Cores that have errors of the neurons above weight layer k read their rows backwards
            and send each neuron below that they hear its sum, to its core; from the top down to
            k = 1. The time that a core reads is spread evenly over its messages. Direct feedback
            comes from the cores of the read-out, to all hidden neurons.
updates     Cores change their weights, or sums beside them.
==========  ====================================================================================

The barrier ends the step. The last three kinds are learning's, which a network with listed synapses
or loops doesn't do. What is counted is what the analytic account counts (`neurochip.chip.meter`),
whose time is never more than this; a cost that is unknown is left out of the sum and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.chip.account import Account
from neurochip.chip.activity import Activity, Learned, LearningWork, watch
from neurochip.chip.pace import SYNAPSES, ticks_of
from neurochip.chip.senders import Units, deliveries, homes_of_errors, leaving, units_of
from neurochip.chip.traffic import (
    ERROR,
    SPIKE,
    TICKS_PER_SECOND,
    Links,
    Phase,
    StepTiming,
    make_mesh,
    time_step,
)
from neurochip.errors import HardwareError, LimitError
from neurochip.hardware import Hardware, cost_table, link_table
from neurochip.kernels.timing import Outward, Routes
from neurochip.mapping import ChipMap
from neurochip.mapping.place import PORT
from neurochip.mapping.topology import KINDS
from neurochip.rules.ottt import Update

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip
    from neurochip.data import Split

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_TICKS_PER_NANOSECOND = TICKS_PER_SECOND // 10**9


@dataclass(frozen=True, eq=False)
class SampleTiming:
    """When everything of one sample happened.

    Attributes:
        steps: (T,) each with all its phases, those of inference first.
        inference_phases: how many of a step's phases are inference.
    """

    steps: tuple[StepTiming, ...]
    inference_phases: int

    @property
    def inference_ticks(self) -> int:
        """Picoseconds of the sample without learning, barriers included."""
        return sum(step.ticks for step in self.steps) - self.learning_ticks

    @property
    def learning_ticks(self) -> int:
        """Picoseconds that learning adds."""
        learning = slice(self.inference_phases, None)
        return sum(phase.ticks for step in self.steps for phase in step.phases[learning])


def links_of(hardware: Hardware) -> Links:
    """Times and buffers of a chip's links, in ticks.

    Raises:
        HardwareError: one of them is unknown.
    """
    known = link_table(hardware)
    mesh_keys = ("link_buffer", "link_gap", "port_gap", "router_entry")
    for key, value in zip(mesh_keys, known, strict=True):
        if np.isnan(value):
            raise HardwareError(
                f"hardware {hardware.name!r}: mesh.{key} is unknown, but cycle timing needs it; "
                f"give it in a file that extends {hardware.name!r}, or use analytic timing"
            )
    ticks, buffer = ticks_of(hardware), int(known.buffer)
    gap, port = (_in_ticks(value) for value in (known.link_gap, known.port_gap))
    entry, exit_ = _in_ticks(known.router_entry), ticks["spike_in_tile"]
    return Links(
        hop=(ticks["hop_east_west"], ticks["hop_north_south"], entry, exit_),
        gap=(gap, gap, port, port),
        slots=(buffer, buffer, buffer, buffer),
    )


class _Sending(NamedTuple):
    """Where the spikes of one population go.

    Attributes:
        routes: of its neurons, by the cores that hold them.
        span: first and last neuron of the population.
    """

    routes: Routes
    span: slice


class Clock:
    """Times samples on a chip; deterministic, whatever the number of threads.

    Args:
        chip: what is timed.
        update: when weights change; as the chip's rule says if None.

    Raises:
        LimitError: the schedule is "pipelined".
        HardwareError: a time or a buffer of the links is unknown.
    """

    def __init__(self, chip: Chip, update: Update | None = None) -> None:
        _check(chip)
        self._chip, self._map = chip, chip.map
        self._update: Update = chip.rule.update if update is None else update
        hardware = chip.map.hardware
        self._ticks = ticks_of(hardware)
        #: Cores of the chip, and the port.
        self._cores = hardware.limits.cores.value + 1
        tile = np.arange(self._cores) // hardware.limits.cores_per_tile.value
        tile[-1] = PORT // hardware.limits.cores_per_tile.value
        size = (hardware.mesh.width.value, hardware.mesh.height.value)
        self._mesh = make_mesh(*size, tile, links_of(hardware))
        barrier = cost_table(hardware).barrier[chip.map.n_tiles]
        self._barrier = _in_ticks(float(np.nan_to_num(barrier)))
        populations = range(len(chip.map.topology.populations))
        self._sending = [_sending(chip.map, k, self._cores, self._ticks) for k in populations]

    @cached_property
    def _homes(self) -> list[dict[int, Ints]]:
        """Where errors go; they never do in a network that can't learn."""
        feedback, hidden = self._chip.rule.feedback, range(1, len(self._sending) - 1)
        return [homes_of_errors(self._map, layer, feedback) for layer in hidden]

    @property
    def port(self) -> int:
        """The number of the port among the cores of the mesh: the one after the chip's last."""
        return self._cores - 1

    def sample(self, x: ArrayLike, label: int, index: int = 0) -> SampleTiming:
        """Time one sample, with the weights as they are; nothing is learned.

        Args:
            x: as `Chip.encode` takes it but without the first axis.
            label: its class.
            index: its number in the data set, which keys Bernoulli inputs.

        Raises:
            DataError: the sample or the label isn't the network's.
        """
        return self.time(self.watch(x, label, index))

    def watch(self, x: ArrayLike, label: int, index: int = 0) -> Activity:
        """Show the chip one sample and note what happens; arguments as of `sample`."""
        pipeline = self._chip.rehearse(x, label, index, self._update)
        return watch(pipeline, LearningWork(pipeline.meter, self._ticks))

    def time(self, seen: Activity) -> SampleTiming:
        """Time what was seen of one sample; this may be done in any thread."""
        before = np.zeros_like(seen.sends[0])
        steps = []
        for t, sends in enumerate(seen.sends):
            phases = list(self._inference(sends, before, seen.holds[t]))
            if seen.learned:
                phases += self._learning(seen.learned[t], t == len(seen.sends) - 1)
            steps.append(time_step(self._mesh, phases, self._barrier))
            before = sends
        return SampleTiming(tuple(steps), len(self._sending))

    def _inference(self, sends: Flags, before: Flags, holds: Flags) -> Iterator[Phase]:
        """Phases 1 to 3; (N,) who sends in this step, who did in the one before, and who has a bias
        or a membrane.
        """
        outward = self._outward(sends, before, holds)
        for population, sending in enumerate(self._sending):
            is_last = population == len(self._sending) - 1
            name = "readout" if is_last else f"spikes {population}"
            yield Phase.emitted(name, SPIKE, sends, sending.routes, outward)

    def _outward(self, sends: Flags, before: Flags, holds: Flags) -> Outward:
        """Times of the senders; inputs take none."""
        topology, ticks = self._map.topology, self._ticks
        active, inputs = holds.copy(), self._sending[0].span
        for projection in topology.projections:
            source, target = (self._sending[k].span for k in (projection.source, projection.target))
            heard = before if projection.target <= projection.source else sends
            if heard[source].any() and not active[target].all():
                active[target] |= projection.reached(heard[source])
        scan = np.where(active, ticks["neuron_active"], ticks["neuron_inactive"])
        scan[inputs] = 0
        times = np.array([[ticks["neuron_fired"]], [ticks["message_out"]]])
        fire, send = np.repeat(times, self._cores, axis=1)
        fire[self.port] = send[self.port] = 0
        return Outward(scan, fire, send)

    def _learning(self, learned: Learned, is_last: bool) -> Iterator[Phase]:
        """Phases 4, 6 and 7 of one step, the last of a sample or not."""
        yield self._local("traces", learned.traces)
        if self._update == "last" and not is_last:
            return
        for layer in range(len(self._homes), 0, -1):
            yield self._errors(layer, learned.errors[layer], learned.sent[layer])
        yield self._local("updates", learned.updates)

    def _errors(self, layer: int, work: Ints, sent: Ints) -> Phase:
        """Messages from each core with errors of a layer to the neurons below that it hears."""
        messages, rest = [], np.zeros(self._cores, np.int64)
        for core in np.flatnonzero(sent).tolist():
            homes = self._homes[layer - 1][core]
            each, rest[core] = divmod(int(work[core]), homes.size)
            times = (each + self._ticks["error_message"], self._ticks["message_in"])
            columns = np.broadcast_arrays(core, homes, *times)
            messages.append(np.stack(columns, axis=1))
        every = np.concatenate([np.zeros((0, 4), np.int64), *messages])
        return Phase.of(f"errors {layer}", ERROR, self._cores, every, rest)

    def _local(self, name: str, work: Ints) -> Phase:
        """A phase in which nothing is sent: each core works for itself, (cores,) ticks."""
        return Phase.of(name, SPIKE, self._cores, (), np.append(work, 0))


def _sending(chip_map: ChipMap, population: int, cores: int, ticks: Mapping[str, int]) -> _Sending:
    """The routes of one population's spikes."""
    begin, end = chip_map.topology.offsets[population : population + 2].tolist()
    units, out = units_of(chip_map, population), leaving(chip_map, population)
    every = deliveries(chip_map, population, units)
    times = np.array([ticks[SYNAPSES[KINDS.index(entry.kind)]] for entry in out], np.int64)
    reading = every.synapses * times[every.projection] + every.words * ticks["word_read"]
    route, of = np.unique(every.unit * cores + every.core, return_inverse=True)
    receive = np.full(route.size, ticks["message_in"])
    np.add.at(receive, of, reading)
    homes = _homes_of(chip_map, population, cores - 1)
    order = np.argsort(homes, kind="stable")
    group = np.zeros(int(chip_map.topology.offsets[-1]), np.int64)
    group[begin:end] = _group_of(units, end - begin)
    routes = Routes(
        first=np.searchsorted(homes[order], np.arange(cores + 1)),
        neurons=order + begin,
        group=group,
        start=np.searchsorted(route, np.arange(group[begin:end].max() + 2) * cores),
        target=route % cores,
        receive=receive,
    )
    return _Sending(routes, slice(begin, end))


def _homes_of(chip_map: ChipMap, population: int, port: int) -> Ints:
    """The core of each neuron of a population, the port of an input."""
    if population == 0:
        return np.full(chip_map.topology.populations[0].size, port)
    slices, own = chip_map.slices, chip_map.slices.of(population)
    return np.repeat(chip_map.core[own].astype(np.int64), (slices.last - slices.first)[own])


def _group_of(units: Units, size: int) -> Ints:
    """The unit of each neuron of a population; of one that sends nothing, a single one."""
    sizes = np.diff(units.first) if units.home.size else np.array([size])
    return np.repeat(np.arange(sizes.size), sizes)


def in_cycles(told: Account, chip: Chip, data: Split) -> Account:
    """The same account with the times of its samples found message by message.

    Args:
        told: an account by analytic timing, of the first samples of ``data``.
        chip: of which it is.
        data: samples and labels.

    Raises:
        LimitError, HardwareError: as `Clock` does.
    """
    clock, inference, learning = Clock(chip, told.update), 0, 0
    for sample in range(told.samples):
        timed = clock.sample(data.x[sample], int(data.y[sample]), sample)
        inference += timed.inference_ticks
        learning += timed.learning_ticks
    return replace(
        told,
        timing="cycle",
        inference_time=replace(told.inference_time, known=inference / told.samples),
        learning_time=replace(told.learning_time, known=learning / told.samples),
    )


def _check(chip: Chip) -> None:
    if chip.schedule != "layered":
        raise LimitError(
            f"schedule is {chip.schedule!r}, but cycle timing is of layers one after the other in "
            f"each step; set schedule to 'layered', or use analytic timing"
        )


def _in_ticks(nanoseconds: float) -> int:
    return round(nanoseconds * _TICKS_PER_NANOSECOND)
