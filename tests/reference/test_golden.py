"""The float engine against reference vectors of OTTT: every array of every file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.reference import Recording, Trainer, record
from tests.naive import bptt
from tests.reference.compare import check
from tests.reference.golden import FOLDER, OTTTVectors, VGGFVectors, files

FILES = files("ottt")
KINDS = {"W": "weights", "b": "biases", "gain": "gains"}


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def vectors(request: pytest.FixtureRequest) -> OTTTVectors:
    return OTTTVectors.load(request.param)


@pytest.fixture
def recording(vectors: OTTTVectors) -> Recording:
    return record(vectors.network, vectors.params, vectors.x, vectors.y, vectors.rule())


def check_parameters(vectors: OTTTVectors, form: str, params: Any) -> None:
    """Weights, biases and gains against the arrays whose names `form` makes."""
    gains = iter(params.gains)
    for i in vectors.numbers:
        check(vectors, form.format("W", i), params.weights[i - 1])
        check(vectors, form.format("b", i), params.biases[i - 1])
        if f"gain{i}" in vectors.arrays:
            check(vectors, form.format("gain", i), next(gains))


def test_there_are_files_to_compare_with() -> None:
    assert FILES, f"no file of {FOLDER} can be compared"


def test_forward(vectors: OTTTVectors, recording: Recording) -> None:
    for j in range(1, len(recording.u) + 1):
        check(vectors, f"u{j}", recording.u[j - 1], required=True)
        check(vectors, f"s{j}", recording.s[j - 1], required=True)
        check(vectors, f"v{j}", recording.v[j - 1], required=True)
        check(vectors, f"tr{j}", recording.tr[j - 1])
    if recording.tr0 is not None:
        check(vectors, "tr0", recording.tr0)
    check(vectors, "out", recording.out, required=True)
    check(vectors, "pred_logits_sum", recording.out.sum(axis=0))
    if "firing_rate" in vectors.arrays:
        check(vectors, "firing_rate", np.array([s.mean() for s in recording.s]))
    ties = sum(int((u == vectors.config["v_th"]).sum()) for u in recording.u)
    check(vectors, "n_ties", ties)


def test_losses_and_errors(vectors: OTTTVectors, recording: Recording) -> None:
    check(vectors, "loss_t", recording.loss_t)
    check(vectors, "ce_t", recording.ce_t)
    check(vectors, "mse_t", recording.mse_t)
    check(vectors, "dout", recording.dout)
    for j, du in enumerate(recording.du, start=1):
        check(vectors, f"du{j}", du)


def test_gradients(vectors: OTTTVectors, recording: Recording) -> None:
    gains = iter(recording.g_gain)
    for i in vectors.numbers:
        check(vectors, f"g_W{i}", recording.g_W[i - 1])
        check(vectors, f"g_b{i}", recording.g_b[i - 1])
        if f"gain{i}" in vectors.arrays:
            check(vectors, f"g_gain{i}", next(gains))


def test_summed_gradients(vectors: OTTTVectors) -> None:
    trainer = Trainer(vectors.network, vectors.params, vectors.rule(), 0.0)
    _, gradient = trainer.gradient(vectors.x, vectors.y)
    check_parameters(vectors, "gacc_{}{}", gradient)


@pytest.mark.parametrize("prefix", ["sltt_gacc_", "bptt_g_", "bpttnd_g_", "sr_g_"])
def test_gradients_of_other_rules(vectors: OTTTVectors, prefix: str) -> None:
    if f"{prefix}W1" not in vectors.arrays:
        pytest.skip("the file has no gradients of this rule")
    trainer = Trainer(vectors.network, vectors.params, vectors.others[prefix], 0.0)
    _, gradient = trainer.gradient(vectors.x, vectors.y)
    check_parameters(vectors, prefix + "{}{}", gradient)


@pytest.mark.parametrize("prefix", ["bptt_", "bpttnd_"])
def test_errors_through_time(vectors: OTTTVectors, prefix: str) -> None:
    if f"{prefix}du1" not in vectors.arrays:
        pytest.skip("the file has no errors through time")
    trainer = Trainer(vectors.network, vectors.params, vectors.others[f"{prefix}g_"], 0.0)
    trainer.gradient(vectors.x, vectors.y)
    for j, du in enumerate(errors(trainer), start=1):
        check(vectors, f"{prefix}du{j}", du, required=True)


def errors(trainer: Trainer) -> list[Any]:
    """du of every spiking layer, channels first."""
    assert trainer.passes is not None
    nodes = [node for node in trainer.passes.chain.walk() if hasattr(node, "du")]
    return [np.moveaxis(node.du, -1, 2) if node.du.ndim == 5 else node.du for node in nodes]


def test_cosines(vectors: OTTTVectors) -> None:
    """Cosine similarities of the rules' gradients, a parameter at a time."""
    if "cos_names" not in vectors.arrays:
        pytest.skip("the file has no cosines")
    rules = {"ottt": vectors.rule(), **{k.split("_")[0]: r for k, r in vectors.others.items()}}
    found = {name.split("_")[1] for name in vectors.arrays if name.startswith("cos_")}
    found |= {
        name.split("_")[2]
        for name in vectors.arrays
        if name.startswith("cos_") and "_names" not in name
    }
    gradients = {}
    for name in found - {"names"}:
        trainer = Trainer(vectors.network, vectors.params, rules[name], 0.0)
        gradients[name] = trainer.gradient(vectors.x, vectors.y)[1]
    for name in vectors.arrays:
        if not name.startswith("cos_") or name == "cos_names":
            continue
        _, one, other = name.split("_")
        check(
            vectors,
            name,
            np.array(
                [
                    cosine(
                        array_of(vectors, gradients[one], p), array_of(vectors, gradients[other], p)
                    )
                    for p in vectors.arrays["cos_names"]
                ]
            ),
        )


