"""Every parameter of the integer core. Defaults are those of the default chip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

from .arithmetic import Register

TWENTY_FOUR_BITS = Register(24)


@dataclass(frozen=True)
class Convolution:
    """A convolution; populations are numbered row by row, and at each place channel by channel."""

    c_in: int
    h_in: int
    w_in: int
    c_out: int
    kernel: int
    stride: int = 1
    padding: int = 0

    @property
    def h_out(self) -> int:
        return (self.h_in + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def w_out(self) -> int:
        return (self.w_in + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def n_in(self) -> int:
        return self.h_in * self.w_in * self.c_in

    @property
    def n_out(self) -> int:
        return self.h_out * self.w_out * self.c_out

    @property
    def rows(self) -> int:
        return self.kernel * self.kernel * self.c_in

    def connections(self) -> list[tuple[int, int, int, int]]:
        """Input, output, and row and column of the weight between them."""
        found = []
        for y, x, o in product(range(self.h_out), range(self.w_out), range(self.c_out)):
            for ky, kx, c in product(range(self.kernel), range(self.kernel), range(self.c_in)):
                v, h = y * self.stride + ky - self.padding, x * self.stride + kx - self.padding
                if 0 <= v < self.h_in and 0 <= h < self.w_in:
                    i, j = (
                        (v * self.w_in + h) * self.c_in + c,
                        (y * self.w_out + x) * self.c_out + o,
                    )
                    found.append((i, j, (ky * self.kernel + kx) * self.c_in + c, o))
        return found


@dataclass(frozen=True)
class Pool:
    """Squares whose spikes are counted, on a population of (height, width, channels)."""

    channels: int
    height: int
    width: int
    side: int

    @property
    def n_out(self) -> int:
        return (self.height // self.side) * (self.width // self.side) * self.channels

    def square_of(self, j: int) -> int | None:
        """Which square counts neuron j; None for rows and columns that fill none."""
        y, x, c = (
            j // self.channels // self.width,
            j // self.channels % self.width,
            j % self.channels,
        )
        rows, columns = self.height // self.side, self.width // self.side
        y, x = y // self.side, x // self.side
        return (y * columns + x) * self.channels + c if y < rows and x < columns else None


@dataclass(frozen=True)
class LayerConfig:
    """Weight layer l, the neurons above it, and the presynaptic trace at its input."""

    n_in: int
    n_out: int
    convolution: Convolution | None = None
    """None: dense."""
    pool: Pool | None = None
    """What counts the spikes of the layer below, on their way to this one."""
    f_pool: int = 0
    """A count of 1 stands for 2^-f_pool."""

    weight_bits: int = 0
    """Width of the weights; 0: the core's."""
    membrane: Register | None = None
    """Of the neurons above; None: the core's."""
    fw: int = 6
    """Fraction of the weights."""
    fv: int = 12
    """Fraction of the neurons above (read-out: of o)."""
    bias_exp: int = 0
    bias_learned: bool = True

    current_d: int = 4096
    """Decay of the currents of the neurons above in 1/4096; 4096: none outlives its step."""
    d: int = 2048
    """Decay of the neurons above in 1/4096 (unused by a linear read-out)."""
    theta: int = 4096
    """Threshold in units of v (unused by a linear or leaky read-out)."""
    fires: str = ">="  # or ">"
    reset: str = "soft"  # or "hard"
    v_reset: int = 0
    win: int = 2048
    """Half width of a boxcar, width of a triangle, in units of v."""

    trace_d: int = 2048
    """Decay of the trace at the input: d of the LIF below (layer 0: of the first hidden LIF)."""
    fx: int = 6
    """Fraction of the trace at the input (unused by a raw input)."""

    fd: int = 7
    """Fraction of the delta of the neurons above (read-out: error_bits - 1 counts)."""
    fb: int = 6
    """Fraction of B_l, which carries errors from above this layer to the neurons below it."""
    f_sign: int = 3
    """Sign transport through this layer has the magnitude 2^-f_sign."""

    k: int = 10
    """Right shift of a weight's update."""
    kb: int = 4
    """Right shift of a bias's update."""
    pg: int = 0
    """Right shift of a product into the gradient accumulator."""

    @property
    def rows(self) -> int:
        """Rows of the weights; a convolution's are shared by all positions."""
        return self.n_in if self.convolution is None else self.convolution.rows

    @property
    def columns(self) -> int:
        """Columns of the weights, and number of biases."""
        return self.n_out if self.convolution is None else self.convolution.c_out

    @cached_property
    def connections(self) -> list[tuple[int, int, int, int]]:
        """Every synapse: input i, output j, row and column of its weight."""
        if self.convolution is None:
            return [(i, j, i, j) for i, j in product(range(self.n_in), range(self.n_out))]
        return self.convolution.connections()


