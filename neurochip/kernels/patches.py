"""Patches of images as rows of a matrix and back, for convolutions as matrix products.

Images are (N, height, width, channels), so that a row of a patch is one piece of memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.kernels.jit import kernel

Reals = NDArray[np.floating[Any]]


@kernel
def gather_patches(
    images: Reals, side: int, stride: int, padding: int, rows: Reals, height: int, width: int
) -> None:
    """rows[(n, y, x), (i, j, c)] = images[n, stride*y + i - padding, stride*x + j - padding, c].

    Args:
        images: (N, h, w, c) float.
        side: height and width of a patch.
        stride: distance of two patches.
        padding: zeros around an image.
        rows: (N * height * width, side * side * c) float, written.
        height: patches from top to bottom.
        width: patches from left to right.
    """
    n_images, h, w, c = images.shape
    flat = images.reshape(n_images, h, w * c)
    piece = side * c
    row = 0
    for n in range(n_images):
        for y in range(height):
            for x in range(width):
                left = stride * x - padding
                first, last = max(0, -left), min(side, w - left)
                for i in range(side):
                    target = rows[row, i * piece : (i + 1) * piece]
                    at = stride * y + i - padding
                    if at < 0 or at >= h or last <= first:
                        target[:] = 0.0
                        continue
                    if first > 0:
                        target[: first * c] = 0.0
                    if last < side:
                        target[last * c :] = 0.0
                    source = flat[n, at, (left + first) * c : (left + last) * c]
                    middle = target[first * c : last * c]
                    for k in range(middle.size):
                        middle[k] = source[k]
                row += 1


@kernel
def scatter_patches(
    rows: Reals, side: int, stride: int, padding: int, images: Reals, height: int, width: int
) -> None:
    """The sum of all patches at their places: the transpose of `gather_patches`.

    Args:
        rows: (N * height * width, side * side * c) float.
        side: height and width of a patch.
        stride: distance of two patches.
        padding: zeros around an image, whose share is dropped.
        images: (N, h, w, c) float, written.
        height: patches from top to bottom.
        width: patches from left to right.
    """
    n_images, h, w, c = images.shape
    flat = images.reshape(n_images, h, w * c)
    flat[:] = 0.0
    piece = side * c
    row = 0
    for n in range(n_images):
        for y in range(height):
            for x in range(width):
                left = stride * x - padding
                first, last = max(0, -left), min(side, w - left)
                for i in range(side):
                    at = stride * y + i - padding
                    if 0 <= at < h and first < last:
                        source = rows[row, i * piece + first * c : i * piece + last * c]
                        target = flat[n, at, (left + first) * c : (left + last) * c]
                        for k in range(target.size):
                            target[k] += source[k]
                row += 1
