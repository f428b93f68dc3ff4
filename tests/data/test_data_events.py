"""Events: binned as their naive twin bins them, none lost; what they say when they're no events."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.data import Axis, Binning, Events, count_frames, spike_frames
from neurochip.data import events as room
from neurochip.errors import ConfigError, DataError, NeurochipError

from ..naive.events import Event, bin_events

SIZES = (2, 3, 4)
ROLES = ("p", "y", "x")


def fails(kind: type[NeurochipError], sentence: str) -> pytest.RaisesExc[NeurochipError]:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def events_of(
    samples: list[list[Event]], time: Any = np.int64, place: Any = np.uint8, relative: bool = False
) -> Events:
    """Events as arrays."""
    flat = [event for events in samples for event in events]
    t: Any = [t for t, _ in flat]
    if relative:
        t = [
            t - (events[k - 1][0] if k else 0)
            for events in samples
            for k, (t, _) in enumerate(events)
        ]
    places = np.array([place for _, place in flat], place).reshape(-1, len(SIZES))
    axes = tuple(Axis(role, places[:, i], SIZES[i]) for i, role in enumerate(ROLES))
    offsets = np.cumsum([0, *map(len, samples)])
    return Events(np.array(t, time), axes, offsets, relative, "f.npz, train")


PLACES = st.tuples(*(st.integers(0, size - 1) for size in SIZES))
WHOLE_TIMES = st.integers(0, 40) | st.integers(0, room.MAX_TIME)
# With few bits, so that quotients that should be whole are.
REAL_TIMES = st.integers(0, 1 << 20).map(lambda n: n / 1024)


def samples_at(times: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Event]]]:
    def in_order(events: list[Event]) -> list[Event]:
        return sorted(events, key=lambda event: event[0])

    sample = st.lists(st.tuples(times, PLACES), max_size=12).map(in_order)
    return st.lists(sample, min_size=1, max_size=5)


BINNINGS: dict[str, Any] = {
    "timesteps": st.integers(1, 9) | st.integers(1, 300),
    "by": st.sampled_from(["time", "count"]),
}


def check(samples: list[list[Event]], events: Events, binning: Binning) -> None:
    """Hold frames against the naive twin; no event is lost, none is made."""
    counts, spikes = count_frames(events, binning), spike_frames(events, binning)
    assert counts.shape == spikes.shape == (len(samples), binning.timesteps, *SIZES)
    assert counts.dtype == np.float32
    assert spikes.dtype == np.uint8
    expected = bin_events(samples, binning.timesteps, binning.by, binning.duration)
    found = {
        (cell[0], cell[1], tuple(cell[2:])): int(counts[tuple(cell)])
        for cell in np.argwhere(counts).tolist()
    }
    assert found == expected
    assert counts.sum() == sum(
        binning.duration is None or t < binning.duration for events in samples for t, _ in events
    )
    np.testing.assert_array_equal(spikes, counts > 0)


@given(
    samples_at(WHOLE_TIMES),
    st.builds(
        Binning, **BINNINGS, duration=st.none() | st.integers(1, 50) | st.integers(1, 1 << 48)
    ),
    st.booleans(),
)
def test_whole_times(samples: list[list[Event]], binning: Binning, relative: bool) -> None:
    check(samples, events_of(samples, relative=relative), binning)


@given(
    samples_at(REAL_TIMES),
    st.builds(
        Binning,
        timesteps=st.integers(0, 6).map(lambda n: 1 << n),
        by=BINNINGS["by"],
        duration=st.none() | st.sampled_from([0.25, 1.5, 700.0]),
    ),
    st.booleans(),
)
def test_real_times(samples: list[list[Event]], binning: Binning, relative: bool) -> None:
    check(samples, events_of(samples, np.float64, relative=relative), binning)


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=9).map(sorted), st.integers(1, 40))
def test_any_real_times_are_counted_in_order(times: list[float], timesteps: int) -> None:
    """Where quotients are rounded, a time at a border may be in either frame, but none is lost."""
    events = Events(np.array(times), (), np.array([0, len(times)]))
    counts = count_frames(events, Binning(timesteps))
    assert counts.sum() == len(times)
    for duration in (times[-1] / 2, times[-1]):
        if duration > 0:
            counts = count_frames(events, Binning(timesteps, "time", duration))
            assert counts.sum() == sum(t < duration for t in times)


@given(samples_at(WHOLE_TIMES), st.integers(1, 8), st.data())
def test_blocks_and_choices_change_nothing(
    samples: list[list[Event]], size: int, draw: st.DataObject
) -> None:
    binning, events = Binning(7), events_of(samples)
    whole = count_frames(events, binning)
    which = np.array(draw.draw(st.lists(st.integers(0, len(samples) - 1), min_size=1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "BLOCK_EVENTS", size)
        np.testing.assert_array_equal(count_frames(events, binning), whole)
        np.testing.assert_array_equal(count_frames(events, binning, which), whole[which])
        np.testing.assert_array_equal(spike_frames(events, binning, which), whole[which] > 0)


@given(st.lists(st.floats(0, 1e9), min_size=4, max_size=9), st.integers(1, 9))
def test_sums_of_times_do_not_depend_on_the_block(dt: list[float], steps: int) -> None:
    events = Events(np.array(dt), (), np.array([0, 2, 3, len(dt)]), relative=True)
    whole = count_frames(events, Binning(steps))
    for sample in range(3):
        np.testing.assert_array_equal(
            count_frames(events, Binning(steps), np.array([sample])), whole[[sample]]
        )


@given(samples_at(st.integers(0, 200)))
def test_any_dtype_that_holds_the_numbers(samples: list[list[Event]]) -> None:
    expected = count_frames(events_of(samples), Binning(5))
    for time in (np.uint8, np.int16, np.uint64, np.float16, np.float32):
        for place in (np.int8, np.uint64):
            found = count_frames(events_of(samples, time, place), Binning(5))
            np.testing.assert_array_equal(found, expected)


def one(t: Any, duration: Any = None, by: Any = "time") -> list[int]:
    """Counts of four frames of one sample whose events are at one place."""
    events = Events(np.array(t), (), np.array([0, len(t)]))
    return [int(n) for n in count_frames(events, Binning(4, by, duration))[0]]


def test_frames_of_equal_time() -> None:
    assert one([0, 1, 2, 3, 4, 5, 6, 7], 8) == [2, 2, 2, 2]
    assert one([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 8) == [2, 2, 2, 2]
    assert one([0, 1, 2, 3, 4], 16) == [4, 1, 0, 0]
    assert one([0, 1, 2, 3, 4]) == [1, 1, 1, 2]
    assert one([5, 5, 5]) == [0, 0, 0, 3]
    assert one([0, 0]) == [2, 0, 0, 0]
    assert one([0.0, 0.25, 0.5, 0.75, 1.0]) == [1, 1, 1, 2]


def test_frames_of_equally_many_events() -> None:
    assert one([0, 0, 1, 1, 50, 60, 70, 99], by="count") == [2, 2, 2, 2]
    assert one([0, 0, 1, 1, 50, 60, 70, 99], 60, by="count") == [2, 1, 1, 1]
    assert one([3], by="count") == [1, 0, 0, 0]


def test_a_sample_without_events_is_silent() -> None:
    events = Events(np.array([3]), (), np.array([0, 0, 1, 1]))
    assert count_frames(events, Binning(2)).tolist() == [[0, 0], [0, 1], [0, 0]]
    assert spike_frames(events, Binning(2), np.array([0])).tolist() == [[0, 0]]


def test_memory_beside_the_frames_does_not_grow_with_them() -> None:
    rng = np.random.default_rng(0)
    m, n = 200_000, 50
    units = Axis("unit", rng.integers(0, 1000, m, np.uint16), 1000)
    events = Events(np.zeros(m, np.uint16), (units,), np.linspace(0, m, n + 1).astype(np.int64))
    beside = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "BLOCK_EVENTS", 10_000)
        for timesteps in (20, 200):
            tracemalloc.start()
            frames = spike_frames(events, Binning(timesteps))
            beside.append(tracemalloc.get_traced_memory()[1] - frames.nbytes)
            tracemalloc.stop()
    assert beside[1] < 1.1 * beside[0] < 20 * 10_000 * 8


# Bad input

T = np.array([0, 5, 9, 2, 2])
UNIT = np.array([0, 1, 2, 3, 0], np.uint8)
OFFSETS = np.array([0, 3, 5])


def changed(array: Any, index: int, value: Any) -> Any:
    copy = np.array(array)
    copy[index] = value
    return copy


@pytest.mark.parametrize(
    ("t", "unit", "offsets", "sentence"),
    [
        (T, UNIT[:4], OFFSETS, "t has 5 events but unit has 4; give one value of each an event"),
        (
            T,
            UNIT.astype(float),
            OFFSETS,
            "unit has shape (5,) and dtype float64 but must be a list of whole numbers; store one a"
            " place",
        ),
        (
            T.astype(str),
            UNIT,
            OFFSETS,
            "t has shape (5,) and dtype <U21 but must be a list of real numbers; store one a place",
        ),
        (
            T,
            UNIT,
            OFFSETS.reshape(1, 3),
            "offsets has shape (1, 3) and dtype int64 but must be a list of whole numbers; store"
            " one a place",
        ),
        (
            T,
            UNIT,
            np.array([0, 4, 3, 5]),
            "offsets falls from 4 to 3 at index 2 but must not decrease; give the place of each"
            " sample's first event",
        ),
        (
            T,
            UNIT,
            np.array([0, 3]),
            "offsets goes from 0 to 3 but there are 5 events; give samples + 1 numbers, from 0 to"
            " 5",
        ),
        (
            T,
            UNIT,
            np.array([3, 5]),
            "offsets goes from 3 to 5 but there are 5 events; give samples + 1 numbers, from 0 to"
            " 5",
        ),
        (
            T,
            UNIT,
            np.array([], int),
            "offsets is empty but there are 5 events; give samples + 1 numbers, from 0 to 5",
        ),
        (
            T,
            changed(UNIT, 4, 4),
            OFFSETS,
            "unit is 4 at event 1 of sample 1 but the sensor has 4 units, from 0 to 3; mend the"
            " sensor or remove the event",
        ),
        (
            T,
            changed(UNIT.astype(np.int8), 2, -1),
            OFFSETS,
            "unit is -1 at event 2 of sample 0 but the sensor has 4 units, from 0 to 3; mend the"
            " sensor or remove the event",
        ),
        (
            changed(T, 2, 4),
            UNIT,
            OFFSETS,
            "t falls from 5 to 4 at event 2 of sample 0 but times must not decrease; sort the"
            " events of each sample by time",
        ),
        (
            changed(T, 3, -2),
            UNIT,
            OFFSETS,
            "t is -2 at event 0 of sample 1 but times are 0 or more; count them from the start of"
            " their sample",
        ),
        (
            changed(T.astype(float), 1, np.nan),
            UNIT,
            OFFSETS,
            "t is nan at event 1 of sample 0 but times must be finite; remove the event",
        ),
        (
            changed(T, 2, 1 << 47),
            UNIT,
            OFFSETS,
            "the time at event 2 of sample 0 is above 140737488355327; count times from the start"
            " of their sample or in a larger unit",
        ),
        (
            changed(T.astype(np.uint64), 2, (1 << 64) - 1),
            UNIT,
            OFFSETS,
            "the time at event 2 of sample 0 is above 140737488355327; count times from the start"
            " of their sample or in a larger unit",
        ),
    ],
)
def test_bad_events(t: Any, unit: Any, offsets: Any, sentence: str) -> None:
    with fails(DataError, f"f.npz, train: {sentence}"):
        spike_frames(Events(t, (Axis("unit", unit, 4),), offsets, name="f.npz, train"), Binning(3))


@pytest.mark.parametrize(
    ("dt", "sentence"),
    [
        (
            [0, 5, -4, 2, 2],
            "dt is -4 at event 2 of sample 0 but times are 0 or more; count them from the event"
            " before",
        ),
        (
            [0, 5, np.inf, 2, 2],
            "dt is inf at event 2 of sample 0 but times must be finite; remove the event",
        ),
        (
            [0, 1 << 46, 1 << 46, 2, 2],
            "the time at event 2 of sample 0 is above 140737488355327; count times from the start"
            " of their sample or in a larger unit",
        ),
    ],
)
def test_bad_times_between_events(dt: Any, sentence: str) -> None:
    events = Events(np.array(dt), (Axis("unit", UNIT, 4),), OFFSETS, True, "f.npz, train")
    with fails(DataError, f"f.npz, train: {sentence}"):
        count_frames(events, Binning(3))


def test_an_event_outside_a_camera() -> None:
    events = events_of([[(0, (0, 0, 0))], [(1, (1, 2, 4))]])
    with fails(
        DataError,
        "f.npz, train: x is 4 at event 0 of sample 1 but the sensor has 4 columns, from 0 to 3;"
        " mend the sensor or remove the event",
    ):
        spike_frames(events, Binning(3))


def test_frames_that_are_too_many_or_too_large() -> None:
    events = Events(T, (Axis("unit", UNIT, 1 << 16),), OFFSETS, name="f.npz, train")
    with fails(
        DataError,
        "f.npz, train: frames of shape (2, 65536, 65536) need 32.0 GiB but may have 8 GiB; lower"
        " timesteps, or give fewer samples or a smaller sensor",
    ):
        count_frames(events, Binning(1 << 16))
    for timesteps in (0, (1 << 16) + 1):
        with fails(
            ConfigError,
            f"timesteps is {timesteps} but events are binned to 1 to 65536 frames; choose a number"
            " in that range",
        ):
            Binning(timesteps)
    for duration in (0.0, -1, np.nan, np.inf):
        with fails(
            ConfigError,
            f"duration is {duration} but must be a finite number above 0; give it in the unit of"
            " the events' times",
        ):
            Binning(3, duration=duration)
