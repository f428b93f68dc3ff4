"""What is installed is what the repository holds, under one top-level name."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LINKED = ("deploy", "hw_models", "rules")

INSTALLED_CHECK = """
import sys
from pathlib import Path

site = Path(sys.argv[1])
import neurochip
import neurochip.deploy
import neurochip.rules
from neurochip import data, hardware

assert Path(neurochip.__file__).is_relative_to(site), neurochip.__file__
assert Path(neurochip.rules.__file__).is_relative_to(site), neurochip.rules.__file__
names = hardware.available()
assert names
for name in names:
    assert hardware.load(name).name == name
digits = data.load("digits")
assert len(digits.train.y) > len(digits.test.y) > 0
"""


@pytest.fixture(scope="module")
def setuptools_table(root: Path) -> dict[str, Any]:
    """The table [tool.setuptools] of pyproject.toml."""
    with (root / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["tool"]["setuptools"]
    return table


def packages_below(folder: Path, name: str) -> set[str]:
    """Dotted names of ``folder`` and of every package below it, links followed."""
    found = {name} if (folder / "__init__.py").exists() else set()
    for child in folder.iterdir():
        if child.is_dir() and child.name != "__pycache__":
            found |= packages_below(child, f"{name}.{child.name}")
    return found


def run_python(*arguments: str | Path, cwd: Path, **options: Any) -> str:
    """Standard output of this Python run with ``arguments``; fails the test where it fails."""
    result = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_package_is_listed(root: Path, setuptools_table: dict[str, Any]) -> None:
    listed = setuptools_table["packages"]
    assert sorted(listed) == listed
    assert set(listed) == packages_below(root / "neurochip", "neurochip")


def test_every_folder_of_modules_is_a_package(root: Path) -> None:
    modules = [path for name in ("neurochip", *LINKED) for path in (root / name).rglob("*.py")]
    assert {path.parent for path in modules if not (path.parent / "__init__.py").exists()} == set()


def test_nothing_but_neurochip_is_installed(setuptools_table: dict[str, Any]) -> None:
    assert {name.split(".")[0] for name in setuptools_table["packages"]} == {"neurochip"}


@pytest.mark.parametrize("name", LINKED)
def test_links_and_mapping_agree(root: Path, setuptools_table: dict[str, Any], name: str) -> None:
    link = root / "neurochip" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name
    assert setuptools_table["package-dir"][f"neurochip.{name}"] == name


@pytest.mark.parametrize("name", LINKED)
def test_sources_never_import_a_bare_folder(root: Path, name: str) -> None:
    for path in sorted((root / "neurochip").rglob("*.py")) + sorted((root / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert name not in {alias.name.split(".")[0] for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                assert node.module.split(".")[0] != name, path


def test_import_loads_neither_compiler_nor_arrays(root: Path) -> None:
    code = "import sys, neurochip; print({'numba', 'numpy', 'pydantic'} & set(sys.modules))"
    assert run_python("-c", code, cwd=root).strip() == "set()"


def test_public_names_resolve() -> None:
    import neurochip

    assert set(neurochip.__all__) <= set(dir(neurochip))
    for name in neurochip.__all__:
        assert getattr(neurochip, name) is not None
    with pytest.raises(AttributeError, match=r"module 'neurochip' has no attribute 'Chop'"):
        neurochip.Chop  # noqa: B018


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("build") is None or importlib.util.find_spec("setuptools") is None,
    reason="needs build and setuptools (the extra 'dev')",
)
def test_wheel_from_sdist_works_where_it_is_installed(tree: Path, tmp_path: Path) -> None:
    dist, site = tmp_path / "dist", tmp_path / "site"
    run_python("-m", "build", "--no-isolation", "--outdir", dist, tree, cwd=tmp_path)
    (wheel,) = dist.glob("*.whl")

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"neurochip"}
    assert "neurochip/py.typed" in names
    assert any(name.startswith("neurochip/data/") and name.endswith(".md") for name in names)

    run_python(
        *("-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
        *("--no-deps", "--no-index", "--target", site, wheel),
        cwd=tmp_path,
    )
    run_python(
        *("-c", INSTALLED_CHECK, site),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
