"""Where a study's database is: one rule for every command."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from neurochip.study import is_study, path_of, url_beside, url_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in with databases of several names, a study's file and a run file."""
    monkeypatch.chdir(tmp_path)
    for name in ("kept.db", "data.study", "plain", "odd.toml"):
        with sqlite3.connect(tmp_path / name) as database:
            database.execute("CREATE TABLE t (x)")
        database.close()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "my.study.v2.toml").write_text("seeds = [0]\n")
    (tmp_path / "run.db").write_bytes(b"\x89HDF\r\n\x1a\n and so on")
    (tmp_path / "damaged.db").write_bytes(b"no database")
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("postgresql://here/db", "postgresql://here/db"),
        ("kept.db", "sqlite:///kept.db"),
        ("new.db", "sqlite:///new.db"),
        ("kept", "sqlite:///kept.db"),
        ("bits.toml", "sqlite:///bits.db"),
        ("sub/my.study.v2.toml", "sqlite:///sub/my.study.v2.db"),
        ("data.study", "sqlite:///data.study"),
        ("plain", "sqlite:///plain"),
        ("odd.toml", "sqlite:///odd.toml"),
        ("", "sqlite:///."),
    ],
)
def test_a_database_is_where_it_is_said_or_beside_the_file(source: str, place: str) -> None:
    assert url_of(source) == place
    assert path_of(place) == place.removeprefix("sqlite:///")


@pytest.mark.usefixtures("here")
def test_a_study_file_has_its_database_beside_it() -> None:
    for source in ("sub/my.study.v2.toml", "bits", "bits.toml"):
        assert url_beside(source) == url_of(source)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("source", "study"),
    [
        ("postgresql://here/db", True),
        ("kept.db", True),
        ("kept", True),
        ("data.study", True),
        ("plain", True),
        ("sub/my.study.v2.toml", True),
        ("damaged.db", True),
        ("no.db", True),
        ("run.db", False),
        ("no.h5", False),
        ("no", False),
        ("sub", False),
    ],
)
def test_a_study_is_told_from_a_run_by_what_the_file_holds(source: str, study: bool) -> None:
    assert is_study(source) is study
