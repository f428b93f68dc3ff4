"""Models from files: by name or path, one extending another, checked for what they leave open."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurochip.errors import HardwareError
from neurochip.hardware.defaults import UNSTATED, Tables, fill, upgrade
from neurochip.hardware.model import Hardware, validated
from neurochip.hardware.quantities import Sourced, leaves
from neurochip.toml import NotTOML, parse, shown

_BUILT_IN = Path(__file__).parent.with_name("hw_models")
_EXTENDS = "extends"
#: What a model never takes from the one that it extends.
_OWN = ("name", "title")
#: A longer row of models, each of which extends the next, is a slip.
_MOST_EXTENDED = 16


@dataclass(frozen=True)
class Checked:
    """A valid model, and what it doesn't know.

    Attributes:
        hardware: the model.
        settings: how many settings it has.
        left_out: keys of the numbers that the file leaves out, which are then unknown.
        unknown: keys of the numbers that it calls unknown.
    """

    hardware: Hardware
    settings: int
    left_out: tuple[str, ...]
    unknown: tuple[str, ...]


def available() -> list[str]:
    """Return the names of the built-in hardware models, sorted."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.toml"))


def load(name_or_path: str | Path) -> Hardware:
    """Return a hardware model by its built-in name, or from a TOML file.

    Raises:
        HardwareError: the name is unknown, or the file is missing, damaged or holds a number
            outside its range, or extends itself.
    """
    path = _located(name_or_path, Path())
    return _model(_merged(path, ()), _shown(path))


def from_toml(text: str, where: str = "hardware model") -> Hardware:
    """Return the hardware model that a TOML text describes.

    Args:
        text: the TOML; what it extends is looked for from the current folder.
        where: what to call it in an error, such as its path.

    Raises:
        HardwareError: the text isn't TOML, or a key or a value isn't allowed.
    """
    return _model(_extended(_tables(text, where), where, Path(), ()), where)


def check(name_or_path: str | Path) -> Checked:
    """Load a model and list what it leaves open.

    Raises:
        HardwareError: as `load` does.
    """
    hardware = load(name_or_path)
    settings = list(leaves(hardware))
    open_keys = {
        key: leaf.source
        for key, leaf in settings
        if isinstance(leaf, Sourced) and leaf.basis == "unknown"
    }
    return Checked(
        hardware=hardware,
        settings=len(settings),
        left_out=tuple(key for key, source in open_keys.items() if source == UNSTATED),
        unknown=tuple(key for key, source in open_keys.items() if source != UNSTATED),
    )


def _model(tables: Tables, where: str) -> Hardware:
    return validated(fill(tables, Hardware), where)


def _located(name_or_path: str | Path, folder: Path) -> Path:
    """The file of a built-in name, or of a path that is meant from ``folder``."""
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1 or not isinstance(name_or_path, str):
        return folder / path
    if name_or_path not in available():
        raise HardwareError(
            f"hardware model {name_or_path!r} is unknown;{_nearest(name_or_path)} built in are"
            f" {', '.join(available())}, or give the path of a .toml file"
        )
    return _BUILT_IN / f"{name_or_path}.toml"


def _merged(path: Path, chain: tuple[Path, ...]) -> Tables:
    """The tables of a file over those that it extends; ``chain`` leads here."""
    text = _text(path)
    if path.resolve() in [file.resolve() for file in chain]:
        circle = " -> ".join(_shown(file) for file in (*chain, path))
        raise HardwareError(
            f"hardware model {_shown(chain[0])} extends itself: {circle}; remove one of the"
            " 'extends'"
        )
    if len(chain) > _MOST_EXTENDED:
        raise HardwareError(
            f"hardware model {_shown(chain[0])} extends a row of more than {_MOST_EXTENDED} models;"
            " remove some of the 'extends'"
        )
    tables = _tables(text, _shown(path))
    return _extended(tables, _shown(path), path.parent, (*chain, path))


def _extended(tables: Tables, where: str, folder: Path, chain: tuple[Path, ...]) -> Tables:
    tables = upgrade(tables)
    if _EXTENDS not in tables:
        return tables
    base = tables[_EXTENDS]
    if not isinstance(base, str):
        raise HardwareError(
            f"{where}: extends is {shown(base)} but must be the name or the path of a hardware"
            " model in quotes; change it to that"
        )
    below = _merged(_located(base, folder), chain)
    inherited = {key: item for key, item in below.items() if key not in _OWN}
    own = {key: item for key, item in tables.items() if key != _EXTENDS}
    return _overlaid(inherited, own)


def _overlaid(below: Tables, above: Tables) -> Tables:
    """Tables merge; a number, a word or a list of the upper one replaces the lower one's."""
    merged = dict(below)
    for key, item in above.items():
        both = _is_table(item) and _is_table(below.get(key))
        merged[key] = _overlaid(below[key], item) if both else item
    return merged


def _is_table(item: Any) -> bool:
    return isinstance(item, dict) and "basis" not in item


def _tables(text: str, where: str) -> Tables:
    try:
        return parse(text)
    except NotTOML as error:
        raise HardwareError(f"{where}: not valid TOML: {error}; mend the file there") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HardwareError(
            f"hardware model file {path} does not exist; give an existing .toml file"
            f" or one of {', '.join(available())}"
        ) from None
    except UnicodeDecodeError:
        raise HardwareError(
            f"hardware model file {path} is not UTF-8 text; give a .toml file"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HardwareError(
            f"hardware model file {path} can't be read ({reason}); give a readable .toml file"
        ) from None


def _shown(path: Path) -> str:
    return f"{_BUILT_IN.name}/{path.name}" if path.parent == _BUILT_IN else str(path)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, available(), n=1)
    return f" the nearest is {near[0]!r};" if near else ""
