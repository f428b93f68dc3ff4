"""Random words without a generator: each is a hash of what it is for.

word = mix(key(seed, purpose, a, b, c) + number * golden ratio) >> 16. A word depends on the seed,
its purpose, the layer, the logical step and the neuron's number in the whole layer, and on nothing
else: not on the order of the work, the partition, or the thread.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels.arithmetic import shift_round, shift_stochastic
from neurochip.kernels.jit import kernel
from neurochip.kernels.layout import STOCHASTIC

MASK = np.uint64(0xFFFFFFFF)
GOLDEN = np.uint64(0x9E3779B9)
MIX_A = np.uint64(0x7FEB352D)
MIX_B = np.uint64(0x846CA68B)
HALF_WORD = np.uint64(16)
SHIFT_B = np.uint64(15)
UPPER_HALF = np.uint64(32)


@kernel
def mix(h):  # type: ignore[no-untyped-def]
    """Scramble 32 bits (held in uint64) so that every input bit reaches every output bit."""
    h ^= h >> HALF_WORD
    h = (h * MIX_A) & MASK
    h ^= h >> SHIFT_B
    h = (h * MIX_B) & MASK
    return h ^ (h >> HALF_WORD)


@kernel
def absorb(h, word):  # type: ignore[no-untyped-def]
    """Fold one 32-bit word into a key."""
    return mix(((h ^ word) + GOLDEN) & MASK)


@kernel
def key(seed, purpose, a, b, c):  # type: ignore[no-untyped-def]
    """Key of one stream of words; every argument is a non-negative integer."""
    wide = np.uint64(seed)
    h = absorb(np.uint64(0), wide & MASK)
    h = absorb(h, wide >> UPPER_HALF)
    h = absorb(h, np.uint64(purpose))
    h = absorb(h, np.uint64(a))
    h = absorb(h, np.uint64(b))
    return absorb(h, np.uint64(c))


@kernel
def step_key(seed, purpose, layer, step):  # type: ignore[no-untyped-def]
    """Key of a layer's words at one logical step (the step's two halves are two words)."""
    wide = np.uint64(step)
    return key(seed, purpose, layer, wide & MASK, wide >> UPPER_HALF)


@kernel
def word(stream, number):  # type: ignore[no-untyped-def]
    """The 16-bit word of one neuron, as int64 in 0 .. 65535."""
    return np.int64(mix((stream + np.uint64(number) * GOLDEN) & MASK) >> HALF_WORD)


@kernel
def wide_word(stream, number):  # type: ignore[no-untyped-def]
    """The same with 32 bits, as int64."""
    return np.int64(mix((stream + np.uint64(number) * GOLDEN) & MASK))


@kernel
def signed(w):  # type: ignore[no-untyped-def]
    """The int16 bit pattern of a word."""
    return w - ((w >> 15) << 16)


@kernel
def fill_words(stream, out):  # type: ignore[no-untyped-def]
    """Words of neurons 0 .. out.size-1, as their int16 bit patterns."""
    for j in range(out.size):
        out[j] = signed(word(stream, j))


@kernel
def row_stream(columns, row):  # type: ignore[no-untyped-def]
    """Stream of one row's words, one a synapse, from the stream of the columns'."""
    return absorb(columns, np.uint64(row))


@kernel
def round_all(values, k, mode, stream):  # type: ignore[no-untyped-def]
    """values (n,) int64 times 2^-k, each rounded with the word of its number, in place."""
    if mode == STOCHASTIC and k > 0:
        for j in range(values.size):
            values[j] = shift_stochastic(values[j], k, word(stream, j))
    else:
        for j in range(values.size):
            values[j] = shift_round(values[j], k, mode, np.int64(0))
