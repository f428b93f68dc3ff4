"""Where a data set comes from: a built-in name, or a path."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.data import readers
from neurochip.data.declared import Sampling, read_declared
from neurochip.data.layout import Layout
from neurochip.data.readers import Arrays
from neurochip.data.split import Dataset, from_arrays, from_splits
from neurochip.errors import ConfigError, DataError

__all__ = ["available", "load"]

_DIGITS = Path(__file__).with_name("digits.npz")
_DIGITS_LEVELS = 16  # pixels are 0..16
_DIGITS_TEST_EVERY = 5
_KINDS = "an .npz, .h5 or .hdf5 file, or a folder of IDX files"


def available() -> list[str]:
    """Return the names of the built-in data sets."""
    return sorted(_BUILT_IN)


def load(
    source: str | Path,
    *,
    n_classes: int | None = None,
    temporal: bool = False,
    layout: Layout | None = None,
    timesteps: int | None = None,
) -> Dataset:
    """Return a data set.

    Args:
        source: a built-in name ("digits"), or the path of an npz or HDF5 file that holds x_train,
            y_train, x_test and y_test, of a folder of IDX files such as MNIST's, or of one of them.
            Where a file is called as a built-in data set is, give a Path.
        n_classes: the number of classes; by default one more than the largest label of both splits.
        temporal: whether x is to hold spike trains (n, T, features...) of 0 and 1.
        layout: what the arrays of an npz or HDF5 file are, where they aren't those four.
        timesteps: the number T of frames that events are binned to.

    Raises:
        ConfigError: the layout doesn't fit the source, or how samples are shown.
        DataError: the source is unknown, missing or damaged, or what it holds isn't a data set.
    """
    if not str(source):
        raise DataError(
            f"the data set has an empty name; give a built-in one ({', '.join(available())}) or the"
            f" path of {_KINDS}"
        )
    if layout is not None:
        return _declared(source, layout, n_classes, timesteps, temporal)
    if isinstance(source, str) and source in _BUILT_IN:
        name, arrays = source, _BUILT_IN[source]()
    else:
        name, arrays = str(source), _read(source)
    return from_arrays(*arrays, name=name, n_classes=n_classes, temporal=temporal)


def _declared(
    source: str | Path,
    layout: Layout,
    n_classes: int | None,
    timesteps: int | None,
    spikes: bool,
) -> Dataset:
    name = str(source)
    if (isinstance(source, str) and source in _BUILT_IN) or _is_idx(Path(source)):
        raise ConfigError(
            f"the arrays of {name} are known but its layout is declared too; leave out arrays,"
            " test_where, series and value_range, or give an npz or HDF5 file"
        )
    if layout.has_events and timesteps is None:
        raise ConfigError(f"events of {name} are binned to frames; give their number, timesteps")
    train, test = read_declared(source, layout, Sampling(timesteps or 1, spikes), _read_arrays)
    return from_splits(name, train, test, n_classes)


def _read(source: str | Path) -> Arrays:
    path = Path(source)
    if not _exists(path):
        raise DataError(_absent(source, path))
    if _is_idx(path):
        return readers.read_idx(path)
    return Arrays(**_read_arrays(path, Arrays._fields, f"store {', '.join(Arrays._fields)}"))


def _read_arrays(path: Path, keys: Sequence[str], remedy: str) -> dict[str, NDArray[Any]]:
    """Read arrays of an npz or HDF5 file."""
    if not _exists(path):
        raise DataError(_absent(path, path))
    if path.suffix == ".npz":
        return readers.read_npz(path, keys, remedy)
    if path.suffix in (".h5", ".hdf5"):
        return readers.read_hdf5(path, keys, remedy)
    raise DataError(f"{path} is of an unknown kind; give {_KINDS}")


def _is_idx(path: Path) -> bool:
    return readers.is_idx_name(path.name) or (_exists(path) and path.is_dir())


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
