"""Exported folders, looked into and run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

#: What an exported folder may import.
STANDING_ALONE = {"player", "lava", "numpy", "h5py", *sys.stdlib_module_names}


def imported(folder: Path) -> set[str]:
    """Names of all packages that the modules of a folder import."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names.add(str(node.module).split(".")[0])
    return names


def run(python: Path | str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script of a folder."""
    return subprocess.run(
        [str(python), str(folder / "run.py"), *options],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
