"""Export to Lava (lava-nc 0.10): a mapped network as Lava processes, and proof that they agree.

    nc.deploy.lava.check(chip, x)              # raises ParityError at the first difference
    nc.deploy.lava.write(chip, x, "folder")    # a folder that runs with lava-nc alone

Lava runs on Python 3.10 only, so it's imported on first use.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from neurochip.errors import ExportError, ParityError

if TYPE_CHECKING:
    from neurochip.chip import Chip
    from neurochip.deploy.states import Verdict

__all__ = ["check", "compare", "is_installed", "require", "write"]

LAVA = "lava-nc 0.10.0"
#: In an exported folder, the file with the numbers.
NETWORK_FILE = "network.h5"


def is_installed() -> bool:
    """Whether Lava can be imported here."""
    found = importlib.util.find_spec("lava")
    return found is not None and importlib.util.find_spec("lava.magma") is not None


def require() -> None:
    """Raise ExportError unless Lava can be imported here."""
    if not is_installed():
        running = ".".join(map(str, sys.version_info[:2]))
        raise ExportError(
            f"Lava is not installed here ({LAVA} needs Python 3.10, and this is {running}); "
            "use Python 3.10 and install 'neurochip[lava]'"
        )


def compare(chip: Chip, x: ArrayLike) -> tuple[Verdict, ...]:
    """Run samples on the chip and through Lava's own process models, and compare every integer.

    Args:
        chip: in the state that is to be compared; it isn't changed.
        x: (n, ...) samples as `Chip.encode` takes them.

    Returns:
        One verdict for u, v and s of every layer, over all steps.

    Raises:
        ExportError: Lava is missing, or the network can't be expressed exactly.
    """
    from neurochip.deploy import states
    from neurochip.deploy.lava.plan import plan
    from neurochip.deploy.recording import record

    network = plan(chip)
    require()
    from neurochip.deploy.lava.drive import drive

    expected = record(chip, x)
    return states.compare(expected.layers, drive(network, expected.inputs).layers)


def check(chip: Chip, x: ArrayLike) -> None:
    """Raise ParityError at the first difference between the chip and Lava; see `compare`."""
    for verdict in compare(chip, x):
        if verdict.first is not None:
            first = verdict.first
            raise ParityError(
                f"{verdict.state} of {verdict.layer} differs from Lava's in {verdict.mismatches} "
                f"places, first in sample {first.sample}, step {first.step}, neuron "
                f"{first.neuron}: {first.expected} on the chip, {first.found} in Lava; report it "
                f"as a bug"
            )


def write(chip: Chip, x: ArrayLike, folder: str | Path) -> list[Path]:
    """Write a folder that runs with lava-nc alone; see `neurochip.deploy.lava.folder.write`."""
    from neurochip.deploy.lava.folder import write

    return write(chip, x, folder)
