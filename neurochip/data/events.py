"""Events, and the frames that they're binned to.

An event is a time and a place: row, column and polarity of an event camera's pixel, or the number
of a unit that spiked. Samples are binned in blocks, so that what is held beside the frames
themselves grows with the events of a block, not with the file or with the frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurochip.data.layout import By
from neurochip.errors import ConfigError, DataError

__all__ = ["MAX_FRAME_BYTES", "MAX_TIME", "MAX_TIMESTEPS", "Axis", "Binning", "Events"]
__all__ += ["count_frames", "spike_frames"]

#: A block has about as many events, and at least one sample.
BLOCK_EVENTS = 1 << 20
#: So that a whole time times the number of frames is below 2^63.
MAX_TIME, MAX_TIMESTEPS = (1 << 47) - 1, 1 << 16
#: More frames than these aren't made.
MAX_FRAME_BYTES = 1 << 33
_GIB = 1 << 30
_Where: TypeAlias = Callable[[int], str]
_SIZES = {"x": "columns", "y": "rows", "p": "polarities", "unit": "units"}


class Axis(NamedTuple):
    """One coordinate of the events: its role, (m,) whole numbers, and how many values it has."""

    role: str
    values: NDArray[Any]
    size: int


@dataclass(frozen=True)
class Binning:
    """How the events of a sample are divided among frames.

    Attributes:
        timesteps: the number T of frames, 1 to `MAX_TIMESTEPS`.
        by: "time": frame floor(t * T / duration); "count": event k of m is in floor(k * T / m).
        duration: the time that the frames share, above 0, in the unit of t; events at or after it
            are left out.  None: the time of a sample's last event, which is in the last frame.

    Raises:
        ConfigError: the number of frames or the duration is out of range.
    """

    timesteps: int
    by: By = "time"
    duration: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 1 <= self.timesteps <= MAX_TIMESTEPS:
            raise ConfigError(
                f"timesteps is {self.timesteps} but events are binned to 1 to {MAX_TIMESTEPS}"
                " frames; choose a number in that range"
            )
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ConfigError(
                f"duration is {self.duration} but must be a finite number above 0; give it in the"
                " unit of the events' times"
            )


@dataclass(frozen=True, eq=False)
class Events:
    """The events of n samples, one sample after the other, in the dtypes of their file.

    A sample may have no events: it is silent.

    Attributes:
        t: (m,) times, real numbers from 0 up, which don't decrease within a sample.
        axes: the coordinates, (m,) each, in the order of a frame's axes.
        offsets: (n + 1,) whole numbers: events of sample i are offsets[i] to offsets[i + 1].
        relative: whether t holds times since the event before in the sample (its start, for the
            first), not since the sample's start.
        name: what errors call them.

    Raises:
        DataError: dtypes or lengths don't fit.  Values are checked where they're binned.
    """

    t: NDArray[Any]
    axes: tuple[Axis, ...]
    offsets: NDArray[Any]
    relative: bool = False
    name: str = "events"

    def __post_init__(self) -> None:
        """Check dtypes and lengths."""
        _check_column(self.name, self.time_role, self.t, "iuf", "real numbers")
        for axis in self.axes:
            _check_column(self.name, axis.role, axis.values, "biu", "whole numbers")
            if len(axis.values) != len(self.t):
                raise DataError(
                    f"{self.name}: {self.time_role} has {len(self.t)} events but {axis.role} has"
                    f" {len(axis.values)}; give one value of each an event"
                )
        _check_column(self.name, "offsets", self.offsets, "iu", "whole numbers")
        object.__setattr__(self, "offsets", self.offsets.astype(np.int64))
        self._check_offsets()

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.offsets) - 1

    @property
    def time_role(self) -> str:
        """What the times are called."""
        return "dt" if self.relative else "t"

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of a frame."""
        return tuple(axis.size for axis in self.axes)

    def _check_offsets(self) -> None:
        falls = np.flatnonzero(np.diff(self.offsets) < 0)
        if falls.size:
            i = int(falls[0])
            raise DataError(
                f"{self.name}: offsets falls from {self.offsets[i]} to {self.offsets[i + 1]} at"
                f" index {i + 1} but must not decrease; give the place of each sample's first event"
            )
        if self.offsets.size < 2 or self.offsets[0] != 0 or self.offsets[-1] != len(self.t):
            ends = [str(end) for end in self.offsets[[0, -1][: len(self.offsets)]]]
            found = f"goes from {' to '.join(ends)}" if ends else "is empty"
            raise DataError(
                f"{self.name}: offsets {found} but there are {len(self.t)} events; give samples + 1"
                f" numbers, from 0 to {len(self.t)}"
            )


