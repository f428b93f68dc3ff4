"""The layers without state, and the list of all: what each computes, with its shapes.

A shape is (n,) or (channels, height, width), without batch and time. `out_shape` gives the shape
of what a layer puts out, and raises NetworkError where the shape that comes in doesn't fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from neurochip.errors import NetworkError
from neurochip.network.checks import check_count, check_decay, check_positive
from neurochip.network.neurons import LI, LIF, LowPass, Shape
from neurochip.network.sparse import Sparse

SPATIAL_DIMENSIONS = 3


@dataclass(frozen=True)
class Dense:
    """A full weight matrix: I[t] = W s[t] + b.

    With sws, scaled weight standardisation (Brock et al., ICLR 2021; as in Xiao et al., 2022):
    I[t] = W' s[t] + b, W' = gain * (W - mean) / sqrt(var * n_in + 1e-4), with mean and unbiased
    variance of each row and one learned gain a row.

    Attributes:
        n_in: number of inputs, at least 1.
        n_out: number of outputs, at least 1.
        bias: whether b is learned; without it b is zero.
        sws: whether the weights are standardised.
    """

    kind: ClassVar[str] = "dense"

    n_in: int
    n_out: int
    bias: bool = True
    sws: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_count("Dense n_in", self.n_in)
        check_count("Dense n_out", self.n_out)
        _check_fan_in(self.kind, self.fan_in, self.sws)

    @property
    def fan_in(self) -> int:
        """Weights of one output."""
        return self.n_in

    @property
    def weight_shape(self) -> Shape:
        """(n_out, n_in)."""
        return self.n_out, self.n_in

    def out_shape(self, in_shape: Shape) -> Shape:
        """(n_out,)."""
        if in_shape != (self.n_in,):
            raise NetworkError(_misfit("Dense", f"({self.n_in},)", in_shape))
        return (self.n_out,)


@dataclass(frozen=True)
class Conv2d:
    """A convolution (cross-correlation) over height and width, with zeros around the borders.

    I[t][o, y, x] = b[o] + sum_(c, i, j) W[o, c, i, j] * s[t][c, stride * y + i - padding,
    stride * x + j - padding]; sws as for Dense, with n_in the fan-in of an output.

    Attributes:
        c_in: channels that come in.
        c_out: channels that go out.
        kernel: height and width of the kernel.
        stride: distance of two positions, at least 1.
        padding: zeros on each side, from 0 up.
        bias: whether b is learned; without it b is zero.
        sws: whether the weights are standardised.
    """

    kind: ClassVar[str] = "conv2d"

    c_in: int
    c_out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True
    sws: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("c_in", "c_out", "kernel", "stride"):
            check_count(f"Conv2d {name}", getattr(self, name))
        check_count("Conv2d padding", self.padding, least=0)
        _check_fan_in(self.kind, self.fan_in, self.sws)

    @property
    def n_out(self) -> int:
        """Rows of the weights: output channels."""
        return self.c_out

    @property
    def fan_in(self) -> int:
        """Weights of one output."""
        return self.c_in * self.kernel * self.kernel

    @property
    def weight_shape(self) -> Shape:
        """(c_out, c_in, kernel, kernel)."""
        return self.c_out, self.c_in, self.kernel, self.kernel

    def out_shape(self, in_shape: Shape) -> Shape:
        """(c_out, height, width) after the convolution."""
        if len(in_shape) != SPATIAL_DIMENSIONS or in_shape[0] != self.c_in:
            raise NetworkError(_misfit("Conv2d", f"({self.c_in}, height, width)", in_shape))
        sides = [(n + 2 * self.padding - self.kernel) // self.stride + 1 for n in in_shape[1:]]
        if min(sides) < 1:
            raise NetworkError(
                f"Conv2d has kernel {self.kernel} and padding {self.padding}, too large for the "
                f"shape {in_shape} that comes in; use a smaller kernel or more padding."
            )
        return self.c_out, sides[0], sides[1]


@dataclass(frozen=True)
class AvgPool:
    """The mean of each kernel x kernel square; rows and columns that fill none are left out.

    Attributes:
        kernel: side of a square and distance of two.
    """

    kind: ClassVar[str] = "avg_pool"

    kernel: int

    def __post_init__(self) -> None:
        """Check the number."""
        check_count("AvgPool kernel", self.kernel)

    @property
    def factor(self) -> float:
        """What the sum over a square is multiplied by."""
        return 1.0 / (self.kernel * self.kernel)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(c, height // kernel, width // kernel)."""
        return _pooled("AvgPool", self.kernel, in_shape)


