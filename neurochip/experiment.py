"""What a command does: load, build, learn, evaluate, save, and go on from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import files, samples
from neurochip import hardware as hardware_models
from neurochip.chip import COUNTED_EVENTS, Chip, EpochRecord, Result
from neurochip.chip.faults import check as check_faults
from neurochip.chip.loihi_learner import LoihiLearner
from neurochip.chip.order import shuffled
from neurochip.config import RunConfig, make
from neurochip.data import Dataset, Split
from neurochip.errors import ConfigError, DataError, NeurochipError, RunFileError
from neurochip.hardware import Faults
from neurochip.mapping import (
    PLACERS,
    ChipMap,
    Formats,
    Integers,
    LayerFormats,
    Manual,
    check_learns,
    map_network,
    plan_of,
)
from neurochip.network import Network, Parameters
from neurochip.rules import OTTT

#: Of the order that says which samples are held out; no run's own seed, which may change.
HOLDOUT_SEED = 0

#: Called with a run, the epoch at work, and the samples learned, scored and wrong in it.
Progress = Callable[["Run", int, int, int], None]


@dataclass(frozen=True, eq=False)
class Entry:
    """One epoch of a run's history."""

    record: EpochRecord
    test_accuracy: float


@dataclass(eq=False)
class Run:
    """A chip with all that led to its state.

    Attributes:
        config: the options; ``epochs`` counts all that were asked for so far.
        chip: the chip in its state after the last finished epoch.
        start: its integers before the first.
        history: one entry a finished epoch.
        data_mark: lengths and checksum of the training and test sets.
        given: the float weights that the chip started with; None where its seed drew them.
    """

    config: RunConfig
    chip: Chip
    start: Integers
    history: list[Entry]
    data_mark: str
    given: Parameters | None = None

    @property
    def learner(self) -> Chip | LoihiLearner:
        """What learns: the chip itself, or Lava's engine with the chip's weights.

        Raises:
            LimitError: the engine can't learn such a network.
        """
        if self.config.engine == "chip":
            return self.chip
        return LoihiLearner(self.chip, self.config.t_epoch)

    @property
    def accuracy(self) -> float | None:
        """Test accuracy after the last finished epoch, 0..1; None before the first."""
        return self.history[-1].test_accuracy if self.history else None


def load_data(config: RunConfig, source: str | None = None) -> Dataset:
    """The data set of a run, cut to the configured numbers of samples."""
    loaded = samples.load(config, source)
    if not config.holdout:
        return loaded
    train, _ = hold_out(loaded.train, config.holdout)
    return replace(loaded, train=train)


def load_test_data(config: RunConfig, source: str | None = None) -> Dataset:
    """What a finished run is tested with: its own data set as configured, another one whole."""
    if source not in (None, config.data):
        config = config.with_options({"train_samples": None, "test_samples": None, "holdout": 0.0})
    return load_data(config, source)


def hold_out(split: Split, share: float) -> tuple[Split, Split]:
    """Part a training set into what is learned and what a choice of settings is judged by.

    Which samples are held out depends on nothing but their number, so all runs of a study agree;
    both parts keep the order of the set.

    Args:
        split: the training set.
        share: of it that is held out, above 0 and below 1.

    Returns:
        What is learned, and what is held out.

    Raises:
        DataError: one of the parts would be empty.
    """
    n_held = round(share * len(split))
    if not 0 < n_held < len(split):
        raise DataError(
            f"{split.name}: a holdout of {share:g} of {len(split)} samples holds out {n_held}; "
            f"leave one or more on either side"
        )
    held = np.zeros(len(split), np.bool_)
    held[shuffled(len(split), HOLDOUT_SEED, 0)[:n_held]] = True
    return split[~held], split[held]


def build(config: RunConfig, data: Dataset) -> Run:
    """A run that has learned nothing yet."""
    if config.sound_epochs > config.epochs:
        raise ConfigError(
            f"faults come up after sound_epochs = {config.sound_epochs}, but epochs is "
            f"{config.epochs}; lower the first or raise the second"
        )
    hardware = config.load_hardware()
    rule = config.make_rule()
    check_learns(hardware, rule)
    network = config.make_network(data.train.sample_shape, data.n_classes, hardware)
    chip = Chip(
        network,
        hardware,
        rule,
        config.seed,
        encoding=config.encoding,
        schedule=config.schedule,
        count_saturations=config.count_saturations,
        placer=config.placer,
        neurons_per_core=config.neurons_per_core,
        widths=config.widths,
    )
    if config.timing == "cycle":
        chip.clock()  # what can't be timed shouldn't be learned first
    check_faults(config.faults, chip.map, chip.schedule)
    if config.sound_epochs == 0:
        chip.inject(config.faults)
    run = Run(config, chip, chip.integers, [], samples.mark_of(data))
    _ = run.learner  # refuses what its engine can't learn
    return run


