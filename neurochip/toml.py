"""TOML in: a text becomes tables, and whatever keeps it from that is one kind of error."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: TOML's whole numbers have 64 bits; Python's readers take longer ones, which can't even be shown.
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
#: What Windows' editors put before a text.
_MARK = "\ufeff"
#: Characters of a value in a sentence.
_LONGEST = 60


class NotTOML(ValueError):
    """Why a text isn't TOML, in words that fit into brackets."""


def parse(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        NotTOML: the text isn't TOML, nests deeper than can be read, or has a whole number of more
            than 64 bits.
    """
    try:
        tables = tomllib.loads(text.removeprefix(_MARK))
        _check_numbers(tables, ())
    except RecursionError:
        raise NotTOML("its brackets or dots nest too deep") from None
    except (tomllib.TOMLDecodeError, NotTOML) as error:
        raise NotTOML(str(error)) from None
    except ValueError:  # Python reads no decimal number of thousands of digits
        raise NotTOML("a whole number in it has more than 64 bits") from None
    return tables


def shown(value: object) -> str:
    """A value as Python writes it, cut where it would fill a sentence."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _check_numbers(item: object, keys: tuple[str, ...]) -> None:
    if isinstance(item, dict):
        for key, value in item.items():
            _check_numbers(value, (*keys, key))
    elif isinstance(item, list):
        for value in item:
            _check_numbers(value, keys)
    elif isinstance(item, int) and not _LOWEST <= item <= _HIGHEST:
        raise NotTOML(f"{'.'.join(keys)} has more than 64 bits")
