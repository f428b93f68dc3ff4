"""`neurochip chips`: the models, every number, and a user's own file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurochip import hardware
from tests.cli.running import Command, refused


def test_chips(neurochip: Command) -> None:
    said = neurochip("chips")
    assert (said.status, said.err) == (0, "")
    for name in hardware.available():
        assert re.search(rf"^{name} +{re.escape(hardware.load(name).title)}$", said.out, re.M)
    assert neurochip("chips", "--json").json["chips"].keys() == set(hardware.available())


@pytest.mark.parametrize("name", hardware.available())
def test_chips_prints_every_number(neurochip: Command, name: str) -> None:
    said = neurochip("chips", name)
    assert (said.status, said.err) == (0, "")
    rows = hardware.rows(hardware.load(name))
    for row in rows:
        value = "unknown" if row.value is None else str(row.value)
        line = rf"^{re.escape(row.key)} +{re.escape(value)} *{re.escape(row.unit)}"
        assert re.search(line, said.out, re.M), row.key
    assert neurochip("chips", name, "--json").json["rows"] == [row._asdict() for row in rows]


def test_chips_check(neurochip: Command, here: Path) -> None:
    text = hardware.load("loihi").to_toml().replace('name = "loihi"', 'name = "mine"')
    lines = [line for line in text.splitlines() if not line.startswith("link_buffer")]
    (here / "mine.toml").write_text("\n".join(lines))
    said = neurochip("chips", "--check", "mine.toml")
    assert (said.status, said.err) == (0, "")
    first, left_out, unknown = said.out.splitlines()
    assert re.fullmatch(r"mine.toml: hardware model 'mine' is valid, \d+ settings", first)
    assert left_out == "left out, so unknown: mesh.link_buffer"
    assert unknown.startswith("given as unknown: limits.trace_memory_per_core, ")
    facts = neurochip("chips", "--check", "mine.toml", "--json").json
    assert (facts["valid"], facts["left_out"]) == (True, ["mesh.link_buffer"])
    assert "costs.energy.message_out" in facts["unknown"]


def test_chips_check_refuses(neurochip: Command, here: Path) -> None:
    text = hardware.load("loihi").to_toml().replace("fires", "fire")
    (here / "mine.toml").write_text(text)
    refused(
        neurochip("chips", "--check", "mine.toml"),
        "mine.toml: neuron.fires is missing; add it as hw_models/neurochip.toml has it",
    )
