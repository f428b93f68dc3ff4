"""Make netx.npz, what lava-dl's reader made of our files: python -m tests.vectors.make_netx_vectors

It needs lava-dl 0.6.0 beside lava-nc (tests/deploy/lava_dl.py), so Python 3.10;
tests/deploy/test_lava_dl.py then reads it everywhere. Arrays: weights and read, matrices (k, 3, 2)
before and after; and of case c: c/file/..., the datasets of the file that was read, c/inputs
(samples, T, n_in), and c/{u,v,s}{l} (samples, T, n_out) of layer l; v is after the reset.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurochip.deploy.recording import record
from tests.deploy import lava_dl
from tests.deploy.lava.networks import Case
from tests.deploy.netx_chips import EASY, IMAGES, KEEPS, with_even_biases, written

FILE = Path(__file__).with_name("netx.npz")
CASES: dict[str, Case] = {
    "dense": replace(EASY, threshold=60),
    "dense, spiking": replace(EASY, threshold=60, readout="spiking"),
    "keeps currents, leaky": replace(KEEPS, threshold=60, readout="leaky"),
    "conv": replace(IMAGES, threshold=60),
}
#: Matrices of one sign, of both, around powers of two, and with common zeros, among random ones.
TRAPS = [
    [[-128, 0]] * 3,
    [[-128, -128]] * 3,
    [[-64, -32]] * 3,
    [[129, -1]] * 3,
    [[254, -256]] * 3,
    [[255, 1]] * 3,
]


def matrices() -> np.ndarray:
    """Those that are read, (k, 3, 2), none of them all 0."""
    rng = np.random.default_rng(0)
    ends = rng.integers(1, 257, (200, 2))
    drawn = [rng.integers(-low, min(high, 255), (3, 2), endpoint=True) for low, high in ends]
    one_sign = [sign * abs(matrix).clip(max=255) for matrix in drawn[:60] for sign in (-1, 1)]
    even = [matrix >> shift << shift for matrix in drawn[60:100] for shift in (1, 3)]
    every = np.array([*TRAPS, *drawn, *one_sign, *even])
    return every[every.any(axis=(1, 2))]


def contents(path: Path) -> dict[str, np.ndarray]:
    """The datasets of a netx file by their paths."""
    held: dict[str, np.ndarray] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            # Without the metadata that h5py gives to types of texts.
            held[f"file/{name}"] = np.array(item[()].tolist(), item.dtype.str)

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return held


def vectors_of(reader: Any, case: Case) -> dict[str, np.ndarray]:
    """What lava-dl and Lava make of a case."""
    chip, samples = with_even_biases(case), case.samples(2)
    with tempfile.TemporaryDirectory() as folder:
        path = written(chip, Path(folder))
        held = lava_dl.states_held(reader, chip, path, samples)
        arrays = {**contents(path), "inputs": record(chip, samples).inputs}
    for number, states in enumerate(held):
        arrays |= {f"{state}{number}": values for state, values in states.items()}
    return arrays


def main() -> None:
    """Write the file anew."""
    weights = matrices()
    with lava_dl.reader() as reader:
        read = np.array([lava_dl.weights_read(reader, matrix) for matrix in weights])
        arrays = {
            f"{name}/{key}": array
            for name, case in CASES.items()
            for key, array in vectors_of(reader, case).items()
        }
    np.savez_compressed(FILE, weights=weights, read=read, **arrays)


if __name__ == "__main__":
    main()
