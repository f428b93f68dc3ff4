"""`neurochip map`: what each core holds, and placement by hand."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.running import Command, refused


def test_map(neurochip: Command, learned: Path) -> None:
    said = neurochip("map", learned, "--hardware", "loihi")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith("2 of 128 cores and 1 of 32 tiles of hardware 'loihi' are in use")
    assert re.search(r"^0 +0,0 +layer 0 0\.\.15 +16 of 1024 \(2%\)", said.out, re.M)
    assert sum(line.startswith("+") for line in lines) == 5
    facts = neurochip("map", learned, "--placer", "traffic", "--json").json
    assert (facts["command"], facts["placer"], facts["hardware"]) == ("map", "traffic", "neurochip")
    assert [core["slices"][0]["population"] for core in facts["cores"]] == [
        "layer 0",
        "the read-out",
    ]


def test_map_on_a_chip_that_learns_otherwise(neurochip: Command, learned: Path) -> None:
    facts = neurochip("map", learned, "--hardware", "odin", "--json").json
    assert facts["cores_in_use"] == 1
    assert facts["cores"][0]["used"]["trace memory"] == 0


def test_map_by_hand(neurochip: Command, learned: Path, here: Path) -> None:
    (here / "cores.csv").write_text("layer,core\n0,127\n1,4\n")
    facts = neurochip("map", learned, "--placer", "cores.csv", "--json").json
    assert [core["core"] for core in facts["cores"]] == [4, 127]
    assert [core["tile"] for core in facts["cores"]] == [[1, 0], [7, 3]]
    (here / "cores.csv").write_text("layer,core\n0,128\n1,4\n")
    refused(
        neurochip("map", learned, "--placer", "cores.csv"),
        "cores.csv, line 2: layer 0 is placed on core 128, but hardware 'neurochip' has the cores "
        "0 to 127; choose one of them",
    )
    refused(
        neurochip("map", learned, "--placer", "best"),
        "placement 'best' can't be read (No such file or directory); give a .csv or .toml file, or "
        "one of greedy, traffic",
    )