def learn(
    run: Run, data: Dataset, epochs: int, out: Path | None, progress: Progress | None = None
) -> Run:
    """Learn for some more epochs; after each, test and save.

    Args:
        run: where to go on from; it is changed.
        data: what it learns and is tested with.
        epochs: how many more.
        out: where to save; None saves nothing.
        progress: told between chunks of samples.
    """
    if out is not None:
        files.check_writable(out)
    run.chip.encode(data.test.x[:1])  # what can't be tested shouldn't be learned first
    asked = run.chip.epoch + epochs
    if run.chip.epoch > 0:  # an interrupted run keeps what was asked of it at first
        asked = max(asked, run.config.epochs)
    run.config = run.config.with_options({"epochs": asked})
    for _ in range(epochs):
        tell = None if progress is None else _Teller(run, progress)
        (record,) = learn_epochs(run, data.train, 1, tell)
        run.history.append(Entry(record, run.chip.evaluate(data.test).accuracy))
        if out is not None:
            with run.chip.stages("output"):
                save_run(run, out)
    return run


def learn_epochs(
    run: Run, train: Split, epochs: int, progress: Callable[[int, int, int], None] | None = None
) -> list[EpochRecord]:
    """Let a run's chip learn and nothing else; after its sound epochs the faults come up.

    Args:
        run: whose chip learns.
        train: samples and labels, of which each epoch shows what the run's augmentation says.
        epochs: how often each is shown.
        progress: as of `Chip.learn`.

    Returns:
        One record an epoch.
    """
    records = []
    for _ in range(epochs):
        shown = samples.shown(run.config, train, run.chip.epoch)
        records += run.learner.learn(shown, 1, progress)
        if run.chip.epoch == run.config.sound_epochs:
            run.chip.inject(run.config.faults)
    return records


@dataclass(frozen=True)
class _Teller:
    """Adds the run to what a chip tells of its progress."""

    run: Run
    progress: Progress

    def __call__(self, learned: int, scored: int, wrong: int) -> None:
        self.progress(self.run, learned, scored, wrong)


def inject(run: Run, options: Mapping[str, Any]) -> None:
    """Break a run's chip as it is now, beside what is broken of it already.

    Args:
        run: whose chip.
        options: of its faults, as `RunConfig` names them; a drift is one more.

    Raises:
        ConfigError: a number is out of range.
        LimitError: the chip can't have such faults.
    """
    chip = run.chip
    before = chip.faults if chip.faults.any else Faults(seed=run.config.faults.seed)
    told = {"seed" if name == "fault_seed" else name: value for name, value in options.items()}
    chip.inject(replace(before, **{"weight_drift": 0.0, **told}))


def evaluate(run: Run, data: Dataset) -> Result:
    """Inference on the test set."""
    return run.chip.evaluate(data.test)


def map_run(run: Run, hardware: str | None = None, placer: str | None = None) -> ChipMap:
    """Spread a run's network over the cores of a chip.

    Args:
        run: whose network; how often its neurons fired weighs the messages of a traffic-aware
            placer that is named here.
        hardware: a chip's name or path; the run's own if None. A chip that can't learn by the
            run's rule only has to hold the weights.
        placer: "greedy", "traffic", or the path of a placement; the run's own if None.
    """
    chip = run.chip
    if hardware is None and placer is None:
        return chip.map
    model = chip.hardware if hardware is None else hardware_models.load(hardware)
    rule = chip.rule if chip.rule.name in model.learning.rules else None
    own = run.config.placer if run.config.placer in PLACERS else chip.map.placement
    return map_network(
        chip.network,
        model,
        rule,
        placer=own if placer is None else placer,
        neurons_per_core=run.config.neurons_per_core,
        rates=spike_rates(run),
        seed=chip.seed,
        widths=chip.formats.widths,
    )


def spike_rates(run: Run) -> list[float] | None:
    """Signals a neuron and step of each population but the read-out in the last epoch; None before
    the first.
    """
    if not run.history:
        return None
    record = run.history[-1].record
    steps = record.samples * run.chip.network.timesteps
    heard, fired = (
        record.counters[:, :, COUNTED_EVENTS.index(name)].sum(axis=0)
        for name in ("spikes_in", "spikes_out")
    )
    planned = plan_of(run.chip.network)
    # Of what pools count on the way, only the neurons below are a population.
    signals = [(heard[0], planned[0].n_in)]
    signals += [(n, above.n_out) for n, above in zip(fired[:-1], planned[:-1], strict=True)]
    return [float(n) / (steps * size) for n, size in signals]


def remaining_epochs(run: Run, path: str | Path) -> int:
    """Configured epochs that are not done yet."""
    rest = run.config.epochs - run.chip.epoch
    if rest < 1:
        raise ConfigError(
            f"run file {str(path)!r} has finished all its {run.config.epochs} epochs; "
            f"ask for more with --epochs"
        )
    return rest


def save_run(run: Run, path: str | Path) -> None:
    """Write a run file, beside and renamed: version 1, see README "Run files"."""
    files.write_tree(path, _tree(run))


def load_run(path: str | Path) -> Run:
    """Read a run file and put its state into a chip.

    Raises:
        RunFileError: the file is missing, damaged, newer than this program, or incomplete.
    """
    tree = files.read_tree(path)
    try:
        return _run(tree)
    except KeyError as error:
        raise RunFileError(
            f"run file {str(path)!r} lacks {error}, so it was not written by this program; "
            f"make it again"
        ) from None
    except (NeurochipError, TypeError, ValueError, AttributeError, LookupError) as error:
        reason = str(error).rstrip(".")
        raise RunFileError(
            f"run file {str(path)!r} holds what this program can't use ({reason}); make it again"
        ) from None


