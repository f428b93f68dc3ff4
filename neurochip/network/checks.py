"""What the room's classes check their numbers with; each raises NetworkError in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.errors import NetworkError


def check_count(name: str, value: int, least: int = 1) -> None:
    """A whole number from `least` up."""
    if not is_whole(value) or value < least:
        raise NetworkError(f"{name} is {value!r}; it must be a whole number from {least} up.")


def check_decay(name: str, value: float) -> None:
    """A number in [0, 1)."""
    if not (is_number(value) and 0 <= value < 1):
        raise NetworkError(f"{name} is {value!r}; it must be a number from 0 up and below 1.")


def check_share(name: str, value: float) -> None:
    """A number in [0, 1]."""
    if not (is_number(value) and 0 <= value <= 1):
        raise NetworkError(f"{name} is {value!r}; it must be a number from 0 to 1.")


def check_positive(name: str, value: float) -> None:
    """A number above 0."""
    if not (is_number(value) and value > 0):
        raise NetworkError(f"{name} is {value!r}; it must be a number above 0.")


def check_time(name: str, value: float) -> None:
    """A time constant in steps: a number from 1 up."""
    if not (is_number(value) and value >= 1):
        raise NetworkError(f"{name} is {value!r}; it must be a number from 1 up.")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """One of the choices."""
    if value not in choices:
        raise NetworkError(f"{name} is {value!r}; it must be one of {listed(choices)}.")


def check_keys(name: str, values: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """No key but the allowed ones."""
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise NetworkError(
            f"{name} has the unknown key {unknown[0]!r}; it may hold {listed(allowed)}."
        )


def check_array(name: str, array: NDArray[np.float64], shape: tuple[int, ...]) -> None:
    """An array of that shape, every number finite."""
    if np.shape(array) != shape:
        raise NetworkError(f"{name} have shape {np.shape(array)}; the network needs {shape}.")
    if not np.isfinite(array).all():
        raise NetworkError(f"{name} hold a number that is not finite; every one must be.")


def listed(names: tuple[str, ...]) -> str:
    """The names in quotes, with commas."""
    return ", ".join(repr(name) for name in names)


def is_whole(value: object) -> bool:
    """Whether it is an integer, of Python or numpy, and no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a finite real number and no bool."""
    real = isinstance(value, int | float | np.integer | np.floating)
    return real and not isinstance(value, bool) and math.isfinite(value)  # type: ignore[arg-type]
