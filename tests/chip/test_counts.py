"""Events of a step by core, against every spike followed along every synapse."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurochip.chip.counts import (
    active,
    count_inference,
    count_traces,
    count_transport,
    count_update,
)
from neurochip.hardware import EVENTS
from neurochip.mapping import ChipMap, map_network
from neurochip.network import LIF, Feedback, Network, Sparse
from tests.mapping.nets import NETS, Matrices, chip, core_of_neurons, mapped_nets
from tests.naive.connections import driven, hops

Flags = NDArray[np.bool_]
#: Events at one core.
Events = dict[int, Counter[str]]

SYNAPSES = ("synaptic_operation", "synaptic_operation_sparse", "synaptic_operation_convolution")


def as_dicts(counts: NDArray[np.int64]) -> Events:
    return {
        core: Counter({event: int(n) for event, n in zip(EVENTS, row, strict=True) if n})
        for core, row in enumerate(counts)
        if row.any()
    }


def flags(data: st.DataObject, mapped: ChipMap) -> Flags:
    n = int(mapped.topology.offsets[-1])
    return np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), np.bool_)


class Follower:
    """Follows messages one by one."""

    def __init__(self, mapped: ChipMap) -> None:
        self.homes = core_of_neurons(mapped)
        self.each = mapped.hardware.limits.cores_per_tile.value
        self.width = mapped.hardware.mesh.width.value
        self.events: dict[int, Counter[str]] = {}

    def add(self, core: int, event: str, n: int = 1) -> None:
        if n:
            self.events.setdefault(core, Counter())[event] += n

    def travel(self, start: int, end: int, sent: str | None) -> None:
        """One message: from the mesh's port where it starts at no core."""
        if sent is not None:
            self.add(start, sent)
        east_west, north_south = hops(max(start, 0), end, self.each, self.width)
        self.add(end, "message_in")
        self.add(end, "spike_in_tile")
        self.add(end, "hop_east_west", east_west)
        self.add(end, "hop_north_south", north_south)


def split(mapped: ChipMap, of_all: Flags) -> list[list[bool]]:
    offsets = mapped.topology.offsets
    return [part.tolist() for part in np.split(of_all, offsets[1:-1])]


@given(mapped_nets(), st.data())
def test_inference(case: tuple[ChipMap, Matrices], data: st.DataObject) -> None:
    mapped, matrices = case
    sends, active = flags(data, mapped), flags(data, mapped)
    active |= sends
    follower = Follower(mapped)
    for pre, sent in enumerate(split(mapped, sends)):
        for neuron in np.flatnonzero(sent).tolist():
            reached = set()
            for (source, post, kind), matrix in matrices.items():
                if source == pre:
                    for core, n in driven(matrix, follower.homes[post], neuron).items():
                        follower.add(core, SYNAPSES[kind], n)
                        reached.add(core)
            home = follower.homes[pre][neuron]
            for core in reached:
                follower.travel(home, core, "message_out" if home >= 0 else None)
    pairs = zip(split(mapped, sends), split(mapped, active), follower.homes, strict=True)
    for fires, has_input, homes in list(pairs)[1:]:
        for neuron, home in enumerate(homes):
            follower.add(home, "neuron_active" if has_input[neuron] else "neuron_inactive")
            follower.add(home, "neuron_fired", int(fires[neuron]))
    counts = count_inference(mapped, sends, active)
    counts[:, EVENTS.index("word_read")] = 0  # tested below
    assert as_dicts(counts) == follower.events


@given(mapped_nets(), st.data())
def test_traces(case: tuple[ChipMap, Matrices], data: st.DataObject) -> None:
    mapped, _ = case
    changes = flags(data, mapped)
    messages = count_inference(mapped, changes, changes)[:, EVENTS.index("message_in")]
    traces = count_traces(mapped, changes)
    assert traces[:, EVENTS.index("trace_update")].tolist() == messages.tolist()
    assert traces.sum() == messages.sum()


def dense(data: Any) -> ChipMap:
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=4))
    most = data.draw(st.integers(1, 9))
    return map_network(Network.mlp(sizes), chip(cores=36, width=3, height=3), neurons_per_core=most)


@given(st.data())
def test_update_touches_pairs_of_a_factor_and_an_error(data: st.DataObject) -> None:
    mapped = dense(data)
    factors, deltas = flags(data, mapped), flags(data, mapped)
    x, d = split(mapped, factors), split(mapped, deltas)
    follower = Follower(mapped)
    for post in range(1, len(x)):
        for target, home in enumerate(follower.homes[post]):
            follower.add(home, "synaptic_update", sum(x[post - 1]) * d[post][target])
        for core in set(follower.homes[post]):
            own = [k for k, home in enumerate(follower.homes[post]) if home == core]
            words = -(-len(own) * 8 // 64) * sum(x[post - 1]) * any(d[post][k] for k in own)
            for event in ("word_read", "learning_word", "word_written"):
                follower.add(core, event, words)
    assert as_dicts(count_update(mapped, factors, deltas)) == follower.events


@given(st.data())
def test_transport_sends_a_sum_to_every_hidden_neuron_below_an_error(data: st.DataObject) -> None:
    mapped = dense(data)
    deltas = flags(data, mapped)
    d = split(mapped, deltas)
    follower = Follower(mapped)
    for post in range(2, len(d)):
        below = follower.homes[post - 1]
        for core in sorted(set(follower.homes[post])):
            own = [k for k, home in enumerate(follower.homes[post]) if home == core]
            columns = sum(d[post][k] for k in own)
            follower.add(core, "error_operation", len(below) * columns)
            if columns:
                follower.add(core, "word_read", len(below) * -(-len(own) * 8 // 64))
                for home in below:
                    follower.travel(core, home, "error_message")
    assert as_dicts(count_transport(mapped, deltas)) == follower.events


def test_words_of_a_row() -> None:
    """9 weights of 8 bits lie in two words of 64; 3 spikes read 6 of them."""
    mapped = map_network(Network.mlp([4, 9]), chip())
    sends = np.array([True, True, True, False, *[False] * 9])
    counts = count_inference(mapped, sends, sends)
    assert counts[0, EVENTS.index("word_read")] == 6


def test_active_is_what_holds_something_or_what_a_spike_reaches() -> None:
    """7 - 9 - 4, dense: a spike wakes all neurons of the next layer, what a neuron holds itself."""
    mapped = map_network(NETS["mlp"][0], chip())
    nobody = np.zeros(7 + 9 + 4, np.bool_)
    assert not active(mapped, nobody, nobody, nobody).any()
    one = nobody.copy()
    one[7] = True
    assert np.flatnonzero(active(mapped, nobody, nobody, one)).tolist() == [7]
    assert np.flatnonzero(active(mapped, one, nobody, one)).tolist() == [7, 16, 17, 18, 19]


def test_listed_synapses_that_lead_back_wake_a_step_later() -> None:
    """Input 0 drives neuron 0, which drives neuron 1 a step later."""
    layers = (Sparse.between([0], [0], 1, 2), LIF())
    back = Sparse.between([0], [1], 2, 2, bias=False)
    network = Network(layers, 1, feedback=(Feedback(1, 0, (back,)),))
    mapped = map_network(network, chip())
    nobody = np.zeros(3, np.bool_)
    entry, first = np.eye(3, dtype=np.bool_)[:2]
    assert np.flatnonzero(active(mapped, entry, nobody, nobody)).tolist() == [1]
    assert not active(mapped, first, nobody, nobody).any()
    assert np.flatnonzero(active(mapped, nobody, first, nobody)).tolist() == [2]
