"""What a model's file may leave out, and what older files called otherwise.

A run file holds its chip as text, so that every text that was ever written must go on loading.
"""

from __future__ import annotations

import math
from typing import Any

from neurochip.hardware.costs import SYNAPSE_KINDS, Energy
from neurochip.hardware.limits import MOST_CORES
from neurochip.hardware.quantities import Allowed, Curve, MaybeReal, MaybeWhole, Part

#: The source of a number that a file leaves out.
UNSTATED = "unstated"
_UNSTATED_TEXT = "The model's file doesn't say"
_DERIVED = "derived"
_DERIVED_TEXT = "The squarest mesh that holds just the chip's cores, for want of a given one"
_OPTIONAL = (MaybeReal, MaybeWhole, Curve)
_OLD_BARRIER = ("barrier_one_tile", "barrier_all_tiles")

Tables = dict[str, Any]


def upgrade(tables: Tables) -> Tables:
    """Write what older files say in the words of today.

    The barrier was two numbers, of one tile and of all, and is now a curve.
    """
    costs = _table(tables, "costs")
    time = _table(costs, "time")
    one, every = (_table(time, key) for key in _OLD_BARRIER)
    tiles = _tiles(tables)
    if not one or not every or tiles is None or "barrier" in time:
        return tables
    rest = {key: item for key, item in time.items() if key not in _OLD_BARRIER}
    time = {**rest, "barrier": _barrier(one, every, tiles)}
    return {**tables, "costs": {**costs, "time": time}}


def _barrier(one: Tables, every: Tables, tiles: int) -> Tables:
    known = "value" in one and "value" in every
    if not known:
        unknown = one if "value" not in one else every
        return {**unknown, "tiles": [1]}
    if tiles == 1:
        return {**one, "tiles": [1], "value": [one["value"]]}
    return {**one, "tiles": [1, tiles], "value": [one["value"], every["value"]]}


def fill(tables: Tables, model: type[Part]) -> Tables:
    """Add every number that a file leaves out: unknown, where it can't be derived from others."""
    filled = _with_unknowns(_with_mesh(_with_synapse_kinds(tables)), model)
    used = {_source(leaf) for leaf in _leaves(filled)}
    sources = filled.get("sources")
    if isinstance(sources, dict):
        texts = {UNSTATED: _UNSTATED_TEXT, _DERIVED: _DERIVED_TEXT}
        new = {key: text for key, text in texts.items() if key in used and key not in sources}
        filled["sources"] = {**sources, **new}
    return filled


def _with_unknowns(tables: Tables, model: type[Part]) -> Tables:
    filled = dict(tables)
    for name, field in model.model_fields.items():
        kind = field.annotation
        if not isinstance(kind, type) or not issubclass(kind, Part):
            continue
        if issubclass(kind, _OPTIONAL):
            unit = _unit(field.metadata)
            filled.setdefault(name, {"unit": unit, "basis": "unknown", "source": UNSTATED})
        elif isinstance(tables.get(name, {}), dict) and not _is_number(kind):
            part = _with_unknowns(tables.get(name, {}), kind)
            if part or name in tables:
                filled[name] = part
    return filled


def _unit(validators: list[Any]) -> str:
    rules = (validator.func for validator in validators)
    return next(rule.units[0] for rule in rules if isinstance(rule, Allowed))


def _is_number(kind: type[Part]) -> bool:
    return "basis" in kind.model_fields


def _with_synapse_kinds(tables: Tables) -> Tables:
    """Synapses of a kind of which nothing is said cost as any synapse does."""
    costs = dict(_table(tables, "costs"))
    for part in ("energy", "time"):
        events = _table(costs, part)
        if _table(events, "synaptic_operation"):
            general = dict.fromkeys(SYNAPSE_KINDS, events["synaptic_operation"])
            order = dict.fromkeys(Energy.model_fields)
            both = {**general, **events}
            costs[part] = {key: both[key] for key in (*order, *both) if key in both}
    return {**tables, "costs": costs} if costs else tables


def _with_mesh(tables: Tables) -> Tables:
    tiles, mesh = _tiles(tables), tables.get("mesh", {})
    if tiles is None or not isinstance(mesh, dict) or {"width", "height"} & mesh.keys():
        return tables
    height = max(n for n in range(1, math.isqrt(tiles) + 1) if tiles % n == 0)
    size = {"width": tiles // height, "height": height}
    derived = {
        key: {"value": n, "unit": "tile", "basis": "assumed", "source": _DERIVED}
        for key, n in size.items()
    }
    return {**tables, "mesh": {**derived, **mesh}}


def _tiles(tables: Tables) -> int | None:
    """How many tiles hold the cores; None where the file doesn't give two whole numbers."""
    limits = _table(tables, "limits")
    cores, each = (_table(limits, key).get("value") for key in ("cores", "cores_per_tile"))
    if not isinstance(cores, int) or not isinstance(each, int):
        return None
    return -(-cores // each) if 1 <= cores <= MOST_CORES and each >= 1 else None


def _table(tables: Tables, key: str) -> Tables:
    item = tables.get(key)
    return item if isinstance(item, dict) else {}


def _leaves(tables: Tables) -> list[Tables]:
    found: list[Tables] = []
    for item in tables.values():
        if isinstance(item, dict):
            found += [item] if "basis" in item else _leaves(item)
    return found


def _source(leaf: Tables) -> str:
    return str(leaf.get("source"))
