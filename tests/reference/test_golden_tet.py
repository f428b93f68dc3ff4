"""TET and SDT against reference vectors: every array of every file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.network import Parameters
from neurochip.reference import Trainer
from neurochip.reference.optimisers import Adam
from neurochip.rules import TET
from tests.reference.compare import check
from tests.reference.golden import FOLDER, TETVectors, files

FILES = files("tet")
# A gradient that is rounding noise has no direction, and Adam makes a whole step of it.
NOISE = 1e-12
ADAM_RATE = 1e-3


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def vectors(request: pytest.FixtureRequest) -> TETVectors:
    return TETVectors.load(request.param)


def trained(vectors: TETVectors, rule: TET) -> tuple[Trainer, float, Parameters]:
    """A trainer after the batch's gradient, its loss and its gradient."""
    trainer = Trainer(vectors.network, vectors.params, rule, 0.0)
    return trainer, *trainer.gradient(vectors.x, vectors.y)


def nodes_of(trainer: Trainer) -> list[Any]:
    assert trainer.passes is not None
    return [node for node in trainer.passes.chain.walk() if hasattr(node, "du")]


def as_published(array: Any) -> Any:
    """(T, B, ...) as (B, T, ...), channels before height and width."""
    array = np.moveaxis(array, 0, 1)
    return np.moveaxis(array, -1, 2) if array.ndim == 5 else array


def check_parameters(vectors: TETVectors, form: str, params: Parameters) -> None:
    norms = iter(params.norms)
    for i in vectors.numbers:
        check(vectors, form.format("W", i), params.weights[i - 1])
        check(vectors, form.format("b", i), params.biases[i - 1])
        if f"bng{i}" in vectors.arrays:
            norm = next(norms)
            check(vectors, form.format("bng", i), norm.weight)
            check(vectors, form.format("bnb", i), norm.bias)


def test_there_are_files_to_compare_with() -> None:
    assert FILES, f"no file tet_* in {FOLDER}"


def test_forward(vectors: TETVectors) -> None:
    trainer, _, _ = trained(vectors, vectors.rule())
    decay = vectors.config["decay"]
    for j, node in enumerate(nodes_of(trainer), start=1):
        u, s = as_published(node.u), as_published(node.s)
        check(vectors, f"u{j}", u, required=True)
        check(vectors, f"s{j}", s, required=True)
        kept = np.zeros_like(u)
        kept[:, 1:] = decay * ((1 - s) * u)[:, :-1]
        check(vectors, f"I{j}", u - kept)
    assert trainer.passes is not None
    check(vectors, "out", np.moveaxis(trainer.passes.out, 0, 1), required=True)
    if "firing_rate" in vectors.arrays:
        rates = [node.s.mean() for node in nodes_of(trainer)]
        check(vectors, "firing_rate", np.array(rates))


def test_running_statistics(vectors: TETVectors) -> None:
    trainer, _, _ = trained(vectors, vectors.rule())
    with_norm = [i for i in vectors.numbers if f"bng{i}" in vectors.arrays]
    for i, norm in zip(with_norm, trainer.params.norms, strict=True):
        check(vectors, f"bn_running_mean{i}", norm.mean)
        check(vectors, f"bn_running_var{i}", norm.var)


def test_loss_and_gradients(vectors: TETVectors) -> None:
    trainer, loss, gradient = trained(vectors, vectors.rule())
    check(vectors, "loss", loss, required=True)
    assert trainer.passes is not None
    check(vectors, "dout", np.moveaxis(trainer.passes.dout, 0, 1))
    for j, node in enumerate(nodes_of(trainer), start=1):
        check(vectors, f"du{j}", as_published(node.du))
    check_parameters(vectors, "g_{}{}", gradient)


def test_parts_of_the_loss(vectors: TETVectors) -> None:
    _, ce, gradient = trained(vectors, vectors.rule(loss_lambda=0.0))
    check(vectors, "loss_ce_mean", ce)
    check(vectors, "loss_lamb0", ce)
    check_parameters(vectors, "lamb0_g_{}{}", gradient)
    check(vectors, "loss_mse", trained(vectors, vectors.rule(loss_lambda=1.0))[1])


def test_standard_direct_training(vectors: TETVectors) -> None:
    trainer, loss, gradient = trained(vectors, vectors.rule("sdt"))
    check(vectors, "loss_sdt", loss)
    assert trainer.passes is not None
    check(vectors, "sdt_dout", np.moveaxis(trainer.passes.dout, 0, 1))
    for j, node in enumerate(nodes_of(trainer), start=1):
        check(vectors, f"sdt_du{j}", as_published(node.du))
    check_parameters(vectors, "sdt_g_{}{}", gradient)
    assert loss <= trained(vectors, vectors.rule(loss_lambda=0.0))[1]


def test_a_step_of_adam(vectors: TETVectors) -> None:
    if "A_W1" not in vectors.arrays:
        pytest.skip("the file has no updated parameters")
    network = vectors.network
    trainer = Trainer(network, vectors.params, vectors.rule(), ADAM_RATE, optimiser=Adam())
    trainer.learn_batch(vectors.x, vectors.y)
    after, published = trainer.params, vectors.parameters("A_{}{}")
    noise = vectors.parameters("g_{}{}")
    for found, wanted, gradient in zip(
        arrays_of(after), arrays_of(published), arrays_of(noise), strict=True
    ):
        if np.abs(gradient).max() > NOISE:
            assert np.abs(found - wanted).max() <= 1e-11


def arrays_of(params: Parameters) -> list[Any]:
    norms = [array for norm in params.norms for array in (norm.weight, norm.bias)]
    return [*params.weights, *params.biases, *norms]
