"""What a run is: every option once, for a TOML file, for the command line and for a run file."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from neurochip import hardware as hardware_models
from neurochip import rules
from neurochip.data.layout import DEFAULT_ARRAYS, Layout
from neurochip.errors import ConfigError, RuleError
from neurochip.hardware import Hardware
from neurochip.mapping import Encoding
from neurochip.network import LIF, Network, presets
from neurochip.network.parameters import INITIAL_GAIN
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, Rule, SpikeRepresentation, Surrogate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: After these epochs the learning rate is halved, whatever the number of epochs: so three epochs
#: and two more are the same as five.
HALVE_AT = (9, 13)

#: A narrower membrane keeps this many bits above its binary point, sign included.
MEMBRANE_WHOLE_BITS = 4
_MEMBRANE_FRACTION = "registers.membrane.fraction"

Rounding = Literal["floor", "toward_zero", "nearest", "stochastic"]
_Bits = int | None


class RunConfig(BaseModel):
    """One run's options; what is None takes the chip's or the rule's own value.

    A TOML file holds them as plain keys; on the command line each is a flag of the same name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    data: str = Field("digits", description="built-in name, .npz, IDX folder or HDF5 file")
    arrays: dict[str, str] | None = Field(
        None, description="what the arrays of a file are, ROLE=NAME; {split}: train and test"
    )
    test_where: str | None = Field(
        None, description="samples for testing, by values of an array: NAME=N,N"
    )
    sensor: tuple[int, ...] | None = Field(
        None, description="of events: rows,columns of a camera, or number of units"
    )
    duration: float | None = Field(
        None, description="time of all steps, in the events' unit; each sample's own if left out"
    )
    binning: Literal["time", "count"] = Field(
        "time", description="steps of equal time or of equally many events"
    )
    full_count: int | None = Field(
        None, description="events in a step that are graded as 1; the most of any if left out"
    )
    series: bool = Field(False, description="the second axis of samples is time")
    value_range: tuple[float, ...] | None = Field(
        None, description="values of samples that become 0 and 1"
    )
    hidden: tuple[int, ...] = Field((128,), description="neurons of each hidden layer")
    conv: str | None = Field(
        None, description="convolutional network in short form, 15C5-P2-40C5-P2-300, not hidden"
    )
    padding: int = Field(0, description="zeros around the images of a convolution")
    timesteps: int = Field(8, description="steps T that a sample is shown for")
    lam: float = Field(0.5, description="decay of membrane and trace a step, 1 - 1/tau")
    v_th: float = Field(1.0, description="threshold")
    reset: Literal["soft", "hard"] | None = Field(None, description="what a spike does to v")
    readout: Literal["linear", "leaky", "spiking"] = Field("linear", description="output layer")
    bias: bool = Field(True, description="learn biases")
    encoding: Encoding = Field("graded", description="how inputs reach the chip")
    hardware: str = Field("neurochip", description="chip: built-in name or a .toml file")
    placer: str = Field(
        "greedy", description="which core holds what: greedy, traffic, or a .csv or .toml file"
    )
    neurons_per_core: int | None = Field(
        None, description="at most so many neurons of a layer on a core"
    )
    timing: Literal["analytic", "cycle"] = Field(
        "analytic", description="time by counts alone, or message by message"
    )
    rule: str = Field("ottt", description="learning rule")
    update: Literal["online", "accumulate", "last"] = Field(
        "online", description="when weights change: every step, sample's end, last step only"
    )
    surrogate: Literal["table", "boxcar", "triangle"] = Field("table", description="shape of psi")
    alpha: float = Field(4.0, description="steepness of the table's sigmoid")
    width: float | None = Field(None, description="reach of boxcar or triangle, in thresholds")
    feedback: Literal["symmetric", "sign", "random", "direct"] = Field(
        "symmetric", description="how the error gets down"
    )
    loss: Literal["ce", "mse"] = Field("ce", description="cross-entropy or squared error")
    schedule: Literal["layered", "pipelined"] = Field(
        "layered", description="spikes pass all layers within a step, or one a step as on Loihi"
    )
    trace_input: bool | None = Field(None, description="trace the input too")
    rate_shifts: tuple[int, ...] | None = Field(
        None, description="rate 2^-m, one m a layer; chosen from the data if left out"
    )
    halve_at: tuple[int, ...] = Field(HALVE_AT, description="halve the rate after these epochs")
    epochs: int = Field(15, description="how often every sample is shown")
    seed: int = Field(0, description="of weights, order and all random words")
    train_samples: int | None = Field(None, description="use only the first of the training set")
    test_samples: int | None = Field(None, description="use only the first of the test set")
    holdout: float = Field(
        0.0, description="share of the training samples kept from learning, below 1"
    )
    rounding: Rounding | None = Field(None, description="rounding of an update")
    headroom: float | None = Field(
        None, description="range of the weights over the largest at the start"
    )
    weight_bits: _Bits = Field(None, description="width of a weight, 2-16")
    shadow_bits: _Bits = Field(None, description="width of a shadow weight, 0 for none")
    trace_bits: _Bits = Field(None, description="width of a trace")
    trace_rounding: Literal["floor", "nearest", "stochastic"] | None = Field(
        None, description="rounding of a trace's decay"
    )
    error_bits: _Bits = Field(None, description="width of the read-out's error")
    delta_bits: _Bits = Field(None, description="width of a hidden error")
    delta_rounding: Literal["nearest", "stochastic"] | None = Field(
        None, description="rounding of a hidden error"
    )
    membrane_bits: _Bits = Field(None, description="width of a membrane")
    membrane_fraction: _Bits = Field(
        None, description="fraction bits of a membrane; follows membrane-bits"
    )
    accumulator_bits: _Bits = Field(None, description="width of a synaptic accumulator")
    gradient_bits: _Bits = Field(None, description="width of a gradient accumulator")
    bias_bits: _Bits = Field(None, description="width of a bias mantissa")
    input_bits: _Bits = Field(None, description="width of a graded input")
    count_saturations: bool = Field(False, description="count values that leave their registers")

    def to_dict(self) -> dict[str, Any]:
        """The options that aren't None, as JSON and TOML hold them."""
        return self.model_dump(mode="json", exclude_none=True)

    def make_layout(self) -> Layout | None:
        """What the arrays of the data file are; None where nothing is declared."""
        fields = RunConfig.model_fields
        if all(getattr(self, name) == fields[name].default for name in _OF_LAYOUT):
            return None
        return Layout(
            DEFAULT_ARRAYS if self.arrays is None else self.arrays,
            test_where=None if self.test_where is None else _test_where(self.test_where),
            sensor=self.sensor,
            duration=self.duration,
            by=self.binning,
            full_count=self.full_count,
            series=self.series,
            value_range=self.value_range,
        )

    def load_hardware(self) -> Hardware:
        """The chip with this run's widths and roundings in place of its own."""
        given: dict[str, object] = {
            key: value
            for option, keys in _REGISTER_KEYS.items()
            for key in keys
            if (value := getattr(self, option)) is not None
        }
        hardware = hardware_models.load(self.hardware)
        if self.membrane_bits is not None and self.membrane_fraction is None:
            own = hardware.registers.membrane.fraction.value
            given[_MEMBRANE_FRACTION] = max(0, min(own, self.membrane_bits - MEMBRANE_WHOLE_BITS))
        return hardware.with_values(given)

    def make_rule(self) -> OTTT:
        """The learning rule.

        Raises:
            RuleError: if there is none of that name, or a chip can't learn by it.
        """
        if rules.get(self.rule) is not OTTT:
            raise RuleError(
                f"rule {self.rule!r} has no binding to a chip's integers; a chip learns by 'ottt'."
            )
        return OTTT(
            update=self.update,
            surrogate=Surrogate(self.surrogate, self.alpha, self.width),
            feedback=self.feedback,
            loss=self.loss,
            trace_input=self.trace_input,
            input_lam=None if self.hidden or self.conv else self.lam,
            rate_shifts=self.rate_shifts,
            halve_at=self.halve_at,
        )

    def make_network(
        self, sample_shape: tuple[int, ...], n_classes: int, hardware: Hardware
    ) -> Network:
        """The network for samples of a shape, at one step, and ``n_classes`` classes.

        Convolutions take (channels, height, width), (height, width), or a row of numbers that is a
        square image.
        """
        if self.conv is not None:
            return self._make_convolutional(self.conv, sample_shape, n_classes, hardware)
        n_in = math.prod(sample_shape)
        return Network.mlp(
            (n_in, *self.hidden, n_classes),
            timesteps=self.timesteps,
            lam=self.lam,
            v_th=self.v_th,
            reset=self.reset or hardware.neuron.resets[0],
            fires=hardware.neuron.fires,
            readout=self.readout,
            bias=self.bias,
        )

    def _make_convolutional(
        self, text: str, sample_shape: tuple[int, ...], n_classes: int, hardware: Hardware
    ) -> Network:
        neuron = LIF(
            self.lam,
            self.v_th,
            self.reset or hardware.neuron.resets[0],
            fires=hardware.neuron.fires,
        )
        return Network.conv(
            text,
            _image_shape(sample_shape),
            n_classes,
            timesteps=self.timesteps,
            padding=self.padding,
            neuron=neuron,
            bias=self.bias,
            readout=self.readout,
        )

    def with_options(self, options: Mapping[str, Any]) -> RunConfig:
        """A copy with other values, validated again."""
        return make({**self.to_dict(), **options})


