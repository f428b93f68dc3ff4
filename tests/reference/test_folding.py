"""Folded networks infer as the ones that they were made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurochip.errors import NetworkError
from neurochip.network import (
    LIF,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Feedback,
    Flatten,
    Network,
    Norm,
    Parameters,
    initialise,
    presets,
)
from neurochip.reference import Trainer, folded
from neurochip.rules import BPTT, OTTT

RNG = np.random.default_rng(3)
NETWORKS = {
    "vgg_sws": presets.vgg_sws(4, (2, 8, 8), 3, plan=(5, 0, 6), dropout=0.2),
    "vgg_f": presets.vgg_f(4, (2, 8, 8), 3, plan=(5, 0, 6)),
    "vggsnn": presets.vggsnn(4, (2, 8, 8), 3, plan=(5, 0, 6)),
    "resnet19": presets.resnet19(4, (2, 8, 8), 3, blocks=((2, 6, 1), (1, 8, 2)), stem=4, dense=9),
    "dropped": Network(
        (Dense(6, 5), BatchNorm(5), LIF(), Dropout(0.5), Dense(5, 4), LIF(), Dense(4, 3)),
        3,
        feedback=(Feedback(3, 4, (Dense(5, 4),)),),
    ),
}


def some(network: Network) -> Parameters:
    """Parameters that have learned something, as far as anyone can tell."""
    start = initialise(network, 1, gain=4.0)
    weights = tuple(w + RNG.normal(0, 0.05, w.shape) for w in start.weights)
    norms = tuple(Norm(*RNG.uniform(0.3, 1.5, (4, len(norm.weight)))) for norm in start.norms)
    gains = tuple(RNG.uniform(0.5, 2, gain.shape) for gain in start.gains)
    return Parameters(weights, start.biases, gains, norms)


def outputs(network: Network, params: Parameters, x: Any) -> Any:
    rule = OTTT() if network.feedback else BPTT()
    return Trainer(network, params, rule, 0.0).outputs(x)


@pytest.mark.parametrize("name", NETWORKS)
def test_same_outputs(name: str) -> None:
    network = NETWORKS[name]
    params = some(network)
    if name == "dropped":  # feedback and norms together can be run, but not learned
        plain, of_plain = folded(network, params)
        assert [type(k).__name__ for k in plain.layers] == ["Dense", "LIF"] * 2 + ["Dense"]
        assert plain.feedback == (Feedback(1, 2, (Dense(5, 4),)),)
        plain.check(of_plain)
        return
    plain, of_plain = folded(network, params)
    plain.check(of_plain)
    assert not plain.norm_layers and of_plain.gains == of_plain.norms == ()
    x = RNG.random((5, *network.in_shape))
    assert np.allclose(outputs(plain, of_plain, x), outputs(network, params, x), atol=1e-9)


def test_a_norm_without_weights_below_it() -> None:
    network = Network(
        (Conv2d(1, 2, 3), AvgPool(2), BatchNorm(2), LIF(), Flatten(), Dense(18, 3)), 2, (1, 8, 8)
    )
    message = (
        "a BatchNorm of 2 follows a AvgPool, so it can't be folded into weights; put it directly "
        "after a Dense or a Conv2d."
    )
    with pytest.raises(NetworkError, match=f"^{message}$"):
        folded(network, initialise(network, 0))