@dataclass(frozen=True)
class SumPool:
    """`factor` times the sum of each kernel x kernel square (TSSL-BP's, with 1.1).

    Attributes:
        kernel: side of a square and distance of two.
        factor: above 0.
    """

    kind: ClassVar[str] = "sum_pool"

    kernel: int
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_count("SumPool kernel", self.kernel)
        check_positive("SumPool factor", self.factor)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(c, height // kernel, width // kernel)."""
        return _pooled("SumPool", self.kernel, in_shape)


@dataclass(frozen=True)
class AdaptiveAvgPool:
    """The mean over areas such that side x side are left; 1 is the global average.

    Output i covers the inputs floor(i * n / side) up to ceil((i + 1) * n / side).

    Attributes:
        side: height and width that are left, no more than come in.
    """

    kind: ClassVar[str] = "adaptive_avg_pool"

    side: int = 1

    def __post_init__(self) -> None:
        """Check the number."""
        check_count("AdaptiveAvgPool side", self.side)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(c, side, side)."""
        if len(in_shape) != SPATIAL_DIMENSIONS or min(in_shape[1:]) < self.side:
            need = f"(channels, {self.side} or more, {self.side} or more)"
            raise NetworkError(_misfit("AdaptiveAvgPool", need, in_shape))
        return in_shape[0], self.side, self.side


@dataclass(frozen=True)
class Upsample:
    """Each value repeated factor x factor times (nearest neighbour).

    Attributes:
        factor: at least 1.
    """

    kind: ClassVar[str] = "upsample"

    factor: int

    def __post_init__(self) -> None:
        """Check the number."""
        check_count("Upsample factor", self.factor)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(c, factor * height, factor * width)."""
        if len(in_shape) != SPATIAL_DIMENSIONS:
            raise NetworkError(_misfit("Upsample", "(channels, height, width)", in_shape))
        return in_shape[0], self.factor * in_shape[1], self.factor * in_shape[2]


@dataclass(frozen=True)
class Flatten:
    """All values in one row: channels, then rows, then columns."""

    kind: ClassVar[str] = "flatten"

    def out_shape(self, in_shape: Shape) -> Shape:
        """(channels * height * width,)."""
        return (math.prod(in_shape),)


@dataclass(frozen=True)
class Reshape:
    """A row as maps, what Flatten takes back.

    Attributes:
        shape: (channels, height, width).
    """

    kind: ClassVar[str] = "reshape"

    shape: Shape

    def __post_init__(self) -> None:
        """Check the shape and make it a tuple."""
        object.__setattr__(self, "shape", tuple(self.shape))
        if len(self.shape) != SPATIAL_DIMENSIONS:
            raise NetworkError(
                f"Reshape shape is {self.shape}; it must be (channels, height, width)."
            )
        for number in self.shape:
            check_count("Reshape shape", number)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(channels, height, width)."""
        if in_shape != (math.prod(self.shape),):
            raise NetworkError(_misfit("Reshape", f"({math.prod(self.shape)},)", in_shape))
        return self.shape


@dataclass(frozen=True)
class Scale:
    """Every value times `factor` (after sWS neurons 2.74, which makes their variance one).

    Attributes:
        factor: above 0.
    """

    kind: ClassVar[str] = "scale"

    factor: float

    def __post_init__(self) -> None:
        """Check the number."""
        check_positive("Scale factor", self.factor)

    def out_shape(self, in_shape: Shape) -> Shape:
        """As it comes in."""
        return in_shape


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation: y = weight * (x - mean) / sqrt(var + eps) + bias, a channel at a time.

    In training mean and (biased) variance are over batch, time, height and width, and the running
    ones move towards them by `momentum` (the variance unbiased); otherwise the running ones count.

    Attributes:
        n: channels, or values of a flat layer.
        eps: above 0.
        momentum: in [0, 1).
    """

    kind: ClassVar[str] = "batch_norm"

    n: int
    eps: float = 1e-5
    momentum: float = 0.1

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_count("BatchNorm n", self.n)
        check_positive("BatchNorm eps", self.eps)
        check_decay("BatchNorm momentum", self.momentum)

    def out_shape(self, in_shape: Shape) -> Shape:
        """As it comes in."""
        if in_shape[0] != self.n:
            raise NetworkError(_misfit("BatchNorm", f"({self.n}, ...)", in_shape))
        return in_shape


@dataclass(frozen=True)
class Dropout:
    """In training each value is zero with probability p, else times 1 / (1 - p).

    The mask is drawn once a batch and stays the same over time (Xiao et al., NeurIPS 2022).

    Attributes:
        p: in [0, 1).
    """

    kind: ClassVar[str] = "dropout"

    p: float

    def __post_init__(self) -> None:
        """Check the number."""
        check_decay("Dropout p", self.p)

    def out_shape(self, in_shape: Shape) -> Shape:
        """As it comes in."""
        return in_shape


@dataclass(frozen=True)
class Residual:
    """The sum of two ways: I[t] = body(s[t]) + shortcut(s[t]).

    Attributes:
        body: layers that end in a current: their last neurons are followed by weights.
        shortcut: layers that change the shape as the body does; none hand the input on.
    """

    kind: ClassVar[str] = "residual"

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        """Tuples of what is given."""
        object.__setattr__(self, "body", tuple(self.body))
        object.__setattr__(self, "shortcut", tuple(self.shortcut))

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape that both ways lead to."""
        shapes = []
        for way in (self.body, self.shortcut):
            shape = in_shape
            for layer in way:
                shape = layer.out_shape(shape)
            shapes.append(shape)
        if shapes[0] != shapes[1]:
            raise NetworkError(
                f"Residual has a body that ends in the shape {shapes[0]} and a shortcut that ends "
                f"in {shapes[1]}; they must be equal to be added."
            )
        return shapes[0]


WeightLayer: TypeAlias = Dense | Conv2d | Sparse
Pool: TypeAlias = AvgPool | SumPool
Layer: TypeAlias = (
    Dense
    | Conv2d
    | Sparse
    | LIF
    | LI
    | LowPass
    | AvgPool
    | SumPool
    | AdaptiveAvgPool
    | Upsample
    | Flatten
    | Reshape
    | Scale
    | BatchNorm
    | Dropout
    | Residual
)

KINDS: dict[str, type[Layer]] = {
    kind.kind: kind
    for kind in (
        Dense,
        Conv2d,
        Sparse,
        LIF,
        LI,
        LowPass,
        AvgPool,
        SumPool,
        AdaptiveAvgPool,
        Upsample,
        Flatten,
        Reshape,
        Scale,
        BatchNorm,
        Dropout,
        Residual,
    )
}


def _check_fan_in(kind: str, fan_in: int, sws: bool) -> None:
    if sws and fan_in < 2:
        raise NetworkError(
            f"a {kind} layer with sws has {fan_in} weight a row, which has no variance; "
            f"give it 2 or more, or sws=False."
        )


def _pooled(name: str, kernel: int, in_shape: Shape) -> Shape:
    if len(in_shape) != SPATIAL_DIMENSIONS or min(in_shape[1:]) < kernel:
        need = f"(channels, {kernel} or more, {kernel} or more)"
        raise NetworkError(_misfit(name, need, in_shape))
    return in_shape[0], in_shape[1] // kernel, in_shape[2] // kernel


def _misfit(name: str, need: str, in_shape: Shape) -> str:
    return (
        f"{name} needs the shape {need} but {in_shape} comes in; make the layer below fit or "
        f"change this one."
    )
