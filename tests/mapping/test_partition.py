"""Slices: every neuron in one, none too large for a core, as even as they come."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import hardware
from neurochip.errors import ConfigError, LimitError
from neurochip.mapping import ChipMap, map_network
from neurochip.mapping.demand import AXONS_IN, AXONS_OUT, NEURONS, SYNAPSES, TRACES
from neurochip.mapping.topology import Population, Sparse, Topology
from neurochip.network import Network
from neurochip.rules import OTTT
from tests.mapping.nets import CHIP, NETS, Matrices, chip, mapped_nets


def fails(sentence: str) -> pytest.RaisesExc[LimitError]:
    return pytest.raises(LimitError, match=f"^{re.escape(sentence)}$")


@given(mapped_nets())
def test_every_neuron_lies_in_one_slice(case: tuple[ChipMap, Matrices]) -> None:
    mapped, _ = case
    slices = mapped.slices
    for number, population in enumerate(mapped.topology.populations[1:], start=1):
        own = slices.of(number)
        assert (slices.population[own] == number).all()
        first, last = slices.first[own].tolist(), slices.last[own].tolist()
        assert [*first, population.size] == [0, *last]


@given(mapped_nets())
def test_no_core_holds_more_than_it_can(case: tuple[ChipMap, Matrices]) -> None:
    mapped, _ = case
    assert (mapped.used <= mapped.demand.ceilings).all()
    assert (mapped.core < mapped.hardware.limits.cores.value).all()


@given(st.integers(1, 60), st.integers(1, 20))
def test_dense_slices_are_few_and_even(size: int, most: int) -> None:
    mapped = map_network(Network.mlp([3, size]), CHIP, neurons_per_core=most)
    sizes = (mapped.slices.last - mapped.slices.first).tolist()
    assert len(sizes) == -(-size // most)
    assert max(sizes) - min(sizes) <= 1


def test_784_800_10_on_loihi_is_bound_by_its_synapse_memory() -> None:
    """160 weights of 8 bits fill 20 words of 64; 784 rows of them 1,003,520 of 1,048,576 bits."""
    mapped = map_network(Network.mlp([784, 800, 10]), hardware.load("loihi"), OTTT())
    assert mapped.slices.first.tolist() == [0, 160, 320, 480, 640, 0]
    assert mapped.used[0].tolist() == [160, 784 * 20 * 64, 0, 784 * 7, 784, 160]
    assert mapped.used[5].tolist() == [10, 800 * 2 * 64, 0, 800 * 7, 800, 0]


def test_a_row_begins_with_a_new_word() -> None:
    small = chip(weight_word=64)
    used = map_network(Network.mlp([3, 9]), small).used[0]
    assert used[SYNAPSES] == 3 * 2 * 64  # nine weights of 8 bits in two words
    words_of_weights = chip().with_values({"limits.weight_word": None})
    assert map_network(Network.mlp([3, 9]), words_of_weights).used[0][SYNAPSES] == 3 * 9 * 8


def test_learning_takes_memory() -> None:
    net, small = Network.mlp([3, 8]), chip(weight_word=8)
    sums = OTTT(update="accumulate")
    inference, online, accumulate = (
        map_network(net, small, rule).used[0].tolist() for rule in (None, OTTT(), sums)
    )
    assert (inference[SYNAPSES], inference[TRACES]) == (3 * 8 * 8, 0)
    assert (online[SYNAPSES], online[TRACES]) == (3 * 8 * 8, 3 * 7)
    assert accumulate[SYNAPSES] == 3 * 8 * (8 + 16)
    apart = small.with_values({"limits.accumulator_memory_per_core": 1000})
    used = map_network(net, apart, sums).used[0].tolist()
    assert used[1:3] == [3 * 8 * 8, 3 * 8 * 16]


def test_axons_out_narrow_a_slice() -> None:
    """8 neurons above on 4 cores: each neuron below sends 4 messages, so 3 of them 12 of 14."""
    small = chip(axons_out_per_core=14, neurons_per_core=64, axons_in_per_core=64)
    topology = Network.mlp([2, 9, 8])
    mapped = map_network(topology, small, neurons_per_core=2)
    assert mapped.used[:, AXONS_OUT].max() <= 14
    wide = map_network(Network.mlp([2, 9, 8]), chip(axons_out_per_core=9), neurons_per_core=9)
    assert wide.slices.first.tolist() == [0, 0]
    fanned = map_network(
        Network.mlp([2, 9, 8]), chip(axons_out_per_core=14, synapse_memory_per_core=9 * 64)
    )
    assert (fanned.used <= fanned.demand.ceilings).all()


def test_axons_in_of_a_sparse_projection_count_each_neuron_once() -> None:
    cells = np.array([0, 1, 0, 1, 2, 3], np.int32)
    sparse = Sparse(0, 1, 4, 3, None, np.array([0, 2, 4, 6]), cells)
    topology = Topology((Population("the input", 4), Population("layer 0", 3)), (sparse,))
    assert map_network(topology, chip()).used[0][AXONS_IN] == 4
    mapped = map_network(topology, chip(axons_in_per_core=2, fan_in=2))
    assert mapped.slices.last.tolist() == [2, 3]
    assert mapped.used[:2, AXONS_IN].tolist() == [2, 2]


def test_convolutions_hold_each_kernel_once() -> None:
    """3 kernels of 2 x 3 x 3 weights, 8 bits each, from one word of 64 on."""
    mapped = map_network(NETS["convolutional"][0], chip())
    assert mapped.used[0][SYNAPSES] == -(-3 * 2 * 9 * 8 // 64) * 64
    assert mapped.used[0][AXONS_IN] == 2 * 6 * 6
    # A band of one row hears three rows, of two channels and six places.
    rows = map_network(NETS["convolutional"][0], chip(), neurons_per_core=18)
    assert rows.used[1][AXONS_IN] == 3 * 6 * 2


def test_a_full_loihi() -> None:
    """131,072 neurons that hear 92 each, 12 M synapses, a band of three cores around each."""
    n, fan_in = 131_072, 92
    rng = np.random.default_rng(0)
    near = (np.arange(n) // 1024)[:, np.newaxis] * 1024 + rng.integers(-1024, 2048, (n, fan_in))
    recurrent = Sparse(
        1, 1, n, n, None, np.arange(n + 1) * fan_in, (near % n).ravel().astype(np.int32)
    )
    topology = Topology((Population("the input", 1), Population("layer 0", n)), (recurrent,))
    mapped = map_network(topology, hardware.load("loihi"))
    assert len(mapped.slices) == 128
    assert mapped.used[:, NEURONS].tolist() == [1024] * 128
    assert (
        mapped.routes.synapses.sum(axis=1) @ mapped.routes.sizes[mapped.routes.group_of_route]
        == n * fan_in
    )


# --- what doesn't fit


def test_one_neuron_with_more_synapses_than_a_core_holds() -> None:
    with fails(
        "one neuron of the read-out (neuron 0) needs 640 bits of synapse memory, but a core of "
        "hardware 'neurochip' has 639; make the layer below smaller, use narrower weights, or "
        "choose a larger chip"
    ):
        map_network(Network.mlp([10, 4]), chip(synapse_memory_per_core=639))


def test_one_neuron_with_more_traces_than_a_core_holds() -> None:
    with fails(
        "one neuron of the read-out (neuron 0) needs 70 bits of trace memory, but a core of "
        "hardware 'neurochip' has 69; make the layer below smaller, use narrower traces, or choose "
        "a larger chip"
    ):
        map_network(Network.mlp([10, 4]), chip(trace_memory_per_core=69), OTTT())


def test_one_neuron_with_more_accumulators_than_a_core_holds() -> None:
    with fails(
        "one neuron of the read-out (neuron 0) needs 160 bits of accumulator memory, but a core of "
        "hardware 'neurochip' has 159; make the layer below smaller, use narrower sums, or choose "
        "a larger chip"
    ):
        map_network(
            Network.mlp([10, 4]),
            chip(accumulator_memory_per_core=159),
            OTTT(update="accumulate"),
        )


def test_one_neuron_that_hears_too_many() -> None:
    with fails(
        "one neuron of the read-out (neuron 0) needs 10 axons in, but a core of hardware "
        "'neurochip' has 9; make the layer below smaller or choose a larger chip"
    ):
        map_network(Network.mlp([10, 4]), chip(axons_in_per_core=9))
    with fails(
        "the read-out has a fan-in of 10, but a neuron of hardware 'neurochip' hears at most 9; "
        "make the layer below smaller or choose a larger chip"
    ):
        map_network(Network.mlp([10, 4]), chip(fan_in=9))


def test_one_neuron_that_sends_too_many() -> None:
    with fails(
        "one neuron of layer 0 (neuron 0) needs 4 axons out, but a core of hardware 'neurochip' "
        "has 3; spread the layers above over fewer cores or choose a larger chip"
    ):
        map_network(Network.mlp([3, 2, 4]), chip(axons_out_per_core=3), neurons_per_core=1)


def test_a_mesh_too_small() -> None:
    with fails(
        "the network is cut into 5 slices, of which 4 fit into the 4 cores of hardware 'neurochip' "
        "(1 x 1 tiles of 4) and the next, of the read-out, doesn't; make the layers smaller, put "
        "more neurons on a core, or choose a larger chip"
    ):
        map_network(Network.mlp([2, 40, 10]), chip(cores=4, width=1, height=1, neurons_per_core=10))


def test_where_cores_are_few_slices_share_them() -> None:
    mapped = map_network(
        Network.mlp([2, 40, 10]), chip(cores=4, width=1, height=1, neurons_per_core=13)
    )
    assert mapped.slices.population.tolist() == [1, 1, 1, 1, 2]
    assert mapped.core.tolist() == [0, 1, 2, 3, 3]
    assert mapped.used[:, NEURONS].tolist() == [13, 13, 13, 11]


def test_shared_cores_keep_to_their_axons_out() -> None:
    """Each neuron of the first two layers sends to one core: 6 of them are a core's 6 axons out."""
    small = chip(cores=3, width=1, height=1, axons_out_per_core=6)
    mapped = map_network(Network.mlp([2, 6, 6, 3, 3]), small)
    assert (mapped.used[:, AXONS_OUT] <= 6).all()
    assert len(set(mapped.core.tolist())) == 3


