"""A network as a NIR graph, and graphs in and out of files."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
            after = network.layers[len(nodes) + 1 : len(nodes) + 2]
            keeps = any(isinstance(n, LIF) and n.current_lam for n in after)
            beside = layer.bias and not keeps
            nodes.append(nir.Affine(weight, bias) if beside else nir.Linear(weight))
            number += 1
        elif isinstance(layer, LIF) and layer.current_lam:
            dense = network.dense[number - 1]
            leak = parameters.biases[number - 1] if dense.bias else None
            nodes.append(_current_neurons(layer, dense.n_out, leak))
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


def _current_neurons(neuron: LIF, n: int, bias: NDArray[np.float64] | None) -> Any:
    """Neurons that keep their currents; the bias, which isn't one of them, becomes the leak."""
    import nir

    tau, tau_syn = np.full(n, DT / (1.0 - neuron.lam)), np.full(n, DT / (1.0 - neuron.current_lam))
    metadata: dict[str, Any] = {
        "lam": neuron.lam,
        "current_lam": neuron.current_lam,
        "reset": neuron.reset,
        "fires": neuron.fires,
    }
    if bias is not None:
        metadata["bias"] = bias
    # R dt / tau_mem and w_in dt / tau_syn are then 1.0 exactly.
    return nir.CubaLIF(
        tau_syn=tau_syn,
        tau_mem=tau,
        r=tau / DT,
        v_leak=np.zeros(n) if bias is None else bias * tau / DT,
        v_threshold=np.full(n, neuron.v_th),
        v_reset=np.full(n, neuron.v_reset),
        w_in=tau_syn / DT,
        metadata=metadata,
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
