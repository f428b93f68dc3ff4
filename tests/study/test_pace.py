"""The time that is left of a study."""

from __future__ import annotations

from neurochip.study.pace import Pace


def test_the_first_unit_of_each_worker_is_no_measure() -> None:
    pace = Pace(2)
    for seconds in (90.0, 100.0):  # they compile
        pace.hear(seconds)
        assert pace.left(10) is None
    for seconds in (2.0, 3.0, 80.0):  # one compiles something more
        pace.hear(seconds)
    assert pace.left(10) == 3.0 * 10 / 2


def test_nothing_left_takes_no_time() -> None:
    assert Pace(1).left(0) == 0.0
