"""Make the small reference vectors of this folder: python -m tests.vectors.make_vectors

Each holds config_json and one array for each quantity, and comes from tests/naive/float_ottt.py,
which shares nothing with the float engine; those of other networks and rules come from
make_networks.py.

x (T, B, n), y (B,); W{i} b{i}: parameters of weight layer i = 1..
u{j} s{j} v{j} tr{j} du{j} of hidden layer j = 1.., tr0 of a traced input: (T, B, n)
out dout (T, B, C); loss_t ce_t mse_t (T,)
g_W{i} g_b{i}: gradient of each step; gacc_*: its sum
A_*: parameters after one SGD step with the sum
O_* and O_nomom_*: parameters after each step of OTTT-O with and without momentum, and the logits,
losses, spikes and membranes met on the way
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.naive import float_ottt as naive
from tests.vectors import make_networks

FOLDER = Path(__file__).resolve().parent
# Below this distance of a membrane from the threshold, rounding could flip a spike in float32.
MIN_MARGIN = 2e-5

COMMON: dict[str, Any] = {
    "tau": 2.0,
    "v_th": 1.0,
    "v_reset": None,
    "alpha": 4.0,
    "loss_lambda": 0.05,
    "input": "static",
    "lr": 0.1,
    "momentum": 0.9,
    "T": 4,
    "B": 3,
}
VECTORS: dict[str, dict[str, Any]] = {
    "ottt_small_mlp2": {"seed": 1, "sizes": [12, 10, 4]},
    "ottt_small_mlp3": {"seed": 2, "sizes": [12, 10, 8, 4], "T": 5},
    "ottt_small_hard": {"seed": 3, "sizes": [12, 10, 4], "v_reset": 0.0},
    "ottt_small_odd": {
        "seed": 4,
        "sizes": [9, 7, 5, 3],
        "tau": 4.0,
        "v_th": 0.75,
        "v_reset": -0.25,
        "alpha": 2.5,
        "loss_lambda": 0.0,
        "lr": 0.3,
        "momentum": 0.5,
        "T": 7,
        "B": 2,
    },
    "ottt_small_inputtrace": {
        "seed": 5,
        "sizes": [12, 10, 8, 4],
        "input": "spikes",
        "p_in": 0.4,
        "trace_input": True,
    },
    "ottt_dyadic_small_mlp3": {
        "seed": 6,
        "sizes": [12, 10, 8, 4],
        "input": "spikes",
        "p_in": 0.4,
        "dyadic": 4,
    },
}


def config_of(name: str) -> dict[str, Any]:
    """The configuration that a file carries."""
    config = {**COMMON, **VECTORS[name]}
    sizes = config.pop("sizes")
    spec: list[dict[str, Any]] = []
    for n_in, n_out in pairwise(sizes):
        spec += [{"op": "linear", "n_in": n_in, "n_out": n_out}, {"op": "lif"}]
    return {**config, "n_cls": sizes[-1], "in_shape": [sizes[0]], "spec": spec[:-1]}


def make(name: str) -> dict[str, Any]:
    """All arrays of one file."""
    config = config_of(name)
    sizes = [*config["in_shape"], *(op["n_out"] for op in config["spec"] if op["op"] == "linear")]
    arrays = draw(config, sizes)
    arrays |= accumulated(config, sizes, arrays)
    arrays |= online(config, sizes, arrays, "O_", config["momentum"])
    arrays |= online(config, sizes, arrays, "O_nomom_", 0.0)
    arrays |= distances(config, sizes, arrays)
    if "dyadic" not in config and arrays["min_threshold_margin"] < MIN_MARGIN:
        raise SystemExit(f"{name}: a membrane is too near the threshold; choose another seed")
    return {**arrays, "config_json": np.array(json.dumps(config))}


def draw(config: dict[str, Any], sizes: list[int]) -> dict[str, Any]:
    rng = np.random.default_rng(config["seed"])
    shape = (config["T"], config["B"], sizes[0])
    if config["input"] == "spikes":
        x = (rng.random(shape) < config["p_in"]).astype(np.float64)
    else:
        x = np.broadcast_to(rng.random(shape[1:]), shape).copy()
    arrays: dict[str, Any] = {"x": x, "y": rng.integers(0, sizes[-1], config["B"])}
    for i, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        weight = rng.normal(0.0, 2.0 / np.sqrt(n_in), (n_out, n_in))
        bias = rng.uniform(-0.1, 0.3, n_out)
        if "dyadic" in config:
            one = 2.0 ** config["dyadic"]
            weight, bias = np.round(weight * one) / one, np.round(bias * one) / one
        arrays |= {f"W{i}": weight, f"b{i}": bias}
    return arrays


def start(
    config: dict[str, Any], sizes: list[int], arrays: dict[str, Any]
) -> tuple[list[naive.Sample], list[naive.Matrix], list[naive.Vector]]:
    model = naive.Model(
        lam=1.0 - 1.0 / config["tau"],
        v_th=config["v_th"],
        v_reset=config["v_reset"],
        alpha=config["alpha"],
        loss_lambda=config["loss_lambda"],
        trace_input=config.get("trace_input", False),
        timesteps=config["T"],
        batch=config["B"],
    )
    numbers = range(1, len(sizes))
    weights = [arrays[f"W{i}"].tolist() for i in numbers]
    biases = [arrays[f"b{i}"].tolist() for i in numbers]
    return [naive.Sample(model, sizes) for _ in range(config["B"])], weights, biases


def steps(
    arrays: dict[str, Any],
    samples: list[naive.Sample],
    weights: list[naive.Matrix],
    biases: list[naive.Vector],
) -> Iterator[naive.Step]:
    for x in arrays["x"]:
        moment = naive.step(samples, weights, biases, x.tolist(), arrays["y"].tolist())
        yield copy.deepcopy(moment)


def accumulated(config: dict[str, Any], sizes: list[int], arrays: dict[str, Any]) -> dict[str, Any]:
    samples, weights, biases = start(config, sizes, arrays)
    moments = list(steps(arrays, samples, weights, biases))
    result: dict[str, Any] = {
        "loss_t": np.array([moment.loss for moment in moments]),
        "ce_t": np.array([moment.ce for moment in moments]),
        "mse_t": np.array([moment.mse for moment in moments]),
        "out": stacked(moments, lambda sample: sample.out),
        "dout": stacked(moments, lambda sample: sample.dout),
    }
    if config.get("trace_input", False):
        result["tr0"] = stacked(moments, lambda sample: sample.trace[0])
    for j in range(1, len(sizes) - 1):
        result[f"u{j}"] = stacked(moments, lambda sample, j=j: sample.u[j - 1])
        result[f"s{j}"] = stacked(moments, lambda sample, j=j: sample.s[j - 1])
        result[f"v{j}"] = stacked(moments, lambda sample, j=j: sample.v[j - 1])
        result[f"tr{j}"] = stacked(moments, lambda sample, j=j: sample.trace[j])
        result[f"du{j}"] = stacked(moments, lambda sample, j=j: sample.du[j - 1])
    for i in range(1, len(sizes)):
        result[f"g_W{i}"] = np.array([moment.g_weights[i - 1] for moment in moments])
        result[f"g_b{i}"] = np.array([moment.g_biases[i - 1] for moment in moments])
        for name in (f"W{i}", f"b{i}"):
            result[f"gacc_{name}"] = result[f"g_{name}"].sum(axis=0)
            result[f"A_{name}"] = arrays[name] - config["lr"] * result[f"gacc_{name}"]
    return result


def online(
    config: dict[str, Any], sizes: list[int], arrays: dict[str, Any], prefix: str, momentum: float
) -> dict[str, Any]:
    samples, weights, biases = start(config, sizes, arrays)
    rows = [[bias] for bias in biases]
    values = [*weights, *rows]
    buffers = [[[0.0] * len(row) for row in matrix] for matrix in values]
    moments, after = [], []
    for moment in steps(arrays, samples, weights, biases):
        gradients = [*moment.g_weights, *([g] for g in moment.g_biases)]
        naive.descend(values, buffers, gradients, config["lr"], momentum)
        moments.append(moment)
        after.append(copy.deepcopy((weights, biases)))
    result: dict[str, Any] = {
        f"{prefix}out": stacked(moments, lambda sample: sample.out),
        f"{prefix}loss_t": np.array([moment.loss for moment in moments]),
    }
    for j in range(1, len(sizes) - 1):
        result[f"{prefix}s{j}"] = stacked(moments, lambda sample, j=j: sample.s[j - 1])
        result[f"{prefix}u{j}"] = stacked(moments, lambda sample, j=j: sample.u[j - 1])
    for i in range(1, len(sizes)):
        result[f"{prefix}W{i}"] = np.array([then[0][i - 1] for then in after])
        result[f"{prefix}b{i}"] = np.array([then[1][i - 1] for then in after])
    return result


def stacked(moments: list[naive.Step], pick: Any) -> Any:
    return np.array([[pick(sample) for sample in moment.samples] for moment in moments])


def distances(config: dict[str, Any], sizes: list[int], arrays: dict[str, Any]) -> dict[str, Any]:
    prefixes = ("", "O_", "O_nomom_")
    names = [f"{prefix}u{j}" for prefix in prefixes for j in range(1, len(sizes) - 1)]
    margins = np.concatenate([abs(arrays[name] - config["v_th"]).ravel() for name in names])
    ties = [arrays[f"u{j}"] == config["v_th"] for j in range(1, len(sizes) - 1)]
    return {
        "min_threshold_margin": margins.min(),
        "n_ties": np.array(sum(int(tie.sum()) for tie in ties)),
    }


def main() -> None:
    for name in VECTORS:
        np.savez_compressed(FOLDER / f"{name}.npz", **make(name))
    for name in make_networks.VECTORS:
        np.savez_compressed(FOLDER / f"{name}.npz", **make_networks.make(name))


if __name__ == "__main__":
    main()
