"""Folders that run in Lava without neurochip: a file of numbers, and copies of our modules."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from neurochip import files
from neurochip.deploy.lava import NETWORK_FILE
from neurochip.errors import OutputError, RunFileError

__all__ = ["PACKAGE", "write_standing_alone"]

#: Name of the package in such a folder, in place of neurochip's.
PACKAGE = "player"
#: With what the formats of such files of numbers begin.
FORMATS = "neurochip-lava"


def write_standing_alone(
    folder: Path, tree: Mapping[str, Any], format: str, readme: str, copied: Mapping[str, str]
) -> list[Path]:
    """Write a folder with numbers, a README, and modules that import each other by new names.

    Args:
        folder: made where it's missing; an earlier export in it is replaced, with all modules of
            its package.
        tree: the numbers (`files.write_tree`).
        format: what kind of file holds them.
        readme: the text.
        copied: neurochip's modules by where they go, run.py or in `PACKAGE`.

    Returns:
        The files.

    Raises:
        OutputError: the folder can't be written, or files in it would be replaced that are of no
            export.
    """
    written = [NETWORK_FILE, "README", *copied]
    _check_replaceable(folder, written)
    _drop_modules_of_another(folder, copied)
    for part in sorted({folder, *((folder / name).parent for name in copied)}):
        files.make_folder(part)
    files.write_tree(folder / NETWORK_FILE, tree, format)
    files.write_text_atomic(folder / "README", readme)
    for name, module in copied.items():
        files.write_text_atomic(folder / name, _renamed(module, copied))
    return [folder / name for name in written]


def _check_replaceable(folder: Path, written: list[str]) -> None:
    """Names like README are common: what bears them goes only where it's an earlier export's."""
    found = [name for name in written if (folder / name).exists()]
    if found and not _holds_an_export(folder):
        raise OutputError(
            f"{folder} holds a {found[0]} that is of no exported network and would be replaced; "
            f"choose another folder"
        )


def _drop_modules_of_another(folder: Path, copied: Mapping[str, str]) -> None:
    """Lava executes every module beside a process, also one that an earlier export left there."""
    if _holds_an_export(folder):
        for module in (folder / PACKAGE).rglob("*.py"):
            if module.relative_to(folder).as_posix() not in copied:
                files.remove(module)


def _holds_an_export(folder: Path) -> bool:
    try:
        return files.format_of(folder / NETWORK_FILE).startswith(FORMATS)
    except RunFileError:
        return False


def _renamed(module: str, copied: Mapping[str, str]) -> str:
    """A module's source with the names that it and others have in the folder."""
    spec = find_spec(module)
    source = Path(str(spec.origin if spec else "")).read_text()
    # The longest first: a package's name begins those of its modules.
    for name, own in sorted(copied.items(), key=lambda pair: len(pair[1]), reverse=True):
        parts = PurePosixPath(name).with_suffix("").parts
        source = source.replace(own, ".".join(part for part in parts if part != "__init__"))
    return source
