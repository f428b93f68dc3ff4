"""The mesh: cases worked out by hand, and the naive twin tick for tick.

In the cases by hand a hop takes 4 ticks east or west and 6 north or south, a link into a router 1,
a link into a core 2, and each link takes its next message when the last one has arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from neurochip.kernels.jit import INTERPRETED
from neurochip.kernels.mesh import (
    ARRIVED,
    DONE,
    EAST,
    NONE,
    NORTH,
    READY,
    SENT,
    SOUTH,
    TAKEN,
    WEST,
    Messages,
    kinds_of_links,
    make_mesh,
)
from neurochip.kernels.transit import pass_messages

from ..naive.mesh import NaiveMesh

#: Plain Python is slower than machine code.
EXAMPLES = 60 if INTERPRETED else 200
HOPS = (4, 6, 1, 2)
KINDS = ("row", "column", "in", "out")
STEPS = ("east", "west", "north", "south")


@dataclass(frozen=True)
class Case:
    """A mesh and what its cores send: (target, work, receive), by core."""

    width: int
    height: int
    tile: list[int]
    sends: list[list[tuple[int, int, int]]]
    rest: list[int]
    hop: tuple[int, ...] = HOPS
    gap: tuple[int, ...] = HOPS
    slots: tuple[int, ...] = (16, 16, 16, 16)

    def mesh(self):
        return make_mesh(self.width, self.height, self.tile, self.hop, self.gap, self.slots)

    def messages(self):
        first = list(accumulate((len(own) for own in self.sends), initial=0))
        table = [message for own in self.sends for message in own]
        target, work, receive = np.array(table, np.int64).reshape(-1, 3).T.copy()
        rest = np.array(self.rest, np.int64)
        return Messages(np.array(first, np.int64), target, work, receive, rest)

    def passage(self):
        return pass_messages(self.mesh(), self.messages())

    def naive(self):
        places = [(tile % self.width, tile // self.width) for tile in self.tile]
        hop, gap, slots = (
            dict(zip(KINDS, of, strict=True)) for of in (self.hop, self.gap, self.slots)
        )
        return NaiveMesh(self.width, self.height, places, hop, gap, slots, self.sends, self.rest)

    def link(self, name):
        """Number of a link that the twin knows by name."""
        kind, where = name
        cores = len(self.tile)
        if kind in STEPS:
            return 4 * (where[1] * self.width + where[0]) + STEPS.index(kind)
        return 4 * self.width * self.height + (cores if kind == "out" else 0) + where


def sending(width, height, tile, sends, **how):
    """A case in which only the cores in ``sends`` have something to say."""
    cores = range(len(tile))
    return Case(width, height, tile, [sends.get(c, []) for c in cores], [0] * len(tile), **how)


def both(case):
    """The passage of a case, after the twin has agreed."""
    passage = case.passage()
    compare(case, passage)
    return passage


def compare(case, passage):
    twin = case.naive()
    sent = [m for own in twin.run() for m in own]
    journeys = [[m.ready, m.sent, m.arrived, m.taken, m.done] for m in sent]
    assert passage.journeys.tolist() == journeys
    assert passage.sender_end.tolist() == [core.sender_end for core in twin.cores]
    assert passage.reader_end.tolist() == [core.reader_end for core in twin.cores]
    counted = {case.link(name): link for name, link in twin.links.items()}
    for number in range(passage.passed.size):
        link = counted.get(number)
        expected = (link.passed, link.waited, link.deepest) if link else (0, 0, 0)
        found = (passage.passed[number], passage.waited[number], passage.deepest[number])
        assert found == expected, number


# By hand


def test_one_message():
    """Made in 10 ticks, it enters router (0, 0) at 11, goes east to (1, 0) until 15, north to
    (1, 1) until 21, into its core until 23, and is worked on for 5 more: 28.
    """
    passage = both(sending(2, 2, [0, 3], {0: [(1, 10, 5)]}))
    assert passage.journeys.tolist() == [[10, 10, 23, 23, 28]]
    assert passage.sender_end.tolist() == [10, 0]
    assert passage.reader_end.tolist() == [0, 28]
    assert np.flatnonzero(passage.passed).tolist() == [EAST, 4 + NORTH, 16, 19]
    assert passage.waited.sum() == 0


def test_within_one_tile():
    """Into the router at 11, out of it at once, in the other core at 13: no hop between tiles."""
    passage = both(sending(1, 1, [0, 0], {0: [(1, 10, 5)]}))
    assert passage.journeys[0, [SENT, ARRIVED, DONE]].tolist() == [10, 13, 18]
    assert passage.passed.tolist() == [0, 0, 0, 0, 1, 0, 0, 1]


def test_a_core_may_send_to_itself():
    """The same way: into the router and back."""
    passage = both(sending(1, 1, [0], {0: [(0, 10, 5)]}))
    assert passage.journeys[0, [SENT, ARRIVED, DONE]].tolist() == [10, 13, 18]


def test_two_that_collide():
    """Both enter router 0 at 11 and want to go east. Core 0 comes before core 1 and goes at 11; the
    link is free at 15, so the other waits 4. They reach tile 1 at 15 and 19, their cores 2 later.
    """
    passage = both(sending(2, 1, [0, 0, 1, 1], {0: [(2, 10, 5)], 1: [(3, 10, 5)]}))
    assert passage.journeys[:, ARRIVED].tolist() == [17, 21]
    assert passage.waited[EAST] == 4


def test_who_came_first_goes_first():
    """Core 1's message is in the router at 10, core 0's at 11: its number doesn't help core 0."""
    passage = both(sending(2, 1, [0, 0, 1, 1], {0: [(2, 10, 5)], 1: [(3, 9, 5)]}))
    assert passage.journeys[:, ARRIVED].tolist() == [20, 16]


