"""Options of a run on a chip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model

from neurochip import hardware as hardware_models
from neurochip import rules
from neurochip.config.checks import validated
from neurochip.config.data import DataConfig, image_shape
from neurochip.data import Encoding
from neurochip.errors import ConfigError, RuleError
from neurochip.hardware import Faults, Hardware
from neurochip.hardware.faults import MAX_SEED
from neurochip.network import LIF, Network
from neurochip.rules import OTTT, Surrogate

if TYPE_CHECKING:
    from neurochip.mapping import Widths

#: After these epochs the learning rate is halved, whatever the number of epochs: so three epochs
#: and two more are the same as five.
HALVE_AT = (9, 13)

#: A narrower membrane keeps this many bits above its binary point, sign included.
MEMBRANE_WHOLE_BITS = 4
_MEMBRANE_FRACTION = "registers.membrane.fraction"

#: What an option is, unless it's given, where Lava's engine learns (`chip.loihi_limits`).
OF_LOIHI3F: dict[str, Any] = {
    "hardware": "loihi",
    "lam": math.exp(-1 / 2),
    "encoding": "rate",
    "surrogate": "boxcar",
    "feedback": "direct",
    "schedule": "pipelined",
    "halve_at": (),
}

Rounding = Literal["floor", "toward_zero", "nearest", "stochastic"]
Overflow = Literal["saturate", "wrap"]
_Bits = int | None


class RunConfig(DataConfig):
    """One run's options; what is None takes the chip's or the rule's own value.

    A TOML file holds them as plain keys; on the command line each is a flag of the same name.
    """

    hidden: tuple[int, ...] = Field((128,), description="neurons of each hidden layer")
    conv: str | None = Field(
        None, description="convolutional network in short form, 15C5-P2-40C5-P2-300, not hidden"
    )
    padding: int = Field(0, description="zeros around the images of a convolution")
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
        None, description="neurons in a slice of a layer; slices share cores if there are too many"
    )
    timing: Literal["analytic", "cycle"] = Field(
        "analytic", description="time by counts alone, or message by message"
    )
    rule: str = Field("ottt", description="learning rule")
    engine: Literal["chip", "loihi3f"] = Field(
        "chip", description="what learns: the chip itself, or Lava's stock learning synapses"
    )
    t_epoch: int = Field(
        1, description="steps from one change of the weights to the next; for engine loihi3f"
    )
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
    augment: Literal["shift1", "shift2"] | None = Field(
        None, description="move training images by up to so many pixels, anew in every epoch"
    )
    seed: int = Field(0, description="of weights, order and all random words")
    holdout: float = Field(
        0.0, description="share of the training samples kept from learning, below 1"
    )
    rounding: Rounding | None = Field(None, description="rounding of an update")
    random_words: Literal["separable", "synapse", "step"] | None = Field(
        None, description="random words of an update: a row's plus a column's, or one each"
    )
    headroom: float | None = Field(
        None, description="range of the weights over the largest at the start"
    )
    weight_bits: _Bits = Field(None, description="width of a weight, 2-16")
    layer_bits: tuple[int, ...] | None = Field(
        None, description="width of each layer's weights, at most weight-bits"
    )
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
    readout_bits: _Bits = Field(
        None, description="width of the read-out's membrane, where it has its own"
    )
    readout_fraction: _Bits = Field(
        None, description="fraction bits of the read-out's membrane; follows readout-bits"
    )
    membrane_overflow: Overflow | None = Field(
        None, description="what a membrane does beyond its range"
    )
    accumulator_bits: _Bits = Field(None, description="width of a synaptic accumulator")
    accumulator_overflow: Overflow | None = Field(
        None, description="what a synaptic accumulator does beyond its range"
    )
    gradient_bits: _Bits = Field(None, description="width of a gradient accumulator")
    bias_bits: _Bits = Field(None, description="width of a bias mantissa")
    input_bits: _Bits = Field(None, description="width of a graded input")
    count_saturations: bool = Field(False, description="count values that leave their registers")
    stuck_bits: float = Field(0.0, description="share of the bits of weights that are stuck")
    stuck_at_one: float = Field(0.5, description="share of the stuck bits that hold 1, not 0")
    dead_neurons: float = Field(0.0, description="share of the neurons that are dead")
    dead_cores: int = Field(0, description="cores that are dead, of those that hold neurons")
    threshold_mismatch: float = Field(0.0, description="relative deviation of the thresholds")
    weight_drift: float = Field(
        0.0, description="deviation of a drift of the weights, over the largest of the layer"
    )
    read_flips: float = Field(0.0, description="probability that a bit is read flipped")
    fault_seed: int | None = Field(
        None, description="of where faults are; the run's seed if left out"
    )
    sound_epochs: int = Field(0, description="epochs after which faults come up")

    @property
    def takes_spikes(self) -> bool:
        """Whether samples are trains of spikes."""
        return self.encoding == "spikes"

    @property
    def faults(self) -> Faults:
        """What is broken, or will be after `sound_epochs`.

        Raises:
            ConfigError: a number is out of range.
        """
        own = {name: getattr(self, name) for name in Faults.__dataclass_fields__ if name != "seed"}
        return Faults(**own, seed=self.seed if self.fault_seed is None else self.fault_seed)

    def load_hardware(self) -> Hardware:
        """The chip with this run's widths and roundings in place of its own."""
        given: dict[str, object] = {} if self.engine == "chip" else _engine_widths()
        given |= {
            key: value
            for option, keys in _REGISTER_KEYS.items()
            for key in keys
            if (value := getattr(self, option)) is not None
        }
        hardware = hardware_models.load(self.hardware)
        if self.membrane_bits is not None and self.membrane_fraction is None:
            own = hardware.registers.membrane.fraction.value
            given[_MEMBRANE_FRACTION] = _narrow_fraction(own, self.membrane_bits)
        return hardware.with_values(given)

    @property
    def widths(self) -> Widths:
        """Registers of single layers that have a width of their own."""
        from neurochip.mapping import Widths  # no option of a command needs a mapping to be known

        fraction = self.readout_fraction
        if fraction is None and self.readout_bits is not None:
            own = hardware_models.load(self.hardware).registers.membrane.fraction.value
            fraction = _narrow_fraction(own, self.readout_bits)
        return Widths(self.layer_bits or (), self.readout_bits, fraction)

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
            image_shape(sample_shape),
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


