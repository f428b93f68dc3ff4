"""The pipeline: a step, a sample, a stream of samples. One call from Python runs a whole stream."""

from __future__ import annotations

import numpy as np

from neurochip.kernels import layout
from neurochip.kernels.accumulation import accumulate, apply_accumulated
from neurochip.kernels.axon import axons_in, pool
from neurochip.kernels.jit import kernel, pipeline
from neurochip.kernels.ledger import INFERENCE, LAYERED
from neurochip.kernels.meter import begin_inference, begin_learning, end_step, settle
from neurochip.kernels.meter_inference import meter_inference
from neurochip.kernels.meter_learning import meter_learning, meter_memory
from neurochip.kernels.neuron import neurons, raw_factor, traces
from neurochip.kernels.plasticity import update_online
from neurochip.kernels.readout import error_in, predicted, read_out
from neurochip.kernels.stopwatch import (
    ACCOUNTING,
    AXON_IN,
    ERROR,
    NEURON,
    READ_OUT,
    SYNAPSE,
    TRACE,
    TRANSPORT,
    UPDATE,
    begin,
    mark,
)
from neurochip.kernels.synapse import synapses
from neurochip.kernels.transport import transport


@pipeline
def start_sample(core):  # type: ignore[no-untyped-def]
    """Nothing of one sample reaches the next."""
    core.current[:] = 0
    core.v[:] = 0
    core.trace[:] = 0
    core.output_trace[:] = 0
    core.output_sum[:] = 0
    core.n_active[:] = 0
    core.n_spikes[:] = 0


@pipeline
def infer_step(core, frame, sample, epoch, t, watch):  # type: ignore[no-untyped-def]
    """One step of inference: axon in, synapse, neuron, layer by layer; read-out."""
    axons_in(core, frame, sample, epoch, t)
    mark(watch, AXON_IN)
    n_hidden = core.layers.size - 1
    for number in range(n_hidden):
        synapses(core, number, t)
        mark(watch, SYNAPSE)
        neurons(core, number, t)
        pool(core, number + 1)
        mark(watch, NEURON)
    synapses(core, n_hidden, t)
    mark(watch, SYNAPSE)
    read_out(core, t)
    mark(watch, READ_OUT)


@pipeline
def sense_step(core, frame, sample, epoch, t, step, watch=None):  # type: ignore[no-untyped-def]
    """Phases 1 to 4 and the read-out: an inference step that keeps the traces up."""
    axons_in(core, frame, sample, epoch, t)
    mark(watch, AXON_IN)
    if core.settings[0].trace_input:
        traces(core, 0, t, step)
    else:
        raw_factor(core)
    mark(watch, TRACE)
    n_hidden = core.layers.size - 1
    for number in range(n_hidden):
        synapses(core, number, t)
        mark(watch, SYNAPSE)
        neurons(core, number, t)
        pool(core, number + 1)
        mark(watch, NEURON)
        traces(core, number + 1, t, step)
        mark(watch, TRACE)
    synapses(core, n_hidden, t)
    mark(watch, SYNAPSE)
    read_out(core, t)
    mark(watch, READ_OUT)


@pipeline
def update(core, number, t, step):  # type: ignore[no-untyped-def]
    """Phase 7 of one weight layer."""
    s = core.settings[0]
    if s.update == layout.ACCUMULATE:
        accumulate(core, number, t)
        if t == s.timesteps - 1:
            apply_accumulated(core, number, t, step)
    else:
        update_online(core, number, t, step)


@pipeline
def err_step(core, meter, label, t, step, watch):  # type: ignore[no-untyped-def]
    """Phases 5 and 6: errors, from the read-out down to the first hidden population."""
    error_in(core, label, t)
    mark(watch, ERROR)
    transport(core, t, step)
    mark(watch, TRANSPORT)
    meter_learning(core, meter, t == core.settings[0].timesteps - 1)
    mark(watch, ACCOUNTING)


