"""Waveforms of registers as a value change dump (VCD, IEEE 1364-2005, clause 18), for GTKWave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.observe import Observation
from neurochip.errors import ConfigError
from neurochip.files import write_text_atomic

#: Identifiers are written in the printable characters of ASCII.
FIRST_CHARACTER, CHARACTERS = 33, 94

#: Registers of a neuron that can be watched, by their names in an observation.
REGISTERS = ("signal", "v_pre", "v", "psi", "delta")

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Signal:
    """One register over time.

    Attributes:
        scope: names of the modules that it lies in, outermost first; no blanks.
        name: its own; no blanks.
        values: (T,) integers, negative ones as two's complement.
        bits: its width, 1..64.
    """

    scope: tuple[str, ...]
    name: str
    values: Ints
    bits: int


def registers_of(
    seen: Observation, layer: int, neuron: int, bits: Mapping[str, int]
) -> list[Signal]:
    """The registers of one neuron over the steps of an observed sample.

    Args:
        seen: as `Chip.observe` returns it.
        layer: weight layer that drives the neuron.
        neuron: its number in there.
        bits: width by name of register, of those to be shown: signal, v_pre, v, psi, delta.

    Raises:
        ConfigError: a layer, neuron or register that isn't there.
    """
    layers = len(seen.v)
    if not 0 <= layer < layers:
        raise ConfigError(
            f"layer {layer} can't be watched: the network has the layers 0..{layers - 1}; "
            "choose one of those"
        )
    neurons = seen.v[layer].shape[1]
    if not 0 <= neuron < neurons:
        raise ConfigError(
            f"neuron {neuron} of layer {layer} can't be watched: it has the neurons "
            f"0..{neurons - 1}; choose one of those"
        )
    check_registers(bits)
    scope = (f"layer_{layer}", f"neuron_{neuron}")
    # Signals begin with those of the inputs.
    own = {name: getattr(seen, name)[layer + (name == "signal")][:, neuron] for name in bits}
    return [Signal(scope, name, own[name], width) for name, width in bits.items()]


def check_registers(names: Iterable[str]) -> None:
    """Raise ConfigError where one of some names isn't that of a register."""
    for name in names:
        if name not in REGISTERS:
            raise ConfigError(
                f"register {name!r} can't be watched; choose from {', '.join(REGISTERS)}"
            )


def write_waveform(
    path: str | Path, signals: Sequence[Signal], times: Sequence[int] | None = None
) -> None:
    """Write registers over the steps as a VCD file.

    Args:
        path: the file, usually ``*.vcd``.
        signals: all with the same number of steps T.
        times: (T + 1,) ticks, in picoseconds, at which each step begins and the last one ends; a
            step is a nanosecond where they aren't given.

    Raises:
        ConfigError: a value doesn't fit into its signal's width, or there are more or fewer times.
        OutputError: the file can't be written.
    """
    for signal in signals:
        _check_width(signal)
    steps = max((signal.values.size for signal in signals), default=0)
    if times is not None and len(times) != steps + 1:
        raise ConfigError(
            f"{steps} steps were given {len(times)} times, not {steps + 1}; "
            "give the time at which each one begins and that at which the last one ends"
        )
    write_text_atomic(path, "\n".join(_lines(signals, times)) + "\n")


def _check_width(signal: Signal) -> None:
    low, high = -(1 << (signal.bits - 1)), (1 << signal.bits) - 1
    wrong = [value for value in signal.values.tolist() if not low <= value <= high]
    if wrong:
        raise ConfigError(
            f"register {'.'.join((*signal.scope, signal.name))} holds {wrong[0]}, which doesn't "
            f"fit into {signal.bits} bits; give its real width"
        )


def _lines(signals: Sequence[Signal], times: Sequence[int] | None) -> Iterator[str]:
    yield f"$timescale {'1 ns' if times is None else '1 ps'} $end"
    names = [_identifier(number) for number in range(len(signals))]
    named = zip(names, signals, strict=True)
    for scope, together in groupby(named, key=lambda pair: pair[1].scope):
        yield from (f"$scope module {module} $end" for module in scope)
        yield from (
            f"$var reg {signal.bits} {name} {signal.name} $end" for name, signal in together
        )
        yield from ("$upscope $end" for _ in scope)
    yield "$enddefinitions $end"
    steps = max((signal.values.size for signal in signals), default=0)
    marks = range(steps + 1) if times is None else times
    before: list[int | None] = [None] * len(signals)
    for step in range(steps):
        yield f"#{marks[step]}"
        for k, signal in enumerate(signals):
            value = int(signal.values[step])
            if value != before[k]:
                yield f"b{value & ((1 << signal.bits) - 1):b} {names[k]}"
                before[k] = value
    yield f"#{marks[steps]}"


def _identifier(number: int) -> str:
    """A short name of printable characters, another one for each number."""
    name = chr(FIRST_CHARACTER + number % CHARACTERS)
    while number >= CHARACTERS:
        number = number // CHARACTERS - 1
        name += chr(FIRST_CHARACTER + number % CHARACTERS)
    return name
