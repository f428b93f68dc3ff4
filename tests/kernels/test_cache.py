"""Where compiled kernels are kept: no stale code, no folder without end, nobody else's settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from neurochip.kernels import jit

KERNELS = Path(jit.__file__).parent
SOURCES = sorted(path.name for path in KERNELS.glob("*.py"))


@pytest.fixture
def package(root: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the package whose kernels may be edited."""
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "neurochip", tmp_path / "copy" / "neurochip", ignore=caches)
    return tmp_path / "copy"


def run(package: Path, code: str, **variables: str) -> list[str]:
    """The words that the code prints in a new process."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=package,
        env={**inherited, "PYTHONPATH": str(package), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


#: `round_all` is in random.py; the `shift_round` that it calls is in arithmetic.py.
ROUNDS = """
import numpy as np
from neurochip.kernels import jit, layout
from neurochip.kernels.random import round_all
values = np.array([7], np.int64)
round_all(values, 1, layout.FLOOR, np.uint64(0))
print(int(values[0]), jit.CACHE_FOLDER, sum(round_all.stats.cache_hits.values()))
"""


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_an_edited_helper_is_used_by_its_callers_in_other_files(package, tmp_path):
    root = str(tmp_path / "cache")
    cached = {jit.CACHE_VARIABLE: root}
    value, folder, hits = run(package, ROUNDS, **cached)
    assert (value, hits) == ("3", "0")
    assert list(Path(folder).rglob("*.nbc"))
    assert run(package, ROUNDS, **cached) == ["3", folder, "1"]
    helper = package / "neurochip" / "kernels" / "arithmetic.py"
    source = helper.read_text()
    assert source.count("    return n >> k\n") == 1
    helper.write_text(source.replace("    return n >> k\n", "    return (n >> k) + 100\n"))
    value, new_folder, hits = run(package, ROUNDS, **cached)
    assert (value, hits) == ("103", "0")
    assert new_folder != folder
    helper.write_text(source)
    assert run(package, ROUNDS, **cached) == ["3", folder, "1"]


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_a_cache_is_cold_until_a_kernel_is_kept(package, tmp_path):
    cached = {jit.CACHE_VARIABLE: str(tmp_path / "cache")}
    asks = "from neurochip.kernels import jit, random; print(jit.is_cold())"
    assert run(package, asks, **cached) == ["True"]
    run(package, ROUNDS, **cached)
    assert run(package, asks, **cached) == ["False"]
    other = shutil.copytree(package, tmp_path / "another installation")
    assert run(other, asks, **cached) == ["True"]


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_without_a_writable_folder_kernels_still_run(package, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    value, folder, _ = run(package, ROUNDS, **{jit.CACHE_VARIABLE: str(blocker / "cache")})
    assert (value, folder) == ("3", "None")
    # numba's own choice of a folder isn't taken either.
    assert not list(package.rglob("*.nbc"))


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(package, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    value, folder, _ = run(package, ROUNDS, **{jit.CACHE_VARIABLE: str(locked)})
    assert (value, folder) == ("3", "None")


def test_a_home_that_nobody_knows(monkeypatch):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(jit.CACHE_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    assert jit._prepare_cache() is None


@pytest.mark.parametrize("name", SOURCES)
def test_an_edit_of_any_source_changes_the_folder(name, tmp_path, monkeypatch):
    copy = tmp_path / "kernels"
    shutil.copytree(KERNELS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(jit, "__file__", str(copy / "jit.py"))
    before = jit.source_digest(), jit._prepare_cache()
    with (copy / name).open("a") as source:
        source.write("# another line\n")
    after = jit.source_digest(), jit._prepare_cache()
    assert before[0] != after[0]
    assert before[1] != after[1]
    shutil.copy2(KERNELS / name, copy / name)
    assert jit.source_digest() == before[0]


def test_a_new_or_renamed_source_changes_the_digest(tmp_path, monkeypatch):
    copy = tmp_path / "kernels"
    shutil.copytree(KERNELS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "__file__", str(copy / "jit.py"))
    digests = [jit.source_digest()]
    (copy / "more.py").write_text("")
    digests.append(jit.source_digest())
    (copy / "more.py").rename(copy / "other.py")
    digests.append(jit.source_digest())
    assert len(set(digests)) == 3


def test_other_versions_have_other_folders(monkeypatch):
    before = jit.source_digest()
    monkeypatch.setattr(numba, "__version__", "0.0.1")
    assert jit.source_digest() != before


def test_old_folders_are_removed(tmp_path, monkeypatch):
    """The newest stay, the one in use among them, and what isn't ours."""
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path))
    in_use = tmp_path / f"kernels-{jit.source_digest()}"
    for age, folder in enumerate([*(tmp_path / f"kernels-{n}" for n in range(6)), in_use]):
        folder.mkdir()
        (folder / "code.nbc").write_text("")
        os.utime(folder, (1000 - age, 1000 - age))
    (tmp_path / "mine").mkdir()
    assert jit._prepare_cache() == in_use
    kept = {in_use.name, *(f"kernels-{n}" for n in range(jit.KEPT_CACHES - 1)), "mine"}
    assert {folder.name for folder in tmp_path.iterdir()} == kept


#: A user's own kernel, cached by numba in the folder of the user's choice.
USERS_KERNEL = """
import numba
from numba.core import config

@numba.njit(cache=True)
def twice(n):
    return 2 * n
"""
USES_BOTH = """
import users
before = users.config.CACHE_DIR
import neurochip.kernels.stream
print(users.twice(21), before, users.config.CACHE_DIR)
"""


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_the_users_own_cache_is_left_alone(package, tmp_path):
    (package / "users.py").write_text(USERS_KERNEL)
    mine, ours = tmp_path / "mine", tmp_path / "ours"
    variables = {"NUMBA_CACHE_DIR": str(mine), jit.CACHE_VARIABLE: str(ours)}
    assert run(package, USES_BOTH, **variables) == ["42", str(mine), str(mine)]
    assert [path.name.split(".")[0] for path in mine.rglob("*.nbi")] == ["users"]
    run(package, ROUNDS, **variables)
    assert len(list(mine.rglob("*.nbi"))) == 1
    assert list(ours.rglob("random.round_all*.nbi"))
