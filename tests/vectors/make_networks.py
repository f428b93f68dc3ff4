"""Small reference vectors of networks beyond the mlp, of TET and of TSSL-BP, from naive twins.

They come from tests/naive/float_network.py and tests/naive/float_tssl.py, which share nothing with
the float engine but the description of a network, and hold what the published code's files hold:

ottt_*: x (T, B, ...), W{i} b{i} gain{i}, u{j} s{j} tr{j} (T, B, ...), out, loss_t, gacc_*: the sum
of OTTT's gradients, A_* after one SGD step, sltt_gacc_*, bptt_g_* and bpttnd_g_*.
tet_*: x (B, T, ...), W{i} b{i} bng{i} bnb{i}, u{j} s{j} du{j} (B, T, ...), out, loss, g_*, loss_sdt
and sdt_g_*, loss_lamb0 and lamb0_g_*.
tssl_*: x (B, c, h, w), W{i}, delta_u{j} u{j} s{j} psc{j} g_I{j} (B, c, h, w, T), out_psc, dout,
loss, g_W{i}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from neurochip.network import Conv2d, Parameters
from tests.naive import float_network as naive
from tests.naive import float_tssl, tape
from tests.naive.tape import Var
from tests.reference.golden import OTTTVectors, TETVectors, TSSLVectors

CONV = {"op": "conv", "cin": 1, "cout": 3, "k": 3, "p": 1}
LIF = {"op": "lif"}
POOL = {"op": "avgpool", "k": 2}
FLATTEN = {"op": "flatten"}
LINEAR = {"op": "linear", "n_in": 12, "n_out": 4}

OTTT = {"tau": 2.0, "v_th": 1.0, "v_reset": None, "alpha": 4.0, "loss_lambda": 0.05, "lr": 0.1}
TET = {"decay": 0.5, "v_th": 1.0, "gama": 1.0, "means": 1.0, "lamb": 0.05}
COMMON: dict[str, Any] = {"n_cls": 4, "momentum": 0.9, "B": 3, "in_shape": [1, 4, 4]}
TSSL: dict[str, Any] = {"n_steps": 5, "tau_m": 5, "tau_s": 3, "desired_count": 4}
TSSL |= {"undesired_count": 1, "lr": 0.0005}
HIDDEN = {"type": "linear", "n_inputs": 16, "n_outputs": 9, "threshold": 1}
LAST = {"type": "linear", "n_inputs": 12, "n_outputs": 4, "threshold": 1}
VECTORS: dict[str, dict[str, Any]] = {
    "ottt_small_conv": {**OTTT, "seed": 11, "T": 4, "spec": [CONV, LIF, POOL, FLATTEN, LINEAR]},
    "ottt_small_sws": {
        **OTTT,
        "seed": 12,
        "T": 3,
        "spec": [
            *({**CONV, "op": "wsconv"}, LIF, {"op": "scale", "s": 2.74}, POOL, FLATTEN),
            *({**LINEAR, "op": "wslinear", "n_out": 8}, LIF, {**LINEAR, "n_in": 8}),
        ],
    },
    "tet_small_conv": {**TET, "seed": 13, "T": 4, "spec": [CONV, LIF, POOL, FLATTEN, LINEAR]},
    "tet_small_convbn": {
        **TET,
        "seed": 14,
        "T": 3,
        "lamb": 0.001,
        "spec": [{**CONV, "op": "convbn"}, POOL, FLATTEN, LINEAR],
    },
    "tssl_small_conv": {
        "seed": 15,
        "network": {**TSSL, "loss": "kernel"},
        "layers": {
            "l0": {
                "type": "conv",
                "in_channels": 1,
                "out_channels": 3,
                "kernel_size": 3,
                "padding": 1,
                "threshold": 1,
            },
            "l1": {"type": "pooling", "kernel_size": 2},
            "l2": LAST,
        },
    },
    "tssl_small_count": {
        "seed": 16,
        "network": {**TSSL, "loss": "count"},
        "layers": {"l0": HIDDEN, "l1": {**LAST, "n_inputs": 9}},
    },
    "tssl_small_softmax": {
        "seed": 17,
        "network": {**TSSL, "loss": "softmax", "tau_m": 4, "tau_s": 2},
        "layers": {"l0": HIDDEN, "l1": {**LAST, "n_inputs": 9}},
    },
}


def make(name: str) -> dict[str, Any]:
    """All arrays of one file."""
    config = {**COMMON, **VECTORS[name]}
    family = {"ottt": ottt, "tet": tet, "tssl": tssl}[name.split("_")[0]]
    return {**family(config), "config_json": np.array(json.dumps(config))}


def drawn(config: dict[str, Any]) -> tuple[np.random.Generator, dict[str, Any]]:
    """Parameters of a spec, and labels."""
    rng = np.random.default_rng(config["seed"])
    arrays: dict[str, Any] = {"y": rng.integers(0, config["n_cls"], config["B"])}
    ops = [op for op in config["spec"] if "cin" in op or "n_in" in op]
    for i, op in enumerate(ops, start=1):
        if "cin" in op:
            shape: tuple[int, ...] = (op["cout"], op["cin"], op["k"], op["k"])
        else:
            shape = (op["n_out"], op["n_in"])
        arrays[f"W{i}"] = rng.normal(0, 2 / np.sqrt(np.prod(shape[1:])), shape)
        arrays[f"b{i}"] = rng.uniform(0.1, 0.5, shape[0])
        if op["op"].startswith("ws"):
            arrays[f"gain{i}"] = rng.uniform(1, 2, (shape[0], *(1,) * (len(shape) - 1)))
        if op["op"] == "convbn":
            arrays[f"bng{i}"] = rng.uniform(0.8, 1.2, shape[0])
            arrays[f"bnb{i}"] = rng.uniform(0, 0.5, shape[0])
    return rng, arrays


def named(leaves: naive.Leaves, arrays: dict[str, Any], form: str, pick: Any) -> dict[str, Any]:
    """One array for each parameter; `form` makes its name of kind and number."""
    found = {}
    gains, norms = (
        iter(leaves.gains),
        iter(zip(leaves.norm_weights, leaves.norm_biases, strict=True)),
    )
    for i, (weight, bias) in enumerate(zip(leaves.weights, leaves.biases, strict=True), start=1):
        found[form.format("W", i)] = pick(weight)
        found[form.format("b", i)] = pick(bias)
        if f"gain{i}" in arrays:
            found[form.format("gain", i)] = pick(next(gains)).reshape(arrays[f"gain{i}"].shape)
        if f"bng{i}" in arrays:
            norm = next(norms)
            found[form.format("bng", i)], found[form.format("bnb", i)] = map(pick, norm)
    return found


def grad_of(var: Var) -> Any:
    return np.zeros_like(var.value) + var.grad


def through_time(
    network: Any, params: Parameters, x: Any, psi: Any, detach: bool, loss: Callable[[Any], Var]
) -> tuple[naive.Leaves, naive.Way, float]:
    leaves = naive.Leaves.of(params)
    way = naive.unrolled(network, leaves, x, psi, detach)
    total = loss(way.out)
    tape.backward(total)
    return leaves, way, float(total.value)


def ottt(config: dict[str, Any]) -> dict[str, Any]:
    rng, arrays = drawn(config)
    frame = rng.random((config["B"], *config["in_shape"]))
    arrays["x"] = np.broadcast_to(frame, (config["T"], *frame.shape)).copy()
    vectors = OTTTVectors(config, arrays)
    network, params, x, y = vectors.network, vectors.params, vectors.x, vectors.y
    share, steps = config["loss_lambda"], config["T"]

    def psi(u: Any, v_th: float) -> Any:
        sg = 1 / (1 + np.exp(-config["alpha"] * (u - v_th)))
        return config["alpha"] * sg * (1 - sg)

    def of_step(o: Var) -> Var:
        square = tape.mean_square(o, np.eye(config["n_cls"])[y])
        mixed = tape.cross_entropy(o, y).times(1 - share) + square.times(share)
        return mixed.times(1 / steps)

    way, gradients, losses = naive.online(network, params, x, psi, of_step)
    per_step = len(network.neurons)
    for j in range(per_step):
        for kind in ("u", "s"):
            nodes = getattr(way, kind)[j::per_step]
            arrays[f"{kind}{j + 1}"] = np.stack([node[0].value for node in nodes])
        u, s = arrays[f"u{j + 1}"], arrays[f"s{j + 1}"]
        arrays[f"v{j + 1}"] = u - config["v_th"] * s
        trace = np.zeros_like(s)
        for t in range(steps):
            trace[t] = s[t] + (network.neurons[j].lam * trace[t - 1] if t else 0.0)
        arrays[f"tr{j + 1}"] = trace
    arrays["out"] = np.stack([o.value for o in way.out])
    arrays["loss_t"] = np.array(losses)
    steps_of = [np.stack([g[k] for g in gradients]) for k in range(len(gradients[0]))]
    _, without, _ = naive.online(network, params, x, psi, of_step, traces=False)
    summed = [sum(g[k] for g in without) for k in range(len(without[0]))]
    leaves = naive.Leaves.of(params)
    at = {id(var): k for k, var in enumerate(leaves.all)}
    base = dict(arrays)

    def add(form: str, pick: Callable[[int], Any]) -> None:
        arrays.update(named(leaves, base, form, lambda var: pick(at[id(var)])))

    add("gacc_{}{}", lambda k: steps_of[k].sum(axis=0))
    add("sltt_gacc_{}{}", lambda k: summed[k])
    add("A_{}{}", lambda k: leaves.all[k].value - config["lr"] * steps_of[k].sum(axis=0))
    for form, detach in (("bptt_g_{}{}", True), ("bpttnd_g_{}{}", False)):
        grown, _, _ = through_time(network, params, x, psi, detach, lambda out: total(of_step, out))
        arrays.update(named(grown, base, form, grad_of))
    return arrays


def total(of_step: Callable[[Var], Var], out: list[Var]) -> Var:
    sum_ = of_step(out[0])
    for o in out[1:]:
        sum_ = sum_ + of_step(o)
    return sum_


def tet(config: dict[str, Any]) -> dict[str, Any]:
    rng, arrays = drawn(config)
    frame = rng.random((config["B"], *config["in_shape"]))
    arrays["x"] = np.stack([frame] * config["T"], axis=1)
    vectors = TETVectors(config, arrays)
    network, params, x, y = vectors.network, vectors.params, vectors.x, vectors.y
    gama, means = config["gama"], config["means"]

    def psi(u: Any, v_th: float) -> Any:
        return np.maximum(gama - abs(u - v_th), 0) / gama**2

    def mixed(share: float) -> Callable[[list[Var]], Var]:
        def of_step(o: Var) -> Var:
            square = tape.mean_square(o, means).times(share)
            return (tape.cross_entropy(o, y).times(1 - share) + square).times(1 / config["T"])

        return lambda out: total(of_step, out)

    def of_mean(out: list[Var]) -> Var:
        return tape.cross_entropy(total(lambda o: o, out).times(1 / config["T"]), y)

    base = dict(arrays)
    for name, form, loss in (
        ("loss", "g_{}{}", mixed(config["lamb"])),
        ("loss_lamb0", "lamb0_g_{}{}", mixed(0.0)),
        ("loss_sdt", "sdt_g_{}{}", of_mean),
    ):
        leaves, way, value = through_time(network, params, x, psi, False, loss)
        arrays[name] = np.array(value)
        arrays.update(named(leaves, base, form, grad_of))
        if name == "loss":
            arrays["out"] = np.stack([o.value for o in way.out], axis=1)
            for j, (us, ss) in enumerate(zip(way.u, way.s, strict=True), start=1):
                arrays[f"u{j}"] = np.stack([u.value for u in us], axis=1)
                arrays[f"s{j}"] = np.stack([s.value for s in ss], axis=1)
                arrays[f"du{j}"] = np.stack([u.grad for u in us], axis=1)
    return arrays


def tssl(config: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(config["seed"])
    x = rng.random((config["B"], *config["in_shape"]))
    arrays: dict[str, Any] = {"x": x, "y": rng.integers(0, config["n_cls"], config["B"])}
    options = config["network"]
    for i, layer in enumerate(
        (entry for entry in config["layers"].values() if entry["type"] != "pooling"), start=1
    ):
        if layer["type"] == "conv":
            k = layer["kernel_size"]
            shape: tuple[int, ...] = (layer["out_channels"], layer["in_channels"], k, k)
        else:
            shape = (layer["n_outputs"], layer["n_inputs"])
        arrays[f"W{i}"] = rng.normal(0, 3 / np.sqrt(np.prod(shape[1:])), shape)
    vectors = TSSLVectors(config, arrays)
    psc = low_pass(np.stack([x] * options["n_steps"]), options["tau_s"])
    stages: list[Any] = []
    below = psc
    leaves = naive.Leaves.of(vectors.params)
    for layer in vectors.network.layers[1:]:
        if layer.kind in ("lif", "low_pass"):
            continue
        if hasattr(layer, "weight_shape"):
            weight = leaves.next("weights")
            padding = layer.padding if isinstance(layer, Conv2d) else 0
            inputs = [Var(frame) for frame in below]
            currents = [tape.weigh(weight, frame, None, 1, padding) for frame in inputs]
            current = np.stack([now.value for now in currents])
            neurons, below = at_once(current, options)
            stages.append((inputs, currents, neurons, below.shape))
        else:
            inputs = [Var(frame) for frame in below]
            currents = [naive.stateless(layer, frame) for frame in inputs]
            below = np.stack([now.value for now in currents])
            stages.append((inputs, currents, None, below.shape))
    arrays["out_psc"] = published(below)
    arrays["loss"], g = loss_of(below, arrays["y"], options)
    arrays["dout"] = published(g)
    backward(arrays, stages, g, options)
    for i, weight in enumerate(leaves.weights, start=1):
        arrays[f"g_W{i}"] = weight.grad
    return arrays


def backward(arrays: dict[str, Any], stages: list[Any], g: Any, options: dict[str, Any]) -> None:
    j = sum(neurons is not None for _, _, neurons, _ in stages)
    for inputs, currents, neurons, shape in reversed(stages):
        if neurons is not None:
            columns = g.reshape(len(g), -1)
            g = np.stack(
                [
                    float_tssl.backward(
                        neuron,
                        columns[:, n].tolist(),
                        options["tau_m"],
                        options["tau_s"],
                        1.0,
                        True,
                    )
                    for n, neuron in enumerate(neurons)
                ],
                axis=1,
            ).reshape(shape)
            arrays[f"g_I{j}"] = published(g)
            for name in ("delta_u", "u", "s", "psc"):
                course = np.array([getattr(neuron, name) for neuron in neurons]).T
                arrays[f"{name}{j}"] = published(course.reshape(shape))
            j -= 1
        for current, weight in zip(currents, g, strict=True):
            tape.backward(current, weight)
        g = np.stack([frame.grad for frame in inputs])


def at_once(current: Any, options: dict[str, Any]) -> tuple[list[float_tssl.Neuron], Any]:
    columns = current.reshape(len(current), -1)
    neurons = [
        float_tssl.forward(columns[:, n].tolist(), options["tau_m"], options["tau_s"], 1.0)
        for n in range(columns.shape[1])
    ]
    return neurons, np.array([neuron.psc for neuron in neurons]).T.reshape(current.shape)


def low_pass(signal: Any, tau: float) -> Any:
    a, seen = np.zeros_like(signal[0]), []
    for now in signal:
        a = a + (now - a) / tau
        seen.append(a)
    return np.stack(seen)


def loss_of(out: Any, y: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    steps, batch, classes = out.shape
    if options["loss"] == "kernel":
        wanted = np.zeros_like(out)
        for b in range(batch):
            wanted[:, b, y[b]] = [0, 1, 1, 1, 1]
        d = out - low_pass(low_pass(wanted, options["tau_s"]), options["tau_s"])
        return (d * d).sum() / 2, d
    if options["loss"] == "count":
        d = np.zeros((batch, classes))
        for b in range(batch):
            for c in range(classes):
                is_label = c == y[b]
                target = options["desired_count" if is_label else "undesired_count"]
                miss = (out[:, b, c].sum() - target) / steps
                d[b, c] = min(miss, 0.0) if is_label else max(miss, 0.0)
        return steps * (d * d).sum() / 2, np.stack([d] * steps)
    sums = Var(out.sum(axis=0))
    loss = tape.cross_entropy(sums, y)
    tape.backward(loss)
    return loss.value, np.stack([sums.grad] * steps)


def published(array: Any) -> Any:
    """(T, B, ...) as (B, c, h, w, T)."""
    array = np.moveaxis(array, 0, -1)
    return array if array.ndim == 5 else array.reshape(*array.shape[:2], 1, 1, array.shape[-1])
