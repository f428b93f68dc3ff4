"""The rule as data: its options, what it refuses and what it says then."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import rules
from neurochip.errors import RuleError
from neurochip.rules import OTTT, Surrogate


def test_get() -> None:
    assert rules.get("ottt") is OTTT
    assert rules.get("OTTT") is OTTT
    message = (
        "there is no learning rule 'hebb'; the known rules are 'ottt', 'sltt', 'bptt', 'tet', "
        "'tssl_bp', 'spike_representation'."
    )
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        rules.get("hebb")


def test_what_it_is() -> None:
    rule = OTTT()
    assert rule.factors == ("trace", "surrogate", "error")
    assert rule.is_local
    assert rule.is_online
    assert rule.surrogate == Surrogate("table")


def test_when_it_learns() -> None:
    at = {update: OTTT(update=update) for update in ("online", "accumulate", "last")}
    errors = {name: [rule.uses_error_of(t, 3) for t in range(3)] for name, rule in at.items()}
    updates = {name: [rule.updates_at(t, 3) for t in range(3)] for name, rule in at.items()}
    every, last = [True, True, True], [False, False, True]
    assert errors == {"online": every, "accumulate": every, "last": last}
    assert updates == {"online": every, "accumulate": last, "last": last}


@given(
    st.builds(
        OTTT,
        update=st.sampled_from(["online", "accumulate", "last"]),
        surrogate=st.builds(
            Surrogate, st.sampled_from(["sigmoid", "table", "boxcar"]), st.floats(0.1, 9)
        ),
        feedback=st.sampled_from(["symmetric", "sign", "random", "direct"]),
        loss_lambda=st.floats(0, 1),
        trace_input=st.sampled_from([None, True, False]),
        rate_shifts=st.none() | st.lists(st.integers(-3, 20)).map(tuple),
        halve_at=st.sets(st.integers(1, 300)).map(lambda epochs: tuple(sorted(epochs))),
    )
)
def test_round_trip_through_json(rule: OTTT) -> None:
    assert OTTT.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


def test_lists_become_tuples() -> None:
    rule = OTTT(rate_shifts=[4, np.int64(5)], halve_at=[9, 12])  # type: ignore[arg-type]
    assert (rule.rate_shifts, rule.halve_at) == ((4, 5), (9, 12))
    assert hash(rule) == hash(OTTT(rate_shifts=(4, 5), halve_at=(9, 12)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"update": "batch"},
            "OTTT update is 'batch'; it must be one of 'online', 'accumulate', 'last'.",
        ),
        (
            {"feedback": "none"},
            "OTTT feedback is 'none'; it must be one of 'symmetric', 'sign', 'random', 'direct'.",
        ),
        ({"loss": "nll"}, "OTTT loss is 'nll'; it must be one of 'ce', 'mse'."),
        (
            {"loss_lambda": 1.5},
            "OTTT loss_lambda is 1.5; it must be a number from 0 to 1.",
        ),
        (
            {"loss": "mse", "loss_lambda": 0.5},
            "OTTT loss_lambda is 0.5 but the loss is 'mse', which has no second part; set it to 0 "
            "or choose the loss 'ce'.",
        ),
        (
            {"trace_input": "yes"},
            "OTTT trace_input is 'yes'; it must be True, False or None.",
        ),
        (
            {"rate_shifts": (4.5,)},
            "OTTT rate_shifts holds 4.5; it must hold whole numbers.",
        ),
        (
            {"halve_at": (12, 9)},
            "OTTT halve_at is (12, 9); it must hold ascending epochs, none below 1.",
        ),
        (
            {"halve_at": (0, 9)},
            "OTTT halve_at is (0, 9); it must hold ascending epochs, none below 1.",
        ),
        ({"name": "tet"}, "rule name is 'tet'; OTTT.from_dict needs 'ottt'."),
        (
            {"rate": 0.1},
            "OTTT has the unknown option 'rate'; it may hold 'update', 'surrogate', 'feedback', "
            "'loss', 'loss_lambda', 'trace_input', 'rate_shifts', 'halve_at'.",
        ),
    ],
)
def test_refusals(values: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        OTTT.from_dict(values)


def test_surrogate_has_to_be_one() -> None:
    message = "OTTT surrogate is 'table'; it must be a Surrogate."
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        OTTT(surrogate="table")  # type: ignore[arg-type]
