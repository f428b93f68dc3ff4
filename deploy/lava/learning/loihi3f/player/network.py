"""A network that learns by Lava's stock synapses, in plain numbers, and samples for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from neurochip.deploy.lava.learning.clock import Clock
from neurochip.deploy.states import LayerStates

__all__ = ["Learner", "Lesson", "Plastic", "Register", "read"]

#: Kind of file that holds a lesson and what is expected of it (neurochip.files).
FORMAT = "neurochip-lava-loihi3f"


class Register(NamedTuple):
    """The ends of a register's range, and what it does beyond them: wrap around, or saturate."""

    low: int
    high: int
    wraps: int


@dataclass(frozen=True, eq=False)
class Plastic:
    """Learning synapses, and the neurons that they drive.

    Attributes:
        name: for tables.
        weights: (n_out, n_in) int32, -256..255, with which the session begins.
        rule: the change of a weight, as Lava's learning rules are written.
        impulse: what a spike adds to its trace.
        tau: time constant of the traces, in steps.
        seed: of the rule's random numbers.
        t_epoch: steps from one change of the weights to the next.
        shift: sums are multiplied by 2^shift, in units of v.
        bias: (n_out,) int64 in units of v.
        leak: v loses leak / 4096 in a step, toward zero; 4096: all.
        threshold: neurons fire where v is above it.
        reset: v after a spike.
        surrogate: what of an error passes at a distance d of v from the threshold, 0..16: "table"
            (16 entries over 2 thresholds), "boxcar" (all where d < width), "triangle".
        width: of boxcar or triangle.
        table: (16,) int64.
        feedback: (n_out, classes) int64: fixed weights by which the read-out's error comes down;
            of the read-out itself (0, classes).
        feedback_shift: the products are multiplied by 2^-shift, rounded to the nearest.
    """

    name: str
    weights: NDArray[np.int32]
    rule: str
    impulse: int
    tau: int
    seed: int
    t_epoch: int
    shift: int
    bias: NDArray[np.int64]
    leak: int
    threshold: int
    reset: int
    surrogate: str
    width: int
    table: NDArray[np.int64]
    feedback: NDArray[np.int64]
    feedback_shift: int


@dataclass(frozen=True, eq=False)
class Learner:
    """Layers in order, their registers, and how the read-out finds its error.

    Attributes:
        layers: the last is the read-out, which never fires.
        timesteps: T.
        current, membrane, delta, error: registers.
        loss: "ce" (cross-entropy) or "mse".
        output_fraction: binary digits of the read-out's v below the point.
        error_fraction: the same of an error.
        exp2: (16,) int64: 255 * 2^(-i / 16).
    """

    layers: tuple[Plastic, ...]
    timesteps: int
    current: Register
    membrane: Register
    delta: Register
    error: Register
    loss: str
    output_fraction: int
    error_fraction: int
    exp2: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A session: who learns, and what.

    Attributes:
        learner: the network.
        signals: (n, T, n_in) uint8, 0 and 1, in the order in which they come.
        labels: (n,) int64.
    """

    learner: Learner
    signals: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @property
    def clock(self) -> Clock:
        """When each sample's steps come."""
        return Clock(
            self.learner.timesteps, len(self.learner.layers), len(self.labels), n_learned=0
        )

    def spread(self) -> NDArray[np.int32]:
        """Inputs of all steps, (n_in, steps), silent between samples."""
        samples, timesteps, n_in = self.signals.shape
        padded = np.zeros((samples, self.clock.period, n_in), np.int32)
        padded[:, :timesteps] = self.signals
        return np.ascontiguousarray(padded.reshape(-1, n_in).T)


def read(path: str | Path) -> tuple[Lesson, tuple[LayerStates, ...]]:
    """The lesson of an exported file, and what is expected of it."""
    with h5py.File(path, "r") as file:
        stored = file["learner"]
        names = [f"layer{number}" for number in range(len(file["expected"]))]
        layers = tuple(Plastic(**_plain(Plastic, stored[name])) for name in names)
        learner = Learner(layers=layers, **_plain(Learner, stored, but="layers"))
        expected = tuple(
            LayerStates(
                layer.name,
                {state: values[()] for state, values in file["expected"][name].items()},
            )
            for layer, name in zip(layers, names, strict=True)
        )
        return Lesson(learner, file["signals"][()], file["labels"][()]), expected


def _plain(kind: type[Any], group: Any, but: str = "") -> dict[str, Any]:
    """What a group holds of a dataclass's fields, by name."""
    return {
        field.name: _value(field.type, group[field.name][()])
        for field in fields(kind)
        if field.name != but
    }


def _value(kind: Any, value: Any) -> Any:
    if kind == Register.__name__:
        return Register(*value.tolist())
    if kind == "str":
        return value.item().decode()
    return int(value) if kind == "int" else value
