"""The `pipelined` schedule: a spike of step t reaches the next layer at t + 1, as on Loihi.

Weight layer l then works on logical step t - l, and a sample takes T + L - 1 steps for L layers.
The error of logical step tau is there when the read-out has come to it, L - 1 steps after the
input; until then the traces and membranes of tau wait in delay lines. Weights change when the error
is there, after all layers have worked on their steps.

Whatever depends on a step (random words, counters) goes by the logical step, so accumulated updates
(OTTT-A) give the weights of the `layered` schedule bit for bit; online ones land later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import layout
from neurochip.kernels.arithmetic import copy_all
from neurochip.kernels.axon import axons_in, pool
from neurochip.kernels.jit import kernel, pipeline
from neurochip.kernels.ledger import PIPELINED
from neurochip.kernels.meter import begin_learning, end_step, settle
from neurochip.kernels.meter_inference import meter_late_spikes, meter_neurons
from neurochip.kernels.meter_learning import meter_traces
from neurochip.kernels.neuron import neurons, raw_factor, traces
from neurochip.kernels.readout import read_out
from neurochip.kernels.stopwatch import (
    ACCOUNTING,
    AXON_IN,
    NEURON,
    READ_OUT,
    SYNAPSE,
    TRACE,
    UPDATE,
    begin,
    mark,
)
from neurochip.kernels.stream import err_step, frame_of, start_sample, update
from neurochip.kernels.synapse import synapses


class DelayLines(NamedTuple):
    """What waits for its error: slot tau modulo L holds what belongs to logical step tau."""

    trace: NDArray[np.int32]  # (L, N) x below each weight layer
    v_pre: NDArray[np.int32]  # (L, N) membranes above it, before the reset


def delay_lines(core: layout.Core) -> DelayLines:
    """Empty lines for a core."""
    shape = (core.layers.size, core.trace.size)
    return DelayLines(np.zeros(shape, np.int32), np.zeros(shape, np.int32))


def late_view(core: layout.Core) -> layout.Core:
    """The same core for the phases that come late, with the traces and membranes of their step.

    It lists neurons apart too: those lists of the core are what the layers hear in the next step.
    """
    return core._replace(
        trace=np.zeros_like(core.trace),
        v_pre=np.zeros_like(core.v_pre),
        active=np.zeros_like(core.active),
    )


@pipeline
def wait(core, lines, number, tau):  # type: ignore[no-untyped-def]
    """Put what weight layer ``number`` holds of logical step tau into the delay lines."""
    layer = core.layers[number]
    slot = tau % lines.trace.shape[0]
    first, last = layer.pre, layer.pre + layer.n_in
    copy_all(core.trace[first:last], lines.trace[slot][first:last])
    first, last = layer.post, layer.post + layer.n_out
    copy_all(core.v_pre[first:last], lines.v_pre[slot][first:last])


@pipeline
def hidden_layer(core, meter, lines, number, tau, step, watch):  # type: ignore[no-untyped-def]
    """Phases 2 to 4 of one weight layer above the first, for logical step tau."""
    traces(core, number, tau, step)
    mark(watch, TRACE)
    synapses(core, number, tau)
    mark(watch, SYNAPSE)
    if number == core.layers.size - 1:
        read_out(core, tau)
        mark(watch, READ_OUT)
    else:
        neurons(core, number, tau)
        pool(core, number + 1)
        mark(watch, NEURON)
    meter_traces(core, meter, number)
    meter_late_spikes(core, meter, number)
    meter_neurons(core, meter, number)
    mark(watch, ACCOUNTING)
    wait(core, lines, number, tau)
    mark(watch, TRACE)


@pipeline
def first_layer(core, meter, lines, frame, sample, epoch, tau, step, watch):  # type: ignore[no-untyped-def]
    """Phases 1 to 4 of the weight layer at the input, for logical step tau."""
    axons_in(core, frame, sample, epoch, tau)
    mark(watch, AXON_IN)
    if core.settings[0].trace_input:
        traces(core, 0, tau, step)
        mark(watch, TRACE)
        meter_traces(core, meter, 0)
        mark(watch, ACCOUNTING)
    else:
        raw_factor(core)
        mark(watch, TRACE)
    synapses(core, 0, tau)
    mark(watch, SYNAPSE)
    if core.layers.size == 1:
        read_out(core, tau)
        mark(watch, READ_OUT)
    else:
        neurons(core, 0, tau)
        pool(core, 1)
        mark(watch, NEURON)
    meter_late_spikes(core, meter, 0)
    meter_neurons(core, meter, 0)
    mark(watch, ACCOUNTING)
    wait(core, lines, 0, tau)
    mark(watch, TRACE)


@pipeline
def late_phases(core, meter, late, lines, label, tau, step, watch):  # type: ignore[no-untyped-def]
    """Phases 5 to 7 for logical step tau, which the read-out has just come to."""
    s = core.settings[0]
    if s.update != layout.LAST or tau == s.timesteps - 1:
        slot = tau % lines.trace.shape[0]
        copy_all(lines.trace[slot], late.trace)
        copy_all(lines.v_pre[slot], late.v_pre)
        mark(watch, TRACE)
        err_step(late, meter, label, tau, step, watch)
        for number in range(core.layers.size):
            update(late, number, tau, step)
        mark(watch, UPDATE)


@pipeline
def learn_sample(core, meter, late, lines, frames, label, sample, epoch, first_step, watch):  # type: ignore[no-untyped-def]
    """Show one sample and learn from it; ``first_step`` is the number of its first logical step."""
    timesteps, depth = core.settings[0].timesteps, core.layers.size - 1
    start_sample(core)
    begin_learning(meter)
    mark(watch, AXON_IN)
    for t in range(timesteps + depth):
        # From the top down: each layer still finds below it the spikes of the step before.
        for number in range(depth, 0, -1):
            if 0 <= t - number < timesteps:
                tau = t - number
                hidden_layer(core, meter, lines, number, tau, first_step + tau, watch)
        if t < timesteps:
            frame = frame_of(frames, t)
            first_layer(core, meter, lines, frame, sample, epoch, t, first_step + t, watch)
        if t >= depth:
            tau = t - depth
            late_phases(core, meter, late, lines, label, tau, first_step + tau, watch)
        end_step(meter, PIPELINED)
        mark(watch, ACCOUNTING)


@kernel
def learn_stream_pipelined(  # type: ignore[no-untyped-def]
    core, meter, late, lines, inputs, labels, samples, epoch, n_learned, watch=None
):
    """Learn the listed samples in order; ``n_learned`` samples were learned before them.

    ``late`` is `late_view` of the core; inputs are (n, 1 or T, n_in) uint8, labels (n,) int64. A
    ``watch`` (`kernels.stopwatch`) is told of every phase.
    """
    begin(watch)
    for k in range(samples.size):
        sample = np.int64(samples[k])
        first_step = (n_learned + k) * core.settings[0].timesteps
        frames, label = inputs[sample], labels[sample]
        learn_sample(core, meter, late, lines, frames, label, sample, epoch, first_step, watch)
    settle(meter, PIPELINED)
    mark(watch, ACCOUNTING)
