"""Reference vectors as the float engine's objects: a file's configuration, network and rule."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurochip.network import LIF, Dense, Layer, Network, Parameters
from neurochip.rules import OTTT, Surrogate

FOLDER = Path(os.environ.get("NEUROCHIP_GOLDEN") or Path(__file__).parents[1] / "vectors")
FILES = sorted(FOLDER.glob("ottt_*.npz"))
KNOWN_OPS = ("linear", "lif")


@dataclass(frozen=True)
class Vectors:
    """One file."""

    config: dict[str, Any]
    arrays: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> Vectors:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        return cls(json.loads(str(arrays.pop("config_json"))), arrays)

    @property
    def unknown_op(self) -> str | None:
        """What in the file the engine doesn't have; None if it has everything."""
        if "spec" not in self.config:
            return "a network without a spec"
        ops = [op["op"] for op in self.config["spec"]]
        return next((op for op in ops if op not in KNOWN_OPS), None)

    @property
    def network(self) -> Network:
        config = self.config
        lam = 1.0 - 1.0 / config["tau"]
        if config["v_reset"] is None:
            lif = LIF(lam, config["v_th"])
        else:
            lif = LIF(lam, config["v_th"], "hard", config["v_reset"])
        layers: list[Layer] = []
        number = 0
        for op in config["spec"]:
            if op["op"] == "lif":
                layers.append(lif)
            else:
                number += 1
                layers.append(Dense(op["n_in"], op["n_out"], bias=f"b{number}" in self.arrays))
        return Network(tuple(layers), config["T"])

    @property
    def numbers(self) -> range:
        """Numbers of the weight layers, from 1."""
        return range(1, len(self.network.dense) + 1)

    @property
    def params(self) -> Parameters:
        weights = tuple(self.arrays[f"W{i}"] for i in self.numbers)
        n_out = [layer.n_out for layer in self.network.dense]
        biases = tuple(self.arrays.get(f"b{i}", np.zeros(n_out[i - 1])) for i in self.numbers)
        return Parameters(weights, biases)

    @property
    def x(self) -> Any:
        """(T, B, n_in)."""
        x = self.arrays["x"]
        return x.reshape(*x.shape[:2], -1)

    @property
    def y(self) -> Any:
        return self.arrays["y"]

    def rule(self, update: Any = "online") -> OTTT:
        return OTTT(
            update=update,
            surrogate=Surrogate("sigmoid", alpha=self.config["alpha"]),
            loss_lambda=self.config["loss_lambda"],
            trace_input=bool(self.config.get("trace_input", False)),
        )
