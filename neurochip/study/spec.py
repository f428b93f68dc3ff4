"""A study file: read, checked before anything runs, and compared with what a database holds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from neurochip import config as run_config
from neurochip.config import RunConfig
from neurochip.errors import ConfigError
from neurochip.hardware.faults import MAX_SEED
from neurochip.study import knobs as knob_room
from neurochip.study import possible, recovery, workflows
from neurochip.study.knobs import Knob, Range, Setting
from neurochip.study.objectives import OBJECTIVES, Objective, available
from neurochip.study.workflows import WORKFLOWS, Workflow

Search = Literal["grid", "random", "tpe", "nsga2"]

_PRESETS = Path(__file__).with_name("presets")
#: Settings that a search by "tpe" or "nsga2" proposes at once, whatever the number of workers.
BATCH = 8
#: More settings than these are a slip of the keyboard.
MOST_TRIALS = 100_000
#: Kinds of a key's value in words, by pydantic's names of them.
_KINDS = {"int": "a whole number", "float": "a number", "string": "a text", "dict": "a table"}
_LISTS = {"seeds": "a list of whole numbers", "objectives": "a list of names"}
#: Options of a run that a study sets itself, with what to write instead.
_OWN = {
    "seed": "list seeds",
    "holdout": "set holdout beside seeds",
    "test_samples": "leave it out, because a study never looks at the test set",
    "count_saturations": "name the objective saturation_rate",
}
#: Options that say what the data are; a study is about one data set.
_OF_DATA = frozenset(
    "data arrays test_where sensor duration binning full_count series value_range".split()
)


class _File(BaseModel):
    """The keys of a study file and their kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = ""
    workflow: Workflow = "chip"
    search: Search = "grid"
    trials: int | None = None
    batch: int = BATCH
    search_seed: int = 0
    seeds: list[int] = Field(default_factory=lambda: [0, 1, 2])
    objectives: list[str] = Field(default_factory=lambda: ["accuracy"])
    holdout: float = 0.2
    run: dict[str, Any] = Field(default_factory=dict)
    knobs: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """A checked study.

    Attributes:
        name: of the study: of its file, without the ending.
        title: one line for tables and pages.
        workflow: how a trial comes to its chip (`workflows.WAYS`), unless a knob says so.
        search: how settings are chosen: all of a "grid", "random", "tpe" or "nsga2".
        trials: how many settings are tried.
        batch: how many an adaptive search proposes before it looks at results.
        search_seed: of what the search draws.
        seeds: with which every setting is learned.
        objectives: names in `OBJECTIVES`; the first decides which setting is best.
        holdout: share of the training samples on which settings are judged.
        run: options of the run that all settings share.
        knobs: what is turned.
        told: the file's contents, for comparison.
    """

    name: str
    title: str
    workflow: Workflow
    search: Search
    trials: int
    batch: int
    search_seed: int
    seeds: tuple[int, ...]
    objectives: tuple[str, ...]
    holdout: float
    run: dict[str, Any]
    knobs: dict[str, Knob]
    told: dict[str, Any]

    @property
    def is_adaptive(self) -> bool:
        """Whether a proposal depends on results."""
        return self.search in ("tpe", "nsga2")

    @property
    def goals(self) -> tuple[Objective, ...]:
        """The objectives themselves."""
        return tuple(OBJECTIVES[name] for name in self.objectives)

    @property
    def workflows(self) -> tuple[Workflow, ...]:
        """All workflows that the study tries."""
        return _tried(self.workflow, self.knobs)

    def workflow_of(self, setting: Setting) -> Workflow:
        """How a trial of this setting comes to its chip."""
        chosen: Workflow = setting.get("workflow", self.workflow)
        return chosen

    def own_options(self, setting: Setting) -> dict[str, Any]:
        """What the setting's workflow is told beside the options of a run."""
        return workflows.of_workflow(self.workflow_of(setting), {**self.run, **setting})

    def grid(self) -> list[Setting]:
        """All settings of a grid, the last knob fastest."""
        return [knob_room.combination(self.knobs, number) for number in range(self.trials)]

    def config(self, setting: Setting, seed: int) -> RunConfig:
        """The run of one setting and seed; it never holds what only a workflow knows."""
        told = {**self.run, **setting}
        if self.workflow_of(setting) == "chip":
            told = recovery.run_options(told, f"study {self.name!r}")
        options = workflows.of_run(told)
        own: dict[str, Any] = {"seed": seed, "holdout": self.holdout}
        if "saturation_rate" in self.objectives:
            own["count_saturations"] = True
        return run_config.make({**options, **own}, self.name)

    def to_toml(self) -> str:
        """The study as a file that `read` takes."""
        return "".join(_toml_lines(self.told))


def presets() -> list[str]:
    """Names of the studies that come with neurochip."""
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


