"""What is learned: layers, neurons, shapes and weights, with no arithmetic of their own.

One `Network` feeds the float reference, the chip and the exports. Layers alternate between weights
(`Dense`) and spiking neurons (`LIF`); the last weight layer is the read-out, which is linear
(nothing after it), leaky (`LI`) or spiking (`LIF`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import NetworkError

Reset: TypeAlias = Literal["soft", "hard"]
Fires: TypeAlias = Literal[">=", ">"]
Readout: TypeAlias = Literal["linear", "leaky", "spiking"]

RESETS: tuple[Reset, ...] = ("soft", "hard")
FIRES: tuple[Fires, ...] = (">=", ">")
READOUTS: tuple[Readout, ...] = ("linear", "leaky", "spiking")

# A weight's standard deviation is gain / sqrt(n_in). With 2, inputs of the size of image pixels
# bring membranes near a threshold of 1, where the surrogate derivative is not zero.
INITIAL_GAIN = 2.0
# A read-out has no threshold to reach, and smaller weights have a finer format on a chip.
READOUT_GAIN = 1.0


@dataclass(frozen=True)
class Dense:
    """A full weight matrix: I[t] = W s[t] + b.

    Attributes:
        n_in: number of inputs, at least 1.
        n_out: number of outputs, at least 1.
        bias: whether b is learned; without it b is zero.
    """

    n_in: int
    n_out: int
    bias: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_count("Dense n_in", self.n_in)
        _check_count("Dense n_out", self.n_out)


@dataclass(frozen=True)
class LIF:
    """Leaky integrate-and-fire neurons (Xiao et al., NeurIPS 2022).

    u[t] = lam * v[t-1] + I[t];  s[t] = (u[t] >= v_th);
    soft reset: v[t] = u[t] - v_th * s[t];  hard reset: v[t] = (1 - s[t]) * u[t] + s[t] * v_reset;
    v[-1] = 0.

    Attributes:
        lam: membrane decay a step, in [0, 1); the paper's 1 - 1/tau.
        v_th: threshold, above 0, in units of the membrane.
        reset: "soft" (the threshold is subtracted) or "hard" (the membrane is set to v_reset).
        v_reset: membrane after a hard reset, below v_th.
        fires: whether a membrane exactly at the threshold fires (">=") or not (">").
    """

    lam: float = 0.5
    v_th: float = 1.0
    reset: Reset = "soft"
    v_reset: float = 0.0
    fires: Fires = ">="

    def __post_init__(self) -> None:
        """Check the numbers and the choices."""
        _check_decay("LIF lam", self.lam)
        if not (_is_number(self.v_th) and self.v_th > 0):
            raise NetworkError(f"LIF v_th is {self.v_th!r}; it must be a number above 0.")
        _check_choice("LIF reset", self.reset, RESETS)
        _check_choice("LIF fires", self.fires, FIRES)
        if not (_is_number(self.v_reset) and self.v_reset < self.v_th):
            raise NetworkError(
                f"LIF v_reset is {self.v_reset!r}; it must be a number below v_th = {self.v_th!r}."
            )
        if self.reset == "soft" and self.v_reset != 0:
            raise NetworkError(
                f"LIF v_reset is {self.v_reset!r} but the reset is soft, which never uses it; "
                f'leave it at 0 or set reset to "hard".'
            )


@dataclass(frozen=True)
class LI:
    """A leaky read-out that never fires: o[t] = lam * o[t-1] + I[t], o[-1] = 0.

    Attributes:
        lam: decay a step, in [0, 1).
    """

    lam: float = 0.5

    def __post_init__(self) -> None:
        """Check the number."""
        _check_decay("LI lam", self.lam)


Layer: TypeAlias = Dense | LIF | LI

_KINDS: dict[str, type[Layer]] = {"dense": Dense, "lif": LIF, "li": LI}


@dataclass(frozen=True)
class Network:
    """Layers in order, and for how many time steps each sample is shown.

    Attributes:
        layers: Dense, LIF, Dense, LIF, ..., Dense, and then nothing, LI or LIF.
        timesteps: T, at least 1.
        initial: weights that a chip starts from, such as those of an imported network; drawn from
            its seed if None. They are no part of a description (`to_dict`).
    """

    layers: tuple[Layer, ...]
    timesteps: int
    initial: Parameters | None = field(default=None, compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the order of the layers and that their shapes meet."""
        object.__setattr__(self, "layers", tuple(self.layers))
        _check_count("Network timesteps", self.timesteps)
        _check_order(self.layers)
        for number, (below, above) in enumerate(pairwise(self.dense)):
            if below.n_out != above.n_in:
                raise NetworkError(
                    f"Dense layer {number} has {below.n_out} outputs but Dense layer {number + 1} "
                    f"has {above.n_in} inputs; they must be equal."
                )
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
        _check_choice("Network.mlp readout", readout, READOUTS)
        lif = LIF(lam, v_th, reset, v_reset, fires)
        layers: list[Layer] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Dense(n_in, n_out, bias), lif]
        last: dict[Readout, list[Layer]] = {"linear": [], "leaky": [LI(lam)], "spiking": [lif]}
        return cls((*layers[:-1], *last[readout]), timesteps)

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The weight layers, the one at the input first."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def neurons(self) -> tuple[LIF, ...]:
        """The hidden spiking layers: one fewer than weight layers."""
        last_dense = max(i for i, layer in enumerate(self.layers) if isinstance(layer, Dense))
        return tuple(layer for layer in self.layers[:last_dense] if isinstance(layer, LIF))

    @property
    def readout_neuron(self) -> LI | LIF | None:
        """What follows the last weight layer; None for a linear read-out."""
        last = self.layers[-1]
        return None if isinstance(last, Dense) else last

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
        return self.dense[0].n_in

    @property
    def n_out(self) -> int:
        """Number of classes."""
        return self.dense[-1].n_out

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, the input first: the argument of `mlp`."""
        return (self.n_in, *(layer.n_out for layer in self.dense))

    @property
    def n_weights(self) -> int:
        """Number of weights, biases not counted."""
        return sum(layer.n_in * layer.n_out for layer in self.dense)

    @property
    def n_neurons(self) -> int:
        """Number of hidden neurons and read-out neurons, inputs not counted."""
        return sum(layer.n_out for layer in self.dense)

    def check(self, parameters: Parameters) -> None:
        """Raise NetworkError unless the weights and biases have this network's shapes."""
        if not len(parameters.weights) == len(parameters.biases) == len(self.dense):
            raise NetworkError(
                f"Parameters hold {len(parameters.weights)} weight arrays and "
                f"{len(parameters.biases)} bias arrays but the network has {len(self.dense)} "
                f"weight layers; give one of each per weight layer."
            )
        for number, layer in enumerate(self.dense):
            _check_array(
                f"weights of Dense layer {number}",
                parameters.weights[number],
                (layer.n_out, layer.n_in),
            )
            _check_array(
                f"biases of Dense layer {number}", parameters.biases[number], (layer.n_out,)
            )
            if not layer.bias and np.any(parameters.biases[number]):
                raise NetworkError(
                    f"biases of Dense layer {number} are not all zero but the layer has no bias; "
                    f"set them to zero or give the layer bias=True."
                )

    def to_dict(self) -> dict[str, Any]:
        """The network as numbers, strings, lists and dictionaries that JSON and TOML can hold."""
        names = {kind: name for name, kind in _KINDS.items()}
        layers = [{"kind": names[type(layer)], **asdict(layer)} for layer in self.layers]
        return {"timesteps": self.timesteps, "layers": layers}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Network:
        """The network that `to_dict` described."""
        _check_keys("Network description", description, ("timesteps", "layers"))
        for key in ("timesteps", "layers"):
            if key not in description:
                raise NetworkError(f"Network description has no {key!r}; add it.")
        layers = tuple(_layer_from_dict(entry) for entry in description["layers"])
        return cls(layers, description["timesteps"])


