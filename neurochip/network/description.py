"""Layers as dictionaries that JSON and TOML can hold, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from neurochip.errors import NetworkError
from neurochip.network.checks import check_keys, listed
from neurochip.network.layers import KINDS, Layer, Residual
from neurochip.network.order import Feedback
from neurochip.network.sparse import Sparse


def layers_to_dicts(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """One dictionary a layer: its kind and its fields."""
    return [_to_dict(layer) for layer in layers]


def _to_dict(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Residual):
        body, shortcut = layers_to_dicts(layer.body), layers_to_dicts(layer.shortcut)
        return {"kind": layer.kind, "body": body, "shortcut": shortcut}
    values = {entry.name: getattr(layer, entry.name) for entry in fields(layer)}
    if isinstance(layer, Sparse):
        values |= {"offsets": layer.offsets.tolist(), "targets": layer.targets.tolist()}
    return {"kind": layer.kind, **values}


def layers_from_dicts(entries: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """The layers that `layers_to_dicts` described."""
    return tuple(_from_dict(entry) for entry in entries)


def _from_dict(entry: Mapping[str, Any]) -> Layer:
    values = dict(entry)
    kind = values.pop("kind", None)
    if kind not in KINDS:
        raise NetworkError(f"layer kind is {kind!r}; it must be one of {listed(tuple(KINDS))}.")
    layer = KINDS[kind]
    check_keys(f"layer of kind {kind!r}", values, tuple(f.name for f in fields(layer)))
    for name in ("body", "shortcut"):
        if name in values:
            values[name] = layers_from_dicts(values[name])
    try:
        return layer(**values)
    except TypeError:
        needed = listed(tuple(f.name for f in fields(layer) if _is_needed(f)))
        raise NetworkError(
            f"layer of kind {kind!r} lacks one of {needed}; give all of them."
        ) from None


def _is_needed(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def feedback_to_dict(feedback: Feedback) -> dict[str, Any]:
    """Source, target and path."""
    path = layers_to_dicts(feedback.path)
    return {"source": feedback.source, "target": feedback.target, "path": path}


def feedback_from_dict(entry: Mapping[str, Any]) -> Feedback:
    """The feedback that `feedback_to_dict` described."""
    check_keys("feedback", entry, ("source", "target", "path"))
    for key in ("source", "target", "path"):
        if key not in entry:
            raise NetworkError(f"feedback has no {key!r}; add it.")
    return Feedback(entry["source"], entry["target"], layers_from_dicts(entry["path"]))
