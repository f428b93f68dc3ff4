"""What cores send and how long a phase lasts at least, against plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels.jit import INTERPRETED
from neurochip.kernels.mesh import make_mesh
from neurochip.kernels.timing import Outward, Routes, analytic, emit
from neurochip.kernels.transit import pass_messages

from ..naive.timing import emitted, slowest

EXAMPLES = 10 if INTERPRETED else 100


def test_one_core_by_hand():
    """Core 0 scans three neurons, in 4, 6 and 5 ticks; the second fires, 20 more, and sends two
    messages, 3 each. Its first message is ready after 4 + 6 + 20 + 3, the second 3 later, 5 are
    left over.
    """
    routes = Routes(
        first=np.array([0, 3]),
        neurons=np.array([0, 1, 2]),
        group=np.array([0, 1, 1]),
        start=np.array([0, 1, 3]),
        target=np.array([0, 0, 0]),
        receive=np.array([7, 8, 9]),
    )
    outward = Outward(np.array([4, 6, 5]), np.array([20]), np.array([3]))
    messages, neuron, route = emit(np.array([False, True, False]), routes, outward)
    assert messages.work.tolist() == [33, 3]
    assert messages.receive.tolist() == [8, 9]
    assert messages.rest.tolist() == [5]
    assert neuron.tolist() == [1, 1]
    assert route.tolist() == [1, 2]


@st.composite
def networks(draw):
    n, cores, groups = draw(st.integers(1, 12)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    core = draw(st.lists(st.integers(0, cores - 1), min_size=n, max_size=n))
    group = draw(st.lists(st.integers(0, groups - 1), min_size=n, max_size=n))
    route = st.tuples(st.integers(0, cores - 1), st.integers(0, 50))
    routes = [draw(st.lists(route, max_size=3)) for _ in range(groups)]
    active = draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n))
    ticks = [[draw(st.integers(0, 9)) for _ in range(size)] for size in (n, cores, cores)]
    return core, group, routes, active, ticks


def arrays(core, group, routes, ticks):
    cores = len(ticks[1])
    order = np.argsort(core, kind="stable")
    flat = np.array([route for own in routes for route in own], np.int64).reshape(-1, 2)
    return Routes(
        first=np.searchsorted(np.array(core)[order], np.arange(cores + 1)),
        neurons=order,
        group=np.array(group),
        start=np.cumsum([0, *(len(own) for own in routes)]),
        target=flat[:, 0].copy(),
        receive=flat[:, 1].copy(),
    ), Outward(*(np.array(of, np.int64) for of in ticks))


@given(network=networks())
@settings(max_examples=EXAMPLES)
def test_messages_as_the_twin_makes_them(network):
    core, group, routes, active, ticks = network
    cores = [[i for i, own in enumerate(core) if own == c] for c in range(len(ticks[1]))]
    sends, rests = emitted(active, cores, [routes[g] for g in group], *ticks)
    messages, neuron, _ = emit(np.array(active), *arrays(core, group, routes, ticks))
    flat = zip(messages.target, messages.work, messages.receive, strict=True)
    assert list(flat) == [message for own in sends for message in own]
    assert np.diff(messages.first).tolist() == [len(own) for own in sends]
    assert messages.rest.tolist() == rests
    assert all(active[i] for i in neuron)


@given(
    counts=st.lists(st.lists(st.integers(0, 99), min_size=4, max_size=4), min_size=1, max_size=5),
    ticks=st.lists(st.integers(0, 9000), min_size=4, max_size=4),
    stage=st.lists(st.integers(0, 2), min_size=4, max_size=4),
)
@settings(max_examples=EXAMPLES)
def test_a_phase_lasts_as_long_as_its_slowest_core(counts, ticks, stage):
    table = np.array([[counts], [counts[::-1]]])
    lasts, core, held_up = analytic(table, np.array(ticks), np.array(stage), 3)
    expected = slowest(counts, ticks, stage)
    assert lasts.tolist() == [[expected], [expected]]
    own = zip(counts[core[0, 0]], ticks, stage, strict=True)
    assert sum(n * t for n, t, s in own if s == held_up[0, 0]) == expected


@given(network=networks())
@settings(max_examples=EXAMPLES)
def test_the_mesh_is_never_faster_than_the_analytic_time(network):
    """Events here: ticks of the outward pipeline, ticks of the inward one."""
    core, group, routes, active, ticks = network
    messages, _, _ = emit(np.array(active), *arrays(core, group, routes, ticks))
    cores = messages.rest.size
    source = np.repeat(np.arange(cores), np.diff(messages.first))
    counts = np.zeros((1, 1, cores, 2), np.int64)
    counts[0, 0, :, 0] = messages.rest
    np.add.at(counts[0, 0, :, 0], source, messages.work)
    np.add.at(counts[0, 0, :, 1], messages.target, messages.receive)
    lasts, _, _ = analytic(counts, np.array([1, 1]), np.array([0, 1]), 2)
    mesh = make_mesh(2, 2, np.arange(cores) % 4, (1, 1, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2))
    passage = pass_messages(mesh, messages)
    assert lasts[0, 0] <= max(passage.sender_end.max(), passage.reader_end.max())