@dataclass(frozen=True, eq=False)
class Parameters:
    """The learned numbers of a network, float64.

    Attributes:
        weights: one (n_out, n_in) array for each weight layer, the one at the input first.
        biases: one (n_out,) array for each weight layer; zeros where the layer has no bias.
    """

    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]


def initialise(
    network: Network, seed: int, gain: float = INITIAL_GAIN, readout_gain: float = READOUT_GAIN
) -> Parameters:
    """Draw weights from a normal distribution of standard deviation gain / sqrt(n_in).

    Each layer has a generator of its own, seeded with (seed, layer), so that a layer's weights
    don't depend on the other layers' shapes. Biases are zero.

    Args:
        network: what to draw for.
        seed: 0 or more.
        gain: of the hidden layers, above 0, without unit.
        readout_gain: of the last weight layer, above 0.
    """
    if not _is_whole(seed) or seed < 0:
        raise NetworkError(f"initialise got seed {seed!r}; it must be a whole number from 0 up.")
    for name, value in (("gain", gain), ("readout_gain", readout_gain)):
        if not (_is_number(value) and value > 0):
            raise NetworkError(f"initialise got {name} {value!r}; it must be a number above 0.")
    weights = []
    for number, layer in enumerate(network.dense):
        rng = np.random.default_rng([seed, number])
        spread = (readout_gain if layer is network.dense[-1] else gain) / math.sqrt(layer.n_in)
        weights.append(rng.normal(0.0, spread, (layer.n_out, layer.n_in)))
    return Parameters(tuple(weights), tuple(np.zeros(layer.n_out) for layer in network.dense))