def test_a_full_buffer():
    """One slot a buffer, one tick of work a message, a reader that needs 100.

    message  leaves  enters east link  enters core  is read
    0        1       2                 6            8 - 108
    1        2       6  (0 went on)    10           108 - 208
    2        6       10 (1 went on)    108 (1 read) 208 - 308
    3        10      108 (2 went on)   208          308 - 408
    4        108     208               308          408 - 508

    Message 4 is ready at 11, but the buffer of its core's link is held by 3 until 108: the core
    stalls for 97 ticks. A slot that falls free in a tick is taken in the same tick.
    """
    sends = {0: [(1, 1, 100)] * 5}
    passage = both(sending(2, 1, [0, 1], sends, slots=(1, 1, 1, 1)))
    assert passage.journeys[:, READY].tolist() == [1, 2, 3, 7, 11]
    assert passage.journeys[:, SENT].tolist() == [1, 2, 6, 10, 108]
    assert passage.journeys[:, ARRIVED].tolist() == [8, 12, 110, 210, 310]
    assert passage.journeys[:, DONE].tolist() == [108, 208, 308, 408, 508]
    assert passage.deepest.max() == 1


def test_a_saturated_link():
    """Four cores send 25 messages each over one link, a message a tick. The first one is in the
    router at 2; from then on the link is never idle: the last one enters it at 2 + 99 * 4 = 398 and
    is in its core at 398 + 4 + 2 = 404. The buffers before it fill up to their 16 slots.
    """
    tile = [0, 0, 0, 0, 1, 1, 1, 1]
    passage = both(sending(2, 1, tile, {c: [(4 + c, 1, 0)] * 25 for c in range(4)}))
    assert passage.passed[EAST] == 100
    assert passage.reader_end.max() == 404
    assert passage.deepest[8:12].tolist() == [16] * 4


def test_a_hot_spot():
    """Eight cores around one, 3 x 3, a message from each, 10 ticks of work on each.

    All are in their routers at 2. The neighbours in the row are there at 6, those in the column at
    8. Corners reach the column's routers at 6, whose links are busy until 8: the one that travels
    east goes at 8 and is there at 14, the one that travels west at 14 and is there at 20. The link
    into the core takes one every 2 ticks: at 6, 8, 10, 12, 14, 16, 20, 22, so they arrive at 8, 10,
    12, 14, 16, 18, 22, 24. The reader begins at 8 and is never idle: 8 + 8 * 10 = 88.
    """
    around = [0, 1, 2, 3, 5, 6, 7, 8]
    passage = both(sending(3, 3, list(range(9)), {c: [(4, 1, 10)] for c in around}))
    order = np.argsort(passage.journeys[:, TAKEN])
    east, west, north, south = 3, 5, 1, 7  # neighbours whose messages travel that way
    expected = [east, west, north, south, 0, 6, 2, 8]
    assert [around[m] for m in order] == expected
    assert passage.journeys[order, ARRIVED].tolist() == [8, 10, 12, 14, 16, 18, 22, 24]
    assert passage.reader_end[4] == 88


def test_opposite_directions_do_not_meet():
    """Each way has its own link: both arrive as if alone, at 1 + 1 + 4 + 2 = 8."""
    passage = both(sending(2, 1, [0, 1], {0: [(1, 1, 0)], 1: [(0, 1, 0)]}))
    assert passage.journeys[:, ARRIVED].tolist() == [8, 8]
    assert [passage.passed[EAST], passage.passed[4 + WEST]] == [1, 1]


