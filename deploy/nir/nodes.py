"""The NIR nodes of each layer of a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import ExportError
from neurochip.network import (
    LI,
    LIF,
    AvgPool,
    Conv2d,
    Dense,
    Flatten,
    Network,
    Parameters,
    Shape,
    SumPool,
    WeightLayer,
)

__all__ = ["DT", "nodes_of", "path_nodes", "require_written"]

#: Length of a step in the files that are written.
DT = 1.0
#: Layers that a path beside the others may hold.
ON_A_PATH = (Dense, Conv2d, AvgPool, SumPool, Flatten)


def require_written(network: Network) -> None:
    """Raise ExportError where NIR has no node for a layer."""
    alone = Network(network.layers, network.timesteps, network.in_shape)
    if alone.unlike_feedforward is not None:
        raise ExportError(
            f"the network has {alone.unlike_feedforward}, but only Dense, Conv2d, pools and LIF "
            f"layers are written as NIR; build it of those"
        )
    _require_plain_currents(network)
    for number, feedback in enumerate(network.feedback):
        name = f"feedback {number} from layer {feedback.source} to layer {feedback.target}"
        others = [k for k in feedback.path if not isinstance(k, ON_A_PATH)]
        if others:
            raise ExportError(
                f"{name} leads through a {type(others[0]).__name__}, which NIR has no node for; "
                f"use a Dense or a Conv2d"
            )
        if any(isinstance(k, Dense | Conv2d) and (k.bias or k.sws) for k in feedback.path):
            raise ExportError(
                f"{name} has a bias, which is absent in a network's first step and not in NIR's, "
                f"or sws; use weights without them"
            )
        if feedback.source < feedback.target:
            raise ExportError(
                f"{name} leads up within a step, but the loops of a NIR file here lead back; "
                f"remove it"
            )


def _require_plain_currents(network: Network) -> None:
    """The bias of a current that lasts becomes the leak, so nothing may come between."""
    pooled: int | None = None
    for number, layer in enumerate(network.layers):
        if isinstance(layer, WeightLayer | LIF):
            if isinstance(layer, LIF) and layer.current_lam and layer.lam == 1:
                raise ExportError(
                    f"layer {number} has neurons without a leak (lam is 1) whose currents outlive "
                    f"their step, which NIR has no node for; give them a leak"
                )
            if isinstance(layer, LIF) and layer.current_lam and pooled is not None:
                raise ExportError(
                    f"layer {pooled} pools currents that outlive their step (current_lam is "
                    f"{layer.current_lam:.6g}), which a NIR file here doesn't say; pool the spikes"
                )
            pooled = None
        elif isinstance(layer, AvgPool | SumPool):
            pooled = number


def nodes_of(network: Network, parameters: Parameters) -> Iterator[list[Any]]:
    """The nodes of each layer in turn."""
    below = network.in_shape
    number = -1
    for place, (layer, shape) in enumerate(zip(network.layers, network.shapes, strict=True)):
        if isinstance(layer, WeightLayer):
            number += 1
            bias = parameters.biases[number] if layer.bias else None
            keeps = _keeps_current(network, place)
            yield _weights(layer, parameters.weights[number], None if keeps else bias, below)
        elif isinstance(layer, LIF) and layer.lam == 1:
            yield [_without_a_leak(layer, shape)]
        elif isinstance(layer, LIF | LI):
            yield [_neurons(layer, shape, bias)]
        else:
            yield _stateless(layer, below)
        below = shape


def path_nodes(network: Network, parameters: Parameters, number: int) -> list[Any]:
    """The nodes of a feedback's path."""
    feedback = network.feedback[number]
    shape = network.shapes[feedback.source]
    nodes: list[Any] = []
    for layer in feedback.path:
        if isinstance(layer, WeightLayer):
            weights = parameters.weights[number - len(network.feedback)]
            nodes += _weights(layer, weights, None, shape)
        else:
            nodes += _stateless(layer, shape, keep=True)
        shape = layer.out_shape(shape)
    return nodes


def _keeps_current(network: Network, place: int) -> bool:
    """Whether the neurons after the weights at a place keep their currents."""
    after = (k for k in network.layers[place + 1 :] if isinstance(k, LIF | LI | WeightLayer))
    neuron = next(after, None)
    return isinstance(neuron, LIF) and neuron.current_lam > 0


def _weights(
    layer: WeightLayer, weight: NDArray[np.float64], bias: NDArray[np.float64] | None, below: Shape
) -> list[Any]:
    import nir

    if not isinstance(layer, Conv2d):
        return [nir.Linear(weight) if bias is None else nir.Affine(weight, bias)]
    zeros = np.zeros(layer.c_out)
    node = nir.Conv2d(
        input_shape=below[1:],
        weight=weight,
        stride=layer.stride,
        padding=layer.padding,
        dilation=1,
        groups=1,
        bias=zeros if bias is None else bias,
        metadata={"bias": False} if bias is None else {},
    )
    return [node]


def _stateless(layer: Any, below: Shape, *, keep: bool = False) -> list[Any]:
    import nir

    if isinstance(layer, Flatten):
        node = nir.Flatten({"input": np.array(below)}, 0, -1)
        return [node] if keep or len(below) > 1 else []
    size = {"kernel_size": np.full(2, layer.kernel), "stride": np.full(2, layer.kernel)}
    if isinstance(layer, AvgPool):
        return [nir.AvgPool2d(**size, padding=np.zeros(2, np.int64))]
    pool = nir.SumPool2d(**size, padding=np.zeros(2, np.int64))
    if layer.factor == 1.0:
        return [pool]
    return [pool, nir.Scale(np.full(layer.out_shape(below), layer.factor))]


def _without_a_leak(neuron: LIF, shape: Shape) -> Any:
    import nir

    return nir.IF(
        r=np.full(shape, 1.0 / DT),
        v_threshold=np.full(shape, neuron.v_th),
        v_reset=np.full(shape, neuron.v_reset),
        metadata={"reset": neuron.reset, "fires": neuron.fires},
    )


def _neurons(neuron: LIF | LI, shape: Shape, bias: NDArray[np.float64] | None) -> Any:
    """Neurons; where they keep their currents, a bias, which isn't one of those, is the leak."""
    import nir

    tau = np.full(shape, DT / (1.0 - neuron.lam))
    # R dt / tau is then 1.0 exactly.
    common = {"r": tau / DT, "v_leak": np.zeros(shape)}
    if isinstance(neuron, LI):
        return nir.LI(tau=tau, **common, metadata={"lam": neuron.lam})
    metadata: dict[str, Any] = {"lam": neuron.lam, "reset": neuron.reset, "fires": neuron.fires}
    spiking = {
        "v_threshold": np.full(shape, neuron.v_th),
        "v_reset": np.full(shape, neuron.v_reset),
    }
    if not neuron.current_lam:
        return nir.LIF(tau=tau, **common, **spiking, metadata=metadata)
    metadata["current_lam"] = neuron.current_lam
    if bias is not None:
        metadata["bias"] = bias
        each = bias.repeat(math.prod(shape) // len(bias)).reshape(shape)
        common["v_leak"] = each * tau / DT
    tau_syn = np.full(shape, DT / (1.0 - neuron.current_lam))
    # And so is w_in dt / tau_syn.
    current = {"tau_syn": tau_syn, "tau_mem": tau, "w_in": tau_syn / DT}
    return nir.CubaLIF(**current, **common, **spiking, metadata=metadata)
