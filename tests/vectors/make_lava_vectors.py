"""Make lava.npz, what Lava's process models held: python -m tests.vectors.make_lava_vectors

It needs lava-nc and so Python 3.10; tests/deploy/lava/test_golden.py then reads it on every Python.
Arrays of case c: c/weights{l} (n_out, n_in), c/bias{l} (n_out,), c/inputs (samples, T, n_in), and
c/{u,v,s}{l} (samples, T, n_out) of layer l; v is after the reset.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurochip.deploy.lava.plan import plan
from tests.deploy.lava.networks import GOLDEN, Case

FILE = Path(__file__).with_name("lava.npz")


def vectors_of(case: Case) -> dict[str, np.ndarray]:
    """What Lava makes of a case."""
    from neurochip.deploy.lava.drive import drive

    network, inputs = plan(case.chip()), case.samples()
    arrays: dict[str, np.ndarray] = {"inputs": inputs}
    for number, found in enumerate(drive(network, inputs).layers):
        layer = network.layers[number]
        arrays |= {f"weights{number}": layer.weights, f"bias{number}": layer.bias}
        arrays |= {f"{state}{number}": values for state, values in found.states.items()}
    return arrays


def main() -> None:
    """Write the file anew."""
    arrays = {
        f"{name}/{key}": array
        for name, case in GOLDEN.items()
        for key, array in vectors_of(case).items()
    }
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
