"""Exports of a trained chip to other systems, each with a check that both executions agree.

``lava`` (lava-nc: processes that run), ``netx`` (the HDF5 layout that lava-dl reads), ``nir`` (the
Neuromorphic Intermediate Representation) and ``sanafe`` (SANA-FE, which simulates time and energy)
resolve on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurochip.deploy import lava, netx, nir, sanafe

__all__ = ["lava", "netx", "nir", "sanafe"]


def __getattr__(name: str) -> Any:
    """Import an export on first use (PEP 562)."""
    if name in __all__:
        return import_module(f"neurochip.deploy.{name}")
    raise AttributeError(f"module 'neurochip.deploy' has no attribute {name!r}")
