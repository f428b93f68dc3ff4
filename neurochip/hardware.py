"""Hardware models: hw_models/*.toml read into frozen, validated objects.

A hardware model is data: register widths, rounding, limits and costs of one chip.  Every number is
a `Quantity` that carries its unit, its basis and its source, so that a report can say where a joule
comes from, and "unknown" where nobody knows.

    hw = hardware.load("neurochip").with_values({"registers.weight.bits": 4})
    hw.registers.weight.bits.value      # 4, basis "assumed", source "override"
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from neurochip.errors import HardwareError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Hardware", "Quantity", "Real", "Row", "Whole", "available", "from_toml", "load", "rows"]

Basis = Literal["measured", "simulated", "calibrated", "assumed", "unknown"]
Overflow = Literal["saturate", "wrap"]
Rounding = Literal["floor", "toward_zero", "nearest", "stochastic"]
TraceRounding = Literal["floor", "nearest", "stochastic"]
DeltaRounding = Literal["nearest", "stochastic"]
FractionRule = Literal["fixed", "weight"]
Reset = Literal["soft", "hard"]
Fires = Literal[">=", ">"]

OVERRIDE = "override"
_NO_UNIT = "1"
_OVERRIDE_TEXT = "Given by the user in place of the model's own value"
_BUILT_IN = Path(__file__).with_name("hw_models")
_DELTA_BITS = "registers.delta.bits"
_DELTA_FRACTION = "registers.delta.fraction"

# A wider memory, or a costlier event, than these is a slip of the unit.
_MOST_CORES = 1 << 20
_MOST_NEURONS = 1 << 24
_MOST_MEMORY_BITS = 1 << 40
_MOST_COST = 1e12
_MOST_MEMBRANE_BITS = 32
_MOST_SHADOW_BITS = 16
_FEW = 12  # so many names fit into a sentence


class _Part(BaseModel):
    """A frozen table that refuses keys it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quantity(_Part):
    """A number with its unit, its basis and its source; a basis of "unknown" has no value."""

    value: int | float | None = None
    unit: StrictStr
    basis: Basis
    source: StrictStr

    @model_validator(mode="after")
    def _value_matches_basis(self) -> Quantity:
        if self.value is None and self.basis != "unknown":
            raise _conflict(f"has basis {self.basis!r} but no value; give one or call it 'unknown'")
        if self.value is not None and self.basis == "unknown":
            raise _conflict(f"has the value {self.value} but basis 'unknown'; drop one of the two")
        return self


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


class _Allowed:
    """A validator of a quantity: its unit, and the range that its value must lie in."""

    def __init__(self, low: float, high: float, unit: str, or_zero: bool = False) -> None:
        self.low, self.high, self.unit, self.or_zero = low, high, unit, or_zero

    def __call__(self, quantity: Quantity) -> Quantity:
        value = quantity.value
        if quantity.unit != self.unit:
            raise _conflict(f"has the unit {quantity.unit!r} but must be given in {self.unit!r}")
        if value is None or (self.or_zero and value == 0) or self.low <= value <= self.high:
            return quantity
        zero = "0 or " if self.or_zero else ""
        unit = "" if self.unit == _NO_UNIT else f" {self.unit}"
        span = f"{zero}{self.low:.12g} to {self.high:.12g}{unit}"
        raise _conflict(f"is {value} but must be {span}; choose a value in that range")


def _conflict(text: str) -> PydanticCustomError:
    return PydanticCustomError("neurochip", "{text}", {"text": text})


def _bits(low: int, high: int, or_zero: bool = False) -> AfterValidator:
    return AfterValidator(_Allowed(low, high, "bit", or_zero))


def _count(high: int, unit: str) -> AfterValidator:
    return AfterValidator(_Allowed(1, high, unit))


