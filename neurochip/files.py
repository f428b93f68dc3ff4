"""Files out and in: whole or not at all, versioned, and checked when read.

A tree is a nested dict whose leaves are numpy arrays (bool, integer or float), str, int, float,
bool, None or a list of str.  It's stored as HDF5, a group for each dict and a dataset for each
leaf, with the root attributes `format`, `version` and `checksum`.

Every write goes to a temporary file beside the target, which then takes its place: a reader never
sees half a file, and whatever interrupts a write leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from neurochip.errors import OutputError, RunFileError

__all__ = ["check_writable", "read_tree", "write_bytes_atomic", "write_text_atomic", "write_tree"]

Tree = dict[str, Any]

RUN_FORMAT = "neurochip-run"
_KIND = "kind"
_ARRAY_DTYPES = "?bhilqBHILQefd"  # every bool, integer and float that has no padding
_NEW_FILE_MODE = 0o666  # less the umask
# From this version on, every piece of HDF5's own data has a checksum, as long as there are no
# strings of variable length.
_HDF5_VERSION = "v110"
_AGAIN = "restore it from a copy or make it again"


class _Leaf(NamedTuple):
    """What one HDF5 object holds: its kind ("group", "array", "int" ...) and its contents."""

    kind: str
    data: NDArray[Any]


def write_tree(
    path: str | Path, tree: Mapping[str, Any], format: str = RUN_FORMAT, version: int = 1
) -> None:
    """Write a tree to an HDF5 file, whole or not at all.

    Args:
        path: the file; its directory must exist.  An existing file keeps its permissions.
        tree: nested dicts of arrays, str, int (64 bits), float, bool, None and lists of str.  Keys
            are non-empty and hold no "/".  Numpy scalars are stored as Python's numbers.
        format: the kind of file.
        version: the version of that kind.

    Raises:
        OutputError: the file can't be written.
        TypeError: a leaf is of another type.
        ValueError: a key, a text or a whole number can't be stored.
    """
    leaves = dict(_flat(tree))
    write_bytes_atomic(path, _image(leaves, format, version))


def read_tree(path: str | Path, format: str = RUN_FORMAT, newest_version: int = 1) -> Tree:
    """Return the tree of a file that `write_tree` wrote; dicts are in alphabetical order.

    Args:
        path: the file.
        format: the kind of file that it must be.
        newest_version: the newest version of that kind that the caller understands.

    Raises:
        RunFileError: the file is missing, unreadable, damaged, of another kind, or newer.
    """
    path = Path(path)
    check_is_hdf5(path, format)
    # HDF5 reports damage by many exceptions, of h5py's and of numpy's.
    try:
        with h5py.File(path, "r", locking=False) as file:
            _check_format(path, file, format, newest_version)
            leaves = dict(_read_group(file, "", set()))
            stored, version = _text_attribute(file, "checksum"), int(file.attrs["version"])
    except RunFileError:
        raise
    except Exception:
        raise RunFileError(f"{path} is damaged: parts of it can't be read; {_AGAIN}") from None
    if stored != _checksum(leaves, format, version):
        raise RunFileError(f"{path} is damaged: its contents don't match its checksum; {_AGAIN}")
    return _nested(leaves)


def format_of(path: str | Path) -> str:
    """What kind of file a path is: the `format` that it was written with; "" if it tells none.

    Raises:
        RunFileError: the file is missing or is no HDF5 file.
    """
    path = Path(path)
    check_is_hdf5(path, RUN_FORMAT)
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _text_attribute(file, "format") if "format" in file.attrs else ""
    except OSError:
        raise RunFileError(f"{path} is damaged: parts of it can't be read; {_AGAIN}") from None


def check_writable(path: str | Path) -> None:
    """Make sure that a file can be written, before long work whose result would go there.

    Raises:
        OutputError: the directory is missing or can't be written, or the path isn't a file.
    """
    path = Path(path)
    with _blamed_on(path):
        target = _checked_target(path)
        temporary = _temporary(target)
        try:
            temporary.touch(exist_ok=False)
        finally:
            temporary.unlink(missing_ok=True)


def check_apart(path: str | Path, sources: Mapping[str, str | Path | None]) -> None:
    """Make sure that a result doesn't replace what it is made from.

    Args:
        path: where the result goes.
        sources: files that are read, by what they are; None where there is none.

    Raises:
        OutputError: the path is one of them.
    """
    for what, source in sources.items():
        try:
            same = source is not None and Path(path).samefile(source)
        except (OSError, ValueError):
            continue  # one of them isn't there, or isn't a path: they can't be the same file
        if same:
            raise OutputError(
                f"{str(path)!r} is the {what} that is read and would be replaced; choose "
                f"another path"
            )


def make_folder(path: str | Path) -> None:
    """Make sure that a folder is there and can be written to.

    Raises:
        OutputError: it can't be made, or isn't a folder.
    """
    path = Path(path)
    with _blamed_on(path):
        path.mkdir(parents=True, exist_ok=True)
    check_writable(path / "probe")


def remove(path: str | Path) -> None:
    """Remove a file; nothing happens where there is none.

    Raises:
        OutputError: it can't be removed.
    """
    with _blamed_on(Path(path)):
        Path(path).unlink(missing_ok=True)


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all.

    Raises:
        OutputError: the file can't be written.
    """
    with _blamed_on(Path(path)):
        data = text.encode()
    write_bytes_atomic(path, data)


