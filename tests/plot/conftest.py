"""A small run, learned once for all tests of the plots."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurochip import plot
from tests.plot.runs import Case, learned


@pytest.fixture(scope="session")
def case() -> Case:
    return learned(2, count_saturations=True)


@pytest.fixture(scope="session")
def written(case: Case, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of its report, with every figure in every format."""
    folder = tmp_path_factory.mktemp("written")
    return plot.report(
        case.run,
        case.data,
        folder / "report.html",
        sample=3,
        figures=folder / "new" / "figures",
        formats=("png", "svg", "pdf"),
    )
