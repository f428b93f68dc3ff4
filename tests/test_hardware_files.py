"""Files of hardware models: extending another, what may be left out, texts of older versions."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import hardware
from neurochip.errors import HardwareError
from neurochip.hardware.writing import to_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIRST = Path(__file__).parent / "vectors" / "hardware"
NEUROCHIP = hardware.load("neurochip").to_toml()


def fails(sentence: str) -> pytest.RaisesExc[HardwareError]:
    return pytest.raises(HardwareError, match=f"^{re.escape(sentence)}$")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def without(text: str, *keys: str) -> str:
    """The text without the lines of these keys."""
    return "".join(
        line for line in text.splitlines(keepends=True) if line.split(" = ")[0] not in keys
    )


# --- one chip extends another


def extending(base: str, rest: str = "") -> str:
    return f'name = "mine"\ntitle = "Mine"\nextends = "{base}"\n{rest}'


def test_a_chip_takes_what_it_does_not_say_from_the_one_it_extends(tmp_path: Path) -> None:
    text = extending(
        "loihi",
        '[sources]\nme = "I"\n[limits]\n'
        'neurons_per_core = { value = 64, unit = "neuron", basis = "assumed", source = "me" }\n',
    )
    mine, loihi = hardware.load(write(tmp_path / "mine.toml", text)), hardware.load("loihi")
    assert (mine.name, mine.title) == ("mine", "Mine")
    assert mine.limits.neurons_per_core.value == 64
    assert mine.limits.cores == loihi.limits.cores
    assert (mine.costs, mine.registers) == (loihi.costs, loihi.registers)
    assert mine.sources == {**loihi.sources, "me": "I"}


def test_a_chip_that_extends_is_written_whole(tmp_path: Path) -> None:
    mine = hardware.load(write(tmp_path / "mine.toml", extending("loihi_calibrated")))
    assert "extends" not in mine.to_toml()
    assert hardware.from_toml(mine.to_toml()) == mine


def test_a_number_is_replaced_whole(tmp_path: Path) -> None:
    text = extending("loihi", "[limits]\ncores = { value = 4 }\n")
    path = write(tmp_path / "mine.toml", text)
    with fails(f"{path}: limits.cores.unit is missing; add it as hw_models/neurochip.toml has it"):
        hardware.load(path)


def test_extends_takes_a_path_beside_its_file(tmp_path: Path) -> None:
    write(tmp_path / "base.toml", NEUROCHIP)
    mine = hardware.load(write(tmp_path / "mine.toml", extending("base.toml")))
    assert mine.limits == hardware.load("neurochip").limits


def test_name_and_title_are_never_inherited(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", 'extends = "loihi"\n')
    with fails(f"{path}: name is missing; add it as hw_models/neurochip.toml has it"):
        hardware.load(path)


def test_a_circle_is_shown(tmp_path: Path) -> None:
    a, b, c = (tmp_path / f"{name}.toml" for name in "abc")
    write(a, extending("b.toml"))
    write(b, extending("c.toml"))
    write(c, extending("a.toml"))
    with fails(
        f"hardware model {a} extends itself: {a} -> {b} -> {c} -> {a}; remove one of the 'extends'"
    ):
        hardware.load(a)


def test_a_chip_that_extends_itself(tmp_path: Path) -> None:
    a = write(tmp_path / "a.toml", extending("a.toml"))
    with fails(f"hardware model {a} extends itself: {a} -> {a}; remove one of the 'extends'"):
        hardware.load(a)


def test_what_is_extended_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", extending("loihj"))
    with fails(
        "hardware model 'loihj' is unknown; the nearest is 'loihi'; built in are"
        f" {', '.join(hardware.available())}, or give the path of a .toml file"
    ):
        hardware.load(path)
    write(path, extending("none.toml"))
    with fails(
        f"hardware model file {tmp_path / 'none.toml'} does not exist; give an existing .toml file"
        f" or one of {', '.join(hardware.available())}"
    ):
        hardware.load(path)


def test_extends_is_a_text() -> None:
    with fails(
        "f: extends is 3 but must be the name or the path of a hardware model in quotes; change it"
        " to that"
    ):
        hardware.from_toml("extends = 3\n", where="f")


# --- what may be left out


def test_a_cost_that_is_left_out_is_unknown() -> None:
    hw = hardware.from_toml(without(NEUROCHIP, "message_out", "trace_update", "delay", "static"))
    assert hw.costs.energy.message_out == hardware.MaybeReal(
        unit="pJ", basis="unknown", source="unstated"
    )
    assert (hw.costs.time.trace_update.unit, hw.costs.time.trace_update.value) == ("ns", None)
    assert (hw.limits.delay.unit, hw.limits.delay.basis) == ("step", "unknown")
    assert hw.sources["unstated"] == "The model's file doesn't say"
    assert hardware.from_toml(hw.to_toml()) == hw


def test_kinds_of_synapses_cost_as_any_does_unless_the_file_says_more() -> None:
    kinds = ("synaptic_operation_sparse", "synaptic_operation_convolution")
    hw = hardware.from_toml(without(NEUROCHIP, *kinds))
    assert hw.costs.energy.synaptic_operation_sparse == hw.costs.energy.synaptic_operation
    assert hw.costs.time.synaptic_operation_convolution == hw.costs.time.synaptic_operation
    hw = hw.with_values({"costs.energy.synaptic_operation": 7.0})
    assert hw.costs.energy.synaptic_operation_convolution.value == 7.0
    own = hw.with_values({"costs.energy.synaptic_operation_sparse": 5.0})
    again = own.with_values({"costs.energy.synaptic_operation": 8.0})
    assert again.costs.energy.synaptic_operation_sparse.value == 5.0
    assert again.costs.energy.synaptic_operation_convolution.value == 8.0


@pytest.mark.parametrize(("cores", "size"), [(128, (8, 4)), (4, (1, 1)), (28, (7, 1)), (5, (2, 1))])
def test_a_mesh_that_is_left_out_is_the_squarest(cores: int, size: tuple[int, int]) -> None:
    text = without(NEUROCHIP, "width", "height").replace(
        'value = 128, unit = "core"', f'value = {cores}, unit = "core"'
    )
    mesh = hardware.from_toml(text).mesh
    assert (mesh.width.value, mesh.height.value) == size
    assert (mesh.width.basis, mesh.width.source) == ("assumed", "derived")


def test_half_a_mesh_is_refused() -> None:
    with fails("f: mesh.height is missing; add it as hw_models/neurochip.toml has it"):
        hardware.from_toml(without(NEUROCHIP, "height"), where="f")


def test_a_mesh_too_small_for_its_cores() -> None:
    with fails(
        "hardware 'neurochip' with given values: mesh of 8 x 3 tiles of 4 cores has room for 96"
        " cores, but limits.cores is 128; enlarge the mesh or lower limits.cores"
    ):
        hardware.load("neurochip").with_values({"mesh.height": 3})


def test_cycles_need_a_clock() -> None:
    text = NEUROCHIP.replace(
        'hop_east_west = { value = 4.1, unit = "ns"',
        'hop_east_west = { value = 2.0, unit = "cycle"',
    )
    with fails(
        "f: costs.time.hop_east_west is in cycles, but costs.clock.frequency is unknown; give the"
        " clock in MHz, or the time in ns"
    ):
        hardware.from_toml(text, where="f")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            'hop_east_west = { value = -3.0, unit = "pJ", basis = "assumed", source = "design" }',
            "costs.energy.hop_east_west is -3.0 but must be 0 to 1e+12 pJ; choose a value in that"
            " range",
        ),
        (
            'hop_east_west = { value = 3.0, basis = "assumed", source = "design" }',
            "costs.energy.hop_east_west.unit is missing; add it as hw_models/neurochip.toml has it",
        ),
        (
            "hop_east_west = 3.0",
            "costs.energy.hop_east_west is the bare number 3.0; write it as a table of value, unit,"
            " basis and source as hw_models/neurochip.toml has it",
        ),
        (
            'hop_east_west = { value = 3.0, unit = "nJ", basis = "assumed", source = "design" }',
            "costs.energy.hop_east_west has the unit 'nJ' but must be given in 'pJ'",
        ),
        (
            'hop_eastwest = { value = 3.0, unit = "pJ", basis = "assumed", source = "design" }',
            "costs.energy.hop_eastwest is not a key of a hardware model; did you mean"
            " 'hop_east_west'?",
        ),
    ],
)
def test_a_bad_cost(line: str, sentence: str) -> None:
    head, energy = NEUROCHIP.split("[costs.energy]")
    rows = energy.splitlines()
    rows[[row.split(" = ")[0] for row in rows].index("hop_east_west")] = line
    text = "\n".join([f"{head}[costs.energy]", *rows])
    with fails(f"f: {sentence}"):
        hardware.from_toml(text, where="f")


@pytest.mark.parametrize(
    ("curve", "sentence"),
    [
        (
            "value = [1.0, 2.0], tiles = [1]",
            "costs.time.barrier has 2 values for 1 counts of tiles; give one for each",
        ),
        (
            "value = [1.0, 2.0], tiles = [2, 2]",
            "costs.time.barrier.tiles is [2, 2] but must be counts of 1 or more, each above the one"
            " before; sort them",
        ),
        (
            "value = [-1.0], tiles = [1]",
            "costs.time.barrier is -1.0 but must be 0 to 1e+12 ns; choose a value in that range",
        ),
        (
            "value = [1.0], tiles = []",
            "costs.time.barrier.tiles is empty but must hold something; give at least one",
        ),
    ],
)
def test_a_bad_barrier(curve: str, sentence: str) -> None:
    text = "\n".join(
        f'barrier = {{ {curve}, unit = "ns", basis = "assumed", source = "design" }}'
        if line.startswith("barrier")
        else line
        for line in NEUROCHIP.splitlines()
    )
    with fails(f"f: {sentence}"):
        hardware.from_toml(text, where="f")


# --- check


def test_check_lists_what_is_left_out_and_what_is_unknown(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", without(NEUROCHIP, "message_in"))
    checked = hardware.check(path)
    assert checked.left_out == ("costs.energy.message_in", "costs.time.message_in")
    assert checked.unknown == (
        "limits.accumulator_memory_per_core",
        "limits.learning_epoch",
        "costs.power.static",
        "costs.clock.frequency",
    )
    assert checked.settings == len(hardware.rows(checked.hardware))


# --- texts of older versions


@pytest.mark.parametrize("name", ["neurochip", "loihi"])
def test_the_first_texts_go_on_loading(name: str) -> None:
    hw, now = hardware.load(FIRST / f"{name}_first.toml"), hardware.load(name)
    assert (hw.registers, hw.learning) == (now.registers, now.learning)
    assert hw.neuron.leak == "exponential"
    assert (hw.mesh.width.value, hw.mesh.height.value) == (8, 4)
    assert hw.costs.time.barrier == now.costs.time.barrier
    assert hw.costs.energy.synaptic_operation == now.costs.energy.synaptic_operation
    assert hw.costs.energy.message_out.source == "unstated"
    assert hardware.from_toml(hw.to_toml()) == hw


def test_an_old_barrier_is_unknown_where_half_of_it_is() -> None:
    text = (FIRST / "neurochip_first.toml").read_text(encoding="utf-8")
    known = 'barrier_all_tiles = { value = 465.0, unit = "ns", basis = "assumed"'
    assert known in text
    half = text.replace(known, 'barrier_all_tiles = { unit = "ns", basis = "unknown"')
    assert hardware.from_toml(half).costs.time.barrier.value is None


def test_an_old_barrier_of_one_tile() -> None:
    text = (FIRST / "neurochip_first.toml").read_text(encoding="utf-8")
    small = text.replace('value = 128, unit = "core"', 'value = 4, unit = "core"')
    barrier = hardware.from_toml(small).costs.time.barrier
    assert (barrier.tiles, barrier.value) == ((1,), (113.0,))


# --- damage


JUNK = st.sampled_from(
    [0, -1, 1.5, True, "", "x", [], [1], {}, {"basis": 1}, {"value": 0}, {"basis": "unknown"}]
)


def paths(tables: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [(*prefix, key) for key in tables]
    for key, item in tables.items():
        if isinstance(item, dict):
            found += paths(item, (*prefix, key))
    return found


@given(st.sampled_from(["first", "now"]), st.data(), JUNK)
def test_junk_in_any_place_gives_a_sentence(version: str, data: st.DataObject, junk: Any) -> None:
    first = (FIRST / "neurochip_first.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(first if version == "first" else NEUROCHIP)
    *parents, last = data.draw(st.sampled_from(paths(tables)))
    table = tables
    for parent in parents:
        table = table[parent]
    if data.draw(st.booleans()):
        table[last] = junk
    else:
        del table[last]
    try:
        hw = hardware.from_toml(to_toml(tables), where="f")
    except HardwareError as error:
        assert str(error).startswith(("f: ", "hardware model "))
        assert "\n" not in str(error)
    else:
        assert hardware.from_toml(hw.to_toml()) == hw
        hardware.cost_table(hw)
