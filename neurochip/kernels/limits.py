"""What one thread of this machine can do at most: bytes moved, integers multiplied and added.

Each kernel here does one thing only, as fast as the compiler can make it. What a kernel of the chip
needs at least, over these rates, is the least time that it could take.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels import lanes
from neurochip.kernels.jit import unit

#: Products that `multiply_and_add` adds to a number each time it comes to it.
PRODUCTS = 16


@unit
def read_words(words, times):  # type: ignore[no-untyped-def]
    """Read (n,) int64 ``times`` over; what is returned depends on each."""
    found = np.int64(0)
    for k in range(times):
        for j in range(words.size):
            found |= words[j] ^ k
    return found


@unit
def change_words(words, amount, times):  # type: ignore[no-untyped-def]
    """Read and write (n,) int64 ``times`` over."""
    for k in range(times):
        for j in range(words.size):
            words[j] ^= amount ^ k


@unit
def multiply_and_add(sums, factor, times):  # type: ignore[no-untyped-def]
    """Multiply (n,) int16 by ``factor`` and add it, PRODUCTS times over, all of it ``times`` over.

    Numbers wait for themselves only, so that several registers of them are at work at once.
    """
    for _ in range(times):
        for j in range(sums.size):
            own = sums[j]
            for _ in range(PRODUCTS):
                own = lanes.add(lanes.multiply_low(own, factor), factor)
            sums[j] = own
