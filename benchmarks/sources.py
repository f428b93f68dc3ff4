"""Where the benchmarks find their data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip import data
from neurochip.data import Dataset, Layout

#: Where data sets lie, from the repository's root.
DATA = Path("../shared/data")
#: Where MNIST lies unless --mnist says otherwise.
MNIST = DATA / "mnist" / "mnist.npz"
NMNIST = Layout(
    {"dt": "{split}_dt", "x": "{split}_x", "y": "{split}_y", "p": "{split}_p"}
    | {"offsets": "{split}_offsets", "label": "{split}_label"},
    sensor=(34, 34),
    duration=315_000,
)
CIFAR10_PARTS = ("train_0", "train_1")


def mnist_path(given: str | None) -> str:
    """The path of MNIST, or a clear end."""
    path = Path(given) if given else MNIST
    if not path.exists():
        raise SystemExit(f"MNIST is not at {path}; say where it is with --mnist PATH")
    return str(path)


def fashion_path() -> str:
    """The path of Fashion-MNIST, or a clear end."""
    return str(_found(DATA / "fashion_mnist" / "fashion_mnist.npz"))


def mnist() -> Dataset:
    """MNIST, whole."""
    return data.load(mnist_path(None))


def fashion_mnist() -> Dataset:
    """Fashion-MNIST, whole."""
    return data.load(fashion_path())


def cifar10() -> Dataset:
    """CIFAR-10's first 20,000 training images and its test set, (n, 3, 32, 32) in [0, 1]."""
    folder = _found(DATA / "cifar10")
    parts = [_cifar10_part(folder / f"cifar10_{name}.npz") for name in CIFAR10_PARTS]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return data.from_arrays(x, y, *_cifar10_part(folder / "cifar10_test.npz"), name="CIFAR-10")


def nmnist_frames(timesteps: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All recordings of the N-MNIST subset: spikes (n, T, 2, 34, 34), labels (n,)."""
    path = _found(DATA / "nmnist_small" / "nmnist_small.npz")
    loaded = data.load(path, layout=NMNIST, timesteps=timesteps, temporal=True)
    both = (loaded.train, loaded.test)
    return np.concatenate([s.x for s in both]), np.concatenate([s.y for s in both])


def _cifar10_part(path: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """One file: second differences, mod 256, of the planes G, R-G and B-G."""
    with np.load(path) as file:
        planes, labels = file["d"], file["y"]
    planes = np.cumsum(np.cumsum(planes, axis=2, dtype=np.uint8), axis=3, dtype=np.uint8)
    green = planes[:, 0]
    return np.stack([planes[:, 1] + green, green, planes[:, 2] + green], axis=1), labels


def _found(path: Path) -> Path:
    if not path.exists():
        raise SystemExit(f"{path} is not there; this benchmark needs it")
    return path
