"""Placements that a user wrote: which core holds which neurons."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import Hardware
from neurochip.mapping.place import PLACERS
from neurochip.mapping.topology import Topology
from neurochip.toml import NotTOML, parse, shown

_COLUMNS = ("layer", "first", "last", "core")
#: Decimal digits of the longest number: beyond any core or neuron, and of 64 bits as TOML's are.
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Manual:
    """What a placement's file says.

    Attributes:
        bounds: for each population after the inputs its cuts, 0 .. size.
        cores: for each of them the cores of its slices.
    """

    bounds: list[list[int]]
    cores: list[list[int]]


def read_placement(path: str | Path, topology: Topology, hardware: Hardware) -> Manual:
    """Read which core holds which neurons, from CSV or TOML.

    CSV has the columns layer, first, last, core; TOML a list [[slice]] of those keys. Layers count
    from 0, the read-out is the last; ``first`` to ``last`` are neurons (last not included), and
    without them the whole layer is meant.

    Raises:
        ConfigError: the file is missing or damaged.
        LimitError: a core doesn't exist, or neurons are placed twice or not at all.
    """
    path = Path(path)
    sizes = [population.size for population in topology.populations[1:]]
    rows: list[list[tuple[int, int, int]]] = [[] for _ in sizes]
    for where, entry in _entries(path):
        layer = _number(entry, "layer", where, 0, len(sizes) - 1)
        first = _number(entry, "first", where, 0, sizes[layer] - 1, 0)
        last = _number(entry, "last", where, first + 1, sizes[layer], sizes[layer])
        core = _number(entry, "core", where, 0, None)
        cores = hardware.limits.cores.value
        if core >= cores:
            raise LimitError(
                f"{where}: layer {layer} is placed on core {core}, but hardware "
                f"{hardware.name!r} has the cores 0 to {cores - 1}; choose one of them"
            )
        rows[layer].append((first, last, core))
    for layer, slices in enumerate(rows):
        slices.sort()
        _check_cover(path, layer, slices, sizes[layer])
    bounds = [[0, *(last for _, last, _ in slices)] for slices in rows]
    return Manual(bounds, [[core for _, _, core in slices] for slices in rows])


def _check_cover(path: Path, layer: int, slices: list[tuple[int, int, int]], size: int) -> None:
    at = 0
    for first, last, _ in [*slices, (size, size, 0)]:
        if first > at:
            raise LimitError(
                f"{path}: neurons {at} to {first - 1} of layer {layer} are placed on no core; "
                "place them"
            )
        if first < at:
            raise LimitError(
                f"{path}: neuron {first} of layer {layer} is placed twice; place it once"
            )
        at = last


def _entries(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each entry with what to call it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"placement {str(path)!r} can't be read ({reason}); give a .csv or .toml file, or one "
            f"of {', '.join(PLACERS)}"
        ) from None
    if path.suffix == ".csv":
        return _rows(path, text)
    if path.suffix != ".toml":
        raise ConfigError(
            f"placement {str(path)!r} is neither .csv nor .toml; name it after what it holds"
        )
    try:
        tables = parse(text)
    except NotTOML as error:
        raise ConfigError(f"{path}: not valid TOML: {error}; mend the file there") from None
    unknown = sorted(tables.keys() - {"slice"})
    if unknown:
        raise ConfigError(
            f"{path} has the unknown key {unknown[0]!r}; it may hold a list [[slice]] alone"
        )
    entries = tables.get("slice")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{path} has no list [[slice]]; give one entry for each slice")
    return [(f"{path}, slice {n}", entry) for n, entry in enumerate(entries, start=1)]


def _rows(path: Path, text: str) -> list[tuple[str, dict[str, Any]]]:
    """Each row of a CSV text after the first, which names the columns."""
    reader = csv.reader(io.StringIO(text))
    found: list[tuple[str, dict[str, Any]]] = []
    columns: list[str] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            where = f"{path}, line {reader.line_num}"
            if not any(cells):
                continue
            if not columns:
                columns = cells
                _check_columns(columns, where)
                continue
            if len(cells) > len(columns):
                raise ConfigError(
                    f"{where} has {len(cells)} cells for {len(columns)} columns; remove some"
                )
            pairs = zip(columns, cells, strict=False)
            found.append((where, {key: _cell(cell) for key, cell in pairs if cell}))
    except csv.Error as error:
        raise ConfigError(f"{path}: not valid CSV: {error}; mend the file there") from None
    return found


def _check_columns(columns: list[str], where: str) -> None:
    for number, name in enumerate(columns):
        if name in columns[:number]:
            raise ConfigError(f"{where} names the column {name!r} twice; name it once")


def _cell(cell: str) -> int | str:
    """A number where a cell holds one that is short enough to be of something."""
    return int(cell) if cell.isdecimal() and len(cell) <= _MOST_DIGITS else cell


def _number(
    entry: dict[str, Any],
    key: str,
    where: str,
    low: int,
    high: int | None,
    default: int | None = None,
) -> int:
    unknown = sorted(str(name) for name in entry if name not in _COLUMNS)
    if unknown:
        raise ConfigError(
            f"{where} has the unknown key {shown(unknown[0])}; it may hold {', '.join(_COLUMNS)}"
        )
    value = entry.get(key, default)
    if value is None:
        raise ConfigError(f"{where} has no {key!r}; give it")
    fits = isinstance(value, int) and not isinstance(value, bool)
    if not fits or value < low or (high is not None and value > high):
        span = f"{low} or more" if high is None else f"{low} to {high}"
        raise ConfigError(
            f"{where}: {key} is {shown(value)}, but must be {span}; change it to that"
        )
    return int(value)
