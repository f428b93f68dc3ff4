"""What holds for every network, to the rounding of float64 (Xiao et al., NeurIPS 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurochip.network import Network, Parameters
from neurochip.reference import Recording, record
from neurochip.rules import OTTT, Surrogate
from tests.naive import bptt
from tests.naive import float_ottt as naive

TOLERANCE = 1e-12

decays = st.floats(0.0, 0.95)
surrogates = st.builds(
    Surrogate, st.sampled_from(["sigmoid", "table", "boxcar", "triangle"]), st.floats(1.0, 6.0)
)


@dataclass(frozen=True)
class Case:
    """A network with soft resets and a linear read-out, and a batch for it."""

    network: Network
    params: Parameters
    x: Any
    y: Any
    rule: OTTT

    @property
    def recording(self) -> Recording:
        return record(self.network, self.params, self.x, self.y, self.rule)


@st.composite
def cases(draw: Any, min_hidden: int = 1, trace_input: bool | None = None) -> Case:
    hidden = draw(st.lists(st.integers(1, 8), min_size=min_hidden, max_size=3))
    sizes = [draw(st.integers(1, 8)), *hidden, draw(st.integers(2, 5))]
    network = Network.mlp(
        sizes, draw(st.integers(1, 12)), lam=draw(decays), v_th=draw(st.floats(0.2, 3.0))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    params = Parameters(
        tuple(rng.normal(0, 2 / np.sqrt(n.n_in), (n.n_out, n.n_in)) for n in network.dense),
        tuple(rng.uniform(-0.2, 0.5, n.n_out) for n in network.dense),
    )
    batch = draw(st.integers(1, 4))
    shape = (network.timesteps, batch, sizes[0])
    x = rng.random(shape) if draw(st.booleans()) else (rng.random(shape) < 0.4).astype(float)
    rule = OTTT(
        surrogate=draw(surrogates),
        loss_lambda=draw(st.sampled_from([0.0, 0.05, 1.0])),
        trace_input=draw(st.booleans()) if trace_input is None else trace_input,
    )
    return Case(network, params, x, rng.integers(0, sizes[-1], batch), rule)


def gradients_through_time(case: Case, recording: Recording) -> Any:
    """Gradients of a batch by BPTT with the reset detached, on the recorded states."""
    neuron = case.network.neurons[0]
    weights = list(case.params.weights)
    total = [np.zeros_like(weight) for weight in weights]
    for b in range(len(case.y)):
        u, s = [u[:, b] for u in recording.u], [s[:, b] for s in recording.s]
        way = bptt.Unrolled([case.x[:, b], *s], u, s, recording.out[:, b])
        of_sample, _ = bptt.gradients(
            weights,
            way,
            recording.dout[:, b],
            lambda u: np.asarray(case.rule.surrogate.derivative(u, neuron.v_th)),
            neuron.lam,
            neuron.v_th,
            None,
        )
        for sum_, more in zip(total, of_sample, strict=True):
            sum_ += more
    return total


def agree(a: Any, b: Any) -> None:
    assert np.abs(a - b).max() <= TOLERANCE * max(1.0, np.abs(b).max())


@given(cases())
def test_the_trace_holds_what_the_membrane_lost(case: Case) -> None:
    """sum_t lam^(T-1-t) I[t] - v[T-1] = v_th * x[T-1], with a soft reset."""
    recording = case.recording
    signals = [case.x, *recording.s]
    for layer, neuron in enumerate(case.network.neurons):
        currents = signals[layer] @ case.params.weights[layer].T + case.params.biases[layer]
        arrived = np.zeros_like(currents[0])
        for current in currents:
            arrived = neuron.lam * arrived + current
        agree(arrived - recording.v[layer][-1], neuron.v_th * recording.tr[layer][-1])


@given(cases(min_hidden=2))
def test_last_hidden_weights_have_the_gradient_through_time(case: Case) -> None:
    """OTTT-A equals BPTT with the reset detached, where a trace feeds the last hidden layer."""
    recording = case.recording
    agree(recording.g_W[-2].sum(axis=0), gradients_through_time(case, recording)[-2])


@given(cases(trace_input=True))
def test_so_do_first_weights_of_one_hidden_layer_with_a_traced_input(case: Case) -> None:
    recording = case.recording
    if len(recording.u) == 1:
        agree(recording.g_W[0].sum(axis=0), gradients_through_time(case, recording)[0])


@given(cases())
def test_read_out_without_trace_has_the_gradient_through_time(case: Case) -> None:
    recording = case.recording
    without_trace = np.einsum("tbc,tbi->ci", recording.dout, recording.s[-1])
    agree(without_trace, gradients_through_time(case, recording)[-1])


@given(cases(), st.integers(0, 11))
def test_a_step_knows_nothing_of_the_future(case: Case, step: int) -> None:
    """What OTTT's is_online promises: gradients of the first steps don't wait for the last."""
    now = min(step, case.network.timesteps - 1)
    changed = case.x.copy()
    changed[now + 1 :] += 1.0
    first = case.recording
    second = record(case.network, case.params, changed, case.y, case.rule)
    for g, h in zip(first.g_W + first.g_b, second.g_W + second.g_b, strict=True):
        assert np.array_equal(g[: now + 1], h[: now + 1])


@st.composite
def exact_cases(draw: Any) -> tuple[Case, naive.Model]:
    """Dyadic numbers, so that membranes are exact and no order of summing flips a spike."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=3, max_size=4))
    lam, v_reset = draw(st.sampled_from([0.0, 0.5, 0.75])), draw(st.sampled_from([None, 0.0, -0.5]))
    reset: Any = {"reset": "soft"} if v_reset is None else {"reset": "hard", "v_reset": v_reset}
    network = Network.mlp(sizes, draw(st.integers(1, 5)), lam=lam, v_th=0.75, **reset)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    params = Parameters(
        tuple(rng.integers(-32, 33, (n.n_out, n.n_in)) / 16 for n in network.dense),
        tuple(rng.integers(-8, 9, n.n_out) / 16 for n in network.dense),
    )
    batch = draw(st.integers(1, 3))
    x = rng.integers(0, 9, (network.timesteps, batch, sizes[0])) / 8
    rule = OTTT(
        surrogate=Surrogate("sigmoid", 2.5), loss_lambda=0.25, trace_input=draw(st.booleans())
    )
    model = naive.Model(
        lam, 0.75, v_reset, 2.5, 0.25, bool(rule.trace_input), network.timesteps, batch
    )
    return Case(network, params, x, rng.integers(0, sizes[-1], batch), rule), model


@given(exact_cases())
def test_naive_twin(case_and_model: tuple[Case, naive.Model]) -> None:
    case, model = case_and_model
    recording = case.recording
    weights = [weight.tolist() for weight in case.params.weights]
    biases = [bias.tolist() for bias in case.params.biases]
    samples = [naive.Sample(model, list(case.network.sizes)) for _ in case.y]
    for t, x in enumerate(case.x.tolist()):
        moment = naive.step(samples, weights, biases, x, case.y.tolist())
        assert abs(recording.loss_t[t] - moment.loss) <= TOLERANCE
        agree(recording.out[t], np.array([sample.out for sample in samples]))
        for layer in range(len(recording.u)):
            assert np.array_equal(recording.u[layer][t], [sample.u[layer] for sample in samples])
            assert np.array_equal(recording.s[layer][t], [sample.s[layer] for sample in samples])
            assert np.array_equal(recording.v[layer][t], [sample.v[layer] for sample in samples])
            agree(recording.du[layer][t], np.array([sample.du[layer] for sample in samples]))
        for layer in range(len(weights)):
            agree(recording.g_W[layer][t], np.array(moment.g_weights[layer]))
            agree(recording.g_b[layer][t], np.array(moment.g_biases[layer]))
