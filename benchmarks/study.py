"""What the machinery of a study costs beside its trials: the preset `bits`, by the command."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import Table

REPEATS = 3
WORKERS = 2
PRESET = "bits"
MOST_OVERHEAD = "<= 5 %"
MOST_SECONDS = "<= 600"


@dataclass(frozen=True)
class Ran:
    """One command: seconds from its start to its end, and those of each unit by the database."""

    wall: float
    units: tuple[float, ...]

    @property
    def work(self) -> float:
        """Seconds of all units, as each measured itself."""
        return math.fsum(self.units)


def measure(_: str | None) -> Table:
    """Run the preset several times, each beside a study with one unit a worker."""
    from neurochip import study

    told = study.read(PRESET).told
    short: dict[str, Any] = {**told, "seeds": list(range(WORKERS))}
    short["knobs"] = {name: values[-1:] for name, values in told["knobs"].items()}
    _ran(short)  # compiles, if nothing did before
    starts, wholes, overheads, alls = [], [], [], []
    for _ in range(REPEATS):
        start, whole = _ran(short), _ran(told)
        starts.append(start.wall - start.work / WORKERS)
        wholes.append(whole)
        marginal = WORKERS * (whole.wall - start.wall) / (whole.work - start.work)
        overheads.append(marginal - 1)
        alls.append(WORKERS * whole.wall / whole.work - 1)
    table = Table(
        f"What a study costs beside its trials: `{PRESET}` on {WORKERS} workers",
        ("what", "median", "least", "must"),
    )
    n_units = len(wholes[0].units)
    walls = [whole.wall for whole in wholes]
    units = [statistics.median(whole.units) for whole in wholes]
    for name, values, must in (
        (f"the command, {n_units} units: wall seconds", walls, MOST_SECONDS),
        ("a unit: seconds (the median of a study's)", units, ""),
        ("start and end of the command: seconds", starts, ""),
    ):
        table.add(name, f"{statistics.median(values):.2f}", f"{min(values):.2f}", must)
    spent = [1e3 * _conducting() for _ in range(REPEATS)]
    table.add(
        "the command beside its workers, a unit: ms of processor time",
        f"{statistics.median(spent):.1f}",
        f"{min(spent):.1f}",
        "",
    )
    for name, shares, must in (
        ("machinery between start and end, of the trials' own time", overheads, MOST_OVERHEAD),
        ("all but the trials, start and end included", alls, ""),
    ):
        table.add(name, f"{statistics.median(shares):.1%}", f"{min(shares):.1%}", must)
    table.notes.append(
        f"Start and end are those of a study with one unit a worker: its wall time without its "
        f"units, {WORKERS} at once. Machinery: wall time of `{PRESET}` beyond that study's, "
        f"times {WORKERS}, against the seconds that its further units measured for themselves. "
        f"{REPEATS} runs; other work on the machine makes both longer."
    )
    return table


def _ran(told: dict[str, Any]) -> Ran:
    from neurochip import study
    from neurochip.study.spec import make

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_text(make(told, "study").to_toml(), encoding="utf-8")
        where = study.url_of(str(Path(folder) / "study.db"))
        words = ["study", "run", str(path), "--storage", where, "--workers", str(WORKERS)]
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "neurochip", *words], check=True, stdout=subprocess.DEVNULL
        )
        wall = time.perf_counter() - start
        with study.open_existing(where) as store:
            outcomes = [o for trial in store.trials() for o in trial.outcomes.values()]
    return Ran(wall, tuple(outcome.seconds for outcome in outcomes))


class _AtOnce:
    """A crew whose units take no time."""

    free = 1

    def __init__(self) -> None:
        self.unit: Any = None

    def give(self, unit: Any) -> None:
        self.unit, self.free = unit, 0

    def wait(self) -> list[Any]:
        from neurochip.study.work import Outcome

        self.free = 1
        return [(self.unit, Outcome((0.9, 1.0), 1.0))]


def _conducting() -> float:
    """Processor seconds a unit that choosing, storing and telling take, whatever else runs."""
    from neurochip import study
    from neurochip.study.conduct import Desk, conduct

    spec = study.read(PRESET)
    with (
        tempfile.TemporaryDirectory() as folder,
        study.open_store(spec, study.url_of(str(Path(folder) / "study.db"))) as store,
    ):
        desk = Desk(spec, store)
        n_units, start = desk.n_units_left, time.process_time()
        conduct(desk, _AtOnce(), WORKERS, lambda _: None)
        return (time.process_time() - start) / n_units
