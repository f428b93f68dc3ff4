"""A recurrent population in Brian2Loihi: the peer of `benchmarks.brian2loihi`.

Run by a Python that has brian2-loihi. It reads one request a line from standard input, a JSON
object with `n`, `bias` (n integers in units of the membrane), `threshold`, `decay`, `offsets`,
`targets` and `weights` (in the same units) of listed synapses, and `steps`, and answers with the
spikes of every step and the CPU seconds that a step takes after compilation.

Its synapses of mixed signs hold even weights only, so those of each sign are a group of their own;
its neurons have no bias, so Brian's own `run_regularly` adds one to the current.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from brian2 import TimedArray, ms, prefs
from brian2_loihi import LoihiNetwork, LoihiNeuronGroup, LoihiSpikeMonitor, LoihiSynapses
from brian2_loihi.constants import synapse_sign_mode

#: The chip shifts thresholds and weights left by so much.
SHIFT = 6
SIGNS = ((1, synapse_sign_mode.EXCITATORY), (-1, synapse_sign_mode.INHIBITORY))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run it once to compile and see its spikes, and on to be timed."""
    steps, n = request["steps"], request["n"]
    neurons = LoihiNeuronGroup(
        n,
        refractory=1,
        threshold_v_mant=request["threshold"] >> SHIFT,
        decay_v=request["decay"],
        decay_I=4096,
    )
    bias = TimedArray(np.array([request["bias"]], float), dt=1e9 * ms)
    neurons.namespace["bias"] = bias
    neurons.run_regularly("I += bias(t, i)", dt=1 * ms, when="start")
    offsets, targets = np.array(request["offsets"]), np.array(request["targets"])
    weights = np.array(request["weights"]) >> SHIFT
    sources = np.repeat(np.arange(n), np.diff(offsets))
    groups = []
    for sign, mode in SIGNS:
        chosen = sign * weights > 0
        synapses = LoihiSynapses(neurons, sign_mode=mode, w_exp=0, num_weight_bits=8)
        synapses.connect(i=sources[chosen], j=targets[chosen])
        synapses.w = weights[chosen]
        groups.append(synapses)
    monitor = LoihiSpikeMonitor(neurons)
    network = LoihiNetwork(neurons, *groups, monitor)
    network.run(steps)
    at, which = np.array(monitor.t), np.array(monitor.i)
    start = time.process_time()
    network.run(steps)
    seconds = (time.process_time() - start) / steps
    first = at.min() if at.size else 0
    return {
        "spikes": [which[at == t].tolist() for t in range(steps)],
        "first": int(first),
        "seconds": seconds,
    }


def main() -> None:
    """Answer requests until standard input ends."""
    target = prefs.codegen.target
    told = f"{version('brian2-loihi')} on Brian2 {version('brian2')}, code generation {target}"
    print(json.dumps({"version": told}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
