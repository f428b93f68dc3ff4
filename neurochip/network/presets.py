"""The papers' networks, layer by layer as published."""

from __future__ import annotations

from neurochip.errors import NetworkError
from neurochip.network.checks import check_time
from neurochip.network.layers import (
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Residual,
    Scale,
    Upsample,
)
from neurochip.network.network import Network
from neurochip.network.neurons import LIF, LowPass, Shape
from neurochip.network.order import Feedback
from neurochip.network.short_form import Padding, layers_of

# Channels of each convolution of VGG; 0 is a pool of 2 x 2.
VGG: tuple[int, ...] = (64, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512)
VGGSNN: tuple[int, ...] = (64, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0)
# What brings the variance of spikes after a standardised weight layer to one.
SWS_SCALE = 2.74

# TET's neuron: strict threshold, hard reset (Deng et al., ICLR 2022).
TET_NEURON = LIF(lam=0.5, v_th=1.0, reset="hard", fires=">")
RESNET19_BLOCKS: tuple[tuple[int, int, int], ...] = ((3, 128, 1), (3, 256, 2), (2, 512, 2))
RESNET19_STEM, RESNET19_DENSE = 64, 256

# Names of the networks of `published`.
PUBLISHED = ("vgg_sws", "vgg_f", "vggsnn", "resnet19")


def vgg_sws(
    n_out: int = 10,
    in_shape: Shape = (3, 32, 32),
    timesteps: int = 6,
    plan: tuple[int, ...] = VGG,
    dropout: float = 0.0,
) -> Network:
    """OTTT's VGG with scaled weight standardisation (Xiao et al., NeurIPS 2022).

    Args:
        n_out: number of classes.
        in_shape: (channels, height, width).
        timesteps: T.
        plan: channels of each convolution; 0 is a pool.
        dropout: probability after each spiking layer; 0 for no dropout (0.1 for DVS).
    """
    layers, channels = _vgg_sws_layers(in_shape, plan, dropout)
    tail: list[Layer] = [AdaptiveAvgPool(1), Flatten(), Dense(channels, n_out)]
    return Network((*layers, *tail), timesteps, in_shape)


def vgg_f(
    n_out: int = 10,
    in_shape: Shape = (3, 32, 32),
    timesteps: int = 6,
    plan: tuple[int, ...] = VGG,
) -> Network:
    """OTTT's VGG-F: VGG-sWS whose last features come back to the first convolution.

    Args:
        n_out: number of classes.
        in_shape: (channels, height, width); each side must be a multiple of its pools' product.
        timesteps: T.
        plan: channels of each convolution; 0 is a pool.
    """
    layers, channels = _vgg_sws_layers(in_shape, plan, 0.0)
    back: list[Layer] = [Conv2d(channels, plan[0], kernel=3, padding=1)]
    factor = 2 ** plan.count(0)
    if factor > 1:
        back.insert(0, Upsample(factor))
    feedback = Feedback(source=len(layers) - 1, target=0, path=tuple(back))
    tail: list[Layer] = [AdaptiveAvgPool(1), Flatten(), Dense(channels, n_out)]
    return Network((*layers, *tail), timesteps, in_shape, (feedback,))


def vggsnn(
    n_out: int = 10,
    in_shape: Shape = (2, 48, 48),
    timesteps: int = 10,
    plan: tuple[int, ...] = VGGSNN,
) -> Network:
    """TET's VGGSNN for event data: convolution, batch norm and neurons (Deng et al., ICLR 2022).

    Args:
        n_out: number of classes.
        in_shape: (channels, height, width).
        timesteps: T.
        plan: channels of each convolution; 0 is a pool.
    """
    layers: list[Layer] = []
    shape = in_shape
    for c_out in plan:
        if c_out == 0:
            more: list[Layer] = [AvgPool(2)]
        else:
            conv = Conv2d(shape[0], c_out, kernel=3, padding=1)
            more = [conv, BatchNorm(c_out), TET_NEURON]
        for layer in more:
            shape = layer.out_shape(shape)
        layers += more
    flat = Flatten().out_shape(shape)[0]
    return Network((*layers, Flatten(), Dense(flat, n_out)), timesteps, in_shape)


def resnet19(
    n_out: int = 10,
    in_shape: Shape = (3, 32, 32),
    timesteps: int = 6,
    blocks: tuple[tuple[int, int, int], ...] = RESNET19_BLOCKS,
    stem: int = RESNET19_STEM,
    dense: int = RESNET19_DENSE,
) -> Network:
    """TET's ResNet-19: 64, then 3, 3 and 2 blocks of 128, 256 and 512, and two dense layers.

    Args:
        n_out: number of classes.
        in_shape: (channels, height, width).
        timesteps: T.
        blocks: number, channels and first stride of each group of blocks.
        stem: channels of the first convolution.
        dense: neurons of the hidden dense layer.
    """
    layers: list[Layer] = [*_conv_norm(in_shape[0], stem, kernel=3), TET_NEURON]
    channels = stem
    for number, c_out, first_stride in blocks:
        for block in range(number):
            stride = first_stride if block == 0 else 1
            layers += [_residual(channels, c_out, stride), TET_NEURON]
            channels = c_out
    layers += [AdaptiveAvgPool(1), Flatten(), Dense(channels, dense), TET_NEURON]
    return Network((*layers, Dense(dense, n_out)), timesteps, in_shape)