_OF_FAULTS: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in RunConfig.model_fields.items()
    if name in {*Faults.__dataclass_fields__, "fault_seed"} - {"seed"}
}
#: What is broken, apart from a run: for commands that break a chip which is there.
FaultOptions = create_model("FaultOptions", **_OF_FAULTS)


def _narrow_fraction(own: int, bits: int) -> int:
    """Fraction of a membrane that may be narrower than the chip's: its whole bits are kept."""
    return max(0, min(own, bits - MEMBRANE_WHOLE_BITS))


def _engine_widths() -> dict[str, object]:
    from neurochip.chip.loihi_limits import ENGINE_WIDTHS  # brings the compiler with it

    return dict(ENGINE_WIDTHS)


_REGISTER_KEYS: dict[str, tuple[str, ...]] = {
    "rounding": ("registers.weight.rounding", "registers.shadow.rounding"),
    "random_words": ("registers.weight.random_words",),
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
    "membrane_overflow": ("registers.membrane.overflow",),
    "accumulator_bits": ("registers.accumulator.bits",),
    "accumulator_overflow": ("registers.accumulator.overflow",),
    "gradient_bits": ("registers.gradient.bits",),
    "bias_bits": ("registers.bias.bits",),
    "input_bits": ("registers.input.bits",),
}


#: Options by which `RunConfig.load_hardware` goes.
HARDWARE_OPTIONS = ("hardware", "engine", *_REGISTER_KEYS)


def make(options: Mapping[str, Any], where: str = "configuration") -> RunConfig:
    """Validate options by name; an engine brings values of its own for those that aren't given.

    Raises:
        ConfigError: an option is unknown, of the wrong kind, or out of range.
    """
    if options.get("engine") == "loihi3f":
        options = {**OF_LOIHI3F, **options}
    config = validated(RunConfig, options, where)
    if config.conv is not None and config.hidden != RunConfig.model_fields["hidden"].default:
        raise ConfigError(
            f"{where}: hidden is {list(config.hidden)} beside conv = {config.conv!r}; give the "
            f"neurons after the convolutions as the last part of conv"
        )
    if any(n < 1 for n in config.hidden):
        raise ConfigError(f"{where}: hidden is {list(config.hidden)}; each must be 1 or more")
    if not 0.0 <= config.holdout < 1.0:
        raise ConfigError(f"{where}: holdout is {config.holdout}; it must be 0 or more and below 1")
    _check_engine(config, where)
    _check_faults(config, where)
    return config


def _check_faults(config: RunConfig, where: str) -> None:
    if config.fault_seed is not None and not 0 <= config.fault_seed <= MAX_SEED:
        raise ConfigError(
            f"{where}: fault_seed is {config.fault_seed}; it must be from 0 to {MAX_SEED}"
        )
    own = {"seed": 0, "fault_seed": None}  # a run's own seed is the chip's to check
    try:
        faults = config.model_copy(update=own).faults
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if config.sound_epochs < 0:
        raise ConfigError(f"{where}: sound_epochs is {config.sound_epochs}; it must be 0 or more")
    if config.engine == "loihi3f" and (faults.any or faults.weight_drift):
        raise ConfigError(
            f"{where}: {faults.told or 'weight_drift'} is for engine 'chip', but the engine is "
            f"'loihi3f'; leave one of them out"
        )


def _check_engine(config: RunConfig, where: str) -> None:
    if config.engine == "chip" and config.t_epoch != RunConfig.model_fields["t_epoch"].default:
        raise ConfigError(
            f"{where}: t_epoch is {config.t_epoch} but engine 'chip' has no such option; leave it "
            f"out, or choose engine 'loihi3f'"
        )
    if config.engine == "loihi3f" and config.schedule != "pipelined":
        raise ConfigError(
            f"{where}: schedule is {config.schedule!r} but with engine 'loihi3f' spikes pass one "
            f"layer a step; leave it out"
        )
