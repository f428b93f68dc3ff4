"""Splits, data sets and encoders: what they accept, and what they say when they don't."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurochip.data import Dataset, Split, from_arrays, to_graded
from neurochip.errors import DataError

X = np.linspace(0, 1, 24).reshape(4, 2, 3)
Y = np.array([0, 1, 2, 1])
BAD_X = X.copy()
BAD_X[1, 0, 2] = np.nan
WORSE_X = BAD_X.copy()
WORSE_X[3, 1, 1] = -np.inf


def fails(sentence: str) -> pytest.RaisesExc[DataError]:
    return pytest.raises(DataError, match=f"^{re.escape(sentence)}$")


def test_a_split_keeps_the_shape_and_fixes_the_dtypes() -> None:
    split = Split(X, Y.astype(np.uint8))
    assert split.x.shape == (4, 2, 3)
    assert split.x.dtype == np.float32
    assert split.y.dtype == np.int64
    assert (len(split), split.sample_shape, split.n_features) == (4, (2, 3), 6)
    assert split.flat().shape == (4, 6)
    np.testing.assert_array_equal(split.x, X.astype(np.float32))
    np.testing.assert_array_equal(split.y, Y)


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535), (np.bool_, 1)])
def test_images_are_divided_by_their_full_range(dtype: type, full: int) -> None:
    split = Split(np.array([[0, full]], dtype), np.array([0]))
    assert split.x.tolist() == [[0.0, 1.0]]


def test_whole_float_labels_and_float32_pixels_are_taken_as_they_are() -> None:
    x = X.astype(np.float32)
    split = Split(x, Y.astype(np.float32))
    assert split.y.tolist() == [0, 1, 2, 1]
    assert np.shares_memory(split.x, x)


def test_spike_trains() -> None:
    spikes = (X > 0.5).reshape(4, 3, 2)
    split = Split(spikes, Y, temporal=True)
    assert split.x.dtype == np.uint8
    assert (split.flat().shape, split.sample_shape) == ((4, 3, 2), (2,))
    np.testing.assert_array_equal(split.x, spikes)
    assert split.take(2).temporal


def test_graded_frames() -> None:
    frames = np.full((4, 3, 2), 51, np.uint8)
    split = Split(frames, Y, temporal=True, graded=True)
    assert split.x.dtype == np.float32
    np.testing.assert_array_equal(split.x, np.float32(0.2))
    assert (split.flat().shape, split.sample_shape, split.n_features) == ((4, 3, 2), (2,), 2)
    assert split.take(2).graded
    with fails("data: x has values from 0 to 2 but they must lie in [0, 1]; scale them"):
        Split(X.reshape(4, 3, 2) * 2, Y, temporal=True, graded=True)
    spikes = Split(frames > 0, Y, temporal=True)
    with fails("mine: only one of train and test holds graded frames; make them equal"):
        Dataset("mine", split, spikes, 3)


def test_selection() -> None:
    split = Split(X, Y, name="mine")
    assert split.take(2).y.tolist() == [0, 1]
    assert split[1::2].y.tolist() == [1, 1]
    assert split[np.array([3, 0])].y.tolist() == [1, 0]
    assert split[split.y == 1].x.shape == (2, 2, 3)
    assert split[:1].name == "mine"
    with fails("mine: 5 samples were asked for; take from 1 to its 4 samples"):
        split.take(5)
    with fails(
        "mine: x has shape (0, 2, 3) and is empty; give at least one sample and one feature"
    ):
        split[4:]
    with pytest.raises(DataError, match=r"^mine: the selection .*; select among its 4 samples$"):
        split[np.array([4])]
    with pytest.raises(TypeError, match=r"^a Split takes a slice or an array, not a int$"):
        split[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (X, Y[:3], "x has 4 samples but y has 3 labels; give one label a sample"),
        (
            X,
            np.eye(4),
            "y has shape (4, 4) but must have (samples,); give one class number a sample",
        ),
        (
            X[:, 0, 0],
            Y,
            "x has shape (4,) but must have (samples, features...); reshape it",
        ),
        (
            X[:0],
            Y[:0],
            "x has shape (0, 2, 3) and is empty; give at least one sample and one feature",
        ),
        (
            X[:, :0],
            Y,
            "x has shape (4, 0, 3) and is empty; give at least one sample and one feature",
        ),
        (X.astype(str), Y, "x has dtype <U32 but must hold real numbers"),
        (X + 1j, Y, "x has dtype complex128 but must hold real numbers"),
        (X, Y.astype("U1"), "y has dtype <U1 but must hold real numbers"),
        (
            X.astype(np.int64),
            Y,
            "x has dtype int64, whose range of values is unknown;"
            " give uint8 or uint16, or floats in [0, 1]",
        ),
        (
            BAD_X,
            Y,
            "x has 1 value that is not finite, the first at index (1, 0, 2);"
            " remove or replace what isn't finite",
        ),
        (
            WORSE_X,
            Y,
            "x has 2 values that are not finite, the first at index (1, 0, 2);"
            " remove or replace what isn't finite",
        ),
        (
            X * 255,
            Y,
            "x has values from 0 to 255 but they must lie in [0, 1]; scale them",
        ),
        (
            X * 1e300 - 0.5,
            Y,
            "x has values from -0.5 to 1e+300 but they must lie in [0, 1]; scale them",
        ),
        (
            X,
            np.array([0, 1, -1, -2]),
            "y has the label -1 at index 2 but labels must be whole numbers from 0 to 65535;"
            " number the classes from 0 up",
        ),
        (
            X,
            np.array([0, 1.5, 1, 0]),
            "y has the label 1.5 at index 1 but labels must be whole numbers from 0 to 65535;"
            " number the classes from 0 up",
        ),
        (
            X,
            np.array([0, 1, 1, np.nan]),
            "y has the label nan at index 3 but labels must be whole numbers from 0 to 65535;"
            " number the classes from 0 up",
        ),
        (
            X,
            np.array([0, 1, 1, 2**64 - 1], np.uint64),
            "y has the label 18446744073709551615 at index 3 but labels must be whole numbers from"
            " 0 to 65535; number the classes from 0 up",
        ),
    ],
)
def test_a_split_refuses(x: Any, y: Any, sentence: str) -> None:
    with fails(f"mnist, train: {sentence}"):
        Split(x, y, name="mnist, train")


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (
            X,
            "x has the value 0.043478260869565216 at index (0, 0, 1) but spike trains hold 0 and 1"
            " only; choose the encoding graded, rate or bernoulli, or give spike trains",
        ),
        (
            np.full((4, 2, 1), 2, np.uint8),
            "x has the value 2 at index (0, 0, 0) but spike trains hold 0 and 1 only;"
            " choose the encoding graded, rate or bernoulli, or give spike trains",
        ),
        (
            X[:, 0],
            "x has shape (4, 3), without time steps, but spike trains have (samples, steps,"
            " features...); choose the encoding graded, rate or bernoulli, or give spike trains",
        ),
        (
            X[:, 0, 0],
            "x has shape (4,) but must have (samples, steps, features...); reshape it",
        ),
    ],
)
def test_spike_trains_refuse(x: Any, sentence: str) -> None:
    with fails(f"data: {sentence}"):
        Split(x, Y, temporal=True)


def test_a_data_set_of_arrays() -> None:
    data = from_arrays(X, Y, X[:2], [3, 0], name="mine")  # type: ignore[arg-type]
    assert (data.name, data.n_classes, len(data.train), len(data.test)) == ("mine", 4, 4, 2)
    assert from_arrays(X, Y, X, Y, n_classes=10).n_classes == 10


def test_a_data_set_refuses() -> None:
    with fails("arrays, test: x has 4 samples but y has 2 labels; give one label a sample"):
        from_arrays(X, Y, X, Y[:2])
    with fails(
        "arrays: a training sample has shape (2, 3) but a test sample has shape (2, 2);"
        " make them equal"
    ):
        from_arrays(X, Y, X[:, :, :2], Y)
    with fails(
        "arrays, test: y has the label 2 at index 2 but n_classes is 2, so labels must be 0 to 1;"
        " raise n_classes or mend them"
    ):
        from_arrays(X, np.array([0, 1, 0, 1]), X, Y, n_classes=2)
    for n_classes in (0, 1):
        with fails(
            f"arrays: n_classes is {n_classes} but must be 2 to 65536; choose a number in that"
            " range"
        ):
            from_arrays(X, Y, X, Y, n_classes=n_classes)
    with fails(
        "arrays: all labels are 3 but learning to tell classes apart needs 2 or more; add samples"
        " of another class"
    ):
        from_arrays(X, np.full(4, 3), X, np.full(4, 3))
    static, spikes = Split(X, Y), Split(X > 0.5, Y, temporal=True)
    with fails("mixed: only one of train and test holds spike trains; make them equal"):
        Dataset("mixed", static, spikes, 3)


# --- graded inputs


def test_graded_inputs() -> None:
    x = np.array([[[0.0, 1 / 512], [0.499, 0.5]], [[0.75, 254 / 256], [0.998, 1.0]]])
    graded = to_graded(x)
    assert graded.dtype == np.uint8
    assert graded.tolist() == [[0, 1, 128, 128], [192, 254, 255, 255]]
    assert to_graded(x, bits=1).tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]]
    assert to_graded(x[0, 1], bits=4).tolist() == [[8], [8]]


@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32)), st.integers(1, 8))
def test_graded_inputs_are_the_nearest_steps(x: Any, bits: int) -> None:
    graded = to_graded(x, bits)
    assert graded.max() < 1 << bits
    error = np.abs(graded / float(1 << bits) - x)
    assert error[graded < (1 << bits) - 1].max(initial=0.0) <= 0.5 / (1 << bits)


def test_graded_inputs_refuse() -> None:
    with fails("graded inputs have 1 to 8 bits, not 9; choose as many"):
        to_graded(X, bits=9)
    with fails("graded inputs: x has values from -1 to 0 but they must lie in [0, 1]; scale them"):
        to_graded(X - 1)
    with fails(
        "graded inputs: x has 1 value that is not finite, the first at index (1, 0, 2);"
        " remove or replace what isn't finite"
    ):
        to_graded(BAD_X)
    with fails(
        "graded inputs are made of floats (samples, features...), not of uint8 of shape (2, 2);"
        " convert them"
    ):
        to_graded(np.zeros((2, 2), np.uint8))
