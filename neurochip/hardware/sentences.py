"""What is wrong with a model, said in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from neurochip.hardware.quantities import Curve, MaybeReal, MaybeWhole, Real, Whole
from neurochip.toml import shown

#: So many names fit into a sentence.
_FEW = 12
_EXAMPLE = "hw_models/neurochip.toml"
#: Names of the types of numbers, by which pydantic calls what it wanted.
_QUANTITIES = [kind.__name__ for kind in (Whole, Real, MaybeWhole, MaybeReal, Curve)]


def sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Say one of pydantic's errors as: key, value, what is allowed, and what to do."""
    key = ".".join(str(part) for part in error["loc"]).removesuffix(".value")
    kind, context = error["type"], error.get("ctx", {})
    if kind == "neurochip":
        text = str(context["text"])
        return f"{key}{text}" if text.startswith(".") or not key else f"{key} {text}"
    if kind == "missing":
        return f"{key} is missing; add it as {_EXAMPLE} has it"
    if kind == "extra_forbidden":
        return f"{key} is not a key of a hardware model;{_suggest_sibling(error['loc'], model)}"
    if kind == "too_short" or kind == "string_too_short":
        return f"{key} is empty but must hold something; give at least one"
    wants_number = context.get("class_name") in _QUANTITIES
    if kind == "model_type" and wants_number and _is_number(error["input"]):
        return (
            f"{key} is the bare number {error['input']!r}; write it as a table of value, unit,"
            f" basis and source as {_EXAMPLE} has it"
        )
    return (
        f"{key} is {shown(error['input'])} but must be {_wanted(kind, context)}; change it to that"
    )


def suggest(word: str, known: Iterable[str]) -> str:
    """The nearest of the known names, or all of a few."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f" did you mean {near[0]!r}?"
    if len(names) <= _FEW:
        return f" choose one of {', '.join(names)}"
    return " `neurochip chips neurochip` lists the keys"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        return str(context["expected"])
    words = {"int": "a whole number", "float": "a number", "finite": "a finite number"}
    words |= {"string": "a text in quotes", "bool": "true or false", "tuple": "a list"}
    return words.get(kind.split("_")[0], "a table")


def _suggest_sibling(loc: Sequence[int | str], model: type[BaseModel]) -> str:
    for name in loc[:-1]:
        model = cast(type[BaseModel], model.model_fields[str(name)].annotation)
    return suggest(str(loc[-1]), model.model_fields)
