"""A study's table: a row a setting, with mean, deviation and interval of every objective."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurochip import files
from neurochip.chip.energy import COSTS, Amount
from neurochip.errors import ConfigError, OutputError
from neurochip.study.databases import shown
from neurochip.study.knobs import text_of
from neurochip.study.objectives import Objective
from neurochip.study.spec import Spec
from neurochip.study.stats import Summary, summarise
from neurochip.study.store import Store, Trial

FORMATS = (".csv", ".md", ".parquet")


@dataclass(frozen=True)
class Table:
    """What a study found.

    Attributes:
        spec: the study.
        trials: all, by number.
        best: the best complete trial; None while there is none.
        front: numbers of the trials that no other beats in every objective.
        data_mark: lengths and checksum of the data set; "" while nothing was run.
        made_with: versions of the programs that did the trials, one text for each command's set.
        storage: the URL of the database, without its password; "" if it's the study's own.
    """

    spec: Spec
    trials: tuple[Trial, ...]
    best: Trial | None
    front: tuple[int, ...]
    data_mark: str = ""
    made_with: tuple[str, ...] = ()
    storage: str = ""

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        numbers = [
            f"{name}{ending}"
            for name in self.spec.objectives
            for ending in ("", "_deviation", "_interval")
        ]
        return ("trial", "state", *self.spec.knobs, "seeds", *numbers, "seconds", "reason")

    def rows(self) -> list[tuple[Any, ...]]:
        """One a trial: numbers as they are, None where there is none; intervals are half widths of
        95 % around the mean.
        """
        return [self._row(trial) for trial in self.trials]

    def _row(self, trial: Trial) -> tuple[Any, ...]:
        numbers: list[float | None] = []
        for entry in summaries(self.spec, trial):
            numbers += [entry.mean, _or_none(entry.deviation), _or_none(entry.half_width)]
        if trial.state != "complete":
            numbers = [None] * (3 * len(self.spec.objectives))
        seconds = math.fsum(outcome.seconds for outcome in trial.outcomes.values())
        knobs = (_cell(value) for value in trial.setting.values())
        state = (trial.number, trial.state)
        return (*state, *knobs, len(trial.outcomes), *numbers, seconds, trial.reason)


def table_of(store: Store) -> Table:
    """The table of what a database holds now."""
    trials = store.trials()
    spec = store.spec
    mark, made_with = store.origin()
    best, front = best_of(spec, trials), pareto_front(spec, trials)
    return Table(spec, tuple(trials), best, front, mark, made_with, shown(store.url))


def means(trial: Trial) -> tuple[float, ...]:
    """Mean of each objective over the seeds that are in."""
    columns = zip(*(outcome.values for outcome in trial.outcomes.values()), strict=True)
    return tuple(math.fsum(column) / len(column) for column in columns)


def summaries(spec: Spec, trial: Trial) -> list[Summary]:
    """One an objective of a complete trial; empty for any other."""
    if trial.state != "complete":
        return []
    columns = zip(*(outcome.values for outcome in trial.outcomes.values()), strict=True)
    return [summarise(column) for column in columns]


def best_of(spec: Spec, trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the best mean of the first objective; of equal ones the one that is
    better in the next, at last the first.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    if not complete:
        return None
    return min(complete, key=lambda trial: (_costs(spec, trial), trial.number))


def pareto_front(spec: Spec, trials: Sequence[Trial]) -> tuple[int, ...]:
    """Numbers of the complete trials that no other is at least as good as in every objective and
    better than in one; a setting that came up twice is there once.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    costs = {trial.number: _costs(spec, trial) for trial in complete}
    front: list[int] = []
    for number, cost in costs.items():
        beaten = any(
            other != cost and all(a <= b for a, b in zip(other, cost, strict=True))
            for other in costs.values()
        )
        same = any(trials[n].setting == trials[number].setting for n in front)
        if not beaten and not same:
            front.append(number)
    return tuple(front)


