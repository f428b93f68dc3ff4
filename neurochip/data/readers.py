"""Files of data sets: npz, HDF5 and IDX, read into arrays as they're stored.

IDX is MNIST's format (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"):
two zero bytes, a type code, the number of dimensions, each dimension as 4 bytes, then the values,
all big-endian.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import DataError

__all__ = ["Arrays", "idx_files", "is_idx_name", "parse_idx", "read_hdf5", "read_idx", "read_npz"]

_AGAIN = "get the file again"


class Arrays(NamedTuple):
    """The four arrays of a data set, as stored; (n, ...) and (n,), (m, ...) and (m,)."""

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]


def read_npz(path: Path, keys: Sequence[str], remedy: str) -> dict[str, NDArray[Any]]:
    """Read some arrays of an npz file.

    Args:
        path: of the file.
        keys: names of the arrays.
        remedy: what to do where one is lacking.

    Raises:
        DataError: the file is missing, damaged, or lacks an array.
    """
    # numpy leaves a damaged file open that it opened itself.
    with _blamed_on(path, "an npz file"), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise DataError(f"{path} is not an npz file, or is damaged; {_AGAIN}")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            _check_keys(path, keys, archive.files, remedy)
            arrays = {key: archive[key] for key in keys}
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise DataError(f"{path}: {key} is not an array; save it with numpy.savez")
    return arrays


def read_hdf5(path: Path, keys: Sequence[str], remedy: str) -> dict[str, NDArray[Any]]:
    """Read some datasets of an HDF5 file, those in groups by their path ("spikes/times").

    Args:
        path: of the file.
        keys: names of the datasets.
        remedy: what to do where one is lacking.

    Returns:
        Arrays; of dtype object where each entry is an array of a length of its own.

    Raises:
        DataError: the file is missing, damaged, or lacks a dataset.
    """
    # h5py takes long to import, and most runs don't need it here.
    import h5py

    with _blamed_on(path, "an HDF5 file"):
        with path.open("rb"):  # h5py's own words for a missing file are long
            pass
        with h5py.File(path, "r", locking=False) as file:
            names: list[str] = []
            file.visit(names.append)
            _check_keys(path, keys, names, remedy)
            for key in keys:
                if not isinstance(file[key], h5py.Dataset):
                    raise DataError(f"{path}: {key} is not a dataset; store it as an array")
            return {key: np.asarray(file[key][()]) for key in keys}


def _check_keys(path: Path, keys: Sequence[str], held: Iterable[str], remedy: str) -> None:
    found = sorted(held)
    lacking = [key for key in keys if key not in found]
    if lacking:
        holds = ", ".join(found) or "nothing"
        raise DataError(f"{path} lacks {', '.join(lacking)} (it holds {holds}); {remedy}")


@contextlib.contextmanager
def _blamed_on(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever reading a file raises into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give the path of {kind}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a directory; give the path of {kind}") from None
    except PermissionError:
        raise DataError(f"{path} can't be read; change its permissions") from None
    # Damage shows itself as almost any exception of zipfile, zlib, numpy or HDF5.
    except Exception as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path} holds Python objects, which can run code when they're loaded;"
                " store plain arrays"
            ) from None
        raise DataError(f"{path} is not {kind}, or is damaged; {_AGAIN}") from None


# --- IDX

_IDX_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<split>train|t10k|test)-(?P<what>images|labels)[-.]idx\d-ubyte(?:\.gz)?"
)
_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IDX_MOST_DIMENSIONS = 32  # numpy 1's limit
_IDX_USUAL = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_GZIP_MAGIC = b"\x1f\x8b"


def is_idx_name(name: str) -> bool:
    """Tell if a file is named as MNIST's are."""
    return _IDX_NAME.fullmatch(name) is not None


def idx_files(path: Path) -> dict[str, Path]:
    """Return the four files of the IDX data set that lies in a folder, or that a file is part of.

    Raises:
        DataError: one of them is missing, or there are several data sets.
    """
    folder = path if path.is_dir() else path.parent
    sets: dict[str, dict[str, Path]] = {}
    # Sorted, a plain file comes before its compressed twin, and is preferred.
    for file in sorted(folder.iterdir()):
        match = _IDX_NAME.fullmatch(file.name)
        if match:
            axis = "x" if match["what"] == "images" else "y"
            split = "train" if match["split"] == "train" else "test"
            sets.setdefault(match["prefix"], {}).setdefault(f"{axis}_{split}", file)
    return _complete(folder, sets, _prefix(path, sets))


def _prefix(path: Path, sets: dict[str, dict[str, Path]]) -> str:
    match = None if path.is_dir() else _IDX_NAME.fullmatch(path.name)
    if match:
        return match["prefix"]
    if len(sets) > 1 and "" not in sets:
        names = ", ".join(sorted(min(files.values()).name for files in sets.values()))
        raise DataError(f"{path} holds several IDX data sets; give a file of one: {names}")
    return next(iter(sets)) if len(sets) == 1 else ""


def _complete(folder: Path, sets: dict[str, dict[str, Path]], prefix: str) -> dict[str, Path]:
    if not sets:
        raise DataError(
            f"{folder} is a directory without IDX files;"
            f" give one that holds {', '.join(_IDX_USUAL.values())} (or .gz), or a file"
        )
    found = sets.get(prefix, {})
    lacking = [f"{prefix}{name}" for key, name in _IDX_USUAL.items() if key not in found]
    if lacking:
        raise DataError(f"{folder} lacks {', '.join(lacking)} (or .gz); add what is missing")
    return found


def read_idx(path: Path) -> Arrays:
    """Read the IDX data set that lies in a folder, or that a file is part of.

    Raises:
        DataError: a file is missing or damaged.
    """
    with _blamed_on(path, "a folder of IDX files"):
        files = idx_files(path)
    return Arrays(*(_read_idx_file(files[key]) for key in Arrays._fields))


def _read_idx_file(path: Path) -> NDArray[Any]:
    with _blamed_on(path, "an IDX file"):
        data = path.read_bytes()
    if data.startswith(_GZIP_MAGIC) or path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise DataError(f"{path} is not a gzip file, or is damaged; {_AGAIN}") from None
    return parse_idx(data, str(path))


def parse_idx(data: bytes, name: str = "IDX data") -> NDArray[Any]:
    """Return the array that IDX bytes hold.

    Args:
        data: the bytes, not compressed.
        name: what errors call them.

    Raises:
        DataError: the bytes aren't IDX, or are too few or too many.
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_DTYPES:
        raise DataError(
            f"{name} is not an IDX file because it begins with {data[:4].hex() or 'nothing'};"
            f" {_AGAIN}"
        )
    dtype, n_dimensions = np.dtype(_IDX_DTYPES[data[2]]), data[3]
    start = 4 + 4 * n_dimensions
    if n_dimensions > _IDX_MOST_DIMENSIONS:
        raise DataError(
            f"{name} has {n_dimensions} dimensions but at most {_IDX_MOST_DIMENSIONS} can be read;"
            f" {_AGAIN}"
        )
    if len(data) < start:
        raise DataError(f"{name} is damaged: it ends after {len(data)} bytes; {_AGAIN}")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", n_dimensions, 4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise DataError(
            f"{name} is damaged: it has {len(data)} bytes but its shape {shape} of {dtype.name}"
            f" needs {expected}; {_AGAIN}"
        )
    if 0 in shape:
        raise DataError(f"{name} has shape {shape} and is empty; give at least one value")
    values = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))
