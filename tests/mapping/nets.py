"""Small networks with their synapses written out, and small chips to map them on."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from neurochip import hardware
from neurochip.hardware import Hardware
from neurochip.mapping import ChipMap
from neurochip.network import LIF, AvgPool, Conv2d, Dense, Flatten, Network
from neurochip.network.layers import Residual
from neurochip.network.order import Feedback
from tests.naive import connections as naive


class Matrices(dict[tuple[int, int, int], naive.Matrix]):
    """(source, target, kind) of a projection to its matrix."""

    def __repr__(self) -> str:
        return f"Matrices of {list(self)}"


DENSE, SPARSE, CONVOLUTION = range(3)
CHIP = hardware.load("neurochip")


def chip(cores: int = 16, width: int = 2, height: int = 2, **limits: int) -> Hardware:
    """A small chip of 4-core tiles with other limits."""
    values: dict[str, object] = {f"limits.{name}": value for name, value in limits.items()}
    size = {"limits.cores": cores, "mesh.width": width, "mesh.height": height}
    return CHIP.with_values({**size, **values})


def mlp(*sizes: int) -> tuple[Network, Matrices]:
    pairs = pairwise(sizes)
    matrices = {(number, number + 1, DENSE): naive.full(*pair) for number, pair in enumerate(pairs)}
    return Network.mlp(sizes), Matrices(matrices)


def convolutional() -> tuple[Network, Matrices]:
    """2 x 6 x 6 - 3 channels of 3x3, padded - pool of 2 - 4 of 2x2, stride 2 - 5."""
    net = Network(
        (
            Conv2d(2, 3, 3, padding=1),
            LIF(),
            AvgPool(2),
            Conv2d(3, 4, 2, stride=2, padding=1),
            LIF(),
            Flatten(),
            Dense(16, 5),
        ),
        4,
        (2, 6, 6),
    )
    first = naive.convolution((2, 6, 6), (3, 6, 6), 3, 1, 1)
    second = naive.after(naive.convolution((3, 3, 3), (4, 2, 2), 2, 2, 1), naive.pool((3, 6, 6), 2))
    matrices = {
        (0, 1, CONVOLUTION): first,
        (1, 2, CONVOLUTION): second,
        (2, 3, DENSE): naive.full(16, 5),
    }
    return net, Matrices(matrices)


def recurrent() -> tuple[Network, Matrices]:
    """6 - 9, all of which hear each other - 3."""
    layers = (Dense(6, 9), LIF(), Dense(9, 3))
    net = Network(layers, 4, feedback=(Feedback(1, 0, (Dense(9, 9),)),))
    matrices = {
        (0, 1, DENSE): naive.full(6, 9),
        (1, 1, DENSE): naive.full(9, 9),
        (1, 2, DENSE): naive.full(9, 3),
    }
    return net, Matrices(matrices)


def residual() -> tuple[Network, Matrices]:
    """5 - 7 - a block of 7 beside an open way - 4."""
    block = Residual((Dense(7, 7), LIF(), Dense(7, 7)))
    net = Network((Dense(5, 7), LIF(), block, LIF(), Dense(7, 4)), 4)
    matrices = {
        (0, 1, DENSE): naive.full(5, 7),
        (1, 2, DENSE): naive.full(7, 7),
        (2, 3, DENSE): naive.full(7, 7),
        (1, 3, SPARSE): naive.one_to_one(7),
        (3, 4, DENSE): naive.full(7, 4),
    }
    return net, Matrices(matrices)


NETS = {
    "mlp": mlp(7, 9, 4),
    "deep": mlp(3, 12, 1, 6),
    "convolutional": convolutional(),
    "recurrent": recurrent(),
    "residual": residual(),
}


@st.composite
def mapped_nets(draw: Any) -> tuple[ChipMap, Matrices]:
    """Any of the networks on any small chip."""
    from neurochip.mapping import map_network

    net, matrices = NETS[draw(st.sampled_from(sorted(NETS)))]
    each = draw(st.sampled_from([1, 2, 3, 4]))
    width, height = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    model = CHIP.with_values(
        {
            "limits.cores": width * height * each,
            "limits.cores_per_tile": each,
            "mesh.width": width,
            "mesh.height": height,
            "registers.weight.bits": draw(st.sampled_from([2, 5, 8])),
        }
    )
    placer = draw(st.sampled_from(["greedy", "traffic"]))
    most = draw(st.one_of(st.none(), st.integers(1, 40)))
    return map_network(net, model, placer=placer, neurons_per_core=most), matrices


def core_of_neurons(mapped: ChipMap) -> list[list[int]]:
    """The core of every neuron of each population; -1 for the inputs."""
    cores = [[-1] * population.size for population in mapped.topology.populations]
    slices = mapped.slices
    for k, core in enumerate(mapped.core.tolist()):
        for neuron in range(slices.first[k], slices.last[k]):
            cores[slices.population[k]][neuron] = core
    return cores
