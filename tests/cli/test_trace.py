"""`neurochip trace`: what a chip did, as files for other tools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.running import Command, refused


def test_trace(neurochip: Command, learned: Path, here: Path) -> None:
    files = ("--timeline", "t.json", "--vcd", "t.vcd", "--csv", "tables")
    said = neurochip("trace", learned, "--samples", 2, *files)
    assert (said.status, said.err) == (0, "")
    assert re.match(r"8 steps, \d+\.\d\d us, [\d,]+ messages\nwritten to t.json\n", said.out)
    names = ["cores.csv", "links.csv", "messages.csv"]
    assert sorted(path.name for path in (here / "tables").iterdir()) == names
    first = [(here / name).read_bytes() for name in ("t.json", "t.vcd")]
    facts = neurochip("trace", learned, "--samples", 2, *files, "--json").json
    assert (facts["command"], facts["steps"]) == ("trace", 8)
    assert facts["written"] == ["t.json", "t.vcd", *(f"tables/{name}" for name in names)]
    assert [(here / name).read_bytes() for name in ("t.json", "t.vcd")] == first
    assert facts["messages"] == (here / "tables/messages.csv").read_text().count("\n") - 1
    assert neurochip("trace", learned, "--vcd", "t.vcd", "--neurons", "0:15,1:9").status == 0
    assert "$scope module neuron_15 $end" in (here / "t.vcd").read_text()


def test_chosen_registers(neurochip: Command, learned: Path, here: Path) -> None:
    chosen = ("--neurons", "0:15,1:9,0:15", "--registers", "psi,v")
    assert neurochip("trace", learned, "--vcd", "t.vcd", *chosen).status == 0
    text = (here / "t.vcd").read_text()
    assert re.findall(r"(?:module (neuron\w+)|\d+ \S+ (\w+)) \$end", text) == [
        *(("neuron_15", ""), ("", "psi"), ("", "v")),
        *(("neuron_9", ""), ("", "psi"), ("", "v")),
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "there is nothing to write; give --timeline FILE, --vcd FILE or --csv FOLDER"),
        (
            ("--samples", "0", "--csv", "t"),
            "a recording of 0 samples was asked for; it needs 1 or more",
        ),
        (("--samples", "x", "--csv", "t"), "--samples is 'x'; it must be a whole number"),
        (
            ("--vcd", "t.vcd", "--neurons", "3"),
            "--neurons is '3'; it must be LAYER:NEURON with commas between them, such as 0:3,1:0",
        ),
        (
            ("--vcd", "t.vcd", "--neurons", "0:16"),
            "neuron 16 of layer 0 can't be watched: it has the neurons 0..15; choose one of those",
        ),
        (
            ("--vcd", "t.vcd", "--neurons", "2:0"),
            "layer 2 can't be watched: the network has the layers 0..1; choose one of those",
        ),
        (
            ("--vcd", "t.vcd", "--registers", "v,u"),
            "register 'u' can't be watched; choose from signal, v_pre, v, psi, delta",
        ),
        (
            ("--csv", "t", "--registers", "v"),
            "--registers says what is written into --vcd FILE, which isn't given; give it too, or "
            "leave --registers out",
        ),
    ],
)
def test_trace_refuses(
    neurochip: Command, learned: Path, here: Path, words: tuple[str, ...], sentence: str
) -> None:
    refused(neurochip("trace", learned, *words), sentence)
    assert not list(here.iterdir())
