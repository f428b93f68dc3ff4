"""Options read from a file and checked, with one sentence where they can't be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from neurochip.config.data import DataConfig
from neurochip.errors import ConfigError
from neurochip.toml import NotTOML, parse

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "dict": "a table",
}
#: More epochs than these are a slip of the keyboard.
MAX_EPOCHS = 1_000_000
_POSITIVE = (
    *("timesteps", "epochs", "train_samples", "test_samples", "batch"),
    *("first_timesteps", "first_epochs", "neurons_per_core"),
)
_Config = TypeVar("_Config", bound=DataConfig)


def read(path: str | Path) -> dict[str, Any]:
    """The options that a TOML file gives, not yet validated.

    Raises:
        ConfigError: the file is missing or isn't TOML.
    """
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"configuration {str(path)!r} can't be read ({error.strerror}); check the path"
        ) from None
    except (NotTOML, UnicodeDecodeError) as error:
        raise ConfigError(
            f"configuration {str(path)!r} is not valid TOML ({error}); mend that line"
        ) from None


def validated(kind: type[_Config], options: Mapping[str, Any], where: str) -> _Config:
    """Options as an object of their kind.

    Raises:
        ConfigError: an option is unknown, of the wrong kind, or out of range.
    """
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in options.items()
    }
    try:
        config = kind(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(kind, error, where)) from None
    for name in _POSITIVE:
        value = getattr(config, name, None)
        if value is not None and value < 1:
            raise ConfigError(f"{where}: {name} is {value}; it must be 1 or more")
    if config.epochs > MAX_EPOCHS:
        raise ConfigError(f"{where}: epochs is {config.epochs}; it must be up to {MAX_EPOCHS}")
    return config


def _sentence(kind: type[BaseModel], error: ValidationError, where: str) -> str:
    first = error.errors(include_url=False)[0]
    option = ".".join(part for part in first["loc"] if isinstance(part, str))
    if first["type"] == "extra_forbidden":
        known = ", ".join(kind.model_fields)
        return f"{where}: option {option!r} is unknown; the options are {known}"
    if first["type"] == "literal_error":
        expected = first["ctx"]["expected"]
    else:
        expected = _KINDS.get(first["type"].split("_")[0], "of another kind")
    return f"{where}: {option} is {first['input']!r}; it must be {expected}"
