"""The command line: reads options, calls the rooms below, prints. No arithmetic."""

from __future__ import annotations

from neurochip.cli.application import main

__all__ = ["main"]
