"""Options of a training off the chip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NoReturn

from pydantic import Field

from neurochip import hardware as hardware_models
from neurochip import rules
from neurochip.config.checks import validated
from neurochip.config.data import DataConfig, image_shape
from neurochip.errors import ConfigError
from neurochip.network import LIF, Network, presets
from neurochip.network.parameters import INITIAL_GAIN
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, Rule, SpikeRepresentation, Surrogate

#: Options that only some rules have.
_OF_RULES: dict[str, tuple[type[Any], ...]] = {
    "loss": (BPTT, TSSLBP),
    "trace_input": (OTTT,),
    "detach_reset": (BPTT,),
    "warm_up": (TSSLBP,),
    "desired": (TSSLBP,),
    "undesired": (TSSLBP,),
}
#: Options with a value of their own that only some rules read.
_READ_BY: dict[str, tuple[str, ...]] = {
    "update": ("ottt", "sltt"),
    "alpha": ("ottt", "sltt", "bptt"),
    "lam": ("ottt", "sltt", "bptt", "tet", "spike_representation"),
    "neurons_of": ("ottt", "sltt", "bptt", "tet", "spike_representation"),
    "tau_m": ("tssl_bp",),
    "tau_s": ("tssl_bp",),
}
#: What a paper's network fixes.
_OF_SHORT_FORMS = ("lam", "v_th", "neurons_of", "padding")


class TrainConfig(DataConfig):
    """One training's options; a TOML file holds them as plain keys, a flag has the same name."""

    net: str = Field(
        "128", description="128-64, 15C5-P2-40C5-P2-300, or a paper's network, vgg_sws or vgg_sws/4"
    )
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
    loss_lambda: float | None = Field(
        None, description="share of the squared error beside cross-entropy [tet: 0.05, others: 0]"
    )
    trace_input: bool | None = Field(
        None, description="OTTT: trace the input too; spikes are, if left out"
    )
    detach_reset: bool | None = Field(
        None, description="BPTT and TET: gradients stop at the reset; the rule's own if left out"
    )
    warm_up: bool | None = Field(None, description="TSSL-BP: silent neurons learn too [true]")
    desired: float | None = Field(
        None, description="TSSL-BP's loss count: spikes of the right neuron [4.0]"
    )
    undesired: float | None = Field(
        None, description="TSSL-BP's loss count: spikes of the others [1.0]"
    )
    dropout: float = Field(0.0, description="of vgg_sws, its mask fixed over time")
    alpha: float = Field(4.0, description="steepness of the sigmoid surrogate")
    lam: float = Field(0.5, description="decay of a membrane a step; not for TSSL-BP")
    v_th: float = Field(1.0, description="threshold")
    neurons_of: str | None = Field(
        None, description="chip whose reset and comparison with v_th neurons have [the rule's own]"
    )
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

    @property
    def takes_spikes(self) -> bool:
        """Whether samples are trains of spikes."""
        return self.spikes

    @property
    def is_published(self) -> bool:
        """Whether `net` names a paper's network."""
        return self.net.partition("/")[0] in presets.PUBLISHED

    def make_rule(self) -> Rule:
        """The learning rule.

        Raises:
            ConfigError: an option belongs to another rule.
        """
        kind = rules.get(self.rule)
        own = {name: getattr(self, name) for name in _OF_RULES}
        given = {name: value for name, value in own.items() if value is not None}
        for name in given:
            if not issubclass(kind, _OF_RULES[name]):
                self._refuse(name, f"rule {self.rule!r} has no such option")
        self._check_read()
        self._check_loss()
        if kind is TSSLBP:
            return TSSLBP(**given)
        if self.loss_lambda is not None:
            given["loss_lambda"] = self.loss_lambda
        if kind is TET:
            return TET(**given)
        if kind is SpikeRepresentation:
            return SpikeRepresentation(**given)
        sigmoid = Surrogate("sigmoid", self.alpha)
        if kind is BPTT:
            return BPTT(sigmoid, **given)
        if kind is SLTT:
            return SLTT(self.update, sigmoid, **given)
        return OTTT(self.update, sigmoid, **given)

    def _check_read(self) -> None:
        """Raise ConfigError where an option was changed that nothing reads."""
        for name, readers in _READ_BY.items():
            if self.rule not in readers:
                self._check_default(name, f"rule {self.rule!r} has no such option")
        for name in _OF_SHORT_FORMS if self.is_published else ():
            self._check_default(name, f"net {self.net!r} is as its paper says")
        if self.optimiser != "sgd":
            self._check_default("momentum", f"optimiser {self.optimiser!r} has no such option")

    def _check_loss(self) -> None:
        """Raise ConfigError where the loss has no part that an option is of."""
        loss = self.loss or ("kernel" if self.rule == "tssl_bp" else "steps")
        if self.loss_lambda and loss in ("kernel", "count", "softmax", "sdt"):
            self._refuse("loss_lambda", f"loss {loss!r} is no mixture of two")
        for name in ("desired", "undesired"):
            if getattr(self, name) is not None and loss != "count":
                self._refuse(name, f"loss {loss!r} counts no spikes")

    def _check_default(self, name: str, reason: str) -> None:
        if getattr(self, name) != type(self).model_fields[name].default:
            self._refuse(name, reason)

    def _refuse(self, name: str, reason: str) -> NoReturn:
        raise ConfigError(f"{name} is {getattr(self, name)!r} but {reason}; leave it out")

    def make_network(self, in_shape: tuple[int, ...], n_classes: int) -> Network:
        """The network for samples of one shape, with the neurons of the rule's paper.

        Raises:
            NetworkError: it can't be made for these samples.
        """
        if self.is_published:
            return presets.published(self.net, n_classes, in_shape, self.timesteps, self.dropout)
        if self.dropout:
            raise ConfigError(
                f"dropout is {self.dropout:g} but net {self.net!r} has none; leave it out, or "
                f"choose net = 'vgg_sws'"
            )
        if self.rule == "tssl_bp":
            times = (self.tau_m, self.tau_s, self.v_th)
            return presets.tssl(self.net, in_shape, n_classes, self.timesteps, self.padding, *times)
        neuron = self._make_neuron()
        return Network.conv(self.net, in_shape, n_classes, self.timesteps, self.padding, neuron)

    def _make_neuron(self) -> LIF:
        neuron = presets.TET_NEURON if self.rule == "tet" else LIF()
        if self.neurons_of is not None:
            on_chip = hardware_models.load(self.neurons_of).neuron
            neuron = replace(neuron, reset=on_chip.resets[0], fires=on_chip.fires)
        return replace(neuron, lam=self.lam, v_th=self.v_th)

    def in_shape(self, sample_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what the network sees at one step of samples of some shape.

        Raises:
            ConfigError: `shape` doesn't fit the samples, or a convolution's samples are no images.
        """
        n = math.prod(sample_shape)
        if self.shape is not None:
            if math.prod(self.shape) != n:
                raise ConfigError(
                    f"shape is {list(self.shape)} but samples of {self.data!r} have {n} numbers; "
                    f"give channels, height and width whose product that is"
                )
            return self.shape
        looks_at_places = self.is_published or "C" in self.net or "P" in self.net
        return image_shape(sample_shape) if looks_at_places else (n,)


def make_training(options: Mapping[str, Any], where: str = "configuration") -> TrainConfig:
    """Validate options of a training by name.

    Raises:
        ConfigError: an option is unknown, of the wrong kind, or out of range.
    """
    config = validated(TrainConfig, options, where)
    if (config.first_timesteps is None) != (config.first_epochs is None):
        raise ConfigError(
            f"{where}: first_timesteps and first_epochs make one stage together; give both or "
            f"neither"
        )
    if config.spikes and config.first_timesteps is not None:
        raise ConfigError(
            f"{where}: first_timesteps is {config.first_timesteps} but samples are spike trains, "
            f"which have a length of their own; leave it out"
        )
    return config
