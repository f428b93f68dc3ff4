"""The commands of studies: run, show, best; and the report of one. Prints; no arithmetic."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from neurochip.cli.output import Json, announce_compilation, print_json
from neurochip.errors import ConfigError, StudyError

if TYPE_CHECKING:
    from neurochip.study import Told
    from neurochip.study.conduct import Progress

app = typer.Typer(
    help="Studies of precision and hardware: a file with knobs, a table and a page out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Source = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's database (.db), its file, or a URL.")
]
Name = Annotated[
    Optional[str],  # noqa: UP045  (typer reads this form)
    typer.Option("--name", help="Of the study, where the database holds several."),
]


@app.command()
def run(
    source: Annotated[
        str, typer.Argument(metavar="FILE.toml", help="A study file, or the name of a preset.")
    ],
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="A data set in place of the file's: a name or a path."),
    ] = None,
    storage: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--storage", help="Database: a path, or any URL of Optuna's. [FILE.db]"),
    ] = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--workers", metavar="N", help="Processes. [one a core]"),
    ] = None,
    dask: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--dask", metavar="ADDRESS", help="Work on the Dask cluster there instead."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a study, or go on with one that was stopped: the same command, nothing is done twice."""
    from neurochip import study

    if workers is not None and workers < 1:
        raise ConfigError(f"--workers is {workers}; it must be 1 or more")
    if workers is not None and dask is not None:
        raise ConfigError(
            f"--workers is {workers}, but a Dask cluster has workers of its own; leave out "
            f"--workers or --dask"
        )
    spec = study.read(source, data)
    url = study.url_of(storage) if storage else study.url_beside(source)
    with study.open_store(spec, url) as store:
        if dask is None:
            announce_compilation()
        try:
            with _progress(as_json, spec.trials) as told:
                study.run(spec, store, workers, told, dask)
        except KeyboardInterrupt:
            print("what is done is kept; the same command goes on from here", file=sys.stderr)
            raise
        table = study.table_of(store)
    if as_json:
        print_json({"command": "study run", "storage": study.shown(url), **_facts(table)})
    else:
        _print_table(table)
        print(f"stored in {study.shown(url)}")
    if table.best is None:
        raise StudyError(_nothing_complete(table))


@app.command()
def show(
    source: Source,
    name: Name = None,
    out: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option("--out", help="Also write the table: .csv, .md or .parquet; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a study's table: means over the seeds with their 95 % intervals."""
    from neurochip import study

    with study.open_existing(study.url_of(source), name) as store:
        table = study.table_of(store)
    for path in out or ():
        study.write_table(table, path)
    if as_json:
        print_json({"command": "study show", "study": source, **_facts(table)})
        return
    _print_table(table)
    for path in out or ():
        print(f"written to {path}")


@app.command()
def best(
    source: Source,
    out: Annotated[Path, typer.Option("--out", help="The run file to write.")] = Path("run.h5"),
    name: Name = None,
    trial: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--trial", metavar="N", help="This trial instead of the best."),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seed", metavar="N", help="One of the study's. [its first]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the best trial as a run file, learned again bit for bit, for run and parity."""
    from neurochip import files, study

    files.check_apart(out, {"study": study.path_of(study.url_of(source))})
    with study.open_existing(study.url_of(source), name) as store:
        chosen = study.chosen(store.spec, store.trials(), trial)
        written = study.write_best(store, out, chosen.number, seed)
        result = study.tested(store.spec, chosen, written)
    if as_json:
        facts = {"trial": chosen.number, "setting": chosen.setting, "seed": written.chip.seed}
        told = {"command": "study best", "out": str(out), **facts, **result}
        print_json(told)
        return
    settings = ", ".join(f"{key} {study.text_of(value)}" for key, value in chosen.setting.items())
    print(f"trial {chosen.number}, seed {written.chip.seed}: {settings}")
    if "retained" in result:
        shifted, kept = result["accuracy"], result["retained"]
        accuracies = f"{shifted:.2%} with the shift and {kept:.2%} without it"
    else:
        accuracies = f"{result['accuracy']:.2%}"
    print(f"test accuracy {accuracies}; nothing was chosen by the test set")
    print(f"written to {out}")


def report(source: str, name: str | None, out: Path, figures: Path | None) -> list[Path]:
    """Write the page of a study; return every file."""
    from neurochip import files, study

    files.check_apart(out, {"study": study.path_of(study.url_of(source))})
    with study.open_existing(study.url_of(source), name) as store:
        return study.write_report(study.table_of(store), out, figures)


@contextmanager
def _progress(quiet: bool, total: int) -> Iterator[Progress | None]:
    """A bar on a terminal, a line a trial elsewhere, nothing for JSON."""
    if quiet:
        yield None
    elif not sys.stdout.isatty():
        yield _print_line
    else:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.completed}/{task.total} trials"), BarColumn())
        with Progress(*columns, TextColumn("{task.fields[told]}")) as bar:
            task = bar.add_task("study", total=total, told="")
            yield lambda told: bar.update(task, completed=told.done, told=_sentence(told))


def _print_line(told: Told) -> None:
    trial = told.trial
    end = f"failed: {trial.reason}" if trial.state == "failed" else "done"
    print(f"trial {trial.number} {end}; {told.done}/{told.total}, {_sentence(told)}", flush=True)


def _sentence(told: Told) -> str:
    parts = [] if told.seconds_left is None else [f"{_time(told.seconds_left)} left"]
    if told.failed:
        parts.append(f"{told.failed} failed")
    if told.best:
        parts.append(f"best {told.best}")
    return ", ".join(parts)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _nothing_complete(table: Any) -> str:
    return (
        f"study {table.spec.name!r} has no complete trial: all {len(table.trials)} failed, the "
        f"first because {table.trials[0].reason}; change its file, and start it anew with another "
        f"--storage"
    )


def _facts(table: Any) -> dict[str, Any]:
    return {
        "name": table.spec.name,
        "best": None if table.best is None else table.best.number,
        "front": list(table.front),
        "trials": [dict(zip(table.header, row, strict=True)) for row in table.rows()],
    }


def _print_table(table: Any) -> None:
    from neurochip import study

    header, rows = study.readable(table)
    _print_columns((header, *rows))


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    # The last column, of remarks, may be long: no row is widened for it.
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in (rows[0], tuple("-" * width for width in widths), *rows[1:]):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, *row[len(widths) :]]).rstrip())