def read(source: str | Path, data: str | None = None) -> Spec:
    """Read a study file, or a preset by its name.

    Args:
        source: the file's path, or the name.
        data: a data set in place of the one that the file names.

    Raises:
        ConfigError: the file is missing, isn't TOML, or asks for what doesn't exist or can't be.
    """
    path = Path(source)
    if not path.suffix and not path.exists():
        if str(source) not in presets():
            raise ConfigError(
                f"study {str(source)!r} is neither a file nor a preset"
                f"{_nearest(str(source), presets())}; the presets are {', '.join(presets())}"
            )
        path = _PRESETS / f"{source}.toml"
    told = run_config.read(path)
    if data is not None:
        told = {**told, "run": {**told.get("run", {}), "data": data}}
    spec = make(told, path.stem)
    possible.check(spec)
    return spec


def make(told: Mapping[str, Any], name: str) -> Spec:
    """Check the contents of a study file, without what other files, such as a chip's, say of it.

    Args:
        told: what the file says.
        name: of the study.

    Raises:
        ConfigError: as `read`.
    """
    where = f"study {name!r}"
    file = _validated(told, where)
    _check_numbers(file, where)
    turned = {key: knob_room.parse(key, entry, where) for key, entry in file.knobs.items()}
    tried = _checked_workflows(file, turned, where)
    _check_objectives(file, tried, where)
    _check_names(file.run, "option", tried, _known_options(tried), where)
    _check_names(file.knobs, "knob", tried, _known_knobs(tried), where)
    _check_shared(file.knobs, tried, where)
    if not turned:
        raise ConfigError(f"{where} has no knobs; name one or more under [knobs]")
    for key in turned:
        if key in file.run:
            raise ConfigError(
                f"{where}: {key!r} is under [run] and under [knobs]; leave one of them out"
            )
    _check_values(file, turned, tried, where)
    spec = Spec(
        name=name,
        title=file.title or name,
        workflow=file.workflow,
        search=file.search,
        trials=_n_trials(file, turned, where),
        batch=file.batch,
        search_seed=file.search_seed,
        seeds=tuple(file.seeds),
        objectives=tuple(file.objectives),
        holdout=file.holdout,
        run=dict(file.run),
        knobs=turned,
        told=file.model_dump(mode="json", exclude={"workflow"} if "workflow" in turned else None),
    )
    first = {key: knob.ends[0] for key, knob in turned.items()}
    spec.config(first, spec.seeds[0])
    workflows.check(spec.own_options(first), (spec.workflow_of(first),), where)
    return spec


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed between the contents of two study files, one phrase a key.

    More trials of a search that isn't a grid are not a change: the search goes on.
    """
    found = []
    for key in (*new, *(key for key in old if key not in new)):
        before, after = old.get(key), new.get(key)
        if before == after or key == "title":
            continue
        if key == "trials" and before and after and after > before:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            inner = sorted({*before, *after})
            pairs = [(f"{key}.{name}", before.get(name), after.get(name)) for name in inner]
        else:
            pairs = [(key, before, after)]
        found += [
            f"{name} was {'not given' if was is None else was!r}, now "
            f"{'not given' if now is None else repr(now)}"
            for name, was, now in pairs
            if was != now
        ]
    return found


def _validated(told: Mapping[str, Any], where: str) -> _File:
    try:
        return _File(**told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        keys = list(_File.model_fields)
        options = [*RunConfig.model_fields]
        place = " (options of a run belong under [run])" if key in options else ""
        raise ConfigError(
            f"{where}: key {key!r} is unknown{_nearest(key, keys)}{place}; the keys are "
            f"{', '.join(keys)}"
        )
    if first["type"] == "literal_error":
        wanted = first["ctx"]["expected"]
    else:
        wanted = _LISTS[key] if key in _LISTS else _KINDS[first["type"].split("_")[0]]
    raise ConfigError(f"{where}: {key} is {first['input']!r}; it must be {wanted}")


def _check_numbers(file: _File, where: str) -> None:
    if not file.seeds:
        raise ConfigError(f"{where}: seeds is empty; list one or more")
    if not all(0 <= seed <= MAX_SEED for seed in file.seeds):
        raise ConfigError(f"{where}: seeds is {file.seeds}; each must be 0 to {MAX_SEED}")
    if not 0 <= file.search_seed <= MAX_SEED:
        raise ConfigError(f"{where}: search_seed is {file.search_seed}; it must be 0 to {MAX_SEED}")
    if len(set(file.seeds)) < len(file.seeds):
        raise ConfigError(f"{where}: seeds is {file.seeds}; list each seed once")
    if not 0.0 < file.holdout < 1.0:
        raise ConfigError(
            f"{where}: holdout is {file.holdout}; it must be above 0 and below 1, because settings "
            f"are judged on samples held out of the training set, never on the test set"
        )
    if not 2 <= file.batch <= MOST_TRIALS:
        raise ConfigError(f"{where}: batch is {file.batch}; it must be 2 to {MOST_TRIALS}")


def _tried(workflow: Workflow, turned: Mapping[str, Knob]) -> tuple[Workflow, ...]:
    knob = turned.get("workflow")
    return (workflow,) if knob is None else tuple(knob.ends)


def _checked_workflows(file: _File, turned: Mapping[str, Knob], where: str) -> tuple[Workflow, ...]:
    if "workflow" in turned and "workflow" in file.model_fields_set:
        raise ConfigError(f"{where}: 'workflow' is a key and under [knobs]; leave one of them out")
    if isinstance(turned.get("workflow"), Range):
        raise ConfigError(
            f"{where}: knob 'workflow' is a range; it must be a list of names, such as "
            f'["chip", "ptq"]'
        )
    tried = _tried(file.workflow, turned)
    for name in tried:
        if name not in WORKFLOWS:
            raise ConfigError(
                f"{where}: knob 'workflow' has the value {name!r}{_nearest(str(name), WORKFLOWS)}; "
                f"the workflows are {', '.join(WORKFLOWS)}"
            )
    return tried


def _check_objectives(file: _File, tried: tuple[Workflow, ...], where: str) -> None:
    if not file.objectives:
        names = available(tried[0])
        raise ConfigError(f"{where}: objectives is empty; the objectives are {', '.join(names)}")
    if len(set(file.objectives)) < len(file.objectives):
        raise ConfigError(f"{where}: objectives is {file.objectives}; list each objective once")
    for workflow in tried:
        names = available(workflow)
        for name in file.objectives:
            if name not in names:
                raise ConfigError(
                    f"{where}: objective {name!r} doesn't exist for workflow {workflow!r}"
                    f"{_nearest(name, names)}; the objectives are {', '.join(names)}"
                )
    if file.search == "nsga2" and len(file.objectives) < 2:
        raise ConfigError(
            f"{where}: search 'nsga2' looks for a front between two or more objectives, but there "
            f"is one; add another, or search 'tpe'"
        )


def _known_options(tried: tuple[Workflow, ...]) -> list[str]:
    own = dict.fromkeys(name for workflow in tried for name in workflows.WAYS[workflow].options)
    return [*RunConfig.model_fields, *own]


def _known_knobs(tried: tuple[Workflow, ...]) -> list[str]:
    known = [name for name in _known_options(tried) if name not in {*_OWN, *_OF_DATA}]
    return [*known, "workflow"]


def _check_names(
    names: Iterable[str], what: str, tried: tuple[Workflow, ...], known: list[str], where: str
) -> None:
    for name in names:
        if name in _OWN:
            raise ConfigError(f"{where}: {what} {name!r} is the study's own; {_OWN[name]}")
        if name in known:
            continue
        if owners := workflows.owners(name):
            raise ConfigError(
                f"{where}: {what} {name!r} isn't one of workflow {tried[0]!r} but of "
                f"{', '.join(owners)}; choose one of those workflows, or leave it out"
            )
        raise ConfigError(
            f"{where}: {what} {name!r} is unknown{_nearest(name, known)}; "
            f"the {what}s are {', '.join(known)}"
        )


def _check_shared(names: Iterable[str], tried: tuple[Workflow, ...], where: str) -> None:
    """A knob that one of the workflows doesn't read would do the same work again and again."""
    for name in names:
        owners = workflows.owners(name)
        strangers = [workflow for workflow in tried if owners and workflow not in owners]
        if strangers:
            raise ConfigError(
                f"{where}: knob {name!r} isn't one of workflow {strangers[0]!r}, which the study "
                f"tries too; put it under [run], or leave {strangers[0]!r} out"
            )


