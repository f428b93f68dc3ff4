"""The pipeline of a chip with faults: the kernels of a sound one, and what is broken in between.

A stuck bit of a weight's word takes no other value: after each write the word is forced through its
stuck bits, in two's complement of the weight's width. What isn't written holds them already.

A dead neuron gathers nothing: its membrane stays 0 and it never fires. It has no surrogate, so that
no error reaches its synapses or goes further down; a dead neuron of the read-out says 0 and its
error is dropped.

A neuron whose threshold is off compares with its own, and subtracts it where resets are soft. The
learning engine knows of the nominal one only: surrogates are those of a sound chip.

Bits flip where inference reads a weight (`kernels.flips`): in phase 2, of learning too. What
learning itself reads, in phases 6 and 7, is sound.

A sound chip runs `kernels.stream` and knows nothing of this.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels import layout
from neurochip.kernels.axon import axons_in, compact, pool
from neurochip.kernels.flips import flipped_synapses
from neurochip.kernels.jit import kernel, pipeline, unit
from neurochip.kernels.ledger import INFERENCE, LAYERED
from neurochip.kernels.meter import begin_inference, begin_learning, end_step, settle
from neurochip.kernels.meter_inference import meter_inference
from neurochip.kernels.meter_learning import meter_learning, meter_memory
from neurochip.kernels.neuron import integrate, raw_factor, surrogates, traces
from neurochip.kernels.readout import error_in, integrate_outputs, predicted, sum_outputs
from neurochip.kernels.shared_weights import copy_forward
from neurochip.kernels.stream import frame_of, start_sample, update
from neurochip.kernels.synapse import synapses
from neurochip.kernels.transport import any_nonzero, deltas_by_psi


class Damage(NamedTuple):
    """What is broken. S: synapses, N: neurons, in the order of `layout.Core`."""

    ones: NDArray[np.int8] | NDArray[np.int16]  # (S,) bits stuck at 1; (0,) where no bit is stuck
    others: NDArray[np.int8] | NDArray[np.int16]  # (S,) or (0,) all bits but those stuck at 0
    alive: NDArray[np.uint8]  # (N,) 0 of a dead neuron
    threshold: NDArray[np.int64]  # (N,) of a neuron that spikes, in units of v
    flips: NDArray[np.int64]  # (bits,) as `flips.as_read` takes them; (0,) where no bit flips
    seed: NDArray[np.int64]  # (1,) of the flips


# Stuck bits


@kernel
def hold_all(weights, ones, others):  # type: ignore[no-untyped-def]
    """Force words of weights through their stuck bits; return whether one changed."""
    changed = np.int64(0)
    for k in range(weights.size):
        held = (weights[k] | ones[k]) & others[k]
        changed |= held ^ weights[k]
        weights[k] = held
    return changed != 0


@kernel
def hold_layer(core, damage, number):  # type: ignore[no-untyped-def]
    """All weights of a layer, and of a convolution the copy that events read."""
    layer = core.layers[number]
    first, last = layer.weight_start, layer.weight_start + layer.rows * layer.columns
    weights = core.weights[first:last]
    changed = hold_all(weights, damage.ones[first:last], damage.others[first:last])
    if changed and layer.kind == layout.CONVOLUTION:
        copy_forward(core, number)


@kernel
def hold_rows(core, damage, number):  # type: ignore[no-untyped-def]
    """The rows of a dense layer that an update of this step has written: those with a factor."""
    layer = core.layers[number]
    n = layer.n_out
    for i in range(layer.n_in):
        if core.trace[layer.pre + i] != 0:
            at = layer.weight_start + i * n
            hold_all(
                core.weights[at : at + n], damage.ones[at : at + n], damage.others[at : at + n]
            )


@kernel
def hold(core, damage, number, t):  # type: ignore[no-untyped-def]
    """Force what the update of weight layer ``number`` in step t has written."""
    s = core.settings[0]
    if damage.ones.size == 0:
        return
    at_end = s.update == layout.ACCUMULATE
    if at_end and t < s.timesteps - 1:
        return
    if at_end or core.layers[number].kind == layout.CONVOLUTION:
        hold_layer(core, damage, number)
    else:
        hold_rows(core, damage, number)


# Synapses and neurons


@pipeline
def faulty_synapses(core, damage, number, sample, epoch, t):  # type: ignore[no-untyped-def]
    """Phase 2: rows are added as they are read."""
    if damage.flips.size:
        flipped_synapses(core, damage.flips, damage.seed[0], number, sample, epoch, t)
    else:
        synapses(core, number, t)


@kernel
def fire_by_own(core, damage, number):  # type: ignore[no-untyped-def]
    """`neuron.fire` with a threshold for each neuron."""
    s, layer = core.settings[0], core.layers[number]
    first, last = layer.post, layer.post + layer.n_out
    v, v_pre, spikes = core.v[first:last], core.v_pre[first:last], core.signal[first:last]
    threshold, reset_value = damage.threshold[first:last], layer.reset_value
    for j in range(v.size):
        spikes[j] = v_pre[j] >= threshold[j] + 1 - s.fires_at_threshold
    if layer.reset == layout.SOFT:
        for j in range(v.size):
            v[j] = v_pre[j] - threshold[j] * spikes[j]
    else:
        for j in range(v.size):
            v[j] = reset_value if spikes[j] else np.int64(v_pre[j])


@kernel
def silence(values, alive):  # type: ignore[no-untyped-def]
    """Set to 0 what dead neurons have."""
    for j in range(values.size):
        values[j] *= alive[j]


@kernel
def faulty_neurons(core, damage, number, t):  # type: ignore[no-untyped-def]
    """Phase 3 for the spiking population above weight layer ``number``."""
    layer = core.layers[number]
    first, last = layer.post, layer.post + layer.n_out
    alive = damage.alive[first:last]
    silence(core.accumulator[first:last], alive)
    integrate(core, number, t, layer.membrane_decay)
    silence(core.v_pre[first:last], alive)  # of its bias
    fire_by_own(core, damage, number)
    compact(core, number + 1, layer.post, layer.n_out)
    core.counters[t, number, layout.SPIKES_OUT] += core.n_active[number + 1]


@kernel
def faulty_read_out(core, damage, t):  # type: ignore[no-untyped-def]
    """Compute o[t], 0 of dead neurons, and add it to the sum that predicts."""
    number = core.layers.size - 1
    layer = core.layers[number]
    first, last = layer.post, layer.post + layer.n_out
    alive = damage.alive[first:last]
    if core.settings[0].readout == layout.SPIKING:
        faulty_neurons(core, damage, number, t)
    else:
        silence(core.accumulator[first:last], alive)
        integrate_outputs(core, t)
        silence(core.v_pre[first:last], alive)
        silence(core.v[first:last], alive)
    sum_outputs(core)


# Errors


@kernel
def faulty_surrogates(core, damage, number):  # type: ignore[no-untyped-def]
    """Psi of the population above weight layer ``number``, 0 of dead neurons."""
    layer = core.layers[number]
    first, last = layer.post, layer.post + layer.n_out
    surrogates(core, number)
    silence(core.psi[first:last], damage.alive[first:last])


@kernel
def faulty_error_in(core, damage, label, t):  # type: ignore[no-untyped-def]
    """Phase 5: the error of what the outputs say; dead neurons have no delta."""
    layer = core.layers[core.layers.size - 1]
    first, last = layer.post, layer.post + layer.n_out
    error_in(core, label, t)
    silence(core.psi[first:last], damage.alive[first:last])
    silence(core.delta[first:last], damage.alive[first:last])


@kernel
def faulty_transport(core, damage, t, step):  # type: ignore[no-untyped-def]
    """Phase 6: errors come down to every hidden neuron that is alive."""
    last = core.layers[core.layers.size - 1]
    if not any_nonzero(core.delta[last.post : last.post + last.n_out]):
        core.delta[core.layers[0].post : last.post] = 0
        return
    for number in range(core.layers.size - 1, 0, -1):
        faulty_surrogates(core, damage, number - 1)
        deltas_by_psi(core, number, t, step)


# A step, a stream

# Long parts are units: the streams of learning and of inference share their machine code.


@unit
def faulty_hidden(core, damage, number, sample, epoch, t):  # type: ignore[no-untyped-def]
    """Phases 2 and 3 of a hidden population."""
    faulty_synapses(core, damage, number, sample, epoch, t)
    faulty_neurons(core, damage, number, t)
    pool(core, number + 1)


@unit
def faulty_outputs(core, damage, sample, epoch, t):  # type: ignore[no-untyped-def]
    """Phases 2 and 3 of the read-out."""
    faulty_synapses(core, damage, core.layers.size - 1, sample, epoch, t)
    faulty_read_out(core, damage, t)


@unit
def faulty_errors(core, damage, label, t, step):  # type: ignore[no-untyped-def]
    """Phases 5 and 6."""
    faulty_error_in(core, damage, label, t)
    faulty_transport(core, damage, t, step)


@unit
def faulty_update(core, damage, number, t, step):  # type: ignore[no-untyped-def]
    """Phase 7 of one weight layer, into memories with stuck bits."""
    update(core, number, t, step)
    hold(core, damage, number, t)


@pipeline
def faulty_infer_step(core, damage, frame, sample, epoch, t):  # type: ignore[no-untyped-def]
    """One step of inference."""
    axons_in(core, frame, sample, epoch, t)
    for number in range(core.layers.size - 1):
        faulty_hidden(core, damage, number, sample, epoch, t)
    faulty_outputs(core, damage, sample, epoch, t)


@pipeline
def faulty_sense_step(core, damage, frame, sample, epoch, t, step):  # type: ignore[no-untyped-def]
    """The same with the traces kept up."""
    axons_in(core, frame, sample, epoch, t)
    if core.settings[0].trace_input:
        traces(core, 0, t, step)
    else:
        raw_factor(core)
    for number in range(core.layers.size - 1):
        faulty_hidden(core, damage, number, sample, epoch, t)
        traces(core, number + 1, t, step)
    faulty_outputs(core, damage, sample, epoch, t)


@pipeline
def faulty_learn_step(core, meter, damage, frame, label, sample, epoch, t, step):  # type: ignore[no-untyped-def]
    """One step of learning, metered as that of a sound chip with the same spikes and errors."""
    s = core.settings[0]
    faulty_sense_step(core, damage, frame, sample, epoch, t, step)
    meter_inference(core, meter)
    meter_memory(core, meter)
    if s.update != layout.LAST or t == s.timesteps - 1:
        faulty_errors(core, damage, label, t, step)
        meter_learning(core, meter, t == s.timesteps - 1)
        for number in range(core.layers.size):
            faulty_update(core, damage, number, t, step)
    end_step(meter, LAYERED)


@kernel
def infer_faulty_stream(core, meter, damage, inputs, samples, epoch, predictions):  # type: ignore[no-untyped-def]
    """`stream.infer_stream` with faults."""
    for k in range(samples.size):
        sample = samples[k]
        frames = inputs[sample]
        start_sample(core)
        begin_inference(core, meter)
        for t in range(core.settings[0].timesteps):
            faulty_infer_step(core, damage, frame_of(frames, t), sample, epoch, t)
            meter_inference(core, meter)
            end_step(meter, INFERENCE)
        predictions[k] = predicted(core)
    settle(meter, INFERENCE)


@kernel
def learn_faulty_stream(core, meter, damage, inputs, labels, samples, epoch, n_learned):  # type: ignore[no-untyped-def]
    """`stream.learn_stream` with faults."""
    timesteps = core.settings[0].timesteps
    for k in range(samples.size):
        sample = np.int64(samples[k])
        frames, label = inputs[sample], labels[sample]
        start_sample(core)
        begin_learning(meter)
        for t in range(timesteps):
            step = (n_learned + k) * timesteps + t
            frame = frame_of(frames, t)
            faulty_learn_step(core, meter, damage, frame, label, sample, epoch, t, step)
    settle(meter, LAYERED)
