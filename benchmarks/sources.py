"""Where the benchmarks find MNIST."""

from __future__ import annotations

from pathlib import Path

#: Where MNIST lies unless --mnist says otherwise, from the repository's root.
MNIST = Path("../shared/data/mnist/mnist.npz")


def mnist_path(given: str | None) -> str:
    """The path of MNIST, or a clear end."""
    path = Path(given) if given else MNIST
    if not path.exists():
        raise SystemExit(f"MNIST is not at {path}; say where it is with --mnist PATH")
    return str(path)
