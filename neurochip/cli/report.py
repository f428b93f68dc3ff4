"""The command that draws a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from neurochip.cli import study
from neurochip.cli.costs import OtherTiming, set_timing
from neurochip.cli.options import number, whole_numbers
from neurochip.cli.output import Json, OtherData, announce_compilation, print_json


def report(
    source: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A run file (.h5), or a study: database, file or URL."),
    ],
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    figures: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--figures", help="Also write each figure as PNG and SVG into this folder."),
    ] = None,
    data: OtherData = None,
    sample: Annotated[
        str, typer.Option("--sample", metavar="N", help="Test sample that is drawn.")
    ] = "0",
    neurons: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--neurons",
            metavar="N,N",
            help="Hidden neurons that are drawn, numbered through all layers.",
        ),
    ] = None,
    timing: OtherTiming = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--name", help="Of the study, where a database holds several."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw what a run or a study did: one HTML page that needs nothing else."""
    from neurochip.study import is_study

    if is_study(source):
        written = study.report(source, name, out, figures)
    else:
        written = _report_run(Path(source), out, figures, data, sample, neurons, timing)
    if as_json:
        print_json({"command": "report", "written": [str(file) for file in written]})
    else:
        for file in written:
            print(f"written to {file}")


def _report_run(
    path: Path,
    out: Path,
    figures: Path | None,
    data: str | None,
    sample: str,
    neurons: str | None,
    timing: str | None,
) -> list[Path]:
    from neurochip import experiment, files, plot

    chosen = None if neurons is None else whole_numbers("neurons", neurons)
    drawn = number("sample", sample, int, "a whole number")
    run = experiment.load_run(path)
    set_timing(run, timing)
    samples = experiment.load_test_data(run.config, data)
    files.check_apart(out, {"run file": path, "data set": data or run.config.data})
    announce_compilation()
    return plot.report(run, samples, out, sample=drawn, neurons=chosen, figures=figures)
