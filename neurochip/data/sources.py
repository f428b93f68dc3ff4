"""Where a data set comes from: a built-in name, or a path."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from neurochip.data import readers
from neurochip.data.readers import Arrays
from neurochip.data.split import Dataset, from_arrays
from neurochip.errors import DataError

__all__ = ["available", "load"]

_DIGITS = Path(__file__).with_name("digits.npz")
_DIGITS_LEVELS = 16  # pixels are 0..16
_DIGITS_TEST_EVERY = 5
_KINDS = "an .npz, .h5 or .hdf5 file, or a folder of IDX files"


def available() -> list[str]:
    """Return the names of the built-in data sets."""
    return sorted(_BUILT_IN)


def load(source: str | Path, *, n_classes: int | None = None, temporal: bool = False) -> Dataset:
    """Return a data set.

    Args:
        source: a built-in name ("digits"), or the path of an npz or HDF5 file that holds x_train,
            y_train, x_test and y_test, of a folder of IDX files such as MNIST's, or of one of them.
            Where a file is called as a built-in data set is, give a Path.
        n_classes: the number of classes; by default one more than the largest label of both splits.
        temporal: whether x holds spike trains (n, T, features...) of 0 and 1.

    Raises:
        DataError: the source is unknown, missing or damaged, or what it holds isn't a data set.
    """
    if isinstance(source, str) and source in _BUILT_IN:
        name, arrays = source, _BUILT_IN[source]()
    else:
        name, arrays = str(source), _read(source)
    return from_arrays(*arrays, name=name, n_classes=n_classes, temporal=temporal)


def _read(source: str | Path) -> Arrays:
    path = Path(source)
    if not _exists(path):
        raise DataError(_absent(source, path))
    if path.is_dir() or readers.is_idx_name(path.name):
        return readers.read_idx(path)
    if path.suffix == ".npz":
        return readers.read_npz(path)
    if path.suffix in (".h5", ".hdf5"):
        return readers.read_hdf5(path)
    raise DataError(f"{path} is of an unknown kind; give {_KINDS}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # such as a name that's too long
        return False


def _absent(source: str | Path, path: Path) -> str:
    is_name = isinstance(source, str) and len(path.parts) <= 1 and not path.suffix
    if not is_name:
        return f"{path} does not exist; give the path of {_KINDS}"
    near = difflib.get_close_matches(str(source), available(), n=1)
    nearest = f" did you mean {near[0]!r}, or" if near else ""
    return (
        f"data set {source!r} is unknown;{nearest} use a built-in one ({', '.join(available())})"
        f" or give the path of {_KINDS}"
    )


def _digits() -> Arrays:
    """Read scikit-learn's digits; every fifth sample is for testing."""
    with np.load(_DIGITS, allow_pickle=False) as archive:
        x = archive["x"].astype(np.float32) / np.float32(_DIGITS_LEVELS)
        y = archive["y"]
    test = np.arange(len(y)) % _DIGITS_TEST_EVERY == 0
    return Arrays(x[~test], y[~test], x[test], y[test])


_BUILT_IN = {"digits": _digits}
