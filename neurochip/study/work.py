"""One unit of work: a setting learned with one seed, judged on the samples that were held out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from neurochip import experiment
from neurochip.chip import Chip
from neurochip.config import RunConfig
from neurochip.data import Dataset
from neurochip.errors import DataError, NeurochipError, StudyError
from neurochip.experiment import Run
from neurochip.network import Parameters
from neurochip.samples import mark_of
from neurochip.study import adapt, costs, ptq, qat
from neurochip.study.knobs import Setting, key_of
from neurochip.study.objectives import Trained
from neurochip.study.spec import Spec

#: Options of a run on which its data set depends.
_LOADING = (
    "data arrays test_where sensor duration binning full_count series value_range "
    "encoding timesteps train_samples holdout"
).split()
#: Float networks that a worker keeps: settings that differ in widths only share one a seed.
_KEPT_FLOATS = 16


@dataclass(frozen=True)
class Unit:
    """A setting and a seed: what is done once, wherever it is done."""

    setting: Setting
    seed: int

    @property
    def key(self) -> str:
        """The same for the same work."""
        return f"{key_of(self.setting)} {self.seed}"


#: What kept a unit from being done: its "unit" alone perhaps, which needs more memory than others,
#: or the "machine", on which others would fare no better.
Hindrance: TypeAlias = Literal["none", "unit", "machine"]


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    Attributes:
        values: one number an objective, in the order of the study; empty where it failed.
        seconds: that it took.
        reason: why it failed; None where it didn't.
        hindrance: where it is not sure to be the setting's fault, so that the unit stays open.
    """

    values: tuple[float, ...]
    seconds: float
    reason: str | None = None
    hindrance: Hindrance = "none"


#: A data set with the options that it was loaded by: learned samples, and in place of a test set
#: those held out.
Loaded: TypeAlias = tuple[str, Dataset]


