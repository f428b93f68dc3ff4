"""Where compiled kernels are kept: no stale code, no folder without end, nobody else's settings."""

from __future__ import annotations

import ast
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
from pathlib import Path
import numpy as np
from neurochip.kernels import jit, layout, random
from neurochip.kernels.random import round_all
values = np.array([7], np.int64)
round_all(values, 1, layout.FLOOR, np.uint64(0))
folder = jit.cache_folder(Path(random.__file__))
print(int(values[0]), folder, sum(round_all.stats.cache_hits.values()))
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


#: Files that `random.py` imports nothing from: other kernels, and what calls kernels.
UNRELATED = ("kernels/mesh.py", "chip/core.py")


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_an_upgrade_of_other_files_keeps_what_is_compiled(package, tmp_path):
    cached = {jit.CACHE_VARIABLE: str(tmp_path / "cache")}
    first = run(package, ROUNDS, **cached)
    for name in UNRELATED:
        with (package / "neurochip" / name).open("a") as source:
            source.write("\n# another line\n")
    assert run(package, ROUNDS, **cached) == [*first[:2], "1"]


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_constants_from_outside_the_kernels_count(package, tmp_path):
    """Widths are compiled in: they come from `fixed` by way of `layout`."""
    cached = {jit.CACHE_VARIABLE: str(tmp_path / "cache")}
    first = run(package, ROUNDS, **cached)
    fixed = package / "neurochip" / "fixed.py"
    fixed.write_text(fixed.read_text() + "\n# another line\n")
    value, folder, hits = run(package, ROUNDS, **cached)
    assert (value, hits) == ("3", "0")
    assert folder != first[1]


@pytest.mark.skipif(jit.INTERPRETED, reason="nothing is compiled")
def test_a_cache_is_cold_until_a_kernel_is_kept(package, tmp_path):
    cached = {jit.CACHE_VARIABLE: str(tmp_path / "cache")}
    asks = "from neurochip.kernels import jit, random; print(jit.is_cold(random))"
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


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """A copy of the kernels whose folders lie in a cache of their own."""
    package = tmp_path / "neurochip"
    shutil.copytree(KERNELS, package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(jit, "_PACKAGE", package)
    return package / "kernels"


@pytest.fixture(autouse=True)
def _nothing_read():
    for remembers in (jit._read, jit.cache_folder):
        remembers.cache_clear()
    yield
    for remembers in (jit._read, jit.cache_folder):
        remembers.cache_clear()


def reread(path: Path) -> str:
    jit._read.cache_clear()
    return jit.source_digest(path)


def test_a_home_that_nobody_knows(monkeypatch):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(jit.CACHE_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    assert jit.cache_folder(KERNELS / "random.py") is None


@pytest.mark.parametrize("name", SOURCES)
def test_an_edit_changes_the_folders_of_all_that_import_it(name, kernels):
    """And of no other file: who imports whom is asked of Python."""
    before = {source: reread(kernels / source) for source in SOURCES}
    with (kernels / name).open("a") as source:
        source.write("# another line\n")
    after = {source: reread(kernels / source) for source in SOURCES}
    changed = {source for source in SOURCES if after[source] != before[source]}
    assert changed >= importers_of(name)
    assert changed <= {source for source in SOURCES if name in names_of(kernels / source)}
    shutil.copy2(KERNELS / name, kernels / name)
    assert {source: reread(kernels / source) for source in SOURCES} == before


def names_of(path: Path) -> set[str]:
    return {source.name for source in jit.sources_of(path)}


def imported_by(path: Path) -> set[str]:
    """Kernel files that a file imports, as Python's own parser tells."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "neurochip.kernels":
                found |= {f"{alias.name}.py" for alias in node.names}
            elif node.module.startswith("neurochip.kernels."):
                found.add(node.module.split(".")[2] + ".py")
        elif isinstance(node, ast.Import):
            whole = [alias.name.split(".") for alias in node.names]
            found |= {f"{n[2]}.py" for n in whole if n[:2] == ["neurochip", "kernels"] and n[2:]}
    return found


def importers_of(name: str) -> set[str]:
    """A file and all that import it, directly or not."""
    found, size = {name}, 0
    while len(found) > size:
        size = len(found)
        found |= {source for source in SOURCES if imported_by(KERNELS / source) & found}
    return found


def test_another_name_is_another_digest(kernels):
    (kernels / "more.py").write_text("")
    digests = [reread(kernels / "more.py")]
    (kernels / "more.py").rename(kernels / "other.py")
    digests.append(reread(kernels / "other.py"))
    assert len(set(digests)) == 2


def test_other_versions_have_other_folders(monkeypatch):
    before = jit.source_digest(KERNELS / "random.py")
    monkeypatch.setattr(numba, "__version__", "0.0.1")
    assert jit.source_digest(KERNELS / "random.py") != before


def test_old_folders_are_removed(tmp_path, monkeypatch):
    """The newest of a file stay, the one in use among them, and what isn't of this file."""
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path))
    path = KERNELS / "random.py"
    in_use = tmp_path / f"kernels-random-{jit.source_digest(path)}"
    older = [tmp_path / f"kernels-random-{n:016x}" for n in range(6)]
    others = [tmp_path / f"kernels-rows-{n:016x}" for n in range(6)]
    for age, folder in enumerate([*older, in_use, *others]):
        folder.mkdir()
        (folder / "code.nbc").write_text("")
        os.utime(folder, (1000 - age, 1000 - age))
    (tmp_path / "mine").mkdir()
    assert jit.cache_folder(path) == in_use
    kept = {in_use, *older[: jit.KEPT_CACHES - 1], *others, tmp_path / "mine"}
    assert set(tmp_path.iterdir()) == kept


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