#: Samples of so many dimensions are images without channels, or with.
_PLAIN, _CHANNELS = 2, 3


def _image_shape(sample_shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(sample_shape) == _CHANNELS:
        return sample_shape
    if len(sample_shape) == _PLAIN:
        return (1, *sample_shape)
    side = math.isqrt(math.prod(sample_shape))
    if sample_shape != (side * side,):
        raise ConfigError(
            f"conv needs images, but a sample has the shape {sample_shape}; give data of "
            f"(height, width) or (channels, height, width) a sample"
        )
    return 1, side, side


class TrainConfig(BaseModel):
    """One training's options; a TOML file holds them as plain keys, a flag has the same name."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    data: str = Field("digits", description="built-in name, .npz, IDX folder or HDF5 file")
    net: str = Field("128", description="hidden layers, such as 128-64 or 15C5-P2-40C5-P2-300")
    shape: tuple[int, ...] | None = Field(
        None, description="channels,height,width of a sample, where the data are rows"
    )
    padding: int = Field(0, description="zeros around what a convolution reads")
    timesteps: int = Field(6, description="steps T that a sample is shown for")
    rule: Literal["ottt", "sltt", "bptt", "tet", "tssl_bp", "spike_representation"] = Field(
        "ottt", description="learning rule"
    )
    update: Literal["online", "accumulate"] = Field(
        "accumulate", description="when OTTT and SLTT learn: at every step, at a batch's end"
    )
    loss: Literal["steps", "tet", "sdt", "kernel", "count", "softmax"] | None = Field(
        None, description="loss of BPTT and TET, or of TSSL-BP; the rule's own if left out"
    )
    loss_lambda: float = Field(0.0, description="share of the squared error beside cross-entropy")
    alpha: float = Field(4.0, description="steepness of the sigmoid surrogate")
    lam: float = Field(0.5, description="decay of a membrane a step; not for TSSL-BP")
    v_th: float = Field(1.0, description="threshold")
    tau_m: float = Field(5.0, description="TSSL-BP's membrane time constant")
    tau_s: float = Field(3.0, description="TSSL-BP's synaptic time constant")
    spikes: bool = Field(False, description="samples are spike trains (n, T, ...)")
    optimiser: Literal["sgd", "adam", "adamw"] = Field("sgd", description="optimiser")
    momentum: float = Field(0.9, description="of sgd")
    lr: float = Field(0.1, description="learning rate at the start")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="course of the rate")
    clip_norm: float | None = Field(None, description="largest norm of all gradients together")
    clamp: float | None = Field(None, description="bound of the weights")
    batch: int = Field(64, description="samples of an update")
    epochs: int = Field(10, description="how often every sample is shown")
    first_timesteps: int | None = Field(None, description="TIT: T of a stage before")
    first_epochs: int | None = Field(None, description="TIT: epochs of that stage")
    gain: float = Field(INITIAL_GAIN, description="size of the first weights")
    seed: int = Field(0, description="of weights, order and dropout")
    train_samples: int | None = Field(None, description="use only the first of the training set")
    test_samples: int | None = Field(None, description="use only the first of the test set")

    def make_rule(self) -> Rule:
        """The learning rule."""
        sigmoid = Surrogate("sigmoid", self.alpha)
        kind = rules.get(self.rule)
        if self.loss is not None and not issubclass(kind, BPTT | TSSLBP):
            raise ConfigError(
                f"loss is {self.loss!r} but rule {self.rule!r} has one loss of its own; leave it "
                f"out"
            )
        named: dict[str, Any] = {} if self.loss is None else {"loss": self.loss}
        if kind is TSSLBP:
            return TSSLBP(**named)
        if kind is TET:
            return TET(loss_lambda=self.loss_lambda, **named)
        if kind is BPTT:
            return BPTT(sigmoid, loss_lambda=self.loss_lambda, **named)
        if kind is SpikeRepresentation:
            return SpikeRepresentation(self.loss_lambda)
        if kind is SLTT:
            return SLTT(self.update, sigmoid, self.loss_lambda)
        return OTTT(self.update, sigmoid, loss_lambda=self.loss_lambda)

    def make_network(self, in_shape: tuple[int, ...], n_classes: int) -> Network:
        """The network for samples of one shape, with the neurons of the rule's paper."""
        if self.rule == "tssl_bp":
            times = (self.tau_m, self.tau_s, self.v_th)
            return presets.tssl(self.net, in_shape, n_classes, self.timesteps, self.padding, *times)
        neuron = LIF(self.lam, self.v_th)
        if self.rule == "tet":
            neuron = replace(presets.TET_NEURON, lam=self.lam, v_th=self.v_th)
        return Network.conv(self.net, in_shape, n_classes, self.timesteps, self.padding, neuron)


_OF_LAYOUT = (
    *("arrays", "test_where", "sensor", "duration", "binning", "full_count"),
    *("series", "value_range"),
)


def _test_where(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, values = (part.strip() for part in text.partition("="))
    try:
        numbers = tuple(int(value) for value in values.split(","))
    except ValueError:
        numbers = ()
    if not (name and numbers):
        raise ConfigError(
            f"test_where is {text!r}; it must be an array and its whole numbers for testing, such"
            " as speaker=4,5"
        )
    return name, numbers


_REGISTER_KEYS: dict[str, tuple[str, ...]] = {
    "rounding": ("registers.weight.rounding", "registers.shadow.rounding"),
    "headroom": ("registers.weight.headroom",),
    "weight_bits": ("registers.weight.bits",),
    "shadow_bits": ("registers.shadow.bits",),
    "trace_bits": ("registers.trace.bits",),
    "trace_rounding": ("registers.trace.rounding",),
    "error_bits": ("registers.error.bits",),
    "delta_bits": ("registers.delta.bits",),
    "delta_rounding": ("registers.delta.rounding",),
    "membrane_bits": ("registers.membrane.bits",),
    "membrane_fraction": (_MEMBRANE_FRACTION,),
    "accumulator_bits": ("registers.accumulator.bits",),
    "gradient_bits": ("registers.gradient.bits",),
    "bias_bits": ("registers.bias.bits",),
    "input_bits": ("registers.input.bits",),
}

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "dict": "a table",
}
#: More epochs than these are a slip of the keyboard.
MAX_EPOCHS = 1_000_000
_POSITIVE = (
    *("timesteps", "epochs", "train_samples", "test_samples", "batch"),
    *("first_timesteps", "first_epochs", "neurons_per_core"),
)
_Config = TypeVar("_Config", RunConfig, TrainConfig)


def make(options: Mapping[str, Any], where: str = "configuration") -> RunConfig:
    """Validate options by name.

    Raises:
        ConfigError: an option is unknown, of the wrong kind, or out of range.
    """
    config = _validated(RunConfig, options, where)
    if config.conv is not None and config.hidden != RunConfig.model_fields["hidden"].default:
        raise ConfigError(
            f"{where}: hidden is {list(config.hidden)} beside conv = {config.conv!r}; give the "
            f"neurons after the convolutions as the last part of conv"
        )
    if any(n < 1 for n in config.hidden):
        raise ConfigError(f"{where}: hidden is {list(config.hidden)}; each must be 1 or more")
    if not 0.0 <= config.holdout < 1.0:
        raise ConfigError(f"{where}: holdout is {config.holdout}; it must be 0 or more and below 1")
    return config


def make_training(options: Mapping[str, Any], where: str = "configuration") -> TrainConfig:
    """Validate options of a training by name.

    Raises:
        ConfigError: an option is unknown, of the wrong kind, or out of range.
    """
    config = _validated(TrainConfig, options, where)
    if (config.first_timesteps is None) != (config.first_epochs is None):
        raise ConfigError(
            f"{where}: first_timesteps and first_epochs make one stage together; give both or "
            f"neither"
        )
    return config


def _validated(kind: type[_Config], options: Mapping[str, Any], where: str) -> _Config:
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in options.items()
    }
    try:
        config = kind(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(kind, error, where)) from None
    for name in _POSITIVE:
        value = getattr(config, name, None)
        if value is not None and value < 1:
            raise ConfigError(f"{where}: {name} is {value}; it must be 1 or more")
    if config.epochs > MAX_EPOCHS:
        raise ConfigError(f"{where}: epochs is {config.epochs}; it must be up to {MAX_EPOCHS}")
    return config


def read(path: str | Path) -> dict[str, Any]:
    """The options that a TOML file gives, not yet validated.

    Raises:
        ConfigError: the file is missing or isn't TOML.
    """
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"configuration {str(path)!r} can't be read ({error.strerror}); check the path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"configuration {str(path)!r} is not valid TOML ({error}); mend that line"
        ) from None


def _sentence(kind: type[BaseModel], error: ValidationError, where: str) -> str:
    first = error.errors(include_url=False)[0]
    option = ".".join(part for part in first["loc"] if isinstance(part, str))
    if first["type"] == "extra_forbidden":
        known = ", ".join(kind.model_fields)
        return f"{where}: option {option!r} is unknown; the options are {known}"
    if first["type"] == "literal_error":
        expected = first["ctx"]["expected"]
    else:
        expected = _KINDS.get(first["type"].split("_")[0], "of another kind")
    return f"{where}: {option} is {first['input']!r}; it must be {expected}"
