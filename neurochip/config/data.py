"""Which samples a run or a training sees, and how often: the options that both have."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from neurochip.data.layout import DEFAULT_ARRAYS, Layout
from neurochip.errors import ConfigError

#: Samples of so many dimensions are images without channels, or with.
_PLAIN, _CHANNELS = 2, 3


class DataConfig(BaseModel):
    """Options of the samples; of a data file that declares itself, most are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    data: str = Field("digits", description="built-in name, .npz, IDX folder or HDF5 file")
    arrays: dict[str, str] | None = Field(
        None, description="what the arrays of a file are, ROLE=NAME; {split}: train and test"
    )
    test_where: str | None = Field(
        None, description="samples for testing, by values of an array: NAME=N,N"
    )
    sensor: tuple[int, ...] | None = Field(
        None, description="of events: rows,columns of a camera, or number of units"
    )
    duration: float | None = Field(
        None, description="time of all steps, in the events' unit; each sample's own if left out"
    )
    binning: Literal["time", "count"] = Field(
        "time", description="steps of equal time or of equally many events"
    )
    full_count: int | None = Field(
        None, description="events in a step that are graded as 1; the most of any if left out"
    )
    series: bool = Field(False, description="the second axis of samples is time")
    value_range: tuple[float, ...] | None = Field(
        None, description="values of samples that become 0 and 1"
    )
    train_samples: int | None = Field(None, description="use only the first of the training set")
    test_samples: int | None = Field(None, description="use only the first of the test set")
    timesteps: int = Field(8, description="steps T that a sample is shown for")
    epochs: int = Field(15, description="how often every sample is shown")

    @property
    def takes_spikes(self) -> bool:
        """Whether samples are trains of spikes."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The options that aren't None, as JSON and TOML hold them."""
        return self.model_dump(mode="json", exclude_none=True)

    def make_layout(self) -> Layout | None:
        """What the arrays of the data file are; None where nothing is declared."""
        fields = DataConfig.model_fields
        if all(getattr(self, name) == fields[name].default for name in _OF_LAYOUT):
            return None
        return Layout(
            DEFAULT_ARRAYS if self.arrays is None else self.arrays,
            test_where=None if self.test_where is None else _test_where(self.test_where),
            sensor=self.sensor,
            duration=self.duration,
            by=self.binning,
            full_count=self.full_count,
            series=self.series,
            value_range=self.value_range,
        )


_OF_LAYOUT = (
    *("arrays", "test_where", "sensor", "duration", "binning", "full_count"),
    *("series", "value_range"),
)


def _test_where(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, values = (part.strip() for part in text.partition("="))
    try:
        numbers = tuple(int(value) for value in values.split(","))
    except ValueError:
        numbers = ()
    if not (name and numbers):
        raise ConfigError(
            f"test_where is {text!r}; it must be an array and its whole numbers for testing, such"
            " as speaker=4,5"
        )
    return name, numbers


def image_shape(
    sample_shape: tuple[int, ...], needed_by: str = "a convolution or a pool"
) -> tuple[int, ...]:
    """Channels, height and width of samples; a row is a square image.

    Args:
        sample_shape: of one sample at one step.
        needed_by: what an error says needs images.

    Raises:
        ConfigError: samples are no images.
    """
    if len(sample_shape) == _CHANNELS:
        return sample_shape
    if len(sample_shape) == _PLAIN:
        return (1, *sample_shape)
    side = math.isqrt(math.prod(sample_shape))
    if sample_shape != (side * side,):
        raise ConfigError(
            f"{needed_by} needs images, but a sample has the shape {sample_shape}; "
            f"give data of (height, width) or (channels, height, width) a sample"
        )
    return 1, side, side
