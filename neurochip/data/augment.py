"""Images moved by a few pixels, anew in every epoch: by a hash of seed, epoch and sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed
from neurochip.data.split import Split

#: Purposes of the random words of both directions, which nothing else draws for (fixed.Purpose).
ROWS, COLUMNS = 16, 17


def shifted(split: Split, shape: tuple[int, ...], pixels: int, seed: int, epoch: int) -> Split:
    """Samples that are each moved by -pixels .. pixels rows and columns, all equally likely.

    What moves out is lost and what moves in is 0. All frames of a sample move together.

    Args:
        split: the samples, in their own order.
        shape: channels, height and width of a frame.
        pixels: the furthest that one is moved.
        seed: of the run.
        epoch: its number.

    Returns:
        As many samples of the same shape; how one is moved depends on its number alone.
    """
    moves = [_moves(len(split), pixels, seed, purpose, epoch) for purpose in (ROWS, COLUMNS)]
    images = split.x.reshape(len(split), -1, *shape[-2:])
    moved = np.zeros_like(images)
    for down in range(-pixels, pixels + 1):
        for right in range(-pixels, pixels + 1):
            which = np.flatnonzero((moves[0] == down) & (moves[1] == right))
            to_rows, from_rows = _overlap(down)
            to_columns, from_columns = _overlap(right)
            moved[which, :, to_rows, to_columns] = images[which, :, from_rows, from_columns]
    return replace(split, x=moved.reshape(split.x.shape))


def _moves(n: int, pixels: int, seed: int, purpose: int, epoch: int) -> NDArray[np.int64]:
    words = fixed.random_words(fixed.random_key(seed, purpose, epoch, 0, 0), np.arange(n))
    return np.asarray((words * (2 * pixels + 1) >> fixed.WORD_BITS) - pixels)


def _overlap(by: int) -> tuple[slice, slice]:
    """Where rows end up that move by some places, and where they come from."""
    return slice(max(by, 0), min(by, 0) or None), slice(max(-by, 0), min(-by, 0) or None)
