"""A small run, learned once for all tests of the plots."""

from __future__ import annotations

import pytest

from tests.plot.runs import Case, learned


@pytest.fixture(scope="session")
def case() -> Case:
    return learned(2, count_saturations=True)
