"""Net A here and in Brian2Loihi: the same spikes, and how fast."""

from __future__ import annotations

import numpy as np

from benchmarks import net_a as ours
from benchmarks.nets import A_NEURONS, chip_of, integers_of, net_a
from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.table import Table

STEPS = 1000


def measure(_: str | None) -> Table:
    """Run net A, here and, where it is installed, there."""
    table = Table(
        f"Net A in Brian2Loihi, {STEPS:,} steps",
        ("network", "spikes", "differing", "neurochip, steps/CPU-s", "Brian2Loihi, steps/CPU-s"),
    )
    chip = chip_of(*net_a(STEPS))
    fired = chip.observe(np.zeros((STEPS, 1), np.uint8), 0).signal[1].astype(bool)
    speeds, _events = ours.measured()
    row = [f"{fired.sum():,} ({fired.mean():.1%})", "-", f"{np.median(speeds):,.0f}", "-"]
    try:
        with Peer("brian2loihi", "brian2loihi_chip") as peer:
            neurons, projections = integers_of(chip)
            back = projections[-1]
            answer = peer.ask(
                n=A_NEURONS,
                bias=neurons[0].bias,
                threshold=neurons[0].threshold,
                decay=neurons[0].decay,
                offsets=back.offsets,
                targets=back.targets,
                weights=back.weights,
                steps=STEPS,
            )
            theirs = np.zeros_like(fired)
            for t, which in enumerate(answer["spikes"]):
                theirs[t, which] = True
            row[1], row[3] = str(int((fired != theirs).sum())), f"{1 / answer['seconds']:,.0f}"
            table.notes.append(f"brian2-loihi {peer.version}.")
    except PeerMissingError as missing:
        table.notes.append(f"Brian2Loihi is not installed: {missing}.")
    table.add("A, 1024 recurrent", *row)
    table.notes.append(
        "It gets the chip's integers, synapses of each sign as a group of their own, and biases by "
        "Brian's run_regularly. Ours is timed with counters, energy and analytic time on; theirs "
        "after its code is generated, with a monitor of spikes. It learns by sums of products of "
        "traces, which OTTT is none of: its speed in learning has no counterpart here."
    )
    return table
