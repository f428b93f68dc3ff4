"""Samples and labels, validated where they're made."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import DataError

__all__ = ["Dataset", "Split", "check_unit_range", "from_arrays", "from_splits"]

# The dtypes whose whole range an image sensor uses; of any other the range can't be known.
_IMAGE_DTYPES = (np.bool_, np.uint8, np.uint16)
_NUMBER_KINDS = "biuf"
_MOST_CLASSES = 1 << 16
_STILL_REMEDY = "choose the encoding graded, rate or bernoulli, or give spike trains"


@dataclass(frozen=True, eq=False)
class Split:
    """Samples with their labels.

    Attributes:
        x: (n, features...) float32 in [0, 1]; where `temporal`, spike trains (n, T, features...)
            uint8 of 0 and 1, or where `graded` too, frames of numbers (n, T, features...) float32
            in [0, 1].  Numbers may be given as floats in [0, 1], or as bool, uint8 or uint16, which
            are divided by their largest value.
        y: (n,) int64, classes from 0 up; it may be given as any whole numbers.
        temporal: whether the second axis of x is time.
        name: what errors call it.
        graded: whether a temporal x holds numbers, not spikes.

    Raises:
        DataError: the arrays are empty, of unfitting shapes or dtypes, or out of range.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    temporal: bool = False
    name: str = "data"
    graded: bool = False

    def __post_init__(self) -> None:
        """Check the arrays and bring them to their dtypes."""
        x, y = np.asarray(self.x), np.asarray(self.y)
        _check_shapes(x, y, self.temporal, self.name)
        is_spikes = self.temporal and not self.graded
        scaled = _spikes(x, self.name) if is_spikes else _scaled(x, self.name)
        object.__setattr__(self, "x", np.ascontiguousarray(scaled))
        object.__setattr__(self, "y", _labels(y, self.name))

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.y)

    def __getitem__(self, which: slice | NDArray[Any]) -> Split:
        """Return the samples that a slice, or an array of indices or booleans, selects."""
        if not isinstance(which, (slice, np.ndarray)):
            raise TypeError(f"a Split takes a slice or an array, not a {type(which).__name__}")
        try:
            return replace(self, x=self.x[which], y=self.y[which])
        except IndexError as error:
            raise DataError(
                f"{self.name}: the selection fails because {error};"
                f" select among its {len(self)} samples"
            ) from None

    def take(self, n: int) -> Split:
        """Return the first n samples."""
        n = operator.index(n)
        if not 1 <= n <= len(self):
            raise DataError(
                f"{self.name}: {n} samples were asked for; take from 1 to its {len(self)} samples"
            )
        return self[:n]

    def flat(self) -> NDArray[Any]:
        """Return x as (n, n_features), or (n, T, n_features) where `temporal`; a view."""
        lead = self.x.shape[: 2 if self.temporal else 1]
        return self.x.reshape(*lead, -1)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample, without the time steps."""
        return self.x.shape[2 if self.temporal else 1 :]

    @property
    def n_features(self) -> int:
        """How many numbers, or spike trains, a sample has."""
        return int(np.prod(self.sample_shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training split and a test split of the same kind; labels are below `n_classes`."""

    name: str
    train: Split
    test: Split
    n_classes: int

    def __post_init__(self) -> None:
        """Check that the two splits fit each other and the number of classes."""
        train, test = self.train, self.test
        if train.temporal != test.temporal:
            raise DataError(
                f"{self.name}: only one of train and test holds spike trains; make them equal"
            )
        if train.temporal and train.graded != test.graded:
            raise DataError(
                f"{self.name}: only one of train and test holds graded frames; make them equal"
            )
        if train.sample_shape != test.sample_shape:
            raise DataError(
                f"{self.name}: a training sample has shape {train.sample_shape} but a test sample"
                f" has shape {test.sample_shape}; make them equal"
            )
        if not 2 <= self.n_classes <= _MOST_CLASSES:
            raise DataError(
                f"{self.name}: n_classes is {self.n_classes} but must be 2 to {_MOST_CLASSES};"
                " choose a number in that range"
            )
        for split in (train, test):
            _check_below(split, self.n_classes)


def from_arrays(
    x_train: NDArray[Any],
    y_train: NDArray[Any],
    x_test: NDArray[Any],
    y_test: NDArray[Any],
    *,
    name: str = "arrays",
    n_classes: int | None = None,
    temporal: bool = False,
) -> Dataset:
    """Return a data set of four arrays, as `Split` takes them.

    Args:
        x_train: (n, features...), or (n, T, features...) where `temporal`.
        y_train: (n,) classes from 0 up.
        x_test: as x_train, for m samples.
        y_test: as y_train, for m samples.
        name: what errors call the data set.
        n_classes: the number of classes; by default one more than the largest label of both.
        temporal: whether x holds spike trains.

    Raises:
        DataError: the arrays aren't a data set.
    """
    train = Split(x_train, y_train, temporal, f"{name}, train")
    test = Split(x_test, y_test, temporal, f"{name}, test")
    return from_splits(name, train, test, n_classes)


