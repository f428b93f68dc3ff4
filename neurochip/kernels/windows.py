"""How many of the numbers that a position of a convolution reads aren't 0.

A map of running sums, (height + 1, width + 1), holds at (y, x) how many numbers in the rows above y
and the columns left of x aren't 0 (F. Crow, SIGGRAPH 1984): a window is four of them.
"""

from __future__ import annotations

import numpy as np

from neurochip.kernels.jit import kernel, unit


@unit
def add_up(values, layer, sums):  # type: ignore[no-untyped-def]
    """Fill the map of a convolution's axons, (h_in, w_in, c_in)."""
    width, c = layer.w_in + 1, layer.c_in
    sums[:width] = 0
    for y in range(layer.h_in):
        above, here = sums[y * width :][:width], sums[(y + 1) * width :][:width]
        so_far = np.int64(0)
        here[0] = 0
        for x in range(layer.w_in):
            at = (y * layer.w_in + x) * c
            for channel in range(c):
                so_far += values[at + channel] != 0
            here[x + 1] = above[x + 1] + so_far


@kernel
def ends(layer, place, size):  # type: ignore[no-untyped-def]
    """First and last of the rows, or of the columns, of ``size`` that position ``place`` reads."""
    first = place * layer.stride - layer.padding
    last = min(max(first + layer.kernel, 0), size)
    return min(max(first, 0), last), last


@kernel
def area(layer, position):  # type: ignore[no-untyped-def]
    """How many numbers a position reads: fewer where its window hangs over the border."""
    top, bottom = ends(layer, position // layer.w_out, layer.h_in)
    left, right = ends(layer, position % layer.w_out, layer.w_in)
    return (bottom - top) * (right - left) * layer.c_in


@kernel
def in_window(sums, layer, position):  # type: ignore[no-untyped-def]
    """How many numbers that aren't 0 a position reads, by the map of running sums."""
    top, bottom = ends(layer, position // layer.w_out, layer.h_in)
    left, right = ends(layer, position % layer.w_out, layer.w_in)
    width = layer.w_in + 1
    upper = sums[top * width + right] - sums[top * width + left]
    return sums[bottom * width + right] - sums[bottom * width + left] - upper
