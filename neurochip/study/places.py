"""Where a study's database is, by what a command is told: one rule for all of them."""

from __future__ import annotations

from pathlib import Path

from neurochip.study.databases import SQLITE

#: Endings of databases, and of a study's file.
_ENDINGS = (".db", ".sqlite", ".sqlite3", ".toml")
#: What files of these kinds begin with.
_DATABASE, _HDF5 = b"SQLite format 3\x00", b"\x89HDF\r\n\x1a\n"


def url_of(source: str) -> str:
    """The URL of a study's database.

    Args:
        source: that URL; the database's path; or the path of a study's file, or a name, beside
            which bits.toml, or bits, has bits.db. A file that holds a database is one, whatever its
            name.
    """
    if "://" in source:
        return source
    path = Path(source)
    is_file = path.suffix in ("", ".toml") and path.name and _beginning(path) != _DATABASE
    return f"{SQLITE}{path.with_suffix('.db') if is_file else path}"


def url_beside(source: str) -> str:
    """The URL of the database that a study's file, or a preset's name, has unless told otherwise:
    a/bits.toml has a/bits.db.
    """
    return f"{SQLITE}{Path(source).with_suffix('.db')}"


def path_of(url: str) -> str:
    """The file of an SQLite database; any other URL as it is, which names no file."""
    return url.removeprefix(SQLITE)


def is_study(source: str) -> bool:
    """Whether a path, a URL or a name is a study's and not a run file's: by what the file holds,
    else by its ending, else by whether a database is beside it.
    """
    if "://" in source:
        return True
    path = Path(source)
    beginning = _beginning(path)
    if beginning.startswith(_HDF5):
        return False
    return (
        beginning == _DATABASE
        or path.suffix in _ENDINGS
        or (not path.exists() and Path(path_of(url_of(source))).exists())
    )


def _beginning(path: Path) -> bytes:
    """The first bytes of a file; none where there is no file that can be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE))
    except OSError:
        return b""
