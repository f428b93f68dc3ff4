"""Steps on the mesh: phases in their order, what they add up to, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip.chip.traffic import ERROR, SPIKE, Links, Phase, make_mesh, time_step
from neurochip.errors import HardwareError, LimitError
from neurochip.kernels.timing import Outward, Routes

HOPS = (4, 6, 1, 2)
LINKS = Links(hop=HOPS, gap=HOPS, slots=(1, 1, 1, 1))
#: Two tiles in a row; cores 0 and 1 in the first one, core 2 in the second.
MESH = make_mesh(2, 1, [0, 0, 1], LINKS)


def fails(kind: type[Exception], sentence: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def test_errors_go_after_all_spikes():
    """Spikes: made at 10, in core 2 at 10 + 1 + 4 + 2, read until 17 + 5 = 22. Errors begin then,
    go the other way, and take 2 + 1 + 4 + 2 + 3 = 12. The barrier is 100.
    """
    forward = Phase.of("forward", SPIKE, 3, [(0, 2, 10, 5)])
    learning = Phase.of("errors", ERROR, 3, [(2, 0, 2, 3)])
    step = time_step(MESH, [forward, learning], barrier=100)
    assert [(phase.start, phase.ticks) for phase in step.phases] == [(0, 22), (22, 12)]
    assert [phase.phase.kind for phase in step.phases] == ["spike", "error"]
    assert step.ticks == 134
    assert step.seconds == 134e-12


def test_what_a_phase_adds_up_to():
    """Core 0 sends five messages to core 2, a tick of work each, 100 to read one, one slot a buffer
    (test_mesh: a full buffer), then works 7; core 1 sends one to core 0, within the tile.

    Stalls of core 0: 0 + 0 + 3 + 3 + 97.
    """
    messages = [(1, 0, 4, 2), *[(0, 2, 1, 100)] * 5]
    phase = Phase.of("forward", SPIKE, 3, messages, rest=[7, 0, 0])
    timing = time_step(MESH, [phase]).phases[0]
    assert timing.sending.tolist() == [5 + 7, 4, 0]
    assert timing.stalled.tolist() == [103, 0, 0]
    assert timing.reading.tolist() == [2, 0, 500]
    assert timing.passage.sender_end.tolist() == [108 + 7, 4, 0]
    assert timing.ticks == 508
    assert timing.hops == (5, 0)
    assert timing.deepest == 1


def test_hops_by_direction():
    mesh = make_mesh(3, 3, range(9), LINKS)
    timing = time_step(mesh, [Phase.of("forward", SPIKE, 9, [(0, 8, 1, 1), (2, 1, 1, 1)])])
    assert timing.phases[0].hops == (3, 2)


def test_messages_from_active_neurons():
    """Neuron 1 of core 0 sends to core 2; the phase remembers whose message it is."""
    routes = Routes(
        first=np.array([0, 2, 2, 2]),
        neurons=np.array([0, 1]),
        group=np.array([0, 1]),
        start=np.array([0, 0, 1]),
        target=np.array([2]),
        receive=np.array([9]),
    )
    outward = Outward(np.full(2, 5), np.full(3, 20), np.full(3, 3))
    phase = Phase.emitted("forward", SPIKE, np.array([0, 1], np.int8), routes, outward)
    assert phase.neuron.tolist() == [1]
    assert phase.source.tolist() == [0]
    assert time_step(MESH, [phase]).phases[0].sending.tolist() == [33, 0, 0]


def test_a_step_without_messages_lasts_as_long_as_its_scans():
    step = time_step(MESH, [Phase.of("forward", SPIKE, 3, [], rest=[1, 5, 2])], barrier=10)
    assert step.ticks == 15


def test_the_same_step_takes_the_same_time():
    rng = np.random.default_rng(0)
    messages = np.column_stack([rng.integers(0, 3, (60, 2)), rng.integers(0, 9, (60, 2))])
    phase = Phase.of("forward", SPIKE, 3, map(tuple, messages.tolist()))
    first, again = (time_step(MESH, [phase]).phases[0].passage for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"hop": (4, -1, 1, 2)},
            "hop of NORTH_SOUTH links is -1 ticks, outside 0..1000000000000; "
            "give a number in that range",
        ),
        (
            {"gap": (4, 1, 1, 10**13)},
            "gap of INTO_CORE links is 10000000000000 ticks, outside 0..1000000000000; "
            "give a number in that range",
        ),
        (
            {"slots": (0, 1, 1, 1)},
            "slots of EAST_WEST links is 0 messages, outside 1..1000000000000; "
            "give a number in that range",
        ),
    ],
)
def test_links_out_of_range(given, sentence):
    with fails(HardwareError, sentence):
        Links(**{"hop": HOPS, "gap": HOPS, "slots": (1, 1, 1, 1), **given})


def test_a_core_off_the_mesh():
    sentence = (
        "core 1 lies in tile 2, but a mesh of 2 x 1 has the tiles 0..1; "
        "make the mesh larger or place the core elsewhere"
    )
    with fails(HardwareError, sentence):
        make_mesh(2, 1, [0, 2], LINKS)


def test_a_message_to_nowhere():
    sentence = (
        "a message of phase 'forward' goes from or to core 3, but the chip has the cores 0..2; "
        "place its neurons on one of those"
    )
    with fails(LimitError, sentence):
        Phase.of("forward", SPIKE, 3, [(0, 3, 1, 1)])


def test_negative_work():
    sentence = (
        "something in phase 'forward' takes -1 ticks, outside 0..1000000000000; mend its cost"
    )
    with fails(LimitError, sentence):
        Phase.of("forward", SPIKE, 3, [(0, 1, -1, 1)])


def test_a_phase_for_another_chip():
    sentence = (
        "phase 'forward' is for 2 cores, but the mesh has 3; build both from the same placement"
    )
    with fails(LimitError, sentence):
        time_step(MESH, [Phase.of("forward", SPIKE, 2, [])])
