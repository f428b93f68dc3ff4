"""What rules check their options with."""

from __future__ import annotations

import math

from neurochip.errors import RuleError
from neurochip.rules.surrogates import Surrogate


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """One of the choices."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise RuleError(f"{name} is {value!r}; it must be one of {listed}.")


def check_share(name: str, value: float) -> None:
    """A number from 0 to 1."""
    if not (_is_number(value) and 0 <= value <= 1):
        raise RuleError(f"{name} is {value!r}; it must be a number from 0 to 1.")


def check_finite(name: str, value: float) -> None:
    """A number."""
    if not _is_number(value):
        raise RuleError(f"{name} is {value!r}; it must be a number.")


def check_surrogate(name: str, value: Surrogate) -> None:
    """A Surrogate."""
    if not isinstance(value, Surrogate):
        raise RuleError(f"{name} is {value!r}; it must be a Surrogate.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
