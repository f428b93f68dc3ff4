"""OTTT: on-line training through time (Xiao et al., NeurIPS 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from neurochip.errors import RuleError
from neurochip.rules.checks import check_choice, check_share, check_surrogate
from neurochip.rules.feedback import FeedbackMode
from neurochip.rules.losses import LossKind
from neurochip.rules.memory import Memory
from neurochip.rules.surrogates import Surrogate

Update: TypeAlias = Literal["online", "accumulate", "last"]


@dataclass(frozen=True)
class OTTT:
    """On-line training through time: BPTT's temporal part becomes a trace of the input spikes.

    Forward (`LIF`, `Dense`):  u[t] = lam * v[t-1] + W s_below[t] + b;  s[t] = (u[t] >= v_th).
    Presynaptic trace:         x[t] = lam * x[t-1] + s_below[t];  x[-1] = 0.
    Error, through space only: delta_out[t] = dL[t]/do[t], times psi where the read-out spikes;
                               delta[t] = (W_above^T delta_above[t]) * psi(u[t]).
    Gradient of step t:        dW = delta[t] x[t]^T;  db = delta[t].

    The membrane's past and the reset are constants in it. The first weight layer uses its raw
    input in place of x, unless the input is traced. A trace decays with the lam of the layer
    whose spikes it holds, an input trace with that of the first hidden layer.

    Attributes:
        update: "online" (OTTT-O: an update at every step), "accumulate" (OTTT-A: one update with
            the sum over the steps) or "last" (one update with the last step's gradient alone).
        surrogate: psi.
        feedback: what carries the error down in place of W_above: see `neurochip.rules.feedback`.
        loss: "ce" or "mse": see `neurochip.rules.losses.StepLoss`.
        loss_lambda: share of the mean squared error in "ce", in [0, 1].
        trace_input: whether the first weight layer uses a trace of its input; None traces spikes
            and leaves graded inputs raw.
        rate_shifts: the chip's learning rates 2^-m, one m for each weight layer; None lets the chip
            choose them at the start.
        halve_at: epochs, ascending, at whose start the rates are halved.
    """

    name: ClassVar[str] = "ottt"
    # The gradient of a synapse is the product of these three, all of the present step.
    factors: ClassVar[tuple[str, ...]] = ("trace", "surrogate", "error")
    # A synapse needs nothing but its two neurons' numbers and the error that reaches them.
    is_local: ClassVar[bool] = True
    # Gradients are formed as time goes on: memory doesn't grow with T.
    is_online: ClassVar[bool] = True

    update: Update = "online"
    surrogate: Surrogate = field(default_factory=lambda: Surrogate("table"))
    feedback: FeedbackMode = "symmetric"
    loss: LossKind = "ce"
    loss_lambda: float = 0.0
    trace_input: bool | None = None
    rate_shifts: tuple[int, ...] | None = None
    halve_at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check every option, and that they don't contradict each other."""
        check_choice("OTTT update", self.update, get_args(Update))
        check_choice("OTTT feedback", self.feedback, get_args(FeedbackMode))
        check_choice("OTTT loss", self.loss, get_args(LossKind))
        check_surrogate("OTTT surrogate", self.surrogate)
        _check_loss_lambda(self.loss, self.loss_lambda)
        if self.trace_input not in (None, True, False):
            raise RuleError(
                f"OTTT trace_input is {self.trace_input!r}; it must be True, False or None."
            )
        if self.rate_shifts is not None:
            object.__setattr__(self, "rate_shifts", _whole("rate_shifts", self.rate_shifts))
        object.__setattr__(self, "halve_at", _epochs(self.halve_at))

    def memory(self, timesteps: int) -> Memory:
        """Membrane v and trace x a neuron; an accumulator a synapse, unless it learns at once."""
        return Memory(neuron=2, synapse=int(self.update == "accumulate"))

    def uses_error_of(self, t: int, timesteps: int) -> bool:
        """Whether step t's error is computed and sent down: every step's, or the last one's."""
        return self.update != "last" or t == timesteps - 1

    def updates_at(self, t: int, timesteps: int) -> bool:
        """Whether the weights change after step t."""
        return self.update == "online" or t == timesteps - 1

    def to_dict(self) -> dict[str, Any]:
        """The rule as a dictionary that JSON and TOML can hold; what is None is left out."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        values["surrogate"] = self.surrogate.to_dict()
        values = {key: value for key, value in values.items() if value is not None}
        for key in {"rate_shifts", "halve_at"} & values.keys():
            values[key] = list(values[key])
        return {"name": self.name, **values}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> OTTT:
        """The rule that `to_dict` described."""
        values = dict(description)
        name = values.pop("name", cls.name)
        if name != cls.name:
            raise RuleError(f"rule name is {name!r}; OTTT.from_dict needs {cls.name!r}.")
        allowed = tuple(entry.name for entry in fields(cls))
        unknown = sorted(set(values) - set(allowed))
        if unknown:
            listed = ", ".join(repr(key) for key in allowed)
            raise RuleError(f"OTTT has the unknown option {unknown[0]!r}; it may hold {listed}.")
        if "surrogate" in values:
            values["surrogate"] = Surrogate.from_dict(values["surrogate"])
        return cls(**values)


def _check_loss_lambda(loss: LossKind, value: float) -> None:
    check_share("OTTT loss_lambda", value)
    if loss == "mse" and value != 0:
        raise RuleError(
            f"OTTT loss_lambda is {value!r} but the loss is 'mse', which has no second part; set "
            f"it to 0 or choose the loss 'ce'."
        )


def _whole(name: str, values: tuple[int, ...]) -> tuple[int, ...]:
    for value in values:
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise RuleError(f"OTTT {name} holds {value!r}; it must hold whole numbers.")
    return tuple(int(value) for value in values)


def _epochs(values: tuple[int, ...]) -> tuple[int, ...]:
    epochs = _whole("halve_at", values)
    if any(epoch < 1 for epoch in epochs) or list(epochs) != sorted(set(epochs)):
        raise RuleError(
            f"OTTT halve_at is {epochs!r}; it must hold ascending epochs, none below 1."
        )
    return epochs
