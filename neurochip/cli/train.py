"""The command that trains off the chip."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from neurochip.cli.options import collected
from neurochip.cli.output import ConfigPath, Data, Json, print_json
from neurochip.cli.progress import InterruptedRunError, identity, listening
from neurochip.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from neurochip.data import Dataset
    from neurochip.training import TrainEntry, Training


def train(
    config: ConfigPath = None,
    data: Data = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="The file to write. [trained.h5, or the resumed file]"),
    ] = None,
    resume: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--resume", help="Finish the epochs of this file, bit for bit."),
    ] = None,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> None:
    """Train off the chip, in float, by any of the rules, and save a file after every epoch."""
    from neurochip import files, samples, training
    from neurochip.config import make_training

    if resume is not None:
        if options or config is not None or data is not None:
            raise ConfigError(
                f"a training that is resumed from {str(resume)!r} keeps its options; leave out all "
                f"others but --out, or start a new one without --resume"
            )
        target = out or resume
        begun = training.load(resume)
        files.check_apart(target, {"data set": begun.config.data})
        files.check_writable(target)
        data_set = samples.load(begun.config)
        remedy = "put them back, or start a new training"
        samples.check_mark(begun.data_mark, data_set, resume, remedy)
    else:
        merged = make_training(*collected(config, data, options))
        target = out or Path("trained.h5")
        files.check_apart(target, {"data set": merged.data, "configuration": config})
        files.check_writable(target)
        data_set = samples.load(merged)
        begun = training.begin(merged, data_set)
    _train(begun, data_set, target, target == resume, as_json)


def _train(begun: Training, data_set: Dataset, out: Path, in_place: bool, as_json: bool) -> None:
    from neurochip import training

    before, start = identity(out), time.perf_counter()

    def tell(entry: TrainEntry) -> None:
        if not as_json:
            print(
                f"epoch {entry.epoch}: T = {entry.timesteps}, loss {entry.loss:.4f}, "
                f"test accuracy {entry.test_accuracy:.2%}",
                flush=True,
            )

    try:
        with listening() as check:
            done = training.train(begun, data_set, out, tell, check)
    except (KeyboardInterrupt, TrainingError) as end:
        # Only the file knows whether the end came before or after it was put in place.
        saved = "nothing was saved"
        if in_place or identity(out) != before:
            saved = f"{out} holds the first {training.load(out).progress.number} epochs"
        if isinstance(end, TrainingError):
            raise TrainingError(f"{str(end).rstrip('.')}; {saved}") from None
        raise InterruptedRunError(saved) from None
    if as_json:
        seconds = time.perf_counter() - start
        print_json(
            {"command": "train", "out": str(out), "seconds": seconds, **training.facts(done)}
        )
    else:
        print(f"written to {out} ({time.perf_counter() - start:.1f} s)")
