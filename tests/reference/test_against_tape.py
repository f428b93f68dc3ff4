"""Networks of every layer against automatic differentiation in its plainest form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.network import (
    LI,
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    LowPass,
    Network,
    Parameters,
    Residual,
    Scale,
    SumPool,
    Upsample,
    initialise,
    presets,
)
from neurochip.reference import Trainer, record
from neurochip.rules import BPTT, OTTT, SLTT, Surrogate
from tests.naive import float_network as naive
from tests.naive import tape

TOLERANCE = 1e-12
SIGMOID = Surrogate("sigmoid")
HARD = LIF(0.75, 0.8, "hard", -0.25, ">")

BOTH: dict[str, Network] = {
    "strides": Network(
        (
            *(Conv2d(2, 3, 3, stride=2, padding=1), LIF(), Conv2d(3, 4, 2), HARD),
            *(Flatten(), Dense(36, 3)),
        ),
        4,
        (2, 7, 8),
    ),
    "pools": Network(
        (
            *(Conv2d(1, 3, 3, padding=1), LIF(0.25), AvgPool(2)),
            *(Conv2d(3, 4, 3, bias=False), LIF(), SumPool(2, 1.1)),
            *(Upsample(3), AdaptiveAvgPool(2), Flatten(), Dense(16, 3), LI(0.25)),
        ),
        3,
        (1, 13, 11),
    ),
    "current_pool": Network(
        (Conv2d(1, 2, 3), AvgPool(2), LIF(), Flatten(), Dense(18, 3)), 3, (1, 8, 8)
    ),
    "sws": presets.vgg_sws(3, (2, 6, 6), 4, plan=(3, 0, 4)),
    "sws_dense": Network(
        (Dense(9, 8, sws=True), LIF(), Scale(2.74), Dense(8, 3, sws=True), LIF()), 5
    ),
    "residual": Network(
        (
            *(Conv2d(1, 3, 3, padding=1), LIF()),
            *(Residual((Conv2d(3, 3, 3, padding=1), HARD, Conv2d(3, 3, 3, padding=1))), LIF()),
            Residual((Conv2d(3, 4, 3, 2, 1), LIF(), Conv2d(4, 4, 1)), (Conv2d(3, 4, 1, 2),)),
            *(HARD, AdaptiveAvgPool(1), Flatten(), Dense(4, 3)),
        ),
        4,
        (1, 6, 6),
    ),
}
WIDE = Network((Dense(90, 80), LIF(), Dense(80, 70), LIF(), Dense(70, 3)), 3)
ONLY_ONLINE: dict[str, Network] = {
    "vgg_f": presets.vgg_f(3, (2, 8, 8), 4, plan=(3, 0, 4)),
    "recurrent": Network(
        (Dense(6, 5), LIF(), Dense(5, 4), LIF(), Dense(4, 3)),
        5,
        feedback=(Feedback(1, 0, (Dense(5, 5),)), Feedback(3, 0, (Scale(0.5), Dense(4, 5)))),
    ),
}
ONLY_UNROLLED: dict[str, Network] = {
    "vggsnn": presets.vggsnn(3, (2, 6, 6), 3, plan=(3, 0, 4)),
    "resnet19": presets.resnet19(3, (2, 8, 8), 3, blocks=((2, 3, 1), (1, 4, 2)), stem=3, dense=5),
    "norm_of_dense": Network((Dense(6, 5), BatchNorm(5), LIF(), Dense(5, 3)), 4),
    "filters": Network((LowPass(3.0), Dense(6, 5), HARD, LowPass(2.0), Dense(5, 3)), 5, (6,)),
}


def case_of(network: Network) -> tuple[Parameters, Any, Any]:
    """Parameters of some size everywhere, temporal inputs of some size, labels."""
    rng = np.random.default_rng(7)
    start = initialise(network, 3, gain=3.0)
    params = Parameters(
        tuple(w + rng.normal(0, 0.1, w.shape) for w in start.weights),
        tuple(
            rng.uniform(-0.1, 0.7, b.shape) * layer.bias
            for b, layer in zip(start.biases, network.weight_layers, strict=True)
        ),
        tuple(g * rng.uniform(0.8, 1.5, g.shape) for g in start.gains),
        start.norms,
    )
    x = rng.random((network.timesteps, 3, *network.in_shape))
    return params, x, rng.integers(0, network.n_out, 3)


def psi(u: Any, v_th: float) -> Any:
    return SIGMOID.derivative(np.asarray(u), v_th)


def learned(params: Parameters) -> list[Any]:
    norms = params.norms
    parts = (params.weights, params.biases, params.gains)
    arrays = [array for part in parts for array in part]
    return [*arrays, *(norm.weight for norm in norms), *(norm.bias for norm in norms)]


def agree(found: Any, wanted: Any, name: str) -> None:
    size = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    assert np.abs(np.asarray(found) - wanted).max(initial=0.0) <= TOLERANCE * size, name


def agree_all(network: Network, found: list[Any], wanted: list[Any]) -> None:
    """Biases that a layer doesn't have are outside the comparison."""
    n = len(network.weight_layers)
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        is_bias = n <= number < 2 * n
        if not is_bias or network.weight_layers[number - n].bias:
            agree(one, other, f"parameter {number}")


