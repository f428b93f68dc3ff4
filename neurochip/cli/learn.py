"""The command that learns on the chip."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from neurochip.cli.costs import cost_facts, print_costs
from neurochip.cli.options import collected
from neurochip.cli.output import ConfigPath, Data, Json, print_json
from neurochip.cli.profile import Profiled, follow, print_profile, profile_facts, watched
from neurochip.cli.progress import InterruptedRunError, identity, interruptible, progress_of
from neurochip.errors import ConfigError

if TYPE_CHECKING:
    from neurochip.data import Dataset
    from neurochip.experiment import Run


def learn(
    config: ConfigPath = None,
    data: Data = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="The run file to write. [run.h5, or the resumed file]"),
    ] = None,
    resume: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--resume", help="Go on from this run file, bit for bit."),
    ] = None,
    profiled: Profiled = False,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> None:
    """Learn on the chip, one sample at a time, and save a run file after every epoch."""
    stages = watched(profiled)
    with stages("input"):
        if resume is not None:
            target = out or resume
            run, samples, epochs = _resumed(resume, target, config, data, options)
        else:
            target = out or Path("run.h5")
            run, samples, epochs = _new(target, config, data, options)
    follow(run, stages)
    _learn(run, samples, epochs, target, target == resume, as_json, profiled)


def _new(
    target: Path, config: Path | None, data: str | None, options: dict[str, Any]
) -> tuple[Run, Dataset, int]:
    from neurochip import experiment, files
    from neurochip.config import make

    merged = make(*collected(config, data, options))
    sources = {"data set": merged.data, "hardware model": merged.hardware}
    sources["placement"] = merged.placer
    files.check_apart(target, {**sources, "configuration": config})
    files.check_writable(target)
    samples = experiment.load_data(merged)
    return experiment.build(merged, samples), samples, merged.epochs


def _resumed(
    path: Path, target: Path, config: Path | None, data: str | None, options: dict[str, Any]
) -> tuple[Run, Dataset, int]:
    from neurochip import experiment, files, samples

    fixed = sorted(set(options) - {"epochs"})
    if fixed or config is not None:
        what = f"--{fixed[0].replace('_', '-')}" if fixed else str(config)
        raise ConfigError(
            f"{what} can't change a run that is resumed from {str(path)!r}; leave it out, or "
            f"start a new run without --resume"
        )
    run = experiment.load_run(path)
    files.check_apart(target, {"data set": data or run.config.data})
    data_set = experiment.load_data(run.config, data)
    remedy = "give the same with --data, or start a new run"
    samples.check_mark(run.data_mark, data_set, path, remedy)
    epochs = options.get("epochs")
    if epochs is None:
        epochs = experiment.remaining_epochs(run, path)
    elif epochs < 1:
        raise ConfigError(f"--epochs is {epochs}; it must be 1 or more")
    return run, data_set, epochs


def _learn(
    run: Run,
    samples: Dataset,
    epochs: int,
    out: Path,
    in_place: bool,
    as_json: bool,
    profiled: bool,
) -> None:
    from neurochip import experiment

    before, start, done = identity(out), time.perf_counter(), run.chip.epoch
    try:
        with (
            progress_of(run, len(samples.train), run.chip.epoch + epochs, as_json) as progress,
            interruptible(progress) as told,
        ):
            experiment.learn(run, samples, epochs, out, told)
    except KeyboardInterrupt:
        # Only the file knows whether the interruption came before or after it was put in place.
        if identity(out) != before:
            done = experiment.load_run(out).chip.epoch
        elif not in_place:
            raise InterruptedRunError("nothing was saved") from None
        raise InterruptedRunError(f"{out} holds the first {done} epochs") from None
    seconds = time.perf_counter() - start
    stages = run.chip.stages
    if as_json:
        facts = _learned(run, out, seconds)
        with stages("pricing"):
            facts["costs"] = cost_facts(run, samples)
        if profiled:
            facts["profile"] = profile_facts(stages, run.chip)
        print_json(facts)
    else:
        print(f"test accuracy {run.history[-1].test_accuracy:.2%} after {run.chip.epoch} epochs")
        print(f"written to {out} ({seconds:.1f} s)", flush=True)
        with stages("pricing"):
            print_costs(run, samples)
        if profiled:
            print_profile(stages, run.chip)


def _learned(run: Run, out: Path, seconds: float) -> dict[str, Any]:
    return {
        "command": "learn",
        "out": str(out),
        "accuracy": run.accuracy,
        "epochs": run.chip.epoch,
        "seconds": seconds,
        "history": [
            {
                "epoch": entry.record.epoch + 1,
                "running_error": entry.record.running_error,
                "accuracy": entry.test_accuracy,
                "rate_shifts": list(entry.record.rate_shifts),
            }
            for entry in run.history
        ],
        "config": run.config.to_dict(),
    }