class Bench:
    """Where units are done, one after another: keeps the data set and float networks between them.

    A unit's values depend on the study, the setting and the seed, not on what was done before.

    Args:
        spec: the study.
        loaded: a data set that another bench has loaded; None: this one loads what it needs.
        place: where it is, for the reasons of data that aren't there; "" on the user's machine.

    Attributes:
        spec: the study.
        loaded: the data set that is at hand.
    """

    def __init__(self, spec: Spec, loaded: Loaded | None = None, place: str = "") -> None:
        self.spec = spec
        self.loaded = loaded
        self._place = place
        self._unchecked = loaded
        self._blas = _blas()
        self._floats: dict[str, Parameters] = {}

    def do(self, unit: Unit) -> Outcome:
        """Learn and judge; whatever goes wrong is the outcome's reason, not an exception."""
        begin = time.perf_counter()
        try:
            with self.one_thread():
                values = self._measured(unit)
        except DataError as error:
            return Outcome((), time.perf_counter() - begin, self._placed(str(error)))
        except NeurochipError as error:
            return Outcome((), time.perf_counter() - begin, str(error))
        except Exception as error:  # a fault of the program must not stop the other trials
            return self._broken(error, time.perf_counter() - begin)
        return Outcome(values, time.perf_counter() - begin)

    def one_thread(self) -> AbstractContextManager[object]:
        """One thread for matrix products until it's closed: with another number, BLAS adds in
        another order and float training ends with other bits; and workers share the cores already.
        """
        limit: AbstractContextManager[object] = self._blas.limit(limits=1, user_api="blas")
        return limit

    def data(self, config: RunConfig) -> Dataset:
        """The training samples that are learned, and in place of a test set those held out."""
        told = config.to_dict()
        key = json.dumps({name: told.get(name) for name in _LOADING}, sort_keys=True)
        if self.loaded is None or self.loaded[0] != key:
            self._check_own()
            loaded = experiment.load_data(config.with_options({"holdout": 0.0}))
            learned, held = experiment.hold_out(loaded.train, config.holdout)
            self.loaded = (key, replace(loaded, train=learned, test=held))
        return self.loaded[1]

    def data_mark(self) -> str:
        """Lengths and checksum of the first setting's samples, learned and held out."""
        setting = {name: knob.ends[0] for name, knob in self.spec.knobs.items()}
        return mark_of(self.data(self.spec.config(setting, self.spec.seeds[0])))

    def _broken(self, error: Exception, seconds: float) -> Outcome:
        """The outcome of a unit that raised what nobody raises on purpose."""
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        if isinstance(error, MemoryError):
            return Outcome((), seconds, self._placed(reason), "unit")
        if isinstance(error, OSError):
            return Outcome((), seconds, self._placed(reason), "machine")
        return Outcome((), seconds, reason)

    def _placed(self, reason: str) -> str:
        return f"{reason} (on worker {self._place})" if self._place else reason

    def _check_own(self) -> None:
        """Before this place's own data are used in place of those given: are they the same set?"""
        if self._unchecked is None:
            return
        given = self._unchecked[1]
        if Bench(self.spec).data_mark() != mark_of(given):
            raise DataError(
                f"data {given.name!r} differ here from those that the study began with (their "
                f"checksum differs); put the same files there"
            )
        self._unchecked = None

    def chip_of(self, unit: Unit) -> Trained:
        """The chip that a unit ends with, judged."""
        config, goals = self.spec.config(unit.setting, unit.seed), self.spec.objectives
        trained, data = self._trained(unit, config)
        return costs.timed(trained, data, config.timing, goals)

    def run_of(self, unit: Unit) -> Run:
        """The run of a unit that is trained in float first."""
        config = self.spec.config(unit.setting, unit.seed)
        workflow = self.spec.workflow_of(unit.setting)
        with self.one_thread():
            if workflow == "adapt":
                return self._adapted(unit, config)[0].run
            if workflow == "qat":
                return self._rounded_in_the_loop(unit, config)
            return self._quantised(unit, config)

    def _trained(self, unit: Unit, config: RunConfig) -> tuple[Trained, Dataset]:
        """A unit's chip, and the samples that it learned and was judged by."""
        data, workflow = self.data(config), self.spec.workflow_of(unit.setting)
        drifts = "firing_drift" in self.spec.objectives
        if workflow == "chip":
            run = experiment.build(config, data)
            costs.check_known(run.chip, data, config.timing, self.spec.objectives)
            before = run.chip.evaluate(data.test) if drifts else None
            records = experiment.learn_epochs(run, data.train, config.epochs)
            judged = run.chip.evaluate(data.test)
            return Trained(run.chip, judged, records[-1], before=before), data
        if workflow == "adapt":
            done, there = self._adapted(unit, config)
            return Trained(done.run.chip, done.judged, done.last, done.adaptation), there.new
        chip = self.run_of(unit).chip
        before = self._widest(unit, config).evaluate(data.test) if drifts else None
        return Trained(chip, chip.evaluate(data.test), None, before=before), data

    def _quantised(self, unit: Unit, config: RunConfig) -> Run:
        own, data = self.spec.own_options(unit.setting), self.data(config)
        key = ptq.float_key(config, own)
        learned = self._float(key, lambda: ptq.trained(config, own, data))
        return ptq.quantised(config, own, learned, data)

    def _rounded_in_the_loop(self, unit: Unit, config: RunConfig) -> Run:
        own, data = self.spec.own_options(unit.setting), self.data(config)
        return qat.deployed(config, own, qat.trained(config, own, data), data)

    def _adapted(self, unit: Unit, config: RunConfig) -> tuple[adapt.Adapted, adapt.Domains]:
        own = self.spec.own_options(unit.setting)
        there = adapt.domains(config, own, self.data(config))
        key = adapt.float_key(config, own)
        learned = self._float(key, lambda: ptq.trained(config, own, there.old))
        run = adapt.deployed(config, own, learned, there.old)
        costs.check_known(run.chip, there.new, config.timing, self.spec.objectives)
        return adapt.adapted(run, own, there), there

    def _widest(self, unit: Unit, config: RunConfig) -> Chip:
        """What was trained in float, with weights as wide as the chip has them."""
        widest = config.load_hardware().registers.weight.max_bits.value
        wide = config.with_options({"weight_bits": widest, "layer_bits": None})
        return self._quantised(unit, wide).chip

    def _measured(self, unit: Unit) -> tuple[float, ...]:
        trained = self.chip_of(unit)
        values = tuple(float(goal.measure(trained)) for goal in self.spec.goals)
        for name, value in zip(self.spec.objectives, values, strict=True):
            if not math.isfinite(value):
                raise StudyError(f"objective {name!r} is {value}; it must be a finite number")
        return values

    def _float(self, key: str, train: Callable[[], Parameters]) -> Parameters:
        if key not in self._floats:
            while len(self._floats) >= _KEPT_FLOATS:
                self._floats.pop(next(iter(self._floats)))
            self._floats[key] = train()
        return self._floats[key]


def _blas() -> Any:
    """The matrix products of this process, as threadpoolctl finds them."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        raise StudyError(
            "studies need threadpoolctl, which isn't installed; install it with pip install "
            "'neurochip[study]'"
        ) from None
    return ThreadpoolController()
