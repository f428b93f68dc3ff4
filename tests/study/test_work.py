"""One unit of work: the same bits wherever it is done."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from neurochip.errors import StudyError
from neurochip.study.work import Bench, Unit
from tests.study.small import small


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_unit_multiplies_on_one_thread_and_leaves_the_rest_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[set[int]] = []

    def measured(*_: object) -> tuple[float, ...]:
        seen.append(threads())
        return (0.0, 0.0)

    monkeypatch.setattr(Bench, "_measured", measured)
    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        Bench(small()).do(Unit({"weight_bits": 4, "trace_bits": 4}, 0))
        assert threads() == before
    assert seen == [{1}]


def test_without_threadpoolctl_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(StudyError) as caught:
        Bench(small())
    assert str(caught.value) == (
        "studies need threadpoolctl, which isn't installed; install it with pip install "
        "'neurochip[study]'"
    )


def data_file(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.random((40, 6)), np.arange(40) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)


def test_a_bench_takes_the_data_that_it_was_given_and_looks_for_no_file(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    data_file(path, 0)
    spec = small(run={"data": str(path)}, knobs={"weight_bits": [4], "timesteps": [4, 6]})
    first = Bench(spec)
    config, other = (spec.config(setting, 0) for setting in spec.grid())
    given = first.data(config)
    path.unlink()
    second = Bench(spec, first.loaded, "tcp://there:1")
    assert second.data(config) is given
    outcome = second.do(Unit({"weight_bits": 4, "timesteps": 6}, 0))
    assert outcome.reason is not None
    assert outcome.reason.startswith(f"{path} does not exist; give the path")
    assert outcome.reason.endswith(" (on worker tcp://there:1)")
    data_file(path, 1)
    outcome = second.do(Unit({"weight_bits": 4, "timesteps": 6}, 0))
    assert outcome.reason == (
        f"data {given.name!r} differ here from those that the study began with (their checksum "
        "differs); put the same files there (on worker tcp://there:1)"
    )
    data_file(path, 0)
    again = Bench(spec, first.loaded, "tcp://there:1")
    np.testing.assert_array_equal(again.data(other).train.x, given.train.x)
