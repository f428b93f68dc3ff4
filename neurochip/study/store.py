"""Storage by Optuna: whole trials in a database, each result as soon as it is there.

A trial is one setting; the results of its seeds are its user attributes. It is "running" until all
seeds are in, and one that a killed command left running goes on with the seeds that it lacks.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import neurochip
from neurochip.errors import StudyError
from neurochip.study import search
from neurochip.study.databases import SQLITE, blamed, check_url, patience, shown
from neurochip.study.knobs import Setting, combination
from neurochip.study.lease import Lease, alone, leased
from neurochip.study.search import Proposal
from neurochip.study.spec import Spec, differences, make
from neurochip.study.work import Outcome

if TYPE_CHECKING:
    from types import ModuleType

    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

_SPEC = "neurochip study"
_DATA = "neurochip data"
_MADE_WITH = "neurochip made with"
_SEED = "seed "
_REASON = "reason"
#: The number that a trial was chosen for, which Optuna must have given it too.
_NUMBER = "neurochip number"
#: By which two ways to compute a value of a range may differ, near 0.
_LAST_BITS = 1e-12
#: In which Optuna makes its tables: tables, version, history of versions, its entry.
_STEPS = 4
#: What a database says of a table or an entry that another command made in between.
_THERE = ("already exists", "Duplicate entry")


@dataclass
class Trial:
    """One setting with what is known of it.

    Attributes:
        number: from 0, in the order in which settings were chosen.
        setting: a value for each knob.
        outcomes: one a seed that is done.
        state: "running", "complete" or "failed".
        reason: why it failed.
    """

    number: int
    setting: Setting
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    state: str = "running"
    reason: str | None = None


class Store:
    """The database of one study, open.

    Attributes:
        spec: the study.
        url: where it is, as Optuna takes it.
    """

    def __init__(
        self, spec: Spec, url: str, storage: RDBStorage, study: Study, lease: Lease | None = None
    ) -> None:
        self.spec = spec
        self.url = url
        self._storage = storage
        self._study = study
        self._lease = lease
        with blamed(url, "read"):
            self._study_id = storage.get_study_id_from_name(spec.name)
            _check_whole(spec, self._frozen(), url)

    def trials(self) -> list[Trial]:
        """Every trial with all that is stored of it, by number."""
        with blamed(self.url, "read"):
            return [_trial(frozen, self.spec) for frozen in self._frozen()]

    def add(self, numbers: list[int]) -> list[Trial]:
        """Choose and store the settings of the next trials, which are running from then on.

        Raises:
            StudyError: the database fails, or another command writes the study too.
        """
        from optuna.trial import TrialState, create_trial

        with blamed(self.url, "read"):
            known = self._frozen() if self.spec.search != "grid" else []
        proposals: list[Proposal] = search.propose(self.spec, known, numbers)
        kinds = search.distributions(self.spec.knobs)
        for number, proposal in zip(numbers, proposals, strict=True):
            running = create_trial(
                state=TrialState.RUNNING,
                params=search.encoded(proposal.setting),
                distributions=kinds,
                system_attrs={**proposal.memory, _NUMBER: number},
            )
            with self._writing():
                trial_id = self._storage.create_new_trial(self._study_id, running)
                given = self._storage.get_trial_number_from_id(trial_id)
            if given != number:
                raise _two_commands(
                    self.spec, self.url, f"trial {number} was stored as trial {given}"
                )
        return [
            Trial(number, proposal.setting)
            for number, proposal in zip(numbers, proposals, strict=True)
        ]

    def check_data(self, mark: str) -> None:
        """Keep what tells the data set from others, or compare with what was kept; keep also which
        versions of programs are at work from now on.

        Raises:
            StudyError: the study began with other data.
        """
        kept, made_with = self.origin()
        if kept not in ("", mark):
            raise StudyError(
                f"the data of study {self.spec.name!r} have changed since its database "
                f"{shown(self.url)} was made (their checksum differs); put them back, or start a "
                f"new study with another --storage"
            )
        with self._writing():
            if not kept:
                self._study.set_user_attr(_DATA, mark)
            if versions() not in made_with:
                self._study.set_user_attr(_MADE_WITH, [*made_with, versions()])

    def origin(self) -> tuple[str, tuple[str, ...]]:
        """Mark of the data set, "" while nothing was run, and the versions that did trials."""
        with blamed(self.url, "read"):
            attributes = self._study.user_attrs
        return attributes.get(_DATA, ""), tuple(attributes.get(_MADE_WITH, ()))

    def put(self, number: int, seed: int, outcome: Outcome) -> None:
        """Store what became of one seed of a trial."""
        with self._writing():
            self._storage.set_trial_user_attr(
                self._id(number),
                f"{_SEED}{seed}",
                {"values": outcome.values, "seconds": outcome.seconds, "reason": outcome.reason},
            )

    def finish(self, number: int, means: tuple[float, ...]) -> None:
        """Close a trial: the means of its objectives over the seeds."""
        from optuna.trial import TrialState

        with self._writing():
            self._storage.set_trial_state_values(self._id(number), TrialState.COMPLETE, means)

    def fail(self, number: int, reason: str) -> None:
        """Close a trial that failed."""
        from optuna.trial import TrialState

        with self._writing():
            self._storage.set_trial_user_attr(self._id(number), _REASON, reason)
            self._storage.set_trial_state_values(self._id(number), TrialState.FAIL)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Where something is stored: only as long as no other command has taken over."""
        if self._lease is not None:
            self._lease.check()
        with blamed(self.url, "written"):
            yield

    def _frozen(self) -> list[FrozenTrial]:
        found: list[FrozenTrial] = self._storage.get_all_trials(self._study_id, deepcopy=False)
        return found

    def _id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number))