@pipeline
def learn_step(core, meter, frame, label, sample, epoch, t, step, watch):  # type: ignore[no-untyped-def]
    """One step of learning: all seven phases, the last three only where the rule asks for them."""
    s = core.settings[0]
    sense_step(core, frame, sample, epoch, t, step, watch)
    meter_inference(core, meter)
    meter_memory(core, meter)
    mark(watch, ACCOUNTING)
    if s.update != layout.LAST or t == s.timesteps - 1:
        err_step(core, meter, label, t, step, watch)
        for number in range(core.layers.size):
            update(core, number, t, step)
        mark(watch, UPDATE)
    end_step(meter, LAYERED)
    mark(watch, ACCOUNTING)


@pipeline
def frame_of(frames, t):  # type: ignore[no-untyped-def]
    """The input of step t: static samples (1, n_in) show the same frame in every step."""
    return frames[t if frames.shape[0] > 1 else 0]


@pipeline
def infer_sample(core, meter, frames, sample, epoch, watch):  # type: ignore[no-untyped-def]
    """Show one sample (1 or T, n_in) and return the predicted class."""
    start_sample(core)
    mark(watch, AXON_IN)
    begin_inference(core, meter)
    mark(watch, ACCOUNTING)
    for t in range(core.settings[0].timesteps):
        infer_step(core, frame_of(frames, t), sample, epoch, t, watch)
        meter_inference(core, meter)
        end_step(meter, INFERENCE)
        mark(watch, ACCOUNTING)
    return predicted(core)


@pipeline
def learn_sample(core, meter, frames, label, sample, epoch, n_learned, watch):  # type: ignore[no-untyped-def]
    """Show one sample and learn from it; ``n_learned`` samples were learned before it."""
    timesteps = core.settings[0].timesteps
    start_sample(core)
    mark(watch, AXON_IN)
    begin_learning(meter)
    mark(watch, ACCOUNTING)
    for t in range(timesteps):
        step = n_learned * timesteps + t
        learn_step(core, meter, frame_of(frames, t), label, sample, epoch, t, step, watch)


@kernel
def infer_stream(core, meter, inputs, samples, epoch, predictions, watch=None):  # type: ignore[no-untyped-def]
    """Predict the listed samples of inputs (n, 1 or T, n_in) uint8 into predictions (k,).

    A ``watch`` (`kernels.stopwatch`) is told of every phase.
    """
    begin(watch)
    for k in range(samples.size):
        sample = samples[k]
        predictions[k] = infer_sample(core, meter, inputs[sample], sample, epoch, watch)
    settle(meter, INFERENCE)
    mark(watch, ACCOUNTING)


@kernel
def learn_stream(core, meter, inputs, labels, samples, epoch, n_learned, watch=None):  # type: ignore[no-untyped-def]
    """Learn the listed samples in order; ``n_learned`` samples were learned before them.

    A ``watch`` (`kernels.stopwatch`) is told of every phase.
    """
    begin(watch)
    for k in range(samples.size):
        sample = np.int64(samples[k])
        frames, label = inputs[sample], labels[sample]
        learn_sample(core, meter, frames, label, sample, epoch, n_learned + k, watch)
    settle(meter, LAYERED)
    mark(watch, ACCOUNTING)


@kernel
def factor_energy(core, inputs, energy):  # type: ignore[no-untyped-def]
    """Add up the squares of every layer's presynaptic factors over samples and steps.

    inputs (n, 1 or T, n_in) uint8; energy (L,) float64, in squared units of the factors' registers.
    A factor counts once for each synapse of the same weight row that reads it.
    """
    for sample in range(inputs.shape[0]):
        start_sample(core)
        for t in range(core.settings[0].timesteps):
            frame = frame_of(inputs[sample], t)
            sense_step(core, frame, sample, layout.EVALUATION_EPOCH, t, t, None)
            for number in range(core.layers.size):
                layer = core.layers[number]
                x = core.trace[layer.pre : layer.pre + layer.n_in]
                fan_out = core.fan_out[layer.pre : layer.pre + layer.n_in]
                for i in range(x.size):
                    reads = fan_out[i] // layer.columns
                    energy[number] += np.float64(x[i]) * np.float64(x[i]) * reads