def _check_values(
    file: _File, turned: Mapping[str, Knob], tried: tuple[Workflow, ...], where: str
) -> None:
    """Each value alone must be an option's; what only a combination rules out fails as a trial."""
    _check_options(file.run, tried, where)
    for name, knob in turned.items():
        for value in knob.ends:
            _check_options({name: value}, tried, where)


def _check_options(options: Mapping[str, Any], tried: tuple[Workflow, ...], where: str) -> None:
    workflows.check(options, tried, where)
    run_config.make(workflows.of_run(options), where)


def _n_trials(file: _File, turned: Mapping[str, Knob], where: str) -> int:
    if file.search == "grid":
        if file.trials is not None:
            raise ConfigError(
                f"{where}: trials is {file.trials}, but a grid tries every setting; leave trials "
                f"out, or search 'random', 'tpe' or 'nsga2'"
            )
        size = knob_room.size(turned, where)
        if size > MOST_TRIALS:
            raise ConfigError(
                f"{where}: its grid has {size} settings, of which a study tries up to "
                f"{MOST_TRIALS}; give fewer values, or search 'random', 'tpe' or 'nsga2'"
            )
        return size
    if file.trials is None or not 1 <= file.trials <= MOST_TRIALS:
        raise ConfigError(
            f"{where}: trials is {'not given' if file.trials is None else file.trials}; search "
            f"{file.search!r} needs a number of settings to try, 1 to {MOST_TRIALS}"
        )
    return file.trials


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _toml_lines(told: Mapping[str, Any]) -> Iterable[str]:
    tables = {key: value for key, value in told.items() if isinstance(value, dict)}
    for key, value in told.items():
        if key not in tables and value not in (None, ""):
            yield f"{key} = {_toml(value)}\n"
    for key, table in tables.items():
        if table:
            yield f"\n[{key}]\n"
            yield from (f"{name} = {_toml(value)}\n" for name, value in table.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)
