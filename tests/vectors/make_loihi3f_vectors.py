"""Make loihi3f.npz: what Lava's stock learning synapses have learned. Needs Lava (Python 3.10).

python -m tests.vectors.make_loihi3f_vectors
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from neurochip.chip import Chip
from tests.deploy.lava.loihi3f_chips import CHIPS, T_EPOCHS, TRAIN, chip_of

FILE = Path(__file__).with_name("loihi3f.npz")


def vectors_of(chip: Chip, t_epoch: int) -> dict[str, np.ndarray]:
    """Weights (n_out, n_in) and traces of every layer, in Lava, after an epoch of 40 samples."""
    from neurochip.deploy.lava.learning.loihi3f.plan import Job
    from neurochip.deploy.lava.learning.loihi3f.run import through_models

    held: deque[Any] = deque(maxlen=len(chip.network.weight_layers))
    through_models(Job(chip, TRAIN, t_epoch), held.extend)
    learned = {}
    for number, layer in enumerate(held):
        traces = layer["x1"].astype(np.int16)
        learned[f"traces{number}"] = traces
        learned[f"weights{number}"] = layer["weights"].reshape(-1, traces.size).astype(np.int16)
    return learned


def main() -> None:
    """Write the file anew."""
    arrays = {
        f"{name}/{key}": array
        for name, options in CHIPS.items()
        for key, array in vectors_of(chip_of(**options), T_EPOCHS.get(name, 1)).items()
    }
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