def _tree(run: Run) -> dict[str, Any]:
    chip = run.chip
    return {
        "config": json.dumps(run.config.to_dict(), sort_keys=True),
        "hardware": chip.hardware.to_toml(),
        "network": json.dumps(chip.network.to_dict()),
        "rule": json.dumps(chip.rule.to_dict(), sort_keys=True),
        "formats": json.dumps(asdict(chip.formats)),
        "data_mark": run.data_mark,
        **_placement_tree(run),
        "state": {
            "seed": chip.seed,
            "epoch": chip.epoch,
            "n_learned": chip.n_learned,
            "rate_shifts": np.array(chip.rate_shifts or (), np.int64),
        },
        "start": _integers_tree(run.start),
        "integers": _integers_tree(chip.integers),
        "floats": _floats_tree(chip.parameters),
        **({"faults": json.dumps(chip.faults.to_dict())} if chip.faults.any else {}),
        **({} if run.given is None else {"given": _floats_tree(run.given)}),
        "history": _history_tree(run.history),
    }


def _placement_tree(run: Run) -> dict[str, str]:
    """What the file of a placement said, which may be gone when the run is read."""
    if run.config.placer in PLACERS:
        return {}
    return {"placement": json.dumps(asdict(run.chip.map.placement))}


def _integers_tree(integers: Integers) -> dict[str, Any]:
    return {
        kind: {f"layer{number}": array for number, array in enumerate(arrays)}
        for kind, arrays in vars(integers).items()
        if arrays
    }


def _floats_tree(parameters: Parameters) -> dict[str, Any]:
    return {
        kind: {f"layer{number}": array for number, array in enumerate(arrays)}
        for kind, arrays in vars(parameters).items()
    }


_RECORD_FIELDS = ("epoch", "samples", "rate_shifts", "scored", "wrong", "counters", "saturations")


def _history_tree(history: list[Entry]) -> dict[str, Any]:
    if not history:
        return {}
    columns: dict[str, Any] = {
        name: np.array([getattr(entry.record, name) for entry in history])
        for name in _RECORD_FIELDS
    }
    columns["test_accuracy"] = np.array([entry.test_accuracy for entry in history])
    return columns


def _run(tree: dict[str, Any]) -> Run:
    config = make(json.loads(tree["config"]))
    state, start = tree["state"], _integers(tree["start"])
    given = _parameters(tree["given"]) if "given" in tree else None
    chip = Chip(
        Network.from_dict(json.loads(tree["network"])),
        hardware_models.from_toml(tree["hardware"]),
        OTTT.from_dict(json.loads(tree["rule"])),
        state["seed"],
        encoding=config.encoding,
        schedule=config.schedule,
        parameters=given,
        count_saturations=config.count_saturations,
        placer=Manual(**json.loads(tree["placement"])) if "placement" in tree else config.placer,
        neurons_per_core=config.neurons_per_core,
        widths=config.widths,
    )
    if chip.formats != _formats(tree["formats"]):
        raise ValueError("its formats are not those that its network gets")
    chip.load(
        _integers(tree["integers"]),
        epoch=state["epoch"],
        n_learned=state["n_learned"],
        rate_shifts=tuple(int(shift) for shift in state["rate_shifts"]) or None,
        faults=Faults(**json.loads(tree["faults"])) if "faults" in tree else None,
    )
    history = _history(tree.get("history", {}))
    return Run(config, chip, start, history, tree["data_mark"], given)


def _formats(text: str) -> Formats:
    told: dict[str, Any] = json.loads(text)
    return Formats(**{**told, "layers": tuple(LayerFormats(**layer) for layer in told["layers"])})


def _integers(group: dict[str, Any]) -> Integers:
    return Integers(*(_layers(group, kind) for kind in ("weights", "shadow", "biases", "feedback")))


def _parameters(group: dict[str, Any]) -> Parameters:
    return Parameters(_layers(group, "weights"), _layers(group, "biases"))


def _layers(group: dict[str, Any], kind: str) -> tuple[NDArray[Any], ...]:
    arrays = group.get(kind, {})
    return tuple(arrays[f"layer{number}"] for number in range(len(arrays)))


def _history(columns: dict[str, Any]) -> list[Entry]:
    n_epochs = len(columns.get("epoch", ()))
    return [_entry(columns, number) for number in range(n_epochs)]


def _entry(columns: dict[str, Any], number: int) -> Entry:
    record = EpochRecord(
        epoch=int(columns["epoch"][number]),
        samples=int(columns["samples"][number]),
        rate_shifts=tuple(int(shift) for shift in columns["rate_shifts"][number]),
        scored=int(columns["scored"][number]),
        wrong=int(columns["wrong"][number]),
        counters=columns["counters"][number],
        saturations=columns["saturations"][number],
    )
    return Entry(record, float(columns["test_accuracy"][number]))
