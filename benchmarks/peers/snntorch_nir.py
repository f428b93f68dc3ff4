"""Small networks trained in snnTorch and written as NIR: the peer of the benchmark `nir`.

Run by a Python that has torch and snntorch. It reads one request a line from standard input, a JSON
object with `kind` (a key of `KINDS`) and `folder`, where data.npz has `x_train`, `y_train` and
`x_test`. It trains 64-32-10 for some batches with the image as the current of every step, writes
network.nir and, of the test images, `spikes` (T, n, 32) and `counts` (n, 10) to spikes.npz there,
and answers when it is done.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

N_IN, N, N_OUT, TIMESTEPS = 64, 32, 10, 12
BATCH, EPOCHS, RATE = 64, 4, 2e-3
BETA, ALPHA, SLOPE = 0.9, 0.5, 4.0


def fired(shifted: Tensor) -> Tensor:
    """Spikes in float64, which snnTorch's own surrogates round to float32."""
    soft = torch.sigmoid(SLOPE * shifted)
    return (shifted > 0).to(shifted.dtype) + (soft - soft.detach())


def options(n: int) -> dict[str, Any]:
    """What NIR's types want: a decay and a threshold for each neuron."""
    each = {"beta": torch.full((n,), BETA), "threshold": torch.ones(n)}
    return {**each, "init_hidden": True, "spike_grad": fired}


KINDS: dict[str, Callable[[], nn.Module]] = {
    "Leaky, zero": lambda: snn.Leaky(**options(N), reset_mechanism="zero"),
    "Leaky, subtract at once": lambda: snn.Leaky(**options(N), reset_delay=False),
    "Leaky, subtract": lambda: snn.Leaky(**options(N)),
    "Synaptic, zero at once": lambda: snn.Synaptic(
        alpha=torch.full((N,), ALPHA), **options(N), reset_mechanism="zero", reset_delay=False
    ),
    "RLeaky, zero at once": lambda: snn.RLeaky(
        **options(N), linear_features=N, reset_mechanism="zero", reset_delay=False
    ),
}


def made(kind: str) -> nn.Sequential:
    """A network; currents that last can't have a bias in NIR's sense of a network here."""
    neurons = KINDS[kind]()
    first = nn.Linear(N_IN, N, bias=not isinstance(neurons, snn.Synaptic))
    return nn.Sequential(first, neurons, nn.Linear(N, N_OUT))


def shown(net: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes of the hidden neurons (T, n, 32) and the sum of outputs (n, 10)."""
    net[1].reset_mem()
    steps, total = [], torch.zeros(len(x), N_OUT)
    for _ in range(TIMESTEPS):
        steps.append(net[1](net[0](x)))
        total = total + net[2](steps[-1])
    return torch.stack(steps), total


def train(net: nn.Sequential, x: Tensor, y: Tensor) -> None:
    """Some epochs of Adam on the cross-entropy of the summed outputs."""
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(shown(net, x[part])[1] / TIMESTEPS, y[part]).backward()
            optimiser.step()


def answer(kind: str, folder: Path) -> None:
    """One request."""
    torch.manual_seed(0)
    data = np.load(folder / "data.npz")
    x, y = torch.tensor(data["x_train"]).double(), torch.tensor(data["y_train"])
    net = made(kind)
    train(net, x, y)
    with torch.no_grad():
        spikes, total = shown(net, torch.tensor(data["x_test"]).double())
        graph = export_to_nir(net, x[:1], ignore_dims=[0])
    nir.write(folder / "network.nir", graph)
    np.savez(folder / "spikes.npz", spikes=spikes.numpy(), outputs=total.numpy())


def main() -> None:
    """Answer until there are no more requests."""
    torch.set_default_dtype(torch.float64)
    print(json.dumps({"version": snn.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer(request["kind"], Path(request["folder"]))
        print(json.dumps({"done": True}), flush=True)


if __name__ == "__main__":
    main()
