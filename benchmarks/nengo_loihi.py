"""Nets A and B here and in NengoLoihi's emulator: the same spikes, and how fast."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.nets import chip_of, net_a, net_b, spikes_of
from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.table import Table
from neurochip.chip import Chip
from neurochip.network import Network, Parameters

STEPS = 300
#: Ours are timed over more steps, because a few hundred take less than the clock's tick.
LONGER = 20_000


def measure(_: str | None) -> Table:
    """Run both networks, here and, where it is installed, there."""
    table = Table(
        f"Nets A and B in NengoLoihi's emulator, {STEPS} steps",
        (
            "network",
            "spikes, by population",
            "differing",
            "neurochip, steps/CPU-s",
            "NengoLoihi, steps/CPU-s",
        ),
    )
    try:
        with Peer("nengo_loihi", "nengo_loihi_chip") as peer:
            _add(table, peer)
            table.notes.append(f"nengo-loihi {peer.version}.")
    except PeerMissingError as missing:
        _add(table, None)
        table.notes.append(f"NengoLoihi is not installed: {missing}.")
    table.notes.append(
        "Its blocks get the chip's integers: weights shifted left by 6, biases, thresholds, "
        "decays; the current isn't filtered. There a spike reaches the next population a step "
        "later, here within the step, so each population is compared a "
        "step later than the one below it. "
        f"Ours is timed over {LONGER:,} steps with counters on, theirs over {STEPS}."
    )
    return table


def _add(table: Table, peer: Peer | None) -> None:
    silent = np.zeros((1, STEPS, 1), np.uint8)
    net, parameters = net_a(STEPS)
    speed = _speed(*net_a(LONGER), np.zeros((1, 1), np.uint8))
    table.add("A, 1024 recurrent", *_row(chip_of(net, parameters), silent, peer, speed))
    net, parameters, spikes = net_b(STEPS)
    speed = _speed(*net_b(LONGER))
    table.add("B, 784-800-10", *_row(chip_of(net, parameters), spikes, peer, speed))


def _row(chip: Chip, inputs: NDArray[np.uint8], peer: Peer | None, speed: float) -> list[str]:
    ours = chip.observe(inputs[0], 0).signal[1:]
    spikes = ", ".join(f"{fired.sum():,} ({fired.mean():.1%})" for fired in ours)
    row = [spikes, "-", f"{speed:,.0f}", "-"]
    if peer is not None:
        theirs, seconds = spikes_of(peer, chip, inputs)
        row[1] = str(sum(int((a != b).sum()) for a, b in zip(ours, theirs, strict=True)))
        row[3] = f"{1 / seconds:,.0f}"
    return row


def _speed(net: Network, parameters: Parameters, inputs: NDArray[np.uint8]) -> float:
    chip = chip_of(net, parameters)
    chip.predict(inputs)
    start = time.process_time()
    chip.predict(inputs)
    return net.timesteps / (time.process_time() - start)
