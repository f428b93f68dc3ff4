"""Lava's own process models, stepped one after the other in this process: no runtime, no actors.

Ports become mailboxes; everything else (which model implements a process, how its variables are
made, what it computes) is Lava's. A step costs microseconds and nothing can hang, so a whole test
set is compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from lava.magma.compiler.builders.py_builder import PyProcessBuilder
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.compiler.utils import VarInitializer
from lava.magma.core.process.ports.ports import AbstractVirtualPort
from lava.magma.core.run_configs import Loihi1SimCfg
from numpy.typing import NDArray

from neurochip.deploy.lava.player.build import build
from neurochip.deploy.lava.player.network import LavaNetwork
from neurochip.deploy.states import LayerStates, Recording

__all__ = ["RUN_CONFIG", "drive", "make_models", "step_models"]

#: The tag of Lava's integer models.
RUN_CONFIG = "fixed_pt"
#: Models that were found, by type of process.
_FOUND: dict[type, Any] = {}


class _Inbox:
    """An input port: what was sent and not yet received."""

    def __init__(self) -> None:
        self.waiting: deque[NDArray[Any]] = deque()

    def put(self, data: NDArray[Any]) -> None:
        self.waiting.append(data)

    def recv(self) -> NDArray[Any]:
        return self.waiting.popleft()


#: Shapes or transposes what passes from one port to another, on the way through virtual ports.
_Transform: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


class _Outbox:
    """An output port: everyone who listens gets a copy, of the port's own type."""

    def __init__(self, dtype: Any, listeners: list[tuple[Any, tuple[_Transform, ...]]]) -> None:
        self.dtype, self.listeners = dtype, listeners
        self.last: NDArray[Any] | None = None

    def send(self, data: Any) -> None:
        self.last = np.array(data, self.dtype)
        for inbox, transforms in self.listeners:
            passed = self.last.copy()
            for transform in transforms:
                passed = transform(passed)
            inbox.put(passed)


def drive(network: LavaNetwork, inputs: NDArray[Any]) -> Recording:
    """Run a network on all samples through Lava's process models.

    Args:
        network: what runs.
        inputs: (n, T, n_in) uint8 of 0 and 1.

    Returns:
        u, v and s of every layer in every step.
    """
    processes = build(network, inputs)
    history = step_models(processes.in_order, processes.neurons, len(inputs) * network.period)
    layers = tuple(
        LayerStates(
            layer.name,
            {state: network.by_sample(number, values) for state, values in states.items()},
        )
        for number, (layer, states) in enumerate(zip(network.layers, history, strict=True))
    )
    return Recording(inputs, layers)


def step_models(
    processes: tuple[Any, ...], recorded: tuple[Any, ...], steps: int
) -> list[dict[str, NDArray[np.int32]]]:
    """Step connected processes, each after those that it hears.

    Args:
        processes: in order; what they send to others is dropped.
        recorded: those with u, v and s_out that are written down.
        steps: how many.

    Returns:
        For each recorded process u, v and s after every step, each (steps, *its shape) int32.
    """
    models = make_models(processes)
    watched = [models[process.id] for process in recorded]
    history = [
        {state: np.zeros((steps, *process.s_out.shape), np.int32) for state in ("u", "v", "s")}
        for process in recorded
    ]
    for step in range(steps):
        for model in models.values():
            model.time_step = step + 1
            model.run_spk()
        for model, states in zip(watched, history, strict=True):
            states["u"][step], states["v"][step] = model.u, model.v
            states["s"][step] = model.s_out.last
    return history


def make_models(processes: tuple[Any, ...], inbox: Callable[[], Any] = _Inbox) -> dict[int, Any]:
    """Lava's model of each process by the process's number, with mailboxes for ports.

    Args:
        processes: what they send to others is dropped.
        inbox: makes an input port, with ``put`` and ``recv``.
    """
    inboxes = {id(port): inbox() for process in processes for port in process.in_ports}
    models = {}
    for process in processes:
        model_class = _model_class(process)
        builder = PyProcessBuilder(model_class, process.id, process.proc_params)
        builder.set_variables([VarInitializer(v.name, v.shape, v.init, v.id) for v in process.vars])
        model = builder.build()
        for port in process.in_ports:
            setattr(model, port.name, inboxes[id(port)])
        for port in process.out_ports:
            listeners = [
                (inboxes[id(other)], transforms)
                for other, transforms in _ways_from(port)
                if id(other) in inboxes
            ]
            dtype = getattr(model_class, port.name).d_type
            setattr(model, port.name, _Outbox(dtype, listeners))
        models[process.id] = model
    return models


def _ways_from(
    port: Any, passed: tuple[_Transform, ...] = ()
) -> Iterator[tuple[Any, tuple[_Transform, ...]]]:
    """The ports at which what a port sends arrives, each with the transforms on the way."""
    if isinstance(port, AbstractVirtualPort):
        passed = (*passed, port.get_transform_func_fwd())
    if not port.out_connections:
        yield port, passed
    for other in port.out_connections:
        yield from _ways_from(other, passed)


def _model_class(process: Any) -> Any:
    """The model that Lava's compiler would choose; finding it executes a folder of modules."""
    kind = type(process)
    if kind not in _FOUND:
        models = ProcGroupDiGraphs._find_proc_models(process)
        _FOUND[kind] = Loihi1SimCfg(select_tag=RUN_CONFIG).select(process, models)
    return _FOUND[kind]
