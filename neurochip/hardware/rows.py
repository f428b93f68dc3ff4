"""A model as a list of settings."""

from __future__ import annotations

from typing import NamedTuple

from neurochip.hardware.model import Hardware
from neurochip.hardware.quantities import Curve, Sourced, leaves


class Row(NamedTuple):
    """One setting of a hardware model, for printing; words have no unit, basis or source."""

    key: str
    value: int | float | str | None
    unit: str
    basis: str
    source: str


def rows(hw: Hardware) -> list[Row]:
    """Return every setting of a model in the order of its file; an unknown value is None.

    A curve's value is a text such as "113 at 1, 465 at 32", by the number of tiles.
    """
    return [_row(hw, key, leaf) for key, leaf in leaves(hw)]


def _row(hw: Hardware, key: str, leaf: object) -> Row:
    if isinstance(leaf, Sourced):
        return Row(key, _value(leaf), leaf.unit, leaf.basis, hw.sources[leaf.source])
    if isinstance(leaf, tuple):
        return Row(key, ", ".join(leaf) or "none", "", "", "")
    return Row(key, _word(leaf), "", "", "")


def _value(leaf: Sourced) -> int | float | str | None:
    if isinstance(leaf, Curve):
        return None if leaf.value is None else str(leaf)
    number: int | float | None = leaf.value
    return number


def _word(leaf: object) -> str:
    if isinstance(leaf, bool):
        return "yes" if leaf else "no"
    return str(leaf)
