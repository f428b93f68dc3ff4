"""Chips that netx can hold, and their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neurochip.chip import Chip
from neurochip.deploy import netx
from neurochip.mapping import Integers

from .lava.networks import Case, ImageCase, Stage

#: A chip whose biases are multiples of 64.
EASY = Case(sizes=(7, 6, 5, 3), timesteps=12, threshold=120, lam=0.8)


KEEPS = replace(EASY, current_lam=0.6)
#: The same with convolutions, and with nothing that lava-dl can't read.
IMAGES = ImageCase(
    sizes=(6, 3),
    shape=(2, 7, 6),
    stages=(Stage(4, 3, 1, 1), Stage(3, 2, 2, 1)),
    timesteps=12,
    threshold=120,
    lam=0.8,
)


def with_even_biases(case: Case) -> Chip:
    """The chip of a case, its biases halved and rounded to what the reader can hold."""
    chip, own = case.chip(), case.integers()
    biases = []
    for bias, layer in zip(own.biases, chip.formats.layers, strict=True):
        drop = max(0, 6 - layer.bias_exponent)
        biases.append(bias // 2 >> drop << drop)
    loaded = Integers(own.weights, (), tuple(biases), ())
    chip.load(loaded, epoch=0, n_learned=0, rate_shifts=None)
    return chip


def written(chip: Chip, folder: Path) -> Path:
    path = folder / "network.net"
    netx.write(chip, path)
    return path