_Bits2to8 = Annotated[Whole, _bits(2, 8)]
_Bits8to32 = Annotated[Whole, _bits(8, 32)]
_Bits2to16 = Annotated[Whole, _bits(2, 16)]
_Picojoule = Annotated[MaybeReal, AfterValidator(_Allowed(0.0, _MOST_COST, "pJ"))]
_Nanosecond = Annotated[MaybeReal, AfterValidator(_Allowed(0.0, _MOST_COST, "ns"))]
_Milliwatt = Annotated[MaybeReal, AfterValidator(_Allowed(0.0, _MOST_COST, "mW"))]


class Neuron(_Part):
    """How a neuron fires and what it does then; the first of `resets` is the default."""

    fires: Fires
    resets: Annotated[tuple[Reset, ...], Field(min_length=1)]
    decay_bits: Annotated[Whole, _bits(12, 12)]


class Weight(_Part):
    """Weights: signed integers, in a format that leaves `headroom` times the largest weight."""

    bits: _Bits2to16
    max_bits: _Bits2to16
    rounding: Rounding
    headroom: Annotated[Real, AfterValidator(_Allowed(1.0, 256.0, _NO_UNIT))]

    @model_validator(mode="after")
    def _fits_the_chip(self) -> Weight:
        if self.bits.value > self.max_bits.value:
            raise _conflict(
                f".bits is {self.bits.value} but must be 2 to {self.max_bits.value} bit, the"
                " most that this chip's weights have; choose fewer bits or another chip"
            )
        return self


class Shadow(_Part):
    """Shadow weights that learning writes instead of the weights; 0 bits: there are none."""

    bits: Annotated[Whole, _bits(3, _MOST_SHADOW_BITS, or_zero=True)]
    rounding: Rounding


class Input(_Part):
    """Graded inputs: unsigned, fraction = bits."""

    bits: Annotated[Whole, _bits(1, 8)]


class Accumulator(_Part):
    """The sum of a neuron's synapses."""

    bits: _Bits8to32
    overflow: Overflow


class Current(_Part):
    """The synaptic current after its shift to the membrane's format; 0 bits: no register.

    Where `symmetric`, the range is (-2^(bits-1), 2^(bits-1)].
    """

    bits: Annotated[Whole, _bits(8, 32, or_zero=True)]
    overflow: Overflow
    symmetric: StrictBool


class Bias(_Part):
    """Biases: a signed mantissa and an exponent that a layer shares."""

    bits: _Bits2to16
    max_exponent: Annotated[Whole, _bits(0, 15)]


class Membrane(_Part):
    """Membranes: signed; `fraction` bits, or as many more than the weights' ("weight").

    Where `symmetric`, the range is [-(2^(bits-1) - 1), 2^(bits-1) - 1] if it saturates, and
    (-2^(bits-1), 2^(bits-1)] if it wraps.
    """

    bits: Annotated[Whole, _bits(6, _MOST_MEMBRANE_BITS)]
    fraction: Annotated[Whole, _bits(0, 30)]
    fraction_rule: FractionRule
    overflow: Overflow
    symmetric: StrictBool

    @model_validator(mode="after")
    def _fits_simulation(self) -> Membrane:
        if self.bits.value == _MOST_MEMBRANE_BITS and self.symmetric and self.overflow == "wrap":
            raise _conflict(
                f".bits is {self.bits.value} but must be below {_MOST_MEMBRANE_BITS} where a"
                " symmetric membrane wraps, because its range then reaches 2^31; narrow it"
            )
        return self

    @model_validator(mode="after")
    def _holds_one(self) -> Membrane:
        most = self.bits.value - 2
        if self.fraction.value > most:
            raise _conflict(
                f".fraction is {self.fraction.value} but must be 0 to {most} bit so that a"
                f" membrane of {self.bits.value} bit can hold 1.0; lower it or widen the membrane"
            )
        return self


class Trace(_Part):
    """Presynaptic traces: unsigned."""

    bits: Annotated[Whole, _bits(3, 16)]
    rounding: TraceRounding


class Error(_Part):
    """Errors of the read-out: signed, fraction = bits - 1."""

    bits: _Bits2to8


class Delta(_Part):
    """Errors of the hidden neurons: signed."""

    bits: Annotated[Whole, _bits(3, 8)]
    fraction: Annotated[Whole, _bits(0, 15)]
    rounding: DeltaRounding


