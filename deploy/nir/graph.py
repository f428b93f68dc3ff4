"""A network as a NIR graph, and graphs in and out of files."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np

from neurochip import files
from neurochip.errors import ExportError
from neurochip.network import LI, LIF, Dense, Network, Parameters

__all__ = ["DT", "OURS", "graph_of", "read_graph", "require", "write_graph", "write_network"]

#: Length of a step in the files that are written.
DT = 1.0
#: Our branch of a graph's metadata, and the version of what it holds.
OURS, VERSION = "neurochip", 1


def require() -> None:
    """Raise ExportError unless the package nir can be imported."""
    if importlib.util.find_spec("nir") is None:
        raise ExportError("the package nir is not installed here; install 'neurochip[nir]'")


def write_network(network: Network, parameters: Parameters, path: str | Path) -> None:
    """Write a float network.

    Raises:
        ExportError: the package nir is missing.
        NetworkError: the parameters aren't of the network's shapes.
        OutputError: the file can't be written.
    """
    network.check(parameters)
    write_graph(graph_of(network, parameters, {}), path)


def write_graph(graph: Any, path: str | Path) -> None:
    """Write a graph to a file, whole or not at all."""
    import nir

    buffer = io.BytesIO()
    nir.write(buffer, graph)
    files.write_bytes_atomic(path, buffer.getvalue())


def graph_of(network: Network, parameters: Parameters, state: dict[str, Any]) -> Any:
    """The NIR graph of a network; ``state`` goes along in our branch of its metadata."""
    require()
    if network.unlike_mlp is not None:
        raise ExportError(
            f"the network has {network.unlike_mlp}, but only Dense and LIF layers in turn are "
            f"written as NIR; build it with Network.mlp"
        )
    import nir

    nodes: list[Any] = []
    number = 0
    for layer in network.layers:
        if isinstance(layer, Dense):
            weight, bias = parameters.weights[number], parameters.biases[number]
            nodes.append(nir.Affine(weight, bias) if layer.bias else nir.Linear(weight))
            number += 1
        elif isinstance(layer, LIF | LI):
            nodes.append(_neurons(layer, network.dense[number - 1].n_out))
    graph = nir.NIRGraph.from_list(*nodes)
    graph.metadata = {OURS: {"version": VERSION, "timesteps": network.timesteps, "dt": DT, **state}}
    return graph


def _neurons(neuron: LIF | LI, n: int) -> Any:
    import nir

    tau = np.full(n, DT / (1.0 - neuron.lam))
    # R dt / tau is then 1.0 exactly.
    common = {"tau": tau, "r": tau / DT, "v_leak": np.zeros(n)}
    if isinstance(neuron, LI):
        return nir.LI(**common, metadata={"lam": neuron.lam})
    return nir.LIF(
        **common,
        v_threshold=np.full(n, neuron.v_th),
        v_reset=np.full(n, neuron.v_reset),
        metadata={"lam": neuron.lam, "reset": neuron.reset, "fires": neuron.fires},
    )


def read_graph(path: str | Path) -> Any:
    """The graph of a file."""
    require()
    import nir

    # The package reports what it can't read by exceptions of many kinds, assertions among them.
    try:
        return nir.read(path)
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ExportError(
            f"{str(path)!r} can't be read as a NIR file ({reason}); give the path of one"
        ) from None
