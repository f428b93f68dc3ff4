"""A table of results with the machine and the day that they were measured on."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


@dataclass
class Table:
    """Rows under a header, with a title, notes and figures by file name."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    def add(self, *cells: object) -> None:
        """Add one row."""
        self.rows.append(tuple(str(cell) for cell in cells))

    def facts(self) -> dict[str, Any]:
        """The table as JSON holds it."""
        rows = [dict(zip(self.header, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": self.notes}

    def markdown(self, command: str) -> str:
        """The table as Markdown."""
        lines = [f"# {self.title}", "", f"`{command}`, {machine()}", ""]
        lines += [_row(self.header), _row(["---"] * len(self.header))]
        lines += [_row(row) for row in self.rows]
        lines += ["", *self.notes] if self.notes else []
        for name in self.figures:
            lines += ["", f"![{name}]({name}.svg)"]
        return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def machine() -> str:
    """Day, processor and versions, in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    day = datetime.datetime.now(tz=datetime.timezone.utc).date()
    python = platform.python_version()
    return f"{day}, {_processor()}, {os.cpu_count()} cores, Python {python}, {packages}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"
