"""When everything of a sample happens: messages routed one by one, cores as pipelines in order.

    clock = chip.clock()
    told = clock.sample(chip.observe(x, label))
    told.inference_ticks, told.learning_ticks  # picoseconds
    told.steps  # for `neurochip.traces`

A step is a row of phases, each of which begins when the one before has ended on all cores:

==========  ====================================================================================
spikes k    The cores of population k look at their neurons in turn and send the spikes of those
            that fire; the cores of the weights read them. Inputs (k = 0) enter at the port, a
            sender of its own in the tile of core 0 that takes no time for them.
readout     The same for the last population, whose spikes go nowhere but through feedback.
traces      Cores update the traces of the neurons that they hear.
errors k    Cores that have errors of the neurons above weight layer k read the rows of all
            neurons below backwards, one after the other, and send each sum to its neuron's core;
            from the top down to k = 1.
updates     Cores change their weights.
==========  ====================================================================================

The barrier ends the step. The last three kinds are learning's; networks with listed synapses or
feedback have none. What is counted is what the analytic account counts (`neurochip.chip.counts`),
whose time is never more than this; a cost that is unknown is left out of the sum and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import counts as count
from neurochip.chip.account import Account
from neurochip.chip.observe import Observation
from neurochip.chip.pace import ticks_of
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
from neurochip.hardware import EVENTS, Hardware, cost_table, link_table
from neurochip.kernels.timing import Outward, Routes
from neurochip.mapping.place import PORT
from neurochip.network import LI, LIF, Dense, Sparse
from neurochip.rules.ottt import Update

if TYPE_CHECKING:
    from neurochip.chip.chip import Chip
    from neurochip.data import Split

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_TICKS_PER_NANOSECOND = TICKS_PER_SECOND // 10**9
_SYNAPSES = ("synaptic_operation", "synaptic_operation_sparse", "synaptic_operation_convolution")


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


class Clock:
    """Times samples on a chip; deterministic, whatever the number of threads.

    Args:
        chip: what is timed.
        update: when weights change; as the chip's rule says if None.

    Raises:
        LimitError: the network has other layers than Dense, Sparse and neurons, errors come down by
            other weights than their own, or the schedule is "pipelined".
        HardwareError: a time or a buffer of the links is unknown.
    """

    def __init__(self, chip: Chip, update: Update | None = None) -> None:
        _check(chip)
        chip_map = self._map = chip.map
        self._update = chip.rule.update if update is None else update
        self._traced_from = 0 if chip.formats.traced_input else 1
        listed = any(isinstance(layer, Sparse) for layer in chip.network.layers)
        self._learns = not chip.network.feedback and not listed
        self._biased = np.concatenate(chip.integers.biases) != 0
        hardware, self._ticks = chip_map.hardware, ticks_of(chip_map.hardware)
        #: Cores of the chip, and the port.
        self._cores = hardware.limits.cores.value + 1
        tile = np.arange(self._cores) // hardware.limits.cores_per_tile.value
        tile[-1] = PORT // hardware.limits.cores_per_tile.value
        size = (hardware.mesh.width.value, hardware.mesh.height.value)
        self._mesh = make_mesh(*size, tile, links_of(hardware))
        barrier = cost_table(hardware).barrier[chip_map.n_tiles]
        self._barrier = _in_ticks(float(np.nan_to_num(barrier)))
        self._offsets = chip_map.topology.offsets
        self._routes = [self._routes_of(p) for p in range(len(self._offsets) - 1)]

    @property
    def port(self) -> int:
        """The number of the port among the cores of the mesh: the one after the chip's last."""
        return self._cores - 1

    def _routes_of(self, population: int) -> Routes:
        """The routes of one population's neurons, by the cores that hold them."""
        routes, slices = self._map.routes, self._map.slices
        if population == 0:
            cores = np.full(self._offsets[1], self._cores - 1)
        else:
            own = slices.of(population)
            cores = np.repeat(self._map.core[own], (slices.last - slices.first)[own])
        order = np.argsort(cores, kind="stable")
        times = [self._ticks[event] for event in _SYNAPSES]
        reading = routes.synapses.astype(np.int64) @ np.array(times)
        return Routes(
            first=np.searchsorted(cores[order], np.arange(self._cores + 1)),
            neurons=order + int(self._offsets[population]),
            group=np.repeat(np.arange(routes.source.size), routes.sizes),
            start=routes.start.astype(np.int64),
            target=routes.target.astype(np.int64),
            receive=self._ticks["message_in"] + reading + routes.words * self._ticks["word_read"],
        )

    def sample(self, seen: Observation) -> SampleTiming:
        """Time one sample by what its neurons did.

        Args:
            seen: as `Chip.observe` returns it.
        """
        sends = np.hstack(seen.signal) != 0
        holds = np.hstack((np.zeros_like(seen.signal[0]), *seen.v_pre)) != 0
        holds[:, self._offsets[1] :] |= self._biased
        factors = np.zeros_like(sends)
        factors[:, : self._offsets[-2]] = np.hstack(seen.factor) != 0
        deltas = np.zeros_like(sends)
        deltas[:, self._offsets[1] :] = np.hstack(seen.delta) != 0
        steps = []
        for t in range(len(sends)):
            before = sends[t - 1] if t else np.zeros_like(sends[0])
            active = count.active(self._map, sends[t], before, holds[t])
            inference = list(self._inference(sends[t], active))
            learning: Iterable[Phase] = ()
            if self._learns:
                learning = self._learning(factors[: t + 1], deltas[: t + 1], t == len(sends) - 1)
            steps.append(time_step(self._mesh, [*inference, *learning], self._barrier))
        return SampleTiming(tuple(steps), len(self._routes))

    def _inference(self, sends: Flags, active: Flags) -> Iterator[Phase]:
        """Phases 1 to 3; flags (N,) of one step."""
        ticks = self._ticks
        scan = np.where(active, ticks["neuron_active"], ticks["neuron_inactive"])
        scan[: self._offsets[1]] = 0
        fire, send = (np.full(self._cores, ticks[e]) for e in ("neuron_fired", "message_out"))
        fire[self.port] = send[self.port] = 0
        names = [f"spikes {population}" for population in range(len(self._routes) - 1)]
        for name, routes in zip((*names, "readout"), self._routes, strict=True):
            yield Phase.emitted(name, SPIKE, sends, routes, Outward(scan, fire, send))

    def _learning(self, factors: Flags, deltas: Flags, is_last: bool) -> Iterator[Phase]:
        """Phases 4, 6 and 7; flags (t + 1, N) of all steps so far."""
        changes = factors[-2:].any(axis=0)
        changes[: self._offsets[self._traced_from]] = False
        yield self._local("traces", count.count_traces(self._map, changes))
        if self._update == "last" and not is_last:
            return
        for layer in range(len(self._routes) - 2, 0, -1):
            yield self._errors(layer, deltas[-1])
        if self._update == "accumulate":
            changed = count.count_accumulation(self._map, factors[-1], deltas[-1])
            if is_last:
                changed += count.count_application(self._map, factors, deltas)
        else:
            changed = count.count_update(self._map, factors[-1], deltas[-1])
        yield self._local("updates", changed)

    def _errors(self, layer: int, deltas: Flags) -> Phase:
        """Messages from each core with errors of a layer to all hidden neurons below it."""
        has_errors, work = self._backward(layer, deltas)
        routes, below = self._map.routes, slice(*self._offsets[layer : layer + 2])
        group = self._routes[layer].group[below]
        fan_out = routes.fan_out[group]
        within = np.arange(fan_out.sum()) - np.repeat(np.cumsum(fan_out) - fan_out, fan_out)
        sender = routes.target[np.repeat(routes.start[group], fan_out) + within]
        home = np.repeat(routes.source[group], fan_out)
        reading = np.full(sender.size, self._ticks["message_in"])
        messages = np.stack([sender, home, work[sender], reading], axis=1)
        return Phase.of(f"errors {layer}", ERROR, self._cores, messages[has_errors[sender]])

    def _backward(self, layer: int, deltas: Flags) -> tuple[Flags, Ints]:
        """Cores with errors of a layer, and what each works for one row and its message, (C,)."""
        above = np.zeros_like(deltas)
        own = slice(*self._offsets[layer + 1 : layer + 3])
        above[own] = deltas[own]
        counts = count.count_transport(self._map, above)
        operations, words = (counts[:, EVENTS.index(e)] for e in ("error_operation", "word_read"))
        total = operations * self._ticks["error_operation"] + words * self._ticks["word_read"]
        # All rows are alike, so that each takes the same share.
        rows = int(self._offsets[layer + 1] - self._offsets[layer])
        return operations > 0, total // rows + self._ticks["error_message"]

    def _local(self, name: str, counts: Ints) -> Phase:
        """A phase in which nothing is sent: each core works off its own events, (cores, EVENTS)."""
        rest = np.zeros(self._cores, np.int64)
        rest[:-1] = counts @ np.array([self._ticks[event] for event in EVENTS])
        return Phase.of(name, SPIKE, self._cores, (), rest)


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
        timed = clock.sample(chip.observe(data.x[sample], int(data.y[sample]), sample))
        inference += timed.inference_ticks
        learning += timed.learning_ticks
    return replace(
        told,
        timing="cycle",
        inference_time=replace(told.inference_time, known=inference / told.samples),
        learning_time=replace(told.learning_time, known=learning / told.samples),
    )


def _check(chip: Chip) -> None:
    for number, layer in enumerate(chip.network.layers):
        if not isinstance(layer, Dense | Sparse | LIF | LI):
            raise LimitError(
                f"the network has a {type(layer).__name__} as layer {number}, but cycle timing is "
                f"of Dense, Sparse and LIF layers; use those, or analytic timing"
            )
    if chip.rule.feedback != "symmetric":
        raise LimitError(
            f"feedback is {chip.rule.feedback!r}, but cycle timing is of errors that come down "
            f"through the weights; set feedback to 'symmetric', or use analytic timing"
        )
    if chip.schedule != "layered":
        raise LimitError(
            f"schedule is {chip.schedule!r}, but cycle timing is of layers one after the other in "
            f"each step; set schedule to 'layered', or use analytic timing"
        )


def _in_ticks(nanoseconds: float) -> int:
    return round(nanoseconds * _TICKS_PER_NANOSECOND)
