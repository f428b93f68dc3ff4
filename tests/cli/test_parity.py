"""`neurochip parity`: the table, and its exit status."""

from __future__ import annotations

from pathlib import Path

from tests.cli.running import QUICK, Command


def test_parity(neurochip: Command, learned: Path, here: Path) -> None:
    said = neurochip("parity", learned, "--against", "float")
    assert (said.status, said.err) == (0, "")
    assert said.out.endswith("\nthe chip agrees with the float reference\n")
    for word in ("first differing spike", "membrane, LSB", "cosine", "saturations", "read-out"):
        assert word in said.out
    said = neurochip("parity", learned, "--samples", 50, "--json")
    facts = said.json
    assert (said.status, said.err) == (0, "")
    assert facts["agrees"] is True
    assert facts["samples"] == 50
    assert [layer["name"] for layer in facts["layers"]] == ["layer 0", "read-out"]
    assert not list(here.iterdir())


def test_parity_that_fails_exits_with_1(neurochip: Command) -> None:
    neurochip("learn", *QUICK, "--epochs", 1, "--error-bits", 2, "--membrane-bits", 8,
              "--membrane-fraction", 3)  # fmt: skip
    said = neurochip("parity", "run.h5", "--against", "float")
    assert (said.status, said.err) == (1, "")
    assert said.out.endswith("\nthey DISAGREE\n")
    said = neurochip("parity", "run.h5", "--json")
    assert said.status == 1
    assert said.json["agrees"] is False
