"""Widths of single layers: where they are kept, and which are refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip import hardware
from neurochip.chip import Chip
from neurochip.errors import LimitError
from neurochip.mapping import Widths, map_network, weight_memory
from neurochip.mapping.demand import SYNAPSES
from neurochip.network import Network
from neurochip.rules import OTTT

CHIP = hardware.load("neurochip")
NETWORK = Network.mlp([6, 5, 4], timesteps=3)


def ends(bits: int) -> tuple[int, int]:
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def test_weights_have_the_width_of_their_layer() -> None:
    chip = Chip(NETWORK, widths=Widths((5, 3)))
    assert [layer.weight_bits for layer in chip.formats.layers] == [5, 3]
    for w, bits in zip(chip.integers.weights, (5, 3), strict=True):
        low, high = ends(bits)
        assert low <= w.min() < w.max() <= high
        assert 2 * max(-w.min(), w.max()) >= high // 2  # headroom of 2 and no more
    assert chip.formats.widths == Widths((5, 3))


def test_the_widths_of_all_layers_are_those_of_the_chip() -> None:
    plain, told = Chip(NETWORK), Chip(NETWORK, widths=Widths((8, 8)))
    for a, b in zip(plain.integers.weights, told.integers.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (plain.map.used == told.map.used).all()


def test_a_read_out_has_a_membrane_of_its_own() -> None:
    layers = Chip(NETWORK, widths=Widths((), 9, 5)).formats.layers
    assert [(layer.membrane_bits, layer.membrane) for layer in layers] == [(0, 12), (9, 5)]


def test_memory_is_that_of_the_layers() -> None:
    widths = Widths((5, 3))
    assert weight_memory(NETWORK, CHIP, widths) == 6 * 5 * 5 + 5 * 4 * 3
    words = CHIP.with_values({"limits.weight_word": 1})
    rule = OTTT("accumulate")
    sums = words.registers.gradient.bits.value
    used = map_network(NETWORK, words, rule, widths=widths).used.sum(axis=0)
    assert used[SYNAPSES] == 30 * (5 + sums) + 20 * (3 + sums)


REFUSED: dict[str, tuple[Widths, dict[str, Any], str]] = {
    "too few": (
        Widths((8,)),
        {},
        "layer_bits has 1 entries, but the network has 2 weight layers; give one for each",
    ),
    "wider than the chip's": (
        Widths((8, 9)),
        {},
        "layer_bits of layer 1 is 9, but weights of hardware 'neurochip' have 2 to 8 bits; choose "
        "one of these, or widen weight_bits",
    ),
    "a bit": (
        Widths((1, 8)),
        {},
        "layer_bits of layer 0 is 1, but weights of hardware 'neurochip' have 2 to 8 bits; choose "
        "one of these, or widen weight_bits",
    ),
    "a read-out of 5 bits": (
        Widths((), 5),
        {},
        "readout_bits is 5, but membranes have 6 to 32 bits; choose one of these",
    ),
    "a fraction without room for 1.0": (
        Widths((), 12, 11),
        {},
        "readout_fraction is 11, but a read-out of 12 bits holds 1.0 with 0 to 10; lower it or "
        "widen readout_bits",
    ),
    "the chip's own fraction": (
        Widths((), 13),
        {},
        "readout_fraction is 12, but a read-out of 13 bits holds 1.0 with 0 to 11; lower it or "
        "widen readout_bits",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_chip_has_not(name: str) -> None:
    widths, values, sentence = REFUSED[name]
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        Chip(NETWORK, CHIP.with_values(values), widths=widths)


def test_a_layer_whose_weights_vanish() -> None:
    small = Network.mlp([2, 2], timesteps=1)
    start = Chip(small).initial
    weights = np.array([[1.0, 0.0], [0.0, 0.2]])
    narrow = CHIP.with_values({"registers.weight.headroom": 8.0})
    sentence = (
        "all weights of layer 0 round to 0 with layer_bits = 2 and headroom = 8; use more bits or "
        "a smaller headroom"
    )
    given = type(start)((weights,), start.biases)
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        Chip(small, narrow, parameters=given, widths=Widths((2,)))
