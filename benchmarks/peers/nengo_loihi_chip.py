"""NengoLoihi's emulator on request: a network of integers in, spikes and CPU seconds back."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says which Nengo it was tested with
    import nengo_loihi
    from nengo_loihi.block import Axon, LoihiBlock, Synapse
    from nengo_loihi.emulator.interface import EmulatorInterface
    from nengo_loihi.inputs import SpikeInput

V_END = 2**23 - 1


def block_of(neurons: dict[str, Any]) -> LoihiBlock:
    """A population with integers in place of the floats that Nengo would discretise."""
    n = len(neurons["bias"])
    block = LoihiBlock(n)
    part = block.compartment
    # The emulator adds 1 to what the chip's register holds.
    part.decay_u = np.full(n, neurons["current_decay"] - 1, np.int32)
    part.decay_v = np.full(n, neurons["decay"], np.int32)
    part.vth = np.full(n, neurons["threshold"], np.int32)
    part.bias = np.array(neurons["bias"], np.int32)
    part.scale_u = part.scale_v = False
    part.vmin, part.vmax = -V_END, V_END
    part.noise_exp = part.noise_offset = 0
    return block


def synapse_of(entry: dict[str, Any]) -> Synapse:
    """Rows of weights, one an axon."""
    offsets = entry["offsets"]
    synapse = Synapse(len(offsets) - 1)
    weights, targets = np.array(entry["weights"], np.int32), np.array(entry["targets"], np.int32)
    ends = [(offsets[i], offsets[i + 1]) for i in range(len(offsets) - 1)]
    synapse.weights = [weights[first:last][np.newaxis] for first, last in ends]
    synapse.indices = [targets[first:last][np.newaxis] for first, last in ends]
    return synapse


def model_of(request: dict[str, Any]) -> SimpleNamespace:
    """What the emulator reads of a model."""
    spikes = request["inputs"]
    inputs = SpikeInput(request["n_in"])
    for t, active in enumerate(spikes, start=1):
        inputs.add_spikes(t, np.array(active, np.int64), permanent=True)
    blocks = [block_of(neurons) for neurons in request["neurons"]]
    for entry in request["projections"]:
        synapse = synapse_of(entry)
        blocks[entry["target"] - 1].add_synapse(synapse)
        axon = Axon(synapse.n_axons)
        axon.target = synapse
        (blocks[entry["source"] - 1] if entry["source"] else inputs).add_axon(axon)
    return SimpleNamespace(blocks=blocks, inputs=[inputs], probes=[], dt=0.001)


def simulate(request: dict[str, Any]) -> dict[str, Any]:
    """Run some steps: once looked at, once timed."""
    seen = EmulatorInterface(model_of(request), seed=0)
    spikes = []
    for _ in range(request["steps"]):
        seen.step()
        where = seen.block_info.slices.values()
        spikes.append([seen.compartment.spiked[part].nonzero()[0].tolist() for part in where])
    timed = EmulatorInterface(model_of(request), seed=0)
    start = time.process_time()
    timed.run_steps(request["steps"])
    return {"spikes": spikes, "seconds": time.process_time() - start}


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"version": nengo_loihi.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(simulate(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
