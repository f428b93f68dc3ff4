"""Chips that learn by the profile `loihi3f`, and what they learn."""

from __future__ import annotations

import math
from typing import Any

from neurochip import data
from neurochip.chip import Chip
from neurochip.chip.loihi_learner import loihi3f
from neurochip.network import Network
from neurochip.rules import OTTT
from neurochip.rules.surrogates import Surrogate

TRAIN = data.load("digits").train.take(40)


def chip_of(
    sizes: tuple[int, ...] = (64, 20, 10),
    tau: int = 2,
    shifts: tuple[int, ...] | None = (1, 1),
    seed: int = 0,
    timesteps: int = 8,
    encoding: Any = "bernoulli",
    surrogate: Any = "boxcar",
    loss: Any = "ce",
) -> Chip:
    lam = math.exp(-1 / tau)
    network = Network.mlp(sizes, timesteps=timesteps, lam=lam, reset="hard", fires=">")
    rule = OTTT(
        feedback="direct",
        surrogate=Surrogate(surrogate),
        input_lam=lam,
        rate_shifts=shifts,
        loss=loss,
    )
    return Chip(network, loihi3f(), rule, seed, encoding=encoding)


CHIPS: dict[str, dict[str, Any]] = {
    "fastest, seed 0": {},
    "fastest, seed 2": {"seed": 2},
    "rate": {"encoding": "rate", "shifts": (5, 5)},
    "short memory": {"tau": 1, "seed": 4},
    "long memory": {"tau": 16, "shifts": (5, 5)},
    "two hidden layers, table": {
        "sizes": (64, 20, 14, 10),
        "shifts": (1, 2, 3),
        "surrogate": "table",
    },
    "no hidden layer": {"sizes": (64, 10), "shifts": (2,)},
    "epochs of 4": {},
    "epochs of 7, two hidden layers": {
        "sizes": (64, 20, 14, 10),
        "shifts": (1, 2, 3),
        "encoding": "rate",
    },
    "epochs of a sample": {"shifts": (3, 3)},
}
#: Steps of the engine's epochs, where they have more than one.
T_EPOCHS = {"epochs of 4": 4, "epochs of 7, two hidden layers": 7, "epochs of a sample": 10}
