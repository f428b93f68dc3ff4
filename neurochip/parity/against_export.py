"""The chip against its exports: every register of every step must hold the same integer."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from neurochip.chip import Chip
from neurochip.data import Split
from neurochip.deploy import lava, netx, nir
from neurochip.deploy.lava import learning
from neurochip.deploy.lava.learning import loihi3f
from neurochip.deploy.states import Verdict
from neurochip.errors import ConfigError

#: How many samples are compared unless asked otherwise.
SAMPLES = 100


@dataclass(frozen=True)
class ExportParity:
    """The verdict on a whole network.

    Attributes:
        samples: how many were compared.
        states: one verdict for each register of each layer.
    """

    samples: int
    states: tuple[Verdict, ...]

    @property
    def agrees(self) -> bool:
        """Whether there is no difference at all."""
        return not any(verdict.mismatches for verdict in self.states)


def compare_with_lava(chip: Chip, data: Split, samples: int = SAMPLES) -> ExportParity:
    """Show the first samples of a set to the chip and to Lava's process models.

    Args:
        chip: in the state that is to be compared; it isn't changed.
        data: the samples.
        samples: how many, fewer where the set is smaller.

    Raises:
        ExportError: Lava is missing, or can't express the network exactly.
    """
    part = _first(data, samples)
    return ExportParity(len(part), lava.compare(chip, part.x))


def compare_learning_with_lava(chip: Chip, data: Split, samples: int = SAMPLES) -> ExportParity:
    """Let the first samples of a set be learned, from the chip's state on, on the chip and in Lava.

    Both learn in the `pipelined` schedule; compared is what every layer has learned.

    Args:
        chip: in the state from which both go on; it isn't changed.
        data: the samples and labels.
        samples: how many, fewer where the set is smaller.

    Raises:
        ExportError: Lava is missing, or the network can't learn there.
    """
    part = _first(data, samples)
    return ExportParity(len(part), learning.compare(chip, part))


def compare_engine_with_lava(
    chip: Chip, data: Split, samples: int = SAMPLES, t_epoch: int = 1
) -> ExportParity:
    """Let the first samples of a set be learned by Lava's engine, as simulated here and in Lava.

    Both begin a session from the chip's weights; compared is every register after every step.

    Args:
        chip: in the state from which both go on; it isn't changed.
        data: the samples and labels.
        samples: how many, fewer where the set is smaller.
        t_epoch: steps of Lava's clock from one change of the weights to the next.

    Raises:
        ExportError: Lava is missing.
        LimitError: the engine can't learn the network.
    """
    part = _first(data, samples)
    return ExportParity(len(part), loihi3f.compare(chip, part, t_epoch))


def compare_with_netx(chip: Chip, data: Split, samples: int = SAMPLES) -> ExportParity:
    """Write a netx file, read it as lava-dl does, and run it through Lava's process models.

    Args and errors are those of `compare_with_lava`.
    """
    part = _first(data, samples)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.net"
        netx.write(chip, path)
        return ExportParity(len(part), netx.compare(chip, part.x, path))


def compare_with_nir(chip: Chip, data: Split, samples: int = SAMPLES) -> ExportParity:
    """Write a NIR file, and run the chip that is read from it.

    Args and errors are those of `compare_with_lava`.
    """
    part = _first(data, samples)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.nir"
        nir.write(chip, path)
        return ExportParity(len(part), nir.compare(chip, part.x, path))


#: Every comparison with an export, by its name.
EXPORTS = {"lava": compare_with_lava, "netx": compare_with_netx, "nir": compare_with_nir}


def _first(data: Split, samples: int) -> Split:
    if samples < 1:
        raise ConfigError(f"parity was asked for {samples} samples; it needs 1 or more")
    return data.take(min(samples, len(data)))