class Gradient(_Part):
    """Accumulators of gradients, one a weight: signed."""

    bits: _Bits8to32
    rounding: Literal["nearest"]


class Registers(_Part):
    """The registers of a learning core."""

    weight: Weight
    shadow: Shadow
    input: Input
    accumulator: Accumulator
    current: Current
    bias: Bias
    membrane: Membrane
    trace: Trace
    error: Error
    delta: Delta
    gradient: Gradient

    @model_validator(mode="after")
    def _shadow_is_wider(self) -> Registers:
        shadow, weight = self.shadow.bits.value, self.weight.bits.value
        if shadow and weight == _MOST_SHADOW_BITS:
            raise _conflict(
                f".shadow.bits is {shadow} but must be 0 with weights of {weight} bit, which leave"
                " a shadow no room; set it to 0 or use narrower weights"
            )
        if shadow and shadow <= weight:
            raise _conflict(
                f".shadow.bits is {shadow} but must be 0 or {weight + 1} to 16 bit, wider than the"
                f" weights' {weight} bit; widen it or set it to 0"
            )
        return self


class Limits(_Part):
    """What the chip has room for.  `fan_in` counts the axons that one neuron can hear."""

    cores: Annotated[Whole, _count(_MOST_CORES, "core")]
    cores_per_tile: Annotated[Whole, _count(_MOST_CORES, "core")]
    neurons_per_core: Annotated[Whole, _count(_MOST_NEURONS, "neuron")]
    synapse_memory_per_core: Annotated[Whole, _count(_MOST_MEMORY_BITS, "bit")]
    fan_in: Annotated[Whole, _count(_MOST_NEURONS, "axon")]
    axons_in_per_core: Annotated[Whole, _count(_MOST_NEURONS, "axon")]
    axons_out_per_core: Annotated[Whole, _count(_MOST_NEURONS, "axon")]
    learning_epoch: Annotated[MaybeWhole, _count(_MOST_NEURONS, "step")]


class Energy(_Part):
    """Energy of one event, in pJ.

    A synaptic operation is one weight read and accumulated, a synaptic update one weight changed by
    learning, an error operation one weight read backwards and accumulated.  An active neuron is one
    that has input or fires, an inactive one is only scanned.
    """

    synaptic_operation: _Picojoule
    synaptic_update: _Picojoule
    neuron_active: _Picojoule
    neuron_inactive: _Picojoule
    trace_update: _Picojoule
    error_operation: _Picojoule
    spike_in_tile: _Picojoule
    hop_east_west: _Picojoule
    hop_north_south: _Picojoule


class Time(_Part):
    """Time of one event, in ns; the events of `Energy`, and the barrier that ends a time step."""

    synaptic_operation: _Nanosecond
    synaptic_update: _Nanosecond
    neuron_active: _Nanosecond
    neuron_inactive: _Nanosecond
    trace_update: _Nanosecond
    error_operation: _Nanosecond
    spike_in_tile: _Nanosecond
    hop_east_west: _Nanosecond
    hop_north_south: _Nanosecond
    barrier_one_tile: _Nanosecond
    barrier_all_tiles: _Nanosecond


class Power(_Part):
    """Power that is drawn whatever happens, in mW."""

    static: _Milliwatt


class Costs(_Part):
    """What events cost."""

    energy: Energy
    time: Time
    power: Power