def from_splits(name: str, train: Split, test: Split, n_classes: int | None = None) -> Dataset:
    """Return a data set of two splits.

    Args:
        name: what errors call it.
        train: what is learned.
        test: what is tested.
        n_classes: the number of classes; by default one more than the largest label of both.

    Raises:
        DataError: the splits don't fit each other, or all labels are the same and n_classes is not
            given.
    """
    if n_classes is None:
        highest = int(max(train.y.max(), test.y.max()))
        if highest == int(min(train.y.min(), test.y.min())):
            raise DataError(
                f"{name}: all labels are {highest} but learning to tell classes apart needs 2 or"
                " more; add samples of another class"
            )
        n_classes = 1 + highest
    return Dataset(name, train, test, n_classes)


def check_unit_range(x: NDArray[Any], name: str) -> None:
    """Raise a DataError unless all of a float array is finite and inside [0, 1]."""
    low, high = float(x.min()), float(x.max())
    if low >= 0.0 and high <= 1.0:
        return
    bad = ~np.isfinite(x)
    if bad.any():
        count = int(bad.sum())
        values = "1 value that is" if count == 1 else f"{count} values that are"
        raise DataError(
            f"{name}: x has {values} not finite, the first at index {_first(bad)};"
            " remove or replace what isn't finite"
        )
    raise DataError(
        f"{name}: x has values from {low:.6g} to {high:.6g} but they must lie in [0, 1]; scale them"
    )


def _first(where: NDArray[Any]) -> tuple[int, ...] | int:
    index = tuple(int(i) for i in np.unravel_index(int(where.argmax()), where.shape))
    return index if len(index) > 1 else index[0]


def _check_shapes(x: NDArray[Any], y: NDArray[Any], temporal: bool, name: str) -> None:
    for key, array in (("x", x), ("y", y)):
        if array.dtype.kind not in _NUMBER_KINDS:
            raise DataError(f"{name}: {key} has dtype {array.dtype} but must hold real numbers")
    wanted = "(samples, steps, features...)" if temporal else "(samples, features...)"
    if temporal and x.ndim == 2:
        raise DataError(
            f"{name}: x has shape {x.shape}, without time steps, but spike trains have"
            f" {wanted}; {_STILL_REMEDY}"
        )
    if x.ndim < (3 if temporal else 2):
        raise DataError(f"{name}: x has shape {x.shape} but must have {wanted}; reshape it")
    if y.ndim != 1:
        raise DataError(
            f"{name}: y has shape {y.shape} but must have (samples,);"
            " give one class number a sample"
        )
    if len(x) != len(y):
        raise DataError(
            f"{name}: x has {len(x)} samples but y has {len(y)} labels; give one label a sample"
        )
    if x.size == 0:
        raise DataError(
            f"{name}: x has shape {x.shape} and is empty; give at least one sample and one feature"
        )


def _scaled(x: NDArray[Any], name: str) -> NDArray[np.float32]:
    if x.dtype.kind == "f":
        check_unit_range(x, name)
        return x.astype(np.float32, copy=False)
    if x.dtype == np.bool_:
        return x.astype(np.float32)
    if x.dtype not in _IMAGE_DTYPES:
        raise DataError(
            f"{name}: x has dtype {x.dtype}, whose range of values is unknown;"
            " give uint8 or uint16, or floats in [0, 1]"
        )
    return np.divide(x, np.iinfo(x.dtype).max, dtype=np.float32)


def _spikes(x: NDArray[Any], name: str) -> NDArray[np.uint8]:
    is_whole = x.dtype.kind in "bu"
    if not (is_whole and x.max() <= 1):  # so that long trains need no masks of their size
        bad = (x != 0) & (x != 1)
        if bad.any():
            at = _first(bad)
            raise DataError(
                f"{name}: x has the value {x[at].item()} at index {at} but spike trains hold"
                f" 0 and 1 only; {_STILL_REMEDY}"
            )
    return x.astype(np.uint8, copy=False)


def _labels(y: NDArray[Any], name: str) -> NDArray[np.int64]:
    bad = ~((y >= 0) & (y < _MOST_CLASSES))
    if y.dtype.kind == "f":
        bad |= y != np.floor(y)
    if bad.any():
        at = _first(bad)
        raise DataError(
            f"{name}: y has the label {y[at].item()} at index {at} but labels must be whole numbers"
            f" from 0 to {_MOST_CLASSES - 1}; number the classes from 0 up"
        )
    return np.ascontiguousarray(y.astype(np.int64, copy=False))


def _check_below(split: Split, n_classes: int) -> None:
    bad = split.y >= n_classes
    if bad.any():
        at = _first(bad)
        raise DataError(
            f"{split.name}: y has the label {split.y[at]} at index {at} but n_classes is"
            f" {n_classes}, so labels must be 0 to {n_classes - 1}; raise n_classes or mend them"
        )