def array_of(vectors: OTTTVectors, params: Any, name: str) -> Any:
    kind, number = name.rstrip("0123456789"), int(name[len(name.rstrip("0123456789")) :])
    if kind == "gain":
        with_gain = [i for i in vectors.numbers if f"gain{i}" in vectors.arrays]
        return params.gains[with_gain.index(number)]
    return getattr(params, KINDS[kind])[number - 1]


def cosine(a: Any, b: Any) -> float:
    return float(np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b)))


def test_accumulated_update(vectors: OTTTVectors) -> None:
    config = vectors.config
    trainer = Trainer(
        vectors.network,
        vectors.params,
        vectors.rule("accumulate"),
        config["lr"],
        config["momentum"],
    )
    loss = trainer.learn_batch(vectors.x, vectors.y)
    if "loss_t" in vectors.arrays:
        check(vectors, "loss_t", loss, of=np.sum)
    check_parameters(vectors, "A_{}{}", trainer.params)


@pytest.mark.parametrize("prefix", ["O_", "O_nomom_"])
def test_online_updates(vectors: OTTTVectors, prefix: str) -> None:
    momentum = vectors.config["momentum"] if prefix == "O_" else 0.0
    trainer = Trainer(
        vectors.network, vectors.params, vectors.rule("online"), vectors.config["lr"], momentum
    )
    met: dict[str, list[Any]] = {}

    def keep(name: str, value: Any) -> None:
        met.setdefault(prefix + name, []).append(np.copy(value))

    for loss in trainer.steps(vectors.x, vectors.y):
        assert trainer.engine is not None
        keep("loss_t", loss)
        keep("out", trainer.engine.o)
        for j, node in enumerate(trainer.engine.hidden, start=1):
            for name, state in (("u", node.u), ("s", node.s)):
                keep(f"{name}{j}", np.moveaxis(state, -1, 1) if state.ndim == 4 else state)
        params = trainer.params
        gains = iter(params.gains)
        for i in vectors.numbers:
            keep(f"W{i}", params.weights[i - 1])
            if f"b{i}" in vectors.arrays:
                keep(f"b{i}", params.biases[i - 1])
            if f"gain{i}" in vectors.arrays:
                keep(f"gain{i}", next(gains))
    for name, values in met.items():
        check(vectors, name, np.array(values))


@pytest.mark.parametrize(("prefix", "detached"), [("bptt_g_", True), ("bpttnd_g_", False)])
def test_the_naive_bptt(vectors: OTTTVectors, prefix: str, detached: bool) -> None:
    """The identities in test_identities rest on this twin, so it has to be right itself."""
    if f"{prefix}W1" not in vectors.arrays or not vectors.is_mlp:
        pytest.skip("the file has no gradients through time of an mlp")
    rule, config = vectors.rule(), vectors.config
    weights, biases = list(vectors.params.weights), list(vectors.params.biases)
    neuron = (1.0 - 1.0 / config["tau"], config["v_th"], config["v_reset"])
    total_w = [np.zeros_like(weight) for weight in weights]
    total_b = [np.zeros_like(bias) for bias in biases]
    for b in range(len(vectors.y)):
        way = bptt.forward(weights, biases, vectors.x[:, b], *neuron)
        dout = vectors.arrays["dout"][:, b]
        g_w, g_b = bptt.gradients(
            weights,
            way,
            dout,
            lambda u: np.asarray(rule.surrogate.derivative(u, config["v_th"])),
            *neuron,
            detach_reset=detached,
        )
        for i in range(len(weights)):
            total_w[i] += g_w[i]
            total_b[i] += g_b[i]
    for i in vectors.numbers:
        check(vectors, f"{prefix}W{i}", total_w[i - 1])
        check(vectors, f"{prefix}b{i}", total_b[i - 1])


@pytest.mark.parametrize("path", files("vggf"), ids=[path.stem for path in files("vggf")])
def test_feedback(path: Any) -> None:
    """VGG-F: features of the step before come back, with a trace of their own."""
    vectors = VGGFVectors.load(path)
    recording = record(vectors.network, vectors.params, vectors.x, vectors.y, vectors.rule())
    for name in ("out", "loss_t"):
        check(vectors, name, getattr(recording, name), required=True)
    for j in (1, 2):
        for name in ("u", "s", "tr", "du"):
            check(vectors, f"{name}{j}", getattr(recording, name)[j - 1], required=True)
    check(vectors, "firing_rate", np.array([s.mean() for s in recording.s]))
    for number, name in enumerate(vectors.NAMES):
        grown = {"W": recording.g_W[number], "b": recording.g_b[number]}
        if number < 2:
            grown["gain"] = recording.g_gain[number]
        for kind, array in grown.items():
            check(vectors, f"g_{name}{kind}", array, required=True)
            check(vectors, f"gacc_{name}{kind}", array.sum(axis=0), required=True)
