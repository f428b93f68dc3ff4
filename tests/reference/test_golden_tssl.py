"""TSSL-BP against reference vectors: every array of every file."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from neurochip.reference import Trainer
from neurochip.reference.optimisers import CLIP_EPS, AdamW
from neurochip.reference.tssl import TSSLNode
from neurochip.rules import sequences
from tests.reference.compare import check
from tests.reference.golden import FOLDER, TSSLVectors, files

FILES = files("tssl")
LARGEST_NORM, LARGEST_WEIGHT = 1.0, 4.0


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def vectors(request: pytest.FixtureRequest) -> TSSLVectors:
    return TSSLVectors.load(request.param)


@pytest.fixture
def trainer(vectors: TSSLVectors) -> Trainer:
    """A trainer after the batch's gradient."""
    trainer = Trainer(vectors.network, vectors.params, vectors.rule, 0.0)
    trainer.gradient(vectors.x, vectors.y)
    return trainer


def nodes_of(trainer: Trainer) -> list[TSSLNode]:
    assert trainer.passes is not None
    return [node for node in trainer.passes.chain.walk() if isinstance(node, TSSLNode)]


def as_published(array: Any) -> Any:
    """(T, B, ...) as (B, c, h, w, T)."""
    array = np.moveaxis(array, 0, -1)
    if array.ndim == 5:
        return np.moveaxis(array, -2, 1)
    return array.reshape(*array.shape[:2], 1, 1, array.shape[-1])


def test_there_are_files_to_compare_with() -> None:
    assert FILES, f"no file tssl_* in {FOLDER}"


def test_forward(vectors: TSSLVectors, trainer: Trainer) -> None:
    assert trainer.passes is not None
    network = vectors.config["network"]
    x = vectors.x
    if x.ndim == 1 + len(vectors.in_shape):
        x = np.broadcast_to(x, (network["n_steps"], *x.shape))
    check(vectors, "in_psc", np.moveaxis(sequences.filtered(x, network["tau_s"]), 0, -1))
    for j, node in enumerate(nodes_of(trainer), start=1):
        for name in ("delta_u", "u", "s", "psc"):
            check(vectors, f"{name}{j}", as_published(getattr(node, name)), required=True)
        before = node.u - node.delta_u
        check(vectors, f"I{j}", as_published(node.delta_u + before / network["tau_m"]))
    check(vectors, "out_psc", as_published(trainer.passes.out), required=True)
    check(vectors, "pred", trainer.passes.out.sum(axis=0).argmax(axis=1))


def test_fractions(vectors: TSSLVectors, trainer: Trainer) -> None:
    silent = 1.0 / (4.0 * vectors.config["network"]["tau_s"])
    nodes = nodes_of(trainer)
    check(vectors, "firing_rate", np.array([node.s.mean() for node in nodes]))
    check(vectors, "warm_fraction", np.array([(node.psc < silent).mean() for node in nodes]))


def test_loss_and_errors(vectors: TSSLVectors, trainer: Trainer) -> None:
    assert trainer.passes is not None
    loss, _ = trainer.gradient(vectors.x, vectors.y)
    check(vectors, "loss", loss, required=True)
    check(vectors, "dout", as_published(trainer.passes.dout), required=True)
    for j, node in enumerate(nodes_of(trainer), start=1):
        check(vectors, f"g_psc{j}", as_published(node.g_psc))
        check(vectors, f"g_I{j}", as_published(node.g_current), required=True)


def test_targets(vectors: TSSLVectors, trainer: Trainer) -> None:
    network = vectors.config["network"]
    if network["loss"] == "softmax":
        pytest.skip("the loss has no target")
    assert trainer.passes is not None
    if network["loss"] == "count":
        is_label = vectors.y[:, None] == np.arange(trainer.passes.out.shape[2])
        counts = np.where(is_label, vectors.rule.desired, vectors.rule.undesired)
        check(vectors, "target", counts[:, :, None, None])
        return
    tau = network["tau_s"]
    trains = sequences.target_trains(trainer.passes.out, vectors.y)
    twice = sequences.filtered(sequences.filtered(trains, tau), tau)
    check(vectors, "target", as_published(twice))


def test_gradients(vectors: TSSLVectors, trainer: Trainer) -> None:
    weights = trainer.gradients.weights
    norm = np.sqrt(sum((weight * weight).sum() for weight in weights))
    check(vectors, "grad_total_norm", norm)
    clipped = min(1.0, LARGEST_NORM / (norm + CLIP_EPS))
    for i in vectors.numbers:
        check(vectors, f"g_W{i}", weights[i - 1], required=True)
        check(vectors, f"gclip_W{i}", weights[i - 1] * clipped)


def test_a_published_update(vectors: TSSLVectors) -> None:
    trainer = Trainer(
        vectors.network,
        vectors.params,
        vectors.rule,
        vectors.config["network"]["lr"],
        optimiser=AdamW(),
        clip_norm=LARGEST_NORM,
        clamp=LARGEST_WEIGHT,
    )
    trainer.learn_batch(vectors.x, vectors.y)
    assert trainer.norm is not None
    check(vectors, "grad_total_norm", trainer.norm)
    for i in vectors.numbers:
        check(vectors, f"A_W{i}", trainer.params.weights[i - 1])


def test_trains_are_targets_too(vectors: TSSLVectors, trainer: Trainer) -> None:
    """Asking for the label's pattern by hand is asking for the label."""
    if vectors.config["network"]["loss"] != "kernel":
        pytest.skip("the loss has no target trains")
    assert trainer.passes is not None
    loss, gradient = trainer.gradient(vectors.x, vectors.y)
    trains = sequences.target_trains(trainer.passes.out, vectors.y)
    by_hand = copy.copy(trainer).gradient(vectors.x, trains)
    assert by_hand[0] == loss
    for one, other in zip(by_hand[1].weights, gradient.weights, strict=True):
        assert np.array_equal(one, other)
