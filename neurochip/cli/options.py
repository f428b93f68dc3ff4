"""A configuration's options as flags, and what flags say."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, get_args, get_origin

import typer

from neurochip.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel


def with_options(kind: type[BaseModel]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command every option of a configuration as a flag; it gets the used ones as a dict."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [
            parameter
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name != "options"
        ]
        flags = [_flag(name, field) for name, field in kind.model_fields.items() if name != "data"]
        names = [flag.name for flag in flags]

        def called(**values: Any) -> Any:
            options = {name: values.pop(name) for name in names}
            given = {n: _parsed(kind, n, v) for n, v in options.items() if v is not None}
            return command(**values, options=given)

        called.__doc__ = command.__doc__
        called.__name__ = command.__name__
        parameters = [*own, *flags]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return called

    return decorated


def collected(
    config: Path | None, data: str | None, options: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """What a file, --data and flags say together, flags first, and what to call it in an error."""
    from neurochip.config import read

    given = {} if config is None else read(config)
    flags = {**options, **({} if data is None else {"data": data})}
    return {**given, **flags}, "options" if config is None else str(config)


_LISTS = {
    "hidden": "N,N",
    "rate_shifts": "N,N",
    "halve_at": "N,N",
    "layer_bits": "N,N",
    "sensor": "N,N",
    "shape": "N,N,N",
    "value_range": "X,X",
    "arrays": "ROLE=NAME,...",
}
_METAVARS: dict[type, str | None] = {int: "N", float: "X", str: "TEXT", bool: None}


def _flag(name: str, field: Any) -> inspect.Parameter:
    words = name.replace("_", "-")
    kind = _scalar(field.annotation)
    choices = _choices(field.annotation)
    option = typer.Option(
        f"--{words}/--no-{words}" if kind is bool else f"--{words}",
        help=_help(field),
        metavar="|".join(choices) or _LISTS.get(name, _METAVARS[kind]),
        show_default=False,
    )
    # Numbers are read by `_parsed`, whose sentences name the value.
    kind = bool if kind is bool else str
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Optional[kind], option],  # noqa: UP045  (typer reads this form)
    )


def _help(field: Any) -> str:
    default = field.default
    if isinstance(default, tuple):
        default = ",".join(str(entry) for entry in default)
    shown = (
        ""
        if default is None
        else f" [{str(default).lower() if isinstance(default, bool) else default}]"
    )
    return f"{field.description}{shown}"


def _choices(annotation: Any) -> tuple[str, ...]:
    for part in (annotation, *get_args(annotation)):
        if str(get_origin(part)) == "typing.Literal":
            return get_args(part)
    return ()


def _scalar(annotation: Any) -> type:
    parts = [annotation, *get_args(annotation)]
    for kind in (bool, int, float):
        if kind in parts and get_origin(annotation) is not tuple:
            return kind
    return str


def _parsed(kind: type[BaseModel], name: str, value: Any) -> Any:
    """What a flag of an option says, of the option's kind."""
    if name == "arrays":
        return _names(name, value)
    if name == "value_range":
        return number(name, value, _numbers, "numbers with a comma between them, such as -5,5")
    if name in _LISTS:
        return whole_numbers(name, value)
    scalar = _scalar(kind.model_fields[name].annotation)
    if scalar is int:
        return number(name, value, int, "a whole number")
    return number(name, value, float, "a number") if scalar is float else value


def whole_numbers(name: str, text: str) -> Any:
    """Whole numbers with commas between them, none for an empty text."""
    if not text.strip():
        return ()
    wanted = "whole numbers with commas between them, such as 128,64"
    return number(name, text, lambda text: tuple(map(int, text.split(","))), wanted)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _names(name: str, text: str) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in text.split(",")]
    roles = [role.strip() for role, _, _ in pairs]
    if len(set(roles)) < len(roles) or not all(all(pair) for pair in pairs):
        raise ConfigError(
            f"--{name} is {text!r}; it must be ROLE=NAME with commas between them, each role once, "
            f"such as t=times,unit=units,offsets=offsets,label=labels"
        )
    return {role: key.strip() for role, (_, _, key) in zip(roles, pairs, strict=True)}


def number(name: str, text: str, read: Callable[[str], Any], wanted: str) -> Any:
    """What ``read`` makes of an option's text, or a ConfigError that says what was wanted."""
    try:
        return read(text)
    except ValueError:
        flag = f"--{name.replace('_', '-')}"
        raise ConfigError(f"{flag} is {text!r}; it must be {wanted}") from None