class Hardware(_Part):
    """A chip: neuron, registers, limits, costs, and the sources of its numbers."""

    name: Annotated[StrictStr, Field(min_length=1)]
    title: Annotated[StrictStr, Field(min_length=1)]
    sources: dict[StrictStr, StrictStr]
    neuron: Neuron
    registers: Registers
    limits: Limits
    costs: Costs

    @model_validator(mode="after")
    def _sources_are_known(self) -> Hardware:
        for key, leaf in _leaves(self):
            if isinstance(leaf, Quantity) and leaf.source not in self.sources:
                raise _conflict(
                    f"{key} has the source {leaf.source!r} but must name one of [sources]:"
                    f" {', '.join(self.sources) or 'none yet'}; add it there"
                )
        return self

    def to_toml(self) -> str:
        """Return the model as TOML; `from_toml` gives an equal model back."""
        return "\n".join(_emit(self.model_dump(exclude_none=True)))

    def with_values(self, values: Mapping[str, object]) -> Hardware:
        """Return a copy with other values, validated again.

        Args:
            values: full keys such as "registers.weight.bits" (a number, or None for a cost that is
                unknown) and "registers.weight.rounding" (a word).  Numbers get the basis "assumed"
                and the source "override".  A delta's fraction of bits - 1 follows
                "registers.delta.bits" unless it's given too.

        Raises:
            HardwareError: a key or a value isn't allowed.
        """
        if not values:
            return self
        where = f"hardware {self.name!r} with given values"
        tables = self.model_dump(exclude_none=True)
        tables["sources"] = {**self.sources, OVERRIDE: _OVERRIDE_TEXT}
        known = dict(_leaves(self))
        for key, value in self._with_delta_fraction(values).items():
            if key not in known:
                raise HardwareError(
                    f"{where}: {key!r} is not a key of a hardware model;{_suggest(key, known)}"
                )
            _put(tables, key, _given(known[key], value))
        return _validated(tables, where)

    def _with_delta_fraction(self, values: Mapping[str, object]) -> dict[str, object]:
        given = dict(values)
        delta = self.registers.delta
        follows = delta.fraction.value == delta.bits.value - 1
        bits = _plain(given.get(_DELTA_BITS))
        if follows and isinstance(bits, int):
            given.setdefault(_DELTA_FRACTION, bits - 1)
        return given


class Row(NamedTuple):
    """One setting of a hardware model, for printing; words have no unit, basis or source."""

    key: str
    value: int | float | str | None
    unit: str
    basis: str
    source: str


def available() -> list[str]:
    """Return the names of the built-in hardware models, sorted."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.toml"))


def load(name_or_path: str | Path) -> Hardware:
    """Return a hardware model by its built-in name, or from a TOML file.

    Raises:
        HardwareError: the name is unknown, or the file is missing, damaged or holds a number
            outside its range.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and len(path.parts) <= 1 and isinstance(name_or_path, str):
        if name_or_path not in available():
            raise HardwareError(
                f"hardware model {name_or_path!r} is unknown;{_nearest(name_or_path)} built in are"
                f" {', '.join(available())}, or give the path of a .toml file"
            )
        path = _BUILT_IN / f"{name_or_path}.toml"
    return from_toml(_text(path), where=_shown(path))


