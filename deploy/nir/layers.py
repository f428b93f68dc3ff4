"""From a NIR graph to the layers of a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.nir.graph import DT, OURS, read_graph
from neurochip.errors import ExportError
from neurochip.network import LI, LIF, Dense, Layer, Network, Parameters

__all__ = ["from_nir", "network_of"]

#: Steps of a sample where neither the file nor the caller says.
TIMESTEPS = 8
#: A decay that's told in metadata must be that of tau to this distance.
CLOSE = 1e-9
#: What to do about nodes that a network can't say.
REMEDIES = {
    "IF": "give its neurons a leak (LIF)",
    "I": "give its neurons a leak (LI)",
    "CubaLI": "use LI",
    "Delay": "remove it",
    "Conv1d": "write its connections as one Linear",
    "Conv2d": "write its connections as one Linear",
    "SumPool2d": "write its connections as one Linear",
    "AvgPool2d": "write its connections as one Linear",
}


def from_nir(path: str | Path, timesteps: int | None = None, dt: float | None = None) -> Network:
    """The network of a NIR file, with its weights as what a chip starts from (`Network.initial`).

    Args:
        path: the file.
        timesteps: steps of a sample; those of the file, else 8, if None.
        dt: length of a step in the file's unit of time; that of the file, else 1, if None.

    Raises:
        ExportError: the package nir is missing, the file can't be read, or it holds what a network
            of fully connected layers can't say.
        NetworkError: its layers don't alternate as a network's do.
    """
    return network_of(read_graph(path), timesteps, dt)


def network_of(graph: Any, timesteps: int | None = None, dt: float | None = None) -> Network:
    """The network of a graph; see `from_nir`."""
    told = graph.metadata.get(OURS, {})
    step = float(told.get("dt", DT)) if dt is None else dt
    reader = _Layers(step)
    for name, node in _chain(graph):
        reader.add(name, node)
    steps = int(told.get("timesteps", TIMESTEPS)) if timesteps is None else timesteps
    return reader.network(steps)


def _chain(graph: Any) -> Iterator[tuple[str, Any]]:
    """Names and nodes from the input to the output; graphs inside a graph are gone through."""
    import nir

    following: dict[str, list[str]] = {}
    for source, target in graph.edges:
        following.setdefault(source, []).append(target)
    starts = list(graph.inputs)
    if len(starts) != 1 or len(graph.outputs) != 1:
        raise ExportError(
            f"the NIR graph has {len(starts)} inputs and {len(graph.outputs)} outputs, but a "
            f"network has one of each; leave one of each"
        )
    name, seen = starts[0], set()
    while not isinstance(graph.nodes[name], nir.Output):
        seen.add(name)
        targets = following.get(name, [])
        if len(targets) != 1 or targets[0] in seen:
            raise ExportError(
                f"node {name!r} of the NIR graph leads to {len(targets)} nodes or back, but layers "
                f"of a network follow one another; remove branches and recurrent edges"
            )
        name = targets[0]
        node = graph.nodes[name]
        if isinstance(node, nir.NIRGraph):
            yield from ((f"{name}.{inner}", part) for inner, part in _chain(node))
        elif not isinstance(node, nir.Output):
            yield name, node


class _Layers:
    """Layers of a network, put together from the nodes of a graph in order.

    Weights wait until the neurons after them are known, whose factors they take in.
    """

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.layers: list[Layer] = []
        self.weights: list[NDArray[np.float64]] = []
        self.biases: list[NDArray[np.float64]] = []
        self.scale: NDArray[np.float64] | None = None
        self.open = False

    def network(self, timesteps: int) -> Network:
        """All layers so far, with their weights."""
        if self.scale is not None:
            raise ExportError(
                "the NIR graph ends with a Scale of what its neurons give, which a network can't "
                "say; remove it"
            )
        parameters = Parameters(tuple(self.weights), tuple(self.biases))
        return Network(tuple(self.layers), timesteps, initial=parameters)

    def add(self, name: str, node: Any) -> None:
        """Take in the next node."""
        kind = type(node).__name__
        if kind in ("Affine", "Linear"):
            self._add_weights(name, node)
        elif kind == "Scale":
            self._add_scale(np.ravel(node.scale))
        elif kind == "Threshold":
            self._need_weights(name, kind)
            threshold = _shared(name, "thresholds", node.threshold)
            self._close(LIF(0.0, threshold, reset="hard", fires=">"))
        elif kind in ("LIF", "LI", "CubaLIF"):
            self._need_weights(name, kind)
            self._add_neurons(name, node)
        elif kind != "Flatten":
            raise ExportError(
                f"node {name!r} of the NIR graph is of type {kind}, which a network of fully "
                f"connected layers can't say; {REMEDIES.get(kind, 'remove it')}"
            )

    def _add_weights(self, name: str, node: Any) -> None:
        weight = np.array(node.weight, np.float64)
        if self.open or weight.ndim != 2:
            raise ExportError(
                f"node {name!r} of the NIR graph has weights of shape {weight.shape} after "
                f"{'other weights' if self.open else 'neurons'}; give one matrix between two "
                f"layers of neurons"
            )
        n_out, n_in = weight.shape
        has_bias = hasattr(node, "bias")
        if self.scale is not None:
            weight = weight * self.scale
            self.scale = None
        self.layers.append(Dense(n_in, n_out, has_bias))
        self.weights.append(weight)
        self.biases.append(np.array(node.bias, np.float64) if has_bias else np.zeros(n_out))
        self.open = True

    def _add_scale(self, factor: NDArray[Any]) -> None:
        if self.open:
            self._multiply(factor)
        else:
            self.scale = factor if self.scale is None else self.scale * factor

    def _add_neurons(self, name: str, node: Any) -> None:
        kind = type(node).__name__
        tau = node.tau_mem if kind == "CubaLIF" else node.tau
        lam = self._lam(name, node, "lam", _shared(name, "time constants", tau))
        current_lam = self._add_currents(name, node) if kind == "CubaLIF" else 0.0
        self._multiply(np.ravel(node.r * self.dt / tau))
        self._push(np.ravel(node.v_leak * self.dt / tau), node.metadata.get("bias"))
        if kind == "LI":
            self._close(LI(lam))
            return
        threshold = _shared(name, "thresholds", node.v_threshold)
        reset = node.metadata.get("reset", "hard")
        v_reset = _shared(name, "resets", node.v_reset)
        fires = node.metadata.get("fires", ">")
        self._close(LIF(lam, threshold, reset, v_reset, fires, current_lam))

    def _add_currents(self, name: str, node: Any) -> float:
        """Take in what comes before the membrane of a CubaLIF; the decay of its currents."""
        tau = _shared(name, "time constants of currents", node.tau_syn)
        current_lam = self._lam(name, node, "current_lam", tau)
        if current_lam and np.any(self.biases[-1]):
            raise ExportError(
                f"node {name!r} of the NIR graph has a current that outlives a step (tau_syn = "
                f"{tau:g} with dt = {self.dt:g}) and a bias before it, which a network adds to the "
                f"membrane; set the bias to 0 and put it into v_leak"
            )
        self._multiply(np.ravel(node.w_in * self.dt / node.tau_syn))
        return current_lam

    def _lam(self, name: str, node: Any, key: str, tau: float) -> float:
        lam = 1.0 - self.dt / tau
        if not 0.0 <= lam < 1.0:
            raise ExportError(
                f"node {name!r} of the NIR graph has a time constant of {tau:g} with dt = "
                f"{self.dt:g}, so its decay a step is {lam:g}; give the dt that belongs to the file"
            )
        told = float(node.metadata.get(key, lam))
        return told if abs(told - lam) <= CLOSE else lam

    def _multiply(self, factor: NDArray[Any]) -> None:
        if not np.all(factor == 1.0):
            rows = np.broadcast_to(factor, len(self.weights[-1]))
            self.weights[-1] = self.weights[-1] * rows[:, np.newaxis]
            self.biases[-1] = self.biases[-1] * rows

    def _push(self, amount: NDArray[Any], told: NDArray[Any] | None) -> None:
        """Add what a leak toward another end than 0 adds a step; as told, where it's that."""
        same = told is not None and np.allclose(told, amount, rtol=CLOSE, atol=0.0)
        if told is not None and same:
            amount = np.asarray(told, np.float64)
        if same or np.any(amount):
            self.biases[-1] = self.biases[-1] + amount
            dense = self.layers[-1]
            self.layers[-1] = Dense(dense.n_in, dense.n_out) if isinstance(dense, Dense) else dense

    def _need_weights(self, name: str, kind: str) -> None:
        if not self.open:
            raise ExportError(
                f"node {name!r} of the NIR graph is of type {kind} and has no weights before it; "
                f"put an Affine or a Linear there"
            )

    def _close(self, neuron: LIF | LI) -> None:
        self.layers.append(neuron)
        self.open = False


def _shared(name: str, what: str, values: NDArray[Any]) -> float:
    low, high = float(np.min(values)), float(np.max(values))
    if low != high:
        raise ExportError(
            f"neurons of node {name!r} of the NIR graph have {what} from {low:g} to {high:g}, but "
            f"those of a layer share one; make them equal"
        )
    return low
