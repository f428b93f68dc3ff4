"""The network: layers in order, what feeds back, and for how many steps a sample is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from neurochip.errors import NetworkError
from neurochip.network.checks import (
    check_array,
    check_choice,
    check_count,
    check_keys,
    is_whole,
)
from neurochip.network.description import (
    feedback_from_dict,
    feedback_to_dict,
    layers_from_dicts,
    layers_to_dicts,
)
from neurochip.network.layers import (
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Flatten,
    Layer,
    Residual,
    SumPool,
    WeightLayer,
)
from neurochip.network.neurons import LI, LIF, Fires, Reset, Shape
from neurochip.network.order import Feedback, check_order, flows_through
from neurochip.network.parameters import Parameters
from neurochip.network.short_form import Padding, layers_of
from neurochip.network.sparse import Sparse

Readout: TypeAlias = Literal["linear", "leaky", "spiking"]
READOUTS: tuple[Readout, ...] = ("linear", "leaky", "spiking")


@dataclass(frozen=True)
class Network:
    """Layers in order, and for how many time steps each sample is shown.

    Weight layers (Dense, Conv2d, Sparse) make currents of signals, neurons (LIF) make signals of
    currents, and the two take turns; the other layers change either. The last weight layer is the
    read-out: nothing comes after it, or LI, or LIF, or LIF and LowPass.

    Attributes:
        layers: in order, the one at the input first.
        timesteps: T, at least 1.
        in_shape: (n,) or (channels, height, width) of a sample at one step; taken from the first
            layer where that is Dense or Sparse.
        feedback: what reaches a layer from one above it, a step later.
        initial: weights that a chip starts from, such as those of an imported network; drawn from
            its seed if None. They are no part of a description (`to_dict`).
    """

    layers: tuple[Layer, ...]
    timesteps: int
    in_shape: Shape = ()
    feedback: tuple[Feedback, ...] = ()
    initial: Parameters | None = field(default=None, compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the order of the layers and that their shapes meet."""
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "feedback", tuple(self.feedback))
        check_count("Network timesteps", self.timesteps)
        check_order(self.layers)
        object.__setattr__(self, "in_shape", _input_shape(self.layers, self.in_shape))
        shapes = flows_through(self.layers, self.in_shape)
        for feedback in self.feedback:
            feedback.check(self.layers, shapes)
        if self.initial is not None:
            self.check(self.initial)

    @classmethod
    def mlp(
        cls,
        sizes: Sequence[int],
        timesteps: int = 8,
        lam: float = 0.5,
        v_th: float = 1.0,
        reset: Reset = "soft",
        v_reset: float = 0.0,
        fires: Fires = ">=",
        readout: Readout = "linear",
        bias: bool = True,
    ) -> Network:
        """A multi-layer perceptron whose neurons are all alike.

        Args:
            sizes: neurons of each layer, the input first: (64, 128, 10) has two weight layers.
            timesteps: T.
            lam: membrane decay of every layer.
            v_th: threshold of every spiking layer.
            reset: "soft" or "hard".
            v_reset: membrane after a hard reset.
            fires: ">=" or ">".
            readout: "linear", "leaky" or "spiking".
            bias: whether the weight layers have biases.
        """
        if len(sizes) < 2:
            raise NetworkError(
                f"Network.mlp got sizes {list(sizes)!r}; it needs two or more, the input first."
            )
        check_choice("Network.mlp readout", readout, READOUTS)
        lif = LIF(lam, v_th, reset, v_reset, fires)
        layers: list[Layer] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Dense(n_in, n_out, bias), lif]
        return cls((*layers[:-1], *_readout_layers(readout, lif)), timesteps)

    @classmethod
    def conv(
        cls,
        text: str,
        in_shape: Sequence[int],
        n_out: int,
        timesteps: int = 6,
        padding: Padding = 0,
        neuron: LIF | None = None,
        bias: bool = True,
        pool_factor: float | None = None,
        readout: Readout = "linear",
    ) -> Network:
        """A convolutional network from the papers' short form.

        Args:
            text: such as "15C5-P2-40C5-P2-300": 15 channels of 5x5 kernels and neurons, a pool of
                2x2, ..., 300 neurons; `n_out` follows by itself.
            in_shape: (channels, height, width).
            n_out: number of classes.
            timesteps: T.
            padding: zeros on each side, or "same", which keeps height and width.
            neuron: of every layer; LIF() if None.
            bias: whether the weight layers have biases.
            pool_factor: None for average pools, or the factor of pools that sum.
            readout: "linear", "leaky" or "spiking".
        """
        check_choice("Network.conv readout", readout, READOUTS)
        lif = neuron or LIF()
        hidden = layers_of(text, tuple(in_shape), padding, lif, bias, pool_factor)
        shape = flows_through(hidden, tuple(in_shape))[-1]
        last = _readout_layers(readout, lif)
        return cls((*hidden, Dense(shape[0], n_out, bias), *last), timesteps, tuple(in_shape))

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shape of what each layer puts out."""
        return flows_through(self.layers, self.in_shape)

    @property
    def weight_layers(self) -> tuple[WeightLayer, ...]:
        """Dense, Conv2d and Sparse layers in the order of `Parameters`.

        That is the order of the layers, in a Residual the body's and then the shortcut's, and last
        those of the feedback.
        """
        return tuple(layer for layer in self.walk() if isinstance(layer, WeightLayer))

    @property
    def norm_layers(self) -> tuple[BatchNorm, ...]:
        """Batch norms in the order of `Parameters`."""
        return tuple(layer for layer in self.walk() if isinstance(layer, BatchNorm))

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The Dense layers, the one at the input first; of an mlp, all weight layers."""
        return tuple(layer for layer in self.weight_layers if isinstance(layer, Dense))

    @property
    def neurons(self) -> tuple[LIF, ...]:
        """The hidden spiking layers; of an mlp, one fewer than weight layers."""
        return tuple(neuron for neuron, _ in self.spiking_shapes())

    @property
    def readout_neuron(self) -> LI | LIF | None:
        """What follows the last weight layer; None for a linear read-out."""
        after = self.layers[self.readout_index + 1 :]
        return next((layer for layer in after if isinstance(layer, LI | LIF)), None)

    @property
    def readout_index(self) -> int:
        """Number of the last weight layer among `layers`."""
        return max(i for i, layer in enumerate(self.layers) if isinstance(layer, WeightLayer))

    @property
    def readout(self) -> Readout:
        """The kind of read-out: o[t] is its current, its leaky membrane or its spikes."""
        neuron = self.readout_neuron
        if neuron is None:
            return "linear"
        return "leaky" if isinstance(neuron, LI) else "spiking"

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return math.prod(self.in_shape)

    @property
    def n_out(self) -> int:
        """Number of classes."""
        return math.prod(self.shapes[-1])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, input first and read-out last: of an mlp the argument of `mlp`."""
        hidden = (math.prod(shape) for _, shape in self.spiking_shapes())
        return (self.n_in, *hidden, self.n_out)

    @property
    def n_weights(self) -> int:
        """Number of weights, biases not counted."""
        return sum(math.prod(layer.weight_shape) for layer in self.weight_layers)

    @property
    def n_parameters(self) -> int:
        """Number of all that is learned: weights, biases, gains, and weight and bias of norms."""
        rows = sum(layer.n_out * (layer.bias + layer.sws) for layer in self.weight_layers)
        return self.n_weights + rows + sum(2 * norm.n for norm in self.norm_layers)

    @property
    def n_neurons(self) -> int:
        """Number of hidden neurons and read-out neurons, inputs not counted."""
        return sum(self.sizes[1:])

    @property
    def unlike_mlp(self) -> str | None:
        """The first thing that tells the network from an mlp, in words; None for an mlp.

        An mlp is Dense, LIF, Dense, ..., Dense and then nothing, LI or LIF, without sws.
        """
        for number, layer in enumerate(self.layers):
            if number % 2 == 0 and not isinstance(layer, Dense):
                return f"a {type(layer).__name__} as layer {number}"
            if number % 2 == 1 and not isinstance(layer, LIF | LI):
                return f"a {type(layer).__name__} as layer {number}"
            if isinstance(layer, Dense) and layer.sws:
                return f"standardised weights in layer {number}"
        return "feedback between layers" if self.feedback else None

    @property
    def unlike_feedforward(self) -> str | None:
        """The first thing that tells the network from weights, pools and neurons in turn, in words.

        Weights are Dense or Conv2d without sws; None where there are no other layers, and no
        feedback.
        """
        allowed = (Dense, Conv2d, AvgPool, SumPool, Flatten, LIF, LI)
        for number, layer in enumerate(self.layers):
            if not isinstance(layer, allowed):
                return f"a {type(layer).__name__} as layer {number}"
            if isinstance(layer, Dense | Conv2d) and layer.sws:
                return f"standardised weights in layer {number}"
        return "feedback between layers" if self.feedback else None

    def walk(self) -> Iterator[Layer]:
        """Every layer, those inside a Residual and those of the feedback among them."""
        yield from _walk(self.layers)
        for feedback in self.feedback:
            yield from feedback.path

    def spiking_shapes(self) -> tuple[tuple[LIF, Shape], ...]:
        """Each hidden spiking layer with its shape, in order."""
        hidden = self.layers[: self.readout_index]
        return tuple(_spiking(hidden, self.in_shape))

    def check(self, parameters: Parameters) -> None:
        """Raise NetworkError unless the parameters have this network's shapes."""
        weight_layers = self.weight_layers
        if not len(parameters.weights) == len(parameters.biases) == len(weight_layers):
            raise NetworkError(
                f"Parameters hold {len(parameters.weights)} weight arrays and "
                f"{len(parameters.biases)} bias arrays but the network has {len(weight_layers)} "
                f"weight layers; give one of each per weight layer."
            )
        for number, layer in enumerate(weight_layers):
            name = f"{type(layer).__name__} layer {number}"
            check_array(f"weights of {name}", parameters.weights[number], layer.weight_shape)
            check_array(f"biases of {name}", parameters.biases[number], (layer.n_out,))
            if not layer.bias and np.any(parameters.biases[number]):
                raise NetworkError(
                    f"biases of {name} are not all zero but the layer has no bias; "
                    f"set them to zero or give the layer bias=True."
                )
        self._check_gains(parameters)
        self._check_norms(parameters)

    def _check_gains(self, parameters: Parameters) -> None:
        layers = [layer for layer in self.weight_layers if layer.sws]
        if len(parameters.gains) != len(layers):
            raise NetworkError(
                f"Parameters hold {len(parameters.gains)} gain arrays but the network has "
                f"{len(layers)} weight layers with sws; give one for each."
            )
        for number, (layer, gain) in enumerate(zip(layers, parameters.gains, strict=True)):
            check_array(f"gains of sws layer {number}", gain, (layer.n_out,))

    def _check_norms(self, parameters: Parameters) -> None:
        layers = self.norm_layers
        if len(parameters.norms) != len(layers):
            raise NetworkError(
                f"Parameters hold {len(parameters.norms)} norms but the network has "
                f"{len(layers)} BatchNorm layers; give one for each."
            )
        for number, (layer, norm) in enumerate(zip(layers, parameters.norms, strict=True)):
            for entry in fields(norm):
                name = f"{entry.name} values of BatchNorm {number}"
                check_array(name, getattr(norm, entry.name), (layer.n,))

    def to_dict(self) -> dict[str, Any]:
        """The network as numbers, strings, lists and dictionaries that JSON and TOML can hold."""
        description: dict[str, Any] = {
            "timesteps": self.timesteps,
            "layers": layers_to_dicts(self.layers),
        }
        if not isinstance(self.layers[0], Dense | Sparse):
            description["in_shape"] = list(self.in_shape)
        if self.feedback:
            description["feedback"] = [feedback_to_dict(entry) for entry in self.feedback]
        return description

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Network:
        """The network that `to_dict` described."""
        allowed = ("timesteps", "layers", "in_shape", "feedback")
        check_keys("Network description", description, allowed)
        for key in ("timesteps", "layers"):
            if key not in description:
                raise NetworkError(f"Network description has no {key!r}; add it.")
        return cls(
            layers_from_dicts(description["layers"]),
            description["timesteps"],
            tuple(description.get("in_shape", ())),
            tuple(feedback_from_dict(entry) for entry in description.get("feedback", ())),
        )


def _readout_layers(readout: Readout, neuron: LIF) -> tuple[Layer, ...]:
    if readout == "linear":
        return ()
    return (LI(neuron.lam),) if readout == "leaky" else (neuron,)


def _input_shape(layers: tuple[Layer, ...], given: Sequence[int]) -> Shape:
    shape = tuple(given)
    first = layers[0]
    if not shape and isinstance(first, Dense | Sparse):
        return (first.n_in,)
    if len(shape) not in (1, 3) or not all(is_whole(n) and n > 0 for n in shape):
        raise NetworkError(
            f"Network in_shape is {shape!r}; a network that begins with {type(first).__name__} "
            f"needs (n,) or (channels, height, width)."
        )
    return shape


def _walk(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from _walk(layer.body)
            yield from _walk(layer.shortcut)


def _spiking(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[LIF, Shape]]:
    for layer in layers:
        if isinstance(layer, Residual):
            yield from _spiking(layer.body, shape)
            yield from _spiking(layer.shortcut, shape)
        shape = layer.out_shape(shape)
        if isinstance(layer, LIF):
            yield layer, shape