def from_toml(text: str, where: str = "hardware model") -> Hardware:
    """Return the hardware model that a TOML text describes.

    Args:
        text: the TOML.
        where: what to call it in an error, such as its path.

    Raises:
        HardwareError: the text isn't TOML, or a key or a value isn't allowed.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HardwareError(f"{where}: not valid TOML: {error}; mend the file there") from None
    return _validated(tables, where)


def rows(hw: Hardware) -> list[Row]:
    """Return every setting of a model in the order of its file; an unknown value is None."""
    return [_row(hw, key, leaf) for key, leaf in _leaves(hw)]


def _row(hw: Hardware, key: str, leaf: object) -> Row:
    if isinstance(leaf, Quantity):
        return Row(key, leaf.value, leaf.unit, leaf.basis, hw.sources[leaf.source])
    if isinstance(leaf, tuple):
        return Row(key, ", ".join(leaf), "", "", "")
    return Row(key, _word(leaf), "", "", "")


def _word(leaf: object) -> str:
    if isinstance(leaf, bool):
        return "yes" if leaf else "no"
    return str(leaf)


def _leaves(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield (key, quantity or word) of a model; names, titles and sources aren't settings."""
    for name in type(part).model_fields:
        child = getattr(part, name)
        if isinstance(part, Hardware) and not isinstance(child, BaseModel):
            continue
        if isinstance(child, BaseModel) and not isinstance(child, Quantity):
            yield from _leaves(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HardwareError(
            f"hardware model file {path} does not exist; give an existing .toml file"
            f" or one of {', '.join(available())}"
        ) from None
    except UnicodeDecodeError:
        raise HardwareError(
            f"hardware model file {path} is not UTF-8 text; give a .toml file"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HardwareError(
            f"hardware model file {path} can't be read ({reason}); give a readable .toml file"
        ) from None


def _shown(path: Path) -> str:
    return f"{_BUILT_IN.name}/{path.name}" if path.parent == _BUILT_IN else str(path)


def _plain(value: object) -> object:
    """Turn a numpy scalar into Python's number."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _given(leaf: object, value: object) -> object:
    value = _plain(value)
    if not isinstance(leaf, Quantity):
        return value
    if value is None:
        return {"unit": leaf.unit, "basis": "unknown", "source": OVERRIDE}
    return {"value": value, "unit": leaf.unit, "basis": "assumed", "source": OVERRIDE}


def _put(tables: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tables = tables[parent]
    tables[last] = value


def _validated(tables: dict[str, Any], where: str) -> Hardware:
    try:
        return Hardware.model_validate(tables)
    except ValidationError as error:
        sentence = _sentence(error.errors(include_url=False)[0])
    raise HardwareError(f"{where}: {sentence}")


def _sentence(error: ErrorDetails) -> str:
    """Say one of pydantic's errors as: key, value, what is allowed, and what to do."""
    key = ".".join(str(part) for part in error["loc"]).removesuffix(".value")
    kind, context = error["type"], error.get("ctx", {})
    if kind == "neurochip":
        text = str(context["text"])
        return f"{key}{text}" if text.startswith(".") or not key else f"{key} {text}"
    if kind == "missing":
        return f"{key} is missing; add it as {_BUILT_IN.name}/neurochip.toml has it"
    if kind == "extra_forbidden":
        return f"{key} is not a key of a hardware model;{_suggest_sibling(error['loc'])}"
    if kind == "too_short" or kind == "string_too_short":
        return f"{key} is empty but must hold something; give at least one"
    return f"{key} is {error['input']!r} but must be {_wanted(kind, context)}; change it to that"


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        return str(context["expected"])
    words = {"int": "a whole number", "float": "a number", "finite": "a finite number"}
    words |= {"string": "a text in quotes", "bool": "true or false", "tuple": "a list"}
    return words.get(kind.split("_")[0], "a table")


def _suggest_sibling(loc: Sequence[int | str]) -> str:
    part: type[BaseModel] = Hardware
    for name in loc[:-1]:
        part = cast(type[BaseModel], part.model_fields[str(name)].annotation)
    return _suggest(str(loc[-1]), part.model_fields)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, available(), n=1)
    return f" the nearest is {near[0]!r};" if near else ""


def _suggest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f" did you mean {near[0]!r}?"
    if len(names) <= _FEW:
        return f" choose one of {', '.join(names)}"
    return " `neurochip chips` lists the keys"


def _emit(tables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the lines of a TOML file: plain keys first, then the tables below."""
    below = {key: item for key, item in tables.items() if _is_table(item)}
    for key, item in tables.items():
        if key not in below:
            yield f"{_key(key)} = {_inline(item)}"
    for key, item in below.items():
        path = f"{prefix}{_key(key)}"
        lines = list(_emit(item, f"{path}."))
        if not lines or not lines[0].startswith(("\n[", "[")):
            yield f"\n[{path}]"
        yield from lines
    if not prefix:
        yield ""


def _is_table(item: object) -> bool:
    return isinstance(item, Mapping) and "basis" not in item


def _inline(item: object) -> str:
    if isinstance(item, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(one)}" for key, one in item.items()) + " }"
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(_inline(one) for one in item) + "]"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return _quoted(item)
    return repr(item)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _quoted(key)


def _quoted(text: str) -> str:
    # TOML forbids a bare DEL, which JSON's strings allow.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
