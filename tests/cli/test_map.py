"""`neurochip map`: what each core holds, and placement by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def test_map_draws_the_mesh(neurochip: Command, learned: Path, here: Path) -> None:
    said = neurochip("map", learned, "--figure", "mesh.svg")
    assert (said.status, said.out.splitlines()[-1]) == (0, "mesh drawn in mesh.svg")
    assert (here / "mesh.svg").read_bytes().startswith(b"<?xml")
    refused(
        neurochip("map", learned, "--figure", "mesh.bmp"),
        "figure format 'bmp' is unknown; choose among png, svg, pdf",
    )


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


#: A placement of the 16 + 10 neurons, and what is said of it.
PLACED: dict[str, tuple[str, str]] = {
    "a core that is full": (
        "layer,core\n0,3\n1,3\n",
        "core 3 would hold layer 0 and the read-out with 26 neurons, but a core of hardware "
        "'small' has 20; spread them over more cores",
    ),
    "a core that isn't there": (
        "layer,core\n0,128\n1,3\n",
        "cores.csv, line 2: layer 0 is placed on core 128, but hardware 'small' has the cores 0 to "
        "127; choose one of them",
    ),
    "neurons without a core": (
        "layer,first,last,core\n0,0,5,0\n1,,,1\n",
        "cores.csv: neurons 5 to 15 of layer 0 are placed on no core; place them",
    ),
    "neurons on two cores": (
        "layer,first,last,core\n0,0,5,0\n0,4,16,2\n1,,,1\n",
        "cores.csv: neuron 4 of layer 0 is placed twice; place it once",
    ),
    "an empty file": (
        "",
        "cores.csv: neurons 0 to 15 of layer 0 are placed on no core; place them",
    ),
    "a column that is named twice": (
        "layer,core,core\n0,1,2\n",
        "cores.csv, line 1 names the column 'core' twice; name it once",
    ),
    "more cells than columns": (
        "layer,core\n0,1,5\n1,2\n",
        "cores.csv, line 2 has 3 cells for 2 columns; remove some",
    ),
    "an unknown column": (
        "layer,tile\n0,1\n",
        "cores.csv, line 2 has the unknown key 'tile'; it may hold layer, first, last, core",
    ),
    "a number that no register holds": (
        f"layer,core\n0,{'9' * 5000}\n",
        f"cores.csv, line 2: core is '{'9' * 59}..., but must be 0 or more; change it to that",
    ),
    "a layer that isn't there": (
        "layer,core\n2,0\n",
        "cores.csv, line 2: layer is 2, but must be 0 to 1; change it to that",
    ),
}


@pytest.mark.parametrize("case", PLACED)
def test_a_bad_placement(neurochip: Command, learned: Path, here: Path, case: str) -> None:
    text, sentence = PLACED[case]
    (here / "small.toml").write_text(
        'extends = "neurochip"\nname = "small"\ntitle = "Small cores"\n[limits]\nneurons_per_core ='
        ' { value = 20, unit = "neuron", basis = "assumed", source = "design" }\n'
    )
    (here / "cores.csv").write_text(text)
    words = ("--hardware", "small.toml", "--placer", "cores.csv")
    refused(neurochip("map", learned, *words), sentence)


PLACED_AS_TOML: dict[str, tuple[str, str]] = {
    "no list": ("slice = 3", "cores.toml has no list [[slice]]; give one entry for each slice"),
    "an unknown key": (
        "colour = 1\n[[slice]]\nlayer = 0\ncore = 1\n",
        "cores.toml has the unknown key 'colour'; it may hold a list [[slice]] alone",
    ),
    "a truth": (
        "[[slice]]\nlayer = true\ncore = 1\n",
        "cores.toml, slice 1: layer is True, but must be 0 to 1; change it to that",
    ),
    "a number of 128 bits": (
        f"[[slice]]\nlayer = 0\ncore = {2**127}\n",
        "cores.toml: not valid TOML: slice.core has more than 64 bits; mend the file there",
    ),
    "brackets without end": (
        f"slice = {'[' * 5000}",
        "cores.toml: not valid TOML: its brackets or dots nest too deep; mend the file there",
    ),
}


@pytest.mark.parametrize("case", PLACED_AS_TOML)
def test_a_bad_placement_as_toml(neurochip: Command, learned: Path, here: Path, case: str) -> None:
    text, sentence = PLACED_AS_TOML[case]
    (here / "cores.toml").write_text(text)
    refused(neurochip("map", learned, "--placer", "cores.toml"), sentence)


def test_what_a_spreadsheet_writes_is_read(neurochip: Command, learned: Path, here: Path) -> None:
    """With a mark before the text, blanks around cells, empty lines and Windows' line ends."""
    (here / "cores.csv").write_bytes(b"\xef\xbb\xbflayer, core\r\n\r\n0, 127\r\n1, 4\r\n")
    facts = neurochip("map", learned, "--placer", "cores.csv", "--json").json
    assert [core["core"] for core in facts["cores"]] == [4, 127]