def _layer_from_dict(entry: Mapping[str, Any]) -> Layer:
    values = dict(entry)
    kind = values.pop("kind", None)
    if kind not in _KINDS:
        raise NetworkError(f"layer kind is {kind!r}; it must be one of {_listed(tuple(_KINDS))}.")
    allowed = tuple(_KINDS[kind].__dataclass_fields__)
    _check_keys(f"layer of kind {kind!r}", values, allowed)
    if kind == "dense" and not {"n_in", "n_out"} <= values.keys():
        raise NetworkError("layer of kind 'dense' has no n_in or no n_out; give both.")
    return _KINDS[kind](**values)


def _check_order(layers: tuple[Layer, ...]) -> None:
    if not layers:
        raise NetworkError("Network has no layers; it needs at least one Dense.")
    for number, layer in enumerate(layers):
        is_last = number == len(layers) - 1
        wanted: tuple[type[Layer], ...] = (Dense,) if number % 2 == 0 else (LIF,)
        if is_last and number % 2 == 1:
            wanted = (LIF, LI)
        if not isinstance(layer, wanted):
            raise NetworkError(
                f"Network layer {number} is a {type(layer).__name__} where "
                f"{' or '.join(kind.__name__ for kind in wanted)} is needed; the order is "
                f"Dense, LIF, Dense, LIF, ..., Dense, and then nothing, LI or LIF."
            )


def _check_array(name: str, array: NDArray[np.float64], shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise NetworkError(f"{name} have shape {np.shape(array)}; the network needs {shape}.")
    if not np.isfinite(array).all():
        raise NetworkError(f"{name} hold a number that is not finite; every one must be.")


def _check_count(name: str, value: int) -> None:
    if not _is_whole(value) or value < 1:
        raise NetworkError(f"{name} is {value!r}; it must be a whole number from 1 up.")


def _check_decay(name: str, value: float) -> None:
    if not (_is_number(value) and 0 <= value < 1):
        raise NetworkError(f"{name} is {value!r}; it must be a number from 0 up and below 1.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise NetworkError(f"{name} is {value!r}; it must be one of {_listed(choices)}.")


def _check_keys(name: str, values: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise NetworkError(
            f"{name} has the unknown key {unknown[0]!r}; it may hold {_listed(allowed)}."
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    real = isinstance(value, int | float | np.integer | np.floating)
    return real and not isinstance(value, bool) and math.isfinite(value)  # type: ignore[arg-type]
