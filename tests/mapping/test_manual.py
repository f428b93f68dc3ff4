"""Placements from files: CSV and TOML, and what is wrong with them, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip.errors import ConfigError, LimitError, NeurochipError
from neurochip.mapping import map_network
from neurochip.mapping.describe import describe
from neurochip.mapping.manual import read_placement
from neurochip.network import Network
from tests.mapping.nets import CHIP, chip

NET = Network.mlp([3, 8, 4])


def fails(kind: type[NeurochipError], sentence: str) -> pytest.RaisesExc[NeurochipError]:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "cores.csv"


def test_csv(csv: Path) -> None:
    write(csv, "layer,first,last,core\n0,5,8,2\n0,0,5,7\n1,,,9\n")
    mapped = map_network(NET, CHIP, placer=str(csv))
    assert mapped.slices.first.tolist() == [0, 5, 0]
    assert mapped.slices.last.tolist() == [5, 8, 4]
    assert mapped.core.tolist() == [7, 2, 9]


def test_toml(tmp_path: Path) -> None:
    path = write(
        tmp_path / "cores.toml",
        "[[slice]]\nlayer = 0\ncore = 3\n[[slice]]\nlayer = 1\nfirst = 0\nlast = 2\ncore = 3\n"
        "[[slice]]\nlayer = 1\nfirst = 2\ncore = 0\n",
    )
    mapped = map_network(NET, CHIP, placer=str(path))
    assert mapped.core.tolist() == [3, 3, 0]
    assert mapped.slices.last.tolist() == [8, 2, 4]


def test_slices_of_one_core_share_axons(csv: Path) -> None:
    write(csv, "layer,first,last,core\n0,0,4,1\n0,4,8,1\n1,,,1\n")
    mapped = map_network(NET, CHIP, placer=str(csv))
    neurons, *_, axons_in, axons_out = mapped.used[1].tolist()
    assert (neurons, axons_in, axons_out) == (12, 3 + 8, 8)


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        (
            "layer,core\n0,128\n1,0\n",
            LimitError,
            "{path}, line 2: layer 0 is placed on core 128, but hardware 'neurochip' has the cores "
            "0 to 127; choose one of them",
        ),
        (
            "layer,first,last,core\n0,0,5,0\n1,,,1\n",
            LimitError,
            "{path}: neurons 5 to 7 of layer 0 are placed on no core; place them",
        ),
        (
            "layer,core\n0,1\n",
            LimitError,
            "{path}: neurons 0 to 3 of layer 1 are placed on no core; place them",
        ),
        (
            "layer,first,last,core\n0,0,5,0\n0,4,8,1\n1,,,1\n",
            LimitError,
            "{path}: neuron 4 of layer 0 is placed twice; place it once",
        ),
        (
            "layer,core\n2,0\n",
            ConfigError,
            "{path}, line 2: layer is 2, but must be 0 to 1; change it to that",
        ),
        (
            "layer,core\n0,-1\n",
            ConfigError,
            "{path}, line 2: core is '-1', but must be 0 or more; change it to that",
        ),
        (
            "layer,first,last,core\n0,0,9,0\n",
            ConfigError,
            "{path}, line 2: last is 9, but must be 1 to 8; change it to that",
        ),
        (
            "layer,core\n0,first\n",
            ConfigError,
            "{path}, line 2: core is 'first', but must be 0 or more; change it to that",
        ),
        ("layer,core\n0\n", ConfigError, "{path}, line 2 has no 'core'; give it"),
        (
            "layer,tile\n0,1\n",
            ConfigError,
            "{path}, line 2 has the unknown key 'tile'; it may hold layer, first, last, core",
        ),
        (
            "",
            LimitError,
            "{path}: neurons 0 to 7 of layer 0 are placed on no core; place them",
        ),
    ],
)
def test_a_bad_placement(csv: Path, text: str, kind: type[NeurochipError], sentence: str) -> None:
    write(csv, text)
    with fails(kind, sentence.format(path=csv)):
        map_network(NET, CHIP, placer=str(csv))


def test_a_core_that_is_full(csv: Path) -> None:
    write(csv, "layer,core\n0,3\n1,3\n")
    with fails(
        LimitError,
        "core 3 would hold layer 0 and the read-out with 12 neurons, but a core of hardware "
        "'neurochip' has 11; spread them over more cores",
    ):
        map_network(NET, chip(neurons_per_core=11), placer=str(csv))


def test_files_that_hold_no_placement(tmp_path: Path) -> None:
    with fails(
        ConfigError,
        "placement 'trafic' can't be read (No such file or directory); give a .csv or .toml file, "
        "or one of greedy, traffic",
    ):
        map_network(NET, CHIP, placer="trafic")
    other = write(tmp_path / "cores.txt", "")
    with fails(
        ConfigError, f"placement '{other}' is neither .csv nor .toml; name it after what it holds"
    ):
        map_network(NET, CHIP, placer=str(other))
    long = write(tmp_path / "cores.csv", f"layer,core\n0,{'1' * 200_000}\n")
    with fails(
        ConfigError,
        f"{long}: not valid CSV: field larger than field limit (131072); mend the file there",
    ):
        map_network(NET, CHIP, placer=str(long))
    toml = write(tmp_path / "cores.toml", "slice = 3\n")
    with fails(ConfigError, f"{toml} has no list [[slice]]; give one entry for each slice"):
        map_network(NET, CHIP, placer=str(toml))
    write(toml, "slice")
    with pytest.raises(ConfigError, match=r"not valid TOML: .*; mend the file there$"):
        map_network(NET, CHIP, placer=str(toml))
    toml.write_bytes(b"\xff")
    with fails(
        ConfigError,
        f"placement '{toml}' can't be read (it is not UTF-8 text); give a .csv or .toml file, or "
        "one of greedy, traffic",
    ):
        map_network(NET, CHIP, placer=str(toml))


@given(
    st.sampled_from([".csv", ".toml"]),
    st.one_of(
        st.text(),
        st.text("layerfistcosc,=[]\"'\n0123456789-"),
        st.lists(
            st.tuples(*[st.integers(-2, 9).map(str) | st.just("") | st.text(max_size=3)] * 4)
        ).map(lambda rows: "\n".join(["layer,first,last,core", *map(",".join, rows)])),
    ),
)
def test_no_text_gives_another_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        manual = read_placement(path, describe(NET), CHIP)
    except NeurochipError as error:
        assert str(path) in str(error)
    else:
        assert [bounds[-1] for bounds in manual.bounds] == [8, 4]
