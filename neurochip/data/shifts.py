"""Shifts of a data set: what a network meets after it was trained on samples as they were.

rotated(split, 30.0)  # turned counterclockwise, in degrees
moved(split, 1)       # to the right, in pixels
noisy(split, 0.2, 0)  # Gaussian noise of this deviation, values are 0..1
dead(split, 0.25, 0)  # a share of the pixels is 0 in every sample
of_classes(split, 0, 8)  # the samples of classes 0 to 7

Labels and order stay; what goes beyond the edges of a sample is lost, and zeros come in. What is
drawn is a function of the seed alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.data.split import Split
from neurochip.errors import DataError

__all__ = ["dead", "moved", "noisy", "of_classes", "rotated"]

#: Samples that are turned at a time: what that needs for a moment stays small.
_PART = 1024
#: Height and width, and with channels before them.
_PLAIN, _CHANNELS = 2, 3
#: Of the generators, so that two shifts by one seed draw apart.
_NOISE, _DEAD = 1, 2


def rotated(split: Split, degrees: float) -> Split:
    """Images turned counterclockwise about their centre, by bilinear interpolation.

    Args:
        split: still images: (height, width), (channels, height, width), or a row that is a square.
        degrees: any finite angle.

    Raises:
        DataError: the samples are no still images.
    """
    height, width = _sides(split, "be rotated")
    places, shares = _turning(height, width, math.radians(degrees))
    flat = split.x.reshape(len(split), -1, height * width)
    turned = np.empty_like(flat)
    for first in range(0, len(flat), _PART):
        part = flat[first : first + _PART]
        turned[first : first + _PART] = sum(
            part[..., place] * share for place, share in zip(places, shares, strict=True)
        )
    return replace(split, x=np.clip(turned, 0.0, 1.0).reshape(split.x.shape))


def moved(split: Split, pixels: int) -> Split:
    """Images moved to the right; to the left where ``pixels`` is negative.

    Args:
        split: still images, as of `rotated`.
        pixels: by how many.

    Raises:
        DataError: the samples are no still images, or are moved out of their frame.
    """
    height, width = _sides(split, "be moved")
    if abs(pixels) >= width:
        raise DataError(
            f"{split.name}: images are {width} pixels wide but are to be moved by {pixels}, so "
            f"that nothing of them is left; move them by {width - 1} or less"
        )
    images = split.x.reshape(len(split), -1, height, width)
    out = np.zeros_like(images)
    if pixels >= 0:
        out[..., pixels:] = images[..., : width - pixels]
    else:
        out[..., :pixels] = images[..., -pixels:]
    return replace(split, x=out.reshape(split.x.shape))


def noisy(split: Split, deviation: float, seed: int | tuple[int, ...]) -> Split:
    """Numbers with Gaussian noise, each value of each sample its own, kept in [0, 1].

    Args:
        split: samples of numbers.
        deviation: standard deviation of the noise, 0 or more; values are 0..1.
        seed: of the noise.

    Raises:
        DataError: the samples are spikes.
    """
    if split.temporal and not split.graded:
        raise DataError(
            f"{split.name}: samples are spikes, to which noise can't be added; give samples of "
            f"numbers, or make pixels dead"
        )
    noise = _generator(_NOISE, seed).normal(0.0, deviation, split.x.shape).astype(np.float32)
    return replace(split, x=np.clip(split.x + noise, 0.0, 1.0))


def dead(split: Split, share: float, seed: int | tuple[int, ...]) -> Split:
    """Samples in which some inputs are always 0, the same in every sample and at every step.

    Args:
        split: samples of any kind.
        share: of the inputs that are dead, 0..1; their number is rounded to the nearest.
        seed: of which.
    """
    n = split.n_features
    gone = _generator(_DEAD, seed).permutation(n)[: round(share * n)]
    x = split.flat().copy()
    x[..., gone] = 0
    return replace(split, x=x.reshape(split.x.shape))


def of_classes(split: Split, first: int, last: int) -> Split:
    """The samples whose label is ``first`` or more and below ``last``, in their order.

    Raises:
        DataError: there is none.
    """
    wanted = (split.y >= first) & (split.y < last)
    if not wanted.any():
        raise DataError(
            f"{split.name}: no sample has a label of {first} to {last - 1}; choose other classes"
        )
    return split[wanted]


def _sides(split: Split, what: str) -> tuple[int, int]:
    """Height and width of a sample."""
    shape = split.sample_shape
    if not split.temporal:
        if len(shape) in (_PLAIN, _CHANNELS):
            return shape[-2], shape[-1]
        side = math.isqrt(split.n_features)
        if shape == (side * side,):
            return side, side
    steps = " at each step" if split.temporal else ""
    raise DataError(
        f"{split.name}: a sample has the shape {shape}{steps}, but only still images can {what}; "
        f"give (height, width) or (channels, height, width) a sample"
    )


def _turning(
    height: int, width: int, angle: float
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float32]]]:
    """For each pixel the four that it comes from, and the share of each; 0 of those outside."""
    down, right = np.mgrid[:height, :width]
    middle = (height - 1) / 2, (width - 1) / 2
    y, x = down - middle[0], right - middle[1]
    # Where a pixel was before: turned back, clockwise, with y down.
    was_x = np.cos(angle) * x - np.sin(angle) * y + middle[1]
    was_y = np.sin(angle) * x + np.cos(angle) * y + middle[0]
    left, top = np.floor(was_x).astype(np.int64), np.floor(was_y).astype(np.int64)
    places, shares = [], []
    for step_y in (0, 1):
        for step_x in (0, 1):
            at_y, at_x = top + step_y, left + step_x
            share = (1 - np.abs(was_y - at_y)) * (1 - np.abs(was_x - at_x))
            inside = (at_y >= 0) & (at_y < height) & (at_x >= 0) & (at_x < width)
            places.append(np.where(inside, at_y * width + at_x, 0).ravel())
            shares.append(np.where(inside, share, 0.0).astype(np.float32).ravel())
    return places, shares


def _generator(purpose: int, seed: int | tuple[int, ...]) -> Any:
    return np.random.default_rng([purpose, *(seed if isinstance(seed, tuple) else (seed,))])
