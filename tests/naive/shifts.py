"""An image turned pixel by pixel."""

from __future__ import annotations

import math

import numpy as np


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    """(h, w) counterclockwise about its centre, bilinear, 0 beyond the edges."""
    height, width = image.shape
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    out = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            x, y = column - (width - 1) / 2, row - (height - 1) / 2
            at_x = cos * x - sin * y + (width - 1) / 2
            at_y = sin * x + cos * y + (height - 1) / 2
            for r in (math.floor(at_y), math.floor(at_y) + 1):
                for c in (math.floor(at_x), math.floor(at_x) + 1):
                    if 0 <= r < height and 0 <= c < width:
                        share = (1 - abs(at_y - r)) * (1 - abs(at_x - c))
                        out[row, column] += share * float(image[r, c])
    return out
