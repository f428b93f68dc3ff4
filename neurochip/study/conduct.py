"""Run a study: choose settings, hand out units, store outcomes, go on where it was stopped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from neurochip.errors import StudyError
from neurochip.study.cluster import Cluster
from neurochip.study.crew import Crew, Processes, default_workers
from neurochip.study.knobs import Setting, text_of
from neurochip.study.pace import Pace
from neurochip.study.spec import Spec
from neurochip.study.store import Store, Trial
from neurochip.study.table import best_of, means, shown_value
from neurochip.study.work import Bench, Outcome, Unit

#: Units that are chosen ahead of the workers, for each of them.
AHEAD = 4


@dataclass(frozen=True)
class Told:
    """How a study goes.

    Attributes:
        trial: the trial that has just been finished.
        done: trials that are finished, failed ones included.
        failed: how many of them failed.
        total: all trials.
        seconds_left: about so long from now; None while that can't be told.
        best: setting and value of the best trial so far; "" while there is none.
    """

    trial: Trial
    done: int
    failed: int
    total: int
    seconds_left: float | None
    best: str


Progress = Callable[[Told], None]


def run(
    spec: Spec,
    store: Store,
    workers: int | None = None,
    progress: Progress | None = None,
    dask: str | None = None,
) -> list[Trial]:
    """Do all that a study still lacks, on processes of this machine or on a Dask cluster.

    Args:
        spec: the study.
        store: its database; results go there one by one.
        workers: how many processes; as many as there are cores if None. Results don't depend on it.
        progress: told after every trial.
        dask: address of the scheduler of a Dask cluster, which then does the work.

    Returns:
        Every trial.

    Raises:
        DataError: the data set can't be used.
        StudyError: it is another than before, the database or the cluster fails, or units are left
            that this machine couldn't do.
    """
    desk = Desk(spec, store)
    if desk.finished:
        return desk.trials
    bench = Bench(spec)
    store.check_data(bench.data_mark())
    if dask is not None:
        with Cluster(bench, dask) as cluster:
            conduct(desk, cluster, cluster.size, progress)
        return desk.trials
    count = default_workers() if workers is None else workers
    with Processes(spec, min(count, desk.n_units_left)) as crew:
        conduct(desk, crew, count, progress)
    return desk.trials


def conduct(desk: Desk, crew: Crew, n_workers: int, progress: Progress | None = None) -> None:
    """Bring the open work of a desk to a crew until nothing is left.

    Raises:
        StudyError: units were not done, and not for their settings: they are still open.
    """
    pace = Pace(n_workers)
    hindered: list[tuple[Unit, Outcome]] = []
    while True:
        desk.choose(max(AHEAD * n_workers, crew.free))  # a cluster may grow
        if desk.finished:  # perhaps by the choice alone, of settings that were done before
            return
        _fill(crew, desk)
        if desk.is_stuck:
            raise _not_done(desk.spec, hindered)
        done = crew.wait()
        # Before the outcomes are stored: a disk takes some ten milliseconds to keep one for good.
        _fill(crew, desk)
        for unit, outcome in done:
            if outcome.hindrance != "none":
                desk.leave()
                hindered.append((unit, outcome))
                continue
            pace.hear(outcome.seconds)
            closed = desk.put(unit, outcome)
            for n_done, trial in enumerate(closed, desk.n_done - len(closed) + 1):
                if progress is not None:
                    progress(desk.tell(trial, n_done, pace.left(desk.n_units_left)))
        if any(outcome.hindrance == "machine" for _, outcome in hindered):
            raise _not_done(desk.spec, hindered)


def _not_done(spec: Spec, hindered: list[tuple[Unit, Outcome]]) -> StudyError:
    unit, outcome = hindered[-1]
    count = f"{len(hindered)} units" if len(hindered) > 1 else "1 unit"
    return StudyError(
        f"study {spec.name!r} is not complete: {count} could not be done here, the last with "
        f"{_shown(unit.setting)}, seed {unit.seed} ({outcome.reason}); make room on the disk or in "
        f"memory, perhaps with fewer workers, then run the same command again: what is done is kept"
    )


def _shown(setting: Setting) -> str:
    return ", ".join(f"{name} {text_of(value)}" for name, value in setting.items())


def _fill(crew: Crew, desk: Desk) -> None:
    while crew.free and (unit := desk.take()) is not None:
        crew.give(unit)


class Desk:
    """What is done and what is open of a study; every change is in the store before it is here.

    Args:
        spec: the study.
        store: its database.
    """

    def __init__(self, spec: Spec, store: Store) -> None:
        self.spec = spec
        self.trials = store.trials()
        self._store = store
        self._known: dict[str, Outcome] = {}
        self._queue: deque[Unit] = deque()
        self._n_out = 0
        self._wanted: dict[str, list[tuple[Trial, int]]] = {}
        for trial in self.trials:
            for seed, outcome in trial.outcomes.items():
                self._known[Unit(trial.setting, seed).key] = outcome
        for trial in self.trials:
            if trial.state == "running":
                self._open(trial)

    @property
    def finished(self) -> bool:
        """Whether every trial is."""
        return self.n_done == self.spec.trials

    @property
    def is_stuck(self) -> bool:
        """Whether nobody is at work and there is nothing to do: what is open was left."""
        return not self._queue and not self._n_out

    @property
    def n_units_left(self) -> int:
        """Units that are not done, at most: a search that comes back to a setting has fewer."""
        open_seeds = sum(len(places) for places in self._wanted.values())
        return open_seeds + (self.spec.trials - len(self.trials)) * len(self.spec.seeds)

    @property
    def n_done(self) -> int:
        """Trials that are finished, failed ones included."""
        return sum(trial.state != "running" for trial in self.trials)

    def choose(self, ahead: int) -> None:
        """Choose settings until ``ahead`` units are queued, or as far as the search can see."""
        while len(self._queue) < ahead and len(self.trials) < self.spec.trials:
            first = len(self.trials)
            end = first + 1
            if self.spec.is_adaptive:
                batch = first // self.spec.batch
                # A batch is chosen when all before it is finished, and as a whole.
                before = self.trials[: batch * self.spec.batch]
                if any(trial.state == "running" for trial in before):
                    return
                end = min((batch + 1) * self.spec.batch, self.spec.trials)
            for trial in self._store.add(list(range(first, end))):
                self.trials.append(trial)
                self._open(trial)

    def take(self) -> Unit | None:
        """The next unit to do; None while there is none."""
        if not self._queue:
            return None
        self._n_out += 1
        return self._queue.popleft()

    def leave(self) -> None:
        """Take note that nobody could do a unit: it stays open, for the next time."""
        self._n_out -= 1

    def put(self, unit: Unit, outcome: Outcome) -> list[Trial]:
        """Store an outcome with every trial that waits for it; return those that it finishes."""
        self._n_out -= 1
        self._known[unit.key] = outcome
        finished = []
        for trial, seed in self._wanted.pop(unit.key):
            self._record(trial, seed, outcome)
            if self._close(trial):
                finished.append(trial)
        return finished

    def tell(self, trial: Trial, n_done: int, seconds_left: float | None) -> Told:
        """What a progress report says after a trial, with which so many are finished."""
        best = best_of(self.spec, self.trials)
        text = ""
        if best is not None:
            value = shown_value(self.spec.goals[0], means(best)[0])
            text = f"{self.spec.goals[0].title} {value} ({_shown(best.setting)})"
        failed = sum(trial.state == "failed" for trial in self.trials)
        return Told(trial, n_done, failed, self.spec.trials, seconds_left, text)

    def _open(self, trial: Trial) -> None:
        """Queue the seeds that a trial lacks; what another trial has done already is its own."""
        for seed in self.spec.seeds:
            if seed in trial.outcomes:
                continue
            unit = Unit(trial.setting, seed)
            if unit.key in self._known:
                self._record(trial, seed, self._known[unit.key])
            elif unit.key in self._wanted:
                self._wanted[unit.key].append((trial, seed))
            else:
                self._wanted[unit.key] = [(trial, seed)]
                self._queue.append(unit)
        self._close(trial)

    def _record(self, trial: Trial, seed: int, outcome: Outcome) -> None:
        self._store.put(trial.number, seed, outcome)
        trial.outcomes[seed] = outcome

    def _close(self, trial: Trial) -> bool:
        """Finish a trial whose seeds are all in; the first seed that failed gives its reason."""
        if len(trial.outcomes) < len(self.spec.seeds):
            return False
        trial.outcomes = {seed: trial.outcomes[seed] for seed in self.spec.seeds}
        reasons = [entry.reason for entry in trial.outcomes.values() if entry.reason is not None]
        if reasons:
            trial.state, trial.reason = "failed", reasons[0]
            self._store.fail(trial.number, reasons[0])
        else:
            trial.state = "complete"
            self._store.finish(trial.number, means(trial))
        return True
