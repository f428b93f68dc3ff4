"""Faults in a study: a chip learns, breaks, and learns on or doesn't."""

from __future__ import annotations

from typing import Any

import pytest

from neurochip import experiment
from neurochip.config import RunConfig
from neurochip.errors import ConfigError
from neurochip.hardware import Faults
from neurochip.study.spec import make
from neurochip.study.work import Bench, Unit
from tests.study.small import SMALL, small

#: They need kernels that little else compiles, which takes a minute.
pytestmark = pytest.mark.slow

RUN: dict[str, Any] = {**SMALL["run"], "epochs": 2}


def refused(**told: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make({**SMALL, "run": RUN, **told}, "s")
    return str(caught.value)


def test_faults_come_up_after_the_epochs_and_more_follow() -> None:
    spec = small(run=RUN, knobs={"stuck_bits": [0.1], "recover_epochs": [0, 3]})
    config = spec.config({"stuck_bits": 0.1, "recover_epochs": 3}, 4)
    assert (config.sound_epochs, config.epochs) == (2, 5)
    assert config.faults == Faults(stuck_bits=0.1, seed=4)
    config = spec.config({"stuck_bits": 0.1, "recover_epochs": 0}, 4)
    assert (config.sound_epochs, config.epochs) == (2, 2)


def test_without_it_faults_are_there_from_the_start() -> None:
    config = small(run=RUN, knobs={"stuck_bits": [0.1]}).config({"stuck_bits": 0.1}, 0)
    assert (config.sound_epochs, config.epochs) == (0, 2)


def test_epochs_may_be_the_default() -> None:
    run = {name: value for name, value in RUN.items() if name != "epochs"}
    config = small(run=run, knobs={"recover_epochs": [1]}).config({"recover_epochs": 1}, 0)
    default = RunConfig.model_fields["epochs"].default
    assert (config.sound_epochs, config.epochs) == (default, default + 1)


def test_a_trial_is_the_run_step_by_step() -> None:
    """The same chip as one that learns, is broken by hand, and learns on."""
    setting = {"stuck_bits": 0.2, "recover_epochs": 1}
    spec = small(run=RUN, knobs={key: [value] for key, value in setting.items()})
    bench = Bench(spec)
    trained = bench.chip_of(Unit(setting, 1))
    assert trained.chip.faults == Faults(stuck_bits=0.2, seed=1)
    config = spec.config(setting, 1).with_options({"stuck_bits": 0.0, "sound_epochs": 0})
    data = bench.data(config)
    chip = experiment.build(config, data).chip
    chip.learn(data.train, 2)
    chip.inject(Faults(stuck_bits=0.2, seed=1))
    chip.learn(data.train, 1)
    assert chip.evaluate(data.test).accuracy == trained.judged.accuracy
    assert all(
        (a == b).all()
        for a, b in zip(chip.integers.weights, trained.chip.integers.weights, strict=True)
    )


def test_a_network_from_off_the_chip_meets_faults_too() -> None:
    spec = small(workflow="ptq", run=RUN, knobs={"stuck_bits": [0.0, 0.3]})
    bench = Bench(spec)
    sound, broken = (bench.chip_of(Unit({"stuck_bits": p}, 0)) for p in (0.0, 0.3))
    assert broken.chip.faults.any
    assert (broken.chip.integers.weights[0] != sound.chip.integers.weights[0]).any()


def test_what_it_can_not_be() -> None:
    knobs = {"stuck_bits": [0.1]}
    assert refused(knobs={**knobs, "recover_epochs": [-1]}) == (
        "study 's': recover_epochs is -1; it must be a whole number from 0"
    )
    assert refused(knobs={**knobs, "recover_epochs": [1]}, run={**RUN, "sound_epochs": 1}) == (
        "study 's': sound_epochs is given beside recover_epochs, which says that faults come up "
        "after epochs; leave one of them out"
    )
    assert refused(knobs={"stuck_bits": [0.1, 1.5]}) == (
        "study 's': stuck_bits is 1.5; it must be a share from 0 to 1"
    )
    assert refused(workflow="ptq", knobs={"recover_epochs": [1]}) == (
        "study 's': knob 'recover_epochs' isn't one of workflow 'ptq' but of chip; choose one of "
        "those workflows, or leave it out"
    )