@dataclass(frozen=True)
class CoreConfig:
    """A network on the chip; layers[-1] is the read-out."""

    layers: tuple[LayerConfig, ...]
    T: int = 8
    seed: int = 0

    encoding: str = "graded"  # "rate", "bernoulli", "spikes"
    in_bits: int = 8
    trace_input: bool = False

    accumulator: Register = TWENTY_FOUR_BITS
    current: Register | None = None
    membrane: Register = TWENTY_FOUR_BITS

    surrogate: str = "table"  # "boxcar", "triangle"
    entries: tuple[int, ...] = (16, 14, 11, 8, 6, 4, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0)
    """The table's 16 values of psi (default: alpha 4)."""

    trace_bits: int = 7
    trace_rounding: str = "floor"  # "nearest", "stochastic"

    readout: str = "linear"  # "leaky", "spiking"
    output_d: int = 4096
    """Decay in 1/4096 of the trace whose sum predicts where the read-out fires."""
    loss: str = "ce"  # "mse"
    error_bits: int = 8

    feedback: str = "symmetric"  # "sign", "random", "direct"
    delta_bits: int = 8
    delta_rounding: str = "nearest"  # "stochastic"

    update: str = "online"  # "accumulate", "last"
    gradient_bits: int = 16
    weight_bits: int = 8
    shadow_bits: int = 0
    """0: no shadow."""
    rounding: str = "stochastic"  # "floor", "toward_zero", "nearest"; weights, shadows, biases
    random_words: str = "separable"  # "synapse", "step"; of weights and shadows
    bias_bits: int = 13

    @property
    def L(self) -> int:
        """Number of weight layers."""
        return len(self.layers)

    def weight_register(self, ell: int) -> Register:
        """Of the weights of layer l."""
        return Register(self.layers[ell].weight_bits or self.weight_bits)

    def membrane_register(self, ell: int) -> Register:
        """Of the neurons above weight layer l."""
        return self.layers[ell].membrane or self.membrane

    def shadow_shift(self, ell: int) -> int:
        """Bits that a shadow of layer l has below the weight's."""
        return self.shadow_bits - self.weight_register(ell).bits

    @property
    def f_in(self) -> int:
        """Fraction of an input value."""
        return self.in_bits if self.encoding == "graded" else 0

    @property
    def fe(self) -> int:
        """Fraction of the error."""
        return self.error_bits - 1

    def fraction_in(self, ell: int) -> int:
        """Fraction of the values that enter weight layer l: the input's, a count's, a spike's."""
        return self.f_in if ell == 0 else self.layers[ell].f_pool

    def fraction_delta(self, ell: int) -> int:
        """Fraction of the delta at the output of weight layer l."""
        return self.fe if ell == self.L - 1 else self.layers[ell].fd

    def traced(self, ell: int) -> bool:
        """Whether the presynaptic factor of weight layer l is a trace, or the raw input."""
        return ell > 0 or self.trace_input

    def spiking(self, ell: int) -> bool:
        """Whether the neurons above weight layer l fire."""
        return ell < self.L - 1 or self.readout == "spiking"
