"""A network as a NIR graph, and graphs in and out of files."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from neurochip import files
from neurochip.deploy.nir.nodes import DT, nodes_of, path_nodes, require_written
from neurochip.errors import ExportError, NeurochipError, RunFileError
from neurochip.network import Network, Parameters

__all__ = [
    "OURS",
    "blamed_on",
    "graph_of",
    "ours_of",
    "read_graph",
    "require",
    "write_graph",
    "write_network",
]

#: Our branch of a graph's metadata, and the version of what it holds.
OURS, VERSION = "neurochip", 1


def require() -> None:
    """Raise ExportError unless the package nir can be imported."""
    if importlib.util.find_spec("nir") is None:
        raise ExportError("the package nir is not installed here; install 'neurochip[nir]'")


def write_network(network: Network, parameters: Parameters, path: str | Path) -> None:
    """Write a float network.

    Raises:
        ExportError: the package nir is missing, or NIR has no node for one of the layers.
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
    require_written(network)
    graph = _Graph(network)
    for nodes in nodes_of(network, parameters):
        graph.add_layer(nodes)
    graph.end(network)
    for number, feedback in enumerate(network.feedback):
        nodes = path_nodes(network, parameters, number)
        graph.add_loop(nodes, feedback.source, feedback.target)
    metadata = {"version": VERSION, "timesteps": network.timesteps, "dt": DT, **state}
    return graph.made({OURS: metadata})


class _Graph:
    """Nodes that follow one another, and loops beside them."""

    def __init__(self, network: Network) -> None:
        import nir

        self._counts: Counter[str] = Counter()
        self._nodes: dict[str, Any] = {"input": nir.Input({"input": np.array(network.in_shape)})}
        self._edges: list[tuple[str, str]] = []
        self._chain = ["input"]
        # The node whose output is that of each layer.
        self._last: list[str] = []

    def add_layer(self, nodes: list[Any]) -> None:
        """The nodes that are one layer; none, where a layer hands on what comes in."""
        self._chain += [self._name(node) for node in nodes]
        self._last.append(self._chain[-1])

    def end(self, network: Network) -> None:
        """No more layers."""
        import nir

        self._nodes["output"] = nir.Output({"output": np.array(network.shapes[-1])})
        self._chain.append("output")
        self._edges += pairwise(self._chain)

    def add_loop(self, nodes: list[Any], source: int, target: int) -> None:
        """Nodes from what layer ``source`` gives to what reads layer ``target``."""
        reader = self._chain[self._chain.index(self._last[target]) + 1]
        names = [self._name(node) for node in nodes]
        self._edges += pairwise([self._last[source], *names, reader])

    def made(self, metadata: dict[str, Any]) -> Any:
        """The graph of the package."""
        import nir

        return nir.NIRGraph(self._nodes, self._edges, metadata)

    def _name(self, node: Any) -> str:
        kind = type(node).__name__.lower()
        number = self._counts[kind]
        self._counts[kind] += 1
        name = f"{kind}_{number}" if number else kind
        self._nodes[name] = node
        return name


def read_graph(path: str | Path) -> Any:
    """The graph of a file."""
    require()
    import nir

    # The package reports what it can't read by exceptions of many kinds, assertions among them.
    try:
        files.check_is_hdf5(path, "NIR")
        return nir.read(path)
    except RunFileError as error:
        raise ExportError(str(error)) from None
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ExportError(
            f"{str(path)!r} can't be read as a NIR file ({reason}); give the path of one"
        ) from None


@contextlib.contextmanager
def blamed_on(path: str | Path) -> Iterator[None]:
    """Turn what a file's numbers do to code that takes them for sound into an ExportError."""
    try:
        # Infinite numbers show up as such in the end, and are refused there.
        with np.errstate(all="ignore"):
            yield
    except NeurochipError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ExportError(
            f"{str(path)!r} is damaged: a node or its metadata holds what it can't "
            f"({type(error).__name__}: {reason}); write it again"
        ) from error


def ours_of(graph: Any) -> dict[str, Any]:
    """Our branch of a graph's metadata; empty where another tool wrote the graph.

    Raises:
        ExportError: a newer version of this program wrote it.
    """
    told: dict[str, Any] = graph.metadata.get(OURS, {})
    version = int(told.get("version", VERSION))
    if version > VERSION:
        raise ExportError(
            f"the NIR graph has version {version} of neurochip's metadata, but this program reads "
            f"{VERSION}; use a newer neurochip"
        )
    return told
