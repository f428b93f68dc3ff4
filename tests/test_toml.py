"""TOML in: what is no TOML is one kind of error, whatever Python's own reader makes of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.toml import NotTOML, parse, shown


def test_tables() -> None:
    assert parse("a = 1\n[b]\nc = [2.5, 'x']\n") == {"a": 1, "b": {"c": [2.5, "x"]}}


def test_the_mark_of_an_editor_is_no_part_of_the_text() -> None:
    assert parse("\ufeffa = 1\n") == {"a": 1}


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_whole_numbers_have_64_bits(number: int) -> None:
    assert parse(f"a = {number}") == {"a": number}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"a = {2**63}", "a has more than 64 bits"),
        ("[a]\nb = [1, {c = " + f"{-(2**63) - 1}" + "}]", "a.b.c has more than 64 bits"),
        ("a = 0x" + "f" * 5000, "a has more than 64 bits"),
        ("a = 1" + "0" * 5000, "a whole number in it has more than 64 bits"),
        ("a = " + "[" * 5000 + "]" * 5000, "its brackets or dots nest too deep"),
        ("a = " + "{a = " * 5000 + "1" + "}" * 5000, "its brackets or dots nest too deep"),
    ],
)
def test_what_is_no_toml(text: str, reason: str) -> None:
    with pytest.raises(NotTOML, match=f"^{re.escape(reason)}$"):
        parse(text)


def test_a_place_is_named_where_there_is_one() -> None:
    with pytest.raises(NotTOML, match="line 2"):
        parse("a = 1\nb = = 2\n")


@given(st.text(st.characters(codec="utf-8")))
def test_no_text_gives_another_error(text: str) -> None:
    try:
        tables = parse(text)
    except NotTOML as error:
        assert str(error)
    else:
        assert isinstance(tables, dict)


def test_what_is_long_is_cut_in_a_sentence() -> None:
    assert shown("a") == "'a'"
    assert shown([1] * 100) == f"[{'1, ' * 19}1,..."
