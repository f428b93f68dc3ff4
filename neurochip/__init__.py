"""neurochip: a simulator of learning on neuromorphic chips.

The names below resolve on first use, so that ``import neurochip`` (and every command's ``--help``)
starts at once and loads no compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurochip import data, deploy, hardware, rules
    from neurochip.chip import Chip
    from neurochip.deploy.nir import from_nir
    from neurochip.errors import NeurochipError
    from neurochip.hardware import Faults
    from neurochip.network import Network

__all__ = [
    "Chip",
    "Faults",
    "Network",
    "NeurochipError",
    "__version__",
    "data",
    "deploy",
    "from_nir",
    "hardware",
    "rules",
]

__version__ = "0.1.0"

_MODULES = frozenset({"data", "deploy", "hardware", "rules"})
_HOMES = {
    "Chip": "neurochip.chip",
    "Faults": "neurochip.hardware",
    "from_nir": "neurochip.deploy.nir",
    "Network": "neurochip.network",
    "NeurochipError": "neurochip.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _MODULES:
        return import_module(f"neurochip.{name}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'neurochip' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
