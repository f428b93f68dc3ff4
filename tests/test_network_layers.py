"""Layers beyond the mlp: shapes, order, parameters, and the papers' networks."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from neurochip.errors import NetworkError
from neurochip.network import (
    LI,
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
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


def says(message: str) -> Any:
    return pytest.raises(NetworkError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize(
    ("layer", "in_shape", "out_shape"),
    [
        (Conv2d(3, 5, 3), (3, 8, 6), (5, 6, 4)),
        (Conv2d(3, 5, 3, padding=1), (3, 8, 6), (5, 8, 6)),
        (Conv2d(3, 5, 3, stride=2, padding=1), (3, 8, 7), (5, 4, 4)),
        (Conv2d(1, 1, 5), (1, 5, 5), (1, 1, 1)),
        (AvgPool(2), (4, 9, 8), (4, 4, 4)),
        (SumPool(3, 1.1), (4, 9, 8), (4, 3, 2)),
        (AdaptiveAvgPool(1), (4, 7, 5), (4, 1, 1)),
        (AdaptiveAvgPool(3), (4, 7, 5), (4, 3, 3)),
        (Upsample(2), (4, 7, 5), (4, 14, 10)),
        (Flatten(), (4, 7, 5), (140,)),
        (Flatten(), (9,), (9,)),
        (Scale(2.74), (4, 7, 5), (4, 7, 5)),
        (BatchNorm(4), (4, 7, 5), (4, 7, 5)),
        (Dropout(0.1), (9,), (9,)),
        (LowPass(3.0), (4, 7, 5), (4, 7, 5)),
        (Residual((Conv2d(4, 4, 3, padding=1),)), (4, 7, 5), (4, 7, 5)),
    ],
)
def test_shapes(layer: Any, in_shape: Any, out_shape: Any) -> None:
    assert layer.out_shape(in_shape) == out_shape


@pytest.mark.parametrize(
    ("layer", "in_shape", "message"),
    [
        (Conv2d(3, 5, 3), (2, 8, 8), "Conv2d needs the shape (3, height, width) but (2, 8, 8)"),
        (Conv2d(3, 5, 3), (192,), "Conv2d needs the shape (3, height, width) but (192,)"),
        (Conv2d(1, 5, 7, padding=1), (1, 4, 4), "Conv2d has kernel 7 and padding 1, too large"),
        (AvgPool(3), (1, 2, 4), "AvgPool needs the shape (channels, 3 or more, 3 or more)"),
        (AdaptiveAvgPool(3), (1, 2, 4), "AdaptiveAvgPool needs the shape (channels, 3 or more"),
        (Upsample(2), (4,), "Upsample needs the shape (channels, height, width) but (4,)"),
        (BatchNorm(3), (4, 2, 2), "BatchNorm needs the shape (3, ...) but (4, 2, 2)"),
        (Residual((Dense(4, 5),)), (4,), "Residual has a body that ends in the shape (5,)"),
    ],
)
def test_shapes_that_do_not_fit(layer: Any, in_shape: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}"):
        layer.out_shape(in_shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2d(0, 1, 3), "Conv2d c_in is 0; it must be a whole number from 1 up."),
        (lambda: Conv2d(1, 1, 3, padding=-1), "Conv2d padding is -1; it must be a whole number"),
        (lambda: Dense(1, 4, sws=True), "a dense layer with sws has 1 weight a row, which has no"),
        (lambda: LowPass(0.5), "LowPass tau is 0.5; it must be a number from 1 up."),
        (lambda: SumPool(2, 0.0), "SumPool factor is 0.0; it must be a number above 0."),
        (lambda: Scale(-1.0), "Scale factor is -1.0; it must be a number above 0."),
        (lambda: BatchNorm(2, eps=0.0), "BatchNorm eps is 0.0; it must be a number above 0."),
        (lambda: Dropout(1.0), "Dropout p is 1.0; it must be a number from 0 up and below 1."),
    ],
)
def test_refused_numbers(make: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}"):
        make()


CONV = Conv2d(1, 2, 3)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Flatten(),), "Network has no weight layer; it needs at least one Dense or Conv2d."),
        (
            (CONV, AvgPool(2), Conv2d(2, 2, 3)),
            "Network layer 2 is a Conv2d but a current comes in; put a LIF before it.",
        ),
        (
            (CONV, LIF(), BatchNorm(2)),
            "Network layer 2 is a BatchNorm but no current comes in; put a Dense or a Conv2d "
            "before it.",
        ),
        (
            (CONV, LIF(), Flatten(), Dense(72, 3), LIF(), Scale(2.0)),
            "Network has LIF, Scale after its last weight layer; the read-out may have nothing "
            "after it, or LI, or LIF, or LIF and LowPass.",
        ),
        (
            (CONV, LIF(), Residual((Conv2d(2, 2, 1), LIF())), LIF(), Conv2d(2, 1, 8)),
            "Residual has a body that doesn't end in a current; end it with weights and leave its "
            "last neurons to the layer after the sum.",
        ),
        (
            (CONV, LIF(), Residual((LIF(),)), LIF(), Conv2d(2, 1, 8)),
            "Residual body layer 0 is a LIF but no current comes in; put a Dense or a Conv2d "
            "before it.",
        ),
    ],
)
def test_refused_orders(layers: Any, message: str) -> None:
    with says(message):
        Network(layers, 3, (1, 8, 8))


@pytest.mark.parametrize("in_shape", [(), (2, 2), (0,), (1, 8.0, 8)])
def test_refused_input_shapes(in_shape: Any) -> None:
    with says(
        f"Network in_shape is {in_shape!r}; a network that begins with Conv2d needs (n,) or "
        f"(channels, height, width)."
    ):
        Network((CONV,), 3, in_shape)


RECURRENT = (Dense(4, 5), LIF(), Dense(5, 2))


@pytest.mark.parametrize(
    ("feedback", "message"),
    [
        (Feedback(9, 0, (Dense(5, 5),)), "feedback source is 9; it must be the number of a layer"),
        (Feedback(1, 1, (Dense(5, 5),)), "feedback target 1 is a LIF; feedback is added to the"),
        (Feedback(1, 0, (Flatten(),)), "feedback path has 0 weight layers; it must have one"),
        (
            Feedback(1, 0, (Dense(5, 5), LIF())),
            "feedback path has 1 weight layers and a LIF; it must have one, and beside it only",
        ),
        (Feedback(0, 0, (Dense(5, 5),)), "feedback source 0 puts out a current; take a layer"),
        (Feedback(1, 0, (Dense(5, 4),)), "feedback from layer 1 ends in the shape (4,) but layer"),
    ],
)
def test_refused_feedback(feedback: Feedback, message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{re.escape(message)}"):
        Network(RECURRENT, 3, (), (feedback,))


NETWORKS = {
    "conv": Network.conv("4C3-P2-6C3-20", (1, 12, 12), 10),
    "vgg_sws": presets.vgg_sws(plan=(4, 0, 6), in_shape=(3, 8, 8), dropout=0.1),
    "vgg_f": presets.vgg_f(plan=(4, 0, 6), in_shape=(3, 8, 8)),
    "vggsnn": presets.vggsnn(plan=(4, 0, 6, 0), in_shape=(2, 8, 8)),
    "resnet19": presets.resnet19(blocks=((2, 8, 1), (1, 16, 2)), stem=4, dense=12),
    "tssl": presets.tssl("4C3-P2-20", (1, 8, 8)),
    "recurrent": Network(RECURRENT, 3, (), (Feedback(1, 0, (Dense(5, 5, bias=False),)),)),
}


@pytest.fixture(params=NETWORKS.values(), ids=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> Network:
    return request.param


def test_round_trip_through_json(network: Network) -> None:
    assert Network.from_dict(json.loads(json.dumps(network.to_dict()))) == network


def test_initial_parameters_fit(network: Network) -> None:
    parameters = initialise(network, 0)
    network.check(parameters)
    arrays = [*parameters.weights, *parameters.gains]
    layers = zip(parameters.biases, network.weight_layers, strict=True)
    arrays += [bias for bias, layer in layers if layer.bias]
    arrays += [array for norm in parameters.norms for array in (norm.weight, norm.bias)]
    assert network.n_parameters == sum(array.size for array in arrays)


def test_sizes_and_shapes_go_together(network: Network) -> None:
    assert network.shapes[-1] == (network.n_out,)
    hidden = [math.prod(shape) for _, shape in network.spiking_shapes()]
    assert network.sizes == (network.n_in, *hidden, network.n_out)
    assert len(network.neurons) == len(hidden)


def test_feedback_starts_at_zero() -> None:
    for name in ("vgg_f", "recurrent"):
        assert not initialise(NETWORKS[name], 0).weights[-1].any()


def test_parameters_of_gains_and_norms_are_checked() -> None:
    network = NETWORKS["vgg_sws"]
    whole = initialise(network, 0)
    with says(
        "Parameters hold 0 gain arrays but the network has 2 weight layers with sws; give one for "
        "each."
    ):
        network.check(Parameters(whole.weights, whole.biases))
    with says("gains of sws layer 1 have shape (4,); the network needs (6,)."):
        network.check(Parameters(whole.weights, whole.biases, (np.ones(4), np.ones(4))))
    network = NETWORKS["vggsnn"]
    whole = initialise(network, 0)
    with says("Parameters hold 1 norms but the network has 2 BatchNorm layers; give one for each."):
        network.check(Parameters(whole.weights, whole.biases, (), (Norm.fresh(4),)))
    with says("weight values of BatchNorm 1 have shape (4,); the network needs (6,)."):
        network.check(Parameters(whole.weights, whole.biases, (), (Norm.fresh(4), Norm.fresh(4))))


def test_conv_is_the_short_form() -> None:
    network = Network.conv("15C5-P2-40C5-P2-300", (1, 28, 28), 10, timesteps=6)
    lif = LIF()
    assert network.layers == (
        *(Conv2d(1, 15, 5), lif, AvgPool(2), Conv2d(15, 40, 5), lif, AvgPool(2)),
        *(Flatten(), Dense(640, 300), lif, Dense(300, 10)),
    )
    assert network.shapes[-4:] == ((640,), (300,), (300,), (10,))


@pytest.mark.parametrize(
    ("text", "padding", "message"),
    [
        (
            "15C5-Q2",
            0,
            "Network.conv got 'Q2' in '15C5-Q2'; each part must be like 15C5 (channels, kernel), "
            "P2 (pool) or 300 (neurons).",
        ),
        (
            "15C4-P2",
            "same",
            "Network.conv got padding 'same' with the even kernel of '15C4'; use an odd kernel or "
            "give a number of zeros.",
        ),
        (
            "15C5-P2-40C15",
            0,
            "Conv2d has kernel 15 and padding 0, too large for the shape (15, 12, 12) that comes "
            "in; use a smaller kernel or more padding.",
        ),
    ],
)
def test_refused_short_forms(text: str, padding: Any, message: str) -> None:
    with says(message):
        Network.conv(text, (1, 28, 28), 10, padding=padding)


def test_conv_needs_height_and_width() -> None:
    with says(
        "Conv2d needs the shape (784, height, width) but (784,) comes in; make the layer below fit "
        "or change this one."
    ):
        Network.conv("15C5", (784,), 10)


def test_conv_of_dense_layers_is_an_mlp() -> None:
    assert Network.conv("30-20", (64,), 10, timesteps=8) == Network.mlp([64, 30, 20, 10])


def conv(c_in: int, c_out: int, side: int = 3, extra: int = 1) -> int:
    """Weights of a convolution, and `extra` numbers an output channel."""
    return c_in * c_out * side * side + extra * c_out


def test_vgg_sws_has_as_many_parameters_as_published() -> None:
    network = presets.vgg_sws()
    assert network.n_parameters == 9_228_362
    assert network.shapes[:3] == ((64, 32, 32),) * 3
    assert network.n_out == 10
    assert presets.vgg_sws(100).n_parameters == 9_228_362 + 90 * 513


def test_vgg_f_adds_one_convolution() -> None:
    network = presets.vgg_f()
    assert network.n_parameters == 9_228_362 + conv(512, 64)
    (feedback,) = network.feedback
    assert feedback.path == (Upsample(8), Conv2d(512, 64, 3, padding=1))
    assert network.shapes[feedback.source] == (512, 4, 4)


def test_vggsnn() -> None:
    widths = (2, 64, 128, 256, 256, 512, 512, 512, 512)
    convolutions = sum(conv(*pair, extra=3) for pair in pairwise(widths))
    network = presets.vggsnn()
    assert network.n_parameters == convolutions + 512 * 3 * 3 * 10 + 10
    assert len(network.norm_layers) == len(network.neurons) == 8


def test_resnet19() -> None:
    network = presets.resnet19()
    # 17 convolutions, three of them in shortcuts beside, and two dense layers make 19 layers.
    assert len(network.weight_layers) - 3 == 19
    total = conv(3, 64, extra=2)
    for number, below, c_out in ((3, 64, 128), (3, 128, 256), (2, 256, 512)):
        total += conv(below, c_out, extra=2) + conv(below, c_out, side=1, extra=2)
        total += (2 * number - 1) * conv(c_out, c_out, extra=2)
    assert network.n_parameters == total + 512 * 256 + 256 + 256 * 10 + 10
    assert round(network.n_parameters / 1e6, 2) == 12.63
    assert len(network.neurons) == 1 + 8 * 2 + 1


@pytest.mark.parametrize(
    ("text", "in_shape", "padding", "weights"),
    [
        ("15C5-P2-40C5-P2-300", (1, 28, 28), 0, 25 * 15 + 25 * 15 * 40 + 640 * 300 + 3000),
        ("400-400", (1, 28, 28), 0, 784 * 400 + 400 * 400 + 4000),
        (
            "32C5-P2-64C5-P2-1024",
            (1, 28, 28),
            2,
            25 * 32 + 25 * 32 * 64 + 64 * 49 * 1024 + 10240,
        ),
        ("12C5-P2-64C5-P2", (2, 34, 34), 0, 50 * 12 + 25 * 12 * 64 + 64 * 25 * 10),
    ],
)
def test_tssl(text: str, in_shape: Any, padding: int, weights: int) -> None:
    network = presets.tssl(text, in_shape, padding=padding)
    assert network.n_parameters == network.n_weights == weights
    assert network.layers[0] == network.layers[-1] == LowPass(3.0)
    assert network.readout == "spiking"


def test_what_tells_a_network_from_an_mlp() -> None:
    assert Network.mlp([4, 3, 2], readout="leaky").unlike_mlp is None
    sws = Network((Dense(4, 3, sws=True), LI()), 2)
    assert sws.unlike_mlp == "standardised weights in layer 0"
    assert NETWORKS["recurrent"].unlike_mlp == "feedback between layers"
    assert NETWORKS["conv"].unlike_mlp == "a Conv2d as layer 0"
    assert NETWORKS["tssl"].unlike_mlp == "a LowPass as layer 0"
    scaled = Network((Dense(4, 3), LIF(), Scale(2.0), Dense(3, 2)), 2)
    assert scaled.unlike_mlp == "a Scale as layer 2"


def test_what_tells_a_network_from_weights_pools_and_neurons() -> None:
    assert Network.mlp([4, 3, 2], readout="leaky").unlike_feedforward is None
    assert Network.conv("2C3-P2-4", (1, 8, 8), 3).unlike_feedforward is None
    sws = Network((Dense(4, 3, sws=True), LI()), 2)
    assert sws.unlike_feedforward == "standardised weights in layer 0"
    assert NETWORKS["recurrent"].unlike_feedforward == "feedback between layers"
    assert NETWORKS["tssl"].unlike_feedforward == "a LowPass as layer 0"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("vgg_sws", presets.vgg_sws()),
        ("vgg_f", presets.vgg_f()),
        ("resnet19", presets.resnet19()),
    ],
)
def test_the_papers_networks_have_names(name: str, wanted: Network) -> None:
    assert presets.published(name, 10, (3, 32, 32), 6) == wanted


def test_a_share_of_the_channels() -> None:
    quarter = presets.published("vggsnn/4", 10, (2, 48, 48), 10)
    assert [layer.n_out for layer in quarter.weight_layers] == [
        *(16, 32, 64, 64, 128, 128, 128, 128, 10)
    ]
    few = presets.published("resnet19/1000", 10, (3, 32, 32), 2)
    assert {layer.n_out for layer in few.weight_layers[:-1]} == {1}
