"""Nested tables as the text of a TOML file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def to_toml(tables: Mapping[str, Any]) -> str:
    """Return tables of numbers, words and lists as TOML, a quantity on one line each."""
    return "\n".join(_emit(tables))


def _emit(tables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the lines of a TOML file: plain keys first, then the tables below."""
    below = {key: item for key, item in tables.items() if _is_table(item)}
    for key, item in tables.items():
        if key not in below:
            yield f"{_key(key)} = {_inline(item)}"
    for key, item in below.items():
        path = f"{prefix}{_key(key)}"
        lines = list(_emit(item, f"{path}."))
        if not lines or not lines[0].startswith(("\n[", "[")):
            yield f"\n[{path}]"
        yield from lines
    if not prefix:
        yield ""


def _is_table(item: object) -> bool:
    return isinstance(item, Mapping) and "basis" not in item


def _inline(item: object) -> str:
    if isinstance(item, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(one)}" for key, one in item.items()) + " }"
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(_inline(one) for one in item) + "]"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return _quoted(item)
    return repr(item)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _quoted(key)


def _quoted(text: str) -> str:
    # TOML forbids a bare DEL, which JSON's strings allow.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
