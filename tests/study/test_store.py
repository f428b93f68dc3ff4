"""The database of a study is there whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from neurochip import study

from .small import small, url


def indices(path: Path) -> set[str]:
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    database.close()
    return {name for (name,) in rows}


def test_a_database_that_was_being_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt), study.open_store(small(), url(tmp_path)):
            pass
    assert not (tmp_path / "small.db").exists()
    (tmp_path / "small.db.new").write_bytes(b"half a database")
    with study.open_store(small(), url(tmp_path)) as store:
        assert store.trials() == []
    assert "ix_studies_study_name" in indices(tmp_path / "small.db")
    assert not (tmp_path / "small.db.new").exists()
