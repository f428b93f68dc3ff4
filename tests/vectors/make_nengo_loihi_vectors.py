"""Writes nengo_loihi.npz: spikes of NengoLoihi's emulator for small networks like nets A and B.

Run `make peers` first, then `python -m tests.vectors.make_nengo_loihi_vectors` in the repository's
root. The networks and what the chip's integers say of them come from `benchmarks.nets`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.nets import chip_of, net_a, net_b, spikes_of
from benchmarks.peers.process import Peer

STEPS = 200
A_NEURONS, B_SIZES, CURRENT_LAM = 128, (40, 60, 10), 0.75


def main() -> None:
    """Ask the emulator and write the file."""
    arrays = {}
    with Peer("nengo_loihi", "nengo_loihi_chip") as peer:
        silent = np.zeros((1, STEPS, 1), np.uint8)
        for name, current_lam in (("a", 0.0), ("a_filtered", CURRENT_LAM)):
            chip = chip_of(*net_a(STEPS, A_NEURONS, current_lam=current_lam))
            spikes, _ = spikes_of(peer, chip, silent)
            arrays[name] = np.packbits(spikes[0], axis=1)
        net, parameters, x = net_b(STEPS, B_SIZES)
        spikes, _ = spikes_of(peer, chip_of(net, parameters), x)
        arrays |= {f"b{number}": np.packbits(s, axis=1) for number, s in enumerate(spikes)}
        np.savez_compressed(Path(__file__).with_name("nengo_loihi.npz"), **arrays)
        print(f"nengo-loihi {peer.version}", {name: array.shape for name, array in arrays.items()})


if __name__ == "__main__":
    main()
