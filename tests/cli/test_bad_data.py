"""What data sets are refused, to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.cli.declared import CHANGED, flags
from tests.cli.running import Command, refused

ARRAYS: dict[str, Any] = {
    "x_train": np.zeros((6, 4), np.float32),
    "y_train": np.arange(6) % 3,
    "x_test": np.zeros((3, 4), np.float32),
    "y_test": np.arange(3),
}
NAN = np.zeros((6, 4), np.float32)
NAN[2, 1] = np.nan
BAD_DATA: dict[str, tuple[dict[str, Any], str]] = {
    "a single class": (
        {"y_train": np.full(6, 1), "y_test": np.full(3, 1)},
        "d.npz: all labels are 1 but learning to tell classes apart needs 2 or more; add samples of"
        " another class",
    ),
    "NaN": (
        {"x_train": NAN},
        "d.npz, train: x has 1 value that is not finite, the first at index (2, 1); remove or "
        "replace what isn't finite",
    ),
    "labels below 0": (
        {"y_test": np.array([0, -1, 2])},
        "d.npz, test: y has the label -1 at index 1 but labels must be whole numbers from 0 to "
        "65535; number the classes from 0 up",
    ),
    "labels that are no classes": (
        {"y_train": np.array([0, 1, 2, 0.5, 1, 2])},
        "d.npz, train: y has the label 0.5 at index 3 but labels must be whole numbers from 0 to "
        "65535; number the classes from 0 up",
    ),
    "too few labels": (
        {"y_train": np.arange(5)},
        "d.npz, train: x has 6 samples but y has 5 labels; give one label a sample",
    ),
    "other shapes": (
        {"x_test": np.zeros((3, 5), np.float32)},
        "d.npz: a training sample has shape (4,) but a test sample has shape (5,); make them equal",
    ),
    "one dimension": (
        {"x_train": np.zeros(6, np.float32)},
        "d.npz, train: x has shape (6,) but must have (samples, features...); reshape it",
    ),
    "empty": (
        {"x_train": np.zeros((0, 4), np.float32), "y_train": np.zeros(0, int)},
        "d.npz, train: x has shape (0, 4) and is empty; give at least one sample and one feature",
    ),
    "out of range": (
        {"x_train": np.full((6, 4), 7.0)},
        "d.npz, train: x has values from 7 to 7 but they must lie in [0, 1]; scale them",
    ),
    "text": (
        {"x_train": np.full((6, 4), "a")},
        "d.npz, train: x has dtype <U1 but must hold real numbers",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(neurochip: Command, here: Path, case: str) -> None:
    changed, sentence = BAD_DATA[case]
    np.savez(here / "d.npz", **{**ARRAYS, **changed})
    refused(neurochip("learn", "--data", "d.npz"), sentence)
    assert [path.name for path in here.iterdir()] == ["d.npz"]


def test_a_data_set_without_an_array(neurochip: Command, here: Path) -> None:
    np.savez(here / "d.npz", x_train=ARRAYS["x_train"], y_train=ARRAYS["y_train"])
    refused(
        neurochip("learn", "--data", "d.npz"),
        "d.npz lacks x_test, y_test (it holds x_train, y_train); store x_train, y_train, x_test, "
        "y_test",
    )


def test_events_outside_the_sensor(neurochip: Command, events: Path, here: Path) -> None:
    del here
    options = {**CHANGED, "sensor": (7,), "data": events.name}
    refused(
        neurochip("learn", *flags(options)),
        "events.npz, train: unit is 7 at event 3 of sample 1 but the sensor has 7 units, from 0 to "
        "6; mend the sensor or remove the event",
    )


@pytest.mark.parametrize(("name", "kind"), [("d.npz", "an npz file"), ("d.h5", "an HDF5 file")])
def test_a_truncated_data_set(neurochip: Command, here: Path, name: str, kind: str) -> None:
    if name.endswith(".npz"):
        np.savez(here / name, **ARRAYS)
    else:
        with h5py.File(here / name, "w") as file:
            for key, array in ARRAYS.items():
                file[key] = array
    content = (here / name).read_bytes()
    (here / name).write_bytes(content[: len(content) // 2])
    sentence = f"{name} is not {kind}, or is damaged; get the file again"
    refused(neurochip("learn", "--data", name), sentence)
    assert [path.name for path in here.iterdir()] == [name]


def test_a_truncated_idx_file(neurochip: Command, here: Path) -> None:
    folder = here / "mnist"
    folder.mkdir()
    for split, n in (("train", 3), ("t10k", 2)):
        head = bytes([0, 0, 8, 3]) + b"".join(k.to_bytes(4, "big") for k in (n, 2, 2))
        (folder / f"{split}-images-idx3-ubyte").write_bytes(head + bytes(n * 4 - 1))
        head = bytes([0, 0, 8, 1]) + n.to_bytes(4, "big")
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + bytes(n))
    refused(
        neurochip("learn", "--data", "mnist"),
        "mnist/train-images-idx3-ubyte is damaged: it has 27 bytes but its shape (3, 2, 2) of "
        "uint8 needs 28; get the file again",
    )