def published(
    name: str, n_out: int, in_shape: Shape, timesteps: int, dropout: float = 0.0
) -> Network:
    """A paper's network by name, with all its channels or with fewer.

    Args:
        name: "vgg_sws", "vgg_f", "vggsnn" or "resnet19", or for instance "vgg_sws/4" for a quarter
            of the channels of each layer.
        n_out: number of classes.
        in_shape: (channels, height, width).
        timesteps: T.
        dropout: of vgg_sws.

    Raises:
        NetworkError: the name or the share is unknown, or the network has no dropout.
    """
    base, _, share = name.partition("/")
    if base not in PUBLISHED or (share and not share.isdecimal()) or share == "0":
        raise NetworkError(
            f"network {name!r} is unknown; choose one of {', '.join(PUBLISHED)}, with /2, /4, ... "
            f"for fewer channels."
        )
    if dropout and base != "vgg_sws":
        raise NetworkError(f"{base} has no dropout, but {dropout!r} was given; leave it at 0.")
    parts = int(share or 1)
    if base == "resnet19":
        blocks = tuple((n, _part(c, parts), stride) for n, c, stride in RESNET19_BLOCKS)
        stem, dense = _part(RESNET19_STEM, parts), _part(RESNET19_DENSE, parts)
        return resnet19(n_out, in_shape, timesteps, blocks, stem, dense)
    plan = tuple(_part(c, parts) for c in (VGGSNN if base == "vggsnn" else VGG))
    if base == "vgg_sws":
        return vgg_sws(n_out, in_shape, timesteps, plan, dropout)
    return {"vgg_f": vgg_f, "vggsnn": vggsnn}[base](n_out, in_shape, timesteps, plan)


def tssl(
    text: str,
    in_shape: Shape,
    n_out: int = 10,
    timesteps: int = 5,
    padding: Padding = 0,
    tau_m: float = 5.0,
    tau_s: float = 3.0,
    v_th: float = 1.0,
) -> Network:
    """TSSL-BP's networks: filtered input, no biases, spiking read-out (Zhang and Li, NeurIPS 2020).

    Args:
        text: the paper's short form: "15C5-P2-40C5-P2-300" (MNIST), "400-400" (Fashion-MNIST),
            "32C5-P2-64C5-P2-1024" with padding 2, "12C5-P2-64C5-P2" (N-MNIST).
        in_shape: (channels, height, width).
        n_out: number of classes.
        timesteps: T.
        padding: zeros on each side, or "same".
        tau_m: membrane time constant in steps, at least 1.
        tau_s: synaptic time constant in steps, at least 1.
        v_th: threshold.
    """
    neuron = tssl_neuron(tau_m, v_th)
    check_time("tau_s", tau_s)
    hidden = layers_of(text, in_shape, padding, neuron, bias=False, pool_factor=1.1, tau=tau_s)
    shape = in_shape
    for layer in hidden:
        shape = layer.out_shape(shape)
    readout: list[Layer] = [Dense(shape[0], n_out, bias=False), neuron, LowPass(tau_s)]
    return Network((*hidden, *readout), timesteps, in_shape)


def tssl_neuron(tau_m: float = 5.0, v_th: float = 1.0) -> LIF:
    """TSSL-BP's neuron: strict threshold, hard reset, leak 1/tau_m of the membrane a step."""
    check_time("tau_m", tau_m)
    return LIF(1.0 - 1.0 / tau_m, v_th, reset="hard", fires=">")


def _part(channels: int, parts: int) -> int:
    """A share of the channels, at least one; 0 stays the mark of a pool."""
    return max(1, channels // parts) if channels else 0


def _vgg_sws_layers(
    in_shape: Shape, plan: tuple[int, ...], dropout: float
) -> tuple[list[Layer], int]:
    layers: list[Layer] = []
    channels = in_shape[0]
    for c_out in plan:
        if c_out == 0:
            layers.append(AvgPool(2))
            continue
        conv = Conv2d(channels, c_out, kernel=3, padding=1, sws=True)
        layers += [conv, LIF(), Scale(SWS_SCALE)]
        if dropout:
            layers.append(Dropout(dropout))
        channels = c_out
    return layers, channels


def _conv_norm(c_in: int, c_out: int, kernel: int, stride: int = 1) -> list[Layer]:
    conv = Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, BatchNorm(c_out)]


def _residual(c_in: int, c_out: int, stride: int) -> Residual:
    body = (
        *_conv_norm(c_in, c_out, 3, stride),
        TET_NEURON,
        *_conv_norm(c_out, c_out, 3),
    )
    unchanged = c_in == c_out and stride == 1
    return Residual(body, () if unchanged else tuple(_conv_norm(c_in, c_out, 1, stride)))
