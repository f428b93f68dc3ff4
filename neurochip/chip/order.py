"""The order in which an epoch shows its samples: a hash of the seed and the epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurochip import fixed

#: Purposes of the two halves of a sample's sorting key, after those of the core (fixed.Purpose).
UPPER, LOWER = 7, 8


def shuffled(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Sample numbers 0 .. n-1 in the order of an epoch, (n,): sorted by 32 random bits each."""
    numbers = np.arange(n)
    upper = fixed.random_words(fixed.random_key(seed, UPPER, epoch, 0, 0), numbers)
    lower = fixed.random_words(fixed.random_key(seed, LOWER, epoch, 0, 0), numbers)
    return np.argsort((upper << fixed.WORD_BITS) | lower, kind="stable")