def shown_value(goal: Objective, value: float) -> str:
    """A number as people read it."""
    if goal.unit == "%":
        return f"{100 * value:.2f} %"
    if goal.unit in COSTS:
        return str(Amount.of(value, goal.unit))
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def shown_summary(goal: Objective, entry: Summary) -> str:
    """Mean and half width of the interval: 97.21 +- 0.40 %."""
    if math.isnan(entry.half_width):
        return shown_value(goal, entry.mean)
    if goal.unit == "%":
        return f"{100 * entry.mean:.2f} ± {100 * entry.half_width:.2f} %"
    return f"{shown_value(goal, entry.mean)} ± {shown_value(goal, entry.half_width)}"


def readable(table: Table) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of texts: mean with interval and deviation of every objective."""
    spec = table.spec
    titles = [t for goal in spec.goals for t in (goal.title, "deviation")]
    header = ("trial", *spec.knobs, *titles, "")
    rows = []
    for trial in table.trials:
        numbers: list[str] = []
        for goal, entry in zip(spec.goals, summaries(spec, trial), strict=False):
            deviation = "-" if math.isnan(entry.deviation) else shown_value(goal, entry.deviation)
            numbers += [shown_summary(goal, entry), deviation]
        if not numbers:
            numbers = ["-"] * (2 * len(spec.goals))
        knobs = (text_of(value) for value in trial.setting.values())
        rows.append((str(trial.number), *knobs, *numbers, _remark(table, trial)))
    return header, rows


def write_table(table: Table, path: Path) -> None:
    """Write the table as .csv, .md or .parquet, by the ending of the path.

    Raises:
        ConfigError: the ending is another.
        OutputError: the file can't be written, or pyarrow is missing for .parquet.
    """
    if path.suffix == ".csv":
        files.write_text_atomic(path, _csv(table))
    elif path.suffix == ".md":
        files.write_text_atomic(path, markdown(table))
    elif path.suffix == ".parquet":
        files.write_bytes_atomic(path, _parquet(table, path))
    else:
        raise ConfigError(
            f"table {str(path)!r} has the ending {path.suffix!r}; give one of {', '.join(FORMATS)}"
        )


def markdown(table: Table) -> str:
    """The readable table in Markdown."""
    header, rows = readable(table)
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(table.rows())
    return out.getvalue()


def _parquet(table: Table, path: Path) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise OutputError(
            f"{path} can't be written because Parquet needs pyarrow, which isn't installed; "
            f"install it with pip install pyarrow, or write .csv"
        ) from None
    # A column without any value has a kind all the same, so that tables of studies can be joined.
    kinds = {"trial": pa.int64(), "state": pa.string(), "seeds": pa.int64(), "reason": pa.string()}
    measured = table.header[len(table.spec.knobs) + 3 : -1]
    kinds |= dict.fromkeys(measured, pa.float64())
    rows = table.rows()
    arrays = {
        name: pa.array(_column([row[i] for row in rows]), kinds.get(name))
        for i, name in enumerate(table.header)
    }
    out = io.BytesIO()
    parquet.write_table(pa.table(arrays), out)
    return out.getvalue()


def _column(values: Sequence[Any]) -> list[Any]:
    """Values of one kind, as a column of Parquet needs them; texts where they are mixed."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or len(kinds) <= 1:
        return list(values)
    return [None if value is None else str(value) for value in values]


def _costs(spec: Spec, trial: Trial) -> tuple[float, ...]:
    """Means with their signs turned so that less is better."""
    return tuple(
        -value if goal.maximised else value
        for goal, value in zip(spec.goals, means(trial), strict=True)
    )


def _remark(table: Table, trial: Trial) -> str:
    if trial.state == "failed":
        return f"failed: {trial.reason}"
    if trial.state == "running":
        return f"running, {len(trial.outcomes)} of {len(table.spec.seeds)} seeds"
    marks = ["best"] if table.best is not None and table.best.number == trial.number else []
    if len(table.spec.goals) > 1 and trial.number in table.front:
        marks.append("front")
    return ", ".join(marks)


def _cell(value: Any) -> Any:
    return text_of(value) if isinstance(value, (list, tuple)) else value


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