def spike_frames(
    events: Events, binning: Binning, which: NDArray[np.int64] | None = None
) -> NDArray[np.uint8]:
    """Return where events are: 1 in each cell of a frame that has one or more.

    Args:
        events: of n samples.
        binning: to T frames.
        which: (k,) the samples that are binned; None: all.

    Returns:
        (k, T, *frame_shape) uint8 of 0 and 1.

    Raises:
        DataError: an event's time or place is out of range, or the frames are too large.
    """
    frames = _room(events, binning, which, np.uint8)
    cells = frames.reshape(-1)
    for indices in _cells(events, binning, which):
        cells[indices] = 1
    return frames


def count_frames(
    events: Events, binning: Binning, which: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Return how many events each cell of a frame has.

    Args:
        events: of n samples.
        binning: to T frames.
        which: (k,) the samples that are binned; None: all.

    Returns:
        (k, T, *frame_shape) float32, whole numbers from 0 up (exact to 2^24).

    Raises:
        DataError: an event's time or place is out of range, or the frames are too large.
    """
    frames = _room(events, binning, which, np.float32)
    cells = frames.reshape(-1)
    for indices in _cells(events, binning, which):
        # A block has whole samples, so that no cell gets events of two blocks.
        hit, counts = np.unique(indices, return_counts=True)
        cells[hit] = counts
    return frames


def _room(events: Events, binning: Binning, which: NDArray[Any] | None, dtype: Any) -> NDArray[Any]:
    n = len(events) if which is None else len(which)
    shape = (n, binning.timesteps, *events.frame_shape)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > MAX_FRAME_BYTES:
        raise DataError(
            f"{events.name}: frames of shape {shape} need {size / _GIB:.1f} GiB but may have"
            f" {MAX_FRAME_BYTES / _GIB:.0f} GiB; lower timesteps, or give fewer samples or a"
            " smaller sensor"
        )
    return np.zeros(shape, dtype)


class _Block(NamedTuple):
    """Events of some whole samples: sample and position in it, time and cell of a frame; (b,)."""

    sample: NDArray[np.int64]
    position: NDArray[np.int64]
    t: NDArray[Any]
    cell: NDArray[np.int64]


def _cells(
    events: Events, binning: Binning, which: NDArray[np.int64] | None
) -> Iterator[NDArray[np.int64]]:
    """Yield, block by block, the index of each event's cell in all frames, flattened."""
    which = np.arange(len(events)) if which is None else which
    frame_size = math.prod(events.frame_shape)
    for part in _parts(events.offsets[which + 1] - events.offsets[which]):
        block = _before(_block(events, which[part]), binning.duration)
        frame = _by_count(block, binning) if binning.by == "count" else _by_time(block, binning)
        row = (part.start + block.sample) * binning.timesteps + frame
        yield row * frame_size + block.cell


def _parts(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Divide samples of given numbers of events into parts of about `BLOCK_EVENTS`."""
    ends = np.cumsum(lengths)
    first, done = 0, 0
    while first < len(lengths):
        last = int(np.searchsorted(ends, done + BLOCK_EVENTS, side="right"))
        last = max(last, first + 1)
        yield slice(first, last)
        first, done = last, int(ends[last - 1])


def _block(events: Events, which: NDArray[np.int64]) -> _Block:
    """Gather the events of some samples and check their values."""
    begin = events.offsets[which]
    lengths = events.offsets[which + 1] - begin
    sample = np.repeat(np.arange(len(which)), lengths)
    position = np.arange(len(sample)) - (np.cumsum(lengths) - lengths)[sample]
    at = begin[sample] + position

    def where(index: int) -> str:
        return f"at event {position[index]} of sample {which[sample[index]]}"

    t = _checked_times(events, events.t[at], where)
    if events.relative:
        # Sample by sample, so that no sum depends on which others are in the block.
        for end, length in zip(np.cumsum(lengths), lengths, strict=True):
            own = t[end - length : end]
            np.cumsum(own, out=own)
    _check_late(events, t, where)
    if not events.relative:
        _check_order(events, t, position, where)
    return _Block(sample, position, t, _checked_cells(events, at, where))


def _checked_cells(events: Events, at: NDArray[np.int64], where: _Where) -> NDArray[np.int64]:
    """Return the index of each event's cell in a frame, flattened."""
    cell = np.zeros(len(at), np.int64)
    for axis in events.axes:
        values = axis.values[at]
        bad = (values < 0) | (values >= axis.size)
        if bad.any():
            index = int(bad.argmax())
            raise DataError(
                f"{events.name}: {axis.role} is {values[index]} {where(index)} but the sensor has"
                f" {axis.size} {_SIZES[axis.role]}, from 0 to {axis.size - 1}; mend the sensor or"
                " remove the event"
            )
        cell = cell * axis.size + values.astype(np.int64)
    return cell


def _checked_times(events: Events, t: NDArray[Any], where: _Where) -> NDArray[Any]:
    """Return times as int64 or float64."""
    role = events.time_role
    bad = ~np.isfinite(t)
    if bad.any():
        index = int(bad.argmax())
        raise DataError(
            f"{events.name}: {role} is {t[index]} {where(index)} but times must be finite; remove"
            " the event"
        )
    bad = t < 0
    if bad.any():
        index = int(bad.argmax())
        since = "the event before" if events.relative else "the start of their sample"
        raise DataError(
            f"{events.name}: {role} is {t[index]} {where(index)} but times are 0 or more; count"
            f" them from {since}"
        )
    if t.dtype.kind == "f":
        return t.astype(np.float64)
    wide = t.astype(np.int64)
    wide[t > MAX_TIME] = MAX_TIME + 1  # to be refused; 64 unsigned bits may be beyond int64
    return wide


def _check_late(events: Events, t: NDArray[Any], where: _Where) -> None:
    bad = t > MAX_TIME
    if bad.any():
        index = int(bad.argmax())
        raise DataError(
            f"{events.name}: the time {where(index)} is above {MAX_TIME}; count times from the"
            " start of their sample or in a larger unit"
        )


def _check_order(events: Events, t: NDArray[Any], position: NDArray[Any], where: _Where) -> None:
    falls = (t[1:] < t[:-1]) & (position[1:] > 0)
    if falls.any():
        index = int(falls.argmax()) + 1
        raise DataError(
            f"{events.name}: t falls from {t[index - 1]} to {t[index]} {where(index)} but times"
            " must not decrease; sort the events of each sample by time"
        )


def _before(block: _Block, duration: float | None) -> _Block:
    """Leave out the events at or after a time. As times don't fall, positions stay as they are."""
    if duration is None:
        return block
    early = block.t < float(duration)
    return _Block(*(column[early] for column in block))


def _by_time(block: _Block, binning: Binning) -> NDArray[np.int64]:
    """Return each event's frame where frames last equally long."""
    steps = binning.timesteps
    span: Any = binning.duration
    if span is None:
        span = _of_last(block, block.t)
        span = np.where(span > 0, span, 1)  # at 0 there's but one moment, in the first frame
    else:
        # Whole numbers are divided exactly.
        is_whole = block.t.dtype.kind == "i" and float(span).is_integer() and span <= 2 * MAX_TIME
        span = int(span) if is_whole else float(span)
    frames: NDArray[np.int64] = (block.t * steps // span).astype(np.int64)
    return np.minimum(frames, steps - 1, out=frames)


def _by_count(block: _Block, binning: Binning) -> NDArray[np.int64]:
    """Return each event's frame where frames have equally many events of a sample."""
    lengths = _of_last(block, block.position) + 1
    return block.position * binning.timesteps // lengths


def _of_last(block: _Block, column: NDArray[Any]) -> NDArray[Any]:
    """Return for each event what a column holds for its sample's last event."""
    last = np.cumsum(np.bincount(block.sample)) - 1
    return np.take(column, last[block.sample])


def _check_column(name: str, role: str, array: NDArray[Any], kinds: str, wanted: str) -> None:
    if array.ndim != 1 or array.dtype.kind not in kinds:
        raise DataError(
            f"{name}: {role} has shape {array.shape} and dtype {array.dtype} but must be a list of"
            f" {wanted}; store one a place"
        )
