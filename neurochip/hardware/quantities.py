"""Numbers that know their unit, their basis and their source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic_core import PydanticCustomError

Basis = Literal["measured", "simulated", "calibrated", "assumed", "unknown"]

#: The unit of a plain ratio.
NO_UNIT = "1"


class Part(BaseModel):
    """A frozen table that refuses keys it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sourced(Part):
    """What every number of a model says of itself: unit, basis, source."""

    value: Any = None
    unit: StrictStr
    basis: Basis
    source: StrictStr

    def numbers(self) -> tuple[float, ...]:
        """The known values, none where they're unknown."""
        return ()

    @model_validator(mode="after")
    def _value_matches_basis(self) -> Sourced:
        if self.value is None and self.basis != "unknown":
            raise conflict(f"has basis {self.basis!r} but no value; give one or call it 'unknown'")
        if self.value is not None and self.basis == "unknown":
            raise conflict(f"has the value {self.value} but basis 'unknown'; drop one of the two")
        return self


class Quantity(Sourced):
    """A number with its unit, its basis and its source; a basis of "unknown" has no value."""

    value: int | float | None = None

    def numbers(self) -> tuple[float, ...]:
        """The value, if it is known."""
        return () if self.value is None else (self.value,)


class Whole(Quantity):
    """A whole number that is known, such as a register's width."""

    value: StrictInt


class Real(Quantity):
    """A real number that is known."""

    value: Annotated[float, Field(strict=True)]


class MaybeWhole(Quantity):
    """A whole number, or unknown."""

    value: StrictInt | None = None


class MaybeReal(Quantity):
    """A real number, or unknown."""

    value: Annotated[float, Field(strict=True)] | None = None


class Curve(Sourced):
    """A number that depends on a count of tiles: one value at each of some counts, or unknown.

    Between two counts it's the straight line, or the lower count's value where the source has
    steps; beyond the first and the last it's the nearest value.
    """

    tiles: Annotated[tuple[StrictInt, ...], Field(min_length=1)] = (1,)
    value: tuple[Annotated[float, Field(strict=True)], ...] | None = None
    between: Literal["line", "step"] = "line"

    @model_validator(mode="after")
    def _is_a_curve(self) -> Curve:
        if self.value is not None and len(self.value) != len(self.tiles):
            raise conflict(
                f"has {len(self.value)} values for {len(self.tiles)} counts of tiles; give one for"
                " each"
            )
        if self.tiles[0] < 1 or any(low >= high for low, high in pairwise(self.tiles)):
            raise conflict(
                f".tiles is {list(self.tiles)} but must be counts of 1 or more, each above the one"
                " before; sort them"
            )
        return self

    def numbers(self) -> tuple[float, ...]:
        """The value at each count of tiles, if they are known."""
        return self.value or ()

    def __str__(self) -> str:
        pairs = zip(self.value or (), self.tiles, strict=False)
        return ", ".join(f"{value:g} at {count}" for value, count in pairs)


class Allowed:
    """A validator of a quantity: its units, and the range that its values must lie in."""

    def __init__(self, low: float, high: float, *units: str, or_zero: bool = False) -> None:
        self.low, self.high, self.units, self.or_zero = low, high, units, or_zero

    def __call__(self, quantity: Sourced) -> Sourced:
        """Return the quantity, or raise what is wrong with it."""
        unit = quantity.unit
        if unit not in self.units:
            known = " or ".join(repr(unit) for unit in self.units)
            raise conflict(f"has the unit {unit!r} but must be given in {known}")
        for value in quantity.numbers():
            if not (self.low <= value <= self.high or (self.or_zero and value == 0)):
                raise conflict(f"is {value} but must be {self._span(unit)}")
        return quantity

    def _span(self, unit: str) -> str:
        zero = "0 or " if self.or_zero else ""
        shown = "" if unit == NO_UNIT else f" {unit}"
        return f"{zero}{self.low:.12g} to {self.high:.12g}{shown}; choose a value in that range"


def conflict(text: str) -> PydanticCustomError:
    """An error whose text follows the key that it concerns."""
    return PydanticCustomError("neurochip", "{text}", {"text": text})


def bits(low: int, high: int, or_zero: bool = False) -> AfterValidator:
    """A width in bits."""
    return AfterValidator(Allowed(low, high, "bit", or_zero=or_zero))


def count(high: int, unit: str) -> AfterValidator:
    """A count from 1 up."""
    return AfterValidator(Allowed(1, high, unit))


def leaves(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield (key, quantity or word) of a model; its name, title and sources aren't settings."""
    for name in type(part).model_fields:
        child = getattr(part, name)
        if isinstance(child, BaseModel) and not isinstance(child, Sourced):
            yield from leaves(child, f"{prefix}{name}.")
        elif prefix:
            yield f"{prefix}{name}", child
