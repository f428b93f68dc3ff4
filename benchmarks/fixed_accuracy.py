"""Learning in 8 bits against learning in float, and the records: resumable, in benchmarks/runs/.

When weights change on the chip, and the rate in float, are chosen on samples that are held out of
the training set; then every seed learns the whole training set, and its test accuracy after the
last epoch counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sources import fashion_path, mnist_path
from benchmarks.table import Table
from neurochip import experiment, samples, study, training
from neurochip.config import make, make_training
from neurochip.data import Dataset
from neurochip.study import spec as study_file
from neurochip.study.stats import Summary, summarise

SEEDS = (0, 1, 2)
#: Share of the training samples by which a choice is made.
HOLDOUT = 1 / 6
UPDATES = ("online", "last", "accumulate")
#: Rates of float training, and samples of one of its updates.
RATES = (0.05, 0.1, 0.2, 0.4)
BATCH = 64
#: Processes that a choice is made by.
WORKERS = 2
#: What is chosen for clothes, where weights change at the end of a sample: whether they may grow
#: beyond the largest of the start, and rates 2^-m of both layers, slower than the chip's own.
CLOTHES: dict[str, list[Any]] = {"headroom": [1.0, 2.0], "rate_shifts": [[10, 11], [11, 12]]}
RUNS = Path(__file__).with_name("runs")
#: 784-512-10, T = 6, 16 epochs; the rate is halved at 60 % and 85 % of them.
IMAGES: dict[str, Any] = {"hidden": (512,), "timesteps": 6, "epochs": 16, "halve_at": (10, 14)}
#: The same for a choice among images, which takes a quarter of the epochs.
SHORTER: dict[str, Any] = {"epochs": 4, "halve_at": (2, 3)}


@dataclass(frozen=True)
class Work:
    """One row of the chip.

    Attributes:
        name: of its files.
        title: as the table tells it.
        options: of the run, but for when weights change.
        must: what its mean has to reach, in percent; None where only the difference counts.
        knobs: options of the run with what is chosen from.
        choosing: seeds by which the choice is made.
        shorter: options of the run by which it is made, where they are others.
    """

    name: str
    title: str
    options: dict[str, Any] = field(default_factory=dict)
    must: float | None = None
    knobs: dict[str, list[Any]] = field(default_factory=lambda: {"update": list(UPDATES)})
    choosing: tuple[int, ...] = (0,)
    shorter: dict[str, Any] = field(default_factory=lambda: SHORTER)


def measure(mnist: str | None) -> Table:
    """Choose, learn and compare, going on from where an earlier call was ended."""
    RUNS.mkdir(exist_ok=True)
    table = Table(
        "8-bit learning on the chip and learning in float: test accuracy after the final epoch",
        ("work", "learner", "chosen", "mean %", "95 % interval", "seeds 0, 1, 2, %", "must"),
    )
    images = {**IMAGES, "data": mnist_path(mnist)}
    digits = Work("digits", "digits, 64-128-10, T = 8, 15 epochs", choosing=SEEDS, shorter={})
    plain = Work("mnist", "MNIST, 784-512-10, T = 6, 16 epochs", images, 98.0)
    for work in (digits, plain):
        _compare(table, work)
    moved = Work("mnist-shift1", f"{plain.title}, 1-pixel shifts", images, 98.5)
    _add_chip(table, replace(moved, options={**images, "augment": "shift1"}))
    fashion = {**IMAGES, "data": fashion_path(), "update": "accumulate"}
    title = "Fashion-MNIST, 784-512-10, T = 6, 16 epochs"
    clothes = Work("clothes", title, fashion, 88.3, CLOTHES)
    _add_chip(table, replace(clothes, shorter={}))
    rates = ", ".join(map(str, RATES))
    table.notes.append(
        f"Chip: 8-bit weights, stochastic rounding, batch 1; chosen is when weights change, of "
        f"{', '.join(UPDATES)}, by accuracy on a sixth of the training samples that wasn't learned "
        f"(MNIST: seed 0 after {SHORTER['epochs']} epochs; "
        f"digits: three seeds; Fashion-MNIST, at the end of a sample: headroom and rates, seed 0). "
        f"Float: float32, OTTT-A, batches of {BATCH}, momentum, falling rate, chosen of {rates} "
        f"in the same way. "
        f"Then all training samples are learned. Intervals are Student's t over seeds, the "
        f"difference seed by seed. No augmentation but the shifts; the final epoch, not the best."
    )
    return table


def _compare(table: Table, work: Work) -> None:
    on_chip = _add_chip(table, work)
    rate = _best(
        RATES, lambda rate: [_float(work, rate, seed, held=True) for seed in work.choosing]
    )
    in_float = [_float(work, rate, seed) for seed in SEEDS]
    _add(table, work.title, "float", f"rate {rate:g}", in_float, "")
    apart = summarise([a - b for a, b in zip(on_chip, in_float, strict=True)])
    table.add(work.title, "chip less float", "", *_shown(apart), "", ">= -0.5")


def _add_chip(table: Table, work: Work) -> list[float]:
    setting = _chosen(work)
    scores = [_chip(work, setting, seed) for seed in SEEDS]
    chosen = _told(setting)
    _add(table, work.title, "chip", chosen, scores, f">= {work.must}" if work.must else "")
    return scores


def _add(
    table: Table, title: str, learner: str, chosen: str, scores: list[float], must: str
) -> None:
    each = " ".join(f"{score:.2f}" for score in scores)
    table.add(title, learner, chosen, *_shown(summarise(scores)), each, must)


def _shown(summary: Summary) -> tuple[str, str]:
    return f"{summary.mean:.2f}", f"± {summary.half_width:.2f}"


def _best(choices: Iterable[Any], scores: Callable[[Any], list[float]]) -> Any:
    return max(choices, key=lambda choice: summarise(scores(choice)).mean)


def _told(setting: dict[str, Any]) -> str:
    """A choice as the table tells it."""
    rates = setting.get("rate_shifts", ())
    told = [str(setting[name]) for name in ("update",) if name in setting]
    told += [f"headroom {setting['headroom']:g}"] if "headroom" in setting else []
    told += ["rates " + " ".join(f"2^-{shift}" for shift in rates)] if rates else []
    return ", ".join(told)


def _chosen(work: Work) -> dict[str, Any]:
    """When weights change, and how fast, by a study on held-out samples."""
    spec = study_file.make(
        {
            "seeds": list(work.choosing),
            "holdout": HOLDOUT,
            "run": {name: _listed(v) for name, v in {**work.options, **work.shorter}.items()},
            "knobs": work.knobs,
        },
        f"fixed-{work.name}",
    )
    with study.open_store(spec, f"sqlite:///{RUNS / spec.name}.db") as store:
        trials = study.run(spec, store, workers=WORKERS)
        return dict(study.chosen(spec, trials, None).setting)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _chip(work: Work, setting: dict[str, Any], seed: int) -> float:
    """Test accuracy of one seed, percent."""
    parts = [part for value in setting.values() for part in np.atleast_1d(value).tolist()]
    path = RUNS / f"fixed-{work.name}-{'-'.join(map(str, parts))}-{seed}.h5"
    config = make({**work.options, **setting, "seed": seed})
    data = experiment.load_data(config)
    run = experiment.load_run(path) if path.exists() else experiment.build(config, data)
    if run.chip.epoch < config.epochs:
        experiment.learn(run, data, config.epochs - run.chip.epoch, path)
    return 100 * run.history[-1].test_accuracy


def _float(work: Work, rate: float, seed: int, *, held: bool = False) -> float:
    """Accuracy in float on the test set or, of samples held out, on these, percent."""
    path = RUNS / f"fixed-{work.name}-float-{rate:g}-{seed}{'-held' if held else ''}.h5"
    chip = make({**work.options, **(work.shorter if held else {})})
    config = make_training(
        {
            "data": chip.data,
            "net": "-".join(map(str, chip.hidden)),
            "timesteps": chip.timesteps,
            "epochs": chip.epochs,
            "lr": rate,
            "batch": BATCH,
            "seed": seed,
            "neurons_of": chip.hardware,
        }
    )
    data = _held_apart(samples.load(config)) if held else samples.load(config)
    trained = training.load(path) if path.exists() else training.begin(config, data)
    if trained.progress.number < config.epochs:
        trained = training.train(trained, data, path)
    return 100 * trained.history[-1].test_accuracy


def _held_apart(data: Dataset) -> Dataset:
    learned, held = experiment.hold_out(data.train, HOLDOUT)
    return replace(data, train=learned, test=held)
