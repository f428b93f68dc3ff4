"""What hardware files are refused, to the letter, through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurochip import hardware
from tests.cli.running import CHIPS, QUICK, Command, refused

TEXT = hardware.load("neurochip").to_toml().replace('name = "neurochip"', 'name = "mine"')
CORES = 'cores = { value = 128, unit = "core", basis = "assumed", source = "borrowed" }'
FRONT = "mine.toml: "
NOT_TOML = f"{FRONT}not valid TOML: {{}}; mend the file there"


def cores(value: str, unit: str = ', unit = "core"') -> tuple[str, str]:
    return CORES, f'cores = {{ value = {value}{unit}, basis = "assumed", source = "borrowed" }}'


#: What is replaced by what, and what is said then.
REPLACED: dict[str, tuple[tuple[str, str], str]] = {
    "a negative number": (
        cores("-1"),
        f"{FRONT}limits.cores is -1 but must be 1 to 1048576 core; choose a value in that range",
    ),
    "a negative cost": (
        ("message_out = { value = 111.0", "message_out = { value = -1.0"),
        f"{FRONT}costs.energy.message_out is -1.0 but must be 0 to 1e+12 pJ; choose a value in "
        "that range",
    ),
    "a number without a unit": (
        cores("128", ""),
        f"{FRONT}limits.cores.unit is missing; add it as hw_models/neurochip.toml has it",
    ),
    "another unit": (
        cores("128", ', unit = "tile"'),
        f"{FRONT}limits.cores has the unit 'tile' but must be given in 'core'",
    ),
    "a bare number": (
        (CORES, "cores = 128"),
        f"{FRONT}limits.cores is the bare number 128; write it as a table of value, unit, basis "
        "and source as hw_models/neurochip.toml has it",
    ),
    "an unknown key": (
        ("[limits]", "[limits]\ncoers = 3"),
        f"{FRONT}limits.coers is not a key of a hardware model; did you mean 'cores'?",
    ),
    "an unknown key far from all": (
        ('name = "mine"', 'name = "mine"\nqqq = 3'),
        f"{FRONT}qqq is not a key of a hardware model; choose one of name, title, sources, neuron, "
        "learning, registers, limits, mesh, costs",
    ),
    "a mesh too small": (
        ("width = { value = 8", "width = { value = 2"),
        f"{FRONT}mesh of 2 x 4 tiles of 4 cores has room for 32 cores, but limits.cores is 128; "
        "enlarge the mesh or lower limits.cores",
    ),
    "a truth": (
        cores("true"),
        f"{FRONT}limits.cores is True but must be a whole number; change it to that",
    ),
    "a text": (
        cores('"128"'),
        f"{FRONT}limits.cores is '128' but must be a whole number; change it to that",
    ),
    "a fraction": (
        cores("1e2"),
        f"{FRONT}limits.cores is 100.0 but must be a whole number; change it to that",
    ),
    "infinitely many": (
        cores("inf"),
        f"{FRONT}limits.cores is inf but must be a whole number; change it to that",
    ),
    "an infinite cost": (
        ("message_out = { value = 111.0", "message_out = { value = 1e400"),
        f"{FRONT}costs.energy.message_out is inf but must be a finite number; change it to that",
    ),
    "no number": (
        ("message_out = { value = 111.0", "message_out = { value = nan"),
        f"{FRONT}costs.energy.message_out is nan but must be a finite number; change it to that",
    ),
    "a number of 128 bits": (
        cores(str(2**127)),
        NOT_TOML.format("limits.cores.value has more than 64 bits"),
    ),
    "a number of thousands of digits": (
        cores("9" * 5000),
        NOT_TOML.format("a whole number in it has more than 64 bits"),
    ),
    "brackets without end": (
        (CORES, "cores = " + "[" * 5000 + "]" * 5000),
        NOT_TOML.format("its brackets or dots nest too deep"),
    ),
    "a list of tables": (
        ("[limits]", "[[limits]]"),
        f"{FRONT}limits is [{{'cores': {{'value': 128, 'unit': 'core', 'basis': 'assumed'... but "
        "must be a table; change it to that",
    ),
    "a list for a number": (
        (CORES, "cores = [128]"),
        f"{FRONT}limits.cores is [128] but must be a table; change it to that",
    ),
    "no resets": (
        ('resets = ["soft", "hard"]', "resets = []"),
        f"{FRONT}neuron.resets is empty but must hold something; give at least one",
    ),
    "a basis that is none": (
        (CORES, CORES.replace("assumed", "guessed")),
        f"{FRONT}limits.cores.basis is 'guessed' but must be 'measured', 'simulated', "
        "'calibrated', 'assumed' or 'unknown'; change it to that",
    ),
    "a source of which nothing is said": (
        (CORES, CORES.replace("borrowed", "nobody")),
        f"{FRONT}limits.cores has the source 'nobody' but must name one of [sources]: design, "
        "borrowed, calibrated, network, in_message, alike, in_operation, in_active, none; add it "
        "there",
    ),
}


@pytest.mark.parametrize("case", REPLACED)
def test_a_chip_with_one_mistake(neurochip: Command, here: Path, case: str) -> None:
    (old, new), sentence = REPLACED[case]
    assert TEXT.count(old) >= 1
    (here / "mine.toml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    refused(neurochip("chips", "--check", "mine.toml"), sentence)
    refused(neurochip("learn", "--hardware", "mine.toml"), sentence)
    assert [path.name for path in here.iterdir()] == ["mine.toml"]


WHOLE: dict[str, tuple[bytes, str]] = {
    "an empty file": (
        b"",
        f"{FRONT}name is missing; add it as hw_models/neurochip.toml has it",
    ),
    "no text": (
        b'name = "\xe9"',
        "hardware model file mine.toml is not UTF-8 text; give a .toml file",
    ),
    "extends of a number": (
        b"extends = 3",
        f"{FRONT}extends is 3 but must be the name or the path of a hardware model in quotes; "
        "change it to that",
    ),
    "extends of nothing": (
        b'extends = ""',
        f"hardware model '' is unknown; built in are {CHIPS}, or give the path of a .toml file",
    ),
    "extends of itself": (
        b'extends = "mine.toml"',
        "hardware model mine.toml extends itself: mine.toml -> mine.toml; remove one of the "
        "'extends'",
    ),
    "extends of a folder": (
        b'extends = "../here"',
        "hardware model file ../here can't be read (Is a directory); give a readable .toml file",
    ),
    "extends of a path that is none": (
        b'extends = "\\u0000.toml"',
        "hardware model file \0.toml can't be read (embedded null byte); give a readable .toml "
        "file",
    ),
    "a number for a table of the other": (
        b'extends = "loihi"\nname = "a"\ntitle = "b"\nlimits = 5',
        f"{FRONT}limits is 5 but must be a table; change it to that",
    ),
    "a bare number over the other's": (
        b'extends = "loihi"\nname = "a"\ntitle = "b"\n[limits]\ncores = 5',
        f"{FRONT}limits.cores is the bare number 5; write it as a table of value, unit, basis and "
        "source as hw_models/neurochip.toml has it",
    ),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_file_that_describes_no_chip(neurochip: Command, here: Path, case: str) -> None:
    text, sentence = WHOLE[case]
    (here / "mine.toml").write_bytes(text)
    refused(neurochip("chips", "--check", "mine.toml"), sentence)


def test_a_circle(neurochip: Command, here: Path) -> None:
    (here / "a.toml").write_text('extends = "b.toml"')
    (here / "b.toml").write_text('extends = "a.toml"')
    refused(
        neurochip("chips", "--check", "a.toml"),
        "hardware model a.toml extends itself: a.toml -> b.toml -> a.toml; remove one of the "
        "'extends'",
    )


def test_a_long_row(neurochip: Command, here: Path) -> None:
    for number in range(40):
        (here / f"c{number}.toml").write_text(f'extends = "c{number + 1}.toml"')
    refused(
        neurochip("chips", "--check", "c0.toml"),
        "hardware model c0.toml extends a row of more than 16 models; remove some of the 'extends'",
    )


def test_what_is_no_file(neurochip: Command, here: Path) -> None:
    (here / "folder.toml").mkdir()
    refused(
        neurochip("chips", "--check", "folder.toml"),
        "hardware model file folder.toml can't be read (Is a directory); give a readable .toml "
        "file",
    )
    (here / "loop.toml").symlink_to("loop.toml")
    refused(
        neurochip("chips", "--check", "loop.toml"),
        "hardware model file loop.toml can't be read (Too many levels of symbolic links); give a "
        "readable .toml file",
    )


def test_an_editor_may_mark_its_text(neurochip: Command, here: Path) -> None:
    (here / "mine.toml").write_text(TEXT, encoding="utf-8-sig")
    assert neurochip("chips", "--check", "mine.toml").status == 0


def test_a_chip_that_cannot_learn(neurochip: Command, here: Path) -> None:
    (here / "mine.toml").write_text(
        'extends = "neurochip"\nname = "mute"\ntitle = "Inference"\n[learning]\nrules = []\n'
    )
    refused(
        neurochip("learn", *QUICK, "--hardware", "mine.toml"),
        "hardware 'mute' can't learn, but was asked to learn by ottt; choose a chip that has it, "
        "or run what another chip has learned",
    )
    assert [path.name for path in here.iterdir()] == ["mine.toml"]


def test_an_epoch_too_short(neurochip: Command, here: Path) -> None:
    refused(
        neurochip("learn", "--hardware", "loihi", "--update", "accumulate", "--timesteps", 64),
        "every layer sums its gradients over the 64 steps of a sample, but a learning epoch of "
        "hardware 'loihi' has at most 63; set timesteps up to 63, or update to 'online' or 'last'",
    )
    assert not list(here.iterdir())
