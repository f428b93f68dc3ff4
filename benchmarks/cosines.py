"""How near OTTT's gradient is to that of BPTT and of the spike representation, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.table import Table
from neurochip.network import Network, initialise
from neurochip.reference import Trainer
from neurochip.rules import BPTT, OTTT, Rule, SpikeRepresentation, Surrogate

SIZES = (64, 48, 32, 10)
SEEDS, BATCH = 8, 8
SPIKE_RATE = 0.3
SHARE = 0.05
SIGMOID = Surrogate("sigmoid")
#: input, T, whether it is traced, and the cosines to BPTT that were reported for such networks.
CASES = (
    ("static", 6, False, ".995/1/.998"),
    ("static", 48, False, "1.000/1/.999"),
    ("spikes", 6, False, ".895/1/.996"),
    ("spikes", 6, True, ".972/1/.996"),
)


def measure(mnist: str | None) -> Table:
    """Means of cosine similarities over seeds, a weight layer at a time."""
    table = Table(
        "Cosine similarity of gradients, 64-48-32-10, W1/W2/W3",
        ("input", "T", "OTTT to BPTT", "expected", "OTTT to representation", "BPTT to it"),
    )
    for kind, timesteps, traced, expected in CASES:
        of_seeds = [_cosines(kind, timesteps, traced, seed) for seed in range(SEEDS)]
        means = np.mean(of_seeds, axis=0)
        cells = ["/".join(f"{value:.3f}" for value in layers) for layers in means]
        name = f"{kind}, traced" if traced else kind
        table.add(name, timesteps, cells[0], expected, *cells[1:])
    table.notes.append(
        f"Means of {SEEDS} seeds with this project's first weights, {BATCH} samples, cross-entropy "
        f"with {SHARE:g} of the squared error; BPTT with the reset detached."
    )
    return table


def _cosines(kind: str, timesteps: int, traced: bool, seed: int) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    network = Network.mlp(SIZES, timesteps)
    x = rng.random((BATCH, SIZES[0]))
    if kind == "spikes":
        x = (rng.random((timesteps, *x.shape)) < SPIKE_RATE).astype(np.float64)
    y = rng.integers(0, SIZES[-1], BATCH)
    rules: tuple[Rule, ...] = (
        OTTT(surrogate=SIGMOID, loss_lambda=SHARE, trace_input=traced),
        BPTT(SIGMOID, loss_lambda=SHARE),
        SpikeRepresentation(SHARE),
    )
    params = initialise(network, seed)
    ottt, bptt, rates = (
        Trainer(network, params, rule, 0.0).gradient(x, y)[1].weights for rule in rules
    )
    return [_layers(ottt, bptt), _layers(ottt, rates), _layers(bptt, rates)]


def _layers(one: Any, other: Any) -> list[float]:
    return [
        float(np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
        for a, b in zip(one, other, strict=True)
    ]