def test_the_row_comes_before_the_column():
    """From (1, 1) to (0, 0): west over the upper row, then south at x = 0."""
    passage = both(sending(2, 2, [3, 0], {0: [(1, 1, 0)]}))
    assert np.flatnonzero(passage.passed[:16]).tolist() == [4 * 2 + SOUTH, 4 * 3 + WEST]


def test_work_after_the_last_message():
    """A core is done when its rest is: 10 + 7; one that sends nothing works 3."""
    case = Case(1, 1, [0, 0], [[(1, 10, 0)], []], [7, 3])
    assert both(case).sender_end.tolist() == [17, 3]


def test_no_messages_at_all():
    passage = both(Case(2, 2, [0, 1], [[], []], [4, 0]))
    assert passage.sender_end.tolist() == [4, 0]
    assert passage.journeys.shape == (0, 5)


def test_links_by_kind():
    assert kinds_of_links(1, 2).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_links_that_would_leave_the_mesh_end_nowhere():
    mesh = make_mesh(2, 1, [0], HOPS, HOPS, (1, 1, 1, 1))
    assert mesh.ends[:8].tolist() == [1, NONE, NONE, NONE, NONE, 0, NONE, NONE]


# Against the twin


@st.composite
def cases(draw):
    width, height = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cores = draw(st.integers(1, 6))
    core = st.integers(0, cores - 1)
    message = st.tuples(core, st.integers(0, 4), st.integers(0, 8))
    longest = draw(st.sampled_from([2, 10]))

    def four(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * 4))

    return Case(
        width,
        height,
        [draw(st.integers(0, width * height - 1)) for _ in range(cores)],
        [draw(st.lists(message, max_size=longest)) for _ in range(cores)],
        [draw(st.integers(0, 9)) for _ in range(cores)],
        hop=four(0, 4),
        gap=four(0, 5),
        slots=four(1, 3),
    )


@given(case=cases())
@settings(max_examples=EXAMPLES)
def test_tick_for_tick(case):
    passage = both(case)
    event(f"stalls: {bool((passage.journeys[:, SENT] > passage.journeys[:, READY]).any())}")
    event(f"full buffers: {bool((passage.deepest == case.mesh().slots).any())}")


@given(case=cases(), factor=st.sampled_from([3, 1000, 10**9]))
@settings(max_examples=EXAMPLES // 4)
def test_the_unit_of_time_does_not_matter(case, factor):
    """All times in finer ticks: the same events, also where the agenda's buckets are wide."""
    finer = Case(
        case.width,
        case.height,
        case.tile,
        [[(c, w * factor, r * factor) for c, w, r in own] for own in case.sends],
        [factor * rest for rest in case.rest],
        hop=tuple(factor * ticks for ticks in case.hop),
        gap=tuple(factor * ticks for ticks in case.gap),
        slots=case.slots,
    )
    coarse, fine = case.passage(), finer.passage()
    assert np.array_equal(fine.journeys, factor * coarse.journeys)
    assert np.array_equal(fine.waited, factor * coarse.waited)
    assert np.array_equal(fine.deepest, coarse.deepest)


@given(case=cases())
@settings(max_examples=EXAMPLES // 4)
def test_nothing_is_lost_and_time_runs_forward(case):
    passage, messages = case.passage(), case.messages()
    assert (np.diff(passage.journeys, axis=1) >= 0).all()
    cores = len(case.tile)
    into, out = passage.passed[-2 * cores : -cores], passage.passed[-cores:]
    assert into.tolist() == [len(own) for own in case.sends]
    assert out.tolist() == np.bincount(messages.target, minlength=cores).tolist()
    assert (passage.deepest <= case.mesh().slots).all()


def crowd():
    """Eight cores a tile on 8 x 4 tiles, every core to 40 others: a mesh under load."""
    cores = 256
    sends = [[((c * 37 + k * 11) % cores, 1, 3) for k in range(40)] for c in range(cores)]
    tile = [c // 8 for c in range(cores)]
    return Case(8, 4, tile, sends, [0] * cores, slots=(2, 2, 2, 2))


@pytest.mark.skipif(INTERPRETED, reason="too slow without the compiler")
def test_a_crowded_mesh_drains():
    """XY routing can't deadlock, however small the buffers."""
    passage = crowd().passage()
    assert (passage.journeys[:, DONE] > 0).all()
    assert passage.deepest.max() == 2
