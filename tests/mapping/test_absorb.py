"""What a chip lacks goes into weights and neurons: the same outputs from fewer kinds of layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurochip.errors import LimitError
from neurochip.mapping import loops_of, plan_of
from neurochip.mapping.absorb import absorbed
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
    Norm,
    Parameters,
    Residual,
    Scale,
    SumPool,
    Upsample,
    initialise,
    presets,
)
from neurochip.reference import Inference

NEURON = LIF(0.6, 1.0, reset="hard", fires=">")
SPIKING_READOUT = (Dense(6, 3, bias=False), NEURON, LowPass(3.0))
IMAGE = (2, 4, 4)


def dense(*layers: Any, n_in: int = 5) -> Network:
    return Network(layers, 7, (n_in,))


NETWORKS = {
    "filters below and after": dense(
        LowPass(2.5), Dense(5, 6, bias=False), NEURON, LowPass(3.0), *SPIKING_READOUT
    ),
    "a filter below weights with biases": dense(LowPass(2.0), Dense(5, 6), NEURON, Dense(6, 3)),
    "factors": dense(Dense(5, 6), LIF(), Scale(2.74), Dense(6, 6), LIF(), Scale(0.3), Dense(6, 3)),
    "standardised weights": dense(Dense(5, 6, sws=True), LIF(), Dense(6, 3)),
    "norms": dense(Dense(5, 6), BatchNorm(6), NEURON, Dense(6, 3)),
    "pools that sum with a factor": Network(
        (
            *(LowPass(2.0), Conv2d(2, 3, 3, padding=1, bias=False), NEURON, LowPass(3.0)),
            *(SumPool(2, 1.1), Flatten(), Dense(12, 3, bias=False), NEURON, LowPass(3.0)),
        ),
        6,
        IMAGE,
    ),
    "a residual block that changes nothing on its way": dense(
        *(Dense(5, 6), LIF(), Residual((Dense(6, 7), NEURON, Dense(7, 6)), ()), NEURON),
        *(Scale(1.5), Residual((Dense(6, 6),), ()), LIF(), Dense(6, 3)),
    ),
    "residual blocks of maps": Network(
        (
            *(Conv2d(2, 3, 3, padding=1, bias=False), BatchNorm(3), NEURON),
            Residual(
                (
                    *(Conv2d(3, 4, 3, 2, 1, bias=False), BatchNorm(4), NEURON),
                    *(Conv2d(4, 4, 3, padding=1, bias=False), BatchNorm(4)),
                ),
                (Conv2d(3, 4, 1, 2, bias=False), BatchNorm(4)),
            ),
            *(NEURON, Residual((Conv2d(4, 4, 3, padding=1),), ()), NEURON),
            *(AdaptiveAvgPool(1), Flatten(), Dense(4, 3)),
        ),
        5,
        IMAGE,
    ),
    "a recurrent layer": Network(
        (Dense(5, 6), LIF(), Dense(6, 3)), 6, (5,), (Feedback(1, 0, (Dense(6, 6, bias=False),)),)
    ),
    "feedback of maps": Network(
        (
            *(Conv2d(2, 3, 3, padding=1), LIF(), Scale(2.0), AvgPool(2)),
            *(Conv2d(3, 4, 3, padding=1), LIF(), Scale(1.5), AvgPool(2), Flatten(), Dense(4, 3)),
        ),
        6,
        IMAGE,
        (Feedback(6, 0, (Upsample(2), Conv2d(4, 3, 3, padding=1, bias=False))),),
    ),
    "averages that no shift divides": Network(
        (
            *(Conv2d(2, 3, 3, padding=1), LIF(), AvgPool(3), Conv2d(3, 4, 3, padding=1), LIF()),
            *(AdaptiveAvgPool(1), Flatten(), Dense(4, 3)),
        ),
        5,
        (2, 9, 9),
    ),
    "a global average": Network(
        (Conv2d(2, 3, 3, padding=1), LIF(), AdaptiveAvgPool(1), Flatten(), Dense(3, 3)), 5, IMAGE
    ),
}


def parameters_of(network: Network) -> Parameters:
    rng = np.random.default_rng(4)
    params = initialise(network, 1)
    # Those of connections back begin at zero.
    weights = tuple(w if w.any() else rng.normal(0.0, 0.5, w.shape) for w in params.weights)
    params = replace(params, weights=weights)
    norms = tuple(
        Norm(*(rng.uniform(0.5, 1.5, len(norm.mean)) for _ in range(4))) for norm in params.norms
    )
    biases = tuple(
        rng.normal(0.0, 0.3, b.shape) if layer.bias else b
        for layer, b in zip(network.weight_layers, params.biases, strict=True)
    )
    return replace(params, norms=norms, biases=biases)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_outputs_and_spikes_stay_the_same(network):
    params = parameters_of(network)
    plain, given = absorbed(network, params)
    plan_of(plain)  # a chip can hold all of its layers
    x = np.random.default_rng(0).random((20, *network.in_shape)) * 2.0
    before, after = Inference.of(network, params), Inference.of(plain, given)
    assert np.allclose(before.outputs(x), after.outputs(x), rtol=1e-12, atol=1e-12)
    for one, other in zip(before.spikes(x), after.spikes(x), strict=True):
        assert (one == other).all()
        assert 0.05 < one.mean() < 0.95


def test_a_filter_becomes_a_decay_of_the_current_and_smaller_weights():
    network = NETWORKS["filters below and after"]
    params = parameters_of(network)
    plain, given = absorbed(network, params)
    assert plain.neurons == (replace(NEURON, current_lam=1 - 1 / 2.5),)
    assert plain.readout_neuron == replace(NEURON, current_lam=1 - 1 / 3.0)
    assert np.allclose(given.weights[0], params.weights[0] / 2.5, rtol=1e-15)
    assert plain.layers[-1] == LowPass(3.0)


@pytest.mark.parametrize(
    ("name", "pool"),
    [
        ("pools that sum with a factor", SumPool(2, 1.0)),
        ("averages that no shift divides", SumPool(3, 1.0)),
        ("a global average", AvgPool(4)),
    ],
)
def test_a_pool_becomes_a_count(name, pool):
    plain, _ = absorbed(NETWORKS[name], parameters_of(NETWORKS[name]))
    assert pool in plain.layers


REFUSED = {
    "a filter below sums": (
        dense(Dense(5, 6), LIF(), LowPass(2.0), Dense(6, 6), LI(), n_in=5),
        r"^the weights below layer 4 sum up what a LowPass filtered, but nothing keeps that "
        r"current; put LIF neurons above them$",
    ),
    "a residual block of the input": (
        dense(Residual((Dense(5, 5),), ()), LIF(), Dense(5, 3)),
        r"^layer 0 is a Residual of what isn't spikes, which a chip can't add up; put weights and "
        r"LIF neurons before it$",
    ),
    "pools beside the layers": (
        Network(
            (
                *(Conv2d(2, 3, 3, padding=1), LIF()),
                Residual((Conv2d(3, 3, 3, 2, 1),), (AvgPool(2),)),
                *(LIF(), Flatten(), Dense(12, 3)),
            ),
            4,
            IMAGE,
        ),
        r"^a connection beside the layers leads through a AvgPool, but a chip lists its synapses; "
        r"let it lead through one Dense or Conv2d, or Upsample and that$",
    ),
}


@pytest.mark.parametrize(("network", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_no_chip_can_hold_is_refused(network, sentence):
    with pytest.raises(LimitError, match=sentence):
        absorbed(network, initialise(network, 0))


def test_the_bias_of_a_connection_back_counts_from_the_first_step():
    back = Feedback(1, 0, (Dense(4, 4),))
    network = Network((Dense(2, 4), LIF(), Dense(4, 2)), 3, (2,), (back,))
    params = initialise(network, 0)
    biases = (np.ones(4), np.zeros(2), np.full(4, 0.25))
    _, given = absorbed(network, replace(params, biases=biases))
    assert (given.biases[0] == 1.25).all()
    assert not given.biases[2].any()


def test_the_papers_networks_are_absorbed():
    small = presets.vgg_sws(in_shape=(3, 8, 8), timesteps=2, plan=(4, 0, 6, 0))
    plain, _ = absorbed(small, initialise(small, 0))
    assert [type(layer).__name__ for layer in plain.layers] == [
        *("Conv2d", "LIF", "AvgPool", "Conv2d", "LIF", "AvgPool", "AvgPool", "Flatten", "Dense")
    ]
    assert len(plan_of(plain)) == 3


@pytest.mark.parametrize("name", ["vgg_f/32", "resnet19/32", "vggsnn/32", "vgg_sws/32"])
def test_a_chip_can_hold_each_of_the_papers_networks(name):
    network = presets.published(name, 10, (3, 16, 16), 2)
    plain, given = absorbed(network, initialise(network, 0))
    plain.check(given)
    assert len(plan_of(plain)) + len(loops_of(plain)) == len(given.weights)