def write_bytes_atomic(path: str | Path, data: bytes) -> None:
    """Write bytes to a file, whole or not at all; an existing file keeps its permissions.

    Raises:
        OutputError: the file can't be written.
    """
    path = Path(path)
    with _blamed_on(path):
        target = _checked_target(path)
        temporary = _temporary(target)
        try:
            _write_and_sync(temporary, data)
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(target.parent)


# --- the target of a write


@contextlib.contextmanager
def _blamed_on(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{path} can't be written ({reason}); mend that or choose another path"
        ) from None


def _checked_target(path: Path) -> Path:
    """Return the file that the path leads to, through links, after checking what lies there."""
    target = path.resolve()
    if path.is_dir():
        raise OutputError(f"{path} is a directory; give the path of a file in it")
    if not target.parent.exists():
        raise OutputError(
            f"{path} can't be written because the directory {target.parent} does not exist;"
            " make it first or choose another path"
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"{path} can't be written because {target.parent} is not a directory;"
            " choose another path"
        )
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file; choose another path")
    _check_permission(path, target)
    return target


def _check_permission(path: Path, target: Path) -> None:
    # Replacing a file needs no permission to write it, only one to write its directory.
    protected = target if target.exists() else target.parent
    if not os.access(protected, os.W_OK):
        raise OutputError(
            f"{path} can't be written because {protected} is write-protected;"
            " change its permissions or choose another path"
        )


def _temporary(target: Path) -> Path:
    return target.with_name(f".neurochip-{secrets.token_hex(8)}.tmp")


def _write_and_sync(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _NEW_FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    # The file is in place already; not every system can do more than that.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# --- a tree as leaves


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, _Leaf]]:
    """Yield (path, leaf) of a tree, groups before what they hold."""
    for key, item in tree.items():
        _check_key(key, prefix)
        path = f"{prefix}/{key}"
        if isinstance(item, Mapping):
            yield path, _group_leaf()
            yield from _flat(item, path)
        else:
            yield path, _leaf(path, item)


def _check_key(key: object, prefix: str) -> None:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} under {prefix or '/'} is not a str")
    if not key or key == "." or "/" in key:
        raise ValueError(f"the key {key!r} under {prefix or '/'} can't name an HDF5 object")
    _encoded(key, prefix or "/")


def _group_leaf() -> _Leaf:
    return _Leaf("group", np.empty(0, np.uint8))


def _leaf(path: str, item: object) -> _Leaf:
    if isinstance(item, np.ndarray):
        if item.dtype.char not in _ARRAY_DTYPES:
            raise TypeError(f"the array {path} has the dtype {item.dtype}, which can't be stored")
        return _Leaf("array", item)
    if item is None:
        return _Leaf("none", np.zeros((), np.uint8))
    if isinstance(item, (bool, np.bool_)):
        return _Leaf("bool", np.array(bool(item)))
    if isinstance(item, (int, np.integer)):
        return _Leaf("int", _whole(path, int(item)))
    if isinstance(item, (float, np.floating)):
        return _Leaf("float", np.array(float(item), np.float64))
    if isinstance(item, str):
        return _Leaf("str", np.array(_encoded(item, path)))
    if isinstance(item, list) and all(isinstance(text, str) for text in item):
        texts = [_encoded(text, path) for text in item]
        width = max((len(text) for text in texts), default=1)
        return _Leaf("list", np.array(texts, f"S{max(width, 1)}"))
    raise TypeError(f"{path} is a {type(item).__name__}, which can't be stored")


