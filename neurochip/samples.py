"""The samples that a configuration names: loaded, cut, and told from others."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurochip import data as data_sets
from neurochip.config import DataConfig, RunConfig
from neurochip.config.data import image_shape
from neurochip.data import Dataset, Split
from neurochip.data.augment import shifted
from neurochip.errors import DataError

#: Pixels by which an augmentation moves images at most.
_PIXELS = {"shift1": 1, "shift2": 2}


def load(config: DataConfig, source: str | None = None) -> Dataset:
    """The data set of a configuration, or another one, cut to the configured numbers of samples."""
    loaded = data_sets.load(
        config.data if source is None else source,
        temporal=config.takes_spikes,
        layout=config.make_layout(),
        timesteps=config.timesteps,
    )
    train, test = loaded.train, loaded.test
    if config.train_samples is not None:
        train = train.take(config.train_samples)
    if config.test_samples is not None:
        test = test.take(config.test_samples)
    return replace(loaded, train=train, test=test)


def shown(config: RunConfig, train: Split, epoch: int) -> Split:
    """The training samples as one epoch of a run shows them: as they are, or augmented.

    Raises:
        ConfigError: they shall be moved but are no images.
    """
    if config.augment is None:
        return train
    shape = image_shape(train.sample_shape, f"augment {config.augment!r}")
    return shifted(train, shape, _PIXELS[config.augment], config.seed, epoch)


def mark_of(data: Dataset) -> str:
    """Lengths and checksum of a training and a test set."""
    checksum = 0
    for array in (data.train.x, data.train.y, data.test.x, data.test.y):
        checksum = zlib.crc32(np.ascontiguousarray(array).data.cast("B"), checksum)
    return f"{len(data.train)}:{len(data.test)}:{checksum:08x}"


def check_mark(mark: str, data: Dataset, path: str | Path, remedy: str) -> None:
    """Raise DataError where a file would go on with other samples, learned or tested."""
    if mark_of(data) != mark:
        raise DataError(
            f"data {data.name!r} are not those that {str(path)!r} learned (their checksum "
            f"differs); {remedy}"
        )
