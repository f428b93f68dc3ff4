"""Files whose arrays are declared: their numbers or events become splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.data.events import Axis, Binning, Events, count_frames, spike_frames
from neurochip.data.layout import SPLIT, Layout
from neurochip.data.split import Split
from neurochip.errors import ConfigError, DataError

__all__ = ["Read", "Sampling", "read_declared"]

#: Reads arrays of a file by name; the text says what to do where one is lacking.
Read = Callable[[Path, Sequence[str], str], dict[str, NDArray[Any]]]

_REMEDY = "name arrays that it holds with arrays"


@dataclass(frozen=True)
class Sampling:
    """How samples are shown: in how many steps T, and as spikes or as numbers in [0, 1]."""

    timesteps: int
    spikes: bool


@dataclass(frozen=True, eq=False)
class _Part:
    """One set of a file: its arrays by role, and which samples of them belong to it."""

    name: str
    arrays: dict[str, NDArray[Any]]
    which: NDArray[np.int64] | None = None

    def chosen(self, role: str) -> NDArray[Any]:
        """Return the array of a role that has one entry a sample, of this set's samples."""
        array = self.arrays[role]
        return array if self.which is None else array[self.which]


def read_declared(
    source: str | Path, layout: Layout, sampling: Sampling, read: Read
) -> tuple[Split, Split]:
    """Return the training and the test split of a file with declared arrays.

    Args:
        source: its path, or with "{split}" in it the paths of two files.
        layout: what its arrays are.
        sampling: how its samples are shown.
        read: reads arrays of a file.

    Raises:
        ConfigError: the declaration doesn't tell training from test samples, or contradicts how
            samples are shown.
        DataError: the arrays are missing, damaged or not what they're declared to be.
    """
    parts = _parts(source, layout, read)
    if not layout.has_events:
        train, test = (_numbers(part, layout, sampling.spikes) for part in parts)
        return train, test
    if sampling.spikes:
        if layout.full_count is not None:
            raise ConfigError(
                f"full_count is {layout.full_count} but spikes are 0 or 1 whatever the count;"
                " leave it out, or choose the encoding graded, rate or bernoulli"
            )
        train, test = (_spikes(part, layout, sampling.timesteps) for part in parts)
        return train, test
    return _graded(parts, layout, sampling.timesteps)


# --- which samples are for what


def _parts(source: str | Path, layout: Layout, read: Read) -> tuple[_Part, _Part]:
    has_sets = any(SPLIT in text for text in (str(source), *layout.arrays.values()))
    has_pool = layout.test_where is not None
    if has_sets == has_pool:
        what = f"both {SPLIT} in a name and" if has_sets else f"neither {SPLIT} in a name nor"
        raise ConfigError(
            f"test samples of {source} are told by {what} test_where; give one of the two"
        )
    if layout.test_where is not None:
        return _from_pool(Path(source), layout, *layout.test_where, read)
    train, test = (_from_sets(source, layout, split, read) for split in ("train", "test"))
    return train, test


def _from_sets(source: str | Path, layout: Layout, split: str, read: Read) -> _Part:
    path = Path(str(source).replace(SPLIT, split))
    keys = {role: key.replace(SPLIT, split) for role, key in layout.arrays.items()}
    arrays = read(path, list(keys.values()), _REMEDY)
    return _Part(f"{source}, {split}", {role: arrays[key] for role, key in keys.items()})


def _from_pool(
    path: Path, layout: Layout, key: str, values: tuple[int, ...], read: Read
) -> tuple[_Part, _Part]:
    arrays = read(path, [*layout.arrays.values(), key], _REMEDY)
    pool = {role: arrays[name] for role, name in layout.arrays.items()}
    chooser, label = arrays[key], pool["label"]
    if chooser.ndim != 1 or chooser.shape != label.shape:
        raise DataError(
            f"{path}: {key} has shape {chooser.shape} and label has shape {label.shape} but both"
            " must have (samples,); give one entry a sample"
        )
    for role in ("samples", "differences"):
        if role in pool and pool[role].shape[:1] != label.shape:
            raise DataError(
                f"{path}: {role} has shape {pool[role].shape} but label has shape {label.shape};"
                " give one label a sample"
            )
    is_test = np.isin(chooser, values)
    if is_test.all() or not is_test.any():
        raise DataError(
            f"{path}: {key} is {', '.join(map(str, values))} for {int(is_test.sum())} of"
            f" {is_test.size} samples; choose values in test_where so that both training and test"
            " samples are left"
        )
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    return _Part(f"{path}, train", pool, train), _Part(f"{path}, test", pool, test)


# --- numbers


