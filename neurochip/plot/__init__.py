"""Plots: the only room that draws. Figures of a run or a study, and its report as one HTML page.

    written = plot.report(run, data, Path("report.html"), figures=Path("figures"))

Figures are functions from arrays to matplotlib's Figure in `learning`, `sample` and `activity`;
`figures` makes them from a run, `page` writes them into HTML; `study_figures` and `study_page` do
so for studies. Importing this package loads no matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurochip.data import Dataset
    from neurochip.experiment import Run
    from neurochip.mapping import ChipMap
    from neurochip.plot.study import Findings
    from neurochip.plot.study_page import Text

__all__ = ["map_figure", "report", "study_report"]


def report(
    run: Run,
    data: Dataset,
    out: Path,
    *,
    sample: int = 0,
    neurons: Sequence[int] | None = None,
    figures: Path | None = None,
    formats: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Write what a run did as one HTML page that needs no other file and no network.

    The same run gives the same bytes.

    Args:
        run: a run, finished or not.
        data: the data set whose test sample is shown.
        out: the page.
        sample: number of the test sample, from 0.
        neurons: hidden neurons whose membranes are drawn, numbered through all hidden layers from
            0; by default some from the busiest to the quietest.
        figures: a folder that gets each figure as a file too; it's made if it isn't there.
        formats: of those files: "png", "svg" and "pdf".

    Returns:
        Every file that was written, the page first.

    Raises:
        ConfigError: the sample, a neuron or a format doesn't exist.
        OutputError: a file can't be written.
    """
    # Drawing is loaded here, so that every other command starts without it.
    from neurochip import files
    from neurochip.plot import expense
    from neurochip.plot.figures import draw
    from neurochip.plot.page import page
    from neurochip.plot.style import check_format, render

    for format in formats:
        check_format(format)
    plates = draw(run, data, sample, neurons)
    spent = expense.look(run, data)
    plates += expense.draw(spent)
    files.check_writable(out)
    if figures is not None:
        files.make_folder(figures)
    files.write_text_atomic(out, page(run, data, plates, spent, sample, neurons))
    written = [out]
    for plate in plates if figures is not None else ():
        for format in dict.fromkeys(formats):
            target = Path(figures or "") / f"{plate.name}.{format}"
            files.write_bytes_atomic(target, render(plate.figure, format))
            written.append(target)
    return written


def map_figure(chip_map: ChipMap, out: Path) -> None:
    """Draw how full each core of a mapped chip is, on the mesh, into a file.

    Args:
        chip_map: what is drawn.
        out: the file; its ending says which of png, svg and pdf.

    Raises:
        ConfigError: the ending is of another format.
        OutputError: the file can't be written.
    """
    from neurochip import files
    from neurochip.plot.expense import fullness_plate
    from neurochip.plot.style import check_format, render

    format = out.suffix.lstrip(".")
    check_format(format)
    files.check_writable(out)
    files.write_bytes_atomic(out, render(fullness_plate(chip_map).figure, format))


def study_report(found: Findings, text: Text, out: Path, figures: Path | None = None) -> list[Path]:
    """Write what a study found as one HTML page that needs no other file and no network.

    Args:
        found: its settings and their numbers.
        text: its words.
        out: the page.
        figures: a folder that gets each figure as PNG, SVG and PDF too; made if it isn't there.

    Returns:
        Every file that was written, the page first.

    Raises:
        OutputError: a file can't be written.
    """
    from neurochip import files
    from neurochip.plot.study_figures import draw
    from neurochip.plot.study_page import page
    from neurochip.plot.style import FORMATS, render

    drawn = draw(found)
    files.check_writable(out)
    if figures is not None:
        files.make_folder(figures)
    files.write_text_atomic(out, page(text, found, drawn))
    written = [out]
    for entry in drawn if figures is not None else ():
        for format in FORMATS:
            target = Path(figures or "") / f"{entry.name}.{format}"
            files.write_bytes_atomic(target, render(entry.figure, format))
            written.append(target)
    return written