def _whole(path: str, value: int) -> NDArray[Any]:
    dtype = np.int64 if value < 1 << 63 else np.uint64
    try:
        return np.array(value, dtype)
    except OverflowError:
        raise ValueError(f"{path} is {value}, which doesn't fit into 64 bits") from None


def _encoded(text: str, path: str) -> bytes:
    if "\0" in text:
        raise ValueError(f"{path} holds a text with a NUL character, which can't be stored")
    return text.encode()


def _nested(leaves: Mapping[str, _Leaf]) -> Tree:
    tree: Tree = {}
    for path, leaf in leaves.items():
        *parents, key = path[1:].split("/")
        place = tree
        for parent in parents:
            place = place[parent]
        place[key] = _value(leaf)
    return tree


def _value(leaf: _Leaf) -> Any:
    kind, data = leaf
    if kind == "group":
        return {}
    if kind == "array":
        return data
    if kind == "none":
        return None
    if kind == "list":
        return [text.decode() for text in data.tolist()]
    value = data.item()
    return value.decode() if kind == "str" else value


def _checksum(leaves: Mapping[str, _Leaf], format: str, version: int) -> str:
    """SHA-256 over every path, kind, dtype, shape and the bytes, in the order of the paths."""
    digest = hashlib.sha256(f"{format}\0{version}\0".encode())
    for path in sorted(leaves):
        kind, data = leaves[path]
        head = "\0".join([path, kind, data.dtype.str, str(data.shape), str(data.nbytes)])
        digest.update(f"{head}\0".encode())
        digest.update(data.tobytes())
    return digest.hexdigest()


# --- leaves as HDF5


def _image(leaves: Mapping[str, _Leaf], format: str, version: int) -> bytes:
    """Return the bytes of an HDF5 file, made in memory so that a full disk can't confuse HDF5."""
    options = {"driver": "core", "backing_store": False, "libver": (_HDF5_VERSION, _HDF5_VERSION)}
    with h5py.File(secrets.token_hex(8), "w", **options) as file:
        for path, leaf in leaves.items():
            if leaf.kind == "group":
                file.create_group(path)
                continue
            dataset = file.create_dataset(path, data=leaf.data)
            dataset.attrs[_KIND] = np.bytes_(leaf.kind)
        file.attrs["format"] = np.bytes_(format.encode())
        file.attrs["version"] = version
        file.attrs["checksum"] = np.bytes_(_checksum(leaves, format, version))
        file.flush()
        return bytes(file.id.get_file_image())


def _read_group(group: h5py.Group, prefix: str, seen: set[int]) -> Iterator[tuple[str, _Leaf]]:
    """Yield (path, leaf); `seen` holds the addresses of the objects before, to stop at loops."""
    for key in group:
        path = f"{prefix}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{path} is a link to another place")
        item = group[key]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            raise ValueError(f"{path} has two names")
        seen.add(address)
        if isinstance(item, h5py.Group):
            yield path, _group_leaf()
            yield from _read_group(item, path, seen)
        else:
            # A scalar comes back in the machine's byte order, whatever it was stored in.
            yield path, _Leaf(_text_attribute(item, _KIND), np.asarray(item[()], item.dtype))


def _text_attribute(item: Any, name: str) -> str:
    value = item.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def check_is_hdf5(path: str | Path, format: str) -> None:
    """Make sure that a file is there and begins as HDF5 does.

    Args:
        path: the file.
        format: the kind of file that it must be, for the sentence.

    Raises:
        RunFileError: it isn't.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise RunFileError(f"{path} does not exist; give the path of a {format} file") from None
    except IsADirectoryError:
        raise RunFileError(f"{path} is a directory; give the path of a {format} file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RunFileError(
            f"{path} can't be read ({reason}); give the path of a readable {format} file"
        ) from None
    if empty:
        raise RunFileError(f"{path} is empty; {_AGAIN}")
    if not h5py.is_hdf5(path):
        raise RunFileError(f"{path} is not an HDF5 file; give the path of a {format} file")


def _check_format(path: Path, file: h5py.File, format: str, newest_version: int) -> None:
    if "format" not in file.attrs or "version" not in file.attrs:
        raise RunFileError(
            f"{path} is an HDF5 file but not one of neurochip's; give the path of a {format} file"
        )
    found = _text_attribute(file, "format")
    if found != format:
        raise RunFileError(f"{path} is a {found} file; give the path of a {format} file")
    version = int(file.attrs["version"])
    if version > newest_version:
        raise RunFileError(
            f"{path} has version {version} of {format} but this neurochip reads versions up to"
            f" {newest_version}; update neurochip or make the file again"
        )
