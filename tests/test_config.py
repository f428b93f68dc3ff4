"""A run's options: validated once, and turned into a chip, a rule and a network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from neurochip import hardware
from neurochip.config import HALVE_AT, MEMBRANE_WHOLE_BITS, RunConfig, make, read
from neurochip.data import Layout
from neurochip.errors import ConfigError, HardwareError, NeurochipError, RuleError
from neurochip.hardware import Faults
from neurochip.mapping import Widths
from neurochip.network import LIF, Network
from neurochip.rules import OTTT, Surrogate


def fails(kind: type[NeurochipError], sentence: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def test_the_defaults_are_the_first_run() -> None:
    config = make({})
    assert (config.data, config.hidden, config.timesteps) == ("digits", (128,), 8)
    assert (config.hardware, config.rule, config.update) == ("neurochip", "ottt", "online")
    assert (config.epochs, config.seed) == (15, 0)
    assert config.load_hardware() == hardware.load("neurochip")
    assert config.make_rule() == OTTT(halve_at=HALVE_AT)
    assert config.make_network((64,), 10, config.load_hardware()).sizes == (64, 128, 10)


def test_options_come_back_from_a_dict() -> None:
    config = make({"hidden": [5, 6], "weight_bits": 4, "halve_at": [], "trace_input": False})
    assert config.hidden == (5, 6)
    options = json.loads(json.dumps(config.to_dict()))
    assert options["halve_at"] == []
    assert "shadow_bits" not in options
    assert make(options) == config


def test_a_copy_with_other_options() -> None:
    config = make({"seed": 3})
    assert config.with_options({"epochs": 5}) == make({"seed": 3, "epochs": 5})
    with fails(ConfigError, "configuration: epochs is 0; it must be 1 or more"):
        config.with_options({"epochs": 0})


REGISTERS: dict[str, tuple[str, Any]] = {
    "weight_bits": ("weight.bits", 7),
    "shadow_bits": ("shadow.bits", 12),
    "trace_bits": ("trace.bits", 6),
    "trace_rounding": ("trace.rounding", "nearest"),
    "error_bits": ("error.bits", 7),
    "delta_bits": ("delta.bits", 6),
    "delta_rounding": ("delta.rounding", "stochastic"),
    "membrane_bits": ("membrane.bits", 20),
    "membrane_fraction": ("membrane.fraction", 10),
    "membrane_overflow": ("membrane.overflow", "wrap"),
    "accumulator_bits": ("accumulator.bits", 20),
    "accumulator_overflow": ("accumulator.overflow", "wrap"),
    "random_words": ("weight.random_words", "step"),
    "gradient_bits": ("gradient.bits", 12),
    "bias_bits": ("bias.bits", 12),
    "input_bits": ("input.bits", 6),
}


@pytest.mark.parametrize("option", REGISTERS)
def test_a_width_reaches_its_register(option: str) -> None:
    key, value = REGISTERS[option]
    default, changed = make({}).load_hardware(), make({option: value}).load_hardware()
    register, field = key.split(".")

    def held(chip: hardware.Hardware) -> Any:
        found = getattr(getattr(chip.registers, register), field)
        return getattr(found, "value", found)

    assert held(changed) == value != held(default)


def test_one_rounding_is_for_weights_and_shadow() -> None:
    registers = make({"rounding": "floor"}).load_hardware().registers
    assert registers.weight.rounding == registers.shadow.rounding == "floor"


def test_every_register_option_is_tested() -> None:
    endings = ("_bits", "_rounding", "_overflow")
    named = {name for name in RunConfig.model_fields if name.endswith(endings)}
    named |= {"membrane_fraction", "random_words"}
    assert named - {"layer_bits", "readout_bits", "stuck_bits"} == set(REGISTERS)


def test_single_layers_have_widths_of_their_own() -> None:
    assert make({}).widths == Widths()
    assert make({"layer_bits": [8, 4]}).widths == Widths((8, 4))
    assert make({"readout_bits": 20}).widths == Widths((), 20, 12)
    assert make({"readout_bits": 10, "membrane_bits": 8}).widths == Widths((), 10, 6)
    assert make({"readout_bits": 10, "readout_fraction": 8}).widths == Widths((), 10, 8)


def test_a_delta_keeps_its_range() -> None:
    delta = make({"delta_bits": 6}).load_hardware().registers.delta
    assert delta.fraction.value == 5


def test_faults_are_drawn_by_the_run_s_seed_or_their_own() -> None:
    assert make({}).faults == Faults()
    assert make({"stuck_bits": 0.1, "seed": 5}).faults == Faults(stuck_bits=0.1, seed=5)
    assert make({"dead_cores": 2, "fault_seed": 7}).faults == Faults(dead_cores=2, seed=7)


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"stuck_bits": 2.0}, "stuck_bits is 2.0; it must be a share from 0 to 1"),
    ({"sound_epochs": -1}, "sound_epochs is -1; it must be 0 or more"),
    ({"fault_seed": -1}, f"fault_seed is -1; it must be from 0 to {2**63 - 1}"),
    (
        {"engine": "loihi3f", "weight_drift": 0.1},
        "weight_drift is for engine 'chip', but the engine is 'loihi3f'; leave one of them out",
    ),
    (
        {"engine": "loihi3f", "dead_neurons": 0.5},
        "dead_neurons 0.5 is for engine 'chip', but the engine is 'loihi3f'; leave one of them out",
    ),
]


@pytest.mark.parametrize(("options", "sentence"), FAULTS)
def test_faults_out_of_range(options: dict[str, Any], sentence: str) -> None:
    with fails(ConfigError, f"configuration: {sentence}"):
        make(options)


def test_a_narrower_membrane_keeps_its_whole_bits() -> None:
    def fraction(**options: Any) -> int:
        return make(options).load_hardware().registers.membrane.fraction.value

    assert fraction(membrane_bits=32) == fraction() == 12
    assert fraction(membrane_bits=10) == 10 - MEMBRANE_WHOLE_BITS
    assert fraction(membrane_bits=10, membrane_fraction=3) == 3


def test_the_rule_gets_its_options() -> None:
    config = make(
        {
            "update": "last",
            "surrogate": "boxcar",
            "width": 0.25,
            "alpha": 2.0,
            "feedback": "direct",
            "loss": "mse",
            "trace_input": True,
            "rate_shifts": [3, 4],
            "halve_at": [2],
        }
    )
    assert config.make_rule() == OTTT(
        "last",
        Surrogate("boxcar", 2.0, 0.25),
        "direct",
        "mse",
        trace_input=True,
        rate_shifts=(3, 4),
        halve_at=(2,),
    )


def test_the_network_gets_its_options() -> None:
    config = make({"hidden": [7], "lam": 0.75, "v_th": 2, "readout": "leaky", "bias": False})
    network = config.make_network((3,), 2, config.load_hardware())
    assert network.sizes == (3, 7, 2)
    assert (network.neurons[0].lam, network.neurons[0].v_th) == (0.75, 2.0)
    assert network.readout == "leaky"
    assert not network.dense[0].bias


CONV = "4C3-P2-20"


@pytest.mark.parametrize(
    ("sample_shape", "in_shape"),
    [((64,), (1, 8, 8)), ((8, 6), (1, 8, 6)), ((3, 9, 8), (3, 9, 8))],
)
def test_a_convolutional_network(sample_shape: tuple[int, ...], in_shape: tuple[int, ...]) -> None:
    config = make({"conv": CONV, "padding": 1, "lam": 0.75, "readout": "leaky", "timesteps": 5})
    network = config.make_network(sample_shape, 7, config.load_hardware())
    wanted = Network.conv(
        CONV, in_shape, 7, timesteps=5, padding=1, neuron=LIF(0.75), readout="leaky"
    )
    assert network == wanted


def test_a_convolutional_network_needs_images() -> None:
    config = make({"conv": CONV})
    sentence = (
        "a convolution or a pool needs images, but a sample has the shape (63,); give data of "
        "(height, width) or (channels, height, width) a sample"
    )
    with fails(ConfigError, sentence):
        config.make_network((63,), 10, config.load_hardware())


def test_hidden_beside_conv() -> None:
    sentence = (
        "configuration: hidden is [30] beside conv = '4C3-P2-20'; give the neurons after the "
        "convolutions as the last part of conv"
    )
    with fails(ConfigError, sentence):
        make({"conv": CONV, "hidden": (30,)})


@pytest.mark.parametrize("name", hardware.available())
def test_neurons_are_the_chips_unless_told(name: str) -> None:
    config = make({"hardware": name})
    chip = config.load_hardware()
    neuron = config.make_network((3,), 2, chip).neurons[0]
    assert (neuron.reset, neuron.fires) == (chip.neuron.resets[0], chip.neuron.fires)
    told = make({"hardware": name, "reset": "hard"})
    assert told.make_network((3,), 2, chip).neurons[0].reset == "hard"


def test_what_is_unknown() -> None:
    known = ", ".join(RunConfig.model_fields)
    with fails(ConfigError, f"here: option 'colour' is unknown; the options are {known}"):
        make({"colour": 1}, "here")
    sentence = (
        "there is no learning rule 'stdp'; the known rules are 'ottt', 'sltt', 'bptt', 'tet', "
        "'tssl_bp', 'spike_representation'."
    )
    with fails(RuleError, sentence):
        make({"rule": "stdp"}).make_rule()
    sentence = "rule 'tet' has no binding to a chip's integers; a chip learns by 'ottt'."
    with fails(RuleError, sentence):
        make({"rule": "tet"}).make_rule()
    with pytest.raises(HardwareError, match=r"^hardware model 'foo' is unknown; "):
        make({"hardware": "foo"}).load_hardware()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"timesteps": 0}, "timesteps is 0; it must be 1 or more"),
        ({"epochs": -1}, "epochs is -1; it must be 1 or more"),
        ({"train_samples": 0}, "train_samples is 0; it must be 1 or more"),
        ({"test_samples": 0}, "test_samples is 0; it must be 1 or more"),
        ({"hidden": [3, 0]}, "hidden is [3, 0]; each must be 1 or more"),
        ({"hidden": 3}, "hidden is 3; it must be a list"),
        ({"hidden": ["3"]}, "hidden is '3'; it must be a whole number"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"seed": 0.5}, "seed is 0.5; it must be a whole number"),
        ({"seed": True}, "seed is True; it must be a whole number"),
        ({"lam": "1/2"}, "lam is '1/2'; it must be a number"),
        ({"bias": 1}, "bias is 1; it must be true or false"),
        ({"data": 1}, "data is 1; it must be a text"),
        ({"reset": "no"}, "reset is 'no'; it must be 'soft' or 'hard'"),
        (
            {"encoding": "morse"},
            "encoding is 'morse'; it must be 'graded', 'rate', 'bernoulli' or 'spikes'",
        ),
        (
            {"rounding": "up"},
            "rounding is 'up'; it must be 'floor', 'toward_zero', 'nearest' or 'stochastic'",
        ),
    ],
)
def test_what_is_wrong(options: dict[str, Any], sentence: str) -> None:
    with fails(ConfigError, f"c.toml: {sentence}"):
        make(options, "c.toml")


def test_the_layout_gets_its_options() -> None:
    assert make({}).make_layout() is None
    arrays = {"t": "when", "x": "column", "y": "row", "label": "class"}
    options = {"sensor": [3, 4], "duration": 5, "binning": "count", "full_count": 6}
    config = make({"arrays": arrays, "test_where": "part = 1, 2", **options})
    assert config.make_layout() == Layout(
        arrays,
        test_where=("part", (1, 2)),
        sensor=(3, 4),
        duration=5.0,
        by="count",
        full_count=6,
    )
    assert make(json.loads(json.dumps(config.to_dict()))) == config
    config = make({"series": True, "value_range": [-1, 2]})
    assert config.make_layout() == Layout(series=True, value_range=(-1.0, 2.0))


@pytest.mark.parametrize("text", ["", "part", "part=", "=1", "part=one", "part=1,"])
def test_samples_for_testing_that_are_not_said(text: str) -> None:
    with fails(
        ConfigError,
        f"test_where is {text!r}; it must be an array and its whole numbers for testing, such as"
        " speaker=4,5",
    ):
        make({"test_where": text}).make_layout()


@pytest.mark.parametrize("option", [name for name in REGISTERS if name.endswith("_bits")])
@pytest.mark.parametrize("bits", [1000, -1])
def test_a_width_out_of_range(option: str, bits: int) -> None:
    key, _ = REGISTERS[option]
    sentence = f"hardware 'neurochip' with given values: registers.{key} is {bits} but must be "
    with pytest.raises(HardwareError, match=f"^{re.escape(sentence)}.*; choose .*$"):
        make({option: bits}).load_hardware()


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('hidden = [5]\nupdate = "last"\nlam = 0\n')
    assert make(read(path)) == make({"hidden": (5,), "update": "last", "lam": 0.0})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    with fails(
        ConfigError,
        f"configuration {str(path)!r} can't be read (No such file or directory); check the path",
    ):
        read(path)
    with fails(
        ConfigError,
        f"configuration {str(tmp_path)!r} can't be read (Is a directory); check the path",
    ):
        read(tmp_path)
    path.write_text("hidden = [\n")
    with pytest.raises(ConfigError, match=r"is not valid TOML \(.*\); mend that line$"):
        read(path)


def test_every_option_says_what_it_is() -> None:
    for name, field in RunConfig.model_fields.items():
        assert field.description, name