@contextmanager
def open_store(spec: Spec, url: str) -> Iterator[Store]:
    """Open the database of a study to write it; make it where there is none.

    Args:
        spec: the study.
        url: of the database, as Optuna takes it, such as sqlite:///bits.db.

    Raises:
        StudyError: Optuna is missing, the database can't be reached, another command is writing it,
            or it holds a study of this name that asks something else.
    """
    optuna = _optuna()
    with alone(url, spec.name):
        _found(optuna, url, spec)
        with _storage(optuna, url) as storage:
            study = _begun(optuna, url, spec, storage)
            with blamed(url, "read"):
                study_id = storage.get_study_id_from_name(spec.name)
            with leased(storage.engine, url, study_id, spec.name) as lease:
                _tell(study, spec, url)
                yield Store(spec, url, storage, study, lease)


def _found(optuna: ModuleType, url: str, spec: Spec) -> None:
    """Make a new SQLite database beside its place and put it there whole.

    Tables and their indices come one by one: without an index, names would not stay unique.
    """
    path = Path(url.removeprefix(SQLITE))
    if not url.startswith(SQLITE) or path.exists():
        return
    beside = path.with_name(f"{path.name}.new")
    with blamed(url, "written"):
        beside.unlink(missing_ok=True)
    try:
        with _storage(optuna, f"{SQLITE}{beside}", url) as storage:
            _tell(_begun(optuna, url, spec, storage), spec, url)
        with blamed(url, "written"):
            beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _begun(optuna: ModuleType, url: str, spec: Spec, storage: RDBStorage) -> Study:
    """The study in a database, which is begun there unless it's there already."""
    with blamed(url, "written"):
        study: Study = optuna.create_study(
            storage=storage,
            study_name=spec.name,
            directions=["maximize" if goal.maximised else "minimize" for goal in spec.goals],
            load_if_exists=True,
        )
    return study


def _tell(study: Study, spec: Spec, url: str) -> None:
    """Keep what the study file says, or compare with what was kept."""
    with blamed(url, "read"):
        told = study.user_attrs.get(_SPEC)
    if told is not None:
        _check_same(spec, told, url)
    if told != spec.told:
        with blamed(url, "written"):
            study.set_user_attr(_SPEC, spec.told)


@contextmanager
def open_existing(url: str, name: str | None = None) -> Iterator[Store]:
    """Open a database to read it.

    Args:
        url: of the database.
        name: of the study; not needed where the database holds one.

    Raises:
        StudyError: Optuna or the database is missing, or it holds no such study.
    """
    optuna = _optuna()
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists():
        raise StudyError(
            f"database {url.removeprefix(SQLITE)!r} doesn't exist; check the path, or make it "
            f"with neurochip study run"
        )
    with _storage(optuna, url) as storage:
        with blamed(url, "read"):
            names = [summary.study_name for summary in optuna.get_all_study_summaries(storage)]
        if name is None and len(names) == 1:
            (name,) = names
        if name not in names:
            said = "which study is not said" if name is None else f"study {name!r} isn't in it"
            raise StudyError(
                f"database {shown(url)} holds {len(names)} studies ({', '.join(names) or 'none'}) "
                f"and {said}; give --name"
            )
        with blamed(url, "read"):
            study = optuna.load_study(storage=storage, study_name=name)
            told = study.user_attrs.get(_SPEC)
        if told is None:
            raise StudyError(
                f"study {name!r} in {shown(url)} was not made by neurochip; name one that was"
            )
        yield Store(make(told, str(name)), url, storage, study)


