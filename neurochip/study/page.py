"""A study's table as the page that the plot room draws."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from neurochip import plot
from neurochip.plot.study import Findings, Goal, Point, Scale
from neurochip.plot.study_page import Text
from neurochip.study.databases import SQLITE
from neurochip.study.knobs import Knob, Values, text_of
from neurochip.study.places import path_of
from neurochip.study.spec import Spec
from neurochip.study.store import Trial
from neurochip.study.table import Table, readable, shown_summary, summaries
from neurochip.study.workflows import WAYS

#: Options that are lists, but not of one number a layer.
_NO_LAYERS = frozenset({"halve_at"})
_SEARCHES = {
    "grid": "every combination of the values",
    "random": "settings drawn at random",
    "tpe": "settings chosen by TPE",
    "nsga2": "settings chosen by NSGA-II",
}


def write_report(table: Table, out: Path, figures: Path | None = None) -> list[Path]:
    """Write a study as one HTML page that needs no other file and no network.

    Args:
        table: what the study found.
        out: the page.
        figures: a folder that gets each figure as PNG, SVG and PDF too.

    Returns:
        Every file that was written, the page first.

    Raises:
        OutputError: a file can't be written.
    """
    return plot.study_report(findings(table), _text(table), out, figures)


def findings(table: Table) -> Findings:
    """What a table says, as figures need it."""
    spec = table.spec
    return Findings(
        knobs=tuple(spec.knobs),
        values=tuple(_values(table, name) for name in spec.knobs),
        scales=tuple(map(_scale, spec.knobs.values())),
        layered=tuple(_is_layered(name, knob) for name, knob in spec.knobs.items()),
        goals=tuple(Goal(goal.title, goal.unit, goal.maximised) for goal in spec.goals),
        points=tuple(_point(table, trial) for trial in table.trials if trial.state != "running"),
    )


def _values(table: Table, name: str) -> tuple[str, ...]:
    """The texts of a knob's values: a list's in its order, a range's that were tried by size."""
    knob = table.spec.knobs[name]
    if isinstance(knob, Values):
        return tuple(text_of(value) for value in knob.values)
    tried = sorted({trial.setting[name] for trial in table.trials})
    return tuple(dict.fromkeys(text_of(value) for value in tried))


def _scale(knob: Knob) -> Scale:
    if isinstance(knob, Values):
        return "list"
    return "log" if knob.log else "linear"


def _is_layered(name: str, knob: Knob) -> bool:
    """Whether every value is a list of one number a layer."""
    if not isinstance(knob, Values) or name in _NO_LAYERS:
        return False
    lengths = {len(value) if isinstance(value, list) else 0 for value in knob.values}
    return (
        len(lengths) == 1
        and min(lengths) > 1
        and all(isinstance(entry, (int, float)) for value in knob.values for entry in value)
    )


def _point(table: Table, trial: Trial) -> Point:
    entries = summaries(table.spec, trial)
    return Point(
        number=trial.number,
        setting=tuple(text_of(value) for value in trial.setting.values()),
        means=tuple(entry.mean for entry in entries),
        half_widths=tuple(entry.half_width for entry in entries),
        on_front=trial.number in table.front,
        reason=trial.reason,
    )


def _text(table: Table) -> Text:
    spec = table.spec
    header, rows = readable(table)
    return Text(
        title=spec.title,
        lead=_lead(spec),
        facts=tuple(_facts(table)),
        header=tuple(name if name in spec.knobs else name.capitalize() for name in header),
        rows=tuple(map(_without_reason, rows)),
        n_words=1 + len(spec.knobs),
        n_numbers=2 * len(spec.goals),
        command="\n".join(shlex.join(["neurochip", *words]) for words in _commands(table)),
        file=spec.to_toml(),
        file_name=f"{spec.name}.toml",
        origin=tuple(_origin(table)),
    )


def _commands(table: Table) -> list[tuple[str, ...]]:
    """What repeats the study and shows it, from a folder that holds its file."""
    name = table.spec.name
    place = table.storage
    if place.startswith(SQLITE):
        place = Path(path_of(place)).name
    run: tuple[str, ...] = ("study", "run", f"{name}.toml")
    kept: tuple[str, ...] = (f"{name}.db",)
    if place not in ("", *kept):
        run, kept = (*run, "--storage", place), (place, "--name", name)
    return [run, ("study", "show", *kept), ("report", *kept, "--out", "report.html")]


def _without_reason(row: tuple[str, ...]) -> tuple[str, ...]:
    """A row whose remark is short: reasons have a table of their own."""
    *cells, remark = row
    return (*cells, remark.split(":")[0])


def _origin(table: Table) -> Iterable[tuple[str, str]]:
    """What the numbers come from beside the file."""
    if table.data_mark:
        learned, held, checksum = table.data_mark.split(":")
        yield (
            "Data",
            f"{table.spec.run.get('data', 'digits')}: {learned} samples learned, {held} held out, "
            f"checksum {checksum}",
        )
    if table.made_with:
        yield "Made with", "; ".join(table.made_with)


def _lead(spec: Spec) -> str:
    words = ", or ".join(WAYS[workflow].words for workflow in spec.workflows)
    return (
        f"{spec.run.get('data', 'digits')}, {words}: "
        f"{_SEARCHES[spec.search]} of {_listed(spec.knobs)}, each with seeds "
        f"{_listed(map(str, spec.seeds))}. Settings are judged after the last epoch on "
        f"{spec.holdout:.0%} of the training samples, which were held out of learning; the test "
        f"set was not looked at."
    )


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _facts(table: Table) -> list[tuple[str, str, str]]:
    spec = table.spec
    done = sum(trial.state == "complete" for trial in table.trials)
    failed = sum(trial.state == "failed" for trial in table.trials)
    seconds = sum(outcome.seconds for trial in table.trials for outcome in trial.outcomes.values())
    facts = [
        ("Settings", str(done), f"of {spec.trials} complete, {failed} failed"),
        ("Time of all trials", f"{seconds:.0f} s", "added up"),
    ]
    if table.best is not None:
        best = summaries(spec, table.best)[0]
        where = ", ".join(f"{k} {text_of(v)}" for k, v in table.best.setting.items())
        facts.insert(0, (f"Best {spec.goals[0].title}", shown_summary(spec.goals[0], best), where))
    return facts
