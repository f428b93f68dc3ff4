"""One chip: the validated whole of a hardware model, its text, and copies with other values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Annotated, Any

from pydantic import Field, StrictStr, ValidationError, model_validator

from neurochip.errors import HardwareError
from neurochip.hardware.costs import SYNAPSE_KINDS, Costs
from neurochip.hardware.limits import Limits, Mesh
from neurochip.hardware.quantities import Part, Sourced, conflict, leaves
from neurochip.hardware.registers import Neuron, Registers
from neurochip.hardware.sentences import sentence, suggest
from neurochip.hardware.writing import to_toml

#: The source of a number that a user gave in place of the model's.
OVERRIDE = "override"
_OVERRIDE_TEXT = "Given by the user in place of the model's own value"
_DELTA_BITS = "registers.delta.bits"
_DELTA_FRACTION = "registers.delta.fraction"


class Learning(Part):
    """Which learning rules the chip's learning engine can run, by name; none: it can't learn."""

    rules: tuple[StrictStr, ...] = ("ottt",)


class Hardware(Part):
    """A chip: neuron, registers, limits, mesh, costs, and the sources of its numbers."""

    name: Annotated[StrictStr, Field(min_length=1)]
    title: Annotated[StrictStr, Field(min_length=1)]
    sources: dict[StrictStr, StrictStr]
    neuron: Neuron
    learning: Learning = Learning()
    registers: Registers
    limits: Limits
    mesh: Mesh
    costs: Costs

    @model_validator(mode="after")
    def _sources_are_known(self) -> Hardware:
        for key, leaf in leaves(self):
            if isinstance(leaf, Sourced) and leaf.source not in self.sources:
                raise conflict(
                    f"{key} has the source {leaf.source!r} but must name one of [sources]:"
                    f" {', '.join(self.sources) or 'none yet'}; add it there"
                )
        return self

    @model_validator(mode="after")
    def _mesh_has_room(self) -> Hardware:
        width, height = self.mesh.width.value, self.mesh.height.value
        each, cores = self.limits.cores_per_tile.value, self.limits.cores.value
        if width * height * each < cores:
            raise conflict(
                f"mesh of {width} x {height} tiles of {each} cores has room for"
                f" {width * height * each} cores, but limits.cores is {cores}; enlarge the mesh or"
                " lower limits.cores"
            )
        return self

    @model_validator(mode="after")
    def _cycles_have_a_length(self) -> Hardware:
        if self.costs.clock.frequency.value is not None:
            return self
        times = chain(leaves(self.costs.time, "costs.time."), leaves(self.mesh, "mesh."))
        for key, leaf in times:
            if isinstance(leaf, Sourced) and leaf.unit == "cycle" and leaf.basis != "unknown":
                raise conflict(
                    f"{key} is in cycles, but costs.clock.frequency is unknown; give the clock in"
                    " MHz, or the time in ns"
                )
        return self

    @property
    def n_tiles(self) -> int:
        """Tiles that hold cores: the last may hold fewer than the others."""
        return -(-self.limits.cores.value // self.limits.cores_per_tile.value)

    def to_toml(self) -> str:
        """Return the model as TOML; `from_toml` gives an equal model back."""
        return to_toml(self.model_dump(exclude_none=True))

    def with_values(self, values: Mapping[str, object]) -> Hardware:
        """Return a copy with other values, validated again.

        Args:
            values: full keys such as "registers.weight.bits" (a number, or None for a cost that is
                unknown) and "registers.weight.rounding" (a word).  Numbers get the basis "assumed"
                and the source "override".  A delta's fraction of bits - 1 follows
                "registers.delta.bits", and the kinds of synapses that cost as any synapse does
                follow "synaptic_operation", unless they're given too.

        Raises:
            HardwareError: a key or a value isn't allowed.
        """
        if not values:
            return self
        where = f"hardware {self.name!r} with given values"
        tables = self.model_dump(exclude_none=True)
        tables["sources"] = {**self.sources, OVERRIDE: _OVERRIDE_TEXT}
        known = dict(leaves(self))
        for key, value in self._with_followers(values).items():
            if key not in known:
                raise HardwareError(
                    f"{where}: {key!r} is not a key of a hardware model;{suggest(key, known)}"
                )
            _put(tables, key, _given(known[key], value))
        return validated(tables, where)

    def _with_followers(self, values: Mapping[str, object]) -> dict[str, object]:
        given = dict(values)
        delta = self.registers.delta
        follows = delta.fraction.value == delta.bits.value - 1
        bits = _plain(given.get(_DELTA_BITS))
        if follows and isinstance(bits, int):
            given.setdefault(_DELTA_FRACTION, bits - 1)
        for part, events in (("energy", self.costs.energy), ("time", self.costs.time)):
            general = f"costs.{part}.synaptic_operation"
            for kind in SYNAPSE_KINDS:
                if general in given and getattr(events, kind) == events.synaptic_operation:
                    given.setdefault(f"costs.{part}.{kind}", given[general])
        return given


def validated(tables: dict[str, Any], where: str) -> Hardware:
    """Return the model that complete tables describe.

    Raises:
        HardwareError: a key or a value isn't allowed; the sentence begins with ``where``.
    """
    try:
        return Hardware.model_validate(tables)
    except ValidationError as error:
        said = sentence(error.errors(include_url=False)[0], Hardware)
    raise HardwareError(f"{where}: {said}")


def _plain(value: object) -> object:
    """Turn a numpy scalar into Python's number."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _given(leaf: object, value: object) -> object:
    value = _plain(value)
    if not isinstance(leaf, Sourced):
        return value
    rest = leaf.model_dump(exclude={"value"})
    if value is None:
        return {**rest, "basis": "unknown", "source": OVERRIDE}
    return {**rest, "value": value, "basis": "assumed", "source": OVERRIDE}


def _put(tables: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tables = tables[parent]
    tables[last] = value
