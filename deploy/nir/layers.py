"""From a NIR graph to the layers of a network."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.nir.chain import Loop, chain_of
from neurochip.deploy.nir.graph import blamed_on, ours_of, read_graph
from neurochip.deploy.nir.leaks import CLOSE, Decay, Leaks
from neurochip.deploy.nir.loops import Entry, entry_of
from neurochip.deploy.nir.nodes import DT
from neurochip.deploy.nir.stateless import Arrays, convolution, matrix, pool, rows_of, shared
from neurochip.errors import ConfigError, ExportError
from neurochip.network import (
    LI,
    LIF,
    Conv2d,
    Dense,
    Flatten,
    Layer,
    Network,
    Parameters,
    Reset,
    Shape,
    SumPool,
)

__all__ = ["Decay", "from_nir", "network_of"]

#: Steps of a sample where neither the file nor the caller says.
TIMESTEPS = 8
#: What to do about nodes that a network can't say.
REMEDIES = {
    "I": "give its neurons a leak (LI)",
    "CubaLI": "use LI",
    "Conv1d": "write its connections as one Linear",
}
SPATIAL_DIMENSIONS = 3


def from_nir(
    path: str | Path,
    timesteps: int | None = None,
    dt: float | None = None,
    reset: Reset = "hard",
    decay: Decay = "euler",
) -> Network:
    """The network of a NIR file, with its weights as what a chip starts from (`Network.initial`).

    Args:
        path: the file.
        timesteps: steps of a sample; those of the file, else 8, if None.
        dt: length of a step in the file's unit of time; that of the file, else 1, if None.
        reset: of neurons whose nodes don't say; NIR's is hard, but some tools that mean a soft one
            write files that look the same.
        decay: whether a step is Euler's, v <- (1 - dt/tau) v + (dt/tau) (v_leak + R I), or that of
            a current which stays the same for its length, exp(-dt/tau) in place of 1 - dt/tau.

    Raises:
        ConfigError: reset or decay is none of these, or dt isn't above 0.
        ExportError: the package nir is missing, the file can't be read, or it holds what a network
            can't say.
        NetworkError: its layers don't alternate as a network's do.
    """
    for name, value, kind in (("reset", reset, Reset), ("decay", decay, Decay)):
        if value not in get_args(kind):
            listed = ", ".join(get_args(kind))
            raise ConfigError(f"from_nir got the {name} {value!r}; choose one of {listed}")
    if dt is not None and not (isinstance(dt, Real) and 0 < dt < math.inf):
        raise ConfigError(f"from_nir got the dt {dt!r}; give a number above 0")
    graph = read_graph(path)
    with blamed_on(path):
        return network_of(graph, timesteps, dt, reset, decay)


def network_of(
    graph: Any,
    timesteps: int | None = None,
    dt: float | None = None,
    reset: Reset = "hard",
    decay: Decay = "euler",
) -> Network:
    """The network of a graph; see `from_nir`."""
    told = ours_of(graph)
    step = float(told.get("dt", DT)) if dt is None else dt
    chain = chain_of(graph)
    _, first = chain.nodes[0]
    leaks = Leaks(step, decay)
    reader = _Layers(leaks, reset, tuple(int(n) for n in np.ravel(first.input_type["input"])))
    for name, node in chain.nodes:
        for loop in chain.loops:
            if loop.target == name:
                reader.enter(loop)
        reader.add(name, node)
    steps = int(told.get("timesteps", TIMESTEPS)) if timesteps is None else timesteps
    return reader.network(steps, chain.loops)


class _Layers:
    """Layers of a network, put together from the nodes of a graph in order.

    Weights wait until the neurons after them are known, whose factors they take in.
    """

    def __init__(self, leaks: Leaks, reset: Reset, in_shape: Shape) -> None:
        self.leaks = leaks
        self.reset = reset
        self.in_shape = in_shape if len(in_shape) == SPATIAL_DIMENSIONS else (math.prod(in_shape),)
        self.shape = self.in_shape
        self.layers: list[Layer] = []
        self.weights: list[NDArray[np.float64]] = []
        self.biases: list[NDArray[np.float64]] = []
        self.scale: NDArray[np.float64] | None = None
        self.open: int | None = None
        self.entries: list[Entry] = []
        self.places: dict[str, int] = {}

    def network(self, timesteps: int, loops: tuple[Loop, ...]) -> Network:
        """All layers so far, with their weights."""
        if self.scale is not None:
            raise ExportError(
                "the NIR graph ends with a Scale of what its neurons give, which a network can't "
                "say; remove it"
            )
        entries = sorted(self.entries, key=lambda entry: loops.index(entry.loop))
        parameters = Parameters(
            (*self.weights, *(entry.weight for entry in entries)),
            (*self.biases, *(np.zeros(len(entry.weight)) for entry in entries)),
        )
        return Network(
            tuple(self.layers),
            timesteps,
            self.in_shape,
            tuple(entry.feedback(self.places) for entry in entries),
            initial=parameters,
        )

    def add(self, name: str, node: Any) -> None:
        """Take in the next node."""
        kind = type(node).__name__
        if kind in ("Affine", "Linear"):
            self._add_weights(name, *matrix(name, node))
        elif kind == "Conv2d":
            self._add_weights(name, *convolution(name, node))
        elif kind in ("AvgPool2d", "SumPool2d"):
            self._add_pool(name, node)
        elif kind == "Flatten":
            self._flatten()
        elif kind == "Scale":
            self._add_scale(name, np.asarray(node.scale, np.float64))
        elif kind == "Threshold":
            self._need_weights(name, kind)
            threshold = shared(name, "thresholds", node.threshold)
            self._close(LIF(0.0, threshold, reset="hard", fires=">"))
        elif kind == "IF":
            self._need_weights(name, kind)
            self._multiply(name, "resistances", node.r * self.leaks.dt)
            self._close(self._spiking(name, node, 1.0, 0.0))
        elif kind in ("LIF", "LI", "CubaLIF"):
            self._need_weights(name, kind)
            self._add_neurons(name, node)
        elif kind not in ("Input", "Output"):
            raise ExportError(
                f"node {name!r} of the NIR graph is of type {kind}, which a network can't say; "
                f"{REMEDIES.get(kind, 'remove it')}"
            )
        self.places[name] = len(self.layers) - 1

    def enter(self, loop: Loop) -> None:
        """Take in a loop that adds to what the next node reads."""
        if self.open is None or self.open != len(self.layers) - 1:
            raise ExportError(
                f"node {loop.target!r} of the NIR graph is fed back to from {loop.source!r}, but "
                f"feedback of a network adds to what weights give; lead it to the neurons after "
                f"those"
            )
        entry, bias = entry_of(loop, self.open)
        self.entries.append(entry)
        if np.any(bias):
            self._add_bias(rows_of(loop.target, "biases", bias, len(self.biases[-1])))

    def _add_weights(self, name: str, layer: Dense | Conv2d, arrays: Arrays) -> None:
        if self.open is not None:
            raise ExportError(
                f"node {name!r} of the NIR graph has weights after other weights; give one "
                f"layer of weights between two of neurons"
            )
        weight, bias = arrays
        if self.scale is not None:
            weight = weight * self._scale_of(name, layer)
            self.scale = None
        self.weights.append(weight)
        self.biases.append(bias)
        self._put(layer)
        self.open = len(self.layers) - 1

    def _scale_of(self, name: str, layer: Dense | Conv2d) -> NDArray[np.float64]:
        """What waits to be multiplied into weights, in a shape that goes with theirs."""
        scale = np.asarray(self.scale)
        if isinstance(layer, Dense):
            return scale.ravel()
        return rows_of(name, "scales of what they read", scale, layer.c_in)[:, None, None]

    def _add_pool(self, name: str, node: Any) -> None:
        layer = pool(name, node)
        scale = self.scale
        self._put(layer)
        if scale is not None:
            rows = rows_of(name, "scales of what they read", scale, self.shape[0])
            self.scale = np.broadcast_to(rows[:, None, None], self.shape)

    def _flatten(self) -> None:
        if len(self.shape) == SPATIAL_DIMENSIONS:
            self._put(Flatten())

    def _add_scale(self, name: str, factor: NDArray[np.float64]) -> None:
        last = self.layers[-1] if self.layers else None
        value = float(np.ravel(factor)[0])
        if (
            isinstance(last, SumPool)
            and self.scale is None
            and np.all(factor == value)
            and value > 0
        ):
            self.layers[-1] = replace(last, factor=last.factor * value)
        elif self.open is not None:
            self._multiply(name, "scales", factor)
        else:
            self.scale = factor if self.scale is None else self.scale * factor

    def _add_neurons(self, name: str, node: Any) -> None:
        kind = type(node).__name__
        tau = node.tau_mem if kind == "CubaLIF" else node.tau
        lam = self.leaks.lam(name, node, "lam", shared(name, "time constants", tau))
        current_lam = self._add_currents(name, node) if kind == "CubaLIF" else 0.0
        self._multiply(name, "resistances", self.leaks.taken(node.r, tau))
        self._push(name, self.leaks.taken(node.v_leak, tau), node.metadata.get("bias"))
        if kind == "LI":
            self._close(LI(lam))
            return
        self._close(self._spiking(name, node, lam, current_lam))

    def _spiking(self, name: str, node: Any, lam: float, current_lam: float) -> LIF:
        threshold = shared(name, "thresholds", node.v_threshold)
        reset = node.metadata.get("reset", self.reset)
        v_reset = shared(name, "resets", node.v_reset)
        fires = node.metadata.get("fires", ">")
        return LIF(lam, threshold, reset, v_reset, fires, current_lam)

    def _add_currents(self, name: str, node: Any) -> float:
        """Take in what comes before the membrane of a CubaLIF; the decay of its currents."""
        tau = shared(name, "time constants of currents", node.tau_syn)
        current_lam = self.leaks.lam(name, node, "current_lam", tau)
        if current_lam and np.any(self.biases[-1]):
            raise ExportError(
                f"node {name!r} of the NIR graph has a current that outlives a step (tau_syn = "
                f"{tau:g} with dt = {self.leaks.dt:g}) and a bias before it, which a network adds "
                f"to the membrane; set the bias to 0 and put it into v_leak"
            )
        self._multiply(name, "weights of currents", self.leaks.taken(node.w_in, node.tau_syn))
        return current_lam

    def _multiply(self, name: str, what: str, factor: NDArray[Any]) -> None:
        """Multiply the weights that wait, and those of the loops that end with them."""
        rows = rows_of(name, what, factor, len(self.biases[-1]))
        self.weights[-1] = _times(self.weights[-1], rows)
        self.biases[-1] = self.biases[-1] * rows
        for entry in self.entries:
            if entry.target == self.open:
                entry.weight = _times(entry.weight, rows_of(name, what, factor, len(entry.weight)))

    def _push(self, name: str, leak: NDArray[Any], told: NDArray[Any] | None) -> None:
        """Add what a leak toward another end than 0 adds a step; as told, where it's that."""
        amount = rows_of(name, "leaks", leak, len(self.biases[-1]))
        if told is not None and np.allclose(told, amount, rtol=CLOSE, atol=0.0):
            self._add_bias(np.asarray(told, np.float64))
        elif np.any(amount):
            self._add_bias(amount)

    def _add_bias(self, amount: NDArray[np.float64]) -> None:
        place = self.open
        if place is None or any(isinstance(k, SumPool) for k in self.layers[place:]):
            raise ExportError(
                "the NIR graph sums squares of currents that neurons with a v_leak read; set "
                "v_leak to 0 or sum the spikes"
            )
        self.biases[-1] = self.biases[-1] + amount
        layer = self.layers[place]
        if isinstance(layer, Dense | Conv2d):
            self.layers[place] = replace(layer, bias=True)

    def _need_weights(self, name: str, kind: str) -> None:
        if self.open is None:
            raise ExportError(
                f"node {name!r} of the NIR graph is of type {kind} and has no weights before it; "
                f"put an Affine, a Linear or a Conv2d there"
            )

    def _close(self, neuron: LIF | LI) -> None:
        self._put(neuron)
        self.open = None

    def _put(self, layer: Layer) -> None:
        self.shape = layer.out_shape(self.shape)
        self.layers.append(layer)


def _times(weight: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = weight * rows.reshape(-1, *(1,) * (weight.ndim - 1))
    return product
