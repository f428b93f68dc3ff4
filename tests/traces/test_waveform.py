"""The waveforms, read back by a small reader of the format."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurochip as nc
from neurochip.errors import ConfigError
from neurochip.traces.waveform import Signal, registers_of, write_waveform


def fails(sentence: str) -> Any:
    return pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$")


def read_back(text):
    """Time unit, {scoped name: bits} and {scoped name: [(time, value)]} of a VCD text."""
    unit = re.search(r"\$timescale (.+) \$end", text)
    scope: list[str] = []
    named: dict[str, str] = {}
    bits: dict[str, int] = {}
    changes: dict[str, list[tuple[int, int]]] = {}
    time = 0
    for line in text.splitlines():
        word = line.split()
        if word[0] == "$scope":
            scope.append(word[2])
        elif word[0] == "$upscope":
            scope.pop()
        elif word[0] == "$var":
            name = ".".join([*scope, word[4]])
            assert word[3] not in named
            named[word[3]], bits[name], changes[name] = name, int(word[2]), []
        elif word[0].startswith("#"):
            time = int(word[0][1:])
        elif word[0].startswith("b"):
            changes[named[word[1]]].append((time, int(word[0][1:], 2)))
    assert unit is not None
    assert scope == []
    return unit[1], bits, changes


def test_a_small_file_to_the_letter(tmp_path):
    """Only changes are written; -2 in four bits is 1110."""
    signal = Signal(("layer_0", "neuron_3"), "v", np.array([5, 5, -2]), 4)
    write_waveform(tmp_path / "run.vcd", [signal])
    assert (tmp_path / "run.vcd").read_text() == (
        "$timescale 1 ns $end\n"
        "$scope module layer_0 $end\n"
        "$scope module neuron_3 $end\n"
        "$var reg 4 ! v $end\n"
        "$upscope $end\n"
        "$upscope $end\n"
        "$enddefinitions $end\n"
        "#0\n"
        "b101 !\n"
        "#1\n"
        "#2\n"
        "b1110 !\n"
        "#3\n"
    )


@given(
    tables=st.lists(
        st.lists(st.integers(-128, 127), min_size=4, max_size=4), min_size=1, max_size=200
    )
)
def test_everything_can_be_read_back(tmp_path_factory, tables):
    path = tmp_path_factory.mktemp("vcd") / "run.vcd"
    signals = [Signal(("m",), f"r{k}", np.array(row), 8) for k, row in enumerate(tables)]
    times = [0, 7, 30, 1000, 1010]
    write_waveform(path, signals, times)
    unit, bits, changes = read_back(path.read_text())
    assert unit == "1 ps"
    assert set(bits.values()) == {8}
    for k, row in enumerate(tables):
        held = dict(changes[f"m.r{k}"])
        value = 0
        for time, expected in zip(times[:-1], row, strict=True):
            value = held.get(time, value)
            assert (value - 256 if value > 127 else value) == expected


@pytest.fixture(scope="module")
def seen():
    network = nc.Network.mlp([64, 6, 10], timesteps=4)
    chip = nc.Chip(network, hardware="neurochip", rule=nc.rules.OTTT(), seed=0)
    data = nc.data.load("digits").train
    return chip.observe(data.x[0], int(data.y[0]))


def test_registers_of_a_neuron(seen):
    found = registers_of(seen, 0, 5, {"v": 24, "signal": 1})
    assert [signal.name for signal in found] == ["v", "signal"]
    assert found[0].scope == ("layer_0", "neuron_5")
    assert found[0].values.tolist() == seen.v[0][:, 5].tolist()
    assert found[1].values.tolist() == seen.signal[1][:, 5].tolist()


@pytest.mark.parametrize(
    ("layer", "neuron", "bits", "sentence"),
    [
        (
            2,
            0,
            {},
            "layer 2 can't be watched: the network has the layers 0..1; choose one of those",
        ),
        (
            0,
            6,
            {},
            "neuron 6 of layer 0 can't be watched: it has the neurons 0..5; choose one of those",
        ),
        (
            0,
            0,
            {"u": 8},
            "register 'u' can't be watched; choose from signal, v_pre, v, psi, delta",
        ),
    ],
)
def test_what_cannot_be_watched(seen, layer, neuron, bits, sentence):
    with fails(sentence):
        registers_of(seen, layer, neuron, bits)


def test_a_step_without_a_time(tmp_path):
    sentence = (
        "2 steps were given 2 times, not 3; "
        "give the time at which each one begins and that at which the last one ends"
    )
    with fails(sentence):
        write_waveform(tmp_path / "run.vcd", [Signal(("m",), "v", np.array([3, 1]), 4)], [0, 7])


def test_a_value_wider_than_its_register(tmp_path):
    signal = Signal(("layer_0",), "v", np.array([3, 16]), 4)
    sentence = "register layer_0.v holds 16, which doesn't fit into 4 bits; give its real width"
    with fails(sentence):
        write_waveform(tmp_path / "run.vcd", [signal])
