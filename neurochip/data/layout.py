"""What the arrays of a file are, as its user declares: no file needs a reader of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from neurochip.errors import ConfigError

__all__ = ["DEFAULT_ARRAYS", "MAX_SENSOR", "ROLES", "SPLIT", "By", "Layout"]

By: TypeAlias = Literal["time", "count"]

#: In a path or an array's name this stands for "train" and "test".
SPLIT = "{split}"
#: What an array can be, with what it holds.
ROLES = {
    "samples": "(n, features...), or (n, T, features...) where they're a series",
    "differences": "samples, each value as what it adds to the one before it on the last axis",
    "t": "(m,) times of events since the start of their sample; or n arrays of them",
    "dt": "(m,) times of events since the event before, or the start of their sample",
    "x": "(m,) columns of events",
    "y": "(m,) rows of events",
    "p": "(m,) polarities of events, 0 (or -1) and 1",
    "unit": "(m,) numbers of the units, channels or neurons that spiked",
    "offsets": "(n + 1,): events of sample i are offsets[i] to offsets[i + 1]",
    "label": "(n,) classes from 0 up",
}
#: The arrays of a file of which nothing is declared.
DEFAULT_ARRAYS: Mapping[str, str] = {"samples": f"x_{SPLIT}", "label": f"y_{SPLIT}"}
#: The most rows, columns or units.
MAX_SENSOR = 1 << 16

_TIMES, _DENSE = {"t", "dt"}, {"samples", "differences"}
_PLACES = ({"unit"}, {"x", "y"}, {"x", "y", "p"})


@dataclass(frozen=True)
class Layout:
    """What the arrays of an npz or HDF5 file are, and how numbers or frames are made of them.

    Attributes:
        arrays: names in the file by role (`ROLES`): samples or differences for numbers; t or dt
            with unit, or with x and y (and p, for channels of their own), for events; offsets but
            where each sample has an array of its own; always label.
        test_where: the array, and its values, by which samples of one pool are for testing; None
            where "{split}" in the names, or in the path, tells the sets apart.
        sensor: (rows, columns) of events at x and y, or (units,).
        duration: what the frames last together, in the unit of t; later events are left out.
            None: each sample's own time, from 0 to its last event, which is in the last frame.
        by: whether frames divide the time, or the events of a sample, into equal parts.
        full_count: how many events in a frame are graded as 1, as more are; None: as many as the
            fullest cell of a training frame has.
        series: whether the second axis of samples is time.
        value_range: the values of samples that become 0 and 1; what lies outside saturates.

    Raises:
        ConfigError: the parts contradict each other, or a number is out of range.
    """

    arrays: Mapping[str, str] = field(default_factory=lambda: DEFAULT_ARRAYS)
    test_where: tuple[str, tuple[int, ...]] | None = None
    sensor: tuple[int, ...] | None = None
    duration: float | None = None
    by: By = "time"
    full_count: int | None = None
    series: bool = False
    value_range: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check that the parts fit each other."""
        self._check_roles()
        if self.has_events:
            self._check_sensor()
        self._check_uses()
        if self.full_count is not None and self.full_count < 1:
            raise ConfigError(
                f"full_count is {self.full_count} but must be 1 or more; give the number of events"
                " that counts as 1"
            )
        if self.value_range is not None:
            self._check_value_range(self.value_range)

    @property
    def has_events(self) -> bool:
        """Whether the file holds events, not numbers."""
        return not _DENSE & self.arrays.keys()

    @property
    def axes(self) -> tuple[tuple[str, int], ...]:
        """Role and size of each axis of a frame: (p, y, x), (y, x) or (unit,)."""
        if not self.has_events or self.sensor is None:
            return ()
        if "unit" in self.arrays:
            return (("unit", self.sensor[0]),)
        polarities = (("p", 2),) if "p" in self.arrays else ()
        return (*polarities, ("y", self.sensor[0]), ("x", self.sensor[1]))

    def _check_roles(self) -> None:
        given = self.arrays.keys()
        unknown = sorted(given - ROLES.keys())
        if unknown:
            raise ConfigError(
                f"arrays has the role {unknown[0]!r}, which is unknown; the roles are"
                f" {', '.join(ROLES)}"
            )
        if "label" not in given:
            raise ConfigError(
                "arrays has no label; name the array that holds the classes, such as"
                f" label={DEFAULT_ARRAYS['label']}"
            )
        times, dense = given & _TIMES, given & _DENSE
        places = given - _TIMES - _DENSE - {"label", "offsets"}
        numbers = len(dense) == 1 and not times and not places and "offsets" not in given
        events = len(times) == 1 and not dense and places in _PLACES
        if not (numbers or events):
            raise ConfigError(
                f"arrays has the roles {', '.join(given)}, which don't go together; give samples or"
                " differences for numbers, or t or dt with unit, or with x and y (and p), for"
                " events, and label"
            )

    def _check_sensor(self) -> None:
        at, wanted = ("unit", "units") if "unit" in self.arrays else ("x and y", "rows,columns")
        sensor = self.sensor or ()
        right = len(sensor) == len(wanted.split(","))
        if not (right and all(1 <= size <= MAX_SENSOR for size in sensor)):
            raise ConfigError(
                f"sensor is {','.join(map(str, sensor)) or 'not given'} but events at {at} need"
                f" {wanted}, each 1 to {MAX_SENSOR}; give sensor as {wanted}"
            )

    def _check_uses(self) -> None:
        of_events = {
            "sensor": self.sensor is not None,
            "duration": self.duration is not None,
            "binning": self.by != "time",
            "full_count": self.full_count is not None,
        }
        of_numbers = {"series": self.series, "value_range": self.value_range is not None}
        useless, held, of = (
            (of_numbers, "events", "numbers")
            if self.has_events
            else (of_events, "numbers", "events")
        )
        for option, is_given in useless.items():
            if is_given:
                raise ConfigError(
                    f"{option} is for {of} but arrays declares {held} ({', '.join(self.arrays)});"
                    " leave it out or declare others"
                )

    def _check_value_range(self, ends: tuple[float, ...]) -> None:
        if not (len(ends) == 2 and math.isfinite(ends[1] - ends[0]) and ends[0] < ends[1]):
            raise ConfigError(
                f"value_range is {','.join(map(str, ends)) or 'empty'} but must be two finite"
                " numbers, the first below the second; give the values that become 0 and 1"
            )
