"""Running a study: nothing lost, nothing twice, the same results whoever does the work."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment, study
from neurochip.config import RunConfig
from neurochip.data import Dataset
from neurochip.errors import DataError, StudyError
from neurochip.experiment import Run
from neurochip.study.conduct import Desk, Told, conduct
from neurochip.study.crew import Processes
from neurochip.study.search import decoded, encoded
from neurochip.study.spec import Spec, make
from neurochip.study.store import Trial
from neurochip.study.work import Bench, Outcome, Unit
from tests.study.small import FAILING, Alone, Invented, small, url

#: They run whole studies in processes.
pytestmark = pytest.mark.slow

SEARCHES: dict[str, dict[str, Any]] = {
    "grid": {},
    "random": {"search": "random", "trials": 6},
    "tpe": {"search": "tpe", "trials": 7, "batch": 3},
    "nsga2": {"search": "nsga2", "trials": 7, "batch": 3},
}


def searching(kind: str) -> Spec:
    knobs: dict[str, Any] = {"weight_bits": [4, 8], "hidden": [[4], [8, 4]]}
    if kind != "grid":
        knobs["lam"] = {"low": 0.2, "high": 0.8}
        knobs["trace_bits"] = {"low": 4, "high": 8}
    run = {"epochs": 1, "train_samples": 80, "timesteps": 4}
    return small(kind, **SEARCHES[kind], knobs=knobs, run=run)


def conducted(spec: Spec, where: str, crew: Alone) -> list[Trial]:
    with study.open_store(spec, where) as store:
        desk = Desk(spec, store)
        conduct(desk, crew, 1)
        return store.trials()


def values(trials: list[Trial]) -> list[Any]:
    """All but the seconds."""
    return [
        (t.number, t.setting, t.state, t.reason, {s: o.values for s, o in t.outcomes.items()})
        for t in trials
    ]


@pytest.mark.parametrize("kind", SEARCHES)
def test_stopped_after_any_unit_it_goes_on_and_does_nothing_twice(
    kind: str, tmp_path: Path
) -> None:
    spec = searching(kind)
    whole = Alone(spec)
    expected = conducted(spec, url(tmp_path, "whole.db"), whole)
    assert [t.state for t in expected] == ["complete"] * spec.trials
    stops = range(len(whole.done)) if kind == "grid" else (0, 5, len(whole.done) - 1)
    for stop in stops:
        where = url(tmp_path, f"stop{stop}.db")
        first, second = Alone(spec, stop, at_once=2), Alone(spec, at_once=3)
        with pytest.raises(KeyboardInterrupt):
            conducted(spec, where, first)
        trials = conducted(spec, where, second)
        assert values(trials) == values(expected)
        assert sorted(first.done + second.done) == sorted(whole.done)


def test_a_setting_that_comes_up_again_is_not_done_again(tmp_path: Path) -> None:
    spec = small(search="random", trials=12, knobs={"weight_bits": [4, 8]})
    crew = Alone(spec, at_once=4)
    trials = conducted(spec, url(tmp_path), crew)
    assert len(trials) == 12
    assert len(crew.done) == len(set(crew.done)) == 4


def test_a_failing_trial_has_its_reason_and_stops_nothing(tmp_path: Path) -> None:
    spec = make(FAILING, "failing")
    trials = conducted(spec, url(tmp_path), Alone(spec))
    assert [trial.state for trial in trials] == ["complete", "failed", "complete", "complete"]
    assert trials[1].reason == (
        "the trace that feeds weight layer 1 has 4 bits, but with lam = 0.99 it sums up to 100 "
        "spikes and needs 8; widen trace_bits or lower lam"
    )
    assert conducted(spec, url(tmp_path), again := Alone(spec)) == trials
    assert again.done == []


def test_a_fault_of_the_program_is_a_reason_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    spec = small(knobs={"weight_bits": [4]})
    monkeypatch.setattr("neurochip.experiment.build", broken)
    (trial,) = conducted(spec, url(tmp_path), Alone(spec))
    assert (trial.state, trial.reason) == ("failed", "ZeroDivisionError: by zero")


def test_what_is_no_fault_of_a_setting_stops_the_study_and_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    spec = small(seeds=[0])
    with monkeypatch.context() as patch:
        patch.setattr("neurochip.experiment.build", full)
        with pytest.raises(StudyError) as caught:
            conducted(spec, url(tmp_path), crew := Alone(spec))
    assert str(caught.value) == (
        "study 'small' is not complete: 1 unit could not be done here, the last with weight_bits "
        "4, trace_bits 4, seed 0 (OSError: [Errno 28] No space left on device); make room on the "
        "disk or in memory, perhaps with fewer workers, then run the same command again: what is "
        "done is kept"
    )
    assert len(crew.done) == 1
    trials = conducted(spec, url(tmp_path), Alone(spec))
    assert values(trials) == values(conducted(spec, url(tmp_path, "whole.db"), Alone(spec)))


@pytest.mark.parametrize("kind", ["grid", "tpe"])
def test_what_memory_was_short_for_is_left_and_all_else_done(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = searching(kind)
    build, calls = experiment.build, iter(range(1000))

    def short(config: RunConfig, data: Dataset) -> Run:
        if next(calls) in (1, 4):
            raise MemoryError
        return build(config, data)

    first, second = Alone(spec), Alone(spec)
    with monkeypatch.context() as patch:
        patch.setattr("neurochip.experiment.build", short)
        with pytest.raises(StudyError, match=r"2 units could not .*, seed \d \(MemoryError\);"):
            conducted(spec, url(tmp_path), first)
    with study.open_existing(url(tmp_path)) as store:
        kept = store.trials()
    assert sum(trial.state == "running" for trial in kept) == 2
    if kind == "grid":
        assert len(kept) == spec.trials
        assert len(first.done) == spec.trials * len(spec.seeds)
    trials = conducted(spec, url(tmp_path), second)
    assert len(set(first.done) & set(second.done)) == 2
    assert values(trials) == values(conducted(spec, url(tmp_path, "whole.db"), Alone(spec)))


def test_a_study_can_get_more_trials(tmp_path: Path) -> None:
    few, many = (small(search="random", trials=n) for n in (2, 4))
    first = conducted(few, url(tmp_path), Alone(few))
    trials = conducted(many, url(tmp_path), Alone(many))
    assert values(trials[:2]) == values(first)
    assert len(trials) == 4


def test_a_changed_study_is_refused(tmp_path: Path) -> None:
    spec = small(knobs={"weight_bits": [4]})
    conducted(spec, url(tmp_path), Alone(spec))
    changed = small(knobs={"weight_bits": [4]}, seeds=[0])
    with pytest.raises(StudyError) as caught:
        conducted(changed, url(tmp_path), Alone(changed))
    assert str(caught.value) == (
        f"study 'small' has changed since its database {url(tmp_path)} was made: seeds was [0, 1], "
        "now [0]; put that back, or start a new study with another file name or another --storage"
    )


def test_changed_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    rng = np.random.default_rng(0)
    run = {"data": str(path), "epochs": 1, "hidden": [4], "timesteps": 2}
    spec = small(run=run, knobs={"weight_bits": [4]})
    for number in range(2):
        x, y = rng.random((40, 6)), np.arange(40) % 2
        np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
        with study.open_store(spec, url(tmp_path)) as store:
            if number == 0:
                store.check_data(Bench(spec).data_mark())
                continue
            with pytest.raises(StudyError) as caught:
                study.run(spec, store, workers=1)
    assert str(caught.value) == (
        f"the data of study 'small' have changed since its database {url(tmp_path)} was made "
        "(their checksum differs); put them back, or start a new study with another --storage"
    )


def test_missing_data_are_said_once_not_a_trial(tmp_path: Path) -> None:
    spec = small(run={"data": str(tmp_path / "no.npz")})
    with study.open_store(spec, url(tmp_path)) as store:
        with pytest.raises(DataError):
            study.run(spec, store, workers=1)
        assert store.trials() == []


def test_a_study_that_is_being_run_is_refused(tmp_path: Path) -> None:
    spec = small()
    with study.open_store(spec, url(tmp_path)):
        with pytest.raises(StudyError) as caught, study.open_store(spec, url(tmp_path)):
            pass
        with study.open_existing(url(tmp_path)) as store:  # which may be looked at
            assert store.trials() == []
    assert str(caught.value) == (
        f"study 'small' is being run by another command with the database "
        f"'{tmp_path / 'small.db'}'; wait for it, or give another --storage"
    )


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(StudyError, match="doesn't exist; check the path"),
        study.open_existing(url(tmp_path)),
    ):
        pass
    for name in ("one", "two"):
        with study.open_store(small(name), url(tmp_path)):
            pass
    with (
        pytest.raises(StudyError, match=r"holds 2 studies \(one, two\) and which study is not"),
        study.open_existing(url(tmp_path)),
    ):
        pass
    with study.open_existing(url(tmp_path), "two") as store:
        assert store.spec.name == "two"


def test_progress_says_what_is_done_what_is_left_and_what_is_best(tmp_path: Path) -> None:
    spec = make(FAILING, "failing")
    told: list[Told] = []
    with study.open_store(spec, url(tmp_path)) as store:
        conduct(Desk(spec, store), Alone(spec), 1, told.append)
    assert [(t.done, t.total) for t in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[-1].failed == 1
    assert told[-1].seconds_left == 0
    assert told[-1].best.startswith("accuracy ")


def test_trials_that_one_unit_finishes_are_counted_one_by_one(tmp_path: Path) -> None:
    spec = small(search="random", trials=12, seeds=[0], knobs={"weight_bits": [4, 8]})
    told: list[Told] = []
    with study.open_store(spec, url(tmp_path)) as store:
        conduct(Desk(spec, store), Alone(spec), 1, told.append)
    done = [t.done for t in told]
    assert len(done) > 2  # more trials than settings
    assert done == list(range(1, len(done) + 1))


def test_the_time_left_is_not_told_by_the_first_unit(tmp_path: Path) -> None:
    spec = small(seeds=[0])
    seconds = iter((100.0, 2.0, 2.0, 2.0))
    told: list[Told] = []

    class Compiling(Invented):
        def wait(self) -> list[tuple[Unit, Outcome]]:
            ((unit, outcome),) = super().wait()
            return [(unit, replace(outcome, seconds=next(seconds)))]

    with study.open_store(spec, url(tmp_path)) as store:
        crew = Compiling(spec, lambda unit: (0.9, 1.0))
        conduct(Desk(spec, store), crew, 1, told.append)
    assert [t.seconds_left for t in told] == [None, 4.0, 2.0, 0.0]


def test_settings_survive_the_database() -> None:
    spec = small(
        search="random",
        trials=1,
        run={},
        knobs={"hidden": [[4], [8, 4]], "rounding": ["nearest"], "lam": {"low": 0.1, "high": 0.5}},
    )
    setting = {"hidden": [8, 4], "rounding": "nearest", "lam": 0.25}
    assert decoded(encoded(setting), spec.knobs) == setting


@pytest.mark.slow
def test_processes_give_the_results_of_one(tmp_path: Path) -> None:
    spec = searching("tpe")
    expected = conducted(spec, url(tmp_path, "alone.db"), Alone(spec))
    with study.open_store(spec, url(tmp_path, "both.db")) as store:
        trials = study.run(spec, store, workers=2)
    assert values(trials) == values(expected)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for blocked signals")
def test_a_worker_does_not_hear_ctrl_c_from_its_first_moment() -> None:
    with Processes(small(), 2) as crew:
        for worker in crew._workers:
            status = Path(f"/proc/{worker.process.pid}/status").read_text()
            (blocked,) = re.findall(r"SigBlk:\s*([0-9a-f]+)", status)
            assert int(blocked, 16) & 1 << signal.SIGINT - 1
    if hasattr(signal, "pthread_sigmask"):
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_its_unit_done() -> None:
    spec = small(run={"epochs": 400, "hidden": [64]})
    unit = Unit({"weight_bits": 8, "trace_bits": 6}, 0)
    with Processes(spec, 1) as crew:
        crew.give(unit)
        crew._workers[0].process.kill()
        ((done, outcome),) = crew.wait()
        assert done == unit
        assert outcome.reason is None
        assert outcome.values == Alone(spec).bench.do(unit).values


@pytest.mark.slow
def test_a_unit_that_kills_every_worker_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurochip.study.crew.ATTEMPTS", 1)
    spec = small(run={"epochs": 100_000})
    unit = Unit({"weight_bits": 8, "trace_bits": 6}, 0)
    with Processes(spec, 1) as crew:
        crew.give(unit)
        crew._workers[0].process.kill()
        assert crew.wait() == [
            (
                unit,
                Outcome(
                    (),
                    0.0,
                    "its process ended 1 times, at last with signal 9 (SIGKILL; was there enough "
                    "memory?)",
                    "unit",
                ),
            )
        ]
        assert crew.free == 1


@pytest.mark.slow
def test_a_worker_has_its_next_unit_at_hand_while_units_are_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = small(seeds=[0, 1, 2])
    units = [Unit({"weight_bits": 4, "trace_bits": 4}, seed) for seed in spec.seeds]
    with Processes(spec, 1) as crew:
        assert crew.free == 1
        crew.give(units[0])
        assert crew.free == 0
        monkeypatch.setattr("neurochip.study.crew.SHORT", 1e9)
        done = crew.wait()
        assert crew.free == 2
        for unit in units[1:]:
            crew.give(unit)
        crew._workers[0].process.kill()  # with one at work and one at hand
        while len(done) < 3:
            done += crew.wait()
        monkeypatch.setattr("neurochip.study.crew.SHORT", 0.0)
        crew.give(units[0])
        done += crew.wait()
        assert crew.free == 1
    assert [unit for unit, _ in done] == [*units, units[0]]
    bench = Bench(spec)
    assert [outcome.values for _, outcome in done] == [bench.do(unit).values for unit, _ in done]
