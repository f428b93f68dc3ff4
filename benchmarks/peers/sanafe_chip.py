"""SANA-FE on request: a chip and a network from its YAML, spikes, energy and times back."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from typing import Any

import sanafe


def simulate(request: dict[str, Any]) -> dict[str, Any]:
    """Run one network for some steps under one of the timing models."""
    chip_description = sanafe.load_arch(request["architecture"])
    net = sanafe.load_net(request["network"], chip_description)
    # Once with traces, which take time, and once without.
    traced = sanafe.SpikingChip(chip_description)
    traced.load(net)
    seen = traced.sim(
        request["steps"], timing_model=request["timing"], spike_trace=True, perf_trace=True
    )
    timed = sanafe.SpikingChip(chip_description)
    timed.load(net)
    start = time.process_time()
    timed.sim(request["steps"], timing_model=request["timing"])
    seconds = time.process_time() - start
    return {
        "spikes": [sorted(neuron.neuron_offset for neuron in step) for step in seen["spike_trace"]],
        "energy": seen["energy"],
        "times": seen["perf_trace"]["sim_time"],
        "seconds": seconds,
    }


def main() -> None:
    """Answer requests until standard input ends."""
    # SANA-FE reports its progress on standard output, where the answers belong.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"version": version("sanafe")}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(simulate(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
