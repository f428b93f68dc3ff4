"""The best trial as a run file: learned again with the same seed, bit for bit."""

from __future__ import annotations

from pathlib import Path

from neurochip import experiment, files
from neurochip.errors import ConfigError, StudyError
from neurochip.experiment import Run
from neurochip.samples import mark_of
from neurochip.study import adapt
from neurochip.study.spec import Spec
from neurochip.study.store import Store, Trial
from neurochip.study.table import best_of
from neurochip.study.work import Bench, Unit


def write_best(store: Store, out: Path, number: int | None = None, seed: int | None = None) -> Run:
    """Learn a trial again and write its run file, whose test accuracy nothing was chosen by.

    What is learned is what the trial learned: the training samples without those held out.

    Args:
        store: the study's database.
        out: the run file.
        number: of the trial; the best if None.
        seed: one of the study's; the first if None.

    Raises:
        StudyError: no trial is complete, or the one asked for isn't.
        ConfigError: the seed is not the study's.
    """
    spec = store.spec
    trial = chosen(spec, store.trials(), number)
    seed = spec.seeds[0] if seed is None else seed
    if seed not in spec.seeds:
        raise ConfigError(
            f"seed {seed} is not one of study {spec.name!r}; choose among "
            f"{', '.join(map(str, spec.seeds))}"
        )
    files.check_writable(out)
    config = spec.config(trial.setting, seed)
    data = experiment.load_data(config)
    if spec.workflow_of(trial.setting) == "chip":
        run = experiment.build(config, data)
        return experiment.learn(run, data, config.epochs, out)
    run = Bench(spec).run_of(Unit(trial.setting, seed))
    run.data_mark = mark_of(data)  # of the samples that the file's readers will see
    experiment.save_run(run, out)
    return run


def tested(spec: Spec, trial: Trial, run: Run) -> dict[str, float]:
    """Accuracies on the test set, 0..1: "accuracy", and of a chip that has adapted to a shift, for
    which that is the shifted test set, "retained" on the test set as it is.

    Args:
        spec: the study.
        trial: whose run it is.
        run: what `write_best` gave.
    """
    data = experiment.load_data(run.config)
    if spec.workflow_of(trial.setting) != "adapt":
        return {"accuracy": experiment.evaluate(run, data).accuracy}
    there = adapt.domains(run.config, spec.own_options(trial.setting), data)
    return {
        "accuracy": experiment.evaluate(run, there.new).accuracy,
        "retained": experiment.evaluate(run, there.old).accuracy,
    }


def chosen(spec: Spec, trials: list[Trial], number: int | None) -> Trial:
    """The trial with a number, or the best.

    Raises:
        StudyError: there is none.
    """
    if number is None:
        best = best_of(spec, trials)
        if best is None:
            raise StudyError(
                f"study {spec.name!r} has no complete trial yet, of {len(trials)}; run it, or see "
                f"why trials fail with neurochip study show"
            )
        return best
    if not 0 <= number < len(trials) or trials[number].state != "complete":
        complete = [str(trial.number) for trial in trials if trial.state == "complete"]
        raise StudyError(
            f"trial {number} of study {spec.name!r} is not complete; the complete ones are "
            f"{', '.join(complete) or 'none'}"
        )
    return trials[number]
