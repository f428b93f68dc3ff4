"""Hardware models: the built-in ones, their validation, overrides and round trips."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import hardware
from neurochip.errors import HardwareError
from neurochip.hardware import Hardware, Quantity

NEUROCHIP = hardware.load("neurochip")
LOIHI = hardware.load("loihi")
GIVEN = "hardware 'neurochip' with given values: "


def fails(sentence: str) -> pytest.RaisesExc[HardwareError]:
    return pytest.raises(HardwareError, match=f"^{re.escape(sentence)}$")


def edited(old: str, new: str) -> str:
    text = NEUROCHIP.to_toml()
    assert text.count(old) >= 1
    return text.replace(old, new, 1)


@pytest.mark.parametrize("name", hardware.available())
def test_every_built_in_model_loads_and_is_named_as_its_file(name: str) -> None:
    assert hardware.load(name).name == name


@pytest.mark.parametrize("name", hardware.available())
def test_toml_round_trip_is_exact(name: str) -> None:
    hw = hardware.load(name)
    again = hardware.from_toml(hw.to_toml())
    assert again == hw
    assert again.to_toml() == hw.to_toml()


@pytest.mark.parametrize("name", hardware.available())
def test_every_number_has_unit_basis_and_source(name: str) -> None:
    for row in hardware.rows(hardware.load(name)):
        if isinstance(row.value, str) and not row.key.endswith("barrier"):
            assert (row.unit, row.basis, row.source) == ("", "", "")
            continue
        assert row.unit and row.basis and row.source, row.key
        assert (row.value is None) == (row.basis == "unknown"), row.key


def test_available() -> None:
    assert {"loihi", "neurochip"} <= set(hardware.available())


def test_default_chip() -> None:
    registers = NEUROCHIP.registers
    assert (NEUROCHIP.neuron.fires, NEUROCHIP.neuron.resets) == (">=", ("soft", "hard"))
    assert (registers.weight.bits.value, registers.weight.rounding) == (8, "stochastic")
    assert (registers.accumulator.bits.value, registers.accumulator.overflow) == (24, "saturate")
    assert (registers.membrane.bits.value, registers.membrane.fraction.value) == (24, 12)
    assert registers.current.bits.value == registers.shadow.bits.value == 0
    assert (registers.trace.bits.value, registers.trace.rounding) == (7, "floor")
    assert (registers.delta.fraction.value, registers.delta.rounding) == (7, "nearest")
    assert NEUROCHIP.limits.synapse_memory_per_core.value == 128 * 1024 * 8


def test_default_chip_claims_no_measurement() -> None:
    assert {row.basis for row in hardware.rows(NEUROCHIP)} == {"assumed", "unknown", ""}


def test_loihi() -> None:
    registers, energy, time = LOIHI.registers, LOIHI.costs.energy, LOIHI.costs.time
    assert (LOIHI.neuron.fires, LOIHI.neuron.resets) == (">", ("hard",))
    assert (registers.accumulator.bits.value, registers.accumulator.overflow) == (32, "wrap")
    current = registers.current
    assert (current.bits.value, current.overflow, current.symmetric) == (24, "wrap", True)
    membrane = registers.membrane
    assert (membrane.bits.value, membrane.overflow, membrane.symmetric) == (24, "saturate", True)
    assert (membrane.fraction_rule, membrane.fraction.value) == ("weight", 6)
    assert (energy.synaptic_operation.value, time.synaptic_operation.value) == (23.6, 3.5)
    assert (energy.synaptic_update.value, time.synaptic_update.value) == (120.0, 6.1)
    assert energy.error_operation == hardware.MaybeReal(unit="pJ", basis="unknown", source="none")
    assert LOIHI.limits.learning_epoch.value == 63


def test_models_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        NEUROCHIP.registers.weight.rounding = "floor"


def test_rows_keep_the_order_of_the_file_and_show_words() -> None:
    rows = {row.key: row for row in hardware.rows(NEUROCHIP)}
    assert list(rows)[:3] == ["neuron.fires", "neuron.resets", "neuron.decay_bits"]
    assert rows["neuron.resets"].value == "soft, hard"
    assert rows["registers.membrane.symmetric"].value == "no"
    assert rows["registers.weight.bits"][1:4] == (8, "bit", "assumed")
    assert rows["costs.power.static"][1:] == (None, "mW", "unknown", "No figure exists")


# --- overrides


def test_with_values_marks_what_was_given() -> None:
    hw = NEUROCHIP.with_values({"registers.weight.bits": 4, "registers.weight.rounding": "floor"})
    assert hw.registers.weight.bits == hardware.Whole(
        value=4, unit="bit", basis="assumed", source="override"
    )
    assert hw.registers.weight.rounding == "floor"
    assert hw.sources["override"] == "Given by the user in place of the model's own value"
    assert hardware.from_toml(hw.to_toml()) == hw
    assert NEUROCHIP.registers.weight.bits.value == 8


def test_with_no_values_is_the_model_itself() -> None:
    assert NEUROCHIP.with_values({}) is NEUROCHIP


def test_with_values_takes_numpy_numbers_lists_and_unknown() -> None:
    hw = NEUROCHIP.with_values(
        {
            "registers.trace.bits": np.int64(6),
            "registers.weight.headroom": np.float32(1.5),
            "neuron.resets": ["hard"],
            "costs.energy.neuron_active": None,
            "costs.time.neuron_active": 9,
        }
    )
    assert hw.registers.trace.bits.value == 6
    assert hw.registers.weight.headroom.value == 1.5
    assert hw.neuron.resets == ("hard",)
    assert (hw.costs.energy.neuron_active.value, hw.costs.energy.neuron_active.basis) == (
        None,
        "unknown",
    )
    assert hw.costs.time.neuron_active.value == 9.0


def test_the_delta_fraction_follows_its_bits() -> None:
    assert NEUROCHIP.with_values({"registers.delta.bits": 5}).registers.delta.fraction.value == 4
    both = {"registers.delta.bits": 5, "registers.delta.fraction": 7}
    hw = NEUROCHIP.with_values(both)
    assert hw.registers.delta.fraction.value == 7
    assert hw.with_values({"registers.delta.bits": 6}).registers.delta.fraction.value == 7


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"registers.weight.bits": 17},
            "registers.weight.bits is 17 but must be 2 to 16 bit; choose a value in that range",
        ),
        (
            {"registers.current.bits": 7},
            "registers.current.bits is 7 but must be 0 or 8 to 32 bit;"
            " choose a value in that range",
        ),
        (
            {"registers.weight.headroom": 0.5},
            "registers.weight.headroom is 0.5 but must be 1 to 256; choose a value in that range",
        ),
        (
            {"costs.energy.neuron_active": -1.0},
            "costs.energy.neuron_active is -1.0 but must be 0 to 1e+12 pJ;"
            " choose a value in that range",
        ),
        (
            {"registers.weight.bits": 8.0},
            "registers.weight.bits is 8.0 but must be a whole number; change it to that",
        ),
        (
            {"registers.weight.bits": True},
            "registers.weight.bits is True but must be a whole number; change it to that",
        ),
        (
            {"registers.weight.headroom": float("nan")},
            "registers.weight.headroom is nan but must be a finite number; change it to that",
        ),
        (
            {"registers.weight.headroom": "2"},
            "registers.weight.headroom is '2' but must be a number; change it to that",
        ),
        (
            {"registers.trace.rounding": "toward_zero"},
            "registers.trace.rounding is 'toward_zero' but must be"
            " 'floor', 'nearest' or 'stochastic'; change it to that",
        ),
        (
            {"registers.membrane.symmetric": 1},
            "registers.membrane.symmetric is 1 but must be true or false; change it to that",
        ),
        (
            {"neuron.resets": []},
            "neuron.resets is empty but must hold something; give at least one",
        ),
        (
            {"registers.wieght.bits": 4},
            "'registers.wieght.bits' is not a key of a hardware model;"
            " did you mean 'registers.weight.bits'?",
        ),
        (
            {"zzz": 4},
            "'zzz' is not a key of a hardware model; `neurochip chips neurochip` lists the keys",
        ),
        (
            {"registers.shadow.bits": 8},
            "registers.shadow.bits is 8 but must be 0 or 9 to 16 bit, wider than the weights'"
            " 8 bit; widen it or set it to 0",
        ),
        (
            {"registers.membrane.bits": 13},
            "registers.membrane.fraction is 12 but must be 0 to 11 bit so that a membrane of"
            " 13 bit can hold 1.0; lower it or widen the membrane",
        ),
    ],
)
def test_with_values_refuses(values: dict[str, object], sentence: str) -> None:
    with fails(GIVEN + sentence):
        NEUROCHIP.with_values(values)


def test_a_chip_bounds_its_weights() -> None:
    with fails(
        "hardware 'loihi' with given values: registers.weight.bits is 9 but must be 2 to 8 bit,"
        " the most that this chip's weights have; choose fewer bits or another chip"
    ):
        LOIHI.with_values({"registers.weight.bits": 9})


# --- files


def test_load_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(LOIHI.to_toml(), encoding="utf-8")
    assert hardware.load(path) == hardware.load(str(path)) == LOIHI


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(edited("value = 13, unit", "value = 17, unit"), encoding="utf-8")
    with fails(
        f"{path}: registers.bias.bits is 17 but must be 2 to 16 bit; choose a value in that range"
    ):
        hardware.load(path)


def test_unknown_name() -> None:
    with fails(
        "hardware model 'loihii' is unknown; the nearest is 'loihi'; built in are"
        f" {', '.join(hardware.available())}, or give the path of a .toml file"
    ):
        hardware.load("loihii")
    with fails(
        "hardware model '' is unknown; built in are"
        f" {', '.join(hardware.available())}, or give the path of a .toml file"
    ):
        hardware.load("")


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with fails(
        f"hardware model file {path} does not exist; give an existing .toml file or one of"
        f" {', '.join(hardware.available())}"
    ):
        hardware.load(path)


def test_directory(tmp_path: Path) -> None:
    path = tmp_path / "folder.toml"
    path.mkdir()
    with fails(
        f"hardware model file {path} can't be read (Is a directory); give a readable .toml file"
    ):
        hardware.load(path)


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    with fails(f"hardware model file {path} is not UTF-8 text; give a .toml file"):
        hardware.load(path)


def test_not_toml() -> None:
    with pytest.raises(
        HardwareError, match=r"^f: not valid TOML: .*\(at .*\); mend the file there$"
    ):
        hardware.from_toml("a", where="f")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'rounding = "stochastic"\n',
            "",
            "registers.weight.rounding is missing; add it as hw_models/neurochip.toml has it",
        ),
        (
            "[neuron]\n",
            "[neuron]\nfire = 1\n",
            "neuron.fire is not a key of a hardware model; did you mean 'fires'?",
        ),
        (
            "[neuron]\n",
            "[neuron]\nzzz = 1\n",
            "neuron.zzz is not a key of a hardware model; choose one of fires, resets,"
            " decay_bits, leak",
        ),
        (
            "{ value = 8, unit",
            "{ size = 1, value = 8, unit",
            "registers.weight.bits.size is not a key of a hardware model;"
            " choose one of value, unit, basis, source",
        ),
        (
            "[registers.input]\nbits = {",
            "[registers.input]\nbits = 8\nrest = {",
            "registers.input.bits is the bare number 8; write it as a table of value, unit, basis"
            " and source as hw_models/neurochip.toml has it",
        ),
        (
            '"neurochip"',
            "3",
            "name is 3 but must be a text in quotes; change it to that",
        ),
        ('"neurochip"', '""', "name is empty but must hold something; give at least one"),
        (
            'value = 12, unit = "bit", basis = "assumed"',
            'unit = "bit", basis = "assumed"',
            "neuron.decay_bits is missing; add it as hw_models/neurochip.toml has it",
        ),
        (
            'value = 12, unit = "bit"',
            'value = 12, unit = "byte"',
            "neuron.decay_bits has the unit 'byte' but must be given in 'bit'",
        ),
        (
            'basis = "assumed"',
            'basis = "guessed"',
            "neuron.decay_bits.basis is 'guessed' but must be 'measured', 'simulated',"
            " 'calibrated', 'assumed' or 'unknown'; change it to that",
        ),
        (
            'value = 81.0, unit = "pJ", basis = "assumed"',
            'value = 81.0, unit = "pJ", basis = "unknown"',
            "costs.energy.neuron_active has the value 81.0 but basis 'unknown';"
            " drop one of the two",
        ),
        (
            'unit = "mW", basis = "unknown"',
            'unit = "mW", basis = "assumed"',
            "costs.power.static has basis 'assumed' but no value; give one or call it 'unknown'",
        ),
        (
            'source = "design"',
            'source = "rumour"',
            "neuron.decay_bits has the source 'rumour' but must name one of [sources]:"
            " design, borrowed, calibrated, network, in_message, alike, in_operation,"
            " in_active, none; add it there",
        ),
    ],
)
def test_from_toml_refuses(old: str, new: str, sentence: str) -> None:
    with fails(f"f: {sentence}"):
        hardware.from_toml(edited(old, new), where="f")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(alphabet='a."\\ é\n\x7f\x00'))
def test_any_text_survives_the_round_trip(text: str, key: str) -> None:
    sources = {**NEUROCHIP.sources, key: text, "basis": text}
    hw = Hardware.model_validate({**NEUROCHIP.model_dump(), "sources": sources})
    assert hardware.from_toml(hw.to_toml()) == hw


@given(st.floats(min_value=0.0, max_value=1e12))
def test_any_cost_survives_the_round_trip(value: float) -> None:
    hw = NEUROCHIP.with_values({"costs.time.neuron_active": value})
    assert hardware.from_toml(hw.to_toml()).costs.time.neuron_active.value == value


@given(st.integers(0, 10_000), st.sampled_from(['"', "=", "[", "9", "x", "{", "\n", "-", "\x00"]))
def test_a_damaged_file_never_gives_another_error(position: int, character: str) -> None:
    text = NEUROCHIP.to_toml()
    position %= len(text)
    try:
        hw = hardware.from_toml(text[:position] + character + text[position + 1 :])
    except HardwareError as error:
        assert "\n" not in str(error) or "\n" in character
    else:
        assert isinstance(hw.registers.weight.bits, Quantity)