def test_gradients_are_summed_within_a_learning_epoch() -> None:
    loihi = hardware.load("loihi")
    longest, longer = (Network.mlp([3, 4, 2], timesteps=steps) for steps in (63, 64))
    map_network(longest, loihi, OTTT("accumulate"))
    for rule in (None, OTTT("online"), OTTT("last")):
        map_network(longer, loihi, rule)
    map_network(longer, CHIP, OTTT("accumulate"))  # of which no epoch is known
    with fails(
        "every layer sums its gradients over the 64 steps of a sample, but a learning epoch of "
        "hardware 'loihi' has at most 63; set timesteps up to 63, or update to 'online' or 'last'"
    ):
        map_network(longer, loihi, OTTT("accumulate"))


def test_neurons_per_core_is_one_or_more() -> None:
    with pytest.raises(ConfigError, match=r"^neurons_per_core is 0; it must be 1 or more$"):
        map_network(Network.mlp([2, 3]), CHIP, neurons_per_core=0)
    two: Any = np.int64(2)
    assert len(map_network(Network.mlp([2, 3]), CHIP, neurons_per_core=two).slices) == 2


@pytest.mark.parametrize("wrong", ["4", 2.5, True])
def test_neurons_per_core_is_a_whole_number(wrong: Any) -> None:
    sentence = f"neurons_per_core is {wrong!r}; it must be a whole number"
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        map_network(Network.mlp([2, 3]), CHIP, neurons_per_core=wrong)


@pytest.mark.parametrize("wrong", [None, 3, ["greedy"]])
def test_a_placer_is_a_name_a_path_or_a_placement(wrong: Any) -> None:
    sentence = (
        f"placer is {wrong!r}; it must be 'greedy' or 'traffic', the path of a placement, or a "
        f"mapping.Manual"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        map_network(Network.mlp([2, 3]), CHIP, placer=wrong)


def test_offsets_cover_all_neurons() -> None:
    net, _ = NETS["deep"]
    mapped = map_network(net, chip(), neurons_per_core=5)
    first, last = mapped.neurons
    assert first[0] == net.n_in
    assert all(a == b for a, b in zip(last[:-1], first[1:], strict=True))
    assert last[-1] == net.n_in + net.n_neurons
    assert all(a <= b for a, b in pairwise(mapped.slices.population.tolist()))