def _numbers(part: _Part, layout: Layout, spikes: bool) -> Split:
    if "differences" in layout.arrays:
        x = _summed(part.chosen("differences"), part.name)
    else:
        x = part.chosen("samples")
    if layout.series and x.ndim == 2:
        x = x[:, :, np.newaxis]
    if layout.value_range is not None:
        x = _in_range(x, layout.value_range, part.name)
    series = layout.series or spikes
    return Split(x, part.chosen("label"), series, part.name, graded=series and not spikes)


def _summed(x: NDArray[Any], name: str) -> NDArray[Any]:
    _check_numbers(x, "differences", name)
    return np.cumsum(x, axis=-1, dtype=np.float64 if x.dtype.kind == "f" else np.int64)


def _in_range(x: NDArray[Any], ends: tuple[float, ...], name: str) -> NDArray[np.float32]:
    low, high = map(float, ends)
    _check_numbers(x, "samples", name)
    # Only of narrow numbers does float32 hold every value and every difference.
    exact = np.float32 if x.dtype.itemsize <= 2 else np.float64
    scaled = np.subtract(x, low, dtype=exact)
    scaled /= high - low
    # What isn't finite stays so, and is refused with the rest of the split.
    np.clip(scaled, 0.0, 1.0, out=scaled, where=np.isfinite(x))
    return scaled.astype(np.float32, copy=False)


def _check_numbers(x: NDArray[Any], role: str, name: str) -> None:
    if x.dtype.kind not in "biuf" or x.ndim < 1:
        raise DataError(
            f"{name}: {role} has shape {x.shape} and dtype {x.dtype} but must hold real numbers,"
            " (samples, features...)"
        )


# --- events


def _spikes(part: _Part, layout: Layout, timesteps: int) -> Split:
    binning = Binning(timesteps, layout.by, layout.duration)
    events = _events(part, layout)
    x = spike_frames(events, binning, part.which)
    return Split(_not_all_silent(x, part.name), part.chosen("label"), True, part.name)


def _graded(parts: tuple[_Part, _Part], layout: Layout, timesteps: int) -> tuple[Split, Split]:
    """Return counts of events over the full count, the same for both sets."""
    binning = Binning(timesteps, layout.by, layout.duration)
    counts = [
        _not_all_silent(count_frames(_events(part, layout), binning, part.which), part.name)
        for part in parts
    ]
    full = np.float32(layout.full_count or counts[0].max())
    for x in counts:
        x /= full
        np.minimum(x, 1.0, out=x)
    train, test = (
        Split(x, part.chosen("label"), True, part.name, graded=True)
        for x, part in zip(counts, parts, strict=True)
    )
    return train, test


def _not_all_silent(x: NDArray[Any], name: str) -> NDArray[Any]:
    if not x.any():
        raise DataError(
            f"{name}: no sample has an event in a frame; give events, or a longer duration"
        )
    return x


def _events(part: _Part, layout: Layout) -> Events:
    arrays = dict(part.arrays)
    if "offsets" not in arrays:
        arrays = _joined(arrays, part.name)
    if "p" in arrays:
        arrays["p"] = _polarities(arrays["p"])
    relative = "dt" in arrays
    axes = tuple(Axis(role, arrays[role], size) for role, size in layout.axes)
    times = arrays["dt" if relative else "t"]
    events = Events(times, axes, arrays["offsets"], relative, part.name)
    if arrays["label"].shape != (len(events),):
        raise DataError(
            f"{part.name}: there are events of {len(events)} samples but label has shape"
            f" {arrays['label'].shape}; give one label a sample"
        )
    return events


def _joined(arrays: dict[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Join arrays of one array a sample, and add the offsets."""
    joined = {"label": arrays.pop("label")}
    lengths: dict[str, list[int]] = {}
    for role, array in arrays.items():
        if not _has_one_array_a_sample(array):
            raise DataError(
                f"{name}: {role} has shape {array.shape} and dtype {array.dtype}, so it isn't told"
                " which events are of which sample; declare offsets"
            )
        lengths[role] = [len(events) for events in array]
        joined[role] = np.concatenate(list(array))
    (first, wanted), *others = lengths.items()
    for role, found in others:
        if found != wanted:
            raise DataError(
                f"{name}: {first} and {role} have different numbers of events in some samples; give"
                " one value of each an event"
            )
    joined["offsets"] = np.cumsum([0, *wanted])
    return joined


def _has_one_array_a_sample(array: NDArray[Any]) -> bool:
    is_list = array.dtype == np.object_ and array.ndim == 1 and array.size > 0
    return is_list and all(isinstance(events, np.ndarray) for events in array)


def _polarities(p: NDArray[Any]) -> NDArray[Any]:
    """Return -1 and 1, a convention of some cameras, as 0 and 1."""
    is_signed = p.dtype.kind == "i" and p.size > 0 and p.min() == -1 and p.max() <= 1
    return p > 0 if is_signed else p