def versions() -> str:
    """The programs on which a study's numbers and its search depend."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "optuna"))
    return f"neurochip {neurochip.__version__}, Python {platform.python_version()}, {packages}"


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise StudyError(
            "studies need Optuna, which isn't installed; install it with pip install "
            "'neurochip[study]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    module: ModuleType = optuna
    return module


@contextmanager
def _storage(optuna: ModuleType, url: str, known_as: str = "") -> Iterator[RDBStorage]:
    """A database that is open within the context, which users know by another URL perhaps."""
    check_url(url)
    with blamed(known_as or url, "opened"):
        from sqlalchemy.pool import NullPool

        options: dict[str, Any] = {"connect_args": patience(url)}
        if url.startswith(SQLITE):
            # A file is opened in no time; a pool of a database that is refused is never closed.
            options["poolclass"] = NullPool
        storage = _connected(optuna, url, options)
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _connected(optuna: ModuleType, url: str, options: dict[str, Any]) -> RDBStorage:
    """Optuna's tables, which another command may be making in the same moment."""
    from sqlalchemy.exc import SQLAlchemyError

    for _ in range(_STEPS):
        try:
            storage: RDBStorage = optuna.storages.RDBStorage(url, engine_kwargs=options)
            return storage
        except SQLAlchemyError as error:
            if not any(words in str(error) for words in _THERE):
                raise
    return optuna.storages.RDBStorage(url, engine_kwargs=options)


def _check_same(spec: Spec, told: dict[str, Any], url: str) -> None:
    changed = differences(told, spec.told)
    if changed:
        raise StudyError(
            f"study {spec.name!r} has changed since its database {shown(url)} was made: "
            f"{'; '.join(changed)}; put that back, or start a new study with another file name or "
            f"another --storage"
        )


def _check_whole(spec: Spec, trials: list[FrozenTrial], url: str) -> None:
    """Are the trials those of the study, each in its place?"""
    if len(trials) > spec.trials:
        raise _two_commands(
            spec, url, f"it holds {len(trials)} trials, but the study has {spec.trials}"
        )
    for trial in trials:
        asked = trial.system_attrs.get(_NUMBER, trial.number)
        if asked != trial.number:
            raise _two_commands(spec, url, f"trial {asked} was stored as trial {trial.number}")
        if spec.search != "grid":
            continue
        if not _are_same(search.encoded(combination(spec.knobs, asked)), trial.params):
            raise _two_commands(spec, url, f"trial {asked} has another setting than in the grid")


def _are_same(asked: dict[str, Any], kept: dict[str, Any]) -> bool:
    """Numbers but for their last bits, which a way to compute a range may change."""
    return asked.keys() == kept.keys() and all(
        math.isclose(value, kept[name], abs_tol=_LAST_BITS)
        if isinstance(value, float)
        else value == kept[name]
        for name, value in asked.items()
    )


def _two_commands(spec: Spec, url: str, found: str) -> StudyError:
    return StudyError(
        f"study {spec.name!r} in the database {shown(url)} is not as one command writes it "
        f"({found}): another command or program wrote it at the same time; start a new study with "
        f"another --storage"
    )


def _trial(frozen: FrozenTrial, spec: Spec) -> Trial:
    from optuna.trial import TrialState

    states = {TrialState.COMPLETE: "complete", TrialState.FAIL: "failed"}
    outcomes = {
        int(key.removeprefix(_SEED)): Outcome(
            tuple(told["values"]), told["seconds"], told["reason"]
        )
        for key, told in frozen.user_attrs.items()
        if key.startswith(_SEED)
    }
    return Trial(
        number=frozen.number,
        setting=search.decoded(frozen.params, spec.knobs),
        outcomes={seed: outcomes[seed] for seed in spec.seeds if seed in outcomes},
        state=states.get(frozen.state, "running"),
        reason=frozen.user_attrs.get(_REASON),
    )
