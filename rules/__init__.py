"""Learning rules: what each one's equations, factors and float gradient of one step are.

A rule is data with its equation in the docstring; the float engine and the chip's learning engine
both run from it. Import from `neurochip.rules`.
"""

from __future__ import annotations

from typing import TypeAlias

from neurochip.errors import RuleError
from neurochip.rules.bptt import BPTT, TET
from neurochip.rules.memory import Memory
from neurochip.rules.ottt import OTTT
from neurochip.rules.representation import SpikeRepresentation
from neurochip.rules.sltt import SLTT
from neurochip.rules.surrogates import Surrogate
from neurochip.rules.tssl_bp import TSSLBP

__all__ = [
    "BPTT",
    "OTTT",
    "SLTT",
    "TET",
    "TSSLBP",
    "Memory",
    "Rule",
    "SpikeRepresentation",
    "Surrogate",
    "get",
    "names",
]

#: Every rule has a name, factors, is_local, is_online and memory(timesteps).
Rule: TypeAlias = OTTT | SLTT | BPTT | TSSLBP | SpikeRepresentation

_RULES: dict[str, type[Rule]] = {
    rule.name: rule for rule in (OTTT, SLTT, BPTT, TET, TSSLBP, SpikeRepresentation)
}


def names() -> tuple[str, ...]:
    """The names that `get` knows."""
    return tuple(_RULES)


def get(name: str) -> type[Rule]:
    """The class of the rule of that name, in any case.

    Raises:
        RuleError: if there is no such rule.
    """
    rule = _RULES.get(str(name).lower())
    if rule is None:
        known = ", ".join(repr(known) for known in _RULES)
        raise RuleError(f"there is no learning rule {name!r}; the known rules are {known}.")
    return rule