@pytest.mark.parametrize("name", [*BOTH, *ONLY_UNROLLED])
@pytest.mark.parametrize("detach_reset", [True, False])
def test_through_time(name: str, detach_reset: bool) -> None:
    network = (BOTH | ONLY_UNROLLED)[name]
    params, x, y = case_of(network)
    rule = BPTT(SIGMOID, detach_reset, loss="steps")
    trainer = Trainer(network, params, rule, 0.0)
    loss, gradient = trainer.gradient(x, y)
    leaves = naive.Leaves.of(params)
    way = naive.unrolled(network, leaves, x, psi, detach_reset)
    total = tape.Var(np.array(0.0))
    for out in way.out:
        total = total + tape.cross_entropy(out, y).times(1 / network.timesteps)
    tape.backward(total)
    assert any(s.value.any() for layer in way.s for s in layer)
    agree(loss, total.value, "loss")
    assert trainer.passes is not None
    agree(trainer.passes.out, np.stack([out.value for out in way.out]), "out")
    agree_all(network, learned(gradient), [var.grad for var in leaves.all])


@pytest.mark.parametrize("name", [*BOTH, *ONLY_ONLINE])
@pytest.mark.parametrize("traced", [True, False])
def test_step_by_step(name: str, traced: bool) -> None:
    network = (BOTH | ONLY_ONLINE)[name]
    params, x, y = case_of(network)
    rule = OTTT(surrogate=SIGMOID, trace_input=traced)
    recording = record(network, params, x, y, rule)
    input_lam = network.neurons[0].lam if traced else None
    way, gradients, losses = naive.online(
        network,
        params,
        x,
        psi,
        lambda out: tape.cross_entropy(out, y).times(1 / network.timesteps),
        input_lam=input_lam,
    )
    assert all(s.any() for s in recording.s)
    agree(recording.out, np.stack([out.value for out in way.out]), "out")
    agree(recording.loss_t, np.array(losses), "losses")
    found = [*recording.g_W, *recording.g_b, *recording.g_gain]
    for t, of_step in enumerate(gradients):
        agree_all(network, [g[t] for g in found], of_step)


@pytest.mark.parametrize("name", [*BOTH, *ONLY_ONLINE])
def test_without_traces(name: str) -> None:
    network = (BOTH | ONLY_ONLINE)[name]
    params, x, y = case_of(network)
    trainer = Trainer(network, params, SLTT(surrogate=SIGMOID), 0.0)
    _, gradient = trainer.gradient(x, y)
    _, gradients, _ = naive.online(
        network,
        params,
        x,
        psi,
        lambda out: tape.cross_entropy(out, y).times(1 / network.timesteps),
        traces=False,
    )
    agree_all(network, learned(gradient), [sum(parts) for parts in zip(*gradients, strict=True)])


@pytest.mark.parametrize("name", [*BOTH, *ONLY_ONLINE])
def test_static_input_is_the_same_at_every_step(name: str) -> None:
    """The first current is computed once then, and its gradient from the sum of the errors."""
    network = (BOTH | ONLY_ONLINE)[name]
    params, x, y = case_of(network)
    rules = (OTTT(surrogate=SIGMOID, trace_input=False), BPTT(SIGMOID), SLTT(surrogate=SIGMOID))
    for rule in rules:
        if isinstance(rule, BPTT) and network.feedback:
            continue
        trainer = Trainer(network, params, rule, 0.0)
        loss, gradient = trainer.gradient(x[0], y)
        repeated = np.broadcast_to(x[0], x.shape)
        same_loss, same_gradient = trainer.gradient(repeated, y)
        agree(loss, same_loss, "loss")
        agree_all(network, learned(gradient), learned(same_gradient))


def test_signals_that_are_mostly_zero() -> None:
    """Wide layers go event by event then; dense signals, and the sum of both, go by BLAS."""
    params, dense, y = case_of(WIDE)
    sparse = dense * (dense > 0.9)
    mixed = np.stack([dense[0], sparse[1], sparse[2]])
    for x in (sparse, mixed):
        recording = record(WIDE, params, x, y, OTTT(surrogate=SIGMOID, trace_input=True))
        _, gradients, _ = naive.online(
            WIDE,
            params,
            x,
            psi,
            lambda out: tape.cross_entropy(out, y).times(1 / WIDE.timesteps),
            input_lam=WIDE.neurons[0].lam,
        )
        for t, of_step in enumerate(gradients):
            agree_all(WIDE, [g[t] for g in (*recording.g_W, *recording.g_b)], of_step)
        trainer = Trainer(WIDE, params, OTTT(surrogate=SIGMOID, trace_input=True), 0.0)
        _, summed = trainer.gradient(x, y)
        wanted = [sum(parts) for parts in zip(*gradients, strict=True)]
        agree_all(WIDE, learned(summed), wanted)
