"""A Python without neurochip."""

from __future__ import annotations

import venv
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with every package of this one but neurochip."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home)
    (site,) = home.glob("lib/python*/site-packages")
    # The folder that this names isn't searched for further .pth files, such as neurochip's own.
    (site / "others.pth").write_text(f"{Path(np.__file__).parents[1]}\n")
    return home / "bin" / "python"
