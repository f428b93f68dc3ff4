"""What `neurochip train` does: load, build, train off the chip, evaluate, save, and go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import files, samples
from neurochip.config import TrainConfig, make_training
from neurochip.data import Dataset, Split
from neurochip.errors import ConfigError, RunFileError
from neurochip.network import Network, Norm, Parameters, initialise
from neurochip.reference import Epoch, Progress, Stage, fit
from neurochip.reference.optimisers import SGD, Adam, AdamW, Optimiser

FORMAT = "neurochip-training"

#: Samples of the test set that are looked at together.
TEST_BATCH = 512


@dataclass(frozen=True)
class TrainEntry:
    """One epoch of a training's history."""

    epoch: int
    timesteps: int
    rate: float
    loss: float
    test_accuracy: float


@dataclass(frozen=True, eq=False)
class Training:
    """A network with all that led to its parameters.

    Attributes:
        config: the options.
        network: what was trained, with the T of the last stage.
        progress: how far, and the parameters.
        history: one entry a finished epoch.
        data_mark: lengths and checksum of what it learns and is tested with.
    """

    config: TrainConfig
    network: Network
    progress: Progress
    history: tuple[TrainEntry, ...] = ()
    data_mark: str = ""


def begin(config: TrainConfig, data: Dataset) -> Training:
    """A training that has learned nothing yet."""
    network = config.make_network(config.in_shape(data.train.sample_shape), data.n_classes)
    params = initialise(network, config.seed, gain=config.gain)
    return Training(config, network, Progress(0, params, ()), data_mark=samples.mark_of(data))


def train(
    training: Training,
    data: Dataset,
    out: Path | None,
    tell: Callable[[TrainEntry], None] | None = None,
    before_batch: Callable[[], None] = lambda: None,
) -> Training:
    """Train for the epochs that are left; after each, test and save.

    Args:
        training: where to go on from.
        data: what it learns and is tested with.
        out: where to save; None saves nothing.
        tell: told of each epoch.
        before_batch: called before every batch, for whoever wants to end it by an exception.

    Raises:
        ConfigError: no epochs are left.
        TrainingError: the loss left all bounds; the file holds the last good epoch.
    """
    config = training.config
    asked = sum(stage.epochs for stage in _stages(config))
    if training.progress.number >= asked:
        raise ConfigError(f"all {asked} epochs of this training are done; start a new one")
    for epoch in _epochs(training, data, before_batch):
        accuracy = float((_predicted(epoch, data.test) == data.test.y).mean())
        entry = TrainEntry(epoch.number, epoch.timesteps, epoch.rate, epoch.loss, accuracy)
        history = (*training.history, entry)
        training = replace(training, progress=epoch.progress, history=history)
        if out is not None:
            save(training, out)
        if tell is not None:
            tell(entry)
    return training


def save(training: Training, path: str | Path) -> None:
    """Write a training's file, beside and renamed."""
    progress, params = training.progress, training.progress.params
    tree = {
        "config": json.dumps(
            training.config.model_dump(mode="json", exclude_none=True), sort_keys=True
        ),
        "network": json.dumps(training.network.to_dict()),
        "epoch": progress.number,
        "data_mark": training.data_mark,
        "floats": {
            "weights": _numbered(params.weights),
            "biases": _numbered(params.biases),
            "gains": _numbered(params.gains),
            "norms": {f"layer{i}": vars(norm) for i, norm in enumerate(params.norms)},
        },
        "optimiser": _numbered(progress.state),
        "history": {
            entry.name: np.array([getattr(line, entry.name) for line in training.history])
            for entry in fields(TrainEntry)
        },
    }
    files.write_tree(path, tree, format=FORMAT)


def load(path: str | Path) -> Training:
    """Read a training's file.

    Raises:
        RunFileError: the file is missing, damaged, newer than this program, or incomplete.
    """
    tree = files.read_tree(path, format=FORMAT)
    try:
        floats = tree["floats"]
        norms = (Norm(**arrays) for arrays in _listed(floats.get("norms", {})))
        params = Parameters(
            tuple(_listed(floats["weights"])),
            tuple(_listed(floats["biases"])),
            tuple(_listed(floats.get("gains", {}))),
            tuple(norms),
        )
        network = Network.from_dict(json.loads(tree["network"]))
        network.check(params)
        progress = Progress(tree["epoch"], params, tuple(_listed(tree.get("optimiser", {}))))
        config = make_training(json.loads(tree["config"]), str(path))
        history = _history(tree.get("history", {}))
        return Training(config, network, progress, history, tree["data_mark"])
    except KeyError as error:
        raise RunFileError(
            f"{str(path)!r} lacks {error}, so it was not written by this program; train again"
        ) from None


def facts(training: Training) -> dict[str, Any]:
    """A training in numbers and texts, as JSON holds them."""
    return {
        "accuracy": training.history[-1].test_accuracy if training.history else None,
        "epochs": training.progress.number,
        "history": [asdict(entry) for entry in training.history],
        "config": training.config.model_dump(mode="json", exclude_none=True),
    }


def _optimiser(config: TrainConfig) -> Optimiser:
    if config.optimiser == "adam":
        return Adam()
    return AdamW() if config.optimiser == "adamw" else SGD(config.momentum)


def _stages(config: TrainConfig) -> tuple[Stage, ...]:
    """The stage at T, and before it that of time inheritance training where there is one."""
    last = Stage(config.timesteps, config.epochs)
    first_timesteps, first_epochs = config.first_timesteps, config.first_epochs
    if first_timesteps is None or first_epochs is None:
        return (last,)
    return Stage(first_timesteps, first_epochs), last


def _epochs(training: Training, data: Dataset, before_batch: Callable[[], None]) -> Iterator[Epoch]:
    config, progress = training.config, training.progress
    return fit(
        training.network,
        progress.params,
        config.make_rule(),
        _shaped(training.network, data.train),
        data.train.y,
        _stages(config),
        config.lr,
        config.batch,
        config.schedule,
        _optimiser(config),
        config.clip_norm,
        config.clamp,
        seed=config.seed,
        after=progress if progress.number else None,
        before_batch=before_batch,
    )


def _predicted(epoch: Epoch, split: Split) -> NDArray[np.int64]:
    samples = _shaped(epoch.network, split)
    parts = []
    for start in range(0, len(samples), TEST_BATCH):
        part = samples[start : start + TEST_BATCH]
        parts.append(epoch.trainer.predict(np.moveaxis(part, 1, 0) if split.temporal else part))
    return np.concatenate(parts)


def _shaped(network: Network, split: Split) -> NDArray[Any]:
    """(n, ...) or (n, T, ...), where ... is the network's in_shape."""
    lead = split.x.shape[: 2 if split.temporal else 1]
    return split.x.reshape(*lead, *network.in_shape)


def _numbered(arrays: Any) -> dict[str, Any]:
    return {f"layer{number}": array for number, array in enumerate(arrays)}


def _listed(group: dict[str, Any]) -> list[Any]:
    return [group[f"layer{number}"] for number in range(len(group))]


def _history(columns: dict[str, Any]) -> tuple[TrainEntry, ...]:
    names = [entry.name for entry in fields(TrainEntry)]
    rows = zip(*(columns.get(name, ()) for name in names), strict=True)
    return tuple(
        TrainEntry(**{n: v.item() for n, v in zip(names, row, strict=True)}) for row in rows
    )
