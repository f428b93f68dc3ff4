"""What a chip did with some samples, recorded for all kinds of files at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurochip import files
from neurochip.chip.traffic import StepTiming
from neurochip.errors import ConfigError
from neurochip.traces.tables import write_cores, write_links, write_messages
from neurochip.traces.timeline import write_timeline
from neurochip.traces.waveform import (
    REGISTERS,
    Signal,
    check_registers,
    registers_of,
    write_waveform,
)

if TYPE_CHECKING:
    from neurochip.chip import Chip
    from neurochip.data import Split

#: Surrogates are 0..16 sixteenths.
_PSI_BITS = 5
_TABLES = {"cores.csv": write_cores, "links.csv": write_links, "messages.csv": write_messages}


@dataclass(frozen=True, eq=False)
class Recording:
    """Some samples, one after the other.

    Attributes:
        steps: every step with all that happened in it.
        signals: registers of the watched neurons over the steps.
        port: the number that the mesh has for where inputs come from.
    """

    steps: tuple[StepTiming, ...]
    signals: tuple[Signal, ...]
    port: int

    @property
    def ticks(self) -> int:
        """How long all of it took, in picoseconds."""
        return sum(step.ticks for step in self.steps)

    @property
    def messages(self) -> int:
        """How many messages were on their way."""
        phases = (phase for step in self.steps for phase in step.phases)
        return sum(int(phase.phase.messages.target.size) for phase in phases)

    def write_timeline(self, path: str | Path) -> None:
        """Write a timeline for Perfetto."""
        write_timeline(path, self.steps, {self.port: "inputs"})

    def write_waveform(self, path: str | Path) -> None:
        """Write the watched registers as a value change dump, each step at its picosecond."""
        times = [0, *accumulate(step.ticks for step in self.steps)]
        write_waveform(path, self.signals, times)

    def write_tables(self, folder: str | Path) -> list[Path]:
        """Write the tables of cores, links and messages into a folder; return their paths."""
        files.make_folder(folder)
        paths = [Path(folder) / name for name in _TABLES]
        for path in paths:
            _TABLES[path.name](path, self.steps)
        return paths


def record(
    chip: Chip,
    data: Split,
    samples: int,
    watched: Sequence[tuple[int, int]] = (),
    registers: Sequence[str] = REGISTERS,
) -> Recording:
    """Show the first samples of a set and record what happens; nothing is learned.

    What learning would do with the weights as they are now is part of it.

    Args:
        chip: with its weights as they are.
        data: samples and labels.
        samples: how many, fewer where the set is smaller.
        watched: (layer, neuron) whose registers are recorded; layers count from 0.
        registers: which of REGISTERS.

    Raises:
        ConfigError: no sample was asked for, or a neuron or a register isn't there.
        LimitError, HardwareError: as `neurochip.chip.cycle.Clock` does.
    """
    if samples < 1:
        raise ConfigError(f"a recording of {samples} samples was asked for; it needs 1 or more")
    check_registers(registers)
    clock, steps = chip.clock(), list[StepTiming]()
    parts: list[list[list[Signal]]] = [[] for _ in watched]
    for sample in range(min(samples, len(data))):
        shown = (data.x[sample], int(data.y[sample]), sample)
        steps += clock.sample(*shown).steps
        seen = chip.observe(*shown)
        for part, (layer, neuron) in zip(parts, watched, strict=True):
            widths = widths_of(chip, is_readout=layer == len(seen.v) - 1)
            bits = {name: widths[name] for name in registers}
            part.append(registers_of(seen, layer, neuron, bits))
    signals = (_joined(row) for part in parts for row in zip(*part, strict=True))
    return Recording(tuple(steps), tuple(signals), clock.port)


def widths_of(chip: Chip, *, is_readout: bool) -> dict[str, int]:
    """Bits of each register of a neuron, by its name in an observation."""
    registers = chip.hardware.registers
    errors = registers.error if is_readout else registers.delta
    own = chip.formats.widths.readout if is_readout else None
    membrane = registers.membrane.bits.value if own is None else own
    return {
        "signal": 1,
        "v_pre": membrane,
        "v": membrane,
        "psi": _PSI_BITS,
        "delta": errors.bits.value,
    }


def _joined(parts: Sequence[Signal]) -> Signal:
    """One register over all samples."""
    first = parts[0]
    values = np.concatenate([part.values for part in parts])
    return Signal(first.scope, first.name, values, first.bits)
