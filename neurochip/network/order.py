"""In what order layers make a network, and what may feed back.

A signal is what weights read: the input, spikes, or what a LowPass makes of them. A current is what
neurons read. Dense, Conv2d and Sparse make currents of signals; LIF makes signals of currents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurochip.errors import NetworkError
from neurochip.network.checks import is_whole
from neurochip.network.layers import BatchNorm, Dropout, Layer, Residual, WeightLayer
from neurochip.network.neurons import LI, LIF, LowPass, Shape


@dataclass(frozen=True)
class Feedback:
    """A connection beside the layers: path(layers[source]) adds to what layers[target] puts out.

    Back, it is what the source put out at t - 1; at t = 0 it is absent, the bias of its weight
    layer too. With source and target about the same neurons it is a recurrent connection, with
    source higher up that of VGG-F (Xiao et al., 2022). On-line rules take what comes back as given
    and trace it (`Feedback` has a trace of its own). Up, where the source is below the target, it
    is of the same step: `mapping.absorbed` makes such ones of residual blocks, and no rule trains
    them.

    Attributes:
        source: number of the layer whose output is sent.
        target: number of the weight layer whose output it is added to.
        path: layers that it goes through: one weight layer, and any without state.
    """

    source: int
    target: int
    path: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """A tuple of what is given."""
        object.__setattr__(self, "path", tuple(self.path))

    def check(self, layers: tuple[Layer, ...], shapes: tuple[Shape, ...]) -> None:
        """Raise NetworkError unless it joins layers of the network whose shapes meet."""
        for name, number in (("source", self.source), ("target", self.target)):
            if not (is_whole(number) and 0 <= number < len(layers)):
                raise NetworkError(
                    f"feedback {name} is {number!r}; it must be the number of a layer, "
                    f"0 to {len(layers) - 1}."
                )
        if not isinstance(layers[self.target], WeightLayer):
            raise NetworkError(
                f"feedback target {self.target} is a {type(layers[self.target]).__name__}; "
                f"feedback is added to the current of a Dense, Conv2d or Sparse."
            )
        kinds = [type(layer) for layer in self.path]
        n_weights = sum(isinstance(layer, WeightLayer) for layer in self.path)
        unfit = {LIF, LI, LowPass, BatchNorm, Dropout, Residual}.intersection(kinds)
        if n_weights != 1 or unfit:
            raise NetworkError(
                f"feedback path has {n_weights} weight layers"
                f"{' and a ' + unfit.pop().__name__ if unfit else ''}; it must have one, and "
                f"beside it only pools, Upsample, Flatten and Scale."
            )
        if _is_current(layers[: self.source + 1]):
            raise NetworkError(
                f"feedback source {self.source} puts out a current; take a layer after its neurons."
            )
        shape = flows_through(self.path, shapes[self.source])[-1]
        if shape != shapes[self.target]:
            raise NetworkError(
                f"feedback from layer {self.source} ends in the shape {shape} but layer "
                f"{self.target} puts out {shapes[self.target]}; they must be equal to be added."
            )


def flows_through(layers: Sequence[Layer], in_shape: Shape) -> tuple[Shape, ...]:
    """Shape of what each layer puts out.

    Raises:
        NetworkError: if one doesn't fit, with its number.
    """
    shapes = []
    for number, layer in enumerate(layers):
        try:
            in_shape = layer.out_shape(in_shape)
        except NetworkError as error:
            raise NetworkError(f"layer {number}: {error}") from None
        shapes.append(in_shape)
    return tuple(shapes)


def check_order(layers: tuple[Layer, ...]) -> None:
    """Raise NetworkError unless signals and currents take turns up to a read-out."""
    if not layers:
        raise NetworkError("Network has no layers; it needs at least one Dense or Conv2d.")
    _check_turns(layers, "Network")
    numbers = [i for i, layer in enumerate(layers) if isinstance(layer, WeightLayer)]
    if not numbers:
        raise NetworkError("Network has no weight layer; it needs at least one Dense or Conv2d.")
    tail = [type(layer) for layer in layers[numbers[-1] + 1 :]]
    if tail not in ([], [LI], [LIF], [LIF, LowPass]):
        names = ", ".join(kind.__name__ for kind in tail)
        raise NetworkError(
            f"Network has {names} after its last weight layer; the read-out may have nothing "
            f"after it, or LI, or LIF, or LIF and LowPass."
        )


def _check_turns(layers: tuple[Layer, ...], where: str) -> None:
    """Each layer gets what it reads: signals or currents."""
    is_current = False
    for number, layer in enumerate(layers):
        name = f"{where} layer {number} is a {type(layer).__name__}"
        if isinstance(layer, WeightLayer | Residual | LowPass | Dropout) and is_current:
            raise NetworkError(f"{name} but a current comes in; put a LIF before it.")
        if isinstance(layer, LIF | LI | BatchNorm) and not is_current:
            raise NetworkError(
                f"{name} but no current comes in; put a Dense or a Conv2d before it."
            )
        if isinstance(layer, LI) and (number != len(layers) - 1 or where != "Network"):
            raise NetworkError(f"{name} in the middle; LI is a read-out and comes last.")
        if isinstance(layer, Residual):
            _check_residual(layer)
        is_current = _turns(layer, is_current)


def _check_residual(layer: Residual) -> None:
    for way, inner in (("body", layer.body), ("shortcut", layer.shortcut)):
        _check_turns(inner, f"Residual {way}")
    if not _is_current(layer.body):
        raise NetworkError(
            "Residual has a body that doesn't end in a current; end it with weights and leave "
            "its last neurons to the layer after the sum."
        )


def _is_current(layers: tuple[Layer, ...]) -> bool:
    """Whether what comes out of the layers is a current."""
    is_current = False
    for layer in layers:
        is_current = _turns(layer, is_current)
    return is_current


def _turns(layer: Layer, is_current: bool) -> bool:
    """Whether a current comes out of the layer, given whether one goes in."""
    if isinstance(layer, WeightLayer | Residual):
        return True
    return is_current and not isinstance(layer, LIF)
