"""Shifts of a data set: what becomes of its samples, by seed, and what can't be shifted."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.data import Split
from neurochip.data.shifts import dead, moved, noisy, of_classes, rotated
from neurochip.errors import DataError
from tests.naive import shifts as naive


def images(*shape: int, n: int = 3, seed: int = 0) -> Split:
    x = np.random.default_rng(seed).random((n, *shape), np.float32)
    return Split(x, np.arange(n), name="images")


def spikes() -> Split:
    return Split(np.ones((2, 3, 4, 4), np.uint8), np.arange(2), temporal=True, name="spikes")


@settings(deadline=None, max_examples=30)
@given(st.floats(-400, 400), st.integers(1, 6), st.integers(1, 6))
def test_each_pixel_of_a_rotated_image_is_that_of_the_plain_way(
    degrees: float, height: int, width: int
) -> None:
    split = images(2, height, width)
    turned = rotated(split, degrees).x
    for sample, channel in np.ndindex(3, 2):
        wanted = naive.rotated(split.x[sample, channel], degrees)
        np.testing.assert_allclose(turned[sample, channel], wanted, atol=1e-5)


def test_a_quarter_turn_is_counterclockwise() -> None:
    split = images(5, 5)
    expected = np.rot90(split.x, axes=(1, 2))
    np.testing.assert_allclose(rotated(split, 90.0).x, expected, atol=1e-6)


def test_a_row_is_turned_as_the_square_that_it_is() -> None:
    square = images(4, 4)
    row = Split(square.flat(), square.y)
    np.testing.assert_array_equal(rotated(row, 30.0).x, rotated(square, 30.0).flat())


def test_images_move_to_the_right_and_zeros_come_in() -> None:
    split = Split(np.array([[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]]), np.array([0]))
    np.testing.assert_allclose(moved(split, 1).x[0], [[0, 0.1, 0.2], [0, 0.4, 0.5]])
    np.testing.assert_allclose(moved(split, -2).x[0], [[0.3, 0, 0], [0.6, 0, 0]])
    np.testing.assert_array_equal(moved(split, 0).x, split.x)


def test_noise_has_its_deviation_and_stays_in_range() -> None:
    grey = Split(np.full((50, 20, 20), 0.5, np.float32), np.zeros(50))
    there = noisy(grey, 0.1, 3).x
    assert np.std(there) == pytest.approx(0.1, rel=0.02)
    assert np.mean(there) == pytest.approx(0.5, abs=0.002)
    wild = noisy(grey, 5.0, 3).x
    assert wild.min() == 0.0
    assert wild.max() == 1.0


def test_dead_pixels_are_the_same_in_every_sample_and_at_every_step() -> None:
    split = images(4, 4)
    gone = dead(split, 0.25, 0).x == 0
    assert gone[0].sum() == 4
    np.testing.assert_array_equal(gone, np.broadcast_to(gone[0], gone.shape))
    of_spikes = dead(spikes(), 0.25, 0).x == 0
    np.testing.assert_array_equal(of_spikes, np.broadcast_to(gone[0], of_spikes.shape))


def test_the_seed_alone_decides_what_is_drawn() -> None:
    split = images(4, 4)
    for first, again, other in (
        (noisy(split, 0.2, 1), noisy(split, 0.2, 1), noisy(split, 0.2, 2)),
        (dead(split, 0.3, 1), dead(split, 0.3, 1), dead(split, 0.3, 2)),
    ):
        np.testing.assert_array_equal(first.x, again.x)
        assert not np.array_equal(first.x, other.x)


def test_classes_are_picked_in_order() -> None:
    split = Split(np.random.default_rng(0).random((5, 3)), np.array([2, 0, 1, 2, 1]))
    np.testing.assert_array_equal(of_classes(split, 1, 3).y, [2, 1, 2, 1])


@pytest.mark.parametrize(
    ("shift", "sentence"),
    [
        (
            lambda: rotated(spikes(), 30.0),
            "spikes: a sample has the shape (4, 4) at each step, but only still images can be "
            "rotated; give (height, width) or (channels, height, width) a sample",
        ),
        (
            lambda: moved(images(5), 1),
            "images: a sample has the shape (5,), but only still images can be moved; give "
            "(height, width) or (channels, height, width) a sample",
        ),
        (
            lambda: moved(images(4, 4), -4),
            "images: images are 4 pixels wide but are to be moved by -4, so that nothing of them "
            "is left; move them by 3 or less",
        ),
        (
            lambda: noisy(spikes(), 0.1, 0),
            "spikes: samples are spikes, to which noise can't be added; give samples of numbers, "
            "or make pixels dead",
        ),
        (
            lambda: of_classes(images(4), 3, 5),
            "images: no sample has a label of 3 to 4; choose other classes",
        ),
    ],
)
def test_what_cannot_be_shifted_is_refused(shift, sentence: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(sentence)}$"):
        shift()
