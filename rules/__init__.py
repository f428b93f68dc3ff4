"""Learning rules: what each one's equations, factors and float gradient of one step are.

A rule is data with its equation in the docstring; the float engine and the chip's learning engine
both run from it. Import from `neurochip.rules`.
"""

from __future__ import annotations

from neurochip.errors import RuleError
from neurochip.rules.ottt import OTTT
from neurochip.rules.surrogates import Surrogate

__all__ = ["OTTT", "Surrogate", "get", "names"]

_RULES = {"ottt": OTTT}


def names() -> tuple[str, ...]:
    """The names that `get` knows."""
    return tuple(_RULES)


def get(name: str) -> type[OTTT]:
    """The class of the rule of that name, in any case.

    Raises:
        RuleError: if there is no such rule.
    """
    rule = _RULES.get(str(name).lower())
    if rule is None:
        known = ", ".join(repr(known) for known in _RULES)
        raise RuleError(f"there is no learning rule {name!r}; the known rules are {known}.")
    return rule
