"""Moved images against a slow, obvious twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip import data as data_sets
from neurochip import fixed
from neurochip.config import make
from neurochip.data import Split
from neurochip.data.augment import COLUMNS, ROWS, shifted
from neurochip.errors import ConfigError
from neurochip.samples import shown

DIGITS = data_sets.load("digits").train.take(300)
SHAPE = (1, 8, 8)


def move(n: int, pixels: int, seed: int, purpose: int, epoch: int) -> int:
    word = int(fixed.random_words(fixed.random_key(seed, purpose, epoch, 0, 0), n))
    return word * (2 * pixels + 1) // 2**16 - pixels


def twin(image: np.ndarray, down: int, right: int) -> np.ndarray:
    moved = np.zeros_like(image)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            if 0 <= y - down < image.shape[0] and 0 <= x - right < image.shape[1]:
                moved[y, x] = image[y - down, x - right]
    return moved


@given(seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 99), pixels=st.integers(0, 9))
@settings(max_examples=20)
def test_every_image_is_moved_by_its_own_words(seed: int, epoch: int, pixels: int) -> None:
    part = DIGITS.take(5)
    moved = shifted(part, SHAPE, pixels, seed, epoch)
    for n, (before, after) in enumerate(zip(part.x, moved.x, strict=True)):
        by = [move(n, pixels, seed, purpose, epoch) for purpose in (ROWS, COLUMNS)]
        np.testing.assert_array_equal(after.reshape(8, 8), twin(before.reshape(8, 8), *by))
    np.testing.assert_array_equal(moved.y, part.y)


def test_an_image_does_not_depend_on_the_others() -> None:
    few, many = shifted(DIGITS.take(7), SHAPE, 1, 3, 2), shifted(DIGITS, SHAPE, 1, 3, 2)
    np.testing.assert_array_equal(few.x, many.x[:7])


def test_epochs_and_seeds_differ() -> None:
    first = shifted(DIGITS, SHAPE, 1, 0, 0).x
    assert (first != shifted(DIGITS, SHAPE, 1, 0, 1).x).any()
    assert (first != shifted(DIGITS, SHAPE, 1, 1, 0).x).any()


def test_all_moves_are_about_equally_many() -> None:
    n = 9000
    pairs = [tuple(move(k, 1, 0, p, 0) for p in (ROWS, COLUMNS)) for k in range(n)]
    counts = [pairs.count((down, right)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert sum(counts) == n
    # Five deviations of a binomial of 1 in 9.
    assert max(abs(count - n / 9) for count in counts) < 5 * np.sqrt(n * 8 / 81)


def test_frames_and_channels_move_together() -> None:
    frames = np.zeros((4, 3, 2, 8, 8), np.uint8)
    frames[..., 4, 4] = 1
    moved = shifted(Split(frames, np.zeros(4, np.int64), temporal=True), (2, 8, 8), 2, 0, 0)
    for sample in moved.x:
        np.testing.assert_array_equal(sample, np.broadcast_to(sample[0, 0], sample.shape))
        assert sample[0, 0].sum() == 1


def test_a_run_shows_what_its_option_says() -> None:
    assert shown(make({}), DIGITS, 0) is DIGITS
    for option, pixels in (("shift1", 1), ("shift2", 2)):
        found = shown(make({"augment": option, "seed": 5}), DIGITS, 3)
        np.testing.assert_array_equal(found.x, shifted(DIGITS, SHAPE, pixels, 5, 3).x)


def test_what_is_no_image_is_refused() -> None:
    rows = Split(np.zeros((2, 7)), np.zeros(2, np.int64))
    with pytest.raises(ConfigError, match=r"^augment 'shift1' needs images, but a sample has"):
        shown(make({"augment": "shift1"}), rows, 0)
