"""Adaptation after deployment: which samples the chip sees, and what is told of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment, study
from neurochip.data import shifts
from neurochip.errors import ConfigError, DataError, StudyError
from neurochip.study import adapt
from neurochip.study.adapt import Adaptation, Domains, Shift
from neurochip.study.conduct import Desk, conduct
from neurochip.study.objectives import OBJECTIVES, available
from neurochip.study.spec import Spec
from neurochip.study.work import Bench, Unit
from tests.study.small import Alone, small, url

RUN = {"epochs": 3, "train_samples": 300, "hidden": [16], "timesteps": 4, "adapt_samples": 60}
GOALS = ["accuracy", "unadapted", "deployed", "retained", "recovered"]
UNIT = Unit({"slower": 0}, 1)


def study_of(**options: Any) -> Spec:
    run = {**RUN, **options}
    return small("adapting", workflow="adapt", objectives=GOALS, run=run, knobs={"slower": [0, 1]})


def there(**options: Any) -> tuple[Domains, Any]:
    """The domains of a study, and the data set that they are made of."""
    spec = study_of(**options)
    config = spec.config(UNIT.setting, UNIT.seed)
    data = Bench(spec).data(config)
    return adapt.domains(config, spec.own_options(UNIT.setting), data), data


@pytest.mark.parametrize(
    ("shift", "strength", "by_hand"),
    [
        ("rotated", 40.0, lambda split: shifts.rotated(split, 40.0)),
        ("moved", 2, lambda split: shifts.moved(split, 2)),
        ("dead", 0.5, lambda split: shifts.dead(split, 0.5, UNIT.seed)),
        ("noisy", 0.3, lambda split: shifts.noisy(split, 0.3, (UNIT.seed, 1))),
    ],
)
def test_the_held_out_samples_are_shifted_and_the_old_ones_stay(
    shift: Shift, strength: float, by_hand: Any
) -> None:
    domains, data = there(shift=shift, strength=strength)
    np.testing.assert_array_equal(domains.new.test.x, by_hand(data.test).x)
    assert domains.old.test is data.test
    assert domains.old.train is data.train
    assert len(domains.new.train) == 60


def test_without_a_shift_the_chip_goes_on_with_what_it_was_trained_for() -> None:
    domains, data = there(shift="none")
    np.testing.assert_array_equal(domains.new.test.x, data.test.x)
    old = {row.tobytes() for row in data.train.x}
    assert all(row.tobytes() in old for row in domains.new.train.x)
    found = Bench(study_of(shift="none")).chip_of(UNIT).adaptation
    assert found is not None
    assert (found.deployed, found.adapted) == (found.unadapted, found.retained)


def test_noise_of_what_is_learned_is_not_that_of_what_is_judged() -> None:
    domains, _ = there(shift="noisy", strength=0.3)
    n = min(len(domains.new.train), len(domains.new.test))
    grey = domains.new.train.x[:n] == domains.new.test.x[:n]
    assert not grey.all()


def test_replayed_samples_are_old_ones_that_the_chip_does_not_see_shifted() -> None:
    domains, data = there(shift="dead", strength=1.0, replay=20)
    learned = domains.new.train
    assert len(learned) == 80
    assert not learned.x[:60].any()
    old = {row.tobytes() for row in data.train.x}
    assert all(row.tobytes() in old for row in learned.x[60:])


def test_new_classes_are_not_learned_in_float() -> None:
    domains, data = there(shift="new_classes", strength=3, adapt_samples=40, replay=25)
    for split in (domains.old.train, domains.old.test):
        assert set(split.y) == set(range(7))
    assert set(domains.new.test.y) == {7, 8, 9}
    assert set(domains.new.train.y[:40]) == {7, 8, 9}
    assert set(domains.new.train.y[40:]) <= set(range(7))
    assert len(domains.new.train) == 65
    assert domains.old.n_classes == data.n_classes == 10


def test_each_seed_adapts_to_samples_of_its_own() -> None:
    spec = study_of()
    bench = Bench(spec)
    first, again, other = (
        adapt.domains(config, spec.own_options(UNIT.setting), bench.data(config)).new.train
        for config in (spec.config(UNIT.setting, seed) for seed in (0, 0, 1))
    )
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


def test_a_trial_tells_what_was_lost_what_came_back_and_what_is_forgotten() -> None:
    bench = Bench(study_of(shift="dead", strength=0.5, adapt_samples=200, passes=2))
    trained = bench.chip_of(UNIT)
    there = bench.run_of(UNIT)
    found = trained.adaptation
    assert found is not None
    assert bench.do(UNIT).values == (
        found.adapted,
        found.unadapted,
        found.deployed,
        found.retained,
        (found.adapted - found.unadapted) / (found.deployed - found.unadapted),
    )
    assert found.deployed > found.unadapted
    assert found.adapted == trained.judged.accuracy
    assert found.adapted > found.unadapted
    assert there.chip.n_learned == 400
    assert there.chip.epoch == 2


def test_before_it_adapts_the_chip_is_the_float_network_rounded() -> None:
    spec = study_of()
    bench, config = Bench(spec), spec.config(UNIT.setting, UNIT.seed)
    own = spec.own_options(UNIT.setting)
    domains = adapt.domains(config, own, bench.data(config))
    trained = bench.chip_of(UNIT)
    run = bench.run_of(UNIT)
    assert run.given is not None and trained.adaptation is not None
    fresh = adapt.deployed(config, own, run.given, domains.old)
    assert fresh.chip.evaluate(domains.old.test).accuracy == trained.adaptation.deployed
    assert fresh.chip.evaluate(domains.new.test).accuracy == trained.adaptation.unadapted


def test_what_adapting_takes_is_measured() -> None:
    goals = ["energy", "learning_energy", "learning_latency", "memory_bits", "weight_updates"]
    knobs = {"slower": [0]}
    spec = small("adapting", workflow="adapt", objectives=goals, run=RUN, knobs=knobs)
    told = Bench(spec).do(UNIT)
    assert told.reason is None
    assert min(told.values) > 0
    assert told.values[1] > told.values[0]


def test_a_slower_rate_is_more_shifts() -> None:
    bench = Bench(study_of())
    fast, slow = (bench.run_of(Unit({"slower": n}, 0)).chip.rate_shifts for n in (0, 1))
    assert fast is not None and slow is not None
    assert [a + 1 for a in fast] == list(slow)


def test_nothing_lost_leaves_nothing_to_recover() -> None:
    trained = Bench(study_of()).chip_of(UNIT)
    same = replace(trained, adaptation=Adaptation(0.9, 0.95, 0.96, 0.9))
    sentence = (
        "objective 'recovered' is a share of what the shift takes, but accuracy is 90.00% without "
        "it and 95.00% with it; choose a larger strength, or leave the objective out"
    )
    with pytest.raises(StudyError, match=f"^{re.escape(sentence)}$"):
        OBJECTIVES["recovered"].measure(same)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"shift": "turned"},
            "shift is 'turned'; it must be one of none, rotated, moved, noisy, dead, new_classes",
        ),
        (
            {"shift": "dead", "strength": 1.5},
            "strength is 1.5; of shift 'dead' it must be 0.0 to 1.0",
        ),
        (
            {"shift": "moved", "strength": 0.5},
            "strength is 0.5; of shift 'moved' it must be a whole number of -1024 to 1024",
        ),
        ({"passes": 0}, "passes is 0; it must be 1 to 1048576"),
        ({"replay": -1}, "replay is -1; it must be 0 to 1073741824"),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"^study 'adapting': {re.escape(sentence)}$"):
        study_of(**options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"adapt_samples": 200, "replay": 100},
            "digits, train: 200 samples to adapt to and 100 to replay were asked for, but 240 are "
            "learned; ask for fewer",
        ),
        (
            {"shift": "new_classes", "adapt_samples": 200},
            "digits, train: 200 samples to adapt to were asked for, but 46 of classes 8 to 9 are "
            "learned; ask for fewer",
        ),
        (
            {"shift": "new_classes", "strength": 10},
            "digits: 10 of its 10 classes were to be new; leave one or more that the float network "
            "learns",
        ),
    ],
)
def test_too_few_samples_are_the_reason_why_a_trial_fails(
    options: dict[str, Any], sentence: str
) -> None:
    assert Bench(study_of(**options)).do(UNIT).reason == sentence
    with pytest.raises(DataError):
        there(**options)


def test_other_workflows_have_no_such_objectives() -> None:
    assert {*GOALS} <= {*available("adapt")}
    assert {*GOALS} & {*available("chip")} == {"accuracy"}


def test_the_best_trial_is_a_run_file_that_is_tested_with_and_without_the_shift(
    tmp_path: Path,
) -> None:
    spec = study_of(shift="moved", strength=2)
    with study.open_store(spec, url(tmp_path)) as store:
        conduct(Desk(spec, store), Alone(spec), 1)
        trial = study.chosen(spec, store.trials(), None)
        run = study.write_best(store, tmp_path / "run.h5")
    read = experiment.load_run(tmp_path / "run.h5")
    config = read.config
    test = experiment.load_data(config).test
    tested = study.tested(spec, trial, read)
    assert tested == study.tested(spec, trial, run)
    assert tested["retained"] == read.chip.evaluate(test).accuracy
    assert tested["accuracy"] == read.chip.evaluate(shifts.moved(test, 2)).accuracy
    assert tested["accuracy"] != tested["retained"]
