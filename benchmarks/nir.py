"""Networks trained in snnTorch, written as NIR there and run here: do the spikes agree?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import neurochip as nc
from benchmarks.peers.process import Peer, PeerMissingError
from benchmarks.table import Table
from neurochip.network.neurons import Reset
from neurochip.reference import Inference

#: Steps of a sample and the file's length of one, as the peer has them.
TIMESTEPS, DT = 12, 1e-4
#: The peer's kinds of neurons, and the reset that each file is read with.
KINDS: dict[str, Reset] = {
    "Leaky, zero": "hard",
    "Leaky, subtract at once": "soft",
    "Leaky, subtract": "soft",
    "Synaptic, zero at once": "hard",
    "RLeaky, zero at once": "hard",
}


def measure(_: str | None) -> Table:
    """Train each kind there, read its file here and compare the spikes of the test set."""
    table = Table(
        "64-32-10 on digits, trained in snnTorch, its NIR file run here",
        ("neurons", "spikes there", "differing here", "accuracy there", "here"),
    )
    try:
        peer = Peer("torch", "snntorch_nir")
    except PeerMissingError as missing:
        table.add("snnTorch", f"not installed: {missing}", *["-"] * (len(table.header) - 2))
        return table
    with peer, tempfile.TemporaryDirectory() as folder:
        for kind, reset in KINDS.items():
            table.add(kind, *_compared(peer, kind, reset, Path(folder)))
    table.notes.append(f"snnTorch {peer.version}, float64 in both, T = {TIMESTEPS}.")
    table.notes.append(
        "Differing: (step, sample, neuron) whose spikes differ. None are expected where the reset "
        "comes before the next step's leak, as NIR has it: by reset_delay=False ('at once'), and "
        "in Leaky by 'zero'. By default snnTorch subtracts a step late, which no NIR file says and "
        "a network doesn't do."
    )
    return table


def _compared(peer: Peer, kind: str, reset: Reset, folder: Path) -> list[str]:
    digits = nc.data.load("digits")
    train, test = digits.train, digits.test
    np.savez(folder / "data.npz", x_train=train.x, y_train=train.y, x_test=test.x)
    peer.ask(kind=kind, folder=str(folder))
    theirs = np.load(folder / "spikes.npz")
    network = nc.from_nir(folder / "network.nir", TIMESTEPS, DT, reset)
    assert network.initial is not None
    inference = Inference.of(network, network.initial)
    spikes, ours = inference.spikes(test.x)[0], inference.predict(test.x)
    return [
        f"{int(theirs['spikes'].sum()):,}",
        f"{int((spikes != theirs['spikes']).sum()):,}",
        f"{(theirs['outputs'].argmax(axis=1) == test.y).mean():.2%}",
        f"{(ours == test.y).mean():.2%}",
    ]
