"""What commands share: their common arguments, exit statuses, tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

EXIT_DISAGREES = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141  # as programs end that SIGPIPE ends

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN.h5", help="A run file.")]
ConfigPath = Annotated[
    Optional[Path],  # noqa: UP045  (typer reads this form)
    typer.Argument(metavar="[CONFIG.toml]", help="Options as a TOML file; flags override it."),
]
Data = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--data", help="Built-in name (digits), .npz, IDX folder or HDF5 file."),
]
OtherData = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--data", help="Another data set than the run's own."),
]


def announce_compilation() -> None:
    """Say on the error stream why a first run takes its time."""
    from neurochip.kernels import jit, stream

    if jit.is_cold(stream):
        print("compiling the kernels: needed once, takes one to three minutes", file=sys.stderr)


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print columns under a header, each as wide as its widest cell."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, tuple("-" * width for width in widths), *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def print_json(facts: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(facts))
