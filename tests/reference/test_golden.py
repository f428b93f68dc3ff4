"""The float engine against reference vectors: every array of every file that it can compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip.reference import Recording, Trainer, record
from tests.naive import bptt
from tests.reference.golden import FILES, FOLDER, Vectors

TOLERANCE = 1e-12


def load(path: Path) -> Vectors:
    vectors = Vectors.load(path)
    if vectors.unknown_op is not None:
        pytest.skip(f"{path.stem} has {vectors.unknown_op}, which the float engine lacks")
    return vectors


def check(vectors: Vectors, name: str, value: Any, required: bool = False) -> None:
    """Compare with the file's array of that name, where it has one."""
    if name not in vectors.arrays:
        assert not required, f"the file has no {name}"
        return
    wanted = vectors.arrays[name]
    assert np.shape(value) == wanted.shape, name
    error = np.abs(np.asarray(value) - wanted).max()
    assert error <= TOLERANCE, f"{name} differs by {error}"


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def vectors(request: pytest.FixtureRequest) -> Vectors:
    return load(request.param)


@pytest.fixture
def recording(vectors: Vectors) -> Recording:
    return record(vectors.network, vectors.params, vectors.x, vectors.y, vectors.rule())


def test_there_are_files_to_compare_with() -> None:
    comparable = [path for path in FILES if Vectors.load(path).unknown_op is None]
    assert comparable, f"no file of {FOLDER} can be compared"


def test_forward(vectors: Vectors, recording: Recording) -> None:
    for j in range(1, len(recording.u) + 1):
        check(vectors, f"u{j}", recording.u[j - 1], required=True)
        check(vectors, f"s{j}", recording.s[j - 1], required=True)
        check(vectors, f"v{j}", recording.v[j - 1], required=True)
        check(vectors, f"tr{j}", recording.tr[j - 1])
    if recording.tr0 is not None:
        check(vectors, "tr0", recording.tr0.reshape(vectors.arrays["x"].shape))
    check(vectors, "out", recording.out, required=True)
    check(vectors, "pred_logits_sum", recording.out.sum(axis=0))


def test_losses_and_errors(vectors: Vectors, recording: Recording) -> None:
    check(vectors, "loss_t", recording.loss_t)
    check(vectors, "ce_t", recording.ce_t)
    check(vectors, "mse_t", recording.mse_t)
    check(vectors, "dout", recording.dout)
    for j, du in enumerate(recording.du, start=1):
        check(vectors, f"du{j}", du)


def test_gradients(vectors: Vectors, recording: Recording) -> None:
    for i in vectors.numbers:
        check(vectors, f"g_W{i}", recording.g_W[i - 1])
        check(vectors, f"g_b{i}", recording.g_b[i - 1])
        check(vectors, f"gacc_W{i}", recording.g_W[i - 1].sum(axis=0))
        check(vectors, f"gacc_b{i}", recording.g_b[i - 1].sum(axis=0))


def test_gradients_without_traces(vectors: Vectors, recording: Recording) -> None:
    signals = [vectors.x, *recording.s]
    for i, delta in enumerate([*recording.du, recording.dout], start=1):
        check(vectors, f"sltt_gacc_W{i}", np.einsum("tbo,tbi->oi", delta, signals[i - 1]))
        check(vectors, f"sltt_gacc_b{i}", delta.sum(axis=(0, 1)))


def test_accumulated_update(vectors: Vectors) -> None:
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
        assert loss == pytest.approx(vectors.arrays["loss_t"].sum(), abs=TOLERANCE)
    for i in vectors.numbers:
        check(vectors, f"A_W{i}", trainer.params.weights[i - 1])
        check(vectors, f"A_b{i}", trainer.params.biases[i - 1])


@pytest.mark.parametrize("prefix", ["O_", "O_nomom_"])
def test_online_updates(vectors: Vectors, prefix: str) -> None:
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
        for j, layer in enumerate(trainer.engine.hidden, start=1):
            keep(f"u{j}", layer.u)
            keep(f"s{j}", layer.s)
        for i in vectors.numbers:
            keep(f"W{i}", trainer.params.weights[i - 1])
            if vectors.network.dense[i - 1].bias:
                keep(f"b{i}", trainer.params.biases[i - 1])
    for name, values in met.items():
        check(vectors, name, np.array(values))


@pytest.mark.parametrize(("prefix", "detached"), [("bptt_g_", True), ("bpttnd_g_", False)])
def test_the_naive_bptt(vectors: Vectors, prefix: str, detached: bool) -> None:
    """The identities below rest on this twin, so it has to be right itself."""
    if not any(name.startswith(prefix) for name in vectors.arrays):
        pytest.skip("the file has no gradients through time")
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
